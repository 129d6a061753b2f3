// refused: guards have no &&: write a | b for both
#include "zephyr/http/guard.h"

using namespace zephyr::http;

auto const guard = (require_login && require_role("admin"), 0);
