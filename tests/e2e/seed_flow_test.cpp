// The seed's own flow (TestMFAIntegration), and what must not work along the way.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "zephyr/encoding/base32.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::TestApp;

class SeedFlow : public ::testing::Test {
protected:
    TestApp app;
    Client client{app};
    users::User alice = app.add_user("alice", "admin");

    std::string code(std::string const& secret) { return app.code_for(encoding::base32_decode(secret).value()); }
};

TEST_F(SeedFlow, password_then_enrolment_then_the_dashboard_opens) {
    auto const login = client.log_in("alice");
    ASSERT_EQ(login.status(), 200);
    EXPECT_EQ(login.json().string_at("mfa"), "enrolment_required");

    auto const before = client.get("/admin/dashboard");
    EXPECT_EQ(before.status(), 403);
    EXPECT_EQ(before.id(), "mfa.required");

    auto const setup = client.post("/auth/mfa/totp/setup");
    ASSERT_EQ(setup.status(), 200);
    auto const secret = setup.json().string_at("secret").value();
    EXPECT_EQ(secret.size(), 32u);
    EXPECT_TRUE(setup.json().string_at("otpauth_uri")->starts_with("otpauth://totp/"));
    EXPECT_TRUE(setup.json().string_at("qr_code")->starts_with("data:image/svg+xml;base64,"));

    auto const wrong = client.post("/auth/mfa/totp/verify", Json::object({{"code", "000000"}}));
    EXPECT_EQ(wrong.status(), 400);
    EXPECT_EQ(client.get("/admin/dashboard").status(), 403);

    auto const verified = client.post("/auth/mfa/totp/verify", Json::object({{"code", code(secret)}}));
    ASSERT_EQ(verified.status(), 200);
    EXPECT_EQ(verified.json().string_at("status"), "enabled");
    EXPECT_EQ(client.get("/admin/dashboard").status(), 200);
}

TEST_F(SeedFlow, the_next_sign_in_is_pending_until_the_code_and_a_used_code_is_refused) {
    auto const secret = app.enrol(alice);
    auto const login = client.log_in("alice");
    EXPECT_EQ(login.json().string_at("mfa"), "required");
    EXPECT_EQ(login.json().find("user"), nullptr) << "nothing about the account before every factor";

    for (auto const* path : {"/auth/me", "/admin/dashboard"}) {
        auto const refused = client.get(path);
        EXPECT_EQ(refused.status(), 403) << path;
        EXPECT_EQ(refused.id(), "mfa.required") << path;
        EXPECT_NE(refused.header("WWW-Authenticate").find("insufficient_user_authentication"), std::string::npos) << path;
    }
    EXPECT_EQ(client.post("/auth/mfa/totp/setup").status(), 403) << "a pending sign-in adds no factor";

    auto const code = app.code_for(secret);
    auto const verified = client.post("/auth/mfa/totp/verify", Json::object({{"code", code}}));
    ASSERT_EQ(verified.status(), 200);
    EXPECT_EQ(verified.json().string_at("status"), "verified");
    EXPECT_EQ(client.get("/admin/dashboard").status(), 200);

    Client second{app};
    second.log_in("alice");
    auto const replayed = second.post("/auth/mfa/totp/verify", Json::object({{"code", code}}));
    EXPECT_EQ(replayed.status(), 400);
    EXPECT_EQ(replayed.id(), "mfa.totp_code_reused");
    EXPECT_EQ(second.get("/admin/dashboard").status(), 403);
}

TEST_F(SeedFlow, a_second_factor_belongs_to_the_session_and_not_to_the_user) {
    auto const secret = app.enrol(alice);
    client.log_in("alice");
    ASSERT_EQ(client.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}})).status(), 200);
    Client elsewhere{app};
    elsewhere.log_in("alice");
    EXPECT_EQ(client.get("/admin/dashboard").status(), 200);
    EXPECT_EQ(elsewhere.get("/admin/dashboard").status(), 403);
}

TEST_F(SeedFlow, the_token_of_before_the_code_is_dead_after_it) {
    auto const secret = app.enrol(alice);
    client.log_in("alice");
    auto const before = client.session_cookie();
    client.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}}));
    EXPECT_NE(client.session_cookie(), before);
    Client thief{app};
    thief.cookies()["zephyr_session"] = before;
    EXPECT_EQ(thief.get("/auth/me").status(), 401);
}

TEST_F(SeedFlow, another_persons_code_opens_nothing) {
    auto const bobs = app.enrol(app.add_user("bob"));
    app.enrol(alice);
    client.log_in("alice");
    EXPECT_EQ(client.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(bobs)}})).status(), 400);
    EXPECT_EQ(client.get("/auth/me").status(), 403);
}

TEST_F(SeedFlow, an_enrolment_is_confirmed_only_by_the_session_that_began_it) {
    client.log_in("alice");
    auto const secret = client.post("/auth/mfa/totp/setup").json().string_at("secret").value();
    Client elsewhere{app};
    elsewhere.log_in("alice");
    EXPECT_EQ(elsewhere.post("/auth/mfa/totp/verify", Json::object({{"code", code(secret)}})).status(), 404);
    EXPECT_EQ(client.post("/auth/mfa/totp/verify", Json::object({{"code", code(secret)}})).status(), 200);
}

TEST_F(SeedFlow, adding_a_factor_asks_for_a_fresh_proof) {
    client.log_in("alice");
    app.clock.advance(15min);
    auto const refused = client.post("/auth/mfa/totp/setup");
    EXPECT_EQ(refused.status(), 401);
    EXPECT_EQ(refused.id(), "auth.step_up_required");
    EXPECT_NE(refused.header("WWW-Authenticate").find("max_age"), std::string::npos);
}

TEST_F(SeedFlow, five_wrong_codes_end_the_challenge_and_signing_in_again_does_not_give_endless_guesses) {
    auto const secret = app.enrol(alice);
    int refused_as_wrong = 0;
    for (int round = 0; round < 6; ++round) {
        Client guesser{app};
        guesser.log_in("alice");
        for (int guess = 0; guess < 6; ++guess) {
            auto const answer = guesser.post("/auth/mfa/totp/verify", Json::object({{"code", "123456"}}));
            if (answer.status() == 400) ++refused_as_wrong;
            else EXPECT_EQ(answer.status(), 429);
        }
    }
    EXPECT_LE(refused_as_wrong, 10) << "the account's limit, over all sign-ins";
    Client late{app};
    late.log_in("alice");
    EXPECT_EQ(late.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}})).status(), 429);
}

TEST_F(SeedFlow, a_code_as_a_number_or_missing_is_a_bad_request) {
    app.enrol(alice);
    client.log_in("alice");
    EXPECT_EQ(client.post("/auth/mfa/totp/verify", Json::object({{"code", 123456}})).status(), 400);
    EXPECT_EQ(client.post("/auth/mfa/totp/verify").id(), "request.field_missing");
}

TEST_F(SeedFlow, with_mfa_disabled_by_the_operator_no_factor_is_asked_and_none_can_be_added) {
    auto settings = TestApp::settings();
    settings.mfa.enabled = false;
    settings.mfa.required_for_admin = false;
    TestApp plain{settings};
    plain.add_user("root", "admin");
    Client admin{plain};
    EXPECT_EQ(admin.log_in("root").json().string_at("mfa"), "none");
    EXPECT_EQ(admin.get("/admin/dashboard").status(), 200);
    EXPECT_EQ(admin.post("/auth/mfa/totp/setup").status(), 404);
}

}  // namespace
}  // namespace zephyr
