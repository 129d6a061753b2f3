// Forgotten passwords and e-mail addresses, over the whole stack and a wire that keeps the mails.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "e2e/mail_world.h"
#include "zephyr/audit/codes.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Answer;
using testing::Client;
using testing::MailWorld;
using signin::MailLinks;
using testing::TestApp;
namespace codes = audit::codes;

constexpr std::string_view new_password = "another fine pass phrase";

Json named(std::string const& login) { return Json::object({{"login", login}}); }
Json reset_body(std::string const& path, std::string_view password = new_password) {
    return Json::object({{"token", MailWorld::token_of(path)}, {"password", std::string{password}}});
}

std::string ask_for_reset(MailWorld& world, std::string const& name) {
    Client{world.app}.post("/auth/password/forgot", named(name));
    return world.path_to(world.address_of(name));
}

// --- Forgotten password.

TEST(ForgottenPassword, sets_a_new_one_by_the_link_and_opens_no_session) {
    MailWorld world;
    world.person("alice");
    Client browser{world.app};
    EXPECT_EQ(browser.submit("/forgot-password", {{"login", "alice"}}).status(), 200);
    auto const path = world.path_to("alice@example.com");
    ASSERT_TRUE(path.starts_with("/reset-password/")) << path;

    EXPECT_EQ(browser.page(path).status(), 200);
    EXPECT_EQ(browser.page(path).status(), 200) << "opening it changes nothing: scanners of mail do that";
    auto const done = browser.submit(path, {{"password", std::string{new_password}}});
    EXPECT_EQ(done.location(), "/sign-in?notice=password_reset");
    EXPECT_EQ(browser.get("/auth/me").status(), 401) << "no session came of it";
    EXPECT_EQ(browser.log_in("alice").status(), 401) << "the old password is gone";
    EXPECT_EQ(browser.log_in("alice", new_password).status(), 200);
}

TEST(ForgottenPassword, ends_every_session_and_tells_the_person) {
    MailWorld world;
    auto const alice = world.person("alice");
    Client elsewhere{world.app};
    elsewhere.log_in("alice");
    auto const path = ask_for_reset(world, "alice");
    EXPECT_EQ(elsewhere.get("/auth/me").status(), 200) << "asking for a link harms nobody";
    ASSERT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(path)).status(), 200);
    EXPECT_EQ(elsewhere.get("/auth/me").status(), 401);
    EXPECT_EQ(world.deliver(), 1u) << "a notice by mail";
    EXPECT_EQ(world.app.stack.notices.unseen(alice.id).at(0).what, "password_changed");
    EXPECT_TRUE(world.happened(codes::auth_reset_done, alice.id));
}

TEST(ForgottenPassword, never_skips_the_second_factor) {
    MailWorld world;
    auto const alice = world.person("alice");
    auto const secret = world.app.enrol(alice);
    auto const path = ask_for_reset(world, "alice");
    ASSERT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(path)).status(), 200);
    Client browser{world.app};
    EXPECT_EQ(browser.log_in("alice", new_password).json().string_at("mfa"), "required");
    EXPECT_EQ(browser.get("/auth/me").status(), 403);
    world.app.clock.advance(1min);
    EXPECT_EQ(browser.post("/auth/mfa/totp/verify", Json::object({{"code", world.app.code_for(secret)}})).status(), 200);
    EXPECT_EQ(browser.get("/auth/me").status(), 200);
}

TEST(ForgottenPassword, answers_the_same_with_the_same_work_whoever_is_asked_for) {
    MailWorld world;
    world.person("alice");
    world.person("unverified", false);
    auto const disabled = world.person("disabled");
    ASSERT_TRUE(world.app.stack.users.set_state(disabled.id, users::UserState::disabled, audit::Actor::system()).ok());
    world.person("spent");
    for (int i = 0; i < 3; ++i) ask_for_reset(world, "spent");

    auto const ask = [&](std::string const& name) {
        auto const before = world.app.stack.database->counts();
        auto const answer = Client{world.app}.post("/auth/password/forgot", named(name));
        auto const after = world.app.stack.database->counts();
        return std::tuple{answer.status(), answer.body(), after.statements - before.statements, after.writes - before.writes};
    };
    EXPECT_EQ(ask("not a\tname"), ask("not a\tname either"));
    auto const known = ask("alice");
    EXPECT_EQ(std::get<0>(known), 200);
    EXPECT_EQ(known, ask("alice")) << "the second time too";
    for (auto const* name : {"nobody", "nobody@example.com", "unverified", "disabled", "spent"}) {
        auto const other = ask(name);
        EXPECT_EQ(std::get<0>(other), std::get<0>(known)) << name;
        EXPECT_EQ(std::get<1>(other), std::get<1>(known)) << name;
        EXPECT_EQ(std::get<2>(other), std::get<2>(known)) << name << ": statements";
        EXPECT_EQ(std::get<3>(other), std::get<3>(known)) << name << ": transactions";
    }
    world.deliver();
    EXPECT_TRUE(world.sent.last_to("unverified@example.com").text.empty());
    EXPECT_TRUE(world.sent.last_to("disabled@example.com").text.empty());
}

TEST(ForgottenPassword, sends_nobody_more_than_three_mails_an_hour) {
    MailWorld world;
    world.person("alice");
    std::size_t mails = 0;
    for (int i = 0; i < 10; ++i) {
        Client{world.app}.post("/auth/password/forgot", named(i % 2 == 0 ? "alice" : "ALICE@example.com"));
        mails += world.deliver();
    }
    EXPECT_EQ(mails, 3u) << "while the last of them works";
    EXPECT_TRUE(world.happened(codes::auth_reset_asked, std::nullopt, "auth.mail_limited"));
    world.app.clock.advance(1h + 1s);
    Client{world.app}.post("/auth/password/forgot", named("alice"));
    EXPECT_EQ(world.deliver(), 1u);
}

// Whoever asks in another's name must not use up their mails.
TEST(ForgottenPassword, the_owner_gets_a_link_however_often_strangers_asked) {
    MailWorld world;
    world.person("alice");
    for (int i = 0; i < 20; ++i) Client{world.app}.post("/auth/password/forgot", named("alice"));
    EXPECT_EQ(world.deliver(), 1u) << "the last of three: the others were withdrawn with their links";
    world.app.clock.advance(MailLinks::lifetime - 1ms);
    Client{world.app}.post("/auth/password/forgot", named("alice"));
    EXPECT_EQ(world.deliver(), 0u) << "the last one works still";
    world.app.clock.advance(1ms);
    auto const path = ask_for_reset(world, "alice");
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(path)).status(), 200);
}

TEST(ForgottenPassword, strangers_bring_no_more_than_four_mails_beyond_the_cap_in_an_hour) {
    MailWorld world;
    world.person("alice");
    std::size_t mails = 0;
    for (auto passed = 0min; passed < 1h; passed += 1min) {
        Client{world.app}.post("/auth/password/forgot", named("alice"));
        mails += world.deliver();
        world.app.clock.advance(1min);
    }
    EXPECT_GE(mails, 5u);
    EXPECT_LE(mails, 7u);
}

// Rows of people who are not there must not gather in one place: scans there would grow, and transactions would meet.
TEST(ForgottenPassword, rows_for_unknown_names_have_nothing_in_common_and_go_with_the_purge) {
    MailWorld world;
    for (int i = 0; i < 4; ++i) Client{world.app}.post("/auth/password/forgot", named("nobody"));
    auto const people = [&] {
        return world.app.stack.database->read([](storage::Transaction& tx) {
            std::set<std::string> ids;
            for (auto const& row : tx.rows("SELECT user_id FROM mail_link WHERE purpose = 'decoy'")) ids.insert(row.text(0));
            return ids;
        });
    };
    auto const seen = people();
    EXPECT_EQ(seen.size(), 8u);
    for (auto const& id : seen) EXPECT_TRUE(is_uuid(id)) << id;
    world.app.clock.advance(MailLinks::lifetime + 1ms);
    world.app.stack.purge();
    EXPECT_TRUE(people().empty());
}

TEST(ResetLink, is_good_for_fifteen_minutes_and_not_a_second_more) {
    MailWorld world;
    world.person("alice");
    auto const path = ask_for_reset(world, "alice");
    world.app.clock.advance(15min - 1ms);
    EXPECT_EQ(Client{world.app}.page(path).status(), 200);
    world.app.clock.advance(1ms);
    EXPECT_EQ(Client{world.app}.page(path).status(), 410);
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(path)).id(), "auth.link_gone");
    EXPECT_EQ(Client{world.app}.log_in("alice").status(), 200) << "nothing changed";
}

TEST(ResetLink, works_once_and_only_the_newest_does) {
    MailWorld world;
    world.person("alice");
    auto const first = ask_for_reset(world, "alice");
    world.app.clock.advance(1s);
    auto const second = ask_for_reset(world, "alice");
    ASSERT_NE(first, second);
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(first)).id(), "auth.link_gone");
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(second)).status(), 200);
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(second)).id(), "auth.link_gone");
}

TEST(ResetLink, of_many_at_once_one_wins) {
    MailWorld world;
    world.person("alice");
    auto const token = MailWorld::token_of(ask_for_reset(world, "alice"));
    std::atomic<int> won = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; ++i) {
        threads.emplace_back([&, i] {
            if (world.app.stack.password_reset.complete(token, SecretText{"racing pass phrase number " + std::to_string(i)}, {}).ok()) ++won;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
}

TEST(ResetLink, stays_good_when_the_password_is_refused) {
    MailWorld world;
    world.person("alice");
    auto const path = ask_for_reset(world, "alice");
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(path, "alice alice")).id(), "passwords.too_short");
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(path)).status(), 200);
}

TEST(ResetLink, dies_when_the_password_changes_otherwise) {
    MailWorld world;
    world.person("alice");
    auto const path = ask_for_reset(world, "alice");
    world.app.clock.advance(1s);
    Client browser{world.app};
    browser.submit("/sign-in", {{"username", "alice"}, {"password", std::string{TestApp::good_password}}});
    ASSERT_EQ(browser.submit("/account/password", {{"current_password", std::string{TestApp::good_password}}, {"password", "the third pass phrase of all"}}).status(),
              303);
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(path)).id(), "auth.link_gone");
}

TEST(ResetLink, dies_with_the_address_and_with_the_account) {
    MailWorld world;
    auto const alice = world.person("alice");
    auto const bob = world.person("bob");
    auto const of_alice = ask_for_reset(world, "alice");
    auto const of_bob = ask_for_reset(world, "bob");
    world.give_address(alice.id, "elsewhere@example.com", true);
    ASSERT_TRUE(world.app.stack.users.set_state(bob.id, users::UserState::disabled, audit::Actor::system()).ok());
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(of_alice)).id(), "auth.link_gone");
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(of_bob)).id(), "auth.link_gone");
}

TEST(ResetLink, means_nothing_for_another_purpose_or_with_a_changed_secret) {
    MailWorld world;
    world.person("alice");
    auto const token = MailWorld::token_of(ask_for_reset(world, "alice"));
    EXPECT_EQ(Client{world.app}.page("/verify-email/" + token).status(), 410);
    EXPECT_EQ(Client{world.app}.page("/recover/" + token).status(), 410);
    EXPECT_EQ(Client{world.app}.submit("/recover/" + token, {}, "/sign-in").status(), 410);
    for (std::size_t at : {std::size_t{0}, std::size_t{21}, std::size_t{22}, token.size() - 2}) {
        auto changed = token;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        EXPECT_EQ(Client{world.app}.page("/reset-password/" + changed).status(), 410) << at;
    }
    for (std::string const& strange : {std::string{"x"}, token + "A", token.substr(1), std::string(100, 'A'), std::string(65, '-')}) {
        EXPECT_EQ(Client{world.app}.page("/reset-password/" + strange).status(), 410) << strange;
    }
    EXPECT_EQ(Client{world.app}.page("/reset-password/" + token).status(), 200);
}

// Host header injection: the link goes to whoever the mail's reader trusts, not to whoever asked.
TEST(Links, have_the_configured_host_whatever_the_request_says) {
    MailWorld world;
    world.person("alice");
    http::Request request;
    request.method = http::Method::post;
    request.target = "/auth/password/forgot";
    request.path = request.target;
    request.host = "evil.example";
    request.headers.set("Host", "evil.example");
    request.headers.set("X-Forwarded-Host", "evil.example");
    request.headers.set("Forwarded", "host=evil.example");
    request.headers.set("Content-Type", "application/json");
    request.body = R"({"login":"alice"})";
    request.peer_address = "192.0.2.1";
    world.app.stack.app.dispatch(std::move(request));
    world.deliver();
    auto const mail = world.sent.last_to("alice@example.com");
    if (!mail.text.empty()) {
        EXPECT_TRUE(testing::link_in(mail.text).starts_with("http://127.0.0.1:8080/reset-password/")) << mail.text;
        EXPECT_EQ(mail.text.find("evil"), std::string::npos);
        EXPECT_EQ(mail.html.find("evil"), std::string::npos);
    } else {
        ADD_FAILURE() << "no mail came";
    }
}

TEST(Links, are_stored_without_their_secret_and_without_a_readable_address) {
    MailWorld world;
    world.person("alice");
    auto const token = MailWorld::token_of(ask_for_reset(world, "alice"));
    world.app.stack.database->read([&](storage::Transaction& tx) {
        auto const row = tx.row("SELECT selector, secret_hash, address FROM mail_link WHERE purpose = 'reset_password'");
        EXPECT_EQ(row->text(0), token.substr(0, 22));
        EXPECT_EQ(to_text(row->blob(1)).find(token.substr(22)), std::string::npos);
        EXPECT_EQ(row->blob(1).size(), 32u);
        EXPECT_EQ(to_text(row->blob(2)).find("alice"), std::string::npos);
    });
}

TEST(MailFlows, are_not_there_where_no_mail_can_be_sent) {
    TestApp app;
    Client browser{app};
    for (auto const* path : {"/forgot-password", "/reset-password/x", "/verify-email/x", "/recover/x"}) {
        EXPECT_EQ(browser.page(path).status(), 404) << path;
    }
    EXPECT_EQ(browser.page("/sign-in").body().find("/forgot-password"), std::string::npos);
}

// --- Addresses.

struct Addresses : ::testing::Test {
    MailWorld world;
    users::User alice = world.person("alice", false);
    Client browser{world.app};

    void sign_in() { browser.submit("/sign-in", {{"username", "alice"}, {"password", std::string{TestApp::good_password}}}); }
    users::User now() { return world.app.stack.users.find(alice.id).value(); }
    Answer change_to(std::string const& address) { return browser.submit("/account/email/change", {{"email", address}}, "/account/email"); }
};

TEST_F(Addresses, are_verified_by_the_link_that_was_sent_there) {
    sign_in();
    EXPECT_FALSE(now().email_verified());
    EXPECT_EQ(browser.submit("/account/email/verify", {}, "/account/email").location(), "/account/email?notice=link_sent");
    auto const path = world.path_to("alice@example.com");
    Client other_device{world.app};
    EXPECT_EQ(other_device.page(path).status(), 200);
    EXPECT_FALSE(now().email_verified()) << "opening it changes nothing";
    EXPECT_EQ(other_device.submit(path, {}).status(), 200);
    EXPECT_TRUE(now().email_verified());
    EXPECT_EQ(other_device.page(path).status(), 410) << "once";
    EXPECT_EQ(browser.post("/auth/email/verify/send").id(), "auth.address_verified_already");
}

TEST_F(Addresses, are_unverified_again_when_somebody_writes_down_another) {
    world.give_address(alice.id, "alice@example.com", true);
    ASSERT_TRUE(now().email_verified());
    ASSERT_TRUE(world.app.stack.users.update_profile(alice.id, {.email = "Alice@EXAMPLE.com"}, audit::Actor::system()).ok());
    EXPECT_TRUE(now().email_verified()) << "another spelling of the same";
    ASSERT_TRUE(world.app.stack.users.update_profile(alice.id, {.email = "other@example.com"}, audit::Actor::system()).ok());
    EXPECT_FALSE(now().email_verified());
}

TEST_F(Addresses, a_link_to_an_address_the_account_no_longer_has_does_nothing) {
    sign_in();
    browser.submit("/account/email/verify", {}, "/account/email");
    auto const path = world.path_to("alice@example.com");
    ASSERT_TRUE(world.app.stack.users.update_profile(alice.id, {.email = "other@example.com"}, audit::Actor::system()).ok());
    EXPECT_EQ(Client{world.app}.submit(path, {}, "/sign-in").status(), 410);
    EXPECT_FALSE(now().email_verified());
}

TEST_F(Addresses, change_when_the_new_one_is_proved_and_the_old_one_is_told) {
    world.give_address(alice.id, "alice@example.com", true);
    sign_in();
    EXPECT_EQ(change_to("new@example.com").location(), "/account/email?notice=link_sent");
    EXPECT_EQ(now().email, "alice@example.com") << "nothing changes before";
    auto const path = world.path_to("new@example.com");
    EXPECT_EQ(Client{world.app}.submit(path, {}).status(), 200);
    EXPECT_EQ(now().email, "new@example.com");
    EXPECT_TRUE(now().email_verified());
    EXPECT_EQ(world.deliver(), 1u);
    EXPECT_EQ(world.sent.last().to, "alice@example.com");
    EXPECT_TRUE(world.happened(codes::auth_address_changed, alice.id));
}

TEST_F(Addresses, the_profile_form_changes_no_address_without_the_link_either) {
    world.give_address(alice.id, "alice@example.com", true);
    sign_in();
    EXPECT_EQ(browser.submit("/account/profile", {{"display_name", "Alice"}, {"email", "new@example.com"}}, "/account").location(),
              "/account?notice=link_sent");
    EXPECT_EQ(now().email, "alice@example.com");
    EXPECT_EQ(now().display_name, "Alice");
}

TEST_F(Addresses, changing_one_asks_for_a_fresh_proof) {
    sign_in();
    world.app.clock.advance(16min);
    EXPECT_TRUE(change_to("new@example.com").location().starts_with("/account/verify"));
    EXPECT_EQ(world.deliver(), 0u);
}

TEST_F(Addresses, somebody_elses_is_answered_as_any_other_and_never_taken) {
    world.person("bob");
    sign_in();
    auto const free = change_to("free@example.com");
    auto const taken = change_to("bob@example.com");
    EXPECT_EQ(taken.status(), free.status());
    EXPECT_EQ(taken.location(), free.location());
    auto const path = world.path_to("bob@example.com");
    EXPECT_EQ(Client{world.app}.submit(path, {}).status(), 409);
    EXPECT_EQ(now().email, "alice@example.com");
    EXPECT_EQ(world.app.stack.users.find_by_login("bob@example.com").value().username, "bob");
}

// A session in other hands asks for its own address; the owner notices, and shuts it out.
struct AddressChanges : Addresses {
    std::string path;

    AddressChanges() {
        world.give_address(alice.id, "alice@example.com", true);
        sign_in();
        change_to("thief@example.com");
        path = world.path_to("thief@example.com");
        world.app.clock.advance(1s);
    }
    void expect_dead() {
        EXPECT_EQ(Client{world.app}.page(path).status(), 410);
        EXPECT_EQ(Client{world.app}.submit(path, {}, "/sign-in").status(), 410);
        EXPECT_EQ(now().email, "alice@example.com");
    }
};

TEST_F(AddressChanges, are_told_to_the_old_address_when_they_are_asked_for) {
    EXPECT_NE(world.sent.last_to("alice@example.com").text.find("another e-mail address"), std::string::npos);
    EXPECT_EQ(world.sent.last_to("alice@example.com").text.find("thief@example.com"), std::string::npos);
    EXPECT_EQ(world.app.stack.notices.unseen(alice.id).at(0).what, "email_change_asked");
    EXPECT_EQ(Client{world.app}.submit(path, {}).status(), 200) << "and go on otherwise";
}

TEST_F(AddressChanges, die_with_a_reset_of_the_password) {
    auto const reset = ask_for_reset(world, "alice");
    ASSERT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(reset)).status(), 200);
    expect_dead();
}

TEST_F(AddressChanges, die_with_a_change_of_the_password) {
    ASSERT_EQ(browser.submit("/account/password", {{"current_password", std::string{TestApp::good_password}}, {"password", std::string{new_password}}}).status(),
              303);
    expect_dead();
}

TEST_F(AddressChanges, die_with_a_password_that_an_operator_sets) {
    ASSERT_TRUE(world.app.stack.passwords.set(alice.id, SecretText{std::string{new_password}}, {}, audit::Actor::operator_cli()).ok());
    expect_dead();
}

TEST_F(AddressChanges, die_when_the_person_signs_out_everywhere_else) {
    Client own{world.app};
    own.submit("/sign-in", {{"username", "alice"}, {"password", std::string{TestApp::good_password}}});
    auto const listed = world.app.stack.sessions.list(alice.id);
    ASSERT_EQ(listed.size(), 2u);
    world.app.stack.account.end_other_sessions(listed.front().ref, alice.id, {});
    EXPECT_EQ(world.app.stack.sessions.list(alice.id).size(), 1u);
    expect_dead();
}

TEST_F(AddressChanges, die_when_an_administrator_ends_the_sessions) {
    ASSERT_TRUE(world.app.stack.lifecycle.end_sessions(alice.id, audit::Actor::operator_cli(), {}).ok());
    expect_dead();
}

TEST_F(AddressChanges, die_when_the_factors_are_taken) {
    ASSERT_TRUE(world.app.stack.lifecycle.reset_mfa(alice.id, audit::Actor::operator_cli(), {}, "lost").ok());
    expect_dead();
}

TEST_F(Addresses, links_to_the_old_one_die_with_it) {
    world.give_address(alice.id, "alice@example.com", true);
    auto const reset = ask_for_reset(world, "alice");
    sign_in();
    change_to("new@example.com");
    ASSERT_EQ(Client{world.app}.submit(world.path_to("new@example.com"), {}).status(), 200);
    EXPECT_EQ(Client{world.app}.post("/auth/password/reset", reset_body(reset)).id(), "auth.link_gone");
}

TEST_F(Addresses, no_more_than_three_mails_an_hour_go_out_for_them) {
    sign_in();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(change_to("victim" + std::to_string(i) + "@example.com").status(), 303);
        EXPECT_EQ(world.deliver(), 1u);
    }
    EXPECT_EQ(change_to("victim3@example.com").status(), 429);
    world.app.clock.advance(MailLinks::lifetime);
    browser.cookies().clear();
    sign_in();
    EXPECT_EQ(change_to("victim3@example.com").status(), 429) << "nor when the last one is over: strangers get these";
    EXPECT_EQ(world.deliver(), 0u);
}

TEST(NoticesByMail, tell_of_a_password_an_operator_set_and_of_backup_codes) {
    MailWorld world;
    auto const alice = world.person("alice");
    auto& stack = world.app.stack;
    ASSERT_TRUE(stack.lifecycle.set_password(alice.id, SecretText{std::string{new_password}}, passwords::MustChange::no, audit::Actor::operator_cli(), {}).ok());
    EXPECT_EQ(world.deliver(), 1u);
    EXPECT_NE(world.sent.last_to("alice@example.com").text.find("password of your account was changed"), std::string::npos);
    for (auto const* what : {"backup_codes_made", "backup_codes_low"}) {
        stack.database->write([&](storage::Transaction& tx) { stack.notices.post(tx, alice.id, what); });
        EXPECT_EQ(world.deliver(), 1u) << what;
        auto const mail = world.sent.last_to("alice@example.com");
        EXPECT_NE(mail.text.find("backup code"), std::string::npos) << what;
        EXPECT_NE(mail.html.find("backup code"), std::string::npos) << what;
    }
}

TEST_F(Addresses, an_unverified_one_gets_no_notices) {
    sign_in();
    ASSERT_EQ(browser.submit("/account/password", {{"current_password", std::string{TestApp::good_password}}, {"password", std::string{new_password}}}).status(),
              303);
    EXPECT_EQ(world.deliver(), 0u);
}

}  // namespace
}  // namespace zephyr
