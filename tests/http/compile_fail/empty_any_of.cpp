// refused: any_of needs at least one guard
#include "zephyr/http/guard.h"

using namespace zephyr::http;

auto const guard = any_of();
