// JWT by the jose room beside the same signatures by OpenSSL alone, with contexts that are kept: what everything around the
// signature costs (JSON, base64url, looking the key up, judging the claims). benchmarks/jose.py runs it and takes the ratios.
#include <benchmark/benchmark.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "zephyr/foundation/clock.h"
#include "zephyr/jose/jwt.h"

namespace {

using namespace zephyr;
using crypto::SignatureAlgorithm;
using encoding::Json;

constexpr auto issuer = "https://id.example.com";

Json claims() {
    return Json::object({{"iss", issuer},
                         {"sub", "01934f2e-7b1c-7d3a-9f00-0a1b2c3d4e5f"},
                         {"aud", "https://api.example.com"},
                         {"iat", 1'764'000'000},
                         {"exp", 4'102'444'800},
                         {"jti", "pZ1xLq3o9sYk2mVbT7uWcA"},
                         {"sid", "01934f2e-7b1c-7d3a-9f00-112233445566"},
                         {"amr", Json::array({"pwd", "otp"})},
                         {"acr", "urn:zephyr:mfa"}});
}

crypto::SigningKey const& key_for(SignatureAlgorithm algorithm) {
    static auto const es256 = crypto::SigningKey::generate(SignatureAlgorithm::es256);
    static auto const ed25519 = crypto::SigningKey::generate(SignatureAlgorithm::ed25519);
    static auto const rs256 = crypto::SigningKey::generate(SignatureAlgorithm::rs256, 2048);
    return algorithm == SignatureAlgorithm::es256 ? es256 : algorithm == SignatureAlgorithm::ed25519 ? ed25519 : rs256;
}

SecretBytes secret() {
    Bytes bytes(32);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 167 + 131);
    return SecretBytes{bytes};
}

jose::SigningJwk signer(SignatureAlgorithm algorithm) {
    return {key_for(algorithm), "2026-11-es256-1"};
}

void sign_with(benchmark::State& state, jose::SigningJwk const& key) {
    for (auto _ : state) benchmark::DoNotOptimize(jose::sign_jwt(key, "at+jwt", claims()));
}
void verify_with(benchmark::State& state, jose::SigningJwk const& key) {
    SystemClock const clock;
    jose::StaticKeys keys{jose::JwkSet{std::vector{key.public_jwk()}}};
    jose::JwtVerifier const verifier{keys, {issuer, "https://api.example.com", "at+jwt"}, clock};
    auto const token = jose::sign_jwt(key, "at+jwt", claims());
    for (auto _ : state)
        if (!verifier.verify(token).ok()) std::abort();
}
void jose_sign(benchmark::State& state, SignatureAlgorithm algorithm) {
    sign_with(state, signer(algorithm));
}
void jose_verify(benchmark::State& state, SignatureAlgorithm algorithm) {
    verify_with(state, signer(algorithm));
}
void jose_hs256_sign(benchmark::State& state) {
    sign_with(state, jose::SigningJwk::from_secret(secret(), "hs").value());
}
void jose_hs256_verify(benchmark::State& state) {
    verify_with(state, jose::SigningJwk::from_secret(secret(), "hs").value());
}

// The floors. Each signs or verifies the very bytes that a token's signature covers.
void check(bool fine) {
    if (!fine) std::abort();
}
struct Raw {
    std::string message;
    EVP_PKEY* key = nullptr;
    EVP_MD const* digest = nullptr;
    EVP_MD_CTX* context = EVP_MD_CTX_new();

    explicit Raw(SignatureAlgorithm algorithm) : digest{algorithm == SignatureAlgorithm::ed25519 ? nullptr : EVP_sha256()} {
        auto const token = jose::sign_jwt(signer(algorithm), "at+jwt", claims());
        message = token.substr(0, token.rfind('.'));
        auto const der = key_for(algorithm).pkcs8_der();
        auto const* cursor = raw(ByteView{der.reveal()});
        key = d2i_AutoPrivateKey(nullptr, &cursor, static_cast<long>(der.size()));
        check(key != nullptr);
    }
    ~Raw() {
        EVP_MD_CTX_free(context);
        EVP_PKEY_free(key);
    }
    unsigned char const* bytes() const { return reinterpret_cast<unsigned char const*>(message.data()); }
};

void raw_sign(benchmark::State& state, SignatureAlgorithm algorithm) {
    Raw const raw{algorithm};
    unsigned char signature[512];
    check(EVP_DigestSignInit(raw.context, nullptr, raw.digest, nullptr, raw.key) == 1);
    for (auto _ : state) {
        check(EVP_DigestSignInit(raw.context, nullptr, nullptr, nullptr, nullptr) == 1);
        std::size_t size = sizeof signature;
        check(EVP_DigestSign(raw.context, signature, &size, raw.bytes(), raw.message.size()) == 1);
        benchmark::DoNotOptimize(signature);
    }
}
void raw_verify(benchmark::State& state, SignatureAlgorithm algorithm) {
    Raw const raw{algorithm};
    unsigned char signature[512];
    std::size_t size = sizeof signature;
    check(EVP_DigestSignInit(raw.context, nullptr, raw.digest, nullptr, raw.key) == 1 &&
          EVP_DigestSign(raw.context, signature, &size, raw.bytes(), raw.message.size()) == 1);
    auto* const context = EVP_MD_CTX_new();
    check(EVP_DigestVerifyInit(context, nullptr, raw.digest, nullptr, raw.key) == 1);
    for (auto _ : state) {
        check(EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, nullptr) == 1);
        check(EVP_DigestVerify(context, signature, size, raw.bytes(), raw.message.size()) == 1);
    }
    EVP_MD_CTX_free(context);
}
void raw_hs256(benchmark::State& state) {
    Raw const raw{SignatureAlgorithm::es256};
    auto const key = secret();
    auto* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    auto* const context = EVP_MAC_CTX_new(mac);
    char digest[] = "SHA256";
    OSSL_PARAM const parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    check(EVP_MAC_init(context, zephyr::raw(ByteView{key.reveal()}), key.size(), parameters) == 1);
    for (auto _ : state) {
        unsigned char tag[32];
        std::size_t size = 0;
        check(EVP_MAC_init(context, nullptr, 0, nullptr) == 1 && EVP_MAC_update(context, raw.bytes(), raw.message.size()) == 1 &&
              EVP_MAC_final(context, tag, &size, sizeof tag) == 1);
        benchmark::DoNotOptimize(tag);
    }
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

BENCHMARK_CAPTURE(raw_sign, es256, SignatureAlgorithm::es256);
BENCHMARK_CAPTURE(jose_sign, es256, SignatureAlgorithm::es256);
BENCHMARK_CAPTURE(raw_verify, es256, SignatureAlgorithm::es256);
BENCHMARK_CAPTURE(jose_verify, es256, SignatureAlgorithm::es256);
BENCHMARK_CAPTURE(raw_sign, eddsa, SignatureAlgorithm::ed25519);
BENCHMARK_CAPTURE(jose_sign, eddsa, SignatureAlgorithm::ed25519);
BENCHMARK_CAPTURE(raw_verify, eddsa, SignatureAlgorithm::ed25519);
BENCHMARK_CAPTURE(jose_verify, eddsa, SignatureAlgorithm::ed25519);
BENCHMARK_CAPTURE(raw_sign, rs256, SignatureAlgorithm::rs256);
BENCHMARK_CAPTURE(jose_sign, rs256, SignatureAlgorithm::rs256);
BENCHMARK_CAPTURE(raw_verify, rs256, SignatureAlgorithm::rs256);
BENCHMARK_CAPTURE(jose_verify, rs256, SignatureAlgorithm::rs256);
BENCHMARK(raw_hs256);
BENCHMARK(jose_hs256_sign);
BENCHMARK(jose_hs256_verify);

}  // namespace

BENCHMARK_MAIN();
