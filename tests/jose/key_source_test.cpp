#include "zephyr/jose/key_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "jose_fixture.h"
#include "testing/manual_clock.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::jose {
namespace {

using namespace testing;

SigningJwk const& second_key() {
    static SigningJwk const key{crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256), "ec-2"};
    return key;
}

// The issuer at the other end of the port; tests/contract has a real one behind real HTTP.
class Issuer final : public ports::HttpClient {
public:
    std::atomic<int> requests{0};
    std::function<Result<ports::HttpReply>()> answer;
    ports::HttpRequest last;

    Result<ports::HttpReply> send(ports::HttpRequest const& request) override {
        last = request;
        ++requests;
        return answer();
    }
    void serve(std::vector<SigningJwk const*> const& keys) {
        std::vector<Jwk> set;
        for (auto const* key : keys) set.push_back(key->public_jwk());
        serve_text(JwkSet{set}.to_json().dump());
    }
    void serve_text(std::string text, int status = 200) {
        answer = [text, status] { return Result<ports::HttpReply>{ports::HttpReply{status, {}, text}}; };
    }
    void break_down() {
        answer = [] { return Result<ports::HttpReply>{ports::errors::http_unreachable}; };
    }
};

class RemoteKeysTest : public ::testing::Test {
protected:
    zephyr::testing::ManualClock clock;
    Issuer issuer;
    RemoteKeysSettings settings{.url = "https://issuer.example/jwks.json"};
    RemoteKeys keys{issuer, settings, clock};

    RemoteKeysTest() { issuer.serve({&es256_key()}); }
    auto find(std::string_view kid) { return keys.find(kid, Algorithm::es256); }
};

TEST_F(RemoteKeysTest, asks_when_first_needed_and_then_only_when_the_set_has_aged) {
    EXPECT_EQ(issuer.requests, 0);
    EXPECT_EQ(find("ec-1").value().kid(), "ec-1");
    EXPECT_EQ(issuer.last.url, "https://issuer.example/jwks.json");
    EXPECT_EQ(issuer.last.max_body_bytes, 256u * 1024);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(find("ec-1").ok());
    clock.advance(5min - 1ms);
    EXPECT_TRUE(find("ec-1").ok());
    EXPECT_EQ(issuer.requests, 1);
    clock.advance(1ms);
    EXPECT_TRUE(find("ec-1").ok());
    EXPECT_EQ(issuer.requests, 2);
}

TEST_F(RemoteKeysTest, an_unknown_kid_asks_again_at_most_every_30_seconds) {
    EXPECT_TRUE(find("ec-1").ok());
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(find("made-up-" + std::to_string(i)).error(), errors::unknown_key);
    EXPECT_EQ(issuer.requests, 1) << "the set was fetched a moment ago";
    clock.advance(30s - 1ms);
    EXPECT_EQ(find("made-up").error(), errors::unknown_key);
    EXPECT_EQ(issuer.requests, 1);
    clock.advance(1ms);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(find("made-up-" + std::to_string(i)).error(), errors::unknown_key);
    EXPECT_EQ(issuer.requests, 2);
}

TEST_F(RemoteKeysTest, a_rotation_is_followed_and_overlapping_keys_both_serve) {
    EXPECT_TRUE(find("ec-1").ok());
    issuer.serve({&es256_key(), &second_key()});
    clock.advance(30s);
    EXPECT_TRUE(find("ec-2").ok()) << "a new kid is asked for at once";
    EXPECT_TRUE(find("ec-1").ok());
    issuer.serve({&second_key()});
    clock.advance(5min);
    EXPECT_EQ(find("ec-1").error(), errors::unknown_key) << "withdrawn";
    EXPECT_TRUE(find("ec-2").ok());
}

TEST_F(RemoteKeysTest, an_issuer_that_withdraws_every_key_is_believed) {
    EXPECT_TRUE(find("ec-1").ok());
    issuer.serve_text(R"({"keys":[]})");
    clock.advance(5min);
    EXPECT_EQ(find("ec-1").error(), errors::unknown_key);
}

TEST_F(RemoteKeysTest, while_the_issuer_is_down_the_last_good_set_serves_for_an_hour_and_not_longer) {
    EXPECT_TRUE(find("ec-1").ok());
    issuer.break_down();
    clock.advance(10min);
    EXPECT_TRUE(find("ec-1").ok());
    EXPECT_EQ(find("ec-2").error(), errors::keys_unavailable) << "whether there is such a key, nobody can tell";
    EXPECT_EQ(issuer.requests, 2);
    clock.advance(50min - 1ms);
    EXPECT_TRUE(find("ec-1").ok());
    clock.advance(1ms);
    EXPECT_EQ(find("ec-1").error(), errors::keys_unavailable);
    EXPECT_EQ(find("ec-1").error().kind(), Kind::unavailable);
    issuer.serve({&es256_key()});
    clock.advance(30s);
    EXPECT_TRUE(find("ec-1").ok()) << "it heals by itself";
}

TEST_F(RemoteKeysTest, without_any_set_nothing_is_found_and_a_dead_issuer_is_not_hammered) {
    issuer.break_down();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(find("ec-1").error(), errors::keys_unavailable);
    EXPECT_EQ(issuer.requests, 1);
    clock.advance(30s);
    EXPECT_EQ(find("ec-1").error(), errors::keys_unavailable);
    EXPECT_EQ(issuer.requests, 2);
}

TEST_F(RemoteKeysTest, a_lying_issuer_changes_nothing) {
    EXPECT_TRUE(find("ec-1").ok());
    auto const secret =
        Json::object({{"kty", "oct"}, {"alg", "HS256"}, {"kid", "ec-1"}, {"k", encoding::base64url_encode(random_looking(32))}});
    auto const ec = es256_key().public_jwk().to_json();
    for (auto const& text : {std::string{"<html>maintenance</html>"}, std::string{}, std::string{"{"}, std::string{R"({"keys":{}})"},
                             Json::object({{"keys", Json::array({secret})}}).dump(), Json::object({{"keys", Json::array({ec, ec})}}).dump(),
                             std::string(300'000, ' ') + R"({"keys":[]})"}) {
        issuer.serve_text(text);
        clock.advance(5min);
        EXPECT_TRUE(find("ec-1").ok()) << text.substr(0, 40);
    }
    EXPECT_EQ(issuer.requests, 8);
    for (int const status : {204, 301, 302, 304, 401, 404, 500, 503}) {
        issuer.serve_text(R"({"keys":[]})", status);
        clock.advance(1min);
        EXPECT_TRUE(find("ec-1").ok()) << status;
    }
}

TEST_F(RemoteKeysTest, a_key_of_another_algorithm_is_refused_without_asking) {
    EXPECT_TRUE(find("ec-1").ok());
    clock.advance(1min);
    EXPECT_EQ(keys.find("ec-1", Algorithm::hs256).error(), errors::algorithm_refused);
    EXPECT_EQ(issuer.requests, 1);
}

TEST_F(RemoteKeysTest, sixty_four_threads_make_one_request) {
    issuer.answer = [] {
        std::this_thread::sleep_for(50ms);
        return Result<ports::HttpReply>{ports::HttpReply{200, {}, JwkSet{{es256_key().public_jwk()}}.to_json().dump()}};
    };
    std::atomic<int> found{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; ++i)
        threads.emplace_back([&] {
            if (find("ec-1").ok()) ++found;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(found, 64);
    EXPECT_EQ(issuer.requests, 1);
}

TEST_F(RemoteKeysTest, a_slow_issuer_holds_neither_known_keys_nor_a_crowd_of_unknown_ones) {
    EXPECT_TRUE(find("ec-1").ok());
    std::atomic<bool> answering{false}, release{false};
    issuer.answer = [&] {
        answering = true;
        while (!release) std::this_thread::sleep_for(1ms);
        return Result<ports::HttpReply>{
            ports::HttpReply{200, {}, JwkSet{{es256_key().public_jwk(), second_key().public_jwk()}}.to_json().dump()}};
    };
    clock.advance(1min);
    std::atomic<int> turned_away{0}, found{0};
    std::vector<std::thread> threads;
    auto const seek = [&] {
        auto const key = find("ec-2");
        if (key.ok())
            ++found;
        else if (key.error() == errors::keys_unavailable)
            ++turned_away;
    };
    threads.emplace_back(seek);
    while (!answering) std::this_thread::sleep_for(1ms);
    for (int i = 0; i < 40; ++i) threads.emplace_back(seek);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(find("ec-1").ok()) << "known: no waiting";
    while (turned_away < 40 - 16) std::this_thread::sleep_for(1ms);
    release = true;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(turned_away, 24);
    EXPECT_EQ(found, 17);
    EXPECT_EQ(issuer.requests, 2);
}

TEST_F(RemoteKeysTest, a_fault_of_the_client_wakes_who_waits) {
    issuer.answer = []() -> Result<ports::HttpReply> { throw Fault{"out of sockets"}; };
    EXPECT_EQ(find("ec-1").error(), errors::keys_unavailable);
    issuer.serve({&es256_key()});
    clock.advance(30s);
    EXPECT_TRUE(find("ec-1").ok());
}

TEST_F(RemoteKeysTest, settings_that_contradict_each_other_are_a_fault) {
    EXPECT_THROW(RemoteKeys(issuer, {.url = ""}, clock), Fault);
    EXPECT_THROW(RemoteKeys(issuer, {.url = "https://a", .lifetime = 0s}, clock), Fault);
    EXPECT_THROW(RemoteKeys(issuer, {.url = "https://a", .lifetime = 2h}, clock), Fault);
    EXPECT_THROW(RemoteKeys(issuer, {.url = "https://a", .between_requests = 0s}, clock), Fault);
}

TEST(StaticKeysTest, never_ask_and_keep_to_the_algorithm) {
    StaticKeys keys{JwkSet{{es256_key().public_jwk()}}};
    EXPECT_TRUE(keys.find("ec-1", Algorithm::es256).ok());
    EXPECT_TRUE(keys.find("", Algorithm::es256).ok());
    EXPECT_EQ(keys.find("", Algorithm::rs256).error(), errors::unknown_key);
    EXPECT_EQ(keys.find("ec-2", Algorithm::es256).error(), errors::unknown_key);
    EXPECT_EQ(keys.find("ec-1", Algorithm::rs256).error(), errors::algorithm_refused);
}

}  // namespace
}  // namespace zephyr::jose
