// One structured line per request: method, route pattern, status, microseconds, request id. No path, query, address or
// name: those may be personal data or hold secrets.
#pragma once

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/http/middleware.h"

namespace zephyr::middleware {

// Answers of 500 and above are warnings, the rest info.
http::Middleware access_log(Clock const& clock, Log& log);

}  // namespace zephyr::middleware
