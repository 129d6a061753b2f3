// What must know Unicode: validity, normal forms, and the one way to make a name comparable.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace zephyr::encoding {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_valid_utf8(std::string_view text);

// The text with every invalid sequence replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

// Normalization Form C (UAX #15). Nothing for invalid UTF-8.
std::optional<std::string> nfc(std::string_view text);

// The form under which two spellings of one name are equal: NFKC_Casefold, blanks at both ends removed. Idempotent.
// Nothing for a name that is empty, is no UTF-8, holds a control, format, bidi, invisible, private-use or unassigned
// character or a blank inside (before or after the mapping), or comes out longer than 254 bytes.
std::optional<std::string> canonical_name(std::string_view text);

// Without the blanks at both ends, whatever Unicode calls White_Space.
std::string_view trim_blanks(std::string_view text);

// Number of code points; each invalid byte sequence counts as one.
std::size_t code_points(std::string_view text);

// True if a person could not see it or it would change how its neighbours are drawn: controls (line breaks and tabs
// too), format and bidi characters, private-use and unassigned ones. For display names and device labels.
bool has_hidden_characters(std::string_view text);

// Decimal digits of every script (general category Nd, such as full-width or Arabic-Indic ones) as ASCII, everything
// else unchanged. Nothing for invalid UTF-8.
std::optional<std::string> ascii_digits(std::string_view text);

}  // namespace zephyr::encoding
