// Small text helpers, ASCII only; anything that must know Unicode is in encoding/unicode.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zephyr {

std::string ascii_lower(std::string_view text);
std::string_view trim(std::string_view text);  // ASCII space and tab, CR, LF
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::vector<std::string> const& parts, std::string_view separator);
bool equals_ignoring_case(std::string_view a, std::string_view b);
// Whole text as a decimal number; nothing on a sign other than '-', blanks, overflow or trailing characters.
std::optional<std::int64_t> parse_integer(std::string_view text);
// The candidate with the smallest edit distance to `word`, if at most a third of its length away.
std::optional<std::string> nearest(std::string_view word, std::vector<std::string> const& candidates);

}  // namespace zephyr
