#include "zephyr/forward/identity.h"

#include "zephyr/foundation/text.h"

namespace zephyr::forward {

namespace {

std::string encoded(std::string_view text, bool in_list) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i];
        bool const at_edge = i == 0 || i + 1 == text.size();
        bool const blank_inside = c == ' ' && !at_edge && text[i - 1] != ' ';
        bool const visible = c > 0x20 && c < 0x7f && c != '%' && !(in_list && c == ',');
        if (visible || blank_inside) {
            out += c;
            continue;
        }
        out += '%';
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

std::string encoded_list(std::vector<std::string> const& parts) {
    std::vector<std::string> safe;
    safe.reserve(parts.size());
    for (auto const& part : parts) safe.push_back(encoded(part, true));
    return join(safe, ",");
}

}  // namespace

Result<IdentityHeaders> headers_of(Identity const& identity) {
    auto headers = headers_of_nobody();
    headers[0].second = encoded(identity.user, false);
    headers[1].second = encoded(identity.name, false);
    headers[2].second = encoded(identity.email, false);
    headers[3].second = encoded_list(identity.groups);
    headers[4].second = encoded_list(identity.roles);
    std::size_t bytes = 0;
    for (auto const& [name, value] : headers) bytes += name.size() + value.size();
    if (bytes > max_identity_bytes) return errors::identity_too_large;
    return headers;
}

IdentityHeaders headers_of_nobody() {
    IdentityHeaders headers;
    for (std::size_t i = 0; i < headers.size(); ++i) headers[i].first = identity_headers[i];
    return headers;
}

}  // namespace zephyr::forward
