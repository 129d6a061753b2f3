// Character classes of RFC 9110 and 3986 that several files of this room need.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace zephyr::http::detail {

constexpr bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Every byte of every request and answer is looked at: one look-up each instead of a search.
class CharacterSet {
public:
    // Letters, digits, and `others`.
    constexpr explicit CharacterSet(std::string_view others) {
        for (std::size_t i = 0; i < in_.size(); ++i) in_[i] = is_alnum(static_cast<char>(i));
        for (char const c : others) in_[static_cast<unsigned char>(c)] = true;
    }
    constexpr bool operator()(char c) const { return in_[static_cast<unsigned char>(c)]; }

private:
    std::array<bool, 256> in_{};
};

// RFC 9110 5.6.2
inline constexpr CharacterSet token_characters{"!#$%&'*+-.^_`|~"};
constexpr bool is_token_char(char c) {
    return token_characters(c);
}
constexpr bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

// RFC 9110 5.5: visible characters, blank, tab and obs-text; CR, LF, NUL and the other controls are not among them.
inline bool is_field_value(std::string_view text) {
    // Eight bytes at once as long as none is below 0x20 or equal to 0x7f ("Bit Twiddling Hacks": hasless, haszero).
    constexpr std::uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    while (text.size() >= sizeof ones) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data(), sizeof word);
        auto const deleted = word ^ (ones * 0x7f);
        if ((((word - ones * 0x20) & ~word) | ((deleted - ones) & ~deleted)) & high) break;
        text.remove_prefix(sizeof word);
    }
    return std::all_of(text.begin(), text.end(), [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
}

// Field names, which are ASCII. Most differ in length or in the first letter.
constexpr bool is_same_name(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

}  // namespace zephyr::http::detail
