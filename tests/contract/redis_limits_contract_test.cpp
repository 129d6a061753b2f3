// Limits that all nodes share, over a real Redis.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "testing/databases.h"
#include "testing/header_judge.h"
#include "testing/manual_clock.h"
#include "testing/redis_server.h"
#include "zephyr/adapters/redis_client.h"
#include "zephyr/middleware/shared_rate_limit.h"

namespace zephyr::middleware {
namespace {

using namespace std::chrono_literals;
using testing::RedisServer;

SystemClock const real_clock;
NullLog nobody;

// One node: a connection pool of its own, its own limiter in memory, the same key as every node.
struct Node {
    explicit Node(std::string url) : redis{{.url = SecretText{std::move(url)}, .shortest_pause = 20ms}, real_clock, nobody} {}
    testing::ManualClock clock;
    RateLimiter local{clock};
    adapters::RedisClient redis;
    SharedRateLimiter shared{redis, SecretBytes{Bytes(32, std::byte{7})}};
    http::Middleware layer = rate_limit(local,
                                        {.normal = {1000},
                                         .classes = {{"sign-in", {5, 1h}}, {"cheap", {5, 1h}}},
                                         .shared = {"sign-in"}},
                                        &shared);

    http::Response send(std::string rate_class, std::string address = "192.0.2.1") {
        auto request = testing::request_for(http::Method::post, "/");
        request.rate_class = std::move(rate_class);
        request.client_address = std::move(address);
        return layer.run(request, [](http::Request&) { return http::Response::no_content(); });
    }
};

class SharedLimits : public ::testing::Test {
protected:
    RedisServer server;
    Node here{server.url()};
    Node there{server.url()};

    void wait_for(Node& node) {
        auto const end = real_clock.monotonic() + 10s;
        while (!node.redis.healthy() && real_clock.monotonic() < end) std::this_thread::sleep_for(5ms);
        ASSERT_TRUE(node.redis.healthy());
    }
    void SetUp() override {
        wait_for(here);
        wait_for(there);
    }
};

TEST_F(SharedLimits, one_burst_is_for_all_nodes_together) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ((i % 2 == 0 ? here : there).send("sign-in").status, 204) << i;
    for (auto* node : {&here, &there}) {
        auto const refused = node->send("sign-in");
        EXPECT_EQ(refused.status, 429);
        auto const wait = std::stoi(std::string{refused.headers.get("Retry-After").value()});
        EXPECT_GT(wait, 700);
        EXPECT_LE(wait, 720);  // an hour for five
    }
    EXPECT_EQ(there.send("sign-in", "192.0.2.2").status, 204) << "another client";
    EXPECT_EQ(there.send("cheap").status, 204) << "another class, which stays on its node";
}

TEST_F(SharedLimits, being_refused_does_not_push_the_end_away_and_the_bucket_fills_again) {
    RateLimit const limit{4, 400ms};
    for (int i = 0; i < 4; ++i) ASSERT_EQ(here.shared.admit("a", limit), std::nullopt);
    for (int i = 0; i < 20; ++i) {
        auto const wait = there.shared.admit("a", limit);
        if (wait) {
            EXPECT_LE(*wait, 100ms);
        }
    }
    std::this_thread::sleep_for(500ms);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(there.shared.admit("a", limit), std::nullopt) << "full again, and no more than full";
    EXPECT_NE(here.shared.admit("a", limit), std::nullopt);
}

TEST_F(SharedLimits, exactly_the_burst_passes_when_many_threads_on_two_nodes_race) {
    RateLimit const limit{100, std::chrono::hours{1}};
    std::atomic<int> admitted = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 16; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 20; ++i) admitted += (t % 2 == 0 ? here : there).shared.admit("race", limit) == std::nullopt;
            });
        }
    }
    EXPECT_TRUE(here.redis.healthy() && there.redis.healthy());
    EXPECT_EQ(admitted, 100);
}

TEST_F(SharedLimits, addresses_do_not_stand_in_redis_and_buckets_vanish_by_themselves) {
    ASSERT_EQ(here.send("sign-in", "192.0.2.77").status, 204);
    auto const keys = server.cli({"KEYS", "*"});
    EXPECT_TRUE(keys.starts_with("zephyr:l:")) << keys;
    EXPECT_EQ(keys.find("192.0.2.77"), std::string::npos);
    EXPECT_EQ(keys.find("sign-in"), std::string::npos);
    auto const left = std::stol(server.cli({"PTTL", keys}));
    EXPECT_GT(left, 0);
    EXPECT_LE(left, 721'000) << "no longer than it says anything";
}

TEST_F(SharedLimits, what_a_flush_or_a_restart_forgets_the_node_itself_still_counts) {
    for (int i = 0; i < 5; ++i) ASSERT_EQ(here.send("sign-in").status, 204);
    ASSERT_EQ(server.cli({"FLUSHALL"}), "OK");
    EXPECT_EQ(here.send("sign-in").status, 429);
    server.kill();
    server.start();
    wait_for(here);
    EXPECT_EQ(here.send("sign-in").status, 429);
}

TEST_F(SharedLimits, without_redis_each_node_limits_by_itself_and_nobody_waits_twice) {
    server.kill();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(here.send("sign-in").status, 204);
    EXPECT_EQ(here.send("sign-in").status, 429);
    EXPECT_EQ(there.send("sign-in").status, 204);
    server.start();
    wait_for(there);
    EXPECT_EQ(there.send("sign-in").status, 204);
    EXPECT_NE(server.cli({"KEYS", "*"}), "") << "shared again";
}

TEST_F(SharedLimits, a_redis_that_hangs_holds_up_one_request_for_one_deadline) {
    server.pause();
    auto const began = real_clock.monotonic();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(here.send("sign-in").status, 204);
    EXPECT_LT(real_clock.monotonic() - began, 1500ms);
    server.resume();
}

// Only what is named waits for Redis: not the default class, and not what this node refuses by itself.
TEST_F(SharedLimits, other_requests_never_ask_redis) {
    auto const asked = [&] { return server.cli({"INFO", "commandstats"}).find("cmdstat_eval:") != std::string::npos; };
    for (int i = 0; i < 20; ++i) {
        here.send("");
        here.send("cheap");
        here.send("unknown");
    }
    EXPECT_FALSE(asked());
    here.send("sign-in");
    EXPECT_TRUE(asked());
    for (int i = 0; i < 4; ++i) here.send("sign-in");
    auto const before = server.cli({"INFO", "commandstats"});
    for (int i = 0; i < 50; ++i) EXPECT_EQ(here.send("sign-in").status, 429);
    auto const calls = [](std::string const& info) { return std::stoi(info.substr(info.find("cmdstat_eval:calls=") + 19)); };
    EXPECT_EQ(calls(server.cli({"INFO", "commandstats"})), calls(before));
}

TEST_F(SharedLimits, a_bucket_from_a_clock_that_was_ahead_locks_nobody_out_for_longer_than_it_could_fill) {
    RateLimit const limit{5, 1h};
    ASSERT_EQ(here.shared.admit("a", limit), std::nullopt);
    auto const key = server.cli({"KEYS", "*"});
    ASSERT_EQ(server.cli({"SET", key, "9000000000000000"}), "OK");  // in the year 2255
    auto const wait = here.shared.admit("a", limit);
    ASSERT_TRUE(wait);
    EXPECT_LE(*wait, 12min);  // the time for one of five an hour
    for (auto const* rubbish : {"", "x", "-1", "1e400", "nan"}) {
        ASSERT_EQ(server.cli({"SET", key, rubbish}), "OK");
        auto const said = here.shared.admit("a", limit);
        if (said) {
            EXPECT_LE(*said, 1h) << rubbish;
        }
    }
    ASSERT_EQ(server.cli({"DEL", key}), "1");
    ASSERT_EQ(server.cli({"LPUSH", key, "x"}), "1");
    EXPECT_EQ(here.shared.admit("a", limit), std::nullopt) << "Redis can't tell; this node's own limit stands";
}

}  // namespace
}  // namespace zephyr::middleware
