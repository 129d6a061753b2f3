// What a session in the wrong hands must not be able to do to the account: each change of a credential asks for the strongest proof.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "zephyr/encoding/base32.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::TestApp;

constexpr char const* password = "correct horse battery staple";

class StepUp : public ::testing::Test {
protected:
    TestApp app;
    Client browser{app};

    void sign_in_with_factor(Client& client, std::string const& name, Bytes const& secret) {
        client.submit("/sign-in", {{"username", name}, {"password", password}});
        ASSERT_EQ(client.submit("/sign-in/factor", {{"code", app.code_for(secret)}}).status(), 303);
    }
};

TEST_F(StepUp, a_password_does_not_stand_in_for_the_second_factor) {
    auto const root = app.add_user("root", "admin");
    auto const alice = app.add_user("alice");
    auto const secret = app.enrol(root);
    sign_in_with_factor(browser, "root", secret);
    app.clock.advance(15min);
    EXPECT_EQ(browser.submit("/account/verify", {{"password", password}}).status(), 401);
    auto const at = "/admin/users/" + alice.id.str();
    EXPECT_TRUE(browser.submit(at + "/disable", {}, at).location().starts_with("/account/verify"));
    EXPECT_TRUE(app.stack.users.find(alice.id).value().state == users::UserState::active);
    EXPECT_EQ(browser.submit("/account/verify", {{"code", app.code_for(secret)}}).status(), 303);
    EXPECT_EQ(browser.submit(at + "/disable", {}, at).status(), 303);
    EXPECT_EQ(app.stack.users.find(alice.id).value().state, users::UserState::disabled);
}

TEST_F(StepUp, changing_the_password_asks_whoever_has_a_factor_for_it) {
    auto const alice = app.add_user("alice");
    auto const secret = app.enrol(alice);
    sign_in_with_factor(browser, "alice", secret);
    app.clock.advance(15min);
    auto const change = [&] {
        return browser.submit("/account/password", {{"current_password", password}, {"password", "another fine pass phrase"}});
    };
    EXPECT_EQ(change().location(), "/account/verify?return_to=/account/password");
    EXPECT_EQ(browser.submit("/account/verify", {{"code", app.code_for(secret)}}).status(), 303);
    EXPECT_EQ(change().location(), "/account?notice=password_changed");
}

TEST_F(StepUp, the_first_factor_ends_the_sessions_that_never_proved_one) {
    app.add_user("alice");
    Client thief{app};
    thief.log_in("alice");
    browser.log_in("alice");
    auto const secret = encoding::base32_decode(browser.post("/auth/mfa/totp/setup").json().string_at("secret").value()).value();
    ASSERT_EQ(browser.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}})).status(), 200);
    EXPECT_EQ(thief.get("/auth/me").status(), 401);
    EXPECT_EQ(browser.get("/auth/me").status(), 200);
}

TEST_F(StepUp, removing_a_factor_sets_no_password_that_is_not_needed) {
    auto const alice = app.add_user("alice");
    auto const secret = app.enrol(alice);
    sign_in_with_factor(browser, "alice", secret);
    auto const device = app.stack.totp.list(alice.id).front().id.str();
    EXPECT_EQ(browser.submit("/account/factors/" + device + "/remove", {{"new_password", "chosen by the thief, alas"}}, "/account").status(), 303);
    Client thief{app};
    EXPECT_EQ(thief.log_in("alice", "chosen by the thief, alas").status(), 401);
    EXPECT_EQ(thief.log_in("alice", password).status(), 200);
}

TEST_F(StepUp, removing_a_factor_ends_the_sessions_it_had_proved) {
    auto const alice = app.add_user("alice");
    auto const secret = app.enrol(alice);
    Client phone{app};
    sign_in_with_factor(phone, "alice", secret);
    app.clock.advance(30s);
    sign_in_with_factor(browser, "alice", secret);
    auto const device = app.stack.totp.list(alice.id).front().id.str();
    EXPECT_EQ(browser.submit("/account/factors/" + device + "/remove", {}, "/account").status(), 303);
    EXPECT_EQ(phone.get("/auth/me").status(), 401);
}

TEST_F(StepUp, a_password_that_must_go_cannot_stay_by_way_of_the_throttle) {
    auto const alice = app.add_user("alice");
    ASSERT_TRUE(app.stack.passwords.require_change(alice.id, "test", audit::Actor::system()).ok());
    browser.submit("/sign-in", {{"username", "alice"}, {"password", password}});
    Client stranger{app};
    for (int i = 0; i < 8; ++i) stranger.log_in("alice", "a stranger guesses wrongly");
    EXPECT_EQ(browser.submit("/account/password", {{"password", password}}).status(), 400);
    EXPECT_EQ(browser.get("/auth/me").id(), "passwords.change_required");
    EXPECT_EQ(browser.submit("/account/password", {{"password", "another fine pass phrase"}}).status(), 303);
}

TEST_F(StepUp, an_enrolment_left_lying_does_not_get_in_the_way_of_proving_oneself) {
    auto const alice = app.add_user("alice");
    auto const secret = app.enrol(alice);
    sign_in_with_factor(browser, "alice", secret);
    ASSERT_EQ(browser.submit("/account/factors/totp/begin", {}, "/account").location(), "/account/factors/totp");
    app.clock.advance(30s);
    EXPECT_EQ(browser.submit("/account/verify", {{"code", app.code_for(secret)}}).status(), 303);
    app.clock.advance(30s);
    auto const by_program = browser.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}}));
    EXPECT_EQ(by_program.json().string_at("status"), "verified");
}

TEST_F(StepUp, the_secret_of_an_enrolment_is_not_shown_to_a_session_that_grew_old) {
    app.add_user("alice");
    browser.submit("/sign-in", {{"username", "alice"}, {"password", password}});
    app.clock.advance(14min);
    ASSERT_EQ(browser.submit("/account/factors/totp/begin", {}, "/account").location(), "/account/factors/totp");
    ASSERT_EQ(browser.page("/account/factors/totp").status(), 200);
    app.clock.advance(1min);
    EXPECT_EQ(browser.page("/account/factors/totp").location(), "/account/verify?return_to=%2Faccount%2Ffactors%2Ftotp");
}

TEST_F(StepUp, an_email_address_is_a_credential_too) {
    auto const alice = app.add_user("alice");
    browser.submit("/sign-in", {{"username", "alice"}, {"password", password}});
    app.clock.advance(15min);
    auto const save = [&](std::string const& email) {
        return browser.submit("/account/profile", {{"display_name", "Alice"}, {"email", email}}, "/account").location();
    };
    EXPECT_EQ(save("thief@example.test"), "/account/verify");
    EXPECT_EQ(save("alice@example.test"), "/account?notice=profile_saved") << "the name alone is no credential";
    EXPECT_EQ(app.stack.users.find(alice.id).value().email, "alice@example.test");
}

}  // namespace
}  // namespace zephyr
