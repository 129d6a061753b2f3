// Two nodes over one PostgreSQL and one Redis: what is acknowledged on one is true on the other.
#include <gtest/gtest.h>

#include <thread>

#include "testing/app/test_app.h"
#include "testing/databases.h"
#include "testing/redis_server.h"
#include "zephyr/foundation/fault.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::TestApp;

class TwoNodes : public ::testing::Test {
protected:
    testing::RedisServer redis;
    std::string uri = testing::PostgresServer::instance().fresh_database();
    SystemClock real_clock;

    std::unique_ptr<TestApp> node(config::Settings const& settings) {
        auto database = storage::open_postgres({.uri = uri});
        testing::apply_source_migrations(*database);
        auto opened = std::make_unique<TestApp>(settings, std::move(database), ++nodes_);
        EXPECT_TRUE(soon([&] { return !opened->stack.redis || opened->stack.redis->healthy(); }));
        return opened;
    }
    config::Settings settings(config::SessionPlace place) {
        auto chosen = TestApp::settings();
        chosen.sessions.store = place;
        chosen.redis.url = SecretText{redis.url()};
        return chosen;
    }
    template <class F>
    bool soon(F condition, std::chrono::milliseconds within = 10s) {
        auto const end = real_clock.monotonic() + within;
        while (real_clock.monotonic() < end) {
            if (condition()) return true;
            std::this_thread::sleep_for(2ms);
        }
        return condition();
    }

private:
    std::uint64_t nodes_ = 0;
};

class TwoNodesEachStore : public TwoNodes, public ::testing::WithParamInterface<config::SessionPlace> {};

TEST_P(TwoNodesEachStore, what_one_node_begins_the_other_continues_and_ends_at_once) {
    auto const here = node(settings(GetParam()));
    auto const there = node(settings(GetParam()));
    auto const alice = here->add_user("alice");

    Client at_here{*here};
    ASSERT_EQ(at_here.log_in("alice").status(), 200);
    EXPECT_LT(at_here.session_cookie().size() + std::string{"__Host-zephyr_session="}.size(), 4096u);
    Client at_there{*there};
    at_there.cookies() = at_here.cookies();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(at_here.get("/auth/me").status(), 200);
        EXPECT_EQ(at_there.get("/auth/me").status(), 200);
    }
    ASSERT_EQ(at_there.post("/auth/logout").status(), 200);
    EXPECT_EQ(at_here.get("/auth/me").status(), 401);
    EXPECT_EQ(Client{*there}.get("/auth/me").status(), 401);

    // A second factor proved there rotates the token; the old one is dead here, its copies too.
    auto const secret = here->enrol(alice);
    there->clock.advance(30s);
    Client pending{*here};
    ASSERT_EQ(pending.log_in("alice").status(), 200);
    ASSERT_EQ(pending.get("/auth/me").status(), 403);
    Client completing{*there};
    completing.cookies() = pending.cookies();
    ASSERT_EQ(completing.post("/auth/mfa/totp/verify", Json::object({{"code", there->code_for(secret)}})).status(), 200);
    EXPECT_EQ(completing.get("/auth/me").status(), 200);
    EXPECT_EQ(pending.get("/auth/me").status(), 401) << "the token from before the second factor";
    Client complete_here{*here};
    complete_here.cookies() = completing.cookies();
    EXPECT_EQ(complete_here.get("/auth/me").status(), 200);

    // Everything of hers ends there; nothing of hers opens here, with Redis alive, away or restored.
    ASSERT_EQ(redis.cli({"SAVE"}), "OK");
    EXPECT_GE(there->stack.sessions.end_all(alice.id, std::nullopt, audit::Actor::operator_cli(), {}, "test"), 1u);
    EXPECT_EQ(complete_here.get("/auth/me").status(), 401);
    EXPECT_EQ(completing.get("/auth/me").status(), 401);
    redis.kill();
    EXPECT_EQ(complete_here.get("/auth/me").status(), 401);
    redis.start();
    ASSERT_TRUE(soon([&] { return here->stack.redis->healthy(); }));
    EXPECT_EQ(complete_here.get("/auth/me").status(), 401);
}

TEST_P(TwoNodesEachStore, without_redis_people_sign_in_and_out_as_ever_and_no_request_waits_for_long) {
    auto const here = node(settings(GetParam()));
    here->add_user("bob");
    redis.pause();
    auto const began = real_clock.monotonic();
    Client client{*here};
    ASSERT_EQ(client.log_in("bob").status(), 200);
    for (int i = 0; i < 50; ++i) ASSERT_EQ(client.get("/auth/me").status(), 200);
    ASSERT_EQ(client.post("/auth/logout").status(), 200);
    EXPECT_EQ(client.get("/auth/me").status(), 401);
    EXPECT_LT(real_clock.monotonic() - began, 3s);
    redis.resume();
}

INSTANTIATE_TEST_SUITE_P(Stores, TwoNodesEachStore,
                         ::testing::Values(config::SessionPlace::database, config::SessionPlace::redis, config::SessionPlace::cookie),
                         [](auto const& place) {
                             switch (place.param) {
                                 case config::SessionPlace::redis: return "redis";
                                 case config::SessionPlace::cookie: return "cookie";
                                 default: return "database";
                             }
                         });

TEST_F(TwoNodes, an_altered_or_foreign_cookie_is_nobody_and_clears_nothing) {
    auto const here = node(settings(config::SessionPlace::cookie));
    here->add_user("alice");
    here->add_user("bob");
    Client alice{*here};
    Client bob{*here};
    ASSERT_EQ(alice.log_in("alice").status(), 200);
    ASSERT_EQ(bob.log_in("bob").status(), 200);
    auto const hers = alice.session_cookie();
    auto const his = bob.session_cookie();
    ASSERT_EQ(hers[43], '.');
    for (auto const& forged : {hers.substr(0, 43), hers.substr(0, 44), hers.substr(0, 44) + his.substr(44),
                               his.substr(0, 43) + hers.substr(43), hers + "A", hers + "." + his, hers.substr(1), std::string{"."} + hers.substr(44)}) {
        Client client{*here};
        client.cookies()["zephyr_session"] = forged;
        EXPECT_EQ(client.get("/auth/me").status(), 401) << forged;
    }
    EXPECT_EQ(alice.get("/auth/me").json().string_at("username"), "alice");
}

TEST_F(TwoNodes, with_bounded_memory_a_logout_elsewhere_counts_within_a_second) {
    auto chosen = settings(config::SessionPlace::database);
    chosen.cache.other_nodes = config::OtherNodes::bounded;
    auto const here = node(chosen);
    auto const there = node(chosen);
    here->add_user("alice");
    ASSERT_TRUE(soon([&] { return here->stack.change_feed->current() && there->stack.change_feed->current(); }));

    Client at_here{*here};
    ASSERT_EQ(at_here.log_in("alice").status(), 200);
    Client at_there{*there};
    at_there.cookies() = at_here.cookies();
    ASSERT_EQ(at_there.get("/auth/me").status(), 200);
    auto const hits = there->stack.holder_cache.counts().hits;
    for (int i = 0; i < 5; ++i) ASSERT_EQ(at_there.get("/auth/me").status(), 200);
    ASSERT_GT(there->stack.holder_cache.counts().hits, hits) << "it does answer from memory";

    ASSERT_EQ(at_here.post("/auth/logout").status(), 200);
    EXPECT_EQ(at_here.get("/auth/me").status(), 401) << "at once where it was done";
    EXPECT_TRUE(soon([&] { return at_there.get("/auth/me").status() == 401; }, 1s));
}

TEST_F(TwoNodes, with_redis_gone_nothing_is_believed_from_memory_for_longer_than_a_second) {
    auto chosen = settings(config::SessionPlace::database);
    chosen.cache.other_nodes = config::OtherNodes::bounded;
    auto const here = node(chosen);
    auto const there = node(chosen);
    here->add_user("alice");
    ASSERT_TRUE(soon([&] { return there->stack.change_feed->current(); }));
    Client at_here{*here};
    ASSERT_EQ(at_here.log_in("alice").status(), 200);
    Client at_there{*there};
    at_there.cookies() = at_here.cookies();
    ASSERT_EQ(at_there.get("/auth/me").status(), 200);

    redis.kill();
    ASSERT_EQ(at_here.post("/auth/logout").status(), 200) << "acknowledged though it can be told to nobody";
    here->clock.advance(1001ms);
    there->clock.advance(1001ms);
    EXPECT_EQ(at_there.get("/auth/me").status(), 401);
}

TEST_F(TwoNodes, sign_in_attempts_of_one_address_count_on_both) {
    auto chosen = settings(config::SessionPlace::database);
    chosen.limits.sign_in_per_minute = 1;
    chosen.limits.sign_in_burst = 4;
    auto const here = node(chosen);
    auto const there = node(chosen);
    Client at_here{*here};
    Client at_there{*there};
    for (int i = 0; i < 4; ++i) EXPECT_EQ((i % 2 == 0 ? at_here : at_there).log_in("nobody", "wrong password").status(), 401);
    EXPECT_EQ(at_here.log_in("nobody", "wrong password").status(), 429);
    EXPECT_EQ(at_there.log_in("nobody", "wrong password").status(), 429);
}

// docs/guides/operate.md names these rights.
TEST_F(TwoNodes, a_redis_user_with_few_rights_is_enough) {
    ASSERT_EQ(redis.cli({"ACL", "SETUSER", "zephyr", "on", ">pass", "~zephyr:*", "&zephyr:*", "-@all", "+auth", "+select", "+ping", "+get",
                         "+mget", "+set", "+getrange", "+eval", "+time", "+publish", "+subscribe"}),
              "OK");
    auto chosen = settings(config::SessionPlace::redis);
    chosen.redis.url = SecretText{"redis://zephyr:pass@127.0.0.1:" + std::to_string(redis.port()) + "/0"};
    chosen.cache.other_nodes = config::OtherNodes::bounded;
    chosen.limits.sign_in_per_minute = 10;
    chosen.limits.sign_in_burst = 4;
    auto const here = node(chosen);
    auto const alice = here->add_user("alice");
    Client client{*here};
    ASSERT_EQ(client.log_in("alice").status(), 200);
    ASSERT_EQ(client.get("/auth/me").status(), 200);
    here->clock.advance(2min);
    ASSERT_EQ(client.get("/auth/me").status(), 200);
    EXPECT_EQ(here->stack.sessions.list(alice.id).front().last_seen_at, here->clock.now());
    EXPECT_TRUE(soon([&] { return here->stack.change_feed->current(); }));
    auto const keys = redis.cli({"KEYS", "*"});
    EXPECT_NE(keys.find("zephyr:s:"), std::string::npos) << keys;
    EXPECT_NE(keys.find("zephyr:l:"), std::string::npos) << keys;
    EXPECT_EQ(redis.cli({"INFO", "errorstats"}).find("NOPERM"), std::string::npos);
}

TEST_F(TwoNodes, redis_over_tls_is_believed_by_the_authority_in_the_settings_alone) {
    testing::RedisServer tls{{.password = "p@ss:/", .tls = true}};
    auto chosen = settings(config::SessionPlace::redis);
    auto url = tls.tls_url();
    url.replace(url.find("p@ss:/"), 6, "p%40ss%3A%2F");
    chosen.redis.url = SecretText{url};
    chosen.redis.ca_file = tls.authority().string();
    auto const here = node(chosen);
    here->add_user("alice");
    Client client{*here};
    ASSERT_EQ(client.log_in("alice").status(), 200);
    ASSERT_EQ(client.get("/auth/me").status(), 200);
    EXPECT_NE(tls.cli({"KEYS", "*"}).find("zephyr:s:"), std::string::npos);

    testing::RedisServer stranger{{.tls = true}};
    chosen.redis.url = SecretText{stranger.tls_url()};
    auto database = storage::open_postgres({.uri = uri});
    TestApp there{chosen, std::move(database), 9};
    Client at_there{there};
    at_there.cookies() = client.cookies();
    EXPECT_EQ(at_there.get("/auth/me").status(), 200) << "from the database";
    EXPECT_FALSE(there.stack.redis->healthy());
    EXPECT_EQ(stranger.cli({"DBSIZE"}), "0");
}

TEST_F(TwoNodes, a_wrong_redis_address_stops_the_start) {
    auto chosen = settings(config::SessionPlace::redis);
    chosen.redis.url = SecretText{std::string{"redis://"}};
    EXPECT_THROW(node(chosen), Fault);
}

}  // namespace
}  // namespace zephyr
