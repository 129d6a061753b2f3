// Gives each request an id of ours (UUIDv7), never the client's, and tells the client: X-Request-Id.
#pragma once

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"
#include "zephyr/http/middleware.h"

namespace zephyr::middleware {

http::Middleware request_id(Clock const& clock, Random& random);

}  // namespace zephyr::middleware
