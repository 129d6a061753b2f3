#include "zephyr/sessions/session.h"

#include <algorithm>

namespace zephyr::sessions {

bool reaches_aal2(Session const& session) {
    return std::any_of(session.factors.begin(), session.factors.end(),
                       [](Factor const& factor) { return factor.second && factor.name != "email"; });
}

}  // namespace zephyr::sessions
