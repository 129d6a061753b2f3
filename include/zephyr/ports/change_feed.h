// What other nodes over the same database have changed, so that a node may remember things between requests.
//
// What the feed promises: while current() is true, every change that any node *published* more than a second ago has been handed to the
// handler. It cannot promise that another node was able to publish. So whoever remembers on its word also bounds how long it remembers,
// and asks the database when current() is false.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace zephyr::ports {

class ChangeFeed {
public:
    struct Change {
        std::string topic;
        std::string key;
        bool operator==(Change const&) const = default;
    };
    // Given as the only topic: changes may have been missed (first connection, reconnection, a message nobody understands) or are too
    // many to name. Forget everything.
    static constexpr std::string_view everything = "*";

    using Handler = std::function<void(std::vector<Change> const&)>;

    virtual ~ChangeFeed() = default;
    // Tells every other node the changes of one transaction. To be called after the commit, before the change is acknowledged. Waits no
    // longer than the deadline of one command, and not at all while the server is known to be away. False when it could not be sent.
    // Never throws.
    virtual bool publish(std::vector<Change> const& changes) noexcept = 0;
    // Changes of other nodes, on a thread of the feed; one's own are not repeated. Set it once, before start(). It must not throw.
    virtual void on_message(Handler handler) = 0;
    // Begins to listen.
    virtual void start() = 0;
    // True while a heartbeat of our own, sent at most one second ago, has come back to us.
    virtual bool current() const noexcept = 0;
};

}  // namespace zephyr::ports
