// A Redis server over sockets of our own, plain or TLS, with hiredis' parser for the answers (Debian's hiredis 0.14 has no TLS).
//
// Every command ends within `deadline`, whatever happens: waiting for a connection, connecting, the TLS handshake, AUTH, the command.
// One failure makes every other command fail at once until a background thread has reached the server again (a circuit breaker whose
// half-open probe is nobody's request): a dead server costs one deadline, not every request.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/ports/redis.h"

namespace zephyr::adapters {

namespace errors {
// Not redis:// or rediss:// with a host, perhaps user, password, port and database number.
inline constexpr Failure redis_url_malformed{Kind::invalid, "redis.url_malformed"};
}  // namespace errors

// redis[s]://[[user]:password@]host[:port][/database]. User and password are percent-decoded; rediss means TLS.
struct RedisAddress {
    std::string host;  // a name, or an IP address without brackets
    std::uint16_t port = 6379;
    bool tls = false;
    std::string user;
    SecretText password;
    int database = 0;
};
Result<RedisAddress> parse_redis_url(std::string_view url);

struct RedisSettings {
    SecretText url;
    std::string ca_file;  // PEM; empty: the system's authorities. Used with rediss:// alone
    std::chrono::milliseconds deadline = 250ms;
    std::size_t connections = 16;
    std::size_t max_reply_bytes = 1 << 20;
    std::chrono::milliseconds shortest_pause = 100ms;  // before the server is tried again; doubles up to the longest
    std::chrono::milliseconds longest_pause = 2s;
};

class RedisClient final : public ports::Redis {
public:
    // Connects in the background; the first commands wait for that, within their deadline. Throws Fault for a malformed address or an
    // unusable CA file. The log hears when the server is lost and found.
    RedisClient(RedisSettings settings, Clock const& clock, Log& log);
    ~RedisClient() override;
    RedisClient(RedisClient const&) = delete;
    RedisClient& operator=(RedisClient const&) = delete;

    Result<ports::RedisReply> command(std::vector<std::string> const& arguments) override;
    bool healthy() const override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::adapters
