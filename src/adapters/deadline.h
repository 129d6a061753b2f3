// A moment on the monotonic clock by which something must have ended.
#pragma once

#include <algorithm>
#include <chrono>

#include "zephyr/foundation/clock.h"

namespace zephyr::adapters {

class Deadline {
public:
    Deadline(Clock const& clock, std::chrono::milliseconds from_now) : clock_{&clock}, at_{clock.monotonic() + from_now} {}

    // Rounded up, so that a wait for it does not end a moment early and spin. 0 when it has passed.
    std::chrono::milliseconds left() const {
        return std::max(std::chrono::milliseconds{0}, std::chrono::ceil<std::chrono::milliseconds>(at_ - clock_->monotonic()));
    }
    bool passed() const { return left().count() == 0; }
    // The same end or an earlier one.
    Deadline within(std::chrono::milliseconds from_now) const {
        Deadline sooner{*clock_, from_now};
        sooner.at_ = std::min(sooner.at_, at_);
        return sooner;
    }

private:
    Clock const* clock_;
    MonotonicTime at_;
};

}  // namespace zephyr::adapters
