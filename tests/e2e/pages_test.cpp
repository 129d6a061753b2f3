// The pages as a browser without JavaScript meets them: forms, cookies, redirects.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/base32.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::TestApp;

constexpr char const* password = "correct horse battery staple";

class PageFlow : public ::testing::Test {
protected:
    TestApp app;
    Client browser{app};

    // Reads the secret that the enrolment page shows in groups of four.
    static Bytes shown_secret(std::string const& html) {
        auto const at = html.find("otpauth://totp/");
        auto const begin = html.find("secret=", at) + 7;
        return encoding::base32_decode(html.substr(begin, 32)).value();
    }

    // An administrator signed in with both factors.
    Client admin() {
        auto const root = app.add_user("root", "admin");
        auto const secret = app.enrol(root);
        Client client{app};
        client.submit("/sign-in", {{"username", "root"}, {"password", password}});
        client.submit("/sign-in/factor", {{"code", app.code_for(secret)}});
        return client;
    }
};

TEST_F(PageFlow, the_set_up_link_makes_one_administrator_and_then_leads_to_the_second_factor) {
    auto const token = app.stack.setup.issue().value();
    auto const path = "/setup/" + token.reveal();
    ASSERT_EQ(browser.page(path).status(), 200);
    std::vector<std::pair<std::string, std::string>> const form{
        {"username", "root"}, {"email", "root@example.test"}, {"display_name", "Root"}, {"password", password}};
    auto const made = browser.submit(path, form);
    ASSERT_EQ(made.status(), 303);
    EXPECT_TRUE(made.location().starts_with("/account/factors/totp")) << made.location();

    auto const enrol = browser.page(made.location());
    ASSERT_EQ(enrol.status(), 200);
    EXPECT_EQ(browser.page("/admin").status(), 403) << "not before the second factor";
    auto const secret = shown_secret(enrol.body());
    auto const confirmed = browser.submit("/account/factors/totp/confirm", {{"code", app.code_for(secret)}, {"return_to", "/admin"}},
                                          "/account/factors/totp");
    ASSERT_EQ(confirmed.status(), 303) << confirmed.body();
    EXPECT_EQ(confirmed.location(), "/account/factors/backup-codes?added=first&return_to=%2Fadmin") << "codes for the day the phone is lost";
    EXPECT_NE(browser.page(confirmed.location()).body().find("href=\"/admin\""), std::string::npos) << "now or later";
    EXPECT_EQ(browser.page("/admin").status(), 200);

    Client late{app};
    EXPECT_EQ(late.page(path).status(), 410);
    EXPECT_EQ(late.submit(path, form).status(), 403) << "no page, so no token";
    EXPECT_FALSE(app.stack.setup.issue()) << "dead once an administrator exists";
}

TEST_F(PageFlow, a_set_up_link_ends_after_an_hour_and_a_guess_opens_nothing) {
    auto const token = app.stack.setup.issue().value();
    EXPECT_EQ(browser.page("/setup/" + std::string(43, 'A')).status(), 410);
    app.clock.advance(signin::SetupService::lifetime - 1ms);
    EXPECT_EQ(browser.page("/setup/" + token.reveal()).status(), 200);
    app.clock.advance(1ms);
    EXPECT_EQ(browser.page("/setup/" + token.reveal()).status(), 410);
}

TEST_F(PageFlow, a_newer_set_up_link_kills_the_older) {
    auto const older = app.stack.setup.issue().value();
    auto const newer = app.stack.setup.issue().value();
    EXPECT_EQ(browser.page("/setup/" + older.reveal()).status(), 410);
    EXPECT_EQ(browser.page("/setup/" + newer.reveal()).status(), 200);
}

TEST_F(PageFlow, a_refused_set_up_keeps_what_was_typed_and_the_link) {
    auto const token = app.stack.setup.issue().value();
    auto const refused = browser.submit("/setup/" + token.reveal(), {{"username", "root"}, {"display_name", "Root R."}, {"password", "short"}});
    EXPECT_EQ(refused.status(), 400);
    EXPECT_NE(refused.body().find("Root R."), std::string::npos);
    EXPECT_EQ(refused.body().find("value=\"short\""), std::string::npos) << "but not the password";
    EXPECT_EQ(browser.submit("/setup/" + token.reveal(), {{"username", "root"}, {"password", password}}).status(), 303);
}

TEST_F(PageFlow, sign_in_leads_back_to_the_page_that_was_wanted_and_nowhere_else) {
    app.add_user("alice");
    auto const in = browser.submit("/sign-in", {{"username", "alice"}, {"password", password}, {"return_to", "/account/password"}});
    EXPECT_EQ(in.location(), "/account/password");
    for (auto const* evil : {"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\r\nSet-Cookie: a=b"}) {
        Client other{app};
        EXPECT_EQ(other.submit("/sign-in", {{"username", "alice"}, {"password", password}, {"return_to", evil}}).location(), "/account") << evil;
    }
}

TEST_F(PageFlow, a_form_without_its_token_or_with_another_browsers_is_refused) {
    app.add_user("alice");
    http::Request request;
    request.method = http::Method::post;
    request.target = "/sign-in";
    request.headers.add("Accept", "text/html");
    request.headers.add("Sec-Fetch-Site", "same-origin");
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.body = "username=alice&password=correct+horse+battery+staple";
    EXPECT_EQ(browser.send(request).status(), 403);
    Client attacker{app};
    auto const html = attacker.page("/sign-in").body();
    auto const at = html.find("name=\"csrf_token\" value=\"") + 25;
    request.body += "&csrf_token=" + html.substr(at, html.find('"', at) - at);
    EXPECT_EQ(browser.send(request).status(), 403);
}

TEST_F(PageFlow, a_wrong_password_shows_the_form_again_with_the_name_and_says_nothing_else) {
    app.add_user("alice");
    auto const known = browser.submit("/sign-in", {{"username", "alice"}, {"password", "wrong wrong wrong"}});
    EXPECT_EQ(known.status(), 401);
    EXPECT_NE(known.body().find("value=\"alice\""), std::string::npos);
    EXPECT_EQ(known.body().find("wrong wrong"), std::string::npos);
}

TEST_F(PageFlow, somebody_without_the_role_gets_a_page_that_says_no) {
    app.add_user("alice");
    browser.submit("/sign-in", {{"username", "alice"}, {"password", password}});
    auto const refused = browser.page("/admin");
    EXPECT_EQ(refused.status(), 403);
    EXPECT_NE(refused.header("Content-Type").find("text/html"), std::string::npos);
}

TEST_F(PageFlow, a_password_change_ends_the_other_sessions_and_renews_this_one) {
    auto const alice = app.add_user("alice");
    Client elsewhere{app};
    elsewhere.log_in("alice");
    browser.submit("/sign-in", {{"username", "alice"}, {"password", password}});
    auto const before = browser.session_cookie();
    auto const changed = browser.submit("/account/password", {{"current_password", password}, {"password", "another fine pass phrase"}});
    ASSERT_EQ(changed.status(), 303) << changed.body();
    EXPECT_NE(browser.session_cookie(), before);
    EXPECT_EQ(browser.page("/account").status(), 200);
    EXPECT_EQ(elsewhere.get("/auth/me").status(), 401);
    EXPECT_EQ(elsewhere.log_in("alice").status(), 401);
    EXPECT_EQ(app.stack.notices.unseen(alice.id).size(), 1u);
    auto const wrong_old = browser.submit("/account/password", {{"current_password", password}, {"password", "a third fine pass phrase"}});
    EXPECT_EQ(wrong_old.status(), 401);
}

TEST_F(PageFlow, a_password_that_must_be_changed_stands_before_everything_else) {
    auto const alice = app.add_user("alice");
    ASSERT_TRUE(app.stack.passwords.require_change(alice.id, "test", audit::Actor::system()).ok());
    auto const in = browser.submit("/sign-in", {{"username", "alice"}, {"password", password}});
    EXPECT_TRUE(in.location().starts_with("/account/password")) << in.location();
    EXPECT_EQ(browser.get("/auth/me").id(), "passwords.change_required");
    EXPECT_EQ(browser.submit("/account/password", {{"password", password}}).status(), 400) << "not the same again";
    ASSERT_EQ(browser.submit("/account/password", {{"password", "another fine pass phrase"}}).status(), 303);
    EXPECT_EQ(browser.get("/auth/me").status(), 200);
}

TEST_F(PageFlow, sessions_are_revoked_by_their_owner_and_by_nobody_else) {
    auto const alice = app.add_user("alice");
    app.add_user("mallory");
    browser.submit("/sign-in", {{"username", "alice"}, {"password", password}});
    Client phone{app};
    phone.log_in("alice");
    auto const phones = app.stack.sessions.list(alice.id).front().ref.str();

    Client mallory{app};
    mallory.submit("/sign-in", {{"username", "mallory"}, {"password", password}});
    EXPECT_EQ(mallory.submit("/account/sessions/" + phones + "/revoke", {}, "/account").status(), 404);
    EXPECT_EQ(phone.get("/auth/me").status(), 200);
    EXPECT_EQ(browser.submit("/account/sessions/" + phones + "/revoke", {}, "/account").status(), 303);
    EXPECT_EQ(phone.get("/auth/me").status(), 401);
    EXPECT_EQ(browser.page("/account").status(), 200);
}

TEST_F(PageFlow, the_last_factor_goes_only_with_a_password_that_can_stand_alone) {
    auto const alice = app.add_user("alice", std::nullopt, "tr0ub4dor&3x");  // 12 characters: fine beside a factor
    auto const secret = app.enrol(alice);
    browser.submit("/sign-in", {{"username", "alice"}, {"password", "tr0ub4dor&3x"}});
    ASSERT_EQ(browser.submit("/sign-in/factor", {{"code", app.code_for(secret)}}).status(), 303);
    auto const device = app.stack.totp.list(alice.id).front().id.str();
    auto const path = "/account/factors/" + device + "/remove";
    EXPECT_EQ(browser.submit(path, {}, "/account").status(), 409);
    EXPECT_EQ(app.stack.totp.list(alice.id).size(), 1u);
    EXPECT_EQ(browser.submit(path, {{"new_password", "a much longer pass phrase"}}, "/account").status(), 401) << "not without the old one";
    EXPECT_EQ(browser.submit(path, {{"current_password", "guessed wrong"}, {"new_password", "a much longer pass phrase"}}, "/account").status(), 401);
    EXPECT_EQ(app.stack.totp.list(alice.id).size(), 1u);
    EXPECT_EQ(browser.submit(path, {{"current_password", "tr0ub4dor&3x"}, {"new_password", "a much longer pass phrase"}}, "/account").status(),
              303);
    EXPECT_TRUE(app.stack.totp.list(alice.id).empty());
    Client again{app};
    EXPECT_EQ(again.log_in("alice", "a much longer pass phrase").json().string_at("mfa"), "none");
}

TEST_F(PageFlow, an_administrator_cannot_remove_a_factor_that_is_demanded) {
    auto client = admin();
    auto const root = app.stack.users.find_by_login("root").value();
    auto const device = app.stack.totp.list(root.id).front().id.str();
    EXPECT_EQ(client.submit("/account/factors/" + device + "/remove", {}, "/account").status(), 403);
    EXPECT_EQ(app.stack.totp.list(root.id).size(), 1u);
}

TEST_F(PageFlow, an_administrator_disables_resets_and_deletes_and_each_bites_at_once) {
    auto client = admin();
    auto const alice = app.add_user("alice");
    auto const secret = app.enrol(alice);
    Client victim{app};
    victim.log_in("alice");
    ASSERT_EQ(victim.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}})).status(), 200);
    auto const at = "/admin/users/" + alice.id.str();
    ASSERT_EQ(client.page(at).status(), 200);

    app.clock.advance(1s);  // after her last code: one she gave later would say that the phone is there
    EXPECT_EQ(client.submit(at + "/recovery", {{"reason", "lost phone"}}).status(), 303);
    EXPECT_TRUE(app.stack.totp.has_confirmed(alice.id)) << "not by one administrator alone";
    ASSERT_TRUE(app.stack.recovery.approve(alice.id, audit::Actor::user(app.add_user("second", "admin").id), {}).ok());
    EXPECT_EQ(victim.get("/auth/me").status(), 401);
    EXPECT_FALSE(app.stack.totp.has_confirmed(alice.id));
    EXPECT_EQ(app.stack.notices.unseen(alice.id).front().what, "factors_reset");

    victim.log_in("alice");
    EXPECT_EQ(client.submit(at + "/disable", {}, at).status(), 303);
    EXPECT_EQ(victim.get("/auth/me").status(), 401);
    EXPECT_EQ(client.submit(at + "/enable", {}, at).status(), 303);
    EXPECT_EQ(victim.log_in("alice").status(), 200);

    EXPECT_EQ(client.submit(at + "/delete", {{"confirm", "somebody else"}}, at).status(), 400);
    EXPECT_EQ(client.submit(at + "/delete", {{"confirm", "alice"}}, at).status(), 303);
    EXPECT_EQ(victim.get("/auth/me").status(), 401);
    EXPECT_EQ(client.page(at).status(), 404);
}

TEST_F(PageFlow, what_cannot_be_taken_back_asks_for_a_fresh_proof) {
    auto client = admin();
    auto const alice = app.add_user("alice");
    auto const at = "/admin/users/" + alice.id.str();
    app.clock.advance(15min);
    auto const refused = client.submit(at + "/delete", {{"confirm", "alice"}}, at);
    EXPECT_EQ(refused.status(), 303);
    EXPECT_TRUE(refused.location().starts_with("/account/verify")) << refused.location();
    EXPECT_TRUE(app.stack.users.find(alice.id).ok());
}

TEST_F(PageFlow, nobody_disables_or_deletes_the_account_they_use) {
    auto client = admin();
    auto const root = app.stack.users.find_by_login("root").value();
    auto const at = "/admin/users/" + root.id.str();
    for (auto const* what : {"/disable", "/recovery", "/delete"}) {
        EXPECT_EQ(client.submit(at + what, {{"confirm", "root"}}, at).status(), 409) << what;
    }
    EXPECT_EQ(client.page("/admin").status(), 200);
}

TEST_F(PageFlow, a_new_account_made_by_an_administrator_must_choose_its_own_password) {
    auto client = admin();
    auto const made = client.submit("/admin/users/new", {{"username", "carol"}, {"password", "chosen by somebody else"}});
    ASSERT_EQ(made.status(), 303) << made.body();
    Client carol{app};
    carol.log_in("carol", "chosen by somebody else");
    EXPECT_EQ(carol.get("/auth/me").id(), "passwords.change_required");
}

TEST_F(PageFlow, every_admin_page_renders_with_people_and_events_in_it) {
    auto client = admin();
    auto const alice = app.add_user("alice");
    for (auto const& path : {std::string{"/admin"}, std::string{"/admin/dashboard"}, std::string{"/admin/users"},
                             std::string{"/admin/users?factor=none"}, std::string{"/admin/users?q=al&state=active"},
                             std::string{"/admin/users/new"}, "/admin/users/" + alice.id.str(), std::string{"/admin/audit"},
                             std::string{"/admin/audit?outcome=failure&user="} + alice.id.str()}) {
        auto const page = client.page(path);
        EXPECT_EQ(page.status(), 200) << path;
        EXPECT_NE(page.header("Content-Security-Policy").find("nonce-"), std::string::npos) << path;
    }
    EXPECT_NE(client.page("/admin/users?factor=none").body().find("alice"), std::string::npos);
    EXPECT_EQ(client.page("/admin/users?factor=some&q=alice").body().find(alice.id.str()), std::string::npos);
}

TEST_F(PageFlow, the_dashboards_refusals_lead_to_the_refusals_and_nothing_else) {
    auto client = admin();
    Client stranger{app};
    stranger.log_in("root", "not the right one at all");
    auto const rows = [](std::string const& html) {
        std::size_t count = 0;
        for (auto at = html.find("<tr"); at != std::string::npos; at = html.find("<tr", at + 1)) ++count;
        return count;
    };
    std::size_t refusals = 0;
    for (auto const& event : app.stack.audit.query({.limit = 100})) refusals += event.outcome != audit::Outcome::success ? 1 : 0;
    ASSERT_GE(refusals, 2u);
    auto const all = rows(client.page("/admin/audit").body());
    EXPECT_EQ(rows(client.page("/admin/audit?outcome=refused").body()), refusals + 1) << "one row each, and the head";
    EXPECT_EQ(rows(client.page("/admin/audit?outcome=success").body()), all - refusals + 2) << "and that two pages were read";
    EXPECT_NE(client.page("/admin").body().find("/admin/audit?outcome=refused"), std::string::npos);
}

TEST_F(PageFlow, a_hostile_name_is_text_on_every_page) {
    auto client = admin();
    auto const made = app.stack.users.create({.username = "mallory", .display_name = "<script>alert(1)</script>\"'&"}, audit::Actor::system());
    ASSERT_TRUE(made.ok());
    for (auto const& path : {std::string{"/admin/users"}, "/admin/users/" + made.value().id.str()}) {
        EXPECT_EQ(client.page(path).body().find("<script>alert"), std::string::npos) << path;
    }
}

TEST_F(PageFlow, verifying_again_renews_the_proof) {
    auto const alice = app.add_user("alice");
    browser.submit("/sign-in", {{"username", "alice"}, {"password", password}});
    app.clock.advance(15min);
    EXPECT_TRUE(browser.submit("/account/factors/totp/begin", {}, "/account").location().starts_with("/account/verify"));
    EXPECT_EQ(browser.submit("/account/verify", {{"password", "wrong wrong wrong"}}).status(), 401);
    EXPECT_EQ(browser.submit("/account/verify", {{"password", password}}).status(), 303);
    EXPECT_EQ(browser.submit("/account/factors/totp/begin", {}, "/account").location(), "/account/factors/totp");
}

}  // namespace
}  // namespace zephyr
