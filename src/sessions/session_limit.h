// Who must go, or whether a newcomer is refused: one rule for every store.
#pragma once

#include <vector>

#include "zephyr/sessions/session_store.h"

namespace zephyr::sessions::detail {

struct Held {
    SessionRef ref = SessionRef::trusted({});
    bool pending = false;
};

// `others`: the live sessions of the newcomer's person, oldest first, without the newcomer itself.
SessionStore::Placed make_room(std::vector<Held> const& others, bool newcomer_is_pending, Limit const& limit);

}  // namespace zephyr::sessions::detail
