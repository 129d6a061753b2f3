#include "zephyr/jose/jws.h"

#include <gtest/gtest.h>

#include "jose_fixture.h"

namespace zephyr::jose {
namespace {

using namespace testing;

auto const& key = es256_key;
Jwk const& verifier() {
    return es256_key().public_jwk();
}
bool malformed(std::string_view text) {
    auto const parsed = parse_compact(text);
    return !parsed.ok() && parsed.error() == errors::malformed;
}

class EveryKey : public ::testing::TestWithParam<SigningJwk const* (*)()> {};
INSTANTIATE_TEST_SUITE_P(Jws, EveryKey,
                         ::testing::Values([] { return &es256_key(); }, [] { return &eddsa_key(); }, [] { return &rs256_key(); },
                                           [] { return &hs256_key(); }));

TEST_P(EveryKey, verifies_what_it_signed_and_nothing_near_it) {
    auto const& signer = *GetParam()();
    auto const text = sign_compact(signer, "test+jws", "payload");
    auto const jws = verify_compact(text, signer.public_jwk()).value();
    EXPECT_EQ(to_text(jws.payload), "payload");
    EXPECT_EQ(jws.typ, "test+jws");
    EXPECT_EQ(jws.kid, signer.kid());
    EXPECT_EQ(jws.algorithm, signer.algorithm());

    // Each character of header, payload and signature counts.
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto changed = text;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(verify_compact(changed, signer.public_jwk()).ok()) << i;
    }
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(verify_compact(std::string_view{text}.substr(0, size), signer.public_jwk()).ok()) << size;
}

TEST_P(EveryKey, an_algorithm_that_is_not_the_keys_is_refused_before_its_signature_counts) {
    auto const& signer = *GetParam()();
    for (auto const* const alg : {"ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256", "HS256"}) {
        if (alg == name_of(signer.algorithm())) continue;
        auto const text = forged(std::string{R"({"alg":")"} + alg + R"("})", "payload", signer);
        EXPECT_EQ(verify_compact(text, signer.public_jwk()).error(), errors::algorithm_refused) << alg;
    }
}

TEST(Jws, none_in_any_spelling_is_refused) {
    // RFC 8725 3.2: "JWT libraries SHOULD NOT generate JWTs using "none" unless explicitly requested", nor take them.
    for (auto const* const alg : {"none", "None", "NONE", "nOnE", "NoNe", "", "null", "HS384", "ES256K", "es256"}) {
        auto const header = std::string{R"({"alg":")"} + alg + R"("})";
        EXPECT_EQ(verify_compact(forged(header, "payload", key()), verifier()).error(), errors::algorithm_refused) << alg;
        EXPECT_FALSE(verify_compact(b64(header) + "." + b64("payload") + ".", verifier()).ok()) << alg;
        EXPECT_FALSE(verify_compact(b64(header) + "." + b64("payload"), verifier()).ok()) << alg;
    }
    for (auto const* const header : {R"({})", R"({"alg":null})", R"({"alg":["ES256"]})", R"({"alg":256})", R"({"ALG":"ES256"})"})
        EXPECT_TRUE(malformed(forged(header, "payload", key()))) << header;
}

// The classic: HMAC with the public key's bytes as its secret (CVE-2015-9235).
TEST(Jws, a_public_key_does_not_serve_as_hmac_secret) {
    auto const& rsa = rs256_key().public_jwk();
    // Its JSON or PEM is text, which is no secret to begin with.
    EXPECT_EQ(SigningJwk::from_secret(SecretBytes{to_bytes(rsa.to_json().dump())}, rsa.kid()).error(), errors::weak_secret);
    auto modulus = encoding::base64url_decode(rsa.to_json().string_at("n").value()).value();
    auto const hmac = SigningJwk::from_secret(SecretBytes{std::move(modulus)}, rsa.kid()).value();
    EXPECT_EQ(verify_compact(sign_compact(hmac, "JWT", "{}"), rsa).error(), errors::algorithm_refused);
}

TEST(Jws, a_signature_of_zeros_is_wrong) {
    // CVE-2022-21449, "psychic signatures": r = s = 0 once verified everything.
    auto const input = b64(R"({"alg":"ES256"})") + "." + b64("payload");
    for (std::size_t const size : {64u, 63u, 65u, 1u, 8u, 128u})
        EXPECT_EQ(verify_compact(input + "." + encoding::base64url_encode(Bytes(size)), verifier()).error(), errors::signature_wrong)
            << size;
    // r = n, s = n: zero modulo the order of P-256.
    Bytes order = encoding::base64url_decode("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE").value();
    auto both = order;
    both.insert(both.end(), order.begin(), order.end());
    EXPECT_EQ(verify_compact(input + "." + encoding::base64url_encode(both), verifier()).error(), errors::signature_wrong);
}

TEST(Jws, a_der_signature_is_wrong) {
    auto const signer = crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256);
    auto const input = b64(R"({"alg":"ES256"})") + "." + b64("payload");
    auto const der = encoding::base64url_encode(signer.sign(as_bytes(input), crypto::EcdsaForm::der));
    EXPECT_EQ(verify_compact(input + "." + der, Jwk::from(signer.verify_key(), "")).error(), errors::signature_wrong);
}

TEST(Jws, anything_but_three_parts_of_strict_base64url_is_malformed) {
    auto const text = sign_compact(key(), "JWT", "{}");
    auto const first = text.find('.');
    auto const second = text.rfind('.');
    for (auto const* const shape : {"", ".", "..", "...", "a", "a.b", "a.b.c.d", "....", "{}"}) EXPECT_TRUE(malformed(shape)) << shape;
    EXPECT_TRUE(malformed(text + ".AAAA")) << "five parts are a JWE, four nothing";
    // Padding, blanks, the other alphabet and bits left over are each another spelling of the same token.
    for (auto const* const extra : {"=", "==", " ", "\n", "\t", "+", "/", "%3D", "\"", "?", "#"}) {
        for (auto const at : {std::size_t{0}, first, first + 1, second, second + 1, text.size()}) {
            auto changed = text;
            changed.insert(at, extra);
            EXPECT_TRUE(malformed(changed)) << extra << " at " << at;
        }
    }
    auto nul = text;
    nul.insert(second, 1, '\0');
    EXPECT_TRUE(malformed(nul));
    // "AB" and "AA" decode to one byte each; only "AA" leaves no bits over.
    EXPECT_TRUE(malformed(b64(R"({"alg":"ES256"})") + ".AB.AAAA"));
    EXPECT_FALSE(malformed(b64(R"({"alg":"ES256"})") + ".AA.AAAA"));
}

TEST(Jws, a_json_serialisation_is_malformed) {
    EXPECT_TRUE(malformed(R"({"payload":"Zm9v","protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AAAA"})"));
}

TEST(Jws, extensions_are_refused_whether_critical_or_not) {
    // RFC 7515 4.1.11: "If any of the listed extension Header Parameters are not understood and supported by the recipient, then the
    // JWS is invalid."
    for (auto const* const header :
         {R"({"alg":"ES256","crit":["exp"],"exp":1})", R"({"alg":"ES256","crit":["b64"],"b64":false})", R"({"alg":"ES256","crit":[]})",
          R"({"alg":"ES256","crit":null})", R"({"alg":"ES256","crit":"alg"})", R"({"alg":"ES256","crit":["alg"]})",
          R"({"alg":"ES256","b64":false})", R"({"alg":"ES256","b64":true})"})
        EXPECT_TRUE(malformed(forged(header, "payload", key()))) << header;
}

TEST(Jws, keys_and_addresses_in_the_header_are_never_used) {
    SigningJwk const attacker{crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256), "ec-1"};
    auto header = Json::object({{"alg", "ES256"}, {"kid", "ec-1"}, {"jwk", attacker.public_jwk().to_json()}});
    EXPECT_EQ(verify_compact(forged(header.dump(), "payload", attacker), verifier()).error(), errors::signature_wrong);
    for (auto const* const name : {"jku", "x5u"}) {
        header = Json::object({{"alg", "ES256"}, {name, "https://attacker.example/jwks.json"}});
        EXPECT_EQ(verify_compact(forged(header.dump(), "payload", attacker), verifier()).error(), errors::signature_wrong) << name;
        // They do no harm to a signature that is right without them.
        EXPECT_TRUE(verify_compact(forged(header.dump(), "payload", key()), verifier()).ok()) << name;
    }
    header = Json::object({{"alg", "ES256"}, {"x5c", Json::array({"MIIB"})}, {"x5t", "AAAA"}});
    EXPECT_EQ(verify_compact(forged(header.dump(), "payload", attacker), verifier()).error(), errors::signature_wrong);
}

TEST(Jws, a_header_that_is_no_json_object_or_says_one_thing_twice_is_malformed) {
    for (auto const* const header :
         {"", "{", "null", "[]", "\"ES256\"", "1", R"({"alg":"ES256")", R"({"alg":"ES256"}x)", R"({'alg':'ES256'})",
          R"({"alg":"ES256","alg":"none"})", R"({"alg":"none","alg":"ES256"})", R"({"alg":"ES256","kid":"a","kid":"b"})",
          R"({"alg":"ES256","\u0061lg":"none"})", "\xEF\xBB\xBF{\"alg\":\"ES256\"}", "{\"alg\":\"ES256\",\"kid\":\"\xff\"}",
          R"({"alg":"ES256","kid":1})", R"({"alg":"ES256","kid":""})", R"({"alg":"ES256","typ":["JWT"]})", R"({"alg":"ES256","typ":null})"})
        EXPECT_TRUE(malformed(forged(header, "payload", key()))) << header;
    EXPECT_FALSE(malformed(forged(R"( { "alg" : "ES256" } )", "payload", key()))) << "blanks are JSON's own business";
}

TEST(Jws, everything_is_bounded) {
    auto const header_of = [](std::size_t bytes) {
        std::string header = R"({"alg":"ES256","x":""})";
        header.insert(header.size() - 2, bytes - header.size(), 'x');
        return header;
    };
    EXPECT_TRUE(verify_compact(forged(header_of(8 * 1024), "", key()), verifier()).ok());
    EXPECT_TRUE(malformed(forged(header_of(8 * 1024 + 1), "", key())));
    std::string const deep = R"({"alg":"ES256","x":)" + std::string(3000, '[') + std::string(3000, ']') + "}";
    EXPECT_TRUE(malformed(forged(deep, "", key())));
    EXPECT_TRUE(malformed(forged(R"({"alg":"ES256","kid":")" + std::string(257, 'k') + "\"}", "", key())));
    EXPECT_TRUE(verify_compact(sign_compact(key(), "", std::string(40'000, 'p')), verifier()).ok());
    EXPECT_TRUE(malformed(sign_compact(key(), "", std::string(50'000, 'p')))) << "beyond 64 KiB as text";
    EXPECT_TRUE(malformed(std::string(1 << 20, '.')));
    EXPECT_TRUE(verify_compact(sign_compact(key(), "", std::string(50'000, 'p')), verifier(), {.bytes = 1 << 20}).ok());
}

TEST(Jws, kid_and_typ_stay_out_when_empty_and_keep_odd_characters) {
    SigningJwk const plain{crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519), ""};
    auto const jws = parse_compact(sign_compact(plain, "", "x")).value();
    EXPECT_EQ(jws.header, Json::object({{"alg", "EdDSA"}}));
    EXPECT_EQ(jws.kid, "");
    SigningJwk const odd{crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519), "a\"b\\c\nü"};
    EXPECT_EQ(parse_compact(sign_compact(odd, "JWT", "x")).value().kid, "a\"b\\c\nü");
}

}  // namespace
}  // namespace zephyr::jose
