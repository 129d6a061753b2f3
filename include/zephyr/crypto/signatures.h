// Digital signatures: Ed25519 (RFC 8032), ECDSA on P-256, P-384 and P-521 (FIPS 186-4), RSA (RFC 8017).
//
// A key knows its one algorithm, which the caller names when it is made or imported: never what a message says about
// itself. So a signature can't be judged under another algorithm than the one agreed on.
#pragma once

#include <memory>
#include <string>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::crypto {

namespace errors {
inline constexpr Failure signature_wrong{Kind::invalid, "crypto.signature_wrong"};
// Not DER, bytes behind it, or not a key.
inline constexpr Failure key_malformed{Kind::invalid, "crypto.key_malformed"};
// A key, but not one for the algorithm named: another type or curve, RSA below 2048 or above 8192 bits, a public
// exponent that is even or below 3, a modulus of the weak kind of CVE-2017-15361 (ROCA).
inline constexpr Failure key_unsuitable{Kind::unsupported, "crypto.key_unsuitable"};
}  // namespace errors

enum class SignatureAlgorithm {
    ed25519,
    es256,  // P-256 with SHA-256
    es384,  // P-384 with SHA-384
    es512,  // P-521 with SHA-512
    rs256,  // RSASSA-PKCS1-v1_5 with SHA-256
    ps256,  // RSASSA-PSS with SHA-256, MGF1-SHA-256, 32 bytes of salt
};

// How an ECDSA signature is written down; other algorithms have one form and ignore this.
enum class EcdsaForm {
    der,    // SEQUENCE { r, s }: X.509, WebAuthn
    p1363,  // r || s, each as long as the curve's order: JWS
};

// Public keys as bare numbers, big-endian, as JWK (RFC 7518 6) and COSE carry them.
struct EcPoint {
    Bytes x, y;  // each as long as the curve's field: 32, 48 or 66 bytes
};
struct RsaNumbers {
    Bytes modulus, exponent;  // without leading zeros
};

class VerifyKey {
public:
    // From a SubjectPublicKeyInfo (RFC 5280 4.1). Fails with key_malformed or key_unsuitable.
    static Result<VerifyKey> from_spki_der(SignatureAlgorithm algorithm, ByteView der);
    Bytes spki_der() const;
    // From bare numbers. Another length, a leading zero or a point off the curve is key_malformed; key_unsuitable as
    // above. Throws Fault when the algorithm is of another type than the numbers.
    static Result<VerifyKey> from_ec_point(SignatureAlgorithm algorithm, ByteView x, ByteView y);
    static Result<VerifyKey> from_rsa_numbers(SignatureAlgorithm algorithm, ByteView modulus, ByteView exponent);
    static Result<VerifyKey> from_ed25519_point(ByteView point);  // 32 bytes, RFC 8032 5.1.5
    // The way back. Each throws Fault for a key of another type.
    EcPoint ec_point() const;
    RsaNumbers rsa_numbers() const;
    Bytes ed25519_point() const;
    SignatureAlgorithm algorithm() const;
    // SHA-256 of spki_der() as 64 hex digits.
    std::string fingerprint() const;

    // Success, or signature_wrong.
    Result<void> verify(ByteView message, ByteView signature, EcdsaForm form = EcdsaForm::der) const;

private:
    friend class SigningKey;
    struct State;
    explicit VerifyKey(std::shared_ptr<State const> state) : state_{std::move(state)} {}
    std::shared_ptr<State const> state_;
};

class SigningKey {
public:
    static constexpr int rsa_default_bits = 3072;
    // `rsa_bits` counts for RSA alone, and must be 2048 to 8192 (Fault otherwise).
    static SigningKey generate(SignatureAlgorithm algorithm, int rsa_bits = rsa_default_bits);
    // From a PrivateKeyInfo (PKCS #8, RFC 5958), unencrypted. Fails with key_malformed or key_unsuitable.
    static Result<SigningKey> from_pkcs8_der(SignatureAlgorithm algorithm, SecretBytes const& der);
    SecretBytes pkcs8_der() const;
    SignatureAlgorithm algorithm() const;
    VerifyKey verify_key() const;

    Bytes sign(ByteView message, EcdsaForm form = EcdsaForm::der) const;

private:
    struct State;
    explicit SigningKey(std::shared_ptr<State const> state) : state_{std::move(state)} {}
    std::shared_ptr<State const> state_;
};

// SHA-256 as 64 hex digits, to name a public key or a certificate.
std::string key_fingerprint(ByteView public_bytes);

}  // namespace zephyr::crypto
