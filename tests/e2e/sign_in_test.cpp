// Signing in and out by JSON, with every state an account may be in.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "zephyr/audit/codes.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::TestApp;

class SignIn : public ::testing::Test {
protected:
    TestApp app;
    Client client{app};
    users::User alice = app.add_user("alice");

    audit::StoredEvent last(std::string_view code) {
        auto const events = app.stack.audit.query({.subject = {}, .code = std::string{code}, .from = {}, .until = {}, .limit = 1});
        return events.empty() ? audit::StoredEvent{} : events.front();
    }
};

TEST_F(SignIn, opens_a_session_by_username_or_email_in_any_spelling) {
    for (auto const* name : {"alice", "ALICE", " alice ", "alice@example.test", "Alice@Example.TEST", "\xef\xbd\x81lice"}) {
        Client one{app};
        ASSERT_EQ(one.log_in(name).status(), 200) << name;
        EXPECT_EQ(one.get("/auth/me").json().string_at("username"), "alice") << name;
    }
}

TEST_F(SignIn, answers_the_same_for_a_wrong_password_an_unknown_name_and_every_closed_account) {
    app.add_user("disabled");
    auto const disabled = app.stack.users.find_by_login("disabled").value();
    ASSERT_TRUE(app.stack.users.set_state(disabled.id, users::UserState::disabled, audit::Actor::system()).ok());
    app.add_user("locked");
    auto const locked = app.stack.users.find_by_login("locked").value();
    ASSERT_TRUE(app.stack.users.set_state(locked.id, users::UserState::locked, audit::Actor::system()).ok());
    app.add_user("pending");
    auto const pending = app.stack.users.find_by_login("pending").value();
    ASSERT_TRUE(app.stack.users.set_state(pending.id, users::UserState::pending, audit::Actor::system()).ok());
    app.add_user("expired");
    auto const expired = app.stack.users.find_by_login("expired").value();
    ASSERT_TRUE(app.stack.users.set_expiry(expired.id, app.clock.now() + 1s, audit::Actor::system()).ok());
    app.clock.advance(1s);

    auto const reference = client.log_in("alice", "not her password at all");
    EXPECT_EQ(reference.status(), 401);
    EXPECT_EQ(reference.id(), "auth.invalid_credentials");
    auto without_request_id = [](Json json) {
        json.set("request_id", "");
        return json.dump();
    };
    for (auto const* name : {"nobody", "disabled", "locked", "pending", "expired", "", "a b c", "\x01"}) {
        auto const answer = client.log_in(name);
        EXPECT_EQ(answer.status(), 401) << name;
        EXPECT_EQ(without_request_id(answer.json()), without_request_id(reference.json())) << name;
        EXPECT_EQ(answer.header("Set-Cookie"), "") << name;
    }
    EXPECT_EQ(last(audit::codes::auth_refused).outcome, audit::Outcome::failure);
}

TEST_F(SignIn, keeps_the_true_reason_in_the_audit_log) {
    ASSERT_TRUE(app.stack.users.set_state(alice.id, users::UserState::disabled, audit::Actor::system()).ok());
    client.log_in("alice");
    auto const event = last(audit::codes::auth_refused);
    EXPECT_EQ(event.reason, "users.disabled");
    EXPECT_EQ(event.subject, alice.id);
    EXPECT_EQ(event.address, "192.0.2.10");
}

TEST_F(SignIn, does_not_adopt_a_session_cookie_that_the_client_brought) {
    client.cookies()["zephyr_session"] = std::string(43, 'A');
    ASSERT_EQ(client.log_in("alice").status(), 200);
    EXPECT_NE(client.session_cookie(), std::string(43, 'A'));
}

TEST_F(SignIn, ends_the_session_it_replaces) {
    client.log_in("alice");
    auto const first = client.session_cookie();
    client.log_in("alice");
    EXPECT_NE(client.session_cookie(), first);
    EXPECT_EQ(app.stack.sessions.list(alice.id).size(), 1u);
}

TEST_F(SignIn, out_ends_the_session_at_once_and_clears_the_browser) {
    client.log_in("alice");
    auto const token = client.session_cookie();
    auto const out = client.post("/auth/logout");
    EXPECT_EQ(out.status(), 200);
    EXPECT_NE(out.header("Clear-Site-Data"), "");
    client.cookies()["zephyr_session"] = token;
    EXPECT_EQ(client.get("/auth/me").status(), 401);
    EXPECT_EQ(client.post("/auth/logout").status(), 401);
}

TEST_F(SignIn, disabling_an_account_bites_the_open_session_at_the_next_request) {
    client.log_in("alice");
    ASSERT_EQ(client.get("/auth/me").status(), 200);
    ASSERT_TRUE(app.stack.users.set_state(alice.id, users::UserState::disabled, audit::Actor::system()).ok());
    EXPECT_EQ(client.get("/auth/me").status(), 401);
}

TEST_F(SignIn, expiring_an_account_bites_to_the_millisecond) {
    client.log_in("alice");
    ASSERT_TRUE(app.stack.users.set_expiry(alice.id, app.clock.now() + 1min, audit::Actor::system()).ok());
    app.clock.advance(1min - 1ms);
    EXPECT_EQ(client.get("/auth/me").status(), 200);
    app.clock.advance(1ms);
    EXPECT_EQ(client.get("/auth/me").status(), 401);
}

TEST_F(SignIn, a_role_taken_away_is_gone_at_the_next_request) {
    auto const root = app.add_user("root", "admin");
    auto const other = app.add_user("other", "admin");
    auto const secret = app.enrol(root);
    client.log_in("root");
    client.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}}));
    ASSERT_EQ(client.get("/admin/dashboard").status(), 200);
    ASSERT_TRUE(app.stack.roles.revoke(rbac::Subject::user(root.id), "admin", audit::Actor::user(other.id)).ok());
    auto const refused = client.get("/admin/dashboard");
    EXPECT_EQ(refused.status(), 403);
    EXPECT_EQ(refused.id(), "rbac.denied");
    EXPECT_EQ(last(audit::codes::access_refused).subject, root.id);
}

TEST_F(SignIn, a_stranger_is_asked_to_sign_in_as_a_program_by_challenge_and_as_a_person_by_the_page) {
    auto const program = client.get("/auth/me");
    EXPECT_EQ(program.status(), 401);
    EXPECT_NE(program.header("WWW-Authenticate").find("Bearer"), std::string::npos);
    auto const person = client.page("/account?x=1");
    EXPECT_EQ(person.status(), 303);
    EXPECT_EQ(person.location(), "/sign-in?return_to=%2Faccount%3Fx%3D1");
}

TEST_F(SignIn, a_body_that_is_no_json_object_is_refused_as_such) {
    http::Request request;
    request.method = http::Method::post;
    request.target = "/auth/login";
    request.headers.add("Content-Type", "application/json");
    for (auto const* body : {"", "[]", "\"x\"", "{\"username\":\"a\",\"username\":\"b\"}", "{\"username\":"}) {
        auto copy = request;
        copy.body = body;
        EXPECT_EQ(client.send(copy).status(), 400) << body;
    }
    EXPECT_EQ(client.post("/auth/login", Json::object({{"username", "alice"}})).id(), "request.field_missing");
    EXPECT_EQ(client.post("/auth/login", Json::object({{"username", Json::array()}, {"password", true}})).id(), "request.field_invalid");
}

TEST_F(SignIn, an_overlong_password_costs_no_hash) {
    auto const before = app.stack.hash_gate.counts().admitted;
    EXPECT_EQ(client.log_in("alice", std::string(1025, 'x')).status(), 401);
    EXPECT_EQ(app.stack.hash_gate.counts().admitted, before);
}

TEST_F(SignIn, another_site_cannot_sign_somebody_in) {
    http::Request request;
    request.method = http::Method::post;
    request.target = "/auth/login";
    request.body = Json::object({{"username", "alice"}, {"password", std::string{TestApp::good_password}}}).dump();
    request.headers.add("Content-Type", "application/json");
    request.headers.add("Origin", "https://evil.example");
    EXPECT_EQ(client.send(request).status(), 403);
    http::Request form = request;
    form.headers = {};
    form.headers.add("Content-Type", "application/x-www-form-urlencoded");
    form.body = "username=alice&password=correct+horse+battery+staple";
    EXPECT_EQ(client.send(form).status(), 403);
}

TEST_F(SignIn, registering_is_closed_by_default_and_when_open_tells_a_stranger_nothing) {
    auto const wanted = Json::object({{"username", "newcomer"}, {"password", "a long enough pass phrase"}});
    EXPECT_EQ(client.post("/auth/register", wanted).id(), "auth.sign_up_closed");

    auto settings = TestApp::settings();
    settings.signup.open = true;
    TestApp open{settings};
    open.add_user("alice");
    Client visitor{open};
    ASSERT_EQ(visitor.post("/auth/register", wanted).status(), 201);
    EXPECT_EQ(visitor.log_in("newcomer", "a long enough pass phrase").status(), 200);
    EXPECT_EQ(visitor.log_in("newcomer", "a long enough pass phrase").json().string_at("mfa"), "none");

    auto const name_taken = visitor.post("/auth/register", Json::object({{"username", "ALICE"}, {"password", "a long enough pass phrase"}}));
    auto const mail_taken = visitor.post("/auth/register", Json::object({{"username", "someone"},
                                                                          {"email", "alice@example.test"},
                                                                          {"password", "a long enough pass phrase"}}));
    EXPECT_EQ(name_taken.status(), 409);
    EXPECT_EQ(name_taken.id(), mail_taken.id());
    auto const weak = visitor.post("/auth/register", Json::object({{"username", "weak"}, {"password", "password123"}}));
    EXPECT_EQ(weak.status(), 400);
    EXPECT_NE(weak.json().string_at("detail").value_or(""), "") << "a refused password comes with its reason";
}

TEST_F(SignIn, a_remembered_session_has_a_lasting_cookie_and_another_has_none) {
    auto const plain = client.log_in("alice");
    EXPECT_EQ(plain.header("Set-Cookie").find("Max-Age"), std::string::npos);
    auto const lasting = client.post("/auth/login", Json::object({{"username", "alice"},
                                                                   {"password", std::string{TestApp::good_password}},
                                                                   {"remember", true}}));
    EXPECT_NE(lasting.header("Set-Cookie").find("Max-Age=2592000"), std::string::npos);
    EXPECT_NE(lasting.header("Set-Cookie").find("HttpOnly"), std::string::npos);
    EXPECT_NE(lasting.header("Set-Cookie").find("SameSite=Lax"), std::string::npos);
}

TEST_F(SignIn, over_https_the_cookie_is_host_bound_and_secure) {
    auto settings = TestApp::settings();
    settings.server.public_url = "https://id.example.test";
    TestApp secure{settings};
    secure.add_user("alice");
    Client browser{secure};
    auto const cookie = browser.log_in("alice").header("Set-Cookie");
    EXPECT_TRUE(cookie.starts_with("__Host-zephyr_session=")) << cookie;
    EXPECT_NE(cookie.find("Secure"), std::string::npos);
}

TEST_F(SignIn, no_secret_and_no_name_reaches_the_log) {
    client.log_in("alice");
    client.log_in("alice", "canary-password-0123456789");
    for (auto const& line : app.log.lines()) {
        for (auto const& field : line.fields) {
            auto const& value = field.second;
            EXPECT_EQ(value.find("canary-password"), std::string::npos);
            EXPECT_EQ(value.find(client.session_cookie()), std::string::npos);
            EXPECT_EQ(value.find("alice"), std::string::npos);
            EXPECT_EQ(value.find("192.0.2.10"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace zephyr
