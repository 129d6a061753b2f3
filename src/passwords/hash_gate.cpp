#include "zephyr/passwords/hash_gate.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace zephyr::passwords {

namespace {

enum class Turn { waiting, admitted, refused };

// A hash much cheaper than ours still takes its turn.
constexpr double least_weight = 0.05;

struct Waiter {
    std::size_t memory_kib = 0;
    double weight = 1;
    MonotonicTime deadline;
    Turn turn = Turn::waiting;
    std::condition_variable called;
};

}  // namespace

// Shared with permits and waiters, so that the gate itself may go while they are still there. The clock may go with
// the gate: once `closed`, nobody reads it.
struct HashGate::State {
    State(HashGateSettings wanted, Clock const& time) : settings{wanted}, clock{time} {
        if (settings.workers == 0) settings.workers = std::max<std::size_t>(1, std::thread::hardware_concurrency());
        estimate = settings.first_estimate;
    }

    bool fits(std::size_t memory_kib) const {
        if (counts.running == 0) return true;
        return counts.running < settings.workers && counts.memory_kib + memory_kib <= settings.memory_budget_kib;
    }

    // How many hashes of this size run side by side.
    std::size_t lanes(std::size_t memory_kib) const {
        return std::clamp<std::size_t>(settings.memory_budget_kib / std::max<std::size_t>(1, memory_kib), 1,
                                       settings.workers);
    }

    // Until a newcomer would be admitted: everything that waits, spread over the lanes, and one of those that run.
    std::chrono::microseconds work_ahead(std::size_t memory_kib) const {
        double waiting = 0;
        for (auto const* waiter : queue) waiting += waiter->weight;
        auto const running = counts.running == 0 ? 1.0 : running_weight / static_cast<double>(counts.running);
        auto const rounds = std::floor(waiting / static_cast<double>(lanes(memory_kib))) + running;
        return std::chrono::microseconds{static_cast<std::int64_t>(static_cast<double>(estimate.count()) * rounds)};
    }

    void admit(std::size_t memory_kib, double weight) {
        ++counts.admitted;
        ++counts.running;
        running_weight += weight;
        counts.memory_kib += memory_kib;
        counts.highest_memory_kib = std::max(counts.highest_memory_kib, counts.memory_kib);
    }

    // Takes a waiter out of the line with its answer.
    void answer(Waiter& waiter, Turn turn) {
        waiter.turn = turn;
        std::erase(queue, &waiter);
        counts.waiting = queue.size();
        if (turn == Turn::refused) ++counts.refused;
        waiter.called.notify_one();
    }

    // Lets in who fits, first come first served: a large one in front is not overtaken, or it might never get in.
    void call_next() {
        if (closed) return;
        auto const now = clock.monotonic();
        while (!queue.empty()) {
            Waiter& first = *queue.front();
            if (first.deadline <= now) {
                answer(first, Turn::refused);
            } else if (fits(first.memory_kib)) {
                admit(first.memory_kib, first.weight);
                answer(first, Turn::admitted);
            } else {
                return;
            }
        }
    }

    void finish(std::size_t memory_kib, double weight, MonotonicTime since) {
        std::lock_guard const lock{mutex};
        --counts.running;
        running_weight = counts.running == 0 ? 0 : running_weight - weight;  // no rounding error outlives a quiet moment
        counts.memory_kib -= memory_kib;
        if (closed) return;
        auto const took = std::chrono::duration_cast<std::chrono::microseconds>((clock.monotonic() - since) / weight);
        estimate = std::max(estimate + (took - estimate) / 16, std::chrono::microseconds{100});
        call_next();
    }

    mutable std::mutex mutex;
    HashGateSettings settings;
    Clock const& clock;
    bool closed = false;
    std::deque<Waiter*> queue;
    std::chrono::microseconds estimate{};  // of one hash of weight 1: moving average
    double running_weight = 0;
    Counts counts;
};

struct HashGate::Permit::Grant {
    std::shared_ptr<State> state;
    std::size_t memory_kib;
    double weight;
    MonotonicTime since;

    Grant(std::shared_ptr<State> gate, std::size_t memory, double heavy, MonotonicTime start)
        : state{std::move(gate)}, memory_kib{memory}, weight{heavy}, since{start} {}
    Grant(Grant const&) = delete;
    Grant& operator=(Grant const&) = delete;
    ~Grant() { state->finish(memory_kib, weight, since); }
};

HashGate::Permit::Permit(std::unique_ptr<Grant> grant) : grant_{std::move(grant)} {}
HashGate::Permit::Permit(Permit&& other) noexcept = default;
HashGate::Permit& HashGate::Permit::operator=(Permit&& other) noexcept = default;
HashGate::Permit::~Permit() = default;

HashGate::HashGate(HashGateSettings settings, Clock const& clock) : state_{std::make_shared<State>(settings, clock)} {}

HashGate::~HashGate() {
    std::lock_guard const lock{state_->mutex};
    state_->closed = true;
    while (!state_->queue.empty()) state_->answer(*state_->queue.front(), Turn::refused);
}

Result<HashGate::Permit> HashGate::enter(std::size_t memory_kib, double weight) {
    weight = std::max(weight, least_weight);
    auto const state = state_;  // outlives the gate
    std::unique_lock lock{state->mutex};
    auto now = state->clock.monotonic();
    if (state->queue.empty() && state->fits(memory_kib)) {
        state->admit(memory_kib, weight);
    } else {
        if (state->work_ahead(memory_kib) > state->settings.longest_wait) {
            ++state->counts.refused;
            return Error{errors::busy, "queue full"};
        }
        Waiter self{.memory_kib = memory_kib,
                    .weight = weight,
                    .deadline = now + state->settings.longest_wait,
                    .turn = Turn::waiting,
                    .called = {}};
        state->queue.push_back(&self);
        state->counts.waiting = state->queue.size();
        while (self.turn == Turn::waiting) {
            // Woken by its turn, or to look at the deadline; real time may run apart from the clock's.
            self.called.wait_for(lock, state->settings.longest_wait);
            if (self.turn == Turn::waiting && state->clock.monotonic() >= self.deadline) {
                state->answer(self, Turn::refused);
                state->call_next();
            }
        }
        if (self.turn == Turn::refused) return Error{errors::busy, "waited too long"};
        if (!state->closed) now = state->clock.monotonic();
    }
    lock.unlock();
    return Permit{std::make_unique<Permit::Grant>(state, memory_kib, weight, now)};
}

HashGate::Counts HashGate::counts() const {
    std::lock_guard const lock{state_->mutex};
    return state_->counts;
}

std::chrono::seconds HashGate::retry_after() const {
    std::lock_guard const lock{state_->mutex};
    auto const wait = std::chrono::ceil<std::chrono::seconds>(
        state_->work_ahead(state_->settings.memory_budget_kib / state_->settings.workers));
    return std::max(wait, std::chrono::seconds{1});
}

std::size_t HashGate::memory_budget_kib() const {
    return state_->settings.memory_budget_kib;
}

}  // namespace zephyr::passwords
