// Requests per client address and route class, by GCRA (the leaky bucket as one time stamp per key).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "zephyr/foundation/clock.h"
#include "zephyr/http/middleware.h"

namespace zephyr::middleware {

namespace errors {
// Too many requests from this address; Retry-After says when.
inline constexpr Failure rate_limited{Kind::limited, "rate_limit.exceeded"};
}  // namespace errors

// `burst` requests at once, refilled evenly so that `burst` more fit each `per`. Zero burst: no limit.
struct RateLimit {
    std::uint32_t burst = 0;
    std::chrono::milliseconds per{std::chrono::minutes{1}};
};

// A bounded table of clients in memory. Full, it forgets the client that has been quiet longest.
class RateLimiter {
public:
    RateLimiter(Clock const& clock, std::size_t capacity = 65536);
    ~RateLimiter();
    RateLimiter(RateLimiter const&) = delete;
    RateLimiter& operator=(RateLimiter const&) = delete;

    // Counts one request. Nothing when it fits; else how long to wait until the next one does. Safe from many threads.
    std::optional<std::chrono::milliseconds> admit(std::string_view key, RateLimit limit);
    std::size_t size() const;

private:
    struct Shard;
    static constexpr std::size_t shards = 16;
    Clock const& clock_;
    std::size_t shard_capacity_;
    std::unique_ptr<Shard[]> shards_;
};

struct RateLimitSettings {
    RateLimit normal{600};                                                     // routes without a class
    std::map<std::string, RateLimit, std::less<>> classes{{"sign-in", {20}}};  // RouteOptions::rate_class
    // Of those, the ones counted for all nodes together where there is a SharedRateLimiter: few and costly requests. A class of a route
    // that runs inline may not be here: it would wait for Redis on the loop.
    std::set<std::string, std::less<>> shared{};
};

class SharedRateLimiter;

// The key is the class and the client's address, an IPv6 one cut to its /64: one customer line has 2^64 addresses.
// Refuses with 429, Retry-After and a problem. A class without a setting of its own has the normal limit. `shared` may be null.
http::Middleware rate_limit(RateLimiter& limiter, RateLimitSettings settings, SharedRateLimiter* shared = nullptr);

// "sign-in 2001:db8:1:2::/64": exposed for tests.
std::string rate_limit_key(std::string_view rate_class, std::string_view client_address);

}  // namespace zephyr::middleware
