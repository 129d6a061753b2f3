// base64url without padding (RFC 4648 5, as RFC 7515 2 uses it): tokens, challenges, JOSE.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"

namespace zephyr::encoding {

namespace errors {
inline constexpr Failure base64url_malformed{Kind::invalid, "base64url.malformed"};
}  // namespace errors

std::string base64url_encode(ByteView bytes);
// Strict: only the 64 characters, no padding, no blanks or line breaks, no length of 4n+1, and unused trailing bits
// must be zero (RFC 4648 3.5), so each value has exactly one spelling.
Result<Bytes> base64url_decode(std::string_view text);

}  // namespace zephyr::encoding
