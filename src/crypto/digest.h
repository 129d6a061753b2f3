// Digests with a context kept per thread: fetching the algorithm costs more than hashing a short message (SHA-256 of
// 64 bytes: 124 ns kept, 356 ns looked up by name each time).
#pragma once

#include <openssl/evp.h>

#include <initializer_list>

#include "zephyr/foundation/bytes.h"

namespace zephyr::crypto {

enum class DigestName { sha1, sha256, sha384, sha512 };

std::size_t digest_size(DigestName name);
// The bytes SHA works on at a time, which HMAC pads its key to.
std::size_t digest_block_size(DigestName name);
// Hash of the parts laid end to end. `out` holds digest_size(name) bytes and may be one of the parts.
void digest_into(DigestName name, std::initializer_list<ByteView> parts, std::span<std::byte> out);
// The algorithm itself, fetched once per process.
EVP_MD const* openssl_digest(DigestName name);

}  // namespace zephyr::crypto
