// Lost second factors: asked for by an administrator, approved by a second one, or begun by mail. All that happens is that factors go.
#include <gtest/gtest.h>

#include <thread>

#include "e2e/mail_world.h"
#include "testing/databases.h"
#include "zephyr/audit/codes.h"

namespace zephyr {
namespace {

using audit::Actor;
using encoding::Json;
using testing::Client;
using testing::MailWorld;
using testing::TestApp;
namespace codes = audit::codes;

struct Recoveries : ::testing::Test {
    MailWorld world;
    signin::RecoveryService& recovery = world.app.stack.recovery;
    users::User alice = world.person("alice");
    users::User root = world.person("root", true, "admin");
    users::User second = world.person("second", true, "admin");
    Bytes secret = world.app.enrol(alice);

    Recoveries() { world.app.clock.advance(1min); }

    Result<signin::Recovery> ask(users::User const& by, std::string const& reason = "lost phone") {
        return recovery.ask(alice.id, Actor::user(by.id), {}, reason);
    }
    bool has_factor() { return world.app.stack.mfa.has_factor(alice.id); }
    // What the periodic job does.
    void job() { world.app.stack.purge(); }

    // A sign-in that waits for the code.
    Client pending() {
        Client browser{world.app};
        browser.submit("/sign-in", {{"username", "alice"}, {"password", std::string{TestApp::good_password}}});
        return browser;
    }
    Client whole() {
        auto browser = pending();
        browser.submit("/sign-in/factor", {{"method", "totp"}, {"code", world.app.code_for(secret)}});
        world.app.clock.advance(30s);
        return browser;
    }
    // The path of the link, or what stands in its place.
    std::string link() {
        auto browser = pending();
        browser.submit("/sign-in/lost-factor", {});
        return world.path_to("alice@example.com");
    }
    // Begun by mail.
    void begin() {
        auto const path = link();
        world.app.clock.advance(1s);
        ASSERT_EQ(Client{world.app}.submit(path, {}).status(), 200) << path;
    }
};

// --- Asked for by an administrator.

TEST_F(Recoveries, an_administrators_request_takes_effect_after_the_delay_and_not_a_second_before) {
    auto const asked = ask(root);
    ASSERT_TRUE(asked.ok()) << asked.error().id();
    EXPECT_EQ(world.deliver(), 1u) << "the person is told";
    EXPECT_EQ(world.sent.last().to, "alice@example.com");
    world.app.clock.advance(24h - 1s);
    job();
    EXPECT_TRUE(has_factor());
    world.app.clock.advance(1s);
    job();
    EXPECT_FALSE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_asked, alice.id));
    EXPECT_TRUE(world.happened(codes::recovery_done, alice.id, "time_over"));
    EXPECT_FALSE(recovery.open_for(alice.id));
}

TEST_F(Recoveries, the_password_is_asked_for_as_ever_afterwards_and_every_session_is_gone) {
    auto browser = whole();
    ASSERT_EQ(browser.get("/auth/me").status(), 200);
    ASSERT_TRUE(ask(root).ok());
    world.app.clock.advance(24h);
    job();
    EXPECT_EQ(browser.get("/auth/me").status(), 401);
    EXPECT_EQ(Client{world.app}.log_in("alice", "not the password at all").status(), 401);
    EXPECT_EQ(Client{world.app}.log_in("alice").json().string_at("mfa"), "none");
}

TEST_F(Recoveries, need_a_reason_a_factor_and_somebody_who_may) {
    EXPECT_EQ(ask(root, "").error(), signin::errors::recovery_reason_missing);
    auto const bob = world.person("bob");
    EXPECT_EQ(ask(bob).error().kind(), Kind::denied);
    EXPECT_EQ(recovery.ask(bob.id, Actor::user(root.id), {}, "lost").error(), signin::errors::recovery_no_factor);
    world.app.enrol(root);
    EXPECT_EQ(recovery.ask(root.id, Actor::user(root.id), {}, "lost").error(), signin::errors::own_account);
    EXPECT_EQ(recovery.ask(alice.id, Actor::anonymous(), {}, "lost").error().kind(), Kind::denied);
    ASSERT_TRUE(ask(root).ok());
    EXPECT_EQ(ask(second).error(), signin::errors::recovery_open) << "one at a time";
    EXPECT_TRUE(world.happened(codes::recovery_refused, alice.id, "recovery.open"));
}

TEST_F(Recoveries, come_to_nothing_when_whoever_asked_may_no_longer_ask) {
    ASSERT_TRUE(ask(root).ok());
    ASSERT_TRUE(world.app.stack.roles.revoke(rbac::Subject::user(root.id), "admin", Actor::operator_cli()).ok());
    EXPECT_FALSE(recovery.approve(alice.id, Actor::user(second.id), {}).ok()) << "two persons stand behind it or none";
    world.app.clock.advance(24h);
    job();
    EXPECT_TRUE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_cancelled, alice.id, "requester_may_not"));
}

TEST_F(Recoveries, come_to_nothing_when_the_administrator_who_asked_is_erased) {
    ASSERT_TRUE(ask(root).ok());
    ASSERT_TRUE(world.app.stack.lifecycle.remove(root.id, Actor::operator_cli(), {}).ok());
    world.app.clock.advance(24h);
    job();
    EXPECT_TRUE(has_factor());
}

// "It comes to nothing by itself […] when a factor was used or added since: it is not lost then."
TEST_F(Recoveries, of_an_administrator_come_to_nothing_when_the_factor_turns_up) {
    ASSERT_TRUE(ask(root).ok());
    whole();
    world.app.clock.advance(24h);
    job();
    EXPECT_TRUE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_cancelled, alice.id, "factor_used"));
}

TEST_F(Recoveries, of_an_administrator_take_nothing_when_a_factor_was_added_since) {
    ASSERT_TRUE(ask(root).ok());
    world.app.clock.advance(1min);
    world.app.enrol(alice);
    world.app.clock.advance(24h);
    job();
    EXPECT_TRUE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_cancelled, alice.id, "factor_used"));
}

TEST_F(Recoveries, of_a_factor_that_turned_up_are_not_approved_either) {
    ASSERT_TRUE(ask(root).ok());
    whole();
    EXPECT_EQ(recovery.approve(alice.id, Actor::user(second.id), {}).error(), signin::errors::recovery_not_found);
    EXPECT_TRUE(has_factor());
    EXPECT_FALSE(recovery.open_for(alice.id)) << "it came to nothing";
    EXPECT_TRUE(world.happened(codes::recovery_cancelled, alice.id, "factor_used"));
}

// A key that is gone, a row that was changed: what an administrator typed is lost, what they asked for is not.
TEST_F(Recoveries, whose_reason_cannot_be_read_stop_neither_themselves_nor_others) {
    auto const bob = world.person("bob");
    world.app.enrol(bob);
    world.app.clock.advance(1min);
    ASSERT_TRUE(ask(root).ok());
    ASSERT_TRUE(recovery.ask(bob.id, Actor::user(root.id), {}, "lost too").ok());
    world.app.stack.database->write([&](storage::Transaction& tx) {
        tx.run("UPDATE mfa_recovery SET reason = $1 WHERE user_id = $2", Bytes(80), alice.id.str());
    });
    EXPECT_EQ(recovery.open_for(alice.id)->reason, "(unreadable)");
    EXPECT_EQ(recovery.open().size(), 2u);
    EXPECT_TRUE(world.app.stack.lifecycle.export_data(alice.id, Actor::operator_cli(), {}).ok());
    world.app.clock.advance(24h);
    job();
    EXPECT_FALSE(has_factor());
    EXPECT_FALSE(world.app.stack.mfa.has_factor(bob.id));
}

TEST_F(Recoveries, remove_no_factor_that_was_added_after_a_break_glass) {
    ASSERT_TRUE(ask(root).ok());
    ASSERT_TRUE(world.app.stack.lifecycle.reset_mfa(alice.id, Actor::operator_cli(), {}, "in person").ok());
    world.app.clock.advance(1min);
    world.app.enrol(alice);
    world.app.clock.advance(24h);
    job();
    EXPECT_TRUE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_cancelled, alice.id, "no_factor_left"));
}

TEST_F(Recoveries, are_cancelled_from_any_whole_session_of_the_person_and_by_no_pending_one) {
    auto waiting = pending();
    auto browser = whole();
    ASSERT_TRUE(ask(root).ok());
    EXPECT_NE(browser.page("/account").body().find("/account/recovery/cancel"), std::string::npos) << "a banner";
    EXPECT_NE(waiting.submit("/account/recovery/cancel", {}, "/sign-in/factor").status(), 303);
    EXPECT_TRUE(recovery.open_for(alice.id));
    EXPECT_EQ(browser.submit("/account/recovery/cancel", {}, "/account").status(), 303);
    EXPECT_FALSE(recovery.open_for(alice.id));
    world.app.clock.advance(25h);
    job();
    EXPECT_TRUE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_cancelled, alice.id, "cancelled_by_owner"));
}

TEST_F(Recoveries, of_somebody_else_are_not_cancelled_by_a_session_of_ones_own) {
    ASSERT_TRUE(ask(root).ok());
    world.person("bob");
    Client browser{world.app};
    browser.submit("/sign-in", {{"username", "bob"}, {"password", std::string{TestApp::good_password}}});
    browser.submit("/account/recovery/cancel", {}, "/account");
    EXPECT_TRUE(recovery.open_for(alice.id));
}

// --- A second administrator approves.

TEST_F(Recoveries, a_second_administrator_makes_it_take_effect_at_once) {
    ASSERT_TRUE(ask(root).ok());
    auto const approved = recovery.approve(alice.id, Actor::user(second.id), {});
    ASSERT_TRUE(approved.ok()) << approved.error().id();
    EXPECT_FALSE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_approved, alice.id));
    EXPECT_TRUE(world.happened(codes::recovery_done, alice.id, "approved"));
}

TEST_F(Recoveries, nobody_approves_their_own_request_nor_for_themselves) {
    ASSERT_TRUE(ask(root).ok());
    EXPECT_EQ(recovery.approve(alice.id, Actor::user(root.id), {}).error(), signin::errors::recovery_same_person);
    EXPECT_EQ(recovery.approve(alice.id, Actor::user(alice.id), {}).error(), signin::errors::recovery_same_person);
    auto const bob = world.person("bob");
    EXPECT_EQ(recovery.approve(alice.id, Actor::user(bob.id), {}).error().kind(), Kind::denied);
    EXPECT_FALSE(recovery.approve(alice.id, Actor::operator_cli(), {}).ok());
    EXPECT_TRUE(has_factor());

    world.app.enrol(second);
    ASSERT_TRUE(recovery.ask(second.id, Actor::user(root.id), {}, "lost").ok());
    EXPECT_EQ(recovery.approve(second.id, Actor::user(second.id), {}).error(), signin::errors::recovery_same_person);
}

TEST_F(Recoveries, are_approved_once_however_many_try_at_once) {
    std::vector<users::User> admins;
    for (int i = 0; i < 8; ++i) admins.push_back(world.person("admin" + std::to_string(i), true, "admin"));
    ASSERT_TRUE(ask(root).ok());
    std::atomic<int> won = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; ++i) {
        threads.emplace_back([&, i] {
            if (recovery.approve(alice.id, Actor::user(admins[static_cast<std::size_t>(i % 8)].id), {}).ok()) ++won;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
    EXPECT_FALSE(has_factor());
}

TEST_F(Recoveries, are_either_cancelled_or_carried_out_never_both) {
    for (int round = 0; round < 8; ++round) {
        if (!has_factor()) {
            world.app.enrol(alice);
            world.app.clock.advance(1min);
        }
        ASSERT_TRUE(ask(root).ok());
        world.app.clock.advance(24h);
        std::atomic<bool> cancelled = false;
        std::thread canceller{[&] { cancelled = recovery.cancel(alice.id, Actor::user(second.id), {}).ok(); }};
        std::thread worker{[&] { recovery.carry_out_due(); }};
        canceller.join();
        worker.join();
        EXPECT_EQ(has_factor(), cancelled.load()) << "round " << round;
        EXPECT_FALSE(recovery.open_for(alice.id));
    }
}

TEST_F(Recoveries, pages_of_administrators_ask_approve_and_cancel) {
    auto const at = "/admin/users/" + alice.id.str() + "/recovery";
    auto const enter = [&](users::User const& who) {
        auto const key = world.app.enrol(who);
        Client browser{world.app};
        browser.submit("/sign-in", {{"username", who.username}, {"password", std::string{TestApp::good_password}}});
        browser.submit("/sign-in/factor", {{"method", "totp"}, {"code", world.app.code_for(key)}});
        return browser;
    };
    auto first = enter(root);
    auto other = enter(second);
    EXPECT_EQ(first.submit(at, {{"reason", "<b>lost</b>"}}).location(), at + "?notice=recovery_asked");
    EXPECT_EQ(first.page(at).body().find("<b>lost"), std::string::npos);
    EXPECT_EQ(first.page(at).body().find(at + "/approve"), std::string::npos) << "not by who asked";
    EXPECT_EQ(first.submit(at + "/approve", {}, at).status(), 403);
    EXPECT_NE(other.page("/admin/recoveries").body().find("alice"), std::string::npos);
    EXPECT_EQ(other.submit(at + "/approve", {}, at).status(), 303);
    EXPECT_FALSE(has_factor());
    EXPECT_EQ(first.submit(at + "/cancel", {}, at).status(), 404);
    world.app.clock.advance(16min);
    EXPECT_TRUE(first.submit(at, {{"reason", "again"}}, "/admin").location().starts_with("/account/verify")) << "asks for a fresh proof";
}

// --- By mail.

TEST_F(Recoveries, by_mail_begin_with_password_and_link_and_end_after_the_wait) {
    auto const path = link();
    ASSERT_TRUE(path.starts_with("/recover/")) << path;
    world.app.clock.advance(1s);
    EXPECT_EQ(Client{world.app}.page(path).status(), 200);
    EXPECT_FALSE(recovery.open_for(alice.id)) << "opening it changes nothing";
    EXPECT_EQ(Client{world.app}.submit(path, {}).status(), 200);
    ASSERT_TRUE(recovery.open_for(alice.id));
    EXPECT_EQ(world.deliver(), 1u) << "a mail at the beginning";
    EXPECT_TRUE(has_factor());
    world.app.clock.advance(24h - 1s);
    job();
    EXPECT_TRUE(has_factor());
    world.app.clock.advance(1s);
    job();
    EXPECT_FALSE(has_factor());
    EXPECT_EQ(world.deliver(), 1u) << "and one at the end";
    EXPECT_EQ(Client{world.app}.log_in("alice", "not the password at all").status(), 401);
    EXPECT_EQ(Client{world.app}.log_in("alice").json().string_at("mfa"), "none");
}

TEST_F(Recoveries, by_mail_are_off_unless_the_operator_allows_them) {
    auto settings = MailWorld::settings();
    settings.recovery.self_service = false;
    MailWorld other{settings};
    auto const bob = other.person("bob");
    other.app.enrol(bob);
    Client browser{other.app};
    browser.submit("/sign-in", {{"username", "bob"}, {"password", std::string{TestApp::good_password}}});
    EXPECT_EQ(browser.page("/sign-in/lost-factor").status(), 404);
    EXPECT_EQ(browser.page("/sign-in/factor").body().find("/sign-in/lost-factor"), std::string::npos);
    EXPECT_EQ(other.deliver(), 0u);
}

TEST_F(Recoveries, by_mail_links_end_with_a_cancellation_though_none_is_open) {
    auto const path = link();
    world.app.clock.advance(1s);
    EXPECT_EQ(recovery.cancel(alice.id, Actor::user(root.id), {}).error(), signin::errors::recovery_not_found);
    EXPECT_EQ(Client{world.app}.submit(path, {}, "/sign-in").status(), 410);
    EXPECT_FALSE(recovery.open_for(alice.id));
}

TEST_F(Recoveries, by_mail_need_the_password_first) {
    Client stranger{world.app};
    EXPECT_EQ(stranger.submit("/sign-in/lost-factor", {}, "/sign-in").status(), 303) << "to sign-in";
    EXPECT_EQ(world.deliver(), 0u);
    auto browser = whole();
    browser.submit("/sign-in/lost-factor", {}, "/account");
    EXPECT_EQ(world.deliver(), 0u) << "whoever is in needs none";
}

TEST_F(Recoveries, by_mail_links_work_once_and_for_fifteen_minutes) {
    auto const path = link();
    world.app.clock.advance(15min);
    EXPECT_EQ(Client{world.app}.submit(path, {}, "/sign-in").status(), 410);
    auto const again = link();
    world.app.clock.advance(1s);
    EXPECT_EQ(Client{world.app}.submit(again, {}).status(), 200);
    ASSERT_TRUE(recovery.cancel(alice.id, Actor::user(root.id), {}).ok());
    EXPECT_EQ(Client{world.app}.submit(again, {}, "/sign-in").status(), 410) << "used, even though what it began is cancelled";
}

TEST_F(Recoveries, by_mail_of_many_presentations_of_one_link_one_begins) {
    auto const token = MailWorld::token_of(link());
    world.app.clock.advance(1s);
    std::atomic<int> won = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; ++i) {
        threads.emplace_back([&] {
            if (recovery.begin(token, {}).ok()) ++won;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
}

TEST_F(Recoveries, by_mail_come_to_nothing_when_the_factor_turns_up) {
    begin();
    whole();
    world.app.clock.advance(24h);
    job();
    EXPECT_TRUE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_cancelled, alice.id, "factor_used"));
}

TEST_F(Recoveries, by_mail_come_to_nothing_when_the_password_changes) {
    begin();
    world.app.clock.advance(1h);
    ASSERT_TRUE(world.app.stack.passwords
                    .set(alice.id, SecretText{"another fine pass phrase"}, {.has_second_factor = true, .words = {}}, Actor::operator_cli())
                    .ok());
    world.app.clock.advance(24h);
    job();
    EXPECT_TRUE(has_factor());
    EXPECT_TRUE(world.happened(codes::recovery_cancelled, alice.id, "password_changed"));
}

// A mailbox alone must not be enough: a password that came by mail and a link that came by mail prove one thing twice.
TEST_F(Recoveries, by_mail_are_refused_while_the_password_itself_came_by_mail) {
    Client{world.app}.post("/auth/password/forgot", Json::object({{"login", "alice"}}));
    auto const reset = world.path_to("alice@example.com");
    ASSERT_EQ(Client{world.app}
                  .post("/auth/password/reset", Json::object({{"token", MailWorld::token_of(reset)}, {"password", std::string{TestApp::good_password}}}))
                  .status(),
              200);
    world.deliver();
    pending().submit("/sign-in/lost-factor", {});
    EXPECT_EQ(world.deliver(), 0u);
    EXPECT_TRUE(world.happened(codes::recovery_link_asked, alice.id, "recovery.after_reset"));
    world.app.clock.advance(14 * 24h);
    pending().submit("/sign-in/lost-factor", {});
    EXPECT_EQ(world.deliver(), 1u);
}

TEST_F(Recoveries, by_mail_cannot_be_hurried_by_one_administrator) {
    begin();
    EXPECT_EQ(recovery.approve(alice.id, Actor::user(root.id), {}).error(), signin::errors::recovery_not_found);
    EXPECT_TRUE(has_factor());
}

TEST_F(Recoveries, by_mail_answer_the_same_without_a_verified_address) {
    auto const known = pending().submit("/sign-in/lost-factor", {});
    ASSERT_TRUE(world.app.stack.users.update_profile(alice.id, {.email = "unknown@example.com"}, Actor::system()).ok());
    auto const unknown = pending().submit("/sign-in/lost-factor", {});
    EXPECT_EQ(known.status(), unknown.status());
    world.deliver();
    EXPECT_TRUE(world.sent.last_to("unknown@example.com").text.empty());
}

TEST_F(Recoveries, are_exported_with_the_person_and_erased_with_them) {
    ASSERT_TRUE(ask(root, "said so at the desk").ok());
    auto const data = world.app.stack.lifecycle.export_data(alice.id, Actor::operator_cli(), {}).value().dump();
    EXPECT_NE(data.find("said so at the desk"), std::string::npos);
    world.app.stack.database->read([&](storage::Transaction& tx) {
        EXPECT_EQ(to_text(tx.row("SELECT reason FROM mfa_recovery")->blob(0)).find("desk"), std::string::npos) << "sealed";
    });
    ASSERT_TRUE(world.app.stack.lifecycle.remove(alice.id, Actor::operator_cli(), {}).ok());
    EXPECT_TRUE(recovery.open().empty());
}

TEST(RecoveriesOnPostgres, of_an_approval_a_cancellation_and_the_job_exactly_one_decides) {
    auto database = storage::open_postgres({.uri = testing::PostgresServer::instance().fresh_database()});
    testing::apply_source_migrations(*database);
    MailWorld world{std::move(database)};
    auto& recovery = world.app.stack.recovery;
    auto const alice = world.person("alice");
    auto const root = world.person("root", true, "admin");
    auto const second = world.person("second", true, "admin");
    for (int round = 0; round < 4; ++round) {
        if (!world.app.stack.mfa.has_factor(alice.id)) {
            world.app.enrol(alice);
            world.app.clock.advance(1min);
        }
        ASSERT_TRUE(recovery.ask(alice.id, Actor::user(root.id), {}, "lost").ok());
        EXPECT_EQ(recovery.ask(alice.id, Actor::user(second.id), {}, "lost").error(), signin::errors::recovery_open);
        world.app.clock.advance(24h);
        std::atomic<int> cancelled = 0;
        std::atomic<int> approved = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] { cancelled += recovery.cancel(alice.id, Actor::user(root.id), {}).ok() ? 1 : 0; });
            threads.emplace_back([&] { approved += recovery.approve(alice.id, Actor::user(second.id), {}).ok() ? 1 : 0; });
        }
        threads.emplace_back([&] { recovery.carry_out_due(); });
        for (auto& thread : threads) thread.join();
        EXPECT_LE(cancelled + approved, 1);
        EXPECT_EQ(world.app.stack.mfa.has_factor(alice.id), cancelled == 1) << "round " << round;
        EXPECT_FALSE(recovery.open_for(alice.id));
    }
}

}  // namespace
}  // namespace zephyr
