// HKDF with SHA-256 (RFC 5869): keys from a key.
#pragma once

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::crypto {

// Extract and expand. `info` names the purpose: two purposes never share a key. Throws Fault for a length of 0 or
// beyond 255 * 32 bytes (RFC 5869 2.3: "L length of output keying material in octets (<= 255*HashLen)").
SecretBytes hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::size_t length);

}  // namespace zephyr::crypto
