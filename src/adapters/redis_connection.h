// One connection that speaks RESP 2: what is asked goes out with every argument's length in front, so no byte in it can be taken for
// protocol; what comes back is bounded.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/redis_stream.h"
#include "zephyr/adapters/redis_client.h"
#include "zephyr/ports/redis.h"

struct redisReader;

namespace zephyr::adapters {

// Where to connect and how to introduce ourselves; shared by all connections of a client.
struct RedisTarget {
    // Throws Fault for a malformed address or an unusable CA file.
    explicit RedisTarget(RedisSettings const& settings);

    RedisAddress address;
    std::unique_ptr<TlsClient> tls;  // null: plain
    std::size_t max_reply_bytes;
};

std::string encode_command(std::vector<std::string> const& arguments);

class RedisConnection {
public:
    // Tries the addresses in turn, then AUTH and SELECT. Fails with redis_unavailable.
    static Result<std::unique_ptr<RedisConnection>> open(RedisTarget const& target, std::vector<SocketAddress> const& addresses,
                                                         Deadline const& deadline);

    // After a failure the connection is good for nothing: an answer might still come.
    Result<ports::RedisReply> ask(std::vector<std::string> const& arguments, Deadline const& deadline);
    Result<void> send(std::vector<std::string> const& arguments, Deadline const& deadline);
    // The next reply; nothing when none was complete in time. Asking again goes on where it stopped.
    Result<std::optional<ports::RedisReply>> receive(Deadline const& deadline);
    bool quiet(Deadline const& deadline) { return stream_->quiet(deadline); }

private:
    struct ReaderDeleter {
        void operator()(redisReader* reader) const;
    };
    RedisConnection(std::unique_ptr<RedisStream> stream, std::size_t max_reply_bytes);
    Result<void> introduce(RedisAddress const& address, Deadline const& deadline);

    std::unique_ptr<RedisStream> stream_;
    std::unique_ptr<redisReader, ReaderDeleter> reader_;
    std::size_t max_reply_bytes_;
    std::size_t received_ = 0;  // since the last whole reply
};

}  // namespace zephyr::adapters
