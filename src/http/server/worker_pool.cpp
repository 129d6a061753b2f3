#include "http/server/worker_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace zephyr::http::server {

WorkerPool::WorkerPool(std::size_t workers, std::size_t queue, Clock const& clock)
    : workers_{std::max<std::size_t>(workers, 1)}, queue_limit_{queue}, clock_{clock} {
    threads_.reserve(workers_);
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::full() const {
    return busy_.load(std::memory_order_relaxed) + depth_.load(std::memory_order_relaxed) >= workers_ + queue_limit_;
}

// Wakes one worker at a time: the next is called by the one that has come, if there is still work. A burst of short tasks is then
// done by the few threads that are awake anyway, instead of by a stampede; a burst of long ones still wakes them all.
bool WorkerPool::call_worker() {
    if (waking_ || idle_ == 0 || queue_.empty()) return false;
    waking_ = true;
    return true;
}

bool WorkerPool::submit(std::unique_ptr<Task>& task) {
    bool call = false;
    {
        std::lock_guard const lock{mutex_};
        if (stopping_) return false;
        // Tasks in the queue that an idle worker is about to take do not count as waiting.
        auto const unstarted = workers_ - threads_.size();
        if (queue_.size() >= queue_limit_ + idle_ + unstarted) return false;
        if (queue_.size() >= idle_ && unstarted > 0) {
            try {
                threads_.emplace_back([this] { work(); });
                ++idle_;  // it is about to be
            } catch (std::system_error const&) {
                // No more threads to be had: the ones there are will come round to it, if there is any.
                if (threads_.empty()) return false;
            }
        }
        queue_.push_back({std::move(task), clock_.monotonic()});
        depth_.store(queue_.size(), std::memory_order_relaxed);
        call = call_worker();
    }
    if (call) wake_.notify_one();
    return true;
}

void WorkerPool::work() {
    std::unique_lock lock{mutex_};
    waking_ = false;  // whether this thread was called or has just begun
    for (;;) {
        while (!stopping_ && queue_.empty()) {
            wake_.wait(lock);
            waking_ = false;
        }
        --idle_;
        if (stopping_) return;
        auto waiting = std::move(queue_.front());
        queue_.pop_front();
        depth_.store(queue_.size(), std::memory_order_relaxed);
        busy_.fetch_add(1, std::memory_order_relaxed);
        bool const call = call_worker();
        lock.unlock();
        if (call) wake_.notify_one();
        auto const waited = std::max(clock_.monotonic() - waiting.since, std::chrono::microseconds{0});
        count_wait(waited);
        auto* const task = waiting.task.get();
        task->run(std::move(waiting.task), waited);
        busy_.fetch_sub(1, std::memory_order_relaxed);
        lock.lock();
        ++idle_;
    }
}

void WorkerPool::stop() {
    std::deque<Waiting> dropped;
    std::vector<std::thread> threads;
    {
        std::lock_guard const lock{mutex_};
        stopping_ = true;
        dropped.swap(queue_);
        threads.swap(threads_);
        depth_.store(0, std::memory_order_relaxed);
    }
    wake_.notify_all();
    for (auto& thread : threads) thread.join();
}

void WorkerPool::count_wait(std::chrono::microseconds waited) {
    auto const bucket = std::lower_bound(pool_wait_bounds.begin(), pool_wait_bounds.end(), waited) - pool_wait_bounds.begin();
    waits_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    wait_total_micros_.fetch_add(waited.count(), std::memory_order_relaxed);
}

void WorkerPool::add_waits(ServerStats& stats) const {
    for (std::size_t i = 0; i < waits_.size(); ++i) stats.pool_wait[i] += waits_[i].load(std::memory_order_relaxed);
    stats.pool_wait_total += std::chrono::microseconds{wait_total_micros_.load(std::memory_order_relaxed)};
}

}  // namespace zephyr::http::server
