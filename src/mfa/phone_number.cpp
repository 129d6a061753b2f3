#include "mfa/phone_number.h"

#include <algorithm>
#include <array>

#include "zephyr/encoding/unicode.h"

namespace zephyr::mfa {

namespace {

// 15 full-width digits with a separator each are 90 bytes.
constexpr std::size_t longest_typed_bytes = 128;
// ITU-T E.164, 6.2.1: a country code and a national number, 15 digits at most.
constexpr std::size_t most_digits = 15;
// Shorter ones are services and emergency numbers, not somebody's telephone.
constexpr std::size_t fewest_digits = 8;

// In UTF-8: blanks of every width; hyphens, dashes and the minus sign; dots and slashes; brackets. The last ones are the marks of direction
// that address books put around a number when it is copied.
constexpr auto separators = std::to_array<std::string_view>({
    " ",      "\t",     "\n",     "\r",     "\u00A0", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005",
    "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u202F", "\u205F", "\u3000", "-",      "\u00AD", "\u2010",
    "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\uFE63", "\uFF0D", ".",      "\u00B7", "\uFF0E",
    "/",      "\uFF0F", "(",      ")",      "[",      "]",      "\uFF08", "\uFF09", "\u200E", "\u200F", "\u202A",
    "\u202B", "\u202C", "\u202D", "\u202E", "\u2066", "\u2067", "\u2068", "\u2069", "\uFEFF", "\u200B", "\u2060"});

constexpr std::string_view full_width_plus = "\uFF0B";

std::size_t separator_at(std::string_view text) {
    for (auto const separator : separators) {
        if (text.starts_with(separator)) return separator.size();
    }
    return 0;
}

// "+" and digits, whatever their number; nothing for other characters.
std::optional<std::string> without_separators(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        // The zero that is dialled only inside the country: "+49 (0)30 …".
        if (text.starts_with("(0)") && out.size() > 1 && (out.starts_with("+") || out.starts_with("00"))) {
            text.remove_prefix(3);
        } else if (auto const width = separator_at(text); width != 0) {
            text.remove_prefix(width);
        } else if (out.empty() && (text.front() == '+' || text.starts_with(full_width_plus))) {
            out = "+";
            text.remove_prefix(text.front() == '+' ? 1 : full_width_plus.size());
        } else if (text.front() >= '0' && text.front() <= '9') {
            out += text.front();
            text.remove_prefix(1);
        } else {
            return std::nullopt;
        }
    }
    return out;
}

std::size_t first_character(std::string_view text) {
    std::size_t size = 1;
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0u) == 0x80u) ++size;
    return size;
}

}  // namespace

std::optional<std::string> e164(std::string_view typed) {
    if (typed.size() > longest_typed_bytes) return std::nullopt;
    auto const ascii = encoding::ascii_digits(typed);
    if (!ascii) return std::nullopt;
    auto number = without_separators(*ascii);
    if (!number) return std::nullopt;
    if (number->starts_with("00")) number->replace(0, 2, "+");
    if (!number->starts_with("+")) return std::nullopt;
    auto const digits = number->size() - 1;
    // No country's code begins with 0.
    if (digits < fewest_digits || digits > most_digits || number->at(1) == '0') return std::nullopt;
    return number;
}

std::optional<std::string> allowed_prefix(std::string_view number, std::vector<std::string> const& prefixes) {
    std::string_view longest;
    bool allowed = false;
    for (std::string_view prefix : prefixes) {
        bool const excludes = prefix.starts_with('!');
        if (excludes) prefix.remove_prefix(1);
        if (!number.starts_with(prefix) || prefix.size() < longest.size()) continue;
        // Of two that are the same the one that excludes.
        allowed = !excludes && (allowed || prefix.size() > longest.size());
        longest = prefix;
    }
    if (!allowed) return std::nullopt;
    return std::string{longest};
}

std::string shown_number(std::string_view number, std::string_view prefix) {
    auto const shown = std::string{prefix} + (prefix.empty() ? "… " : " … ");
    return shown + std::string{number.substr(number.size() - std::min<std::size_t>(number.size(), 2))};
}

std::string shown_address(std::string_view address) {
    auto const at = address.rfind('@');
    if (at == std::string_view::npos || at == 0) return "…";
    return std::string{address.substr(0, first_character(address.substr(0, at)))} + "…" + std::string{address.substr(at)};
}

}  // namespace zephyr::mfa
