// Clients that keep no cookies: the seed's own flow by token, and what holds along the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/bearer_program.h"
#include "zephyr/encoding/base32.h"

namespace zephyr {
namespace {

using encoding::Json;
using http::Method;
using ::testing::HasSubstr;

TEST_F(Bearer, the_seeds_flow_by_token_alone) {
    auto settings = TestApp::settings();
    settings.signup.open = true;
    TestApp fresh{settings};
    Program bob{fresh};
    auto const made = bob.send(Method::post, "/auth/register", std::nullopt,
                               Json::object({{"username", "bob"}, {"password", std::string{TestApp::good_password}}}).dump());
    ASSERT_EQ(made.status(), 201);
    auto const user = UserId::parse(*made.json().string_at("id")).value();
    fresh.stack.roles.grant(rbac::Subject::user(user), "admin", audit::Actor::system()).value();

    auto const login = bob.sign_in("bob");
    ASSERT_EQ(login.status(), 200);
    EXPECT_EQ(login.json().string_at("token_type"), "bearer");
    EXPECT_EQ(login.json().find("expires_in")->integer(), 300);
    EXPECT_EQ(login.json().string_at("mfa"), "enrolment_required");
    EXPECT_EQ(login.header("Cache-Control"), "no-store") << "RFC 6749 5.1";
    EXPECT_TRUE(bob.client().cookies().empty());
    EXPECT_EQ(bob.get("/auth/me").json().string_at("username"), "bob");
    auto const before = bob.get("/admin/dashboard");
    EXPECT_EQ(before.status(), 403);
    EXPECT_EQ(before.id(), "mfa.required");
    EXPECT_THAT(challenge(before), HasSubstr("insufficient_user_authentication"));

    auto const setup = bob.post("/auth/mfa/totp/setup");
    ASSERT_EQ(setup.status(), 200);
    auto const secret = encoding::base32_decode(*setup.json().string_at("secret")).value();
    EXPECT_EQ(bob.post("/auth/mfa/totp/verify", Json::object({{"code", "000000"}})).status(), 400);
    auto const old = bob.access;
    auto const old_refresh = bob.refresh_token;
    auto const verified = bob.take(bob.post("/auth/mfa/totp/verify", Json::object({{"code", fresh.code_for(secret)}})));
    ASSERT_EQ(verified.status(), 200);
    EXPECT_EQ(verified.json().string_at("status"), "enabled");
    EXPECT_NE(bob.access, old) << "the answer holds fresh tokens";
    EXPECT_TRUE(bob.client().cookies().empty()) << "and no cookie";
    EXPECT_EQ(bob.get("/admin/dashboard").status(), 200);
    EXPECT_EQ(bob.send(Method::get, "/auth/me", "Bearer " + old).status(), 401) << "the token of before the code is dead after it";
    EXPECT_EQ(bob.send(Method::post, "/auth/refresh", std::nullopt, Json::object({{"refresh_token", old_refresh}}).dump()).status(), 401);

    fresh.clock.advance(5min);
    EXPECT_EQ(bob.get("/admin/dashboard").status(), 401);
    ASSERT_EQ(bob.refresh().status(), 200);
    EXPECT_EQ(bob.get("/admin/dashboard").status(), 200) << "the second factor belongs to the session and lives on";
}

TEST_F(Bearer, the_next_sign_in_is_pending_until_the_code) {
    auto const secret = app.enrol(alice);
    auto const login = program.sign_in("alice");
    EXPECT_EQ(login.json().string_at("mfa"), "required");
    EXPECT_EQ(login.json().string_at("pending"), "mfa.required");
    for (auto const* path : {"/auth/me", "/admin/dashboard", "/account"}) {
        auto const refused = program.get(path);
        EXPECT_EQ(refused.status(), 403) << path;
        EXPECT_EQ(refused.id(), "mfa.required") << path;
    }
    EXPECT_EQ(program.post("/auth/mfa/totp/setup").status(), 403) << "a pending sign-in adds no factor";
    EXPECT_EQ(claims().string_at("aud"), app.stack.settings.server.public_url + "/auth/mfa") << "no service takes it for a sign-in";
    ASSERT_EQ(program.take(program.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}}))).status(), 200);
    EXPECT_EQ(program.get("/admin/dashboard").status(), 200);
    EXPECT_EQ(claims().string_at("acr"), "aal2");
    EXPECT_EQ(claims().find("amr")->dump(), R"(["pwd","otp","mfa"])");
}

TEST_F(Bearer, the_code_may_come_along_with_the_password) {
    auto const secret = app.enrol(alice);
    auto const code = app.code_for(secret);
    auto const done = program.sign_in("alice", Json::object({{"code", code}}));
    ASSERT_EQ(done.status(), 200);
    EXPECT_EQ(done.json().string_at("mfa"), "none");
    EXPECT_EQ(done.json().find("pending"), nullptr);
    EXPECT_EQ(program.get("/admin/dashboard").status(), 200);

    Program second{app};
    auto const replayed = second.sign_in("alice", Json::object({{"code", code}}));
    EXPECT_EQ(replayed.id(), "mfa.totp_code_reused");
    EXPECT_EQ(replayed.json().find("access_token"), nullptr);
    EXPECT_EQ(app.stack.sessions.list(alice.id).size(), 1u) << "the refused sign-in left no session";
    int wrong = 0;
    for (int i = 0; i < 20; ++i) wrong += second.sign_in("alice", Json::object({{"code", "123456"}})).id() == "mfa.totp_wrong_code";
    EXPECT_LE(wrong, 10) << "the account's limit holds over all sign-ins";
}

TEST_F(Bearer, a_sign_in_is_refused_in_the_same_words_as_at_the_login) {
    auto disabled = app.add_user("dora");
    app.stack.lifecycle.disable(disabled.id, audit::Actor::operator_cli(), {}).value();
    auto const ask = [&](std::string const& path, std::string const& name, std::string const& password) {
        auto answer = program.send(Method::post, path, std::nullopt, Json::object({{"username", name}, {"password", password}}).dump());
        auto body = answer.json();
        body.set("request_id", "");
        return std::to_string(answer.status()) + answer.header("WWW-Authenticate") + body.dump();
    };
    auto const expected = ask("/auth/login", "nobody", "wrong");
    for (auto const& [name, password] : std::vector<std::pair<std::string, std::string>>{
             {"nobody", "wrong"}, {"alice", "wrong"}, {"dora", std::string{TestApp::good_password}}, {"alice", ""}}) {
        EXPECT_EQ(ask("/auth/token", name, password), expected) << name;
    }
    EXPECT_EQ(program.send(Method::post, "/auth/token", std::nullopt, "[]").status(), 400);
    EXPECT_EQ(program.send(Method::post, "/auth/token", std::nullopt, "{}").status(), 400);
    EXPECT_EQ(program.send(Method::post, "/auth/token", std::nullopt, R"({"username":"alice","password":1})").status(), 400);
}

TEST_F(Bearer, logout_ends_the_session_and_every_token_at_once) {
    program.sign_in("alice");
    Client browser{app};
    browser.log_in("alice");
    auto const out = program.post("/auth/logout");
    EXPECT_EQ(out.status(), 200);
    EXPECT_EQ(out.header("Set-Cookie"), "");
    EXPECT_EQ(program.get("/auth/me").status(), 401);
    EXPECT_EQ(program.refresh().status(), 401);
    EXPECT_EQ(browser.get("/auth/me").status(), 200) << "another session goes on";
}

TEST_F(Bearer, a_token_that_came_decides_alone_and_never_falls_back_to_the_cookie) {
    program.sign_in("alice");
    program.client().log_in("alice");
    EXPECT_EQ(program.client().get("/auth/me").status(), 200) << "the cookie alone is good";
    for (auto const& header : {std::string{"Bearer"}, std::string{"Bearer "}, std::string{"bearer x y"}, std::string{"Bearer \"x\""},
                               std::string{"Bearer,x"}, std::string{"Bearer ="}}) {
        auto const refused = program.send(Method::get, "/auth/me", header);
        EXPECT_EQ(refused.status(), 400) << header;
        EXPECT_THAT(challenge(refused), HasSubstr("error=\"invalid_request\"")) << header;
    }
    auto const garbage = program.send(Method::get, "/auth/me", "Bearer garbage");
    EXPECT_EQ(garbage.status(), 401);
    EXPECT_THAT(challenge(garbage), HasSubstr("error=\"invalid_token\""));
    EXPECT_EQ(program.send(Method::get, "/auth/me", "bEARER " + program.access).status(), 200) << "the scheme's case does not matter";
    EXPECT_EQ(program.send(Method::get, "/auth/me", "Basic YWxpY2U6eA==").status(), 200) << "not our scheme: the cookie decides";

    http::Request twice;
    twice.target = "/auth/me";
    twice.headers.add("Authorization", "Bearer " + program.access);
    twice.headers.add("Authorization", "Bearer " + program.access);
    EXPECT_EQ(program.client().send(std::move(twice)).status(), 400);
    // A browser's page request with a bad token is told so, not led to the sign-in.
    http::Request page;
    page.target = "/account";
    page.headers.add("Accept", "text/html");
    page.headers.add("Authorization", "Bearer garbage");
    EXPECT_EQ(program.client().send(std::move(page)).status(), 401);
}

// RFC 6750 3.1: no error code without credentials; invalid_token for one that is "expired, revoked, malformed, or invalid".
TEST_F(Bearer, is_challenged_by_what_is_missing) {
    program.sign_in("alice");
    EXPECT_EQ(challenge(program.send(Method::get, "/auth/me", std::nullopt)), "Bearer realm=\"zephyr\"");
    app.clock.advance(5min);
    auto const expired = program.get("/auth/me");
    EXPECT_EQ(expired.id(), "tokens.access_expired");
    EXPECT_EQ(challenge(expired), "Bearer realm=\"zephyr\", error=\"invalid_token\", error_description=\"The access token expired\"");
    EXPECT_EQ(challenge(program.send(Method::get, "/auth/me", "Bearer " + program.refresh_token)),
              "Bearer realm=\"zephyr\", error=\"invalid_token\", error_description=\"The access token is not valid or its session ended\"");
}

TEST_F(Bearer, needs_no_csrf_token_where_it_decides_and_changes_nothing_where_it_does_not) {
    program.sign_in("alice");
    auto const post = [&](std::string const& path, std::optional<std::string> const& authorization, std::string const& site) {
        http::Request request;
        request.method = Method::post;
        request.target = path;
        request.headers.add("Content-Type", "application/json");
        request.headers.add("Sec-Fetch-Site", site);
        if (authorization) request.headers.add("Authorization", *authorization);
        request.body = Json::object({{"username", "alice"}, {"password", std::string{TestApp::good_password}}}).dump();
        return program.client().send(std::move(request));
    };
    // A page of another origin that holds the token, such as an application's own.
    EXPECT_EQ(post("/auth/mfa/totp/setup", "Bearer " + program.access, "cross-site").status(), 200);
    EXPECT_EQ(post("/auth/mfa/totp/setup", "Bearer garbage", "cross-site").status(), 401);
    EXPECT_EQ(post("/auth/mfa/totp/setup", std::nullopt, "cross-site").id(), "csrf.cross_site");
    EXPECT_EQ(post("/auth/mfa/totp/setup", "Basic eDp5", "cross-site").id(), "csrf.cross_site");
    EXPECT_EQ(post("/auth/login", "Bearer " + program.access, "cross-site").id(), "csrf.cross_site") << "signing in sets a cookie";
    EXPECT_EQ(post("/auth/login", "Bearer garbage", "cross-site").id(), "csrf.cross_site");
    EXPECT_EQ(post("/auth/token", std::nullopt, "cross-site").status(), 200) << "which sets none";
}

TEST_F(Bearer, roles_and_freshness_bite_at_once) {
    auto const secret = app.enrol(alice);
    program.sign_in("alice", Json::object({{"code", app.code_for(secret)}}));
    ASSERT_EQ(program.get("/admin/dashboard").status(), 200);
    app.add_user("root", "admin");
    app.stack.roles.revoke(rbac::Subject::user(alice.id), "admin", audit::Actor::system()).value();
    EXPECT_EQ(program.get("/admin/dashboard").status(), 403);
    // fresh_proof and its kin look at the session, which the token only names.
    for (int i = 0; i < 4; ++i) {
        app.clock.advance(4min);
        ASSERT_EQ(program.refresh().status(), 200);
    }
    auto const stale = program.post("/auth/mfa/totp/setup");
    EXPECT_EQ(stale.status(), 401);
    EXPECT_EQ(stale.id(), "auth.step_up_required");
    EXPECT_THAT(challenge(stale), HasSubstr("insufficient_user_authentication"));
}

TEST_F(Bearer, a_disabled_account_is_nobody_and_gets_no_new_tokens) {
    program.sign_in("alice");
    app.add_user("root", "admin");
    app.stack.users.set_state(alice.id, users::UserState::disabled, audit::Actor::system(), {}).value();
    EXPECT_EQ(program.get("/auth/me").status(), 401) << "the state alone, the session still there";
    EXPECT_EQ(program.refresh().status(), 401);
    app.stack.users.set_state(alice.id, users::UserState::active, audit::Actor::system(), {}).value();
    EXPECT_EQ(program.refresh().status(), 200);
    app.stack.lifecycle.disable(alice.id, audit::Actor::operator_cli(), {}).value();
    app.stack.lifecycle.enable(alice.id, audit::Actor::operator_cli(), {}).value();
    EXPECT_EQ(program.refresh().status(), 401) << "its sessions ended with it";
}

TEST_F(Bearer, a_refresh_token_used_twice_ends_the_session_and_is_told_at_the_next_sign_in) {
    program.sign_in("alice");
    auto const stolen = program.refresh_token;
    ASSERT_EQ(program.refresh().status(), 200);
    app.clock.advance(20s);
    Program thief{app};
    thief.refresh_token = stolen;
    auto const refused = thief.refresh();
    EXPECT_EQ(refused.status(), 401);
    EXPECT_EQ(refused.id(), "tokens.refresh_refused");
    EXPECT_EQ(program.get("/auth/me").status(), 401);
    EXPECT_EQ(program.refresh().status(), 401);
    auto const notices = app.stack.notices.unseen(alice.id);
    ASSERT_EQ(notices.size(), 1u);
    EXPECT_EQ(notices.front().what, "token_reused");
    Client browser{app};
    browser.log_in("alice");
    EXPECT_THAT(browser.page("/account").body(), HasSubstr("used a token twice"));
}

TEST_F(Bearer, tokens_are_limited_per_address_like_sign_ins) {
    auto settings = TestApp::settings();
    settings.limits.sign_in_per_minute = settings.limits.sign_in_burst = 3;
    settings.limits.refresh_per_minute = settings.limits.refresh_burst = 4;
    TestApp limited{settings};
    limited.add_user("alice");
    Program client{limited};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.sign_in("alice").status(), 200);
    EXPECT_EQ(client.sign_in("alice").status(), 429);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(client.refresh().status(), 200);
    EXPECT_EQ(client.refresh().status(), 429);
}

TEST_F(Bearer, the_key_set_is_public_cacheable_and_enough_to_check_a_token_elsewhere) {
    program.sign_in("alice");
    Client anybody{app};
    auto const answer = anybody.get("/.well-known/jwks.json");
    ASSERT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.header("Cache-Control"), "public, max-age=300");
    EXPECT_EQ(answer.header("Content-Type"), "application/jwk-set+json");
    EXPECT_EQ(answer.body().find("\"d\""), std::string::npos) << "no private member";
    jose::StaticKeys keys{jose::JwkSet::parse_text(answer.body()).value()};
    auto const& url = app.stack.settings.server.public_url;
    jose::JwtVerifier const service{keys, {url, url, "at+jwt"}, app.clock};
    EXPECT_EQ(service.verify(program.access).value().subject(), alice.id.str());
}

TEST_F(Bearer, a_token_seen_before_costs_no_statement_to_judge) {
    program.sign_in("alice");
    http::Request request;
    request.headers.add("Authorization", "Bearer " + program.access);
    ASSERT_TRUE(app.stack.gatekeeper.visitor(request));
    auto const before = app.stack.database->counts().statements;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(app.stack.gatekeeper.visitor(request)->user, alice.id);
    EXPECT_EQ(app.stack.database->counts().statements, before);
    ASSERT_TRUE(app.stack.sessions.end(app.stack.sessions.list(alice.id).front().ref, audit::Actor::system(), {}, "test").ok());
    EXPECT_FALSE(app.stack.gatekeeper.visitor(request)) << "and its end counts at once";
}

}  // namespace
}  // namespace zephyr
