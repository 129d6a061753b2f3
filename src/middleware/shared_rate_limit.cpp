#include "zephyr/middleware/shared_rate_limit.h"

#include <algorithm>

#include "zephyr/crypto/hmac.h"
#include "zephyr/encoding/base64url.h"

namespace zephyr::middleware {

namespace {

using std::chrono::microseconds;

// KEYS[1]: the client's bucket, holding GCRA's theoretical arrival time in microseconds. ARGV: the interval between requests, and the
// time in which an empty bucket fills. Returns how long to wait, 0 when the request fits. A time further ahead than a full bucket comes
// from a clock that was set back: it is cut, or the client would be locked out for as long.
constexpr char script[] =
    "local t = redis.call('TIME') "
    "local now = tonumber(t[1]) * 1000000 + tonumber(t[2]) "
    "local interval = tonumber(ARGV[1]) "
    "local whole = tonumber(ARGV[2]) "
    "local full = tonumber(redis.call('GET', KEYS[1]) or now) or now "
    "if full < now then full = now end "
    "if full > now + whole then full = now + whole end "
    "local over = full + interval - now - whole "
    "if over > 0 then return over end "
    "redis.call('SET', KEYS[1], full + interval, 'PX', math.ceil((full + interval - now) / 1000)) "
    "return 0";

}  // namespace

std::optional<std::chrono::milliseconds> SharedRateLimiter::admit(std::string_view client, RateLimit limit) {
    if (limit.burst == 0) return std::nullopt;
    auto const interval = std::max(microseconds{1}, std::chrono::duration_cast<microseconds>(limit.per) / limit.burst);
    auto const key = "zephyr:l:" + encoding::base64url_encode(crypto::hmac_sha256(key_.reveal(), as_bytes(client)));
    auto const reply = redis_.command(
        {"EVAL", script, "1", key, std::to_string(interval.count()), std::to_string((interval * limit.burst).count())});
    if (!reply.ok() || !reply.value().is_integer() || reply.value().integer <= 0) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(microseconds{reply.value().integer});
}

}  // namespace zephyr::middleware
