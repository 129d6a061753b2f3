// SHA-1 and SHA-2 (FIPS 180-4). SHA-1 is here for TOTP and the breach filter alone: never use it to sign or to prove.
#pragma once

#include <array>
#include <initializer_list>

#include "zephyr/foundation/bytes.h"

namespace zephyr::crypto {

Bytes sha1(ByteView message);    // 20 bytes
Bytes sha256(ByteView message);  // 32 bytes
Bytes sha384(ByteView message);  // 48 bytes
Bytes sha512(ByteView message);  // 64 bytes

// SHA-256 of the parts laid end to end. Allocates nothing: for those who hash each of many small things.
std::array<std::byte, 32> sha256_of(std::initializer_list<ByteView> parts);

}  // namespace zephyr::crypto
