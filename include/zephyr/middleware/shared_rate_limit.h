// Buckets that all nodes share, in Redis: GCRA in one script, so one round trip, by the server's clock.
//
// Beside the limiter in memory, never instead of it: losing, flushing or restarting Redis then resets nothing that this node counted.
// Addresses do not reach Redis readable: keys are "zephyr:l:" and an HMAC.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "zephyr/foundation/secret.h"
#include "zephyr/middleware/rate_limit.h"
#include "zephyr/ports/redis.h"

namespace zephyr::middleware {

class SharedRateLimiter {
public:
    // `key` is the same on all nodes: Sealer::derive("shared rate limits").
    SharedRateLimiter(ports::Redis& redis, SecretBytes key) : redis_{redis}, key_{std::move(key)} {}

    // Counts one request of `client` (see rate_limit_key). Nothing when it fits, or when Redis can't tell; else how long to wait until
    // the next one does. Waits for Redis no longer than its client's deadline.
    std::optional<std::chrono::milliseconds> admit(std::string_view client, RateLimit limit);

private:
    ports::Redis& redis_;
    SecretBytes key_;
};

}  // namespace zephyr::middleware
