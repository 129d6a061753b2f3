// refused: open_to_all stands alone
#include "zephyr/http/guard.h"

using namespace zephyr::http;

auto const guard = open_to_all("anybody may read it") | require_login;
