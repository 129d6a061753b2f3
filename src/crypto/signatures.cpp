#include "zephyr/crypto/signatures.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <array>

#include "crypto/openssl_handle.h"
#include "crypto/roca.h"
#include "crypto/signature_contexts.h"
#include "crypto/sodium_start.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

namespace {

constexpr int rsa_min_bits = 2048;
constexpr int rsa_max_bits = 8192;
constexpr std::size_t ed25519_point_bytes = 32;

bool group_fits(EVP_PKEY const* key, char const* wanted) {
    std::array<char, 64> name{};
    std::size_t length = 0;
    int from_explicit = 0;
    // RFC 5480 2.1.1: "implicitCurve and specifiedCurve MUST NOT be used in PKIX": a curve spelled out by its numbers
    // may be another one under a known name (CVE-2020-0601).
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &from_explicit),
        OSSL_PARAM_construct_end()};
    return EVP_PKEY_get_group_name(key, name.data(), name.size(), &length) == 1 &&
           std::string_view{name.data(), length} == wanted && EVP_PKEY_get_params(key, parameters) == 1 &&
           from_explicit == 0;
}

bool rsa_fits(EVP_PKEY const* key) {
    auto const bits = EVP_PKEY_get_bits(key);
    if (bits < rsa_min_bits || bits > rsa_max_bits) return false;
    BIGNUM* exponent_out = nullptr;
    BIGNUM* modulus_out = nullptr;
    bool const got = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent_out) == 1 &&
                     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus_out) == 1;
    BigNumber const exponent{exponent_out};
    BigNumber const modulus{modulus_out};
    // e = 1 would make every message its own signature.
    return got && BN_is_odd(exponent.get()) && !BN_is_one(exponent.get()) && BN_is_odd(modulus.get()) &&
           !is_roca(modulus.get());
}

// OpenSSL takes public keys of small order, under which one signature can fit many messages.
bool ed25519_fits(EVP_PKEY const* key) {
    std::array<unsigned char, ed25519_point_bytes> point{};
    std::size_t length = point.size();
    start_sodium();
    return EVP_PKEY_get_raw_public_key(key, point.data(), &length) == 1 && length == point.size() &&
           crypto_core_ed25519_is_valid_point(point.data()) == 1;
}

bool key_fits(EVP_PKEY const* key, SignatureAlgorithm algorithm) {
    auto const scheme = scheme_of(algorithm);
    if (EVP_PKEY_is_a(key, scheme.key_type) != 1) return false;
    if (scheme.group != nullptr) return group_fits(key, scheme.group);
    return algorithm == SignatureAlgorithm::ed25519 ? ed25519_fits(key) : rsa_fits(key);
}

// The bytes that an i2d function writes.
template <class Write>
Bytes der_of(Write write) {
    auto const size = write(nullptr);
    require(size > 0, "writing DER");
    Bytes out(static_cast<std::size_t>(size));
    auto* cursor = raw(std::span{out});
    require(write(&cursor) == size, "writing DER");
    return out;
}

SecretBytes pkcs8_of(EVP_PKEY* key) {
    Pkcs8 const info{EVP_PKEY2PKCS8(key)};
    require(info != nullptr, "writing a private key");
    return SecretBytes{der_of([&](unsigned char** out) { return i2d_PKCS8_PRIV_KEY_INFO(info.get(), out); })};
}

bool is_ecdsa(SignatureAlgorithm algorithm) {
    return scheme_of(algorithm).part_bytes != 0;
}

KeyHandle generate_key(SignatureAlgorithm algorithm, int rsa_bits) {
    auto const scheme = scheme_of(algorithm);
    if (scheme.group != nullptr) return KeyHandle{EVP_EC_gen(scheme.group)};
    if (algorithm == SignatureAlgorithm::ed25519) return KeyHandle{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
    if (rsa_bits < rsa_min_bits || rsa_bits > rsa_max_bits) throw Fault{"crypto: RSA keys have 2048 to 8192 bits"};
    return KeyHandle{EVP_RSA_gen(static_cast<unsigned int>(rsa_bits))};
}

}  // namespace

Bytes spki_of(EVP_PKEY* key) {
    return der_of([&](unsigned char** out) { return i2d_PUBKEY(key, out); });
}

struct VerifyKey::State : KeyInUse {
    using KeyInUse::KeyInUse;
};
struct SigningKey::State : KeyInUse {
    using KeyInUse::KeyInUse;
};

Result<VerifyKey> VerifyKey::from_spki_der(SignatureAlgorithm algorithm, ByteView der) {
    auto const* cursor = raw(der);
    KeyHandle key{d2i_PUBKEY(nullptr, &cursor, static_cast<long>(der.size()))};
    forget_openssl_errors();
    if (key == nullptr || cursor != raw(der) + der.size()) return errors::key_malformed;
    if (!key_fits(key.get(), algorithm)) {
        forget_openssl_errors();
        return errors::key_unsuitable;
    }
    // One spelling per key, so that fingerprints and equality mean something.
    auto const canonical = spki_of(key.get());
    if (as_text(canonical) != as_text(der)) return errors::key_malformed;
    return VerifyKey{std::make_shared<State const>(algorithm, std::move(key))};
}

// Not by way of SubjectPublicKeyInfo, as the other bare keys: writing and reading that takes longer than checking two signatures, and
// whoever verifies a log does it for every key that is named there.
Result<VerifyKey> VerifyKey::from_ed25519_point(ByteView point) {
    if (point.size() != ed25519_point_bytes) return errors::key_malformed;
    KeyHandle key{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(point), point.size())};
    require(key != nullptr, "reading a public key");
    if (!key_fits(key.get(), SignatureAlgorithm::ed25519)) {
        forget_openssl_errors();
        return errors::key_unsuitable;
    }
    return VerifyKey{std::make_shared<State const>(SignatureAlgorithm::ed25519, std::move(key))};
}

Bytes VerifyKey::ed25519_point() const {
    if (algorithm() != SignatureAlgorithm::ed25519) throw Fault{"crypto: a key of another type"};
    Bytes out(ed25519_point_bytes);
    auto size = out.size();
    require(EVP_PKEY_get_raw_public_key(state_->get(), raw(std::span{out}), &size) == 1 && size == out.size(), "reading a public key");
    return out;
}

Bytes VerifyKey::spki_der() const {
    return spki_of(state_->get());
}
SignatureAlgorithm VerifyKey::algorithm() const {
    return state_->algorithm();
}
std::string VerifyKey::fingerprint() const {
    return key_fingerprint(spki_der());
}

Result<void> VerifyKey::verify(ByteView message, ByteView signature, EcdsaForm form) const {
    Bytes converted;
    if (form == EcdsaForm::p1363 && is_ecdsa(state_->algorithm())) {
        converted = ecdsa_der_from_p1363(signature, scheme_of(state_->algorithm()).part_bytes);
        if (converted.empty()) return errors::signature_wrong;
        signature = converted;
    }
    if (state_->verify(message, signature)) return success();
    return errors::signature_wrong;
}

SigningKey SigningKey::generate(SignatureAlgorithm algorithm, int rsa_bits) {
    auto key = generate_key(algorithm, rsa_bits);
    require(key != nullptr, "making a key");
    return SigningKey{std::make_shared<State const>(algorithm, std::move(key))};
}

Result<SigningKey> SigningKey::from_pkcs8_der(SignatureAlgorithm algorithm, SecretBytes const& der) {
    auto const* const begin = raw(ByteView{der.reveal()});
    auto const* cursor = begin;
    Pkcs8 const info{d2i_PKCS8_PRIV_KEY_INFO(nullptr, &cursor, static_cast<long>(der.size()))};
    KeyHandle key{info == nullptr ? nullptr : EVP_PKCS82PKEY(info.get())};
    forget_openssl_errors();
    if (key == nullptr || cursor != begin + der.size()) return errors::key_malformed;
    bool const fits = key_fits(key.get(), algorithm);
    KeyContext const checker{EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)};
    require(checker != nullptr, "checking a key");
    bool const whole = fits && EVP_PKEY_check(checker.get()) == 1;
    forget_openssl_errors();
    if (!fits) return errors::key_unsuitable;
    if (!whole) return errors::key_malformed;
    return SigningKey{std::make_shared<State const>(algorithm, std::move(key))};
}

SecretBytes SigningKey::pkcs8_der() const {
    return pkcs8_of(state_->get());
}
SignatureAlgorithm SigningKey::algorithm() const {
    return state_->algorithm();
}

VerifyKey SigningKey::verify_key() const {
    // Through its encoding, so that the public key holds no private part.
    return VerifyKey::from_spki_der(state_->algorithm(), spki_of(state_->get())).value();
}

Bytes SigningKey::sign(ByteView message, EcdsaForm form) const {
    auto signature = state_->sign(message);
    if (form == EcdsaForm::p1363 && is_ecdsa(state_->algorithm()))
        return ecdsa_p1363_from_der(signature, scheme_of(state_->algorithm()).part_bytes);
    return signature;
}

std::string key_fingerprint(ByteView public_bytes) {
    return encoding::hex_encode(sha256(public_bytes));
}

}  // namespace zephyr::crypto
