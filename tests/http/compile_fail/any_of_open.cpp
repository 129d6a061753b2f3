// refused: open_to_all is no alternative: it would open the route
#include "zephyr/http/guard.h"

using namespace zephyr::http;

auto const guard = any_of(require_login, open_to_all("anybody may read it"));
