#include "zephyr/http/cookies.h"

#include <algorithm>

#include "http/characters.h"
#include "zephyr/foundation/text.h"

namespace zephyr::http {

namespace {

constexpr std::size_t max_cookies = 100;

// RFC 6265 4.1.1: cookie-octet = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E
constexpr detail::CharacterSet is_cookie_octet{"!#$%&'()*+-./:<=>?@[]^_`{|}~"};
bool is_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), is_cookie_octet);
}

// cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )
std::string_view without_quotes(std::string_view text) {
    bool const quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return quoted ? text.substr(1, text.size() - 2) : text;
}

// Calls `take` with name and value of each.
template <class Take>
void each_cookie(std::string_view header, Take const& take) {
    std::size_t count = 0;
    while (!header.empty() && count < max_cookies) {
        auto const end = header.find(';');
        auto const piece = trim(header.substr(0, end));
        header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 1);
        auto const equals = piece.find('=');
        if (equals == std::string_view::npos) continue;
        auto const name = piece.substr(0, equals);
        auto const value = without_quotes(piece.substr(equals + 1));
        if (!detail::is_token(name) || !is_value(value)) continue;
        ++count;
        take(name, value);
    }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_cookies(std::string_view header) {
    std::vector<std::pair<std::string, std::string>> cookies;
    each_cookie(header, [&](std::string_view name, std::string_view value) { cookies.emplace_back(name, value); });
    return cookies;
}

std::optional<std::string> cookie_from(std::string_view header, std::string_view name) {
    std::optional<std::string_view> found;
    bool repeated = false;
    each_cookie(header, [&](std::string_view key, std::string_view value) {
        if (key != name) return;
        repeated = repeated || found.has_value();
        found = value;
    });
    return found && !repeated ? std::optional<std::string>{*found} : std::nullopt;
}

}  // namespace zephyr::http
