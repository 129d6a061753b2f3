// Authenticated encryption: AES-256-GCM (NIST SP 800-38D), and the same with a nonce long enough to be random.
//
// Secrets in tables go through Sealer (keyring.h), which picks the nonce and the associated data. These are its parts.
#pragma once

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::crypto {

namespace errors {
// The tag does not fit: another key, nonce or associated data, or the bytes were changed or cut.
inline constexpr Failure aead_refused{Kind::invalid, "crypto.aead_refused"};
}  // namespace errors

inline constexpr std::size_t aead_key_bytes = 32;
inline constexpr std::size_t aead_nonce_bytes = 12;
inline constexpr std::size_t aead_long_nonce_bytes = 24;
inline constexpr std::size_t aead_tag_bytes = 16;

// Ciphertext followed by the 16-byte tag. A nonce must never repeat under one key. Throws Fault unless the key has 32
// bytes and the nonce 12.
Bytes aead_seal(ByteView key, ByteView nonce, ByteView associated_data, ByteView plaintext);
// The plaintext, or aead_refused. Throws Fault unless the key has 32 bytes and the nonce 12.
Result<SecretBytes> aead_open(ByteView key, ByteView nonce, ByteView associated_data, ByteView sealed);

// XAES-256-GCM (C2SP): the first half of a 24-byte nonce derives a key of its own for AES-256-GCM, so that random
// nonces stay safe far beyond the 2^32 messages that SP 800-38D 8.3 allows one key with 12 random bytes.
Bytes aead_seal_long_nonce(ByteView key, ByteView nonce, ByteView associated_data, ByteView plaintext);
Result<SecretBytes> aead_open_long_nonce(ByteView key, ByteView nonce, ByteView associated_data, ByteView sealed);

}  // namespace zephyr::crypto
