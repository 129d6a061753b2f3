// A Standing in one block of memory: a hundred thousand of them are kept, and a dozen strings each would be most of it.
#pragma once

#include <cstdint>
#include <string>

#include "zephyr/guards/holder_cache.h"

namespace zephyr::guards {

class Packed {
public:
    explicit Packed(Standing const& standing);
    // What was packed, but for the session's last_seen_at, address and user agent, and `rests_on`.
    Standing unpack() const;

private:
    static constexpr std::int64_t never = INT64_MIN;
    std::string texts_;  // each behind its length; then the factors
    std::int64_t created_at_;
    std::int64_t expires_at_;
    std::int64_t from_;
    std::int64_t until_;
    std::int64_t account_expires_at_;
    std::int64_t account_locked_until_;
    users::UserState account_state_;
    bool remembered_;
};

}  // namespace zephyr::guards
