// Character classes of RFC 9110 and 3986 that several files of this room need.
#pragma once

#include <algorithm>
#include <string_view>

namespace zephyr::http::detail {

constexpr bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// RFC 9110 5.6.2
constexpr bool is_token_char(char c) {
    return is_alnum(c) || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}
constexpr bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

// RFC 9110 5.5: visible characters, blank, tab and obs-text; CR, LF, NUL and the other controls are not among them.
constexpr bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
}

}  // namespace zephyr::http::detail
