#include "zephyr/passwords/hash_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "testing/manual_clock.h"

namespace zephyr::passwords {
namespace {

using testing::ManualClock;

class HashGateTest : public ::testing::Test {
protected:
    static void wait_until_waiting(HashGate const& gate, std::size_t count) {
        while (gate.counts().waiting != count) std::this_thread::yield();
    }
    ManualClock clock;
};

TEST_F(HashGateTest, runs_no_more_hashes_at_once_than_it_has_workers) {
    HashGate gate{{.workers = 3}, clock};
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 16; ++i) {
        callers.emplace_back([&] {
            for (int n = 0; n < 20; ++n) {
                auto permit = gate.enter(8);
                ASSERT_TRUE(permit.ok());
                int const now = ++running;
                for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                }
                std::this_thread::yield();
                --running;
            }
        });
    }
    for (auto& caller : callers) caller.join();
    EXPECT_LE(most, 3);
    EXPECT_EQ(gate.counts().admitted, 320);
    EXPECT_EQ(gate.counts().running, 0u);
    EXPECT_EQ(gate.counts().memory_kib, 0u);
}

TEST_F(HashGateTest, keeps_the_memory_of_running_hashes_within_its_budget) {
    HashGate gate{{.workers = 16, .memory_budget_kib = 250}, clock};
    std::vector<std::thread> callers;
    for (int i = 0; i < 12; ++i) {
        callers.emplace_back([&, i] {
            for (int n = 0; n < 20; ++n) {
                auto permit = gate.enter(i % 3 == 0 ? 120 : 100);
                ASSERT_TRUE(permit.ok());
                std::this_thread::yield();
            }
        });
    }
    for (auto& caller : callers) caller.join();
    EXPECT_LE(gate.counts().highest_memory_kib, 250u);
    EXPECT_GE(gate.counts().highest_memory_kib, 100u);
}

TEST_F(HashGateTest, lets_a_hash_larger_than_the_budget_run_alone) {
    HashGate gate{{.workers = 4, .memory_budget_kib = 100}, clock};
    auto large = gate.enter(500);
    ASSERT_TRUE(large.ok());
    std::thread small{[&] { EXPECT_TRUE(gate.enter(10).ok()); }};
    wait_until_waiting(gate, 1);
    { auto gone = std::move(large); }
    small.join();
    EXPECT_EQ(gate.counts().highest_memory_kib, 500u);
}

TEST_F(HashGateTest, refuses_at_once_when_the_queue_holds_more_work_than_the_longest_wait) {
    HashGate gate{{.workers = 1, .longest_wait = 2s, .first_estimate = 1s}, clock};
    auto held = gate.enter(8);
    ASSERT_TRUE(held.ok());
    std::vector<std::thread> waiting;
    for (std::size_t i = 1; i <= 2; ++i) {
        waiting.emplace_back([&] { EXPECT_TRUE(gate.enter(8).ok()); });
        wait_until_waiting(gate, i);
    }
    auto const refused = gate.enter(8);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error(), errors::busy);
    EXPECT_EQ(refused.error().kind(), Kind::unavailable);
    EXPECT_EQ(gate.counts().refused, 1);
    EXPECT_GE(gate.retry_after(), 1s);
    { auto gone = std::move(held); }
    for (auto& caller : waiting) caller.join();
}

// A hash made elsewhere may take fifty times as long as ours: two of them are the queue of a hundred.
TEST_F(HashGateTest, counts_how_heavy_the_waiting_hashes_are) {
    HashGate gate{{.workers = 1, .longest_wait = 2s, .first_estimate = 20ms}, clock};
    auto held = gate.enter(8);
    ASSERT_TRUE(held.ok());
    std::vector<std::thread> waiting;
    for (std::size_t i = 1; i <= 2; ++i) {
        waiting.emplace_back([&] { EXPECT_TRUE(gate.enter(8, 50).ok()); });
        wait_until_waiting(gate, i);
    }
    EXPECT_EQ(gate.enter(8).error(), errors::busy);
    { auto gone = std::move(held); }
    for (auto& caller : waiting) caller.join();
    EXPECT_TRUE(gate.enter(8).ok());
}

TEST_F(HashGateTest, one_heavy_hash_does_not_make_the_others_look_slow) {
    HashGate gate{{.workers = 1, .longest_wait = 2s, .first_estimate = 20ms}, clock};
    for (int i = 0; i < 20; ++i) {
        auto const heavy = gate.enter(8, 50);
        ASSERT_TRUE(heavy.ok());
        clock.advance(1s);  // as long as fifty of 20 ms
    }
    EXPECT_EQ(gate.retry_after(), 1s);
    auto held = gate.enter(8);
    std::thread next{[&] { EXPECT_TRUE(gate.enter(8).ok()); }};
    wait_until_waiting(gate, 1);
    { auto gone = std::move(held); }
    next.join();
}

TEST_F(HashGateTest, refuses_a_caller_whose_turn_comes_after_its_deadline) {
    HashGate gate{{.workers = 1, .longest_wait = 2s}, clock};
    auto held = gate.enter(8);
    ASSERT_TRUE(held.ok());
    std::optional<Result<HashGate::Permit>> late;
    std::thread caller{[&] { late.emplace(gate.enter(8)); }};
    wait_until_waiting(gate, 1);
    clock.advance(2s);
    { auto gone = std::move(held); }
    caller.join();
    ASSERT_FALSE(late->ok());
    EXPECT_EQ(late->error(), errors::busy);
    EXPECT_TRUE(gate.enter(8).ok()) << "the place of the late one is free again";
}

TEST_F(HashGateTest, serves_callers_in_the_order_they_came) {
    HashGate gate{{.workers = 1}, clock};
    auto held = gate.enter(8);
    ASSERT_TRUE(held.ok());
    std::mutex mutex;
    std::vector<int> order;
    std::vector<std::thread> callers;
    for (int i = 0; i < 6; ++i) {
        callers.emplace_back([&, i] {
            auto permit = gate.enter(8);
            ASSERT_TRUE(permit.ok());
            std::lock_guard const lock{mutex};
            order.push_back(i);
        });
        wait_until_waiting(gate, static_cast<std::size_t>(i) + 1);
    }
    { auto gone = std::move(held); }
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST_F(HashGateTest, does_not_let_small_hashes_overtake_a_large_one_in_front) {
    HashGate gate{{.workers = 4, .memory_budget_kib = 100}, clock};
    auto held = gate.enter(60);
    ASSERT_TRUE(held.ok());
    std::atomic<bool> large_done{false};
    std::thread large{[&] {
        auto permit = gate.enter(90);
        ASSERT_TRUE(permit.ok());
        large_done = true;
    }};
    wait_until_waiting(gate, 1);
    std::thread small{[&] {
        auto permit = gate.enter(10);  // would fit now
        ASSERT_TRUE(permit.ok());
    }};
    wait_until_waiting(gate, 2);
    EXPECT_FALSE(large_done);
    { auto gone = std::move(held); }
    large.join();
    small.join();
}

TEST_F(HashGateTest, may_be_destroyed_while_callers_wait_and_permits_are_out) {
    auto gate = std::make_unique<HashGate>(HashGateSettings{.workers = 1}, clock);
    auto held = gate->enter(8);
    ASSERT_TRUE(held.ok());
    std::atomic<int> refused{0};
    std::vector<std::thread> callers;
    for (std::size_t i = 1; i <= 4; ++i) {
        callers.emplace_back([&refused, &gate_ref = *gate] {
            auto const permit = gate_ref.enter(8);
            if (!permit.ok() && permit.error() == errors::busy) ++refused;
        });
        wait_until_waiting(*gate, i);
    }
    gate.reset();
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(refused, 4);
    { auto gone = std::move(held); }  // given back to a gate that is no more
}

}  // namespace
}  // namespace zephyr::passwords
