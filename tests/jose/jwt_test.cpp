#include "zephyr/jose/jwt.h"

#include <gtest/gtest.h>

#include "jose_fixture.h"
#include "testing/manual_clock.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::jose {
namespace {

using namespace testing;

class JwtTest : public ::testing::Test {
protected:
    zephyr::testing::ManualClock clock;
    StaticKeys keys{JwkSet{{es256_key().public_jwk(), eddsa_key().public_jwk(), rs256_key().public_jwk()}}};

    std::int64_t now() const { return to_millis(clock.now()) / 1000; }
    Json claims() const {
        return Json::object({{"iss", "https://issuer.example"}, {"aud", "app"}, {"sub", "alice"}, {"exp", now() + 300}, {"iat", now()}});
    }
    Json with(std::string name, Json value) const { return claims().set(std::move(name), std::move(value)); }
    Json without(std::string_view name) const {
        auto const all = claims();
        auto out = Json::object();
        for (auto const& [member, value] : *all.members())
            if (member != name) out.set(member, value);
        return out;
    }
    static JwtPolicy policy() { return {"https://issuer.example", "app", "at+jwt"}; }
    Result<VerifiedJwt> verify(std::string_view token, JwtPolicy wanted = policy()) {
        return JwtVerifier{keys, std::move(wanted), clock}.verify(token);
    }
    Result<VerifiedJwt> judged(Json const& content, JwtPolicy wanted = policy()) {
        return verify(sign_jwt(es256_key(), "at+jwt", content), std::move(wanted));
    }
    Result<VerifiedJwt> judged_text(std::string_view content) { return verify(sign_compact(es256_key(), "at+jwt", content)); }
    // The claims as text with that raw value of one claim.
    Result<VerifiedJwt> judged_raw(std::string_view name, std::string_view value) {
        auto text = without(name).dump();
        text.insert(text.size() - 1, ",\"" + std::string{name} + "\":" + std::string{value});
        return judged_text(text);
    }
};

TEST_F(JwtTest, a_token_that_keeps_the_policy_tells_its_claims) {
    for (auto const* key : {&es256_key(), &eddsa_key(), &rs256_key()}) {
        auto const jwt = verify(sign_jwt(*key, "at+jwt", with("jti", "id-1"))).value();
        EXPECT_EQ(jwt.issuer(), "https://issuer.example");
        EXPECT_EQ(jwt.subject(), "alice");
        EXPECT_EQ(jwt.audiences(), std::vector<std::string>{"app"});
        EXPECT_EQ(jwt.id(), "id-1");
        EXPECT_EQ(jwt.expires_at(), clock.now() + 300s);
        EXPECT_EQ(jwt.issued_at(), clock.now());
        EXPECT_EQ(jwt.claims(), with("jti", "id-1"));
    }
    auto const bare = judged(without("iat")).value();
    EXPECT_EQ(bare.issued_at(), std::nullopt);
    EXPECT_EQ(bare.id(), "");
}

TEST_F(JwtTest, expires_on_the_second_and_not_one_later) {
    auto const token = sign_jwt(es256_key(), "at+jwt", claims());
    clock.advance(299'999ms);
    EXPECT_TRUE(verify(token).ok());
    // RFC 7519 4.1.4: "the expiration time on or after which the JWT MUST NOT be accepted for processing".
    clock.advance(1ms);
    EXPECT_EQ(verify(token).error(), errors::expired);
    clock.advance(1s);
    EXPECT_EQ(verify(token).error(), errors::expired) << "expired by one second";
    EXPECT_TRUE(verify(token, policy().leeway(2s)).ok());
    EXPECT_EQ(verify(token, policy().leeway(1s)).error(), errors::expired);
}

TEST_F(JwtTest, without_an_expiry_or_with_one_no_calendar_has_is_refused) {
    EXPECT_EQ(judged(without("exp")).error(), errors::claim_missing);
    for (auto const* const value : {"-1", "-0.5", "1e300", "1e308", "-1e300", "253402300800", "9223372036854775807", "9223372036854775808",
                                    "18446744073709551616", "\"2030\"", "\"4102444800\"", "null", "true", "[4102444800]", "{}", "\"\""})
        EXPECT_EQ(judged_raw("exp", value).error(), errors::malformed) << value;
    for (auto const* const value : {"1e999", "NaN", "Infinity", "0x7fffffff", "04102444800", "+4102444800", "4102444800.", ".5"})
        EXPECT_FALSE(judged_raw("exp", value).ok()) << value;
    EXPECT_EQ(judged_raw("exp", "0").error(), errors::malformed) << "iat after exp";
    EXPECT_TRUE(judged_raw("exp", "253402300799").ok());
}

TEST_F(JwtTest, a_fraction_of_a_second_counts_and_2038_is_no_end) {
    // RFC 7519 2: "non-integer values can be represented".
    EXPECT_EQ(judged_raw("exp", std::to_string(now() + 1) + ".5").value().expires_at(), clock.now() + 1500ms);
    EXPECT_EQ(judged_raw("exp", "1.8e9").value().expires_at(), from_millis(1'800'000'000'000));
    EXPECT_EQ(judged_raw("exp", "4102444800").value().expires_at(), from_millis(4'102'444'800'000)) << "2100";
    EXPECT_EQ(judged_raw("exp", std::to_string(now()) + ".0005").error(), errors::expired) << "less than a millisecond is none";
}

TEST_F(JwtTest, is_refused_before_its_time) {
    EXPECT_TRUE(judged(with("nbf", now())).ok());
    EXPECT_EQ(judged(with("nbf", now() + 1)).error(), errors::not_yet_valid);
    EXPECT_TRUE(judged(with("nbf", now() + 1), policy().leeway(1s)).ok());
    EXPECT_EQ(judged(with("nbf", now() + 2), policy().leeway(1s)).error(), errors::not_yet_valid);
    EXPECT_EQ(judged_raw("nbf", std::to_string(now()) + ".0005").error(), errors::not_yet_valid);
    for (auto const* const value : {"-1", "1e300", "\"0\"", "null", "false"}) {
        EXPECT_EQ(judged_raw("nbf", value).error(), errors::malformed) << value;
        EXPECT_EQ(judged_raw("iat", value).error(), errors::malformed) << value;
    }
}

TEST_F(JwtTest, made_in_the_future_or_after_its_own_end_is_refused) {
    EXPECT_TRUE(judged(with("iat", now() + 60)).ok()) << "clocks differ";
    EXPECT_EQ(judged(with("iat", now() + 61)).error(), errors::not_yet_valid);
    EXPECT_EQ(judged(with("iat", now() + 301)).error(), errors::malformed);
}

TEST_F(JwtTest, another_issuer_is_refused) {
    EXPECT_EQ(judged(without("iss")).error(), errors::claim_missing);
    EXPECT_EQ(judged(with("iss", "")).error(), errors::claim_missing);
    for (auto const* const issuer : {"https://issuer.example/", "https://issuer.example.evil.example", "HTTPS://issuer.example",
                                     "https://issuer", "http://issuer.example", " https://issuer.example"})
        EXPECT_EQ(judged(with("iss", issuer)).error(), errors::issuer_wrong) << issuer;
    for (auto const& value : {Json{7}, Json::array({"https://issuer.example"}), Json{nullptr}, Json::object()})
        EXPECT_EQ(judged(with("iss", value)).error(), errors::malformed) << value.dump();
}

TEST_F(JwtTest, another_audience_is_refused) {
    EXPECT_EQ(judged(without("aud")).error(), errors::claim_missing);
    for (auto const& value : {Json{"other"}, Json{"APP"}, Json{""}, Json{"app "}, Json{"apps"}, Json::array({}), Json::array({"a", "b"})})
        EXPECT_EQ(judged(with("aud", value)).error(), errors::audience_wrong) << value.dump();
    for (auto const& value :
         {Json{7}, Json{nullptr}, Json{true}, Json::object({{"app", "app"}}), Json::array({"app", 7}), Json::array({Json::array({"app"})})})
        EXPECT_EQ(judged(with("aud", value)).error(), errors::malformed) << value.dump();
    EXPECT_EQ(judged(with("aud", Json::array({"other", "app"}))).value().audiences(), (std::vector<std::string>{"other", "app"}));
    Json::Array many(101, Json{"app"});
    EXPECT_EQ(judged(with("aud", many)).error(), errors::malformed);
}

TEST_F(JwtTest, one_kind_of_token_is_never_taken_for_another) {
    // RFC 8725 3.11: "explicit typing … prevents confusion between different kinds of JWTs".
    for (auto const* const typ : {"JWT", "logout+jwt", "dpop+jwt", "secevent+jwt", "jwt", "at", "at+jwt ", "application/jwt", "text/at+jwt",
                                  "application/application/at+jwt", "at+jwt/"})
        EXPECT_EQ(verify(sign_jwt(es256_key(), typ, claims())).error(), errors::type_refused) << typ;
    EXPECT_EQ(verify(sign_jwt(es256_key(), "", claims())).error(), errors::type_refused) << "no type at all";
}

TEST_F(JwtTest, a_type_is_compared_as_a_media_type) {
    // RFC 7515 4.1.9: "To keep messages compact in common situations, it is RECOMMENDED that producers omit an "application/" prefix";
    // "A recipient using the media type value MUST treat it as if "application/" were prepended to any "typ" value not containing a '/'."
    for (auto const* const typ : {"at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/at+JWT"}) {
        EXPECT_TRUE(verify(sign_jwt(es256_key(), typ, claims())).ok()) << typ;
        EXPECT_TRUE(verify(sign_jwt(es256_key(), "at+jwt", claims()), {"https://issuer.example", "app", typ}).ok()) << typ;
        EXPECT_TRUE(same_type(typ, "at+jwt"));
    }
    EXPECT_FALSE(same_type("text/at+jwt", "at+jwt"));
    EXPECT_FALSE(same_type("", "at+jwt"));
}

TEST_F(JwtTest, an_unknown_key_and_a_key_of_another_algorithm_are_refused) {
    SigningJwk const stranger{crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256), "ec-9"};
    EXPECT_EQ(verify(sign_jwt(stranger, "at+jwt", claims())).error(), errors::unknown_key);
    SigningJwk const impostor{crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256), "ec-1"};
    EXPECT_EQ(verify(sign_jwt(impostor, "at+jwt", claims())).error(), errors::signature_wrong);
    SigningJwk const confused{crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256), "rsa-1"};
    EXPECT_EQ(verify(sign_jwt(confused, "at+jwt", claims())).error(), errors::algorithm_refused);
    auto const hmac = SigningJwk::from_secret(SecretBytes{random_looking(32)}, "rsa-1").value();
    EXPECT_EQ(verify(sign_jwt(hmac, "at+jwt", claims())).error(), errors::algorithm_refused);
    auto const none = b64(R"({"alg":"none","typ":"at+jwt","kid":"ec-1"})") + "." + b64(claims().dump()) + ".";
    EXPECT_EQ(verify(none).error(), errors::algorithm_refused);
}

TEST_F(JwtTest, without_a_kid_only_an_unmistakable_key_serves) {
    SigningJwk const nameless{
        crypto::SigningKey::from_pkcs8_der(crypto::SignatureAlgorithm::es256,
                                           crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256).pkcs8_der())
            .value(),
        ""};
    StaticKeys one{JwkSet{{nameless.public_jwk(), rs256_key().public_jwk()}}};
    EXPECT_TRUE(JwtVerifier(one, policy(), clock).verify(sign_jwt(nameless, "at+jwt", claims())).ok());
    StaticKeys two{JwkSet{{nameless.public_jwk(), es256_key().public_jwk()}}};
    EXPECT_EQ(JwtVerifier(two, policy(), clock).verify(sign_jwt(nameless, "at+jwt", claims())).error(), errors::unknown_key);
}

TEST_F(JwtTest, claims_that_are_no_object_or_say_one_thing_twice_are_malformed) {
    for (auto const* const content : {"", "null", "[]", "\"iss\"", "{", "{}{}", "1", "eyJhbGciOiJFUzI1NiJ9.e30.AA"})
        EXPECT_EQ(judged_text(content).error(), errors::malformed) << content;
    auto twice = claims().dump();
    twice.insert(twice.size() - 1, R"(,"exp":4102444800)");
    EXPECT_EQ(judged_text(twice).error(), errors::malformed);
    auto hidden = claims().dump();
    hidden.insert(hidden.size() - 1, R"(,"s\u0075b":"root")");
    EXPECT_EQ(judged_text(hidden).error(), errors::malformed);
    auto inner = claims().dump();
    inner.insert(inner.size() - 1, R"(,"roles":{"a":1,"a":2})");
    EXPECT_EQ(judged_text(inner).error(), errors::malformed);
    auto deep = claims().dump();
    deep.insert(deep.size() - 1, ",\"x\":" + std::string(10'000, '[') + std::string(10'000, ']'));
    EXPECT_EQ(judged_text(deep).error(), errors::malformed);
}

TEST_F(JwtTest, demanded_claims_are_strings_that_say_something) {
    EXPECT_TRUE(judged(without("sub")).ok());
    EXPECT_EQ(judged(without("sub"), policy().demand("sub")).error(), errors::claim_missing);
    EXPECT_EQ(judged(with("sub", ""), policy().demand("sub")).error(), errors::claim_missing);
    EXPECT_EQ(judged(claims(), policy().demand("sub").demand("sid")).error(), errors::claim_missing);
    EXPECT_EQ(judged(with("sid", 7), policy().demand("sid")).error(), errors::claim_missing);
    EXPECT_TRUE(judged(with("sid", "s"), policy().demand("sub").demand("sid")).ok());
    EXPECT_EQ(judged(with("sub", 7)).error(), errors::malformed);
    EXPECT_EQ(judged(with("jti", Json::array({"a"}))).error(), errors::malformed);
}

TEST_F(JwtTest, a_policy_can_leave_nothing_out) {
    EXPECT_THROW(JwtPolicy("", "app", "at+jwt"), Fault);
    EXPECT_THROW(JwtPolicy("https://issuer.example", "", "at+jwt"), Fault);
    EXPECT_THROW(JwtPolicy("https://issuer.example", "app", ""), Fault);
    EXPECT_THROW(policy().leeway(61s), Fault);
    EXPECT_THROW(policy().leeway(-1s), Fault);
    EXPECT_NO_THROW(policy().leeway(60s));
    EXPECT_EQ(policy().leeway(), 0s);
    static_assert(!std::is_default_constructible_v<VerifiedJwt>, "only a verifier makes the proof");
    static_assert(!std::is_default_constructible_v<JwtPolicy>);
}

TEST_F(JwtTest, every_refusal_but_missing_keys_says_unauthenticated) {
    EXPECT_EQ(verify("x").error().kind(), Kind::unauthenticated);
    EXPECT_EQ(judged(without("exp")).error().kind(), Kind::unauthenticated);
    EXPECT_EQ(judged(with("aud", "other")).error().kind(), Kind::unauthenticated);
    // What goes to the log never holds the token.
    auto const token = sign_jwt(es256_key(), "at+jwt", with("sub", 7));
    EXPECT_EQ(verify(token).error().detail().find(token.substr(0, 20)), std::string_view::npos);
}

TEST_F(JwtTest, any_cut_of_a_good_token_is_refused) {
    auto const token = sign_jwt(eddsa_key(), "at+jwt", claims());
    for (std::size_t size = 0; size < token.size(); ++size) EXPECT_FALSE(verify(std::string_view{token}.substr(0, size)).ok()) << size;
    EXPECT_FALSE(verify(token + "A").ok());
    EXPECT_FALSE(verify("Bearer " + token).ok());
    EXPECT_FALSE(verify(token + "\n").ok());
}

}  // namespace
}  // namespace zephyr::jose
