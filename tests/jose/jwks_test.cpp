#include "zephyr/jose/jwks.h"

#include <gtest/gtest.h>

#include "jose_fixture.h"

namespace zephyr::jose {
namespace {

using namespace testing;

Json set_of(Json::Array keys) {
    return Json::object({{"keys", std::move(keys)}});
}
Json named(Json json, std::string_view kid) {
    return json.set("kid", kid);
}
Json secret_json(std::string_view kid) {
    return Json::object({{"kty", "oct"}, {"alg", "HS256"}, {"kid", kid}, {"k", encoding::base64url_encode(random_looking(32))}});
}

TEST(JwkSet, keeps_the_keys_it_can_use_and_passes_over_the_others) {
    auto const ec = es256_key().public_jwk().to_json();
    // RFC 7517 5: "Implementations SHOULD ignore JWKs within a JWK Set that use "kty" (key type) values that are not understood by
    // them, that are missing required members, or for which values are out of the supported ranges."
    auto const text = set_of({ec, Json::object({{"kty", "AKP"}, {"alg", "ML-DSA-65"}, {"kid", "pq"}, {"pub", "AQAB"}}),
                              Json{named(ec, "enc")}.set("use", "enc"), Json{named(ec, "off")}.set("y", ec.string_at("x").value()),
                              Json{named(ec, "published")}.set("d", "AQAB"), eddsa_key().public_jwk().to_json()})
                          .dump();
    auto const set = JwkSet::parse_text(text).value();
    EXPECT_EQ(set.keys().size(), 2u);
    EXPECT_EQ(set.passed_over(), 4u);
    EXPECT_NE(set.find("ec-1", Algorithm::es256), nullptr);
    EXPECT_EQ(set.find("ec-1", Algorithm::rs256), nullptr);
    EXPECT_TRUE(set.has("ec-1"));
    for (auto const* const kid : {"enc", "off", "published", "pq", ""}) EXPECT_FALSE(set.has(kid)) << kid;
    EXPECT_EQ(JwkSet::parse(set.to_json()).value().to_json(), set.to_json());
}

TEST(JwkSet, without_a_kid_finds_the_only_key_of_an_algorithm) {
    auto const ec = es256_key().public_jwk().to_json();
    auto const one = JwkSet::parse(set_of({ec, eddsa_key().public_jwk().to_json()})).value();
    EXPECT_EQ(one.find("", Algorithm::es256)->kid(), "ec-1");
    auto const two = JwkSet::parse(set_of({ec, named(ec, "ec-2")})).value();
    EXPECT_EQ(two.find("", Algorithm::es256), nullptr) << "which of the two would be guesswork";
}

TEST(JwkSet, two_keys_of_one_kid_refuse_the_set) {
    auto const ec = es256_key().public_jwk().to_json();
    EXPECT_EQ(JwkSet::parse(set_of({ec, ec})).error(), errors::key_set_refused);
    EXPECT_EQ(JwkSet::parse(set_of({ec, named(rs256_key().public_jwk().to_json(), "ec-1")})).error(), errors::key_set_refused);
    // The other one need not even be a key we can use.
    EXPECT_EQ(JwkSet::parse(set_of({ec, Json::object({{"kty", "AKP"}, {"kid", "ec-1"}})})).error(), errors::key_set_refused);
}

TEST(JwkSet, a_shared_secret_among_public_keys_refuses_the_set) {
    auto const ec = es256_key().public_jwk().to_json();
    EXPECT_EQ(JwkSet::parse(set_of({ec, secret_json("hs")})).error(), errors::key_set_refused);
    EXPECT_EQ(JwkSet::parse(set_of({secret_json("hs")})).error(), errors::key_set_refused);
    EXPECT_EQ(JwkSet::parse(set_of({Json{ec}.set("k", "AQAB")})).error(), errors::key_set_refused);
    EXPECT_EQ(JwkSet::parse_secrets(set_of({secret_json("hs"), ec})).error(), errors::key_set_refused);
    auto const secrets = JwkSet::parse_secrets(set_of({secret_json("hs"), secret_json("hs-2")})).value();
    EXPECT_NE(secrets.find("hs-2", Algorithm::hs256), nullptr);
    EXPECT_EQ(JwkSet::parse_secrets(set_of({secret_json("hs"), Json{secret_json("hs-2")}.set("k", "AQAB")})).error(),
              errors::key_set_refused);
}

TEST(JwkSet, what_is_no_set_is_refused) {
    for (auto const* const text :
         {"", "{", "[]", "null", "{}", R"({"keys":null})", R"({"keys":{}})", R"({"keys":["a"]})", R"({"keys":[null]})",
          R"({"keys":[]} )"
          "x",
          R"({"keys":[],"keys":[]})", "<html>", "\xEF\xBB\xBF{\"keys\":[]}"})
        EXPECT_EQ(JwkSet::parse_text(text).error(), errors::key_set_refused) << text;
    EXPECT_TRUE(JwkSet::parse_text(R"({"keys":[]})").ok()) << "an issuer may withdraw every key it has";
}

TEST(JwkSet, is_bounded) {
    auto const ec = es256_key().public_jwk().to_json();
    Json::Array keys;
    for (std::size_t i = 0; i < JwkSet::max_keys; ++i) keys.push_back(named(ec, "kid-" + std::to_string(i)));
    EXPECT_TRUE(JwkSet::parse(set_of(keys)).ok());
    keys.push_back(named(ec, "one-more"));
    EXPECT_EQ(JwkSet::parse(set_of(keys)).error(), errors::key_set_refused);

    auto const padded = [](std::size_t bytes) {
        std::string text = R"({"keys":[]})";
        text.append(bytes - text.size(), ' ');
        return text;
    };
    EXPECT_TRUE(JwkSet::parse_text(padded(JwkSet::max_bytes)).ok());
    EXPECT_EQ(JwkSet::parse_text(padded(JwkSet::max_bytes + 1)).error(), errors::key_set_refused);
    std::string deep = R"({"keys":[],"x":)";
    EXPECT_EQ(JwkSet::parse_text(deep + std::string(50'000, '[') + std::string(50'000, ']') + "}").error(), errors::key_set_refused);
}

}  // namespace
}  // namespace zephyr::jose
