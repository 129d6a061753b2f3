// One key as JSON (RFC 7517, RFC 8037), and the one algorithm it may be used with.
//
// A Jwk knows its algorithm before any token is seen; what a token's header says is compared with it, never followed
// (RFC 8725 3.1: "each key MUST be used with exactly one algorithm").
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "zephyr/crypto/signatures.h"
#include "zephyr/encoding/json.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/jose/algorithm.h"

namespace zephyr::jose {

namespace errors {
// Not a key we verify with: a member missing or misspelled, a point off its curve, an RSA key that is too short or
// known to be weak, a private key, a key for encryption. The detail says which, never what.
inline constexpr Failure key_refused{Kind::invalid, "jose.key_refused"};
// A shared secret that can be guessed: fewer than 32 bytes, or text.
inline constexpr Failure weak_secret{Kind::invalid, "jose.weak_secret"};
inline constexpr Failure signature_wrong{Kind::unauthenticated, "jose.signature_wrong"};
}  // namespace errors

// Longest key id, in bytes, in keys and in tokens.
inline constexpr std::size_t max_kid_bytes = 256;

// A key to verify with; cheap to copy, safe to share between threads.
class Jwk {
public:
    // From a JWK. Without "alg" the type decides: EC by its curve, OKP is EdDSA, RSA is RS256; "oct" must name HS256.
    // "use" must be "sig" and "key_ops" must hold "verify", where present. Private members are refused: a private key
    // that was published proves nothing any more. Fails with key_refused or weak_secret.
    static Result<Jwk> parse(encoding::Json const& json);
    static Jwk from(crypto::VerifyKey key, std::string kid);
    // For HS256: at least 32 bytes (RFC 7518 3.2: "A key of the same size as the hash output … or larger MUST be
    // used") that are no text, since RFC 8725 3.5 has "human-memorizable passwords MUST NOT be directly used as the key
    // to a keyed-MAC algorithm"; 32 random bytes are text once in 10^13. Fails with weak_secret.
    static Result<Jwk> from_secret(SecretBytes secret, std::string kid);

    std::string const& kid() const;  // empty when the key has none
    Algorithm algorithm() const;
    // RFC 7638 with SHA-256, base64url. Of a shared secret it is a hash of the secret: not to be published.
    std::string thumbprint() const;
    // The public members, "alg", "use":"sig" and "kid". Throws Fault for a shared secret, which has no public form.
    encoding::Json to_json() const;

    // Success, or signature_wrong. ECDSA signatures in JWS form, r || s (RFC 7518 3.4).
    Result<void> verify(ByteView signing_input, ByteView signature) const;

private:
    struct State;
    explicit Jwk(std::shared_ptr<State const> state) : state_{std::move(state)} {}
    std::shared_ptr<State const> state_;
};

// A key to sign with.
class SigningJwk {
public:
    SigningJwk(crypto::SigningKey key, std::string kid);
    // For HS256; fails like Jwk::from_secret.
    static Result<SigningJwk> from_secret(SecretBytes secret, std::string kid);

    std::string const& kid() const;
    Algorithm algorithm() const;
    // The key that verifies what this one signs. With HS256 that is the secret itself.
    Jwk const& public_jwk() const;
    Bytes sign(ByteView signing_input) const;

private:
    struct State;
    explicit SigningJwk(std::shared_ptr<State const> state) : state_{std::move(state)} {}
    std::shared_ptr<State const> state_;
};

// What RFC 7638 3 hashes: the members its type requires, sorted, without blanks. Takes any EC, OKP, RSA or oct key,
// one that Jwk::parse would refuse too. Fails with key_refused when a member is missing or is no base64url.
Result<std::string> thumbprint_input(encoding::Json const& jwk);

}  // namespace zephyr::jose
