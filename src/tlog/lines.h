// What the text formats of this room share: lines, decimal numbers without leading zeros, hashes in base64.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/tlog/merkle.h"

namespace zephyr::tlog {

// Takes the first line off `rest`, without its newline. Nothing, and `rest` untouched, when no newline is left.
std::optional<std::string_view> take_line(std::string_view& rest);

// The whole text as a decimal number with one spelling: no sign, no blank, no leading zero, within 64 bits.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

std::string hash_text(Hash const& hash);                   // base64
std::optional<Hash> parse_hash(std::string_view base64);   // 32 bytes, canonical base64

// C2SP signed-note: "MUST be valid UTF-8 and MUST NOT contain any ASCII control characters (those below U+0020) other than newline."
bool is_note_characters(std::string_view text);

}  // namespace zephyr::tlog
