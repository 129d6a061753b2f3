#include "zephyr/jose/jwk.h"

#include <gtest/gtest.h>

#include "jose_fixture.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/jose/jwks.h"

namespace zephyr::jose {
namespace {

using namespace testing;

Json ec_json() {
    return es256_key().public_jwk().to_json();
}
Json rsa_json() {
    return rs256_key().public_jwk().to_json();
}
Json with(Json json, std::string name, Json value) {
    return json.set(std::move(name), std::move(value));
}
Json without(Json const& json, std::string_view name) {
    auto out = Json::object();
    for (auto const& [member, value] : *json.members())
        if (member != name) out.set(member, value);
    return out;
}
bool refused(Json const& json) {
    auto const key = Jwk::parse(json);
    return !key.ok() && key.error() == errors::key_refused;
}
// Cut or lengthened by whole bytes.
std::string resized(Json const& json, std::string_view name, int by) {
    auto bytes = encoding::base64url_decode(json.string_at(name).value()).value();
    if (by > 0)
        bytes.insert(bytes.begin(), std::byte{0});
    else
        bytes.pop_back();
    return encoding::base64url_encode(bytes);
}

TEST(Algorithms, are_found_by_their_exact_name_alone) {
    for (auto const algorithm :
         {Algorithm::es256, Algorithm::es384, Algorithm::es512, Algorithm::eddsa, Algorithm::rs256, Algorithm::ps256, Algorithm::hs256})
        EXPECT_EQ(algorithm_from(name_of(algorithm)), algorithm);
    // RFC 7515 4.1.1: "The "alg" value is a case-sensitive ASCII string".
    for (auto const* const name : {"none", "None", "NONE", "nOnE", "es256", "Es256", "eddsa", "EDDSA", "HS384", "RS384", "ES256K", "RSA1_5",
                                   "", " ES256", "ES256 ", "dir"})
        EXPECT_EQ(algorithm_from(name), std::nullopt) << name;
}

TEST(Jwk, comes_back_from_its_json_with_the_same_key) {
    for (auto const algorithm :
         {crypto::SignatureAlgorithm::es256, crypto::SignatureAlgorithm::es384, crypto::SignatureAlgorithm::es512,
          crypto::SignatureAlgorithm::ed25519, crypto::SignatureAlgorithm::rs256, crypto::SignatureAlgorithm::ps256}) {
        SigningJwk const key{crypto::SigningKey::generate(algorithm, 2048), "kid"};
        auto const json = key.public_jwk().to_json();
        auto const again = Jwk::parse(json).value();
        EXPECT_EQ(again.to_json(), json);
        EXPECT_EQ(again.algorithm(), key.algorithm());
        EXPECT_EQ(again.kid(), "kid");
        EXPECT_EQ(json.string_at("alg"), name_of(key.algorithm()));
        EXPECT_EQ(json.string_at("use"), "sig");
        EXPECT_EQ(json.find("d"), nullptr);
        EXPECT_TRUE(again.verify(as_bytes("text"), key.sign(as_bytes("text"))).ok());
        EXPECT_EQ(again.verify(as_bytes("test"), key.sign(as_bytes("text"))).error(), errors::signature_wrong);
    }
}

TEST(Jwk, without_alg_the_type_decides) {
    EXPECT_EQ(Jwk::parse(without(ec_json(), "alg")).value().algorithm(), Algorithm::es256);
    EXPECT_EQ(Jwk::parse(without(rsa_json(), "alg")).value().algorithm(), Algorithm::rs256);
    EXPECT_EQ(Jwk::parse(with(rsa_json(), "alg", "PS256")).value().algorithm(), Algorithm::ps256);
    EXPECT_EQ(Jwk::parse(without(without(ec_json(), "use"), "kid")).value().kid(), "");
}

TEST(Jwk, an_algorithm_of_another_type_or_curve_is_refused) {
    for (auto const* const alg : {"ES384", "ES512", "ES521", "RS256", "HS256", "EdDSA", "none", "ES256K", "", "es256"})
        EXPECT_TRUE(refused(with(ec_json(), "alg", alg))) << alg;
    for (auto const* const alg : {"ES256", "HS256", "RS384", "RSA-OAEP", "RSA1_5"})
        EXPECT_TRUE(refused(with(rsa_json(), "alg", alg))) << alg;
    EXPECT_TRUE(refused(with(ec_json(), "alg", 7)));
    EXPECT_TRUE(refused(with(ec_json(), "kty", "RSA")));
    EXPECT_TRUE(refused(with(ec_json(), "kty", "oct")));
    EXPECT_TRUE(refused(with(ec_json(), "kty", "ec")));
    EXPECT_TRUE(refused(with(ec_json(), "kty", nullptr)));
    EXPECT_TRUE(refused(without(ec_json(), "kty")));
    for (auto const* const curve : {"P-384", "P-521", "secp256k1", "p-256", "Ed25519", ""})
        EXPECT_TRUE(refused(with(ec_json(), "crv", curve))) << curve;
}

// The public key of an RS256 issuer, offered as a secret for HS256.
TEST(Jwk, a_public_key_is_no_secret) {
    EXPECT_TRUE(refused(with(with(rsa_json(), "kty", "oct"), "alg", "HS256")));
    EXPECT_TRUE(refused(with(ec_json(), "k", b64(as_text(random_looking(32))))));
}

TEST(Jwk, numbers_of_another_length_or_off_the_curve_are_refused) {
    for (auto const* const name : {"x", "y"}) {
        EXPECT_TRUE(refused(with(ec_json(), name, resized(ec_json(), name, -1))));
        EXPECT_TRUE(refused(with(ec_json(), name, resized(ec_json(), name, +1))));
        EXPECT_TRUE(refused(with(ec_json(), name, "")));
        EXPECT_TRUE(refused(with(ec_json(), name, 7)));
        EXPECT_TRUE(refused(without(ec_json(), name)));
        EXPECT_TRUE(refused(with(ec_json(), name, *ec_json().string_at(name) + "=")));
        EXPECT_TRUE(refused(with(ec_json(), name, " " + *ec_json().string_at(name))));
    }
    EXPECT_TRUE(refused(with(ec_json(), "y", ec_json().string_at("x").value()))) << "off the curve";
    auto const ed = eddsa_key().public_jwk().to_json();
    EXPECT_TRUE(refused(with(ed, "x", resized(ed, "x", -1))));
    EXPECT_TRUE(refused(with(ed, "x", resized(ed, "x", +1))));
    EXPECT_TRUE(refused(with(ed, "x", encoding::base64url_encode(Bytes(32))))) << "small order";
    EXPECT_TRUE(refused(with(ed, "crv", "X25519")));
    EXPECT_TRUE(refused(with(ed, "crv", "Ed448")));
}

TEST(Jwk, rsa_keys_that_are_short_or_prove_nothing_are_refused) {
    EXPECT_TRUE(refused(with(rsa_json(), "e", "AQ"))) << "e = 1";
    EXPECT_TRUE(refused(with(rsa_json(), "e", "Ag"))) << "e = 2";
    EXPECT_TRUE(refused(with(rsa_json(), "e", "AAEAAQ"))) << "a leading zero";
    EXPECT_TRUE(refused(with(rsa_json(), "n", resized(rsa_json(), "n", +1)))) << "a leading zero";
    Bytes short_modulus(128, std::byte{0xa5});
    EXPECT_TRUE(refused(with(rsa_json(), "n", encoding::base64url_encode(short_modulus)))) << "1024 bits";
    EXPECT_TRUE(refused(with(rsa_json(), "n", std::string(1 << 16, 'A')))) << "half a million bits";
}

TEST(Jwk, a_private_key_is_refused) {
    for (auto const* const name : {"d", "p", "q", "dp", "dq", "qi", "oth"}) {
        EXPECT_TRUE(refused(with(rsa_json(), name, "AQAB"))) << name;
        EXPECT_TRUE(refused(with(ec_json(), name, "AQAB"))) << name;
    }
}

TEST(Jwk, a_key_for_something_else_is_refused) {
    EXPECT_TRUE(refused(with(ec_json(), "use", "enc")));
    EXPECT_TRUE(refused(with(ec_json(), "use", "SIG")));
    EXPECT_TRUE(refused(with(ec_json(), "use", 1)));
    EXPECT_TRUE(refused(with(ec_json(), "key_ops", "verify")));
    EXPECT_TRUE(refused(with(ec_json(), "key_ops", Json::array({"sign"}))));
    EXPECT_TRUE(refused(with(ec_json(), "key_ops", Json::array({}))));
    EXPECT_TRUE(refused(with(ec_json(), "key_ops", Json::array({"verify", "verify"}))));
    EXPECT_TRUE(refused(with(ec_json(), "key_ops", Json::array({"verify", 1}))));
    EXPECT_TRUE(Jwk::parse(with(ec_json(), "key_ops", Json::array({"sign", "verify"}))).ok());
}

TEST(Jwk, what_is_no_object_or_has_an_endless_kid_is_refused) {
    EXPECT_TRUE(refused(Json{}));
    EXPECT_TRUE(refused(Json{"key"}));
    EXPECT_TRUE(refused(Json::array({ec_json()})));
    EXPECT_TRUE(refused(Json::object()));
    EXPECT_TRUE(refused(with(ec_json(), "kid", std::string(257, 'k'))));
    EXPECT_TRUE(refused(with(ec_json(), "kid", 12)));
    EXPECT_TRUE(Jwk::parse(with(ec_json(), "kid", std::string(256, 'k'))).ok());
    auto const key = crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256).verify_key();
    EXPECT_THROW((void)Jwk::from(key, std::string(257, 'k')), Fault);
}

TEST(SharedSecret, below_32_bytes_is_weak) {
    // RFC 7518 3.2: "A key of the same size as the hash output (for instance, 256 bits for "HS256") or larger MUST be used".
    for (std::size_t const size : {0u, 1u, 16u, 31u})
        EXPECT_EQ(Jwk::from_secret(SecretBytes{random_looking(size)}, "").error(), errors::weak_secret) << size;
    EXPECT_TRUE(Jwk::from_secret(SecretBytes{random_looking(32)}, "").ok());
    EXPECT_TRUE(Jwk::from_secret(SecretBytes{random_looking(65)}, "").ok()) << "longer than a block of SHA-256";
    EXPECT_EQ(SigningJwk::from_secret(SecretBytes{random_looking(31)}, "").error(), errors::weak_secret);
    auto const json = Json::object({{"kty", "oct"}, {"alg", "HS256"}, {"k", encoding::base64url_encode(random_looking(31))}});
    EXPECT_EQ(Jwk::parse(json).error(), errors::weak_secret);
}

TEST(SharedSecret, that_is_text_is_weak_however_long) {
    for (auto const* const text : {"my-32-character-ultra-secure-and-ultra-long-secret", "a10fe05c-4524-4975-850c-24eb2e9bff8e",
                                   "8606f0a08d9447c687420874359c078a8606f0a08d9447c687420874359c078a", "$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$",
                                   "0123456789 0123456789\n0123456789 0123456789", "пароль-пароль-пароль-пароль-пароль"})
        EXPECT_EQ(Jwk::from_secret(SecretBytes{to_bytes(text)}, "").error(), errors::weak_secret) << text;
}

// jwt-secrets, github.com/wallarm/jwt-secrets: secrets found in use.
TEST(SharedSecret, of_a_public_list_is_refused_line_by_line) {
    auto const* const folder = std::getenv("ZEPHYR_VECTORS");
    if (folder == nullptr) GTEST_SKIP() << "ZEPHYR_VECTORS is not set";
    std::ifstream file{std::string{folder} + "/jose/weak-hmac-secrets.txt", std::ios::binary};
    ASSERT_TRUE(file.good());
    int lines = 0, long_ones = 0;
    for (std::string line; std::getline(file, line); ++lines) {
        long_ones += line.size() >= 32 ? 1 : 0;
        EXPECT_EQ(Jwk::from_secret(SecretBytes{to_bytes(line)}, "").error(), errors::weak_secret) << line;
    }
    EXPECT_EQ(lines, 8000);
    std::printf("weak secrets: %d of %d refused, %d of them long enough to pass by length\n", lines, lines, long_ones);
}

TEST(SharedSecret, has_no_public_form) {
    EXPECT_THROW((void)hs256_key().public_jwk().to_json(), Fault);
    EXPECT_THROW((void)JwkSet{{hs256_key().public_jwk()}}.to_json(), Fault);
}

TEST(SharedSecret, an_oct_key_must_name_hs256) {
    auto const json = Json::object({{"kty", "oct"}, {"k", encoding::base64url_encode(random_looking(64))}});
    EXPECT_TRUE(refused(json));
    for (auto const* const alg : {"HS512", "HS384", "A256KW", "ES256", "none", "dir"}) EXPECT_TRUE(refused(with(json, "alg", alg))) << alg;
    EXPECT_EQ(Jwk::parse(with(json, "alg", "HS256")).value().algorithm(), Algorithm::hs256);
    EXPECT_TRUE(refused(with(with(json, "alg", "HS256"), "use", "enc")));
}

TEST(Thumbprint, matches_rfc_7638_and_the_literals_of_another_library) {
    auto const vectors = encoding::parse_json(read_file("tests/vectors/jose/jwk_thumbprint.json")).value();
    int checked = 0;
    for (auto const& each : *vectors.find("cases")->items()) {
        auto const input = thumbprint_input(*each.find("jwk")).value();
        auto const hash = each.string_at("hash") == "sha-512" ? crypto::sha512(as_bytes(input)) : crypto::sha256(as_bytes(input));
        EXPECT_EQ(encoding::base64url_encode(hash), each.string_at("expected")) << each.string_at("id").value();
        ++checked;
    }
    EXPECT_EQ(checked, 4);
    // RFC 7638 3.1, the SHA-256 value of the text.
    auto const& rfc_key = *vectors.find("cases")->items()->front().find("jwk");
    EXPECT_EQ(Jwk::parse(rfc_key).value().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(Thumbprint, depends_on_the_key_alone) {
    auto const plain = Jwk::parse(ec_json()).value().thumbprint();
    EXPECT_EQ(plain.size(), 43u);
    EXPECT_EQ(Jwk::parse(with(ec_json(), "kid", "another")).value().thumbprint(), plain);
    EXPECT_EQ(Jwk::parse(without(ec_json(), "alg")).value().thumbprint(), plain);
    EXPECT_NE(rs256_key().public_jwk().thumbprint(), plain);
    EXPECT_EQ(thumbprint_input(without(ec_json(), "y")).error(), errors::key_refused);
    EXPECT_EQ(thumbprint_input(with(ec_json(), "y", "a b")).error(), errors::key_refused);
    EXPECT_EQ(thumbprint_input(Json::object({{"kty", "AKP"}})).error(), errors::key_refused);
}

}  // namespace
}  // namespace zephyr::jose
