// Sessions with copies in Redis, and every way in which Redis can lie: killed, flushed, hung, restored from yesterday, written to by
// somebody else.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "contract/redis_backend.h"
#include "testing/manual_clock.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/sessions/session_service.h"

namespace zephyr::sessions {
namespace {

using testing::RedisServer;

SystemClock const real_clock;

class RedisSessions : public ::testing::Test {
protected:
    RedisServer server;
    testing::ManualClock clock;
    RedisBackend backend{testing::memory_database(clock), server.url(), clock};
    audit::AuditLog audit{*backend.database, backend.sealer, clock, backend.random};
    SessionService sessions{backend.store, *backend.database, audit, clock, backend.random, {}};
    UserId alice = UserId::make(clock.now(), backend.random);

    IssuedSession start(std::string pending = {}) {
        return sessions
            .start({.user = alice,
                    .factors = {{"pwd", clock.now()}},
                    .pending = std::move(pending),
                    .remember = false,
                    .origin = {.address = "192.0.2.1", .user_agent = "browser of alice", .request_id = {}, .session_ref = {}}})
            .value();
    }
    static std::string key_of(SecretText const& token) {
        return "zephyr:s:" + encoding::base64url_encode(crypto::sha256(as_bytes(token.reveal())));
    }
    std::string in_redis(std::string const& key) { return backend.redis.command({"GET", key}).value().text; }
    void into_redis(std::string const& key, std::string const& value) { ASSERT_TRUE(backend.redis.command({"SET", key, value}).ok()); }
    void away() {
        server.kill();
        static_cast<void>(backend.redis.command({"PING"}));
        ASSERT_FALSE(backend.redis.healthy());
    }
    void back() {
        server.resume();
        server.start();
        auto const end = real_clock.monotonic() + 10s;
        while (!backend.redis.healthy() && real_clock.monotonic() < end) std::this_thread::sleep_for(5ms);
        ASSERT_TRUE(backend.redis.healthy());
    }
    template <class F>
    std::chrono::milliseconds time_of(F work) {
        auto const began = real_clock.monotonic();
        work();
        return std::chrono::duration_cast<std::chrono::milliseconds>(real_clock.monotonic() - began);
    }
};

TEST_F(RedisSessions, a_copy_is_sealed_and_dies_with_idle_time_or_the_absolute_end) {
    auto const issued = start();
    ASSERT_TRUE(sessions.find(issued.token).ok());
    auto const copy = in_redis(key_of(issued.token));
    ASSERT_GT(copy.size(), 100u);
    for (auto const& secret : {std::string{"192.0.2.1"}, std::string{"browser of alice"}, alice.str(), issued.session.ref.str(),
                               issued.token.reveal(), std::string{"pwd"}}) {
        EXPECT_EQ(copy.find(secret), std::string::npos) << secret;
    }
    EXPECT_EQ(server.cli({"KEYS", "*"}).find(issued.token.reveal()), std::string::npos);
    auto const left = backend.redis.command({"PTTL", key_of(issued.token)}).value().integer;
    EXPECT_GT(left, 29 * 60 * 1000);
    EXPECT_LE(left, 30 * 60 * 1000);

    auto const pending = start("mfa.required");
    ASSERT_TRUE(sessions.find(pending.token).ok());
    EXPECT_LE(backend.redis.command({"PTTL", key_of(pending.token)}).value().integer, 10 * 60 * 1000);
}

TEST_F(RedisSessions, a_busy_session_writes_to_the_database_at_most_once_in_a_quarter_of_the_idle_time) {
    auto const issued = start();
    ASSERT_TRUE(sessions.find(issued.token).ok());
    auto const before = backend.database->counts().writes;
    for (int minute = 0; minute < 60; ++minute) {
        clock.advance(1min);
        ASSERT_TRUE(sessions.find(issued.token).ok());
    }
    auto const written = backend.database->counts().writes - before;
    EXPECT_GE(written, 5);
    EXPECT_LE(written, 8);
    EXPECT_EQ(sessions.list(alice).front().last_seen_at, clock.now());
}

// Nobody who goes on working is signed out by what happens to Redis.
TEST_F(RedisSessions, flushing_redis_at_any_moment_ends_no_session_in_use) {
    auto const issued = start();
    for (int minute = 0; minute < 300; ++minute) {
        clock.advance(1min);
        if (minute % 7 == 3) server.cli({"FLUSHALL"});
        ASSERT_TRUE(sessions.find(issued.token).ok()) << minute;
    }
    // With pauses as long as idle time allows when a quarter of it may be lost.
    for (int pause = 0; pause < 10; ++pause) {
        clock.advance(22min);
        server.cli({"FLUSHALL"});
        ASSERT_TRUE(sessions.find(issued.token).ok()) << pause;
    }
    clock.advance(30min);
    EXPECT_EQ(sessions.find(issued.token).error(), errors::expired) << "and an idle one still ends";
}

TEST_F(RedisSessions, a_killed_redis_resurrects_nothing_and_ends_nothing) {
    auto const ended = start();
    auto const kept = start();
    ASSERT_TRUE(sessions.find(ended.token).ok());
    ASSERT_TRUE(sessions.find(kept.token).ok());
    away();
    ASSERT_TRUE(sessions.end(ended.session.ref, audit::Actor::user(alice), {}, "signed_out").ok());
    EXPECT_EQ(sessions.find(ended.token).error(), errors::none);
    for (int minute = 0; minute < 60; ++minute) {
        clock.advance(1min);
        ASSERT_TRUE(sessions.find(kept.token).ok());
        ASSERT_EQ(backend.truth.find(kept.session.ref)->session.last_seen_at, clock.now()) << "activity goes to the table meanwhile";
    }
    back();
    EXPECT_EQ(sessions.find(ended.token).error(), errors::none);
    EXPECT_TRUE(sessions.find(kept.token).ok());
    EXPECT_FALSE(in_redis(key_of(kept.token)).empty()) << "and has its copy again";
}

// A replica that was promoted, a dump that was restored: Redis as it was before the logout.
TEST_F(RedisSessions, a_redis_restored_from_before_the_logout_opens_nothing) {
    auto const ended = start();
    auto const rotated = start("mfa.required");
    auto const kept = start();
    for (auto const* issued : {&ended, &rotated, &kept}) ASSERT_TRUE(sessions.find(issued->token).ok());
    ASSERT_EQ(server.cli({"SAVE"}), "OK");

    ASSERT_TRUE(sessions.end(ended.session.ref, audit::Actor::user(alice), {}, "signed_out").ok());
    auto const whole =
        sessions.rotate(rotated.session.ref, {.proved = Factor{"otp", clock.now(), true}, .pending = std::string{}}, {}).value();
    clock.advance(20min);
    ASSERT_TRUE(sessions.find(kept.token).ok());
    ASSERT_TRUE(sessions.find(whole.token).ok());
    away();
    back();
    ASSERT_FALSE(in_redis(key_of(ended.token)).empty()) << "the old copies are there again";
    ASSERT_FALSE(in_redis(key_of(rotated.token)).empty());

    EXPECT_EQ(sessions.find(ended.token).error(), errors::none);
    EXPECT_EQ(sessions.find(rotated.token).error(), errors::none);
    EXPECT_EQ(sessions.find(whole.token).value().factors.size(), 2u);
    clock.advance(15min);  // the restored copy says 35 minutes idle; the table knows better
    EXPECT_TRUE(sessions.find(kept.token).ok());
}

// Whoever can write to Redis can move copies about. They open nothing there.
TEST_F(RedisSessions, copies_moved_cut_or_stamped_by_somebody_else_change_nothing) {
    auto const pending = start("mfa.required");
    auto const whole = start();
    ASSERT_TRUE(sessions.find(pending.token).ok());
    ASSERT_TRUE(sessions.find(whole.token).ok());
    auto const of_pending = in_redis(key_of(pending.token));
    auto const of_whole = in_redis(key_of(whole.token));

    into_redis(key_of(pending.token), of_whole);
    EXPECT_EQ(sessions.find(pending.token).value(), pending.session) << "still pending, and still itself";
    EXPECT_NE(in_redis(key_of(pending.token)), of_whole) << "mended";

    for (auto const& rubbish : {std::string{}, std::string{"x"}, std::string(13, '1'), of_whole.substr(0, of_whole.size() - 1),
                                of_whole + "x", std::string(500'000, 'x'), of_pending.substr(0, 13) + of_whole.substr(13)}) {
        into_redis(key_of(whole.token), rubbish);
        EXPECT_EQ(sessions.find(whole.token).value().user, alice);
    }
    ASSERT_TRUE(backend.redis.command({"DEL", key_of(whole.token)}).ok());
    ASSERT_TRUE(backend.redis.command({"LPUSH", key_of(whole.token), "another type"}).ok());
    EXPECT_TRUE(sessions.find(whole.token).ok());

    // A stamp from the future would keep newer activity out, and so end the session while it is in use.
    into_redis(key_of(whole.token), "9999999999999" + of_whole.substr(13));
    for (int minute = 0; minute < 60; ++minute) {
        clock.advance(1min);
        ASSERT_TRUE(sessions.find(whole.token).ok()) << minute;
        ASSERT_EQ(backend.store.find(whole.session.ref)->session.last_seen_at, clock.now()) << minute;
    }
}

TEST_F(RedisSessions, what_a_pending_sign_in_had_cannot_be_used_under_the_token_it_became) {
    auto const pending = start("mfa.required");
    ASSERT_TRUE(sessions.find(pending.token).ok());
    auto const old_copy = in_redis(key_of(pending.token));
    auto const whole =
        sessions.rotate(pending.session.ref, {.proved = Factor{"otp", clock.now(), true}, .pending = std::string{}}, {}).value();
    into_redis(key_of(whole.token), old_copy);
    EXPECT_EQ(sessions.find(whole.token).value(), whole.session);
    // And the other way round: the strong copy under the weak token, which is dead.
    into_redis(key_of(pending.token), in_redis(key_of(whole.token)));
    EXPECT_EQ(sessions.find(pending.token).error(), errors::none);
}

TEST_F(RedisSessions, a_redis_that_hangs_costs_one_deadline_and_not_every_request) {
    auto const issued = start();
    ASSERT_TRUE(sessions.find(issued.token).ok());
    server.pause();
    EXPECT_LT(time_of([&] { EXPECT_TRUE(sessions.find(issued.token).ok()); }), 1500ms);
    EXPECT_LT(time_of([&] {
                  for (int i = 0; i < 200; ++i) EXPECT_TRUE(sessions.find(issued.token).ok());
              }),
              1000ms);
    EXPECT_LT(time_of([&] {
                  EXPECT_TRUE(sessions.end(issued.session.ref, audit::Actor::user(alice), {}, "signed_out").ok());
                  EXPECT_EQ(sessions.find(issued.token).error(), errors::none);
              }),
              500ms);
    back();
    EXPECT_EQ(sessions.find(issued.token).error(), errors::none) << "its copy is still there, and worth nothing";
}

TEST_F(RedisSessions, ending_a_session_never_waits_for_redis) {
    auto const issued = start();
    ASSERT_TRUE(sessions.find(issued.token).ok());
    server.pause();
    EXPECT_LT(time_of([&] { EXPECT_EQ(sessions.end_all(alice, std::nullopt, audit::Actor::system(), {}, "disabled"), 1u); }), 200ms);
    server.resume();
}

// While Redis comes and goes, no request ever gets in with a token that was revoked before it asked, and none of the living is turned away.
TEST_F(RedisSessions, under_fire_no_revoked_token_is_accepted_and_no_live_one_refused) {
    std::atomic<bool> stop = false;
    std::atomic<int> refused = 0;
    std::atomic<int> resurrected = 0;
    auto const lasting = start();
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            while (!stop) {
                if (!sessions.find(lasting.token).ok()) ++refused;
                auto const brief = start();
                if (!sessions.find(brief.token).ok()) ++refused;
                if (!sessions.end(brief.session.ref, audit::Actor::user(alice), {}, "signed_out").ok()) ++refused;
                if (sessions.find(brief.token).ok()) ++resurrected;
            }
        });
    }
    for (int round = 0; round < 6; ++round) {
        server.kill();
        std::this_thread::sleep_for(60ms);
        server.start();
        std::this_thread::sleep_for(120ms);
        server.cli({"FLUSHALL"});
        server.pause();
        std::this_thread::sleep_for(60ms);
        server.resume();
        std::this_thread::sleep_for(120ms);
    }
    stop = true;
    threads.clear();
    EXPECT_EQ(refused, 0);
    EXPECT_EQ(resurrected, 0);
}

}  // namespace
}  // namespace zephyr::sessions
