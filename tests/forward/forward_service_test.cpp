#include "zephyr/forward/forward_service.h"

#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/forward/personal_data.h"
#include "zephyr/sessions/session_store.h"

namespace zephyr::forward {
namespace {

class ForwardServiceTest : public ::testing::Test {
protected:
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock);
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    sessions::SqlSessionStore store{*database, sealer};
    sessions::SessionService sessions{store, *database, audit, clock, random, {}};
    ForwardService forward{
        *database,
        sessions,
        audit,
        sealer,
        clock,
        random,
        RuleBook::parse({"app.example.com", "wiki.example.com role:staff", "wiki.example.com/admin role:admin"}).value()};
    UserId ada = UserId::make(clock.now(), random);
    encoding::Origin const app{"https", "app.example.com", 443};
    encoding::Origin const wiki{"https", "wiki.example.com", 443};
    audit::Origin const from{.address = "192.0.2.9"};

    sessions::IssuedSession session(std::string pending = {}) {
        return sessions.start({.user = ada, .factors = {{"pwd", clock.now()}}, .pending = std::move(pending), .origin = from}).value();
    }
    // A ticket for `session` at `origin`, and the state of the browser that began.
    struct OnTheWay {
        SecretText ticket;
        SecretText state;
    };
    OnTheWay on_the_way(SessionRef const& ref, encoding::Origin const& origin, std::string const& path = "/reports?x=1") {
        auto const begun = forward.begin({origin, path}, std::nullopt);
        return {forward.issue(ref, forward.read(begun.request).value(), from).value(), begun.state};
    }
    Redeemed arrived(SessionRef const& ref, encoding::Origin const& origin) {
        auto const way = on_the_way(ref, origin);
        return forward.redeem(way.ticket, origin, way.state, from).value();
    }
    std::int64_t rows(std::string const& table) {
        return database->read([&](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM " + table)->integer(0); });
    }
    std::vector<audit::StoredEvent> events(std::string_view code) {
        return audit.query({.subject = {}, .code = std::string{code}, .from = {}, .until = {}});
    }
};

TEST_F(ForwardServiceTest, a_ticket_becomes_a_cookie_of_that_host_and_leads_back_to_the_page) {
    auto const main = session();
    auto const done = arrived(main.session.ref, app);
    EXPECT_EQ(done.return_to, "/reports?x=1");
    EXPECT_EQ(done.session.ref, main.session.ref);
    auto const found = forward.find("app.example.com", done.token);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found.value().session.ref, main.session.ref);
    EXPECT_EQ(found.value().session.user, ada);
    EXPECT_EQ(events(audit::codes::forward_ticket_issued).size(), 1u);
    auto const signed_in = events(audit::codes::forward_signed_in);
    ASSERT_EQ(signed_in.size(), 1u);
    EXPECT_EQ(signed_in[0].subject, ada);
    EXPECT_EQ(signed_in[0].session_ref, main.session.ref.str());
}

TEST_F(ForwardServiceTest, a_ticket_is_good_once) {
    auto const way = on_the_way(session().session.ref, app);
    ASSERT_TRUE(forward.redeem(way.ticket, app, way.state, from).ok());
    EXPECT_EQ(forward.redeem(way.ticket, app, way.state, from).error(), errors::ticket_refused);
    EXPECT_EQ(rows("forward_ticket"), 0);
}

TEST_F(ForwardServiceTest, of_64_callers_with_one_ticket_one_gets_in) {
    for (int round = 0; round < 5; ++round) {
        auto const way = on_the_way(session().session.ref, app);
        std::atomic<int> in{0};
        std::barrier gate{64};
        std::vector<std::thread> callers;
        for (int i = 0; i < 64; ++i) {
            callers.emplace_back([&] {
                gate.arrive_and_wait();
                auto const done = forward.redeem(way.ticket, app, way.state, from);
                if (done.ok())
                    ++in;
                else
                    EXPECT_EQ(done.error(), errors::ticket_refused);
            });
        }
        for (auto& caller : callers) caller.join();
        EXPECT_EQ(in, 1);
    }
}

TEST_F(ForwardServiceTest, a_ticket_ends_at_its_minute) {
    auto const ref = session().session.ref;
    auto const in_time = on_the_way(ref, app);
    clock.advance(60s - 1ms);
    EXPECT_TRUE(forward.redeem(in_time.ticket, app, in_time.state, from).ok());
    auto const late = on_the_way(ref, app);
    clock.advance(60s);
    EXPECT_EQ(forward.redeem(late.ticket, app, late.state, from).error(), errors::ticket_refused);
    auto const later = on_the_way(ref, app);
    clock.advance(61s);
    EXPECT_EQ(forward.redeem(later.ticket, app, later.state, from).error(), errors::ticket_refused);
}

TEST_F(ForwardServiceTest, a_ticket_is_worth_nothing_at_another_host_and_is_used_up_by_the_attempt) {
    for (auto const& other : {wiki, encoding::Origin{"http", "app.example.com", 80}, encoding::Origin{"https", "app.example.com", 8443}}) {
        auto const way = on_the_way(session().session.ref, app);
        EXPECT_EQ(forward.redeem(way.ticket, other, way.state, from).error(), errors::ticket_refused) << other.str();
        EXPECT_EQ(forward.redeem(way.ticket, app, way.state, from).error(), errors::ticket_refused) << other.str();
    }
    EXPECT_EQ(rows("forward_session"), 0);
    EXPECT_EQ(events(audit::codes::forward_refused).size(), 3u);  // the second attempts name no ticket of anybody's
}

// Login CSRF (RFC 6749 10.12): a stranger sends a link with a ticket of their own, and the victim goes on in the stranger's account.
TEST_F(ForwardServiceTest, a_ticket_is_worth_nothing_in_another_browser) {
    for (auto const& state : {SecretText{}, SecretText{std::string(43, 'A')}, forward.begin({app, "/"}, std::nullopt).state}) {
        auto const way = on_the_way(session().session.ref, app);
        EXPECT_EQ(forward.redeem(way.ticket, app, state, from).error(), errors::ticket_refused);
        EXPECT_EQ(forward.redeem(way.ticket, app, way.state, from).error(), errors::ticket_refused);
    }
    EXPECT_EQ(events(audit::codes::forward_refused).size(), 3u);
    EXPECT_EQ(events(audit::codes::forward_refused).front().subject, ada);
}

TEST_F(ForwardServiceTest, what_was_never_a_ticket_is_refused_without_a_line_in_the_log) {
    auto const state = forward.begin({app, "/"}, std::nullopt).state;
    for (auto const& ticket : {std::string{}, std::string(43, 'A'), std::string(42, 'A'), std::string(44, 'A'), std::string(100'000, 'x'),
                               std::string("\0", 1), std::string{"' OR 1=1 --"}}) {
        EXPECT_EQ(forward.redeem(SecretText{ticket}, app, state, from).error(), errors::ticket_refused);
    }
    EXPECT_TRUE(events(audit::codes::forward_refused).empty());
    EXPECT_EQ(forward.counts().refused, 7);
}

TEST_F(ForwardServiceTest, neither_ticket_nor_state_nor_cookie_stands_in_the_database) {
    auto const way = on_the_way(session().session.ref, app, "/a-secret-page");
    auto const done = arrived(session().session.ref, app);
    database->read([&](storage::Transaction& tx) {
        auto const ticket = tx.row("SELECT token_hash, state_hash, return_to FROM forward_ticket");
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(as_text(ticket->blob(i)).find(way.ticket.reveal()), std::string_view::npos);
            EXPECT_EQ(as_text(ticket->blob(i)).find(way.state.reveal()), std::string_view::npos);
            EXPECT_EQ(as_text(ticket->blob(i)).find("a-secret-page"), std::string_view::npos);
        }
        EXPECT_NE(as_text(tx.row("SELECT token_hash FROM forward_session")->blob(0)), done.token.reveal());
    });
}

TEST_F(ForwardServiceTest, two_tabs_of_one_browser_may_be_on_their_way_at_once) {
    auto const ref = session().session.ref;
    auto const first = forward.begin({app, "/one"}, std::nullopt);
    auto const second = forward.begin({app, "/two"}, first.state);
    EXPECT_EQ(second.state.reveal(), first.state.reveal());
    auto const one = forward.issue(ref, forward.read(first.request).value(), from).value();
    auto const two = forward.issue(ref, forward.read(second.request).value(), from).value();
    EXPECT_EQ(forward.redeem(two, app, second.state, from).value().return_to, "/two");
    EXPECT_EQ(forward.redeem(one, app, second.state, from).value().return_to, "/one");
    EXPECT_EQ(rows("forward_session"), 1);  // one per session and host
}

TEST_F(ForwardServiceTest, a_state_that_we_would_not_have_made_is_replaced) {
    for (auto const& state :
         {std::string{}, std::string(42, 'A'), std::string(44, 'A'), std::string(42, 'A') + ";", std::string(42, 'A') + "B"}) {
        EXPECT_NE(forward.begin({app, "/"}, SecretText{state}).state.reveal(), state);
    }
}

TEST_F(ForwardServiceTest, the_page_to_go_back_to_is_a_plain_one_of_the_same_host) {
    for (auto const& path :
         {std::string{}, std::string{"reports"}, std::string{"//evil.test/"}, std::string{"/\\evil.test"},
          std::string{"https://evil.test/"}, std::string{"/a b"}, std::string{"/a\r\nX: y"}, std::string{"/\xc3\xa9"}, std::string{"/a#b"},
          std::string{"/auth/forward/begin?return_to=/"}, "/" + std::string(ForwardService::max_return_to, 'a')}) {
        EXPECT_EQ(forward.read(forward.begin({app, path}, std::nullopt).request).value().destination.return_to, "/") << path;
    }
    auto const longest = "/" + std::string(ForwardService::max_return_to - 1, 'a');
    auto const begun = forward.begin({{"https", "app.example.com", 8443}, longest}, std::nullopt);
    EXPECT_EQ(forward.read(begun.request).value().destination.return_to, longest);
    // It travels through our sign-in pages as their return_to.
    EXPECT_LE(("/auth/forward/start?request=" + begun.request).size(), 2048u);
}

TEST_F(ForwardServiceTest, a_link_is_read_only_as_we_wrote_it_and_for_ten_minutes) {
    auto const begun = forward.begin({app, "/"}, std::nullopt);
    ASSERT_TRUE(forward.read(begun.request).ok());
    for (std::size_t i = 0; i < begun.request.size(); i += 7) {
        auto changed = begun.request;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_EQ(forward.read(changed).error(), errors::link_stale) << i;
    }
    for (auto const& text : {std::string{}, begun.request.substr(1), begun.request + "A", std::string(3000, 'A'), std::string{"%00"}})
        EXPECT_EQ(forward.read(text).error(), errors::link_stale);
    // Sealed by us, and yet for another place.
    auto const elsewhere = sealer.seal({"forward_ticket", "x", "return_to"}, as_bytes(R"({"origin":"https://app.example.com"})"));
    EXPECT_EQ(forward.read(encoding::base64url_encode(elsewhere)).error(), errors::link_stale);
    clock.advance(10min - 1ms);
    EXPECT_TRUE(forward.read(begun.request).ok());
    clock.advance(1ms);
    EXPECT_EQ(forward.read(begun.request).error(), errors::link_stale);
}

TEST_F(ForwardServiceTest, a_link_to_a_host_without_a_rule_leads_nowhere) {
    auto const begun = forward.begin({{"https", "evil.test", 443}, "/"}, std::nullopt);
    EXPECT_EQ(forward.read(begun.request).error(), errors::host_unlisted);
}

TEST_F(ForwardServiceTest, only_a_whole_and_living_session_gets_a_ticket) {
    auto const request = forward.read(forward.begin({app, "/"}, std::nullopt).request).value();
    EXPECT_EQ(forward.issue(session("mfa.required").session.ref, request, from).error(), errors::no_session);
    EXPECT_EQ(forward.issue(SessionRef::make(clock.now(), random), request, from).error(), sessions::errors::none);
    auto const main = session();
    clock.advance(30min);
    EXPECT_EQ(forward.issue(main.session.ref, request, from).error(), sessions::errors::expired);
    EXPECT_EQ(rows("forward_ticket"), 0);
}

TEST_F(ForwardServiceTest, a_ticket_of_a_session_that_ended_meanwhile_is_refused) {
    auto const main = session();
    auto const way = on_the_way(main.session.ref, app);
    ASSERT_TRUE(sessions.end(main.session.ref, audit::Actor::user(ada), from, "signed_out").ok());
    EXPECT_EQ(forward.redeem(way.ticket, app, way.state, from).error(), errors::ticket_refused);
    EXPECT_EQ(rows("forward_session"), 0);
}

TEST_F(ForwardServiceTest, the_cookie_of_one_host_opens_no_other) {
    auto const main = session();
    auto const at_app = arrived(main.session.ref, app);
    auto const at_wiki = arrived(main.session.ref, wiki);
    EXPECT_TRUE(forward.find("app.example.com", at_app.token).ok());
    EXPECT_TRUE(forward.find("wiki.example.com", at_wiki.token).ok());
    EXPECT_EQ(forward.find("wiki.example.com", at_app.token).error(), errors::no_session);
    EXPECT_EQ(forward.find("app.example.com", at_wiki.token).error(), errors::no_session);
    EXPECT_EQ(forward.find("APP.example.com", at_app.token).error(), errors::no_session);
    // Nor are the main session's token and a ticket cookies of a host.
    EXPECT_EQ(forward.find("app.example.com", main.token).error(), errors::no_session);
    EXPECT_EQ(sessions.find(at_app.token).error(), sessions::errors::none);
}

TEST_F(ForwardServiceTest, the_cookie_dies_with_its_session_and_leaves_no_row) {
    auto const main = session();
    auto const done = arrived(main.session.ref, app);
    ASSERT_TRUE(sessions.end(main.session.ref, audit::Actor::user(ada), from, "signed_out").ok());
    EXPECT_EQ(forward.find("app.example.com", done.token).error(), sessions::errors::none);
    EXPECT_EQ(rows("forward_session"), 0);
}

TEST_F(ForwardServiceTest, the_cookie_survives_a_new_token_of_its_session_and_shows_what_it_proved) {
    auto const main = session();
    auto const done = arrived(main.session.ref, app);
    ASSERT_TRUE(sessions.rotate(main.session.ref, {.proved = sessions::Factor{"otp", clock.now(), true}, .pending = {}}, from).ok());
    auto const found = forward.find("app.example.com", done.token);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found.value().session.factors.size(), 2u);
}

TEST_F(ForwardServiceTest, who_works_at_a_protected_host_alone_stays_signed_in) {
    auto const done = arrived(session().session.ref, app);
    for (int i = 0; i < 4; ++i) {
        clock.advance(29min);
        EXPECT_TRUE(forward.find("app.example.com", done.token).ok()) << i;
    }
    clock.advance(30min);
    EXPECT_EQ(forward.find("app.example.com", done.token).error(), sessions::errors::expired);
}

TEST_F(ForwardServiceTest, a_new_sign_in_of_the_same_session_at_a_host_replaces_the_old_cookie) {
    auto const main = session();
    auto const first = arrived(main.session.ref, app);
    auto const second = arrived(main.session.ref, app);
    EXPECT_EQ(forward.find("app.example.com", first.token).error(), errors::no_session);
    EXPECT_TRUE(forward.find("app.example.com", second.token).ok());
}

TEST_F(ForwardServiceTest, changes_to_host_sessions_are_announced) {
    std::vector<storage::Change> heard;
    auto const listening = database->on_change([&](std::vector<storage::Change> const& changes) {
        for (auto const& change : changes) {
            if (change.topic == "forward") heard.push_back(change);
        }
    });
    auto const main = session();
    auto const first = arrived(main.session.ref, app);
    auto const ref = forward.find("app.example.com", first.token).value().ref;
    heard.clear();
    arrived(main.session.ref, app);  // takes its place
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_EQ(heard[0].key, ref);
    arrived(main.session.ref, wiki);
    ASSERT_EQ(heard.size(), 2u);
    EXPECT_NE(heard[1].key, ref);
    clock.advance(13h);
    forward.purge();
    EXPECT_EQ(heard.size(), 4u);
}

TEST_F(ForwardServiceTest, the_same_refusal_is_recorded_once_a_minute_and_a_strangers_never) {
    Known const known{ada, session().session.ref};
    for (int i = 0; i < 10; ++i) forward.refused(known, "app.example.com", errors::host_unlisted, from);
    EXPECT_EQ(events(audit::codes::forward_refused).size(), 1u);
    forward.refused(known, "wiki.example.com", errors::host_unlisted, from);
    EXPECT_EQ(events(audit::codes::forward_refused).size(), 2u);
    clock.advance(60s);
    forward.refused(known, "app.example.com", errors::host_unlisted, from);
    EXPECT_EQ(events(audit::codes::forward_refused).size(), 3u);
    forward.refused(std::nullopt, "app.example.com", errors::host_unlisted, from);
    EXPECT_EQ(events(audit::codes::forward_refused).size(), 3u);
    EXPECT_EQ(forward.counts().refused, 13);
}

TEST_F(ForwardServiceTest, what_time_ended_is_removed_in_batches_and_nothing_else) {
    auto const main = session();
    for (int i = 0; i < 5; ++i) (void)on_the_way(main.session.ref, app);
    arrived(main.session.ref, app);
    EXPECT_EQ(forward.purge(), 0u);
    clock.advance(60s);
    EXPECT_EQ(forward.purge(3), 3u);
    EXPECT_EQ(forward.purge(), 2u);
    EXPECT_EQ(rows("forward_session"), 1);
    clock.advance(12h);
    EXPECT_EQ(forward.purge(), 1u);
    EXPECT_EQ(rows("forward_session"), 0);
}

TEST_F(ForwardServiceTest, a_person_gets_told_and_forgotten) {
    auto const main = session();
    auto const done = arrived(main.session.ref, app);
    (void)on_the_way(main.session.ref, wiki);
    ForwardPersonalData data;
    auto const exported = database->read([&](storage::Transaction& tx) { return data.export_for(tx, ada); }).dump();
    EXPECT_NE(exported.find("app.example.com"), std::string::npos);
    EXPECT_NE(exported.find("wiki.example.com"), std::string::npos);
    auto const other = UserId::make(clock.now(), random);
    EXPECT_EQ(database->read([&](storage::Transaction& tx) { return data.export_for(tx, other); }).dump().find("example"),
              std::string::npos);
    database->write([&](storage::Transaction& tx) { data.erase(tx, other); });
    EXPECT_EQ(rows("forward_session") + rows("forward_ticket"), 2);
    database->write([&](storage::Transaction& tx) { data.erase(tx, ada); });
    EXPECT_EQ(rows("forward_session") + rows("forward_ticket"), 0);
    EXPECT_FALSE(forward.find("app.example.com", done.token).ok());
}

}  // namespace
}  // namespace zephyr::forward
