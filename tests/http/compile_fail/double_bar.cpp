// refused: guards have no ||: write any_of(a, b) for alternatives
#include "zephyr/http/guard.h"

using namespace zephyr::http;

auto const guard = (require_login || require_role("admin"), 0);
