// The gate in front of Argon2: it bounds how many hashes run, how much memory they take and how long callers queue.
//
// One gate per process, shared by everything that hashes a password: sign-in, change, and the dummy work done for
// unknown users. Callers are served in the order they came. What does not fit is refused at once (errors::busy), so a
// flood costs a bounded amount of memory and the people in front still get in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/result.h"

namespace zephyr::passwords {

namespace errors {
// The queue holds as much work as it may, or the caller's turn came after its deadline. Answer 503 with Retry-After.
inline constexpr Failure busy{Kind::unavailable, "passwords.busy"};
}  // namespace errors

struct HashGateSettings {
    std::size_t workers = 0;                          // hashes at once; 0: one per hardware thread
    std::size_t memory_budget_kib = 256 * 1024;       // of all hashes running at once
    std::chrono::milliseconds longest_wait = 2s;      // the queue in time of work, and the deadline of one caller
    std::chrono::milliseconds first_estimate = 20ms;  // of one hash of weight 1, until some were measured
};

class HashGate {
public:
    HashGate(HashGateSettings settings, Clock const& clock);
    // Callers still waiting are refused with errors::busy; permits already given stay good.
    ~HashGate();
    HashGate(HashGate const&) = delete;
    HashGate& operator=(HashGate const&) = delete;

    // The right to run one hash at a time. Given back on destruction.
    class Permit {
    public:
        Permit(Permit&& other) noexcept;
        Permit& operator=(Permit&& other) noexcept;
        Permit(Permit const&) = delete;
        Permit& operator=(Permit const&) = delete;
        ~Permit();

    private:
        friend class HashGate;
        struct Grant;
        explicit Permit(std::unique_ptr<Grant> grant);
        std::unique_ptr<Grant> grant_;
    };

    // Waits for room for a hash of this much memory. `weight` is how much longer than Argon2id with the default
    // parameters it takes, roughly. Fails with errors::busy: at once when the work ahead would take longer than
    // longest_wait, or later when the turn comes after the deadline. A hash larger than the whole budget runs alone.
    Result<Permit> enter(std::size_t memory_kib, double weight = 1);

    struct Counts {
        std::int64_t admitted = 0;  // permits given, ever
        std::int64_t refused = 0;   // errors::busy, ever
        std::size_t running = 0;
        std::size_t waiting = 0;
        std::size_t memory_kib = 0;          // held by running hashes
        std::size_t highest_memory_kib = 0;  // the most ever held at once
    };
    Counts counts() const;
    // What a refused caller should be told to wait: the time of the work ahead, at least a second.
    std::chrono::seconds retry_after() const;
    std::size_t memory_budget_kib() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace zephyr::passwords
