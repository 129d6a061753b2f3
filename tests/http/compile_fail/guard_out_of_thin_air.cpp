// refused: private
#include "zephyr/http/guard.h"

using namespace zephyr::http;

Guard<Proves::principal> const guard{Demand{}};
