// refused: an_open_route_must_say_why_at_some_length
#include "zephyr/http/guard.h"

using namespace zephyr::http;

auto const guard = open_to_all("");
