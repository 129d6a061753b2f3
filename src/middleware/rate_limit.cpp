#include "zephyr/middleware/rate_limit.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <unordered_map>

#include "zephyr/http/trusted_proxies.h"
#include "zephyr/middleware/shared_rate_limit.h"

namespace zephyr::middleware {

namespace {

using std::chrono::microseconds;

}  // namespace

// One part of the table, so that threads rarely wait for each other.
struct RateLimiter::Shard {
    struct Entry {
        std::string key;
        MonotonicTime full_at;  // GCRA's theoretical arrival time: when the bucket would be full again
    };
    std::mutex mutable mutex;
    std::list<Entry> by_use;                                                 // the latest used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> index;  // views into by_use
};

RateLimiter::RateLimiter(Clock const& clock, std::size_t capacity)
    : clock_{clock}, shard_capacity_{std::max<std::size_t>(1, capacity / shards)}, shards_{new Shard[shards]} {}
RateLimiter::~RateLimiter() = default;

std::optional<std::chrono::milliseconds> RateLimiter::admit(std::string_view key, RateLimit limit) {
    if (limit.burst == 0) return std::nullopt;
    auto const now = clock_.monotonic();
    auto const interval = std::max(microseconds{1}, std::chrono::duration_cast<microseconds>(limit.per) / limit.burst);
    auto& shard = shards_[std::hash<std::string_view>{}(key) % shards];

    std::lock_guard const lock{shard.mutex};
    auto found = shard.index.find(key);
    if (found == shard.index.end()) {
        if (shard.index.size() >= shard_capacity_) {
            shard.index.erase(shard.by_use.back().key);
            shard.by_use.pop_back();
        }
        shard.by_use.push_front({std::string{key}, now});
        found = shard.index.emplace(shard.by_use.front().key, shard.by_use.begin()).first;
    } else {
        shard.by_use.splice(shard.by_use.begin(), shard.by_use, found->second);
    }
    auto& entry = *found->second;
    auto const next = std::max(entry.full_at, now) + interval;
    auto const over = next - now - interval * limit.burst;
    if (over > microseconds{0}) return std::chrono::ceil<std::chrono::milliseconds>(over);
    entry.full_at = next;
    return std::nullopt;
}

std::size_t RateLimiter::size() const {
    std::size_t total = 0;
    for (std::size_t i = 0; i < shards; ++i) {
        std::lock_guard const lock{shards_[i].mutex};
        total += shards_[i].index.size();
    }
    return total;
}

std::string rate_limit_key(std::string_view rate_class, std::string_view client_address) {
    std::string key{rate_class};
    key += ' ';
    auto const address = http::IpAddress::parse(client_address);
    if (address && address->is_v6()) return key + address->prefix(64).str() + "/64";
    return key + (address ? address->str() : std::string{client_address});
}

http::Middleware rate_limit(RateLimiter& limiter, RateLimitSettings settings, SharedRateLimiter* shared) {
    return {"rate_limit", [&limiter, shared, settings = std::move(settings)](http::Request& request, http::Next const& next) {
                auto const named = settings.classes.find(request.rate_class);
                bool const has_class = named != settings.classes.end();
                auto const& limit = has_class ? named->second : settings.normal;
                if (limit.burst == 0) return next(request);
                auto const client = rate_limit_key(has_class ? named->first : "default", request.client_address);
                // What this node refuses by itself asks nobody.
                auto wait = limiter.admit(client, limit);
                if (!wait && shared != nullptr && has_class && settings.shared.contains(named->first)) wait = shared->admit(client, limit);
                if (!wait) return next(request);
                return http::render(errors::rate_limited, request.request_id,
                                    std::chrono::ceil<std::chrono::seconds>(*wait));
            }};
}

}  // namespace zephyr::middleware
