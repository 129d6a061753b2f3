#include "zephyr/middleware/rate_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "testing/header_judge.h"
#include "testing/manual_clock.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;
using namespace std::chrono_literals;

class RateLimitTest : public ::testing::Test {
protected:
    ManualClock clock;
    RateLimiter limiter{clock};
};

TEST_F(RateLimitTest, admits_a_burst_and_then_one_per_interval) {
    RateLimit const limit{3, 60s};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.admit("a", limit), std::nullopt) << i;
    EXPECT_EQ(limiter.admit("a", limit), 20s);
    clock.advance(19'999ms);
    EXPECT_EQ(limiter.admit("a", limit), 1ms);
    clock.advance(1ms);
    EXPECT_EQ(limiter.admit("a", limit), std::nullopt);
    EXPECT_EQ(limiter.admit("a", limit), 20s);
    clock.advance(std::chrono::hours{1});  // a bucket that is full does not overflow into a larger burst
    for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.admit("a", limit), std::nullopt) << i;
    EXPECT_NE(limiter.admit("a", limit), std::nullopt);
}

TEST_F(RateLimitTest, does_not_punish_asking_while_refused) {
    RateLimit const limit{1, 10s};
    EXPECT_EQ(limiter.admit("a", limit), std::nullopt);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.admit("a", limit), 10s);
    clock.advance(10s);
    EXPECT_EQ(limiter.admit("a", limit), std::nullopt);
}

TEST_F(RateLimitTest, is_not_reset_by_setting_the_wall_clock) {
    RateLimit const limit{1, 60s};
    EXPECT_EQ(limiter.admit("a", limit), std::nullopt);
    clock.jump_to(clock.now() + std::chrono::hours{24});
    EXPECT_EQ(limiter.admit("a", limit), 60s);
    clock.jump_to(clock.now() - std::chrono::hours{48});
    EXPECT_EQ(limiter.admit("a", limit), 60s);
}

TEST_F(RateLimitTest, counts_each_client_alone) {
    RateLimit const limit{1, 60s};
    EXPECT_EQ(limiter.admit("a", limit), std::nullopt);
    EXPECT_EQ(limiter.admit("b", limit), std::nullopt);
    EXPECT_NE(limiter.admit("a", limit), std::nullopt);
}

TEST_F(RateLimitTest, admits_everything_without_a_limit) {
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.admit("a", {}), std::nullopt);
    EXPECT_EQ(limiter.size(), 0u);
}

TEST_F(RateLimitTest, stays_within_its_table_and_forgets_the_quietest) {
    RateLimiter small{clock, 160};  // ten a shard
    RateLimit const limit{1, std::chrono::hours{1}};
    EXPECT_EQ(small.admit("busy", limit), std::nullopt);
    for (int i = 0; i < 100'000; ++i) {
        static_cast<void>(small.admit("stranger " + std::to_string(i), limit));
        EXPECT_NE(small.admit("busy", limit), std::nullopt);
    }
    EXPECT_LE(small.size(), 160u);
}

TEST_F(RateLimitTest, lets_exactly_the_burst_through_when_many_threads_race) {
    RateLimit const limit{100, std::chrono::hours{1}};
    std::atomic<int> admitted{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 16; ++i) {
            threads.emplace_back([&] {
                for (int j = 0; j < 50; ++j) admitted += limiter.admit("a", limit) == std::nullopt;
            });
        }
    }
    EXPECT_EQ(admitted, 100);
}

TEST_F(RateLimitTest, takes_an_ipv6_customer_for_one_client) {
    EXPECT_EQ(rate_limit_key("sign-in", "2001:db8:1:2:3:4:5:6"), "sign-in 2001:db8:1:2::/64");
    EXPECT_EQ(rate_limit_key("sign-in", "2001:DB8:1:2:ffff::"), "sign-in 2001:db8:1:2::/64");
    EXPECT_NE(rate_limit_key("sign-in", "2001:db8:1:3::1"), rate_limit_key("sign-in", "2001:db8:1:2::1"));
    EXPECT_EQ(rate_limit_key("sign-in", "192.0.2.1"), "sign-in 192.0.2.1");
    EXPECT_EQ(rate_limit_key("sign-in", "::ffff:192.0.2.1"), "sign-in 192.0.2.1");
}

TEST_F(RateLimitTest, answers_429_with_the_time_to_wait) {
    auto const layer = rate_limit(limiter, {.normal = {100}, .classes = {{"sign-in", {1, 90s}}}});
    auto const send = [&](std::string rate_class, std::string address) {
        auto request = request_for(http::Method::post, "/");
        request.rate_class = std::move(rate_class);
        request.client_address = std::move(address);
        return layer.run(request, [](http::Request&) { return http::Response::no_content(); });
    };
    EXPECT_EQ(send("sign-in", "2001:db8::1").status, 204);
    clock.advance(500ms);
    auto const refused = send("sign-in", "2001:db8::2");
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.headers.get("Retry-After"), "90");
    EXPECT_EQ(encoding::parse_json(refused.body).value().string_at("id"), "rate_limit.exceeded");
    // Another class and another client are other buckets; an unknown class shares the normal one.
    EXPECT_EQ(send("", "2001:db8::2").status, 204);
    EXPECT_EQ(send("sign-in", "192.0.2.1").status, 204);
    for (int i = 0; i < 99; ++i) EXPECT_EQ(send("unknown", "2001:db8::2").status, 204);
    EXPECT_EQ(send("", "2001:db8::2").status, 429);
}

}  // namespace
}  // namespace zephyr::middleware
