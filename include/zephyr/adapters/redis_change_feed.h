// Changes of other nodes by Redis' PUBLISH and SUBSCRIBE, on one channel.
//
// A heartbeat of our own goes through Redis and back a few times a second. Redis hands a subscriber its messages in the order in which
// they were published; so when our heartbeat of a moment ago has come back, so has everything published before it.
#pragma once

#include <memory>
#include <string>

#include "zephyr/adapters/redis_client.h"
#include "zephyr/foundation/random.h"
#include "zephyr/ports/change_feed.h"

namespace zephyr::adapters {

class RedisChangeFeed final : public ports::ChangeFeed {
public:
    static constexpr std::string_view channel = "zephyr:changes";
    static constexpr std::chrono::milliseconds between_beats = 200ms;
    static constexpr std::chrono::milliseconds believed_for = 1s;

    // Publishes over `redis`; listens on a connection of its own, made with `settings`. Throws Fault as RedisClient does.
    RedisChangeFeed(ports::Redis& redis, RedisSettings settings, Clock const& clock, Random& random, Log& log);
    ~RedisChangeFeed() override;
    RedisChangeFeed(RedisChangeFeed const&) = delete;
    RedisChangeFeed& operator=(RedisChangeFeed const&) = delete;

    bool publish(std::vector<Change> const& changes) noexcept override;
    void on_message(Handler handler) override;
    void start() override;
    bool current() const noexcept override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::adapters
