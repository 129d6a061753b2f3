// A clock that moves when a test says so. Safe to read from many threads.
#pragma once

#include <atomic>

#include "zephyr/foundation/clock.h"

namespace zephyr::testing {

class ManualClock final : public Clock {
public:
    // 2026-01-01T00:00:00Z unless told otherwise.
    explicit ManualClock(TimePoint start = from_millis(1'767'225'600'000)) : millis_{to_millis(start)} {}

    TimePoint now() const override { return from_millis(millis_.load()); }
    MonotonicTime monotonic() const override { return MonotonicTime{std::chrono::microseconds{monotonic_.load()}}; }

    void advance(std::chrono::milliseconds by) {
        millis_ += by.count();
        monotonic_ += by.count() * 1000;
    }
    // The wall clock alone, as when an operator or NTP sets it.
    void jump_to(TimePoint to) { millis_ = to_millis(to); }

private:
    std::atomic<std::int64_t> millis_;
    std::atomic<std::int64_t> monotonic_{1'000'000'000};
};

}  // namespace zephyr::testing
