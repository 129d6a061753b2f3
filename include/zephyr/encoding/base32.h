// base32 (RFC 4648 6) as authenticator apps read it: upper case, no padding.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"

namespace zephyr::encoding {

namespace errors {
inline constexpr Failure base32_malformed{Kind::invalid, "base32.malformed"};
}  // namespace errors

std::string base32_encode(ByteView bytes);
// Strict: only A-Z and 2-7, no padding, no blanks, a possible length, unused trailing bits zero. For text a person
// typed, call normalise_base32 first.
Result<Bytes> base32_decode(std::string_view text);
// Upper case, without ASCII blanks, '-' and trailing '='. Changes nothing else, so wrong characters stay wrong.
std::string normalise_base32(std::string_view text);

}  // namespace zephyr::encoding
