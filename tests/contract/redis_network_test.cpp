// Redis behind a network that fails: F8 of the fault list, seen from the wire. An answer is the right one or none at all, and sessions,
// whose copies lie there, are as alive or as dead as the database says.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "contract/redis_backend.h"
#include "testing/chaos_proxy.h"
#include "testing/manual_clock.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/sessions/session_service.h"

namespace zephyr::sessions {
namespace {

using testing::ChaosProxy;
using testing::Cut;
using testing::Direction;
using testing::Mischief;
using testing::Welcome;

SystemClock const real_clock;

class RedisNetwork : public ::testing::Test {
protected:
    testing::RedisServer server;
    ChaosProxy proxy{{.port = static_cast<std::uint16_t>(server.port())}};
    testing::ManualClock clock;
    RedisBackend backend{testing::memory_database(clock), "redis://127.0.0.1:" + std::to_string(proxy.port()), clock};
    adapters::RedisClient& redis = backend.redis;

    // The value, or nothing when Redis was not to be had. Anything else is a wrong outcome.
    std::optional<std::string> get(std::string const& key) {
        auto const reply = redis.command({"GET", key});
        if (!reply.ok()) {
            EXPECT_EQ(reply.error(), ports::errors::redis_unavailable);
            return std::nullopt;
        }
        EXPECT_TRUE(reply.value().is_text()) << key << ": " << reply.value().text;
        return reply.value().text;
    }
    static std::string value_of(int key) { return "value " + std::to_string(key) + std::string(static_cast<std::size_t>(key % 7), '.'); }
    void fill(int count) {
        for (int key = 0; key < count; ++key) ASSERT_TRUE(redis.command({"SET", "key" + std::to_string(key), value_of(key)}).ok());
    }
    std::chrono::milliseconds time_to_recover() {
        auto const start = real_clock.monotonic();
        while (!redis.command({"PING"}).ok() && real_clock.monotonic() - start < 20s) std::this_thread::sleep_for(5ms);
        return std::chrono::duration_cast<std::chrono::milliseconds>(real_clock.monotonic() - start);
    }
};

TEST_F(RedisNetwork, slow_and_split_answers_are_the_right_ones) {
    fill(10);
    for (auto const& mischief : {Mischief{.delay = 20ms}, Mischief{.piece_bytes = 1}, Mischief{.bytes_per_second = 5000}}) {
        proxy.set_both(mischief);
        for (int key = 0; key < 10; ++key) EXPECT_EQ(get("key" + std::to_string(key)), value_of(key));
    }
}

TEST_F(RedisNetwork, a_cut_at_any_byte_gives_the_right_answer_or_none) {
    fill(40);
    int unavailable = 0;
    for (auto const direction : {Direction::to_server, Direction::to_client}) {
        for (std::size_t after = 0; after < 40; ++after) {
            ASSERT_LE(time_to_recover(), 2s);
            proxy.set(direction, {.finish = after % 2 == 0, .reset = after % 2 != 0, .after = after});
            for (int i = 0; i < 3; ++i) {
                auto const key = static_cast<int>(after + static_cast<std::size_t>(i)) % 40;
                auto const found = get("key" + std::to_string(key));
                if (found) {
                    ASSERT_EQ(*found, value_of(key)) << "after " << after << " bytes";
                }
                unavailable += !found;
            }
            proxy.heal();
        }
    }
    EXPECT_GT(unavailable, 0);
    ASSERT_LE(time_to_recover(), 2s);
    for (int key = 0; key < 40; ++key) EXPECT_EQ(get("key" + std::to_string(key)), value_of(key));
}

TEST_F(RedisNetwork, an_answer_that_comes_too_late_is_not_taken_for_the_next_ones) {
    fill(40);
    for (auto const& mischief : {Mischief{.delay = 400ms}, Mischief{.hold = true}, Mischief{.hold = true, .after = 5}}) {
        proxy.set(Direction::to_client, mischief);
        EXPECT_FALSE(get("key0"));
        proxy.heal();  // what was held arrives now
        ASSERT_LE(time_to_recover(), 2s);
        for (int key = 1; key < 40; ++key) ASSERT_EQ(get("key" + std::to_string(key)), value_of(key));
    }
}

TEST_F(RedisNetwork, a_server_that_cannot_be_reached_costs_nobody_more_than_one_deadline) {
    ASSERT_LE(time_to_recover(), 2s);
    for (auto const welcome : {Welcome::refuse, Welcome::ignore}) {
        proxy.welcome(welcome);
        proxy.cut_all(Cut::reset);
        auto const start = real_clock.monotonic();
        for (int i = 0; i < 100; ++i) EXPECT_FALSE(get("key0"));
        EXPECT_LE(real_clock.monotonic() - start, 2s);
        proxy.heal();
        EXPECT_LE(time_to_recover(), 3s);
    }
}

TEST_F(RedisNetwork, connections_that_die_young_mix_no_answers_of_many_threads) {
    ASSERT_LE(time_to_recover(), 2s);
    proxy.limit_life(30ms);
    std::atomic<int> right{0}, wrong{0};
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            auto const end = real_clock.monotonic() + 1500ms;
            for (int i = 0; real_clock.monotonic() < end; ++i) {
                auto const text = std::to_string(thread) + ":" + std::to_string(i);
                auto const reply = redis.command({"ECHO", text});
                if (reply.ok()) ++(reply.value().text == text ? right : wrong);
                else std::this_thread::sleep_for(1ms);
            }
        });
    }
    threads.clear();
    EXPECT_EQ(wrong, 0);
    EXPECT_GT(right, 100);
    EXPECT_GT(proxy.stats().cut, 5u);
}

// Whatever the network does to the copies, corruption included: they are sealed, and the database decides.
TEST_F(RedisNetwork, no_revoked_session_is_accepted_and_no_live_one_refused) {
    audit::AuditLog audit{*backend.database, backend.sealer, clock, backend.random};
    SessionService sessions{backend.store, *backend.database, audit, clock, backend.random, {}};
    auto const alice = UserId::make(clock.now(), backend.random);
    auto const start = [&] {
        return sessions.start({.user = alice, .factors = {{"pwd", clock.now()}}, .pending = {}, .remember = false, .origin = {}}).value();
    };
    std::atomic<bool> stop{false};
    std::atomic<int> refused{0}, resurrected{0}, rounds{0};
    auto const lasting = start();
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 3; ++thread) {
        threads.emplace_back([&] {
            while (!stop) {
                if (!sessions.find(lasting.token).ok()) ++refused;
                auto const brief = start();
                if (!sessions.find(brief.token).ok()) ++refused;
                if (!sessions.end(brief.session.ref, audit::Actor::user(alice), {}, "signed_out").ok()) ++refused;
                if (sessions.find(brief.token).ok()) ++resurrected;
                ++rounds;
            }
        });
    }
    for (auto const& mischief :
         {Mischief{.corrupt_every = 3}, Mischief{.corrupt_every = 101}, Mischief{.delay = 300ms}, Mischief{.bytes_per_second = 300},
          Mischief{.reset = true, .after = 500}, Mischief{.finish = true, .after = 70}, Mischief{.hold = true}, Mischief{.piece_bytes = 1}}) {
        for (auto const direction : {Direction::to_server, Direction::to_client}) {
            proxy.set(direction, mischief);
            std::this_thread::sleep_for(100ms);
            proxy.heal();
            std::this_thread::sleep_for(100ms);
        }
    }
    stop = true;
    threads.clear();
    EXPECT_EQ(refused, 0);
    EXPECT_EQ(resurrected, 0);
    EXPECT_GT(rounds, 20);
}

}  // namespace
}  // namespace zephyr::sessions
