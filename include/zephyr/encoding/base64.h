// base64 with padding (RFC 4648 4): HTTP Basic credentials, PEM bodies.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"

namespace zephyr::encoding {

namespace errors {
inline constexpr Failure base64_malformed{Kind::invalid, "base64.malformed"};
}  // namespace errors

std::string base64_encode(ByteView bytes);
// Strict: only the 64 characters, exact padding, no blanks or line breaks, unused trailing bits zero (RFC 4648 3.5).
Result<Bytes> base64_decode(std::string_view text);

}  // namespace zephyr::encoding
