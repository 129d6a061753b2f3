// Password hashes made elsewhere, to be taken over at a person's first sign-in here:
//
//   bcrypt       $2a$ $2b$ $2y$
//   scrypt       $7$ (libcrypt)   $scrypt$ln=16,r=8,p=1$…$… (passlib, PHC)
//   PBKDF2       pbkdf2_sha256$… pbkdf2_sha1$… (Django)   $pbkdf2-sha256$29000$… -sha512 (passlib)   $pbkdf2-sha256$i=…,l=…$… (PHC)
//   sha-crypt    $5$ $6$
//   yescrypt     $y$ (with the parameters that crypt(5) writes by itself)
//   Argon2       $argon2id$ $argon2i$ $argon2d$, versions 1.0 and 1.3, up to 16 lanes
//
// A text from elsewhere is read strictly, and what it would cost is bounded before any work: a hash that asks for 4 GiB or
// a thousand million rounds is an attack, or will be one at each sign-in.
//
// Not here: our own hashes (password_hash.h), the gate that they all pass (passwords room).
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "zephyr/crypto/password_hash.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"

namespace zephyr::crypto {

enum class ForeignMatch {
    no,
    yes,
    // The scheme looks at the first 72 bytes only (bcrypt), and those are right. What was typed behind them nobody has checked:
    // don't make it the new password.
    yes_in_part,
};

// What the kinds of foreign hash have in common; each is a file of its own, src/crypto/foreign_*.cpp.
class ForeignScheme;

class ForeignHash {
public:
    static constexpr std::size_t longest_text = 512;
    static constexpr std::size_t most_memory_kib = Argon2Parameters::max_memory_kib;
    static constexpr double most_weight = 64;

    // Does no work but reading. Fails with password_hash_malformed, _unsupported or _too_costly, each with a reason for
    // whoever imports it.
    static Result<ForeignHash> parse(std::string_view text);

    std::string_view scheme() const;  // "bcrypt", "pbkdf2-sha256", "argon2id" …
    std::size_t memory_kib() const;   // while it is computed
    // How much longer it takes than Argon2id with our default parameters, roughly, for a password of so many bytes: for the hash
    // gate's estimates. Sha-crypt alone minds the length, since it hashes the whole password in every round.
    double weight(std::size_t password_bytes = 0) const;

    // Compares in constant time. All bytes of the password count, NUL too. A scheme made for C strings (bcrypt, $7$, sha-crypt,
    // yescrypt) can't have made a hash of one with NUL, so such a password matches none, after the same work. PBKDF2 and
    // scrypt can't tell NULs at the end of a short password: HMAC fills up its key with them (RFC 2104 2). Throws Fault when the memory
    // can't be had: that must not look like a wrong password.
    ForeignMatch matches(ByteView password) const;

private:
    explicit ForeignHash(std::shared_ptr<ForeignScheme const> scheme) : scheme_{std::move(scheme)} {}
    std::shared_ptr<ForeignScheme const> scheme_;
};

}  // namespace zephyr::crypto
