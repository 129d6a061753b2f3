// Argon2id (RFC 9106) in PHC string form: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>. One lane, 16 bytes of salt, 32 of
// hash, always.
//
// Not here: hashes made elsewhere (foreign_hash.h), pepper, policy and the gate that bounds how many run at once (passwords room).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::crypto {

namespace errors {
inline constexpr Failure password_hash_malformed{Kind::invalid, "crypto.password_hash_malformed"};
// A scheme, version or number of lanes that we don't compute.
inline constexpr Failure password_hash_unsupported{Kind::unsupported, "crypto.password_hash_unsupported"};
// Would take more memory or passes than we are willing to spend on a string from elsewhere.
inline constexpr Failure password_hash_too_costly{Kind::unsupported, "crypto.password_hash_too_costly"};
}  // namespace errors

struct Argon2Parameters {
    // OWASP's first choice for one lane: 19 MiB, two passes.
    std::uint32_t memory_kib = 19 * 1024;  // 8 KiB to 256 MiB
    std::uint32_t passes = 2;              // 1 to 16

    static constexpr std::uint32_t max_memory_kib = 256 * 1024;
    static constexpr std::uint32_t max_passes = 16;
    // How much longer than with the default parameters, roughly.
    constexpr double weight() const { return static_cast<double>(memory_kib) * passes / (19 * 1024 * 2); }
    bool operator==(Argon2Parameters const&) const = default;
};

// The PHC string, with 16 bytes of salt and 32 of hash. The whole password counts: nothing is cut off. Throws Fault
// for parameters outside the bounds above, or when the memory can't be had.
std::string argon2id_hash(ByteView password, Argon2Parameters parameters, Random& random);
std::string argon2id_hash(SecretText const& password, Argon2Parameters parameters, Random& random);

enum class PasswordMatch {
    no,
    yes,
    yes_but_outdated,  // right, but made with other parameters than wanted: hash it again and store that
};
// Compares in constant time. The PHC string is read strictly, as argon2id_hash writes it, and within the bounds above
// before any work is done: password_hash_malformed, _unsupported, _too_costly. Throws Fault when the memory can't be had: that must
// not look like a wrong password.
Result<PasswordMatch> argon2id_verify(ByteView password, std::string_view phc, Argon2Parameters wanted);
Result<PasswordMatch> argon2id_verify(SecretText const& password, std::string_view phc, Argon2Parameters wanted);

// What a PHC string asks for; the same failures as argon2id_verify. Lets the hash gate count memory beforehand.
Result<Argon2Parameters> argon2id_parameters(std::string_view phc);

}  // namespace zephyr::crypto
