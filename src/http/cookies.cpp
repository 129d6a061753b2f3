#include "zephyr/http/cookies.h"

#include <algorithm>

#include "http/characters.h"
#include "zephyr/foundation/text.h"

namespace zephyr::http {

namespace {

constexpr std::size_t max_cookies = 100;

bool is_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\'; });
}

// cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )
std::string_view without_quotes(std::string_view text) {
    bool const quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_cookies(std::string_view header) {
    std::vector<std::pair<std::string, std::string>> cookies;
    while (!header.empty() && cookies.size() < max_cookies) {
        auto const end = header.find(';');
        auto const piece = trim(header.substr(0, end));
        header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 1);
        auto const equals = piece.find('=');
        if (equals == std::string_view::npos) continue;
        auto const name = piece.substr(0, equals);
        auto const value = without_quotes(piece.substr(equals + 1));
        if (!detail::is_token(name) || !is_value(value)) continue;
        cookies.emplace_back(name, value);
    }
    return cookies;
}

std::optional<std::string> cookie_from(std::string_view header, std::string_view name) {
    std::optional<std::string> found;
    for (auto& [key, value] : parse_cookies(header)) {
        if (key != name) continue;
        if (found) return std::nullopt;
        found = std::move(value);
    }
    return found;
}

}  // namespace zephyr::http
