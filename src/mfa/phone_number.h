// Telephone numbers: read from the usual spellings, compared with the operator's list of countries, shown without giving them away.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zephyr::mfa {

// A number as a person may have typed or pasted it, in E.164: '+' and 8 to 15 digits. Blanks, hyphens, dots, slashes and brackets are
// dropped; digits of every script become ASCII; "00" in front is '+'; "(0)" behind the country is dropped. Nothing for anything else: a
// number without its country, letters, an extension.
std::optional<std::string> e164(std::string_view typed);

// The longest of `prefixes` ("+49", "+1", "!+1876") that the number begins with; nothing when there is none, and when that one begins with
// "!": it excludes. "+1" is the whole North American Numbering Plan, more than twenty countries, and some of them have numbers that pay whoever
// is called (ITU, list of E.164 assigned country codes: 1 is shared by all of them).
std::optional<std::string> allowed_prefix(std::string_view number, std::vector<std::string> const& prefixes);

// "+49 … 42": the prefix and the last two digits. Without a prefix "… 42".
std::string shown_number(std::string_view number, std::string_view prefix);

// "j…@example.com": the first character of the local part.
std::string shown_address(std::string_view address);

}  // namespace zephyr::mfa
