// The GSM 7 bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1): what an SMS can say in 160 characters.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zephyr::encoding {

// One byte a septet, unpacked, as SMPP carries it; characters of the extension table take two. Nothing when the text has a character the
// alphabet lacks, or is no UTF-8.
std::optional<std::string> gsm7_encode(std::string_view utf8);
// The text without the characters that the alphabet lacks.
std::string gsm7_only(std::string_view utf8);
// UTF-16, big-endian: what SMPP calls UCS-2 (data coding 8). Nothing for what is no UTF-8.
std::optional<std::string> utf16_big_endian(std::string_view utf8);

}  // namespace zephyr::encoding
