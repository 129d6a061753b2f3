// Time as an argument. Only SystemClock touches the real clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace zephyr {

using namespace std::chrono_literals;

// Wall time, UTC, in milliseconds: the unit every table stores.
using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;
// Time that never jumps, for deadlines and rate limits.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::microseconds>;

class Clock {
public:
    virtual ~Clock() = default;
    virtual TimePoint now() const = 0;
    virtual MonotonicTime monotonic() const = 0;
};

class SystemClock final : public Clock {
public:
    TimePoint now() const override;
    MonotonicTime monotonic() const override;
};

inline std::int64_t to_millis(TimePoint time) { return time.time_since_epoch().count(); }
inline TimePoint from_millis(std::int64_t millis) { return TimePoint{std::chrono::milliseconds{millis}}; }

// RFC 3339 in UTC with milliseconds, such as "2026-11-24T06:59:27.000Z".
std::string to_rfc3339(TimePoint time);

}  // namespace zephyr
