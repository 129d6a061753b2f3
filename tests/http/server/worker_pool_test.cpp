#include "http/server/worker_pool.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "http/server/porch.h"
#include "testing/manual_clock.h"

namespace zephyr::http::server {
namespace {

class FunctionTask final : public WorkerPool::Task {
public:
    explicit FunctionTask(std::function<void(std::chrono::microseconds)> function) : function_{std::move(function)} {}
    void run(std::unique_ptr<Task>, std::chrono::microseconds waited) noexcept override { function_(waited); }

private:
    std::function<void(std::chrono::microseconds)> function_;
};

std::unique_ptr<WorkerPool::Task> task(std::function<void()> function) {
    return std::make_unique<FunctionTask>([function = std::move(function)](std::chrono::microseconds) { function(); });
}

TEST(WorkerPool, runs_as_many_tasks_at_once_as_it_has_workers_and_queues_the_rest_up_to_its_limit) {
    testing::ManualClock clock;
    Gate gate;
    WorkerPool pool{2, 3, clock};
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(pool.full());
        auto waiting = task([&] { gate.pass(); });
        EXPECT_TRUE(pool.submit(waiting)) << i;
    }
    EXPECT_TRUE(gate.wait_for(2));
    EXPECT_EQ(pool.depth(), 3U);
    EXPECT_TRUE(pool.full());
    auto refused = task([] {});
    EXPECT_FALSE(pool.submit(refused));
    EXPECT_NE(refused, nullptr);
    gate.open();
    EXPECT_TRUE(eventually([&] { return pool.depth() == 0 && !pool.full(); }));
}

TEST(WorkerPool, without_a_queue_takes_a_task_for_each_worker) {
    testing::ManualClock clock;
    Gate gate;
    WorkerPool pool{3, 0, clock};
    for (int i = 0; i < 3; ++i) {
        auto running = task([&] { gate.pass(); });
        EXPECT_TRUE(pool.submit(running)) << i;
    }
    auto refused = task([] {});
    EXPECT_FALSE(pool.submit(refused));
    gate.open();
}

TEST(WorkerPool, tells_how_long_a_task_waited) {
    testing::ManualClock clock;
    Gate gate;
    std::atomic<std::int64_t> waited_micros{-1};
    WorkerPool pool{1, 1, clock};
    auto first = task([&] { gate.pass(); });
    ASSERT_TRUE(pool.submit(first));
    ASSERT_TRUE(gate.wait_for(1));
    std::unique_ptr<WorkerPool::Task> second =
        std::make_unique<FunctionTask>([&](std::chrono::microseconds waited) { waited_micros = waited.count(); });
    ASSERT_TRUE(pool.submit(second));
    clock.advance(3ms);
    gate.open();
    EXPECT_TRUE(eventually([&] { return waited_micros == 3000; }));
    ServerStats stats;
    pool.add_waits(stats);
    EXPECT_EQ(stats.pool_wait[0], 1U);  // no wait
    EXPECT_EQ(stats.pool_wait[6], 1U);  // up to 5 ms
    EXPECT_EQ(stats.pool_wait_total, 3ms);
}

TEST(WorkerPool, drops_what_waits_and_takes_nothing_more_once_it_is_stopped) {
    testing::ManualClock clock;
    Gate gate;
    std::atomic<int> ran{0};
    WorkerPool pool{1, 5, clock};
    auto running = task([&] { gate.pass(); ++ran; });
    ASSERT_TRUE(pool.submit(running));
    ASSERT_TRUE(gate.wait_for(1));
    auto waiting = task([&] { ++ran; });
    ASSERT_TRUE(pool.submit(waiting));
    std::thread stopper{[&] { pool.stop(); }};
    EXPECT_TRUE(eventually([&] {
        auto late = task([&] { ++ran; });
        return !pool.submit(late);
    }));
    gate.open();
    stopper.join();
    EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace zephyr::http::server
