#include "zephyr/sessions/session_service.h"

#include <gtest/gtest.h>

#include <set>

#include "session_store_suite.h"
#include "testing/databases.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/sessions/personal_data.h"
#include "zephyr/sessions/sealed_cookie_store.h"

namespace zephyr::sessions {
namespace {

struct SqlBackend {
    testing::ScriptedRandom random{77};
    std::unique_ptr<storage::Database> database;
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    SqlSessionStore store{*database, sealer};
    explicit SqlBackend(std::unique_ptr<storage::Database> opened) : database{std::move(opened)} {}
};

OpenBackend open_memory(Clock const&) { return {{}, std::make_shared<MemorySessionStore>()}; }

OpenBackend open_sqlite_memory(Clock const& clock) {
    auto backend = std::make_shared<SqlBackend>(testing::memory_database(clock));
    return {{backend}, std::shared_ptr<SessionStore>{backend, &backend->store}};
}

OpenBackend open_sealed_cookie(Clock const& clock) {
    auto backend = std::make_shared<SqlBackend>(testing::memory_database(clock));
    return {{backend}, std::make_shared<SealedCookieStore>(backend->store, backend->sealer)};
}

INSTANTIATE_TEST_SUITE_P(Backends, SessionStoreSuite,
                         ::testing::Values(SessionBackend{"memory", open_memory}, SessionBackend{"sqlite", open_sqlite_memory},
                                           SessionBackend{"sealed_cookie", open_sealed_cookie}),
                         [](auto const& backend) { return backend.param.name; });

class SessionServiceTest : public ::testing::Test {
protected:
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock);
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    SqlSessionStore store{*database, sealer};
    SessionSettings settings;
    UserId alice = UserId::make(clock.now(), random);

    SessionService service() { return {store, *database, audit, clock, random, settings}; }
    SessionService sessions = service();

    NewSession whole(bool remember = false) {
        return {.user = alice,
                .factors = {{"pwd", clock.now()}},
                .pending = {},
                .remember = remember,
                .origin = {.address = "192.0.2.1", .user_agent = "test", .request_id = {}, .session_ref = {}}};
    }
    NewSession pending() {
        auto wanted = whole();
        wanted.pending = "mfa.required";
        return wanted;
    }
    IssuedSession started(NewSession const& wanted) { return sessions.start(wanted).value(); }
    std::size_t events(std::string_view code) {
        return audit.query({.subject = {}, .code = std::string{code}, .from = {}, .until = {}}).size();
    }
};

TEST_F(SessionServiceTest, a_started_session_is_found_by_its_token_and_by_nothing_near_it) {
    auto const issued = started(whole());
    EXPECT_EQ(issued.token.size(), 43u);
    EXPECT_EQ(sessions.find(issued.token).value().ref, issued.session.ref);

    auto altered = issued.token.reveal();
    altered[0] = altered[0] == 'A' ? 'B' : 'A';
    EXPECT_EQ(sessions.find(SecretText{altered}).error(), errors::none);
    EXPECT_EQ(sessions.find(SecretText{issued.token.reveal().substr(0, 42)}).error(), errors::none);
    EXPECT_EQ(sessions.find(SecretText{issued.token.reveal() + "A"}).error(), errors::none);
    EXPECT_EQ(sessions.find(SecretText{}).error(), errors::none);
    EXPECT_EQ(sessions.find(SecretText{std::string(1 << 20, 'A')}).error(), errors::none);
    EXPECT_EQ(sessions.find(SecretText{issued.session.ref.str()}).error(), errors::none) << "the ref is no credential";
}

TEST_F(SessionServiceTest, tokens_never_repeat_and_stand_nowhere_in_the_table) {
    std::set<std::string> tokens;
    for (int i = 0; i < 200; ++i) tokens.insert(started(whole()).token.reveal());
    EXPECT_EQ(tokens.size(), 200u);
    database->read([&](storage::Transaction& tx) {
        for (auto const& row : tx.rows("SELECT token_hash FROM session")) {
            EXPECT_EQ(row.blob(0).size(), 32u);
            EXPECT_FALSE(tokens.contains(to_text(row.blob(0))));
        }
    });
}

TEST_F(SessionServiceTest, a_client_cannot_choose_its_token) {
    // Session fixation: a token nobody issued opens nothing, and signing in does not adopt it.
    SecretText const chosen{std::string(43, 'x')};
    EXPECT_EQ(sessions.find(chosen).error(), errors::none);
    auto const issued = started(whole());
    EXPECT_NE(issued.token.reveal(), chosen.reveal());
    EXPECT_EQ(sessions.find(chosen).error(), errors::none);
}

// NIST SP 800-63B-4 5.2: "either timeout ends the session".
TEST_F(SessionServiceTest, idle_time_ends_a_session_to_the_millisecond) {
    auto const issued = started(whole());
    clock.advance(settings.idle - 1ms);
    EXPECT_TRUE(sessions.find(issued.token).ok());  // and this use moves the idle limit
    clock.advance(settings.idle - 1ms);
    EXPECT_TRUE(sessions.find(issued.token).ok());
    clock.advance(settings.idle);
    EXPECT_EQ(sessions.find(issued.token).error(), errors::expired);
}

TEST_F(SessionServiceTest, the_absolute_end_comes_however_busy_the_session_is) {
    auto const issued = started(whole());
    for (auto used = 0s; used < settings.absolute - 10min; used += 10min) {
        clock.advance(10min);
        ASSERT_TRUE(sessions.find(issued.token).ok());
    }
    clock.advance(10min - 1ms);
    EXPECT_TRUE(sessions.find(issued.token).ok());
    clock.advance(1ms);
    EXPECT_EQ(sessions.find(issued.token).error(), errors::expired);
}

TEST_F(SessionServiceTest, a_remembered_session_outlives_idle_time_but_not_its_own_end) {
    auto const issued = started(whole(true));
    clock.advance(settings.remember - 1ms);
    EXPECT_TRUE(sessions.find(issued.token).ok());
    clock.advance(1ms);
    EXPECT_EQ(sessions.find(issued.token).error(), errors::expired);
}

TEST_F(SessionServiceTest, a_pending_sign_in_lasts_ten_minutes_and_completing_it_starts_the_whole_life) {
    auto const issued = started(pending());
    EXPECT_EQ(issued.session.expires_at, clock.now() + 10min);
    clock.advance(10min - 1s);
    auto const complete =
        sessions.rotate(issued.session.ref, {.proved = Factor{"otp", clock.now(), true}, .pending = std::string{}}, {}).value();
    EXPECT_EQ(complete.session.expires_at, clock.now() + settings.absolute);

    auto const other = started(pending());
    clock.advance(10min);
    EXPECT_EQ(sessions.find(other.token).error(), errors::expired);
    EXPECT_EQ(sessions.rotate(other.session.ref, {.proved = Factor{"otp", clock.now(), true}, .pending = std::string{}}, {}).error(),
              errors::expired);
}

TEST_F(SessionServiceTest, rotation_kills_the_old_token_at_once_and_keeps_what_was_proved) {
    auto const issued = started(pending());
    clock.advance(5s);
    auto const rotated =
        sessions.rotate(issued.session.ref, {.proved = Factor{"otp", clock.now(), true}, .pending = std::string{}}, {}).value();
    EXPECT_EQ(sessions.find(issued.token).error(), errors::none);
    auto const found = sessions.find(rotated.token).value();
    EXPECT_EQ(found.pending, "");
    ASSERT_EQ(found.factors.size(), 2u);
    EXPECT_EQ(found.factors[0].name, "pwd");
    EXPECT_EQ(found.factors[1], (Factor{"otp", clock.now(), true}));
    EXPECT_EQ(found.ref, issued.session.ref) << "lists and the audit trail keep their name for it";
}

TEST_F(SessionServiceTest, a_step_up_does_not_stretch_the_absolute_end) {
    auto const issued = started(whole());
    clock.advance(20min);
    auto const rotated = sessions.rotate(issued.session.ref, {.proved = Factor{"pwd", clock.now()}, .pending = {}}, {}).value();
    EXPECT_EQ(rotated.session.expires_at, issued.session.expires_at);
    ASSERT_EQ(rotated.session.factors.size(), 1u);
    EXPECT_EQ(rotated.session.factors[0].at, clock.now());
}

TEST_F(SessionServiceTest, racing_rotations_leave_exactly_one_live_token) {
    auto const issued = started(whole());
    std::vector<std::thread> racers;
    std::mutex mutex;
    std::vector<SecretText> tokens;
    for (int i = 0; i < 8; ++i) {
        racers.emplace_back([&] {
            auto rotated = sessions.rotate(issued.session.ref, {.proved = Factor{"otp", clock.now(), true}, .pending = {}}, {});
            std::lock_guard const lock{mutex};
            if (rotated.ok()) tokens.push_back(rotated.value().token);
        });
    }
    for (auto& racer : racers) racer.join();
    int alive = 0;
    for (auto const& token : tokens) alive += sessions.find(token).ok() ? 1 : 0;
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(sessions.find(issued.token).error(), errors::none);
}

TEST_F(SessionServiceTest, ending_a_session_ends_it_at_once_and_once) {
    auto const issued = started(whole());
    EXPECT_TRUE(sessions.end(issued.session.ref, audit::Actor::user(alice), {}, "signed_out").ok());
    EXPECT_EQ(sessions.find(issued.token).error(), errors::none);
    EXPECT_EQ(sessions.end(issued.session.ref, audit::Actor::user(alice), {}, "signed_out").error(), errors::not_found);
    EXPECT_EQ(events(audit::codes::session_ended), 1u);
}

TEST_F(SessionServiceTest, ending_all_spares_the_one_in_hand_and_other_people) {
    auto const here = started(whole());
    auto const there = started(whole());
    auto bobs = whole();
    bobs.user = UserId::make(clock.now(), random);
    auto const other = started(bobs);
    EXPECT_EQ(sessions.end_all(alice, here.session.ref, audit::Actor::user(alice), {}, "password_changed"), 1u);
    EXPECT_TRUE(sessions.find(here.token).ok());
    EXPECT_EQ(sessions.find(there.token).error(), errors::none);
    EXPECT_TRUE(sessions.find(other.token).ok());
    EXPECT_EQ(sessions.end_all(alice, std::nullopt, audit::Actor::system(), {}, "disabled"), 1u);
    EXPECT_EQ(sessions.find(here.token).error(), errors::none);
}

TEST_F(SessionServiceTest, a_refused_newcomer_leaves_no_trace_and_an_evicted_one_is_on_record) {
    settings.limit = {.per_user = 1, .when_full = Limit::WhenFull::refuse};
    auto strict = service();
    ASSERT_TRUE(strict.start(whole()).ok());
    EXPECT_EQ(strict.start(whole()).error(), errors::limit_reached);
    EXPECT_EQ(events(audit::codes::session_started), 1u);

    settings.limit.when_full = Limit::WhenFull::evict_oldest;
    auto evicting = service();
    ASSERT_TRUE(evicting.start(whole()).ok());
    EXPECT_EQ(events(audit::codes::session_evicted), 1u);
    EXPECT_EQ(evicting.list(alice).size(), 1u);
}

TEST_F(SessionServiceTest, pending_sign_ins_keep_nobody_out_and_meet_the_limit_when_they_complete) {
    settings.limit = {.per_user = 1, .when_full = Limit::WhenFull::refuse};
    auto strict = service();
    auto const first = strict.start(pending()).value();
    auto const second = strict.start(pending()).value();
    Change const complete{.proved = Factor{"otp", clock.now(), true}, .pending = std::string{}};
    auto const whole = strict.rotate(first.session.ref, complete, {});
    ASSERT_TRUE(whole.ok());
    EXPECT_EQ(strict.rotate(second.session.ref, complete, {}).error(), errors::limit_reached);
    EXPECT_EQ(strict.find(second.token).value().pending, "mfa.required");
    EXPECT_TRUE(strict.rotate(whole.value().session.ref, complete, {}).ok()) << "a step-up is no newcomer";

    settings.limit.when_full = Limit::WhenFull::evict_oldest;
    auto evicting = service();
    ASSERT_TRUE(evicting.rotate(second.session.ref, complete, {}).ok());
    EXPECT_EQ(events(audit::codes::session_evicted), 1u) << "the older whole one went, on record";
    EXPECT_EQ(evicting.list(alice).size(), 1u);
}

TEST_F(SessionServiceTest, somebody_with_the_password_alone_signs_nobody_out) {
    settings.limit = {.per_user = 1, .when_full = Limit::WhenFull::evict_oldest};
    auto evicting = service();
    auto const mine = evicting.start(whole()).value();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(evicting.start(pending()).ok());
    EXPECT_TRUE(evicting.find(mine.token).ok());
}

TEST_F(SessionServiceTest, a_sealed_cookie_is_token_dot_content_and_fits_a_browser) {
    SealedCookieStore cookies{store, sealer};
    SessionService with_cookies{cookies, *database, audit, clock, random, settings};
    auto wanted = pending();
    wanted.origin.user_agent = std::string(100'000, '\x02');
    auto const issued = with_cookies.start(wanted).value();
    auto const text = issued.token.reveal();
    ASSERT_EQ(text[43], '.');
    EXPECT_LT(std::string{"__Host-zephyr_session="}.size() + text.size(), 4096u);
    EXPECT_EQ(with_cookies.find(issued.token).value().pending, "mfa.required");
    for (auto const& wrong : {text.substr(0, 43), text.substr(0, 44), text + "A", text + ".", text.substr(0, 43) + "," + text.substr(44),
                              text.substr(0, 43) + "." + text.substr(43), std::string(1 << 20, 'A')}) {
        EXPECT_EQ(with_cookies.find(SecretText{wrong}).error(), errors::none) << wrong.substr(0, 100);
    }

    // The table does not say from where; a step-up names its own request.
    auto const complete = with_cookies
                              .rotate(issued.session.ref, {.proved = Factor{"otp", clock.now(), true}, .pending = std::string{}},
                                      {.address = "192.0.2.9", .user_agent = "second", .request_id = {}, .session_ref = {}})
                              .value();
    database->read([&](storage::Transaction& tx) { EXPECT_TRUE(tx.row("SELECT sealed FROM session")->blob(0).empty()); });
    EXPECT_EQ(with_cookies.find(issued.token).error(), errors::none);
    auto const found = with_cookies.find(complete.token).value();
    EXPECT_EQ(found.address, "192.0.2.9");
    EXPECT_EQ(found.factors.size(), 2u);
    EXPECT_EQ(found, complete.session);
}

TEST_F(SessionServiceTest, a_sealed_cookie_dies_with_the_master_key_it_was_sealed_under) {
    SealedCookieStore cookies{store, sealer};
    SessionService with_cookies{cookies, *database, audit, clock, random, settings};
    auto const issued = with_cookies.start(whole()).value();
    sealer.replace(crypto::Keyring{crypto::MasterKey::generate(random)});
    EXPECT_EQ(with_cookies.find(issued.token).error(), errors::none);
}

TEST_F(SessionServiceTest, a_busy_session_writes_at_most_once_a_minute) {
    auto const issued = started(whole());
    auto const before = database->counts().writes;
    for (int i = 0; i < 50; ++i) {
        clock.advance(1s);
        ASSERT_TRUE(sessions.find(issued.token).ok());
    }
    EXPECT_EQ(database->counts().writes, before);
    clock.advance(10s);
    ASSERT_TRUE(sessions.find(issued.token).ok());
    EXPECT_EQ(database->counts().writes, before + 1);
}

TEST_F(SessionServiceTest, a_clock_set_back_does_not_end_sessions_nor_stretch_them) {
    auto const issued = started(whole());
    clock.jump_to(clock.now() - 24h);
    EXPECT_TRUE(sessions.find(issued.token).ok());
    clock.jump_to(issued.session.expires_at);
    EXPECT_EQ(sessions.find(issued.token).error(), errors::expired);
}

TEST_F(SessionServiceTest, lists_leave_out_what_ended_by_time_and_the_purge_removes_it) {
    auto const idle = started(whole());
    clock.advance(settings.idle);
    auto const fresh = started(whole());
    auto const listed = sessions.list(alice);
    ASSERT_EQ(listed.size(), 1u);
    EXPECT_EQ(listed[0].ref, fresh.session.ref);
    EXPECT_EQ(listed[0].address, "192.0.2.1");
    clock.advance(settings.absolute);
    EXPECT_EQ(sessions.purge(), 2u);
    EXPECT_EQ(sessions.count(), 0u);
    EXPECT_FALSE(store.find(idle.session.ref));
}

TEST_F(SessionServiceTest, overlong_browser_names_are_cut_not_refused) {
    auto wanted = whole();
    wanted.origin.user_agent = std::string(100'000, 'u');
    auto const issued = started(wanted);
    EXPECT_EQ(sessions.find(issued.token).value().user_agent.size(), 256u);
}

TEST_F(SessionServiceTest, address_and_browser_are_sealed_at_rest) {
    started(whole());
    database->read([&](storage::Transaction& tx) {
        auto const row = tx.row("SELECT sealed FROM session");
        EXPECT_EQ(to_text(row->blob(0)).find("192.0.2.1"), std::string::npos);
    });
}

TEST_F(SessionServiceTest, export_names_every_session_without_its_token_and_erase_leaves_none) {
    auto const issued = started(whole());
    SessionsPersonalData source{store};
    auto const exported = database->read([&](storage::Transaction& tx) { return source.export_for(tx, alice).dump(); });
    EXPECT_NE(exported.find("192.0.2.1"), std::string::npos);
    EXPECT_EQ(exported.find(issued.token.reveal()), std::string::npos);
    database->write([&](storage::Transaction& tx) { source.erase(tx, alice); });
    EXPECT_EQ(sessions.find(issued.token).error(), errors::none);
}

}  // namespace
}  // namespace zephyr::sessions
