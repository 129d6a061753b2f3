// HMAC (RFC 2104, FIPS 198-1). Compare results with equal_constant_time, never with ==.
#pragma once

#include "zephyr/foundation/bytes.h"

namespace zephyr::crypto {

Bytes hmac_sha1(ByteView key, ByteView message);    // 20 bytes; for TOTP and HOTP
Bytes hmac_sha256(ByteView key, ByteView message);  // 32 bytes
Bytes hmac_sha512(ByteView key, ByteView message);  // 64 bytes

}  // namespace zephyr::crypto
