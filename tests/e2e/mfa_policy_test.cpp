// Who must have a second factor, what stands in the way until then, and what a proof is worth.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "zephyr/encoding/base32.h"
#include "zephyr/encoding/base64url.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::TestApp;

Json code_body(std::string const& code) { return Json::object({{"code", code}}); }

struct Demanding {
    explicit Demanding(std::vector<std::string> rules, bool email_counts = false) : app{settings(std::move(rules), email_counts)} {}
    static config::Settings settings(std::vector<std::string> rules, bool email_counts) {
        auto out = TestApp::settings();
        out.mfa.required_for = std::move(rules);
        out.mfa.email_satisfies_mfa = email_counts;
        return out;
    }
    // Enrols over the API; the answer of verify.
    testing::Answer enrol(Client& client) {
        auto const begun = client.post("/auth/mfa/totp/setup");
        secret = encoding::base32_decode(begun.json().string_at("secret").value_or("")).value();
        auto done = client.post("/auth/mfa/totp/verify", code_body(app.code_for(secret)));
        app.clock.advance(30s);
        return done;
    }
    TestApp app;
    Client browser{app};
    Bytes secret;
};

TEST(MfaPolicy, past_the_grace_a_session_can_add_a_factor_and_nothing_else) {
    Demanding world{{"everyone grace:1d"}};
    world.app.add_user("alice");
    auto const first = world.browser.log_in("alice");
    EXPECT_EQ(first.json().string_at("mfa"), "none") << first.body();
    EXPECT_EQ(world.browser.get("/auth/me").status(), 200) << "in grace";
    world.app.clock.advance(24h);
    auto const late = world.browser.log_in("alice");
    EXPECT_EQ(late.json().string_at("pending"), "mfa.enrolment_required") << late.body();
    EXPECT_FALSE(late.json().find("user")) << "nothing of the account yet";
    auto const refused = world.browser.get("/auth/me");
    EXPECT_EQ(refused.status(), 403);
    EXPECT_EQ(refused.id(), "mfa.enrolment_required");
    EXPECT_EQ(world.browser.get("/auth/mfa").json().find("demanded")->boolean(), true);

    auto const before = world.browser.session_cookie();
    auto const enrolled = world.enrol(world.browser);
    ASSERT_EQ(enrolled.status(), 200) << enrolled.body();
    EXPECT_EQ(enrolled.json().string_at("status"), "enabled");
    EXPECT_FALSE(enrolled.json().string_at("pending")) << enrolled.body();
    EXPECT_NE(world.browser.session_cookie(), before) << "a new token with the new power";
    EXPECT_EQ(world.browser.get("/auth/me").status(), 200);
}

TEST(MfaPolicy, a_session_that_waits_for_a_code_enrols_nothing) {
    Demanding world{{"everyone"}};
    auto const alice = world.app.add_user("alice");
    world.app.enrol(alice);
    ASSERT_EQ(world.browser.log_in("alice").json().string_at("pending"), "mfa.required");
    EXPECT_EQ(world.browser.post("/auth/mfa/totp/setup").id(), "mfa.required") << "whoever has the password alone adds no factor of their own";
    EXPECT_EQ(world.app.stack.totp.list(alice.id).size(), 1u);
}

TEST(MfaPolicy, a_session_that_waits_for_a_factor_grows_too_old_to_add_one) {
    Demanding world{{"everyone"}};
    world.app.add_user("alice");
    world.browser.log_in("alice");
    ASSERT_EQ(world.browser.post("/auth/mfa/totp/setup").status(), 200);
    world.app.clock.advance(10min);
    EXPECT_EQ(world.browser.post("/auth/mfa/totp/setup").status(), 401);
}

TEST(MfaPolicy, a_demand_waits_behind_a_new_password_and_is_not_forgotten) {
    Demanding world{{"everyone"}};
    auto const alice = world.app.add_user("alice");
    ASSERT_TRUE(world.app.stack.passwords.require_change(alice.id, "test", audit::Actor::system()).ok());
    ASSERT_EQ(world.browser.log_in("alice").json().string_at("pending"), "passwords.change_required");
    EXPECT_EQ(world.browser.post("/auth/mfa/totp/setup").id(), "passwords.change_required");
    world.browser.submit("/account/password", {{"password", "another fine pass phrase"}});
    EXPECT_EQ(world.browser.get("/auth/me").id(), "mfa.enrolment_required");
}

TEST(MfaPolicy, tokens_wait_as_sessions_do) {
    Demanding world{{"everyone"}};
    world.app.add_user("alice");
    auto const answer = world.browser.post(
        "/auth/token", Json::object({{"username", "alice"}, {"password", std::string{TestApp::good_password}}}));
    ASSERT_EQ(answer.status(), 200) << answer.body();
    EXPECT_EQ(answer.json().string_at("pending"), "mfa.enrolment_required");
    EXPECT_EQ(answer.json().string_at("mfa"), "enrolment_required");
}

// "enforce_admin_before_first_action": a new administrator does nothing before a factor was proved.
TEST(MfaPolicy, enforce_admin_before_first_action) {
    Demanding world{{}};
    world.app.add_user("root", "admin");
    auto const alice = world.app.add_user("alice");
    EXPECT_EQ(world.browser.log_in("root").json().string_at("mfa"), "enrolment_required");
    EXPECT_EQ(world.browser.get("/auth/me").status(), 200) << "their own account stays open";
    EXPECT_EQ(world.browser.submit("/admin/users/" + alice.id.str() + "/disable", {}, "/account").status(), 403);
    EXPECT_EQ(world.app.stack.users.find(alice.id).value().state, users::UserState::active);
    ASSERT_EQ(world.enrol(world.browser).status(), 200);
    EXPECT_EQ(world.browser.submit("/admin/users/" + alice.id.str() + "/disable", {}, "/account").status(), 303);
}

// "remove_last_factor_policy"
TEST(MfaPolicy, remove_last_factor_policy) {
    Demanding world{{"everyone"}};
    auto const alice = world.app.add_user("alice");
    world.browser.log_in("alice");
    ASSERT_EQ(world.enrol(world.browser).status(), 200);
    auto const remove = [&](std::string const& id) { return world.browser.post("/auth/mfa/factors/" + id + "/remove"); };
    auto const only = world.app.stack.totp.list(alice.id).front().id.str();
    EXPECT_EQ(remove(only).id(), "mfa.demanded");
    EXPECT_EQ(remove("no-id").id(), "mfa.device_not_found");
    ASSERT_EQ(world.enrol(world.browser).status(), 200);
    auto const gone = remove(only);
    EXPECT_EQ(gone.status(), 200) << gone.body();
    EXPECT_EQ(world.app.stack.totp.list(alice.id).size(), 1u);
}

TEST(MfaFactors, the_first_factor_brings_backup_codes_and_the_second_none) {
    Demanding world{{}};
    auto const alice = world.app.add_user("alice");
    world.browser.log_in("alice");
    auto const first = world.enrol(world.browser);
    ASSERT_EQ(first.status(), 200) << first.body();
    auto const told = first.json();
    auto const* codes = told.find("backup_codes");
    ASSERT_NE(codes, nullptr) << first.body();
    EXPECT_EQ(codes->items()->size(), 10u);
    auto const second = world.enrol(world.browser);
    ASSERT_EQ(second.status(), 200);
    EXPECT_FALSE(second.json().find("backup_codes")) << "a second set would kill the one that was written down";
    EXPECT_EQ(world.app.stack.backup_codes.left(alice.id), 10);
}

TEST(MfaFactors, are_listed_for_whoever_signs_in_and_shows_no_secret) {
    Demanding world{{}};
    auto const alice = world.app.add_user("alice");
    world.app.enrol(alice);
    world.browser.log_in("alice");
    auto const listed = world.browser.get("/auth/mfa");
    ASSERT_EQ(listed.status(), 200) << listed.body();
    auto const told = listed.json();
    auto const& factors = *told.find("factors")->items();
    ASSERT_EQ(factors.size(), 1u);
    EXPECT_EQ(factors[0].string_at("kind"), "totp");
    EXPECT_FALSE(factors[0].find("id") || factors[0].find("shown") || factors[0].find("added_at")) << listed.body();
    EXPECT_FALSE(told.find("backup_codes_left"));
    EXPECT_EQ(told.find("offered")->dump(), R"(["totp"])") << "nobody sends codes here";
    EXPECT_EQ(Client{world.app}.get("/auth/mfa").status(), 401);
}

TEST(MfaFactors, a_removal_by_a_stale_session_is_refused) {
    Demanding world{{}};
    auto const alice = world.app.add_user("alice");
    world.browser.log_in("alice");
    ASSERT_EQ(world.enrol(world.browser).status(), 200);
    auto const only = world.app.stack.totp.list(alice.id).front().id.str();
    world.app.clock.advance(15min);
    EXPECT_EQ(world.browser.post("/auth/mfa/factors/" + only + "/remove").id(), "auth.step_up_required");
    ASSERT_EQ(world.browser.post("/auth/mfa/totp/verify", code_body(world.app.code_for(world.secret))).status(), 200);
    EXPECT_EQ(world.browser.post("/auth/mfa/factors/" + only + "/remove").status(), 200);
    EXPECT_FALSE(world.app.stack.backup_codes.left(alice.id)) << "and the codes that stood in for it";
}

// "enrol_pending_overwrite": another session's enrolment neither replaces nor confirms mine.
TEST(MfaFactors, enrol_pending_overwrite) {
    Demanding world{{}};
    auto const alice = world.app.add_user("alice");
    Client thief{world.app};
    world.browser.log_in("alice");
    thief.log_in("alice");
    auto const mine = encoding::base32_decode(world.browser.post("/auth/mfa/totp/setup").json().string_at("secret").value()).value();
    auto const theirs = encoding::base32_decode(thief.post("/auth/mfa/totp/setup").json().string_at("secret").value()).value();
    EXPECT_NE(mine, theirs);
    EXPECT_EQ(world.browser.post("/auth/mfa/totp/verify", code_body(world.app.code_for(theirs))).status(), 400);
    EXPECT_EQ(world.browser.post("/auth/mfa/totp/verify", code_body(world.app.code_for(mine))).status(), 200);
    EXPECT_EQ(thief.post("/auth/mfa/totp/verify", code_body(world.app.code_for(theirs))).status(), 401) << "ended by the first factor";
    EXPECT_EQ(world.app.stack.totp.list(alice.id).size(), 1u);
}

TEST(MfaFactors, a_session_that_proved_a_weaker_factor_makes_no_stronger_one) {
    Demanding world{{}};
    auto const alice = world.app.add_user("alice");
    world.app.enrol(alice);
    auto const now = world.app.clock.now();
    auto const by_sms =
        world.app.stack.sessions.start({.user = alice.id, .factors = {{"pwd", now}, {"sms", now, true}}, .origin = {}}).value().session;
    EXPECT_FALSE(world.app.stack.account.begin_totp(by_sms.ref, "thief's", {}).ok());
    EXPECT_FALSE(world.app.stack.account.remove_factor(by_sms.ref, world.app.stack.totp.list(alice.id).front().id, std::nullopt, {}).ok());
}

TEST(MfaFactors, a_code_of_a_kind_nobody_set_up_opens_nothing) {
    Demanding world{{}};
    auto const alice = world.app.add_user("alice");
    world.app.enrol(alice);
    auto const pending = world.app.stack.sign_in.sign_in({.login = "alice", .password = SecretText{std::string{TestApp::good_password}}, .origin = {}}).value();
    auto const& ref = pending.issued.session.ref;
    auto const given = [&](std::string const& kind) {
        return world.app.stack.sign_in.verify_code(ref, {.kind = kind, .code = "123456"}, {}, signin::SignInService::Purpose::prove).error();
    };
    for (auto const* kind : {"push", "", "pwd"}) EXPECT_EQ(given(kind), mfa::errors::unknown_factor) << kind;
    EXPECT_EQ(given("sms"), mfa::errors::not_enrolled);
    EXPECT_EQ(given("email"), mfa::errors::stronger_proof_required) << "it would not do beside an app";
    EXPECT_EQ(world.app.stack.sign_in.send_code(ref, "totp", {}).error(), mfa::errors::unknown_factor);
}

// "amr_acr_truthful": RFC 8176 and NIST SP 800-63B-4, 3.1.3.1.
TEST(MfaFactors, amr_acr_truthful) {
    Demanding world{{}, true};
    auto const alice = world.app.add_user("alice");
    auto const now = world.app.clock.now();
    auto const claims = [&](std::vector<sessions::Factor> factors) {
        auto const issued = world.app.stack.sessions.start({.user = alice.id, .factors = std::move(factors), .origin = {}}).value();
        auto const token = world.app.stack.tokens.issue(issued).value().access_token.reveal();
        auto const first = token.find('.') + 1;
        auto const body = encoding::base64url_decode(token.substr(first, token.find('.', first) - first)).value();
        auto const json = encoding::parse_json(as_text(body)).value();
        return json.string_at("acr").value() + " " + json.find("amr")->dump();
    };
    EXPECT_EQ(claims({{"pwd", now}}), R"(aal1 ["pwd"])");
    EXPECT_EQ(claims({{"pwd", now}, {"otp", now, true}}), R"(aal2 ["pwd","otp","mfa"])");
    EXPECT_EQ(claims({{"pwd", now}, {"sms", now, true}}), R"(aal2 ["pwd","sms","mfa"])");
    EXPECT_EQ(claims({{"pwd", now}, {"backup", now, true}}), R"(aal2 ["pwd","otp","mfa"])");
    EXPECT_EQ(claims({{"pwd", now}, {"email", now, false}}), R"(aal1 ["pwd","email"])");
    EXPECT_EQ(claims({{"pwd", now}, {"email", now, true}}), R"(aal1 ["pwd","email"])") << "even where the operator lets it count";
    EXPECT_EQ(claims({{"pwd", now}, {"email", now, true}, {"otp", now, true}}), R"(aal2 ["pwd","email","otp","mfa"])");
}

TEST(MfaFactors, whoever_added_a_factor_is_told_of_it) {
    Demanding world{{}};
    auto const alice = world.app.add_user("alice");
    world.browser.log_in("alice");
    ASSERT_EQ(world.enrol(world.browser).status(), 200);
    auto const told = world.app.stack.notices.unseen(alice.id);
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.back().what, "factor_added");
}

}  // namespace
}  // namespace zephyr
