// When each request of an open load is due: fixed by the rate alone, before anything is measured. A server that stalls does not slow the
// schedule down, so what it kept waiting is counted as waiting (no "coordinated omission").
#pragma once

#include <chrono>
#include <cstdint>

namespace zbench {

using Nanoseconds = std::chrono::nanoseconds;

class Schedule {
public:
    // `per_second` requests, evenly spaced, for `length`. The first is due at once.
    Schedule(double per_second, Nanoseconds length) : gap_{1e9 / per_second}, length_{length} {
        total_ = static_cast<std::uint64_t>(per_second * static_cast<double>(length.count()) / 1e9);
    }

    std::uint64_t total() const { return total_; }
    // From the start. Computed from the number, never by adding gaps up: no drift.
    Nanoseconds due(std::uint64_t number) const { return Nanoseconds{static_cast<std::int64_t>(gap_ * static_cast<double>(number))}; }

    // The next request that is due at `now` and not yet taken; nothing when there is none.
    bool take(Nanoseconds now, Nanoseconds& when) {
        if (taken_ >= total_ || due(taken_) > now) return false;
        when = due(taken_++);
        return true;
    }
    // How many are due at `now` but not taken.
    std::uint64_t waiting(Nanoseconds now) const {
        if (now < Nanoseconds::zero()) return 0;
        auto due_by_now = static_cast<std::uint64_t>(static_cast<double>(now.count()) / gap_) + 1;
        if (due_by_now > total_) due_by_now = total_;
        return due_by_now > taken_ ? due_by_now - taken_ : 0;
    }
    std::uint64_t taken() const { return taken_; }
    bool finished() const { return taken_ >= total_; }
    Nanoseconds next() const { return due(taken_); }
    Nanoseconds length() const { return length_; }

private:
    double gap_;
    Nanoseconds length_;
    std::uint64_t total_ = 0;
    std::uint64_t taken_ = 0;
};

}  // namespace zbench
