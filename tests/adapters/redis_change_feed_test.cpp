#include "zephyr/adapters/redis_change_feed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include "testing/redis_server.h"
#include "testing/scripted_random.h"

namespace zephyr::adapters {
namespace {

using namespace std::chrono_literals;
using testing::RedisServer;

SystemClock const clock_;
NullLog nobody;

// One node: its client, its feed and what it heard.
class Node {
public:
    Node(std::string const& url, std::uint64_t seed)
        : settings_{.url = SecretText{url}, .shortest_pause = 20ms, .longest_pause = 200ms},
          random_{seed},
          client_{settings_, clock_, nobody},
          feed{client_, settings_, clock_, random_, nobody} {
        feed.on_message([this](std::vector<ports::ChangeFeed::Change> const& changes) {
            std::lock_guard const lock{mutex_};
            for (auto const& change : changes) heard_.push_back(change.topic + " " + change.key);
        });
        feed.start();
    }

    std::vector<std::string> heard() {
        std::lock_guard const lock{mutex_};
        return heard_;
    }
    std::size_t times(std::string const& what) {
        auto const all = heard();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), what));
    }

private:
    RedisSettings settings_;
    testing::ScriptedRandom random_;
    RedisClient client_;
    std::mutex mutex_;
    std::vector<std::string> heard_;

public:
    RedisChangeFeed feed;
};

template <class F>
bool soon(F condition, std::chrono::milliseconds within = 5s) {
    auto const end = clock_.monotonic() + within;
    while (clock_.monotonic() < end) {
        if (condition()) return true;
        std::this_thread::sleep_for(2ms);
    }
    return condition();
}

class RedisChangeFeedTest : public ::testing::Test {
protected:
    RedisServer server;
    Node here{server.url(), 1};
    Node there{server.url(), 2};
    void SetUp() override {
        ASSERT_TRUE(soon([&] { return here.feed.current() && there.feed.current(); }));
    }
};

TEST_F(RedisChangeFeedTest, a_change_reaches_the_other_node_and_not_the_one_that_made_it) {
    std::string const odd = "key with \r\n \"quotes\" and \x01";
    EXPECT_TRUE(here.feed.publish({{"session", odd}}));
    ASSERT_TRUE(soon([&] { return there.times("session " + odd) == 1; }));
    EXPECT_EQ(here.times("session " + odd), 0u);
}

TEST_F(RedisChangeFeedTest, before_it_is_current_a_feed_says_that_something_may_have_been_missed) {
    EXPECT_EQ(here.heard().front(), "* ");
    Node late{server.url(), 3};
    ASSERT_TRUE(soon([&] { return late.feed.current(); }));
    EXPECT_EQ(late.heard().front(), "* ");
}

TEST_F(RedisChangeFeedTest, a_thousand_changes_arrive_in_order) {
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(here.feed.publish({{"n", std::to_string(i)}}));
    ASSERT_TRUE(soon([&] { return there.times("n 999") == 1; }));
    auto heard = there.heard();
    std::erase_if(heard, [](auto const& line) { return !line.starts_with("n "); });
    ASSERT_EQ(heard.size(), 1000u);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(heard[static_cast<std::size_t>(i)], "n " + std::to_string(i));
}

TEST_F(RedisChangeFeedTest, very_many_changes_at_once_mean_forget_everything) {
    auto const before = there.times("* ");
    EXPECT_TRUE(here.feed.publish(std::vector<ports::ChangeFeed::Change>(100'000, {"session", "x"})));
    EXPECT_TRUE(soon([&] { return there.times("* ") == before + 1; }));
    EXPECT_EQ(there.times("session x"), 0u);
}

TEST_F(RedisChangeFeedTest, a_message_nobody_understands_means_forget_everything) {
    auto const before = there.times("* ");
    for (auto const* words : {"not json", "{}", R"({"from":"x","changes":[["session"]]})", R"({"from":1,"changes":[]})"}) {
        ASSERT_NE(server.cli({"PUBLISH", "zephyr:changes", words}), "0");
    }
    EXPECT_TRUE(soon([&] { return there.times("* ") == before + 4; }));
}

TEST_F(RedisChangeFeedTest, a_lost_server_is_noticed_within_a_second_and_the_gap_is_reported_when_it_is_back) {
    server.kill();
    EXPECT_FALSE(here.feed.publish({{"session", "lost"}}));
    ASSERT_TRUE(soon([&] { return !there.feed.current(); }, 1500ms));
    auto const before = there.times("* ");
    server.start();
    ASSERT_TRUE(soon([&] { return there.feed.current() && here.feed.current(); }, 10s));
    EXPECT_GT(there.times("* "), before) << "said before current() turns true again";
    ASSERT_TRUE(soon([&] { return here.feed.publish({{"session", "after"}, {"user", "too"}}); }));
    EXPECT_TRUE(soon([&] { return there.times("session after") == 1 && there.times("user too") == 1; }));
}

TEST_F(RedisChangeFeedTest, a_server_that_hangs_makes_it_not_current_though_the_connection_stands) {
    server.pause();
    ASSERT_TRUE(soon([&] { return !there.feed.current(); }, 2500ms));
    server.resume();
    EXPECT_TRUE(soon([&] { return there.feed.current(); }, 10s));
}

// A second Zephyr's heartbeats, or a forged one, are not ours.
TEST_F(RedisChangeFeedTest, only_its_own_heartbeat_keeps_it_current) {
    std::atomic<bool> stop = false;
    std::jthread forger{[&] {
        while (!stop) server.cli({"PUBLISH", "zephyr:changes", R"({"from":"0000000000000000","beat":9000000000000000000})"});
    }};
    std::this_thread::sleep_for(100ms);
    stop = true;
    forger.join();
    server.kill();
    EXPECT_TRUE(soon([&] { return !there.feed.current(); }, 1500ms));
}

}  // namespace
}  // namespace zephyr::adapters
