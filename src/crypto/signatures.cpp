#include "zephyr/crypto/signatures.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <array>

#include "crypto/digest.h"
#include "crypto/openssl_handle.h"
#include "crypto/sodium_start.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

namespace {

constexpr int rsa_min_bits = 2048;
constexpr int rsa_max_bits = 8192;

// What tells the algorithms apart. `group` is OpenSSL's name of the curve, `part_bytes` the length of r and of s.
struct Scheme {
    char const* key_type;
    char const* group;
    std::size_t part_bytes;
    DigestName digest;
};
Scheme scheme_of(SignatureAlgorithm algorithm) {
    switch (algorithm) {
        case SignatureAlgorithm::ed25519: return {"ED25519", nullptr, 0, DigestName::sha512};  // its own digest
        case SignatureAlgorithm::es256: return {"EC", "prime256v1", 32, DigestName::sha256};
        case SignatureAlgorithm::es384: return {"EC", "secp384r1", 48, DigestName::sha384};
        case SignatureAlgorithm::es512: return {"EC", "secp521r1", 66, DigestName::sha512};
        case SignatureAlgorithm::rs256:
        case SignatureAlgorithm::ps256: return {"RSA", nullptr, 0, DigestName::sha256};
    }
    throw Fault{"crypto: no such signature algorithm"};
}

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
    return got && BN_is_odd(exponent.get()) && !BN_is_one(exponent.get()) && BN_is_odd(modulus.get());
}

// OpenSSL takes public keys of small order, under which one signature can fit many messages.
bool ed25519_fits(EVP_PKEY const* key) {
    std::array<unsigned char, 32> point{};
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

Bytes spki_of(EVP_PKEY* key) {
    return der_of([&](unsigned char** out) { return i2d_PUBKEY(key, out); });
}

SecretBytes pkcs8_of(EVP_PKEY* key) {
    Pkcs8 const info{EVP_PKEY2PKCS8(key)};
    require(info != nullptr, "writing a private key");
    return SecretBytes{der_of([&](unsigned char** out) { return i2d_PKCS8_PRIV_KEY_INFO(info.get(), out); })};
}

// r || s to SEQUENCE { r, s }; nothing when the length is wrong.
Bytes der_from_p1363(ByteView signature, std::size_t part_bytes) {
    if (signature.size() != 2 * part_bytes) return {};
    auto const size = static_cast<int>(part_bytes);
    BigNumber r{BN_bin2bn(raw(signature), size, nullptr)};
    BigNumber s{BN_bin2bn(raw(signature) + part_bytes, size, nullptr)};
    EcdsaSignature const parts{ECDSA_SIG_new()};
    require(r && s && parts && ECDSA_SIG_set0(parts.get(), r.get(), s.get()) == 1, "reading a signature");
    (void)r.release();  // now owned by `parts`
    (void)s.release();
    return der_of([&](unsigned char** out) { return i2d_ECDSA_SIG(parts.get(), out); });
}

Bytes p1363_from_der(ByteView der, std::size_t part_bytes) {
    auto const* cursor = raw(der);
    EcdsaSignature const parts{d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size()))};
    require(parts != nullptr, "reading a signature");
    Bytes out(2 * part_bytes);
    auto const size = static_cast<int>(part_bytes);
    require(BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), raw(std::span{out}), size) == size &&
                BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), raw(std::span{out}) + part_bytes, size) == size,
            "writing a signature");
    return out;
}

// RFC 7518 3.5: "The size of the salt value is the same size as the hash function output."
bool set_padding(EVP_PKEY_CTX* context, SignatureAlgorithm algorithm, DigestName digest) {
    if (algorithm == SignatureAlgorithm::rs256) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    if (algorithm != SignatureAlgorithm::ps256) return true;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, openssl_digest(digest)) == 1;
}

using Start = int (*)(EVP_MD_CTX*, EVP_PKEY_CTX**, EVP_MD const*, ENGINE*, EVP_PKEY*);

// A context per call. Copying a kept one made ES256 10 % faster to sign and no faster to verify, but a context kept by
// a thread would keep the private key alive after its owner let go of it.
DigestContext start(Start function, SignatureAlgorithm algorithm, EVP_PKEY* key) {
    auto const scheme = scheme_of(algorithm);
    auto const* const digest = algorithm == SignatureAlgorithm::ed25519 ? nullptr : openssl_digest(scheme.digest);
    DigestContext context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* parameters = nullptr;
    require(context != nullptr && function(context.get(), &parameters, digest, nullptr, key) == 1 &&
                set_padding(parameters, algorithm, scheme.digest),
            "starting a signature");
    return context;
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

struct VerifyKey::State {
    SignatureAlgorithm algorithm;
    KeyHandle key;
};
struct SigningKey::State {
    SignatureAlgorithm algorithm;
    KeyHandle key;
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
    return VerifyKey{std::make_shared<State const>(State{algorithm, std::move(key)})};
}

Bytes VerifyKey::spki_der() const {
    return spki_of(state_->key.get());
}
SignatureAlgorithm VerifyKey::algorithm() const {
    return state_->algorithm;
}
std::string VerifyKey::fingerprint() const {
    return key_fingerprint(spki_der());
}

Result<void> VerifyKey::verify(ByteView message, ByteView signature, EcdsaForm form) const {
    Bytes converted;
    if (form == EcdsaForm::p1363 && is_ecdsa(state_->algorithm)) {
        converted = der_from_p1363(signature, scheme_of(state_->algorithm).part_bytes);
        if (converted.empty()) return errors::signature_wrong;
        signature = converted;
    }
    auto const context = start(EVP_DigestVerifyInit, state_->algorithm, state_->key.get());
    // 0 is a wrong signature, a negative number one that can't be read: the same to us.
    bool const genuine =
        EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
    if (genuine) return success();
    forget_openssl_errors();
    return errors::signature_wrong;
}

SigningKey SigningKey::generate(SignatureAlgorithm algorithm, int rsa_bits) {
    auto key = generate_key(algorithm, rsa_bits);
    require(key != nullptr, "making a key");
    return SigningKey{std::make_shared<State const>(State{algorithm, std::move(key)})};
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
    return SigningKey{std::make_shared<State const>(State{algorithm, std::move(key)})};
}

SecretBytes SigningKey::pkcs8_der() const {
    return pkcs8_of(state_->key.get());
}
SignatureAlgorithm SigningKey::algorithm() const {
    return state_->algorithm;
}

VerifyKey SigningKey::verify_key() const {
    // Through its encoding, so that the public key holds no private part.
    return VerifyKey::from_spki_der(state_->algorithm, spki_of(state_->key.get())).value();
}

Bytes SigningKey::sign(ByteView message, EcdsaForm form) const {
    auto const context = start(EVP_DigestSignInit, state_->algorithm, state_->key.get());
    std::size_t size = 0;
    require(EVP_DigestSign(context.get(), nullptr, &size, raw(message), message.size()) == 1, "signing");
    Bytes out(size);
    require(EVP_DigestSign(context.get(), raw(std::span{out}), &size, raw(message), message.size()) == 1, "signing");
    out.resize(size);
    if (form == EcdsaForm::p1363 && is_ecdsa(state_->algorithm))
        return p1363_from_der(out, scheme_of(state_->algorithm).part_bytes);
    return out;
}

std::string key_fingerprint(ByteView public_bytes) {
    return encoding::hex_encode(sha256(public_bytes));
}

}  // namespace zephyr::crypto
