// SHA-1 and SHA-2 (FIPS 180-4). SHA-1 is here for TOTP and the breach filter alone: never use it to sign or to prove.
#pragma once

#include "zephyr/foundation/bytes.h"

namespace zephyr::crypto {

Bytes sha1(ByteView message);    // 20 bytes
Bytes sha256(ByteView message);  // 32 bytes
Bytes sha384(ByteView message);  // 48 bytes
Bytes sha512(ByteView message);  // 64 bytes

}  // namespace zephyr::crypto
