// VerifyKey from bare numbers and back. Both ways lead through SubjectPublicKeyInfo, so that one place judges keys; Ed25519's, which has
// one spelling anyway, are in signatures.cpp.
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "crypto/signature_contexts.h"
#include "zephyr/crypto/signatures.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

namespace {

using ParameterBuilder = Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = Handle<OSSL_PARAM, OSSL_PARAM_free>;

void expect_type(SignatureAlgorithm algorithm, std::string_view type) {
    if (type != scheme_of(algorithm).key_type) throw Fault{"crypto: a key of another type"};
}

// The SubjectPublicKeyInfo of a key made of parameters, or nothing where OpenSSL takes no such key.
Bytes spki_from(char const* type, OSSL_PARAM_BLD* builder) {
    Parameters const parameters{OSSL_PARAM_BLD_to_param(builder)};
    KeyContext const context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
    require(parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1, "reading a public key");
    EVP_PKEY* made = nullptr;
    int const outcome = EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get());
    KeyHandle const key{made};
    forget_openssl_errors();
    return outcome == 1 ? spki_of(key.get()) : Bytes{};
}

KeyHandle opened(VerifyKey const& key) {
    auto const der = key.spki_der();
    auto const* cursor = raw(der);
    KeyHandle handle{d2i_PUBKEY(nullptr, &cursor, static_cast<long>(der.size()))};
    require(handle != nullptr, "reading a public key");
    return handle;
}

BigNumber number_of(EVP_PKEY const* key, char const* name) {
    BIGNUM* out = nullptr;
    require(EVP_PKEY_get_bn_param(key, name, &out) == 1, "reading a public key");
    return BigNumber{out};
}

Bytes bytes_of(BIGNUM const* number, std::size_t size) {
    Bytes out(size);
    require(BN_bn2binpad(number, raw(std::span{out}), static_cast<int>(size)) == static_cast<int>(size),
            "reading a public key");
    return out;
}

}  // namespace

Result<VerifyKey> VerifyKey::from_ec_point(SignatureAlgorithm algorithm, ByteView x, ByteView y) {
    expect_type(algorithm, "EC");
    auto const scheme = scheme_of(algorithm);
    // RFC 7518 6.2.1.2: "The length of this octet string MUST be the full size of a coordinate for the curve".
    if (x.size() != scheme.part_bytes || y.size() != scheme.part_bytes) return errors::key_malformed;
    Bytes point{std::byte{0x04}};  // uncompressed, SEC 1 2.3.3
    point.insert(point.end(), x.begin(), x.end());
    point.insert(point.end(), y.begin(), y.end());
    ParameterBuilder const builder{OSSL_PARAM_BLD_new()};
    require(builder != nullptr &&
                OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, scheme.group, 0) == 1 &&
                OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1,
            "reading a public key");
    auto const der = spki_from("EC", builder.get());  // refuses a point off the curve
    if (der.empty()) return errors::key_malformed;
    return from_spki_der(algorithm, der);
}

Result<VerifyKey> VerifyKey::from_rsa_numbers(SignatureAlgorithm algorithm, ByteView modulus, ByteView exponent) {
    expect_type(algorithm, "RSA");
    constexpr std::size_t most_bytes = 2048;  // far above what fits, far below what costs
    for (auto const number : {modulus, exponent}) {
        if (number.empty() || number.size() > most_bytes) return errors::key_malformed;
        // RFC 7518 2, Base64urlUInt: "the octet sequence MUST utilize the minimum number of octets".
        if (number.front() == std::byte{0}) return errors::key_malformed;
    }
    BigNumber const n{BN_bin2bn(raw(modulus), static_cast<int>(modulus.size()), nullptr)};
    BigNumber const e{BN_bin2bn(raw(exponent), static_cast<int>(exponent.size()), nullptr)};
    ParameterBuilder const builder{OSSL_PARAM_BLD_new()};
    require(n && e && builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
                OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
            "reading a public key");
    auto const der = spki_from("RSA", builder.get());
    if (der.empty()) return errors::key_malformed;
    return from_spki_der(algorithm, der);
}

EcPoint VerifyKey::ec_point() const {
    expect_type(algorithm(), "EC");
    auto const size = scheme_of(algorithm()).part_bytes;
    auto const key = opened(*this);
    auto const x = number_of(key.get(), OSSL_PKEY_PARAM_EC_PUB_X);
    auto const y = number_of(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    return {bytes_of(x.get(), size), bytes_of(y.get(), size)};
}

RsaNumbers VerifyKey::rsa_numbers() const {
    expect_type(algorithm(), "RSA");
    auto const key = opened(*this);
    auto const n = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N);
    auto const e = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E);
    return {bytes_of(n.get(), static_cast<std::size_t>(BN_num_bytes(n.get()))),
            bytes_of(e.get(), static_cast<std::size_t>(BN_num_bytes(e.get())))};
}

}  // namespace zephyr::crypto
