// A Redis server as rooms see it: one command, one answer, and a quick no when it is away.
//
// Nothing may depend on Redis alone: what it holds can vanish or be old at any moment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "zephyr/foundation/result.h"

namespace zephyr::ports {

namespace errors {
// Redis cannot be reached, is too slow, or broke the protocol. Callers go on without it.
inline constexpr Failure redis_unavailable{Kind::unavailable, "redis.unavailable"};
}  // namespace errors

struct RedisReply {
    enum class Type { nil, integer, text, array, error };
    Type type = Type::nil;
    std::int64_t integer = 0;
    std::string text;  // any bytes; of an error, its message
    std::vector<RedisReply> items;

    bool is_nil() const { return type == Type::nil; }
    bool is_integer() const { return type == Type::integer; }
    bool is_text() const { return type == Type::text; }
    bool is_array() const { return type == Type::array; }
    bool is_error() const { return type == Type::error; }
};

class Redis {
public:
    virtual ~Redis() = default;
    // Sends one command and waits for its answer, within the deadline the client was made with. Arguments may hold any bytes: each
    // travels with its length. An error of the server is a reply of type error; everything else that goes wrong is redis_unavailable.
    // Safe from many threads. Inside a database transaction it holds up the writers for as long.
    virtual Result<RedisReply> command(std::vector<std::string> const& arguments) = 0;
    // False while commands fail at once because the server was found dead; it is asked again in the background.
    virtual bool healthy() const = 0;
};

}  // namespace zephyr::ports
