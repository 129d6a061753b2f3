// Access tokens: what they say, and everything that must be refused.
#include <gmock/gmock.h>

#include "tokens/tokens_fixture.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/text.h"
#include "zephyr/sessions/sealed_cookie_store.h"

namespace zephyr::tokens {
namespace {

using encoding::Json;

class AccessTokenTest : public TokensTest {
protected:
    static std::string part(std::string const& token, std::size_t index) {
        auto const decoded = encoding::base64url_decode(split(token, '.').at(index));
        return to_text(decoded.value());
    }
    static Json claims_of(std::string const& token) { return encoding::parse_json(part(token, 1)).value(); }
    static Json with(Json claims, std::string const& name, Json value) {
        Json out = Json::object();
        for (auto const& [key, old] : *claims.members()) {
            if (key != name) out.set(key, old);
        }
        if (!value.is_null()) out.set(name, std::move(value));
        return out;
    }
    // What we would have signed, with other claims or another type.
    std::string forge(Json const& claims, std::string_view typ = "at+jwt") { return jose::sign_jwt(keys.active().value(), typ, claims); }

    IssuedTokens issued = sign_in();
    std::string token = issued.access_token.reveal();

    std::string why(std::string_view text) {
        auto const outcome = tokens.check(text);
        return outcome.ok() ? "accepted" : std::string{outcome.error().detail()};
    }
};

TEST_F(AccessTokenTest, says_who_for_whom_from_whom_and_what_was_proved) {
    auto const header = encoding::parse_json(part(token, 0)).value();
    // RFC 9068 2.1: "JWT access tokens MUST include this media type in the "typ" header parameter"
    EXPECT_EQ(header.string_at("typ"), "at+jwt");
    EXPECT_EQ(header.string_at("alg"), "ES256");
    EXPECT_EQ(header.string_at("kid"), keys.active().value().kid());

    auto const claims = claims_of(token);
    EXPECT_EQ(claims.string_at("iss"), issuer);
    EXPECT_EQ(claims.string_at("aud"), audience);
    EXPECT_EQ(claims.string_at("sub"), alice.str());
    EXPECT_EQ(claims.string_at("sid"), issued.session.ref.str());
    EXPECT_EQ(claims.string_at("acr"), "aal1");
    auto const now = to_millis(clock.now()) / 1000;
    EXPECT_EQ(claims.find("iat")->integer(), now);
    EXPECT_EQ(claims.find("auth_time")->integer(), now);
    EXPECT_EQ(claims.find("exp")->integer(), now + 300);
    EXPECT_EQ(claims.find("amr")->dump(), R"(["pwd"])");
    EXPECT_EQ(issued.expires_in, 300s);

    auto const checked = tokens.check(token).value();
    EXPECT_EQ(checked.user(), alice);
    EXPECT_EQ(checked.session(), issued.session.ref);
    EXPECT_EQ(checked.id(), *claims.string_at("jti"));
    EXPECT_EQ(tokens.find(token).value().ref, issued.session.ref);
}

TEST_F(AccessTokenTest, is_checked_elsewhere_with_the_published_keys_alone) {
    jose::StaticKeys published{keys.published()};
    jose::JwtVerifier const elsewhere{published, {issuer, audience, "at+jwt"}, clock};
    EXPECT_EQ(elsewhere.verify(token).value().subject(), alice.str());
}

TEST_F(AccessTokenTest, every_one_has_another_id) {
    auto const again = refresh(issued.refresh_token).value();
    EXPECT_NE(claims_of(again.access_token.reveal()).string_at("jti"), claims_of(token).string_at("jti"));
}

TEST_F(AccessTokenTest, costs_no_statement_to_check) {
    (void)tokens.check(token).value();
    auto const before = statements();
    for (int i = 0; i < 10; ++i) (void)tokens.check(token).value();
    EXPECT_EQ(statements(), before);
}

// RFC 7519 4.1.4: "identifies the expiration time on or after which the JWT MUST NOT be accepted for processing"
TEST_F(AccessTokenTest, expires_at_its_second) {
    clock.advance(299s + 999ms);
    EXPECT_TRUE(tokens.check(token).ok());
    clock.advance(1ms);
    EXPECT_EQ(tokens.check(token).error(), errors::access_expired);
    EXPECT_EQ(tokens.find(token).error(), errors::access_expired);
}

TEST_F(AccessTokenTest, never_outlives_its_session) {
    auto const session = start();
    clock.advance(sessions.settings().absolute - 90s - 500ms);
    sessions.record_use(session.session.ref, clock.now());
    auto const late = tokens.issue(session).value();
    EXPECT_EQ(late.expires_in, 90s);
    EXPECT_EQ(claims_of(late.access_token.reveal()).find("exp")->integer(), to_millis(late.session.expires_at) / 1000);
}

TEST_F(AccessTokenTest, is_dead_with_its_session) {
    ASSERT_TRUE(sessions.end(issued.session.ref, audit::Actor::user(alice), origin, "signed_out").ok());
    EXPECT_TRUE(tokens.check(token).ok()) << "its signature and time are still good";
    EXPECT_EQ(tokens.find(token).error(), errors::access_refused);
}

TEST_F(AccessTokenTest, is_dead_when_the_session_was_idle_for_too_long) {
    auto const short_idle = sessions::SessionSettings{.idle = 60s};
    sessions::SessionService strict{store, *database, audit, clock, random, short_idle};
    TokenService service{keys, strict, *database, audit, sealer, clock, random, settings};
    EXPECT_TRUE(service.find(token).ok());
    clock.advance(60s);
    EXPECT_EQ(service.find(token).error().detail(), "sessions.expired");
}

TEST_F(AccessTokenTest, using_it_is_use_of_the_session) {
    clock.advance(4min);
    ASSERT_TRUE(tokens.find(token).ok());
    EXPECT_EQ(store.find(issued.session.ref)->session.last_seen_at, clock.now());
}

TEST_F(AccessTokenTest, of_before_a_step_up_is_dead_after_it) {
    auto const stepped =
        sessions.rotate(issued.session.ref, {.proved = sessions::Factor{"otp", clock.now(), true}, .pending = {}}, origin).value();
    EXPECT_EQ(tokens.find(token).error().detail(), "rotated_since");
    auto const fresh = tokens.issue(stepped).value();
    auto const claims = claims_of(fresh.access_token.reveal());
    EXPECT_EQ(claims.string_at("acr"), "aal2");
    EXPECT_EQ(claims.find("amr")->dump(), R"(["pwd","otp","mfa"])");
    EXPECT_TRUE(tokens.find(fresh.access_token.reveal()).ok());
    EXPECT_EQ(refresh(issued.refresh_token).error(), errors::refresh_refused) << "and so is the old refresh token";
    EXPECT_TRUE(refresh(fresh.refresh_token).ok());
    EXPECT_EQ(told, 0) << "which is no theft";
}

TEST_F(AccessTokenTest, are_not_issued_for_a_session_that_was_rotated_meanwhile) {
    auto const first = start();
    auto const second = sessions.rotate(first.session.ref, {}, origin).value();
    auto const good = tokens.issue(second).value();
    EXPECT_EQ(tokens.issue(first).error(), errors::refresh_refused);
    EXPECT_TRUE(refresh(good.refresh_token).ok()) << "the tokens of the later one live on";
}

// RFC 8725 3.11, 3.12: a token of one kind must not pass for another.
TEST_F(AccessTokenTest, of_a_pending_sign_in_has_a_type_and_an_audience_of_its_own) {
    auto const pending = tokens.issue(start("mfa.required")).value();
    auto const text = pending.access_token.reveal();
    EXPECT_EQ(encoding::parse_json(part(text, 0)).value().string_at("typ"), "pending+jwt");
    EXPECT_EQ(claims_of(text).string_at("aud"), std::string{issuer} + "/auth/mfa");
    EXPECT_EQ(tokens.check(text).value().pending(), "mfa.required");
    EXPECT_EQ(tokens.find(text).value().pending, "mfa.required");
    jose::StaticKeys published{keys.published()};
    EXPECT_FALSE((jose::JwtVerifier{published, {issuer, audience, "at+jwt"}, clock}).verify(text).ok());
}

TEST_F(AccessTokenTest, stand_for_a_session_whose_content_travels_in_a_cookie_too) {
    sessions::SealedCookieStore carried{store, sealer};
    sessions::SessionService by_cookie{carried, *database, audit, clock, random, {}};
    TokenService service{keys, by_cookie, *database, audit, sealer, clock, random, settings};
    auto const session =
        by_cookie.start({.user = alice, .factors = {{"pwd", clock.now()}}, .pending = {}, .remember = false, .origin = origin}).value();
    ASSERT_GT(session.token.size(), 43u) << "what the cookie carries is not part of the token";
    auto const got = service.issue(session).value();
    EXPECT_EQ(service.find(got.access_token.reveal()).value().factors, session.session.factors);
    EXPECT_TRUE(service.refresh(got.refresh_token, rules(), origin).ok());
}

TEST_F(AccessTokenTest, with_a_foreign_issuer_audience_or_type_is_refused) {
    auto const claims = claims_of(token);
    EXPECT_EQ(why(forge(claims)), "accepted") << "the forger's tool works";
    EXPECT_EQ(why(forge(with(claims, "iss", "https://id.example.com"))), "jose.issuer_wrong");
    EXPECT_EQ(why(forge(with(claims, "iss", std::string{issuer} + "/"))), "jose.issuer_wrong");
    EXPECT_EQ(why(forge(with(claims, "aud", "https://other.example.test"))), "jose.audience_wrong");
    EXPECT_EQ(why(forge(with(claims, "aud", Json::array()))), "jose.audience_wrong");
    EXPECT_EQ(why(forge(claims, "JWT")), "jose.type_refused");
    EXPECT_EQ(why(forge(claims, "")), "jose.type_refused");
    EXPECT_EQ(why(forge(claims, "logout+jwt")), "jose.type_refused");
    EXPECT_EQ(why(forge(claims, "pending+jwt")), "jose.audience_wrong") << "a whole token's claims under the pending type";
}

TEST_F(AccessTokenTest, without_a_claim_that_counts_is_refused) {
    auto const claims = claims_of(token);
    for (auto const* name : {"iss", "aud", "sub", "sid", "jti", "exp", "acr", "amr", "gen"}) {
        EXPECT_FALSE(tokens.check(forge(with(claims, name, {}))).ok()) << name;
    }
    EXPECT_FALSE(tokens.check(forge(with(claims, "sub", "alice"))).ok()) << "no id of ours";
    EXPECT_FALSE(tokens.check(forge(with(claims, "exp", "soon"))).ok());
}

TEST_F(AccessTokenTest, naming_another_user_or_another_session_opens_neither) {
    auto const claims = claims_of(token);
    EXPECT_EQ(tokens.find(forge(with(claims, "sub", UserId::make(clock.now(), random).str()))).error().detail(), "another_user");
    auto const other = start();
    EXPECT_EQ(tokens.find(forge(with(claims, "sid", other.session.ref.str()))).error().detail(), "rotated_since");
}

TEST_F(AccessTokenTest, of_no_algorithm_or_confused_with_a_shared_secret_is_refused) {
    auto const body = split(token, '.').at(1);
    for (auto const* name : {"none", "None", "NONE", "nOnE"}) {
        auto const header = encoding::base64url_encode(
            as_bytes(R"({"alg":")" + std::string{name} + R"(","typ":"at+jwt","kid":")" + keys.active().value().kid() + R"("})"));
        EXPECT_FALSE(tokens.check(header + "." + std::string{body} + ".").ok()) << name;
    }
    // The public key, which everybody has, as the secret of an HMAC (RFC 8725 2.1).
    auto const kid = keys.active().value().kid();
    auto const spki = keys.active().value().public_jwk().to_json().dump() + std::string(1, '\xff');
    auto const confused = jose::SigningJwk::from_secret(SecretBytes{to_bytes(spki)}, kid);
    ASSERT_TRUE(confused.ok());
    EXPECT_FALSE(tokens.check(jose::sign_jwt(confused.value(), "at+jwt", claims_of(token))).ok());
}

TEST_F(AccessTokenTest, signed_by_a_stranger_a_revoked_or_an_unknown_key_is_refused) {
    auto const claims = claims_of(token);
    auto key = crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256);
    EXPECT_EQ(why(jose::sign_jwt(jose::SigningJwk{key, keys.active().value().kid()}, "at+jwt", claims)), "jose.signature_wrong");
    EXPECT_EQ(why(jose::sign_jwt(jose::SigningJwk{key, "another"}, "at+jwt", claims)), "jose.unknown_key");
    EXPECT_EQ(why(jose::sign_jwt(jose::SigningJwk{key, ""}, "at+jwt", claims)), "jose.unknown_key");
    ASSERT_TRUE(keys.revoke(keys.active().value().kid(), audit::Actor::operator_cli(), {}).ok());
    EXPECT_EQ(why(token), "jose.unknown_key");
    EXPECT_TRUE(refresh(issued.refresh_token).ok()) << "people stay signed in: their next token has the next key";
}

TEST_F(AccessTokenTest, cut_anywhere_or_with_any_bit_turned_is_refused) {
    for (std::size_t length = 0; length < token.size(); ++length) EXPECT_FALSE(tokens.check(token.substr(0, length)).ok()) << length;
    for (std::size_t bit = 0; bit < token.size() * 8; ++bit) {
        auto damaged = token;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        ASSERT_FALSE(tokens.check(damaged).ok()) << bit;
    }
}

TEST_F(AccessTokenTest, too_long_or_no_token_at_all_is_refused) {
    EXPECT_FALSE(tokens.check(std::string(1 << 20, 'a')).ok());
    EXPECT_FALSE(tokens.check(token + std::string(8192, 'a')).ok());
    EXPECT_FALSE(tokens.check(forge(with(claims_of(token), "more", std::string(4096, 'x')))).ok());
    EXPECT_FALSE(tokens.check("").ok());
    EXPECT_FALSE(tokens.check("..").ok());
    EXPECT_FALSE(tokens.check(issued.refresh_token.reveal()).ok()) << "a refresh token is no access token";
}

}  // namespace
}  // namespace zephyr::tokens
