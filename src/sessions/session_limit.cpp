#include "sessions/session_limit.h"

#include <algorithm>

namespace zephyr::sessions::detail {

SessionStore::Placed make_room(std::vector<Held> const& others, bool newcomer_is_pending, Limit const& limit) {
    SessionStore::Placed result;
    if (limit.per_user == 0) return result;
    auto const pending =
        static_cast<std::size_t>(std::count_if(others.begin(), others.end(), [](auto const& held) { return held.pending; }));
    if (limit.when_full == Limit::WhenFull::refuse) {
        result.refused = others.size() - pending >= limit.per_user;
        return result;
    }
    // A pending newcomer displaces its like alone: a password without the second factor signs nobody out.
    auto const counted = newcomer_is_pending ? pending : others.size();
    std::size_t excess = counted >= limit.per_user ? counted - limit.per_user + 1 : 0;
    for (bool const wanted : {true, false}) {
        for (auto const& held : others) {
            if (excess == 0) return result;
            if (held.pending != wanted) continue;
            result.evicted.push_back(held.ref);
            --excess;
        }
    }
    return result;
}

}  // namespace zephyr::sessions::detail
