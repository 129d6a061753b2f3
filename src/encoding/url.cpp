#include "zephyr/encoding/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <optional>

#include "encoding/hex_digit.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/text.h"

namespace zephyr::encoding {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter_or_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Nothing for a broken escape. With `plus_is_blank`, as HTML forms do.
std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            if (text.size() - i < 3) return std::nullopt;
            int const high = detail::hex_digit(text[i + 1]);
            int const low = detail::hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

std::optional<std::string> decode_field(std::string_view text) {
    auto decoded = decode(text, true);
    if (!decoded || !is_valid_utf8(*decoded) || decoded->find('\0') != std::string::npos) return std::nullopt;
    return decoded;
}

// The address in its shortest spelling; nothing if it is none.
template <int Family, class Address>
std::optional<std::string> canonical_address(std::string const& text) {
    Address address{};
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (text.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would stop there
    if (inet_pton(Family, text.c_str(), &address) != 1) return std::nullopt;
    if (!inet_ntop(Family, &address, buffer.data(), buffer.size())) return std::nullopt;
    return std::string{buffer.data()};
}

// RFC 1123 2.1: letters, digits and hyphens, labels of 1 to 63, 253 in all. A name whose last label is a number must be
// a dotted IPv4 address, or browsers would read "127.1" and "0x7f.1" as addresses we took for names.
std::optional<std::string> canonical_host(std::string_view text) {
    if (text.empty() || text.size() > 253) return std::nullopt;
    std::string const host = ascii_lower(text);
    auto const labels = split(host, '.');
    for (auto const label : labels) {
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return std::nullopt;
        if (!std::all_of(label.begin(), label.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; }))
            return std::nullopt;
    }
    auto const last = labels.back();
    bool const numeric = std::all_of(last.begin(), last.end(), is_digit) || last.starts_with("0x");
    if (numeric) return canonical_address<AF_INET, in_addr>(host);
    return host;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || text.front() == '0') return std::nullopt;
    if (!std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
    auto const value = parse_integer(text);
    if (!value || *value > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*value);
}

std::uint16_t default_port(std::string_view scheme) {
    return scheme == "https" ? 443 : 80;
}

}  // namespace

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (char const c : text) {
        if (is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
        } else {
            out += '%';
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 15];
        }
    }
    return out;
}

Result<std::string> percent_decode(std::string_view text) {
    if (auto decoded = decode(text, false)) return std::move(*decoded);
    return errors::url_malformed_escape;
}

Result<FormFields> parse_form(std::string_view text, FormLimits limits) {
    if (text.size() > limits.bytes) return errors::form_too_large;
    FormFields fields;
    while (!text.empty()) {
        auto const end = std::min(text.find('&'), text.size());
        auto const piece = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (piece.empty()) continue;
        if (fields.size() == limits.fields) return errors::form_too_many_fields;
        auto const equals = std::min(piece.find('='), piece.size());
        auto name = decode_field(piece.substr(0, equals));
        auto value = decode_field(piece.substr(std::min(equals + 1, piece.size())));
        if (!name || !value) return errors::form_malformed;
        fields.emplace_back(std::move(*name), std::move(*value));
    }
    return fields;
}

std::string build_form(FormFields const& fields) {
    std::string out;
    for (auto const& [name, value] : fields) {
        if (!out.empty()) out += '&';
        out += percent_encode(name) + '=' + percent_encode(value);
    }
    return out;
}

std::string Origin::str() const {
    bool const is_v6 = host.find(':') != std::string::npos;
    auto out = scheme + "://" + (is_v6 ? '[' + host + ']' : host);
    if (port != default_port(scheme)) out += ':' + std::to_string(port);
    return out;
}

bool Origin::is_loopback() const {
    if (host == "localhost" || host.ends_with(".localhost") || host == "::1") return true;
    in_addr address{};
    return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

Result<Origin> parse_origin(std::string_view text) {
    Origin origin;
    auto const scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) return errors::origin_malformed;
    origin.scheme = ascii_lower(text.substr(0, scheme_end));
    if (origin.scheme != "http" && origin.scheme != "https") return errors::origin_malformed;
    auto rest = text.substr(scheme_end + 3);

    std::optional<std::string> host;
    if (rest.starts_with('[')) {
        auto const close = rest.find(']');
        if (close == std::string_view::npos) return errors::origin_malformed;
        host = canonical_address<AF_INET6, in6_addr>(std::string{rest.substr(1, close - 1)});
        rest.remove_prefix(close + 1);
    } else {
        auto const end = std::min(rest.find(':'), rest.size());
        host = canonical_host(rest.substr(0, end));
        rest.remove_prefix(end);
    }
    if (!host) return errors::origin_malformed;
    origin.host = std::move(*host);

    origin.port = default_port(origin.scheme);
    if (!rest.empty()) {
        auto const port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
        if (!port) return errors::origin_malformed;
        origin.port = *port;
    }
    return origin;
}

}  // namespace zephyr::encoding
