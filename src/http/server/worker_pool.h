// A bounded pool of threads with a bounded queue: it refuses instead of growing. Threads start when first needed, so an idle
// server does not pay for 64 stacks.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/http/server.h"

namespace zephyr::http::server {

class WorkerPool {
public:
    class Task {
    public:
        virtual ~Task() = default;
        // Runs on a worker, and must not throw. `self` is this task, to keep or hand on; `waited` is how long it stood in the queue.
        virtual void run(std::unique_ptr<Task> self, std::chrono::microseconds waited) noexcept = 0;
    };

    WorkerPool(std::size_t workers, std::size_t queue, Clock const& clock);
    ~WorkerPool();  // stops
    WorkerPool(WorkerPool const&) = delete;
    WorkerPool& operator=(WorkerPool const&) = delete;

    // False when every worker is busy and the queue is full, or after stop(); the task is then left with the caller.
    bool submit(std::unique_ptr<Task>& task);
    // A guess, free of locks: whether submit() would refuse now.
    bool full() const;
    // Destroys what still waits and joins the threads once their tasks are done.
    void stop();

    std::size_t depth() const { return depth_.load(std::memory_order_relaxed); }
    void add_waits(ServerStats& stats) const;

private:
    struct Waiting {
        std::unique_ptr<Task> task;
        MonotonicTime since;
    };
    void work();
    bool call_worker();  // with the mutex held; true: notify one
    void count_wait(std::chrono::microseconds waited);

    std::size_t const workers_;
    std::size_t const queue_limit_;
    Clock const& clock_;

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Waiting> queue_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool waking_ = false;  // a worker has been called and has not come yet
    bool stopping_ = false;

    std::atomic<std::size_t> depth_{0};
    std::atomic<std::size_t> busy_{0};
    std::array<std::atomic<std::uint64_t>, pool_wait_bounds.size() + 1> waits_{};
    std::atomic<std::int64_t> wait_total_micros_{0};
};

}  // namespace zephyr::http::server
