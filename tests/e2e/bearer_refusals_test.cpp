// Every bad token on every guarded route.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "e2e/bearer_program.h"

namespace zephyr {
namespace {

using encoding::Json;
using http::Method;
using ::testing::HasSubstr;

// Every guarded route of the table, with every kind of token that must not open it.
class EveryRoute : public Bearer {
protected:
    struct Route {
        Method method;
        std::string path;
    };
    std::vector<Route> guarded() {
        std::vector<Route> routes;
        for (auto const& line : app.stack.app.table()) {
            if (line.guard.starts_with("open")) continue;
            auto path = line.pattern;
            for (auto at = path.find('{'); at != std::string::npos; at = path.find('{')) {
                path.replace(at, path.find('}') - at + 1, alice.id.str());
            }
            routes.push_back({http::method_from(line.method), path});
        }
        return routes;
    }
    void refused_everywhere(std::string const& token, std::string const& what) {
        auto const routes = guarded();
        EXPECT_GE(routes.size(), 30u);
        for (auto const& route : routes) {
            auto const answer = program.send(route.method, route.path, "Bearer " + token);
            auto const where = what + ": " + std::string{to_string(route.method)} + " " + route.path;
            ASSERT_EQ(answer.status(), 401) << where;
            ASSERT_THAT(challenge(answer), HasSubstr("error=\"invalid_token\"")) << where;
        }
    }
    void refused_once(std::string const& token, std::string const& what) {
        auto const answer = program.send(Method::get, "/auth/me", "Bearer " + token);
        ASSERT_TRUE(answer.status() == 401 || answer.status() == 400) << what << ": " << answer.status();
    }
    std::string forge(Json const& claims, std::string_view typ = "at+jwt") {
        return jose::sign_jwt(app.stack.signing_keys.active().value(), typ, claims);
    }
    Json with(std::string const& name, Json const& value) {
        Json out = Json::object();
        auto const present = claims();
        for (auto const& [key, old] : *present.members()) out.set(key, key == name ? value : old);
        return out;
    }

    Bytes secret = app.enrol(alice);
    void SetUp() override {
        ASSERT_EQ(program.sign_in("alice", Json::object({{"code", app.code_for(secret)}})).status(), 200);
        ASSERT_EQ(program.get("/admin/dashboard").status(), 200) << "the token that all the others are made from opens everything";
    }
};

TEST_F(EveryRoute, refuses_the_token_of_a_disabled_user) {
    app.add_user("root", "admin");
    app.stack.users.set_state(alice.id, users::UserState::disabled, audit::Actor::system(), {}).value();
    refused_everywhere(program.access, "disabled");
}

TEST_F(EveryRoute, refuses_the_token_of_a_logged_out_session) {
    program.post("/auth/logout");
    refused_everywhere(program.access, "logged out");
}

TEST_F(EveryRoute, refuses_a_token_expired_by_one_second) {
    app.clock.advance(301s);
    refused_everywhere(program.access, "expired by one second");
}

TEST_F(EveryRoute, refuses_a_foreign_issuer_audience_or_type) {
    ASSERT_EQ(program.send(Method::get, "/auth/me", "Bearer " + forge(claims())).status(), 200) << "the forger's tool works";
    refused_everywhere(forge(with("aud", "https://other.example.test")), "foreign audience");
    refused_everywhere(forge(with("iss", "https://other.example.test")), "foreign issuer");
    refused_everywhere(forge(claims(), "JWT"), "wrong typ");
    refused_everywhere(forge(claims(), "id+jwt"), "wrong typ");
}

TEST_F(EveryRoute, refuses_no_algorithm_and_the_public_key_as_a_secret) {
    auto const kid = app.stack.signing_keys.active().value().kid();
    auto const header = encoding::base64url_encode(as_bytes(R"({"alg":"none","typ":"at+jwt","kid":")" + kid + "\"}"));
    refused_everywhere(header + "." + std::string{split(program.access, '.')[1]} + ".", "alg none");
    refused_everywhere(header + "." + std::string{split(program.access, '.')[1]} + "." + std::string{split(program.access, '.')[2]},
                       "alg none with a signature");
    auto const public_key = app.stack.signing_keys.active().value().public_jwk().to_json().dump() + "\xff";
    auto const confused = jose::SigningJwk::from_secret(SecretBytes{to_bytes(public_key)}, kid).value();
    refused_everywhere(jose::sign_jwt(confused, "at+jwt", claims()), "HS256 with the public key");
}

TEST_F(EveryRoute, refuses_an_unknown_and_a_revoked_key) {
    jose::SigningJwk const stranger{crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256), "stranger"};
    refused_everywhere(jose::sign_jwt(stranger, "at+jwt", claims()), "unknown kid");
    ASSERT_TRUE(app.stack.signing_keys.revoke(app.stack.signing_keys.active().value().kid(), audit::Actor::operator_cli(), {}).ok());
    refused_everywhere(program.access, "revoked key");
    ASSERT_EQ(program.refresh().status(), 200);
    EXPECT_EQ(program.get("/admin/dashboard").status(), 200) << "and the next token opens them again";
}

TEST_F(EveryRoute, refuses_a_refresh_token_and_the_refresh_an_access_token) {
    refused_everywhere(program.refresh_token, "refresh token");
    auto const swapped =
        program.send(Method::post, "/auth/refresh", std::nullopt, Json::object({{"refresh_token", program.access}}).dump());
    EXPECT_EQ(swapped.status(), 401);
    EXPECT_EQ(swapped.id(), "tokens.refresh_refused");
}

TEST_F(EveryRoute, refuses_a_damaged_token) {
    refused_everywhere(program.access.substr(0, program.access.size() - 1), "truncated");
    auto const& good = program.access;
    for (std::size_t bit = 0; bit < good.size() * 8; bit += 7) {  // 7 and 8 share no factor: every kind of bit comes up
        auto damaged = good;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        if (damaged[bit / 8] == '\r' || damaged[bit / 8] == '\n' || damaged[bit / 8] == '\0') continue;  // the porch refuses it
        refused_once(damaged, "bit " + std::to_string(bit));
    }
    for (std::size_t length = 0; length < good.size(); length += 13) {
        refused_once(good.substr(0, length), "cut at " + std::to_string(length));
    }
}

TEST_F(EveryRoute, refuses_a_pending_token_but_the_ones_that_finish_a_sign_in) {
    Program half{app};
    ASSERT_EQ(half.sign_in("alice").json().string_at("pending"), "mfa.required");
    for (auto const& route : guarded()) {
        static std::set<std::string> const finishing{"/auth/logout",           "/sign-out",               "/sign-in/factor",
                                                     "/sign-in/factor/send",   "/account/password",       "/auth/mfa",
                                                     "/auth/mfa/totp/verify",  "/auth/mfa/sms/verify",    "/auth/mfa/sms/send",
                                                     "/auth/mfa/email/verify", "/auth/mfa/email/send",    "/auth/mfa/backup-codes/verify"};
        bool const finishes = finishing.contains(route.path);
        if (finishes) continue;
        // Its body is looked at first.
        auto const body = route.path == "/auth/mfa/sms/setup" ? R"({"phone":"+49 151 23456789"})" : "{}";
        auto const answer = half.send(route.method, route.path, "Bearer " + half.access, route.method == Method::post ? body : "");
        ASSERT_EQ(answer.status(), 403) << route.path;
        ASSERT_EQ(answer.id(), "mfa.required") << route.path;
    }
}

}  // namespace
}  // namespace zephyr
