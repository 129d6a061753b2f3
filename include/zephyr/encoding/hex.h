// Hexadecimal (RFC 4648 8).
#pragma once

#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"

namespace zephyr::encoding {

namespace errors {
inline constexpr Failure hex_malformed{Kind::invalid, "hex.malformed"};
}  // namespace errors

// Lower case.
std::string hex_encode(ByteView bytes);
// Both cases; refuses an odd length and every other character.
Result<Bytes> hex_decode(std::string_view text);

}  // namespace zephyr::encoding
