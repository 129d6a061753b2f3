#include "zephyr/adapters/redis_client.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "testing/chaos_proxy.h"
#include "testing/kept_log.h"
#include "testing/redis_server.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::adapters {
namespace {

using namespace std::chrono_literals;
using ports::errors::redis_unavailable;
using testing::RedisServer;

SystemClock const clock_;
NullLog nobody;

RedisSettings to(std::string url) {
    RedisSettings settings;
    settings.url = SecretText{std::move(url)};
    settings.deadline = 2s;  // sanitizers and busy machines; tests about time set their own
    return settings;
}

std::string text_of(testing::KeptLog const& log) {
    std::string text;
    for (auto const& line : log.lines()) text += line.event + " " + line.field("host") + " " + line.field("why") + "\n";
    return text;
}

std::chrono::milliseconds time_of(std::function<void()> const& work) {
    auto const began = clock_.monotonic();
    work();
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.monotonic() - began);
}

bool comes_back(RedisClient const& client, std::chrono::milliseconds within = 5s) {
    auto const end = clock_.monotonic() + within;
    while (!client.healthy() && clock_.monotonic() < end) std::this_thread::sleep_for(5ms);
    return client.healthy();
}

// A server that sends these bytes to everyone who connects and then reads on in silence.
class SayingServer {
public:
    explicit SayingServer(std::string words) : words_{std::move(words)}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(listener_, 64);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread{[this] { serve(); }};
    }
    ~SayingServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        for (int const held : held_) ::close(held);
        ::close(listener_);
    }
    std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

private:
    void serve() {
        for (;;) {
            int const accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (accepted < 0) return;
            held_.push_back(accepted);
            std::string_view rest = words_;
            while (!rest.empty()) {
                auto const sent = ::send(accepted, rest.data(), rest.size(), MSG_NOSIGNAL);
                if (sent <= 0) break;
                rest.remove_prefix(static_cast<std::size_t>(sent));
            }
        }
    }
    std::string words_;
    int listener_;
    int port_ = 0;
    std::vector<int> held_;
    std::thread thread_;
};

TEST(RedisUrl, reads_every_part) {
    auto const address = parse_redis_url("rediss://us%40er:p%3Aa%2Fss@redis.example.com:6380/7").value();
    EXPECT_TRUE(address.tls);
    EXPECT_EQ(address.user, "us@er");
    EXPECT_EQ(address.password.reveal(), "p:a/ss");
    EXPECT_EQ(address.host, "redis.example.com");
    EXPECT_EQ(address.port, 6380);
    EXPECT_EQ(address.database, 7);

    auto const plain = parse_redis_url("redis://:secret@[::1]").value();
    EXPECT_FALSE(plain.tls);
    EXPECT_EQ(plain.user, "");
    EXPECT_EQ(plain.password.reveal(), "secret");
    EXPECT_EQ(plain.host, "::1");
    EXPECT_EQ(plain.port, 6379);
    EXPECT_EQ(plain.database, 0);
}

TEST(RedisUrl, refuses_what_it_would_have_to_guess) {
    for (auto const* url : {"", "redis:", "redis://", "http://localhost", "redis://user@host", "redis://user:@host", "redis://host:0",
                            "redis://host:65536", "redis://host/a", "redis://host/-1", "redis://host/1/2", "redis://host?db=1",
                            "redis://ho st", "redis://host\r\nPING", "redis://%zz:x@host", "REDIS://host", "redis://1.2.3"}) {
        EXPECT_EQ(parse_redis_url(url).ok() ? "accepted" : parse_redis_url(url).error().id(), errors::redis_url_malformed.id) << url;
    }
}

TEST(RedisClientStart, a_wrong_address_or_authority_is_a_fault_before_anything_is_served) {
    EXPECT_THROW(RedisClient(to("redis://"), clock_, nobody), Fault);
    auto settings = to("rediss://localhost");
    settings.ca_file = "/nonexistent/ca.pem";
    EXPECT_THROW(RedisClient(settings, clock_, nobody), Fault);
}

TEST(RedisClientTest, answers_come_back_as_what_they_are) {
    RedisClient client{to(RedisServer::instance().url()), clock_, nobody};
    EXPECT_EQ(client.command({"SET", "kinds", "1"}).value().text, "OK");
    EXPECT_EQ(client.command({"INCR", "kinds"}).value().integer, 2);
    EXPECT_TRUE(client.command({"GET", "absent"}).value().is_nil());
    EXPECT_TRUE(client.command({"NOSUCHCOMMAND"}).value().is_error());
    auto const nested = client.command({"EVAL", "return {1, 'two', {3, false}}", "0"}).value();
    ASSERT_EQ(nested.items.size(), 3u);
    EXPECT_EQ(nested.items[1].text, "two");
    EXPECT_EQ(nested.items[2].items[0].integer, 3);
    EXPECT_TRUE(nested.items[2].items[1].is_nil());
    EXPECT_TRUE(client.healthy()) << "an error the server answers with is an answer";
}

// Nothing in a key or value can become a command: RESP sends every argument's length ahead of it.
TEST(RedisClientTest, line_breaks_zeros_and_protocol_in_keys_and_values_stay_data) {
    RedisClient client{to(RedisServer::instance().url(5)), clock_, nobody};
    ASSERT_TRUE(client.command({"FLUSHDB"}).ok());
    std::vector<std::string> const hostile{std::string{"a\0b", 3}, "k\r\nFLUSHALL\r\n", "*1\r\n$8\r\nFLUSHALL\r\n", "$-1\r\n", "\xff\xfe",
                                           "", std::string(70'000, '\n')};
    for (auto const& key : hostile) {
        for (auto const& value : hostile) {
            ASSERT_EQ(client.command({"SET", key, value}).value().text, "OK");
            ASSERT_EQ(client.command({"GET", key}).value().text, value);
        }
    }
    EXPECT_EQ(client.command({"DBSIZE"}).value().integer, static_cast<std::int64_t>(hostile.size()));
}

TEST(RedisClientTest, uses_the_database_of_its_address) {
    RedisClient third{to(RedisServer::instance().url(3)), clock_, nobody};
    RedisClient fourth{to(RedisServer::instance().url(4)), clock_, nobody};
    ASSERT_TRUE(third.command({"SET", "where", "third"}).ok());
    EXPECT_TRUE(fourth.command({"GET", "where"}).value().is_nil());
    EXPECT_EQ(third.command({"GET", "where"}).value().text, "third");
}

TEST(RedisClientTest, a_wrong_password_is_unavailable_and_is_never_logged) {
    RedisServer server{{.password = "right horse"}};
    RedisClient right{to(server.url()), clock_, nobody};
    EXPECT_EQ(right.command({"PING"}).value().text, "PONG");

    testing::KeptLog log;
    RedisClient wrong{to("redis://:wrong-horse@127.0.0.1:" + std::to_string(server.port())), clock_, log};
    EXPECT_EQ(wrong.command({"PING"}).error(), redis_unavailable);
    RedisClient none{to("redis://127.0.0.1:" + std::to_string(server.port())), clock_, log};
    EXPECT_EQ(none.command({"PING"}).error(), redis_unavailable);
    EXPECT_NE(text_of(log).find("WRONGPASS"), std::string::npos) << text_of(log);
    EXPECT_EQ(text_of(log).find("horse"), std::string::npos) << text_of(log);
}

TEST(RedisClientTest, signs_in_as_a_named_user_who_may_do_less) {
    RedisServer server;
    ASSERT_EQ(server.cli({"ACL", "SETUSER", "zephyr", "on", ">pass", "~zephyr:*", "+@all", "-@dangerous"}), "OK");
    RedisClient client{to("redis://zephyr:pass@127.0.0.1:" + std::to_string(server.port())), clock_, nobody};
    EXPECT_EQ(client.command({"SET", "zephyr:s:x", "1"}).value().text, "OK");
    EXPECT_TRUE(client.command({"SET", "other", "1"}).value().is_error());
    EXPECT_TRUE(client.command({"FLUSHALL"}).value().is_error());
}

TEST(RedisClientTest, an_answer_beyond_the_limit_costs_its_connection_not_our_memory) {
    auto settings = to(RedisServer::instance().url());
    settings.max_reply_bytes = 64 * 1024;
    RedisClient client{settings, clock_, nobody};
    ASSERT_TRUE(client.command({"SET", "large", std::string(1 << 20, 'x')}).ok());
    auto const refused = client.command({"GET", "large"});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error(), redis_unavailable);
    EXPECT_EQ(refused.error().detail(), "answer too large");
    ASSERT_TRUE(comes_back(client));
    EXPECT_EQ(client.command({"PING"}).value().text, "PONG");
}

TEST(RedisClientTest, nonsense_for_an_answer_is_unavailable) {
    for (std::string const words :
         {"HTTP/1.1 400 Bad Request\r\n\r\n", "*99999999\r\n", "*-7\r\n", "$99999999999999999999\r\n", ":12x\r\n", "\r\n",
          "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "-ERR go away\r\n"}) {
        SayingServer server{words};
        auto settings = to(server.url());
        settings.deadline = 300ms;
        RedisClient client{settings, clock_, nobody};
        EXPECT_EQ(client.command({"GET", "x"}).error(), redis_unavailable) << words;
    }
}

TEST(RedisClientTest, many_threads_share_few_connections_and_get_their_own_answers) {
    auto& server = RedisServer::instance();
    auto settings = to(server.url());
    settings.connections = 3;
    settings.deadline = 10s;
    RedisClient client{settings, clock_, nobody};
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 16; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 200; ++i) {
                    auto const mine = std::to_string(t) + ":" + std::to_string(i);
                    auto const said = client.command({"ECHO", mine});
                    if (!said.ok() || said.value().text != mine) ++wrong;
                }
            });
        }
    }
    EXPECT_EQ(wrong, 0);
    auto const clients = server.cli({"CLIENT", "LIST", "TYPE", "normal"});
    EXPECT_LE(std::count(clients.begin(), clients.end(), '\n') + 1, 3 + 1 + 2) << "ours, redis-cli's, and what other tests left closing";
}

TEST(RedisClientTest, an_idle_connection_that_the_server_closed_is_no_failure) {
    RedisServer server;
    RedisClient client{to(server.url()), clock_, nobody};
    ASSERT_TRUE(client.command({"PING"}).ok());
    ASSERT_NE(server.cli({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}), "0");
    EXPECT_EQ(client.command({"PING"}).value().text, "PONG");
    EXPECT_TRUE(client.healthy());
}

class LostServer : public ::testing::Test {
protected:
    RedisServer server;
    RedisSettings settings = [this] {
        auto chosen = to(server.url());
        chosen.deadline = 250ms;
        chosen.shortest_pause = 50ms;
        return chosen;
    }();
};

TEST_F(LostServer, a_killed_server_fails_at_once_and_is_found_again_by_itself) {
    testing::KeptLog log;
    RedisClient client{settings, clock_, log};
    ASSERT_TRUE(client.command({"PING"}).ok());
    server.kill();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(client.command({"PING"}).error(), redis_unavailable);
    EXPECT_FALSE(client.healthy());
    server.start();
    ASSERT_TRUE(comes_back(client));
    EXPECT_EQ(client.command({"PING"}).value().text, "PONG");
    EXPECT_NE(text_of(log).find("redis.lost"), std::string::npos);
    EXPECT_NE(text_of(log).find("redis.connected"), std::string::npos);
}

TEST_F(LostServer, a_server_that_hangs_costs_one_deadline_and_not_every_request) {
    RedisClient client{settings, clock_, nobody};
    ASSERT_TRUE(client.command({"PING"}).ok());
    server.pause();
    auto const first = time_of([&] { EXPECT_EQ(client.command({"PING"}).error(), redis_unavailable); });
    EXPECT_GE(first, 240ms);
    EXPECT_LT(first, 1500ms);
    auto const hundred = time_of([&] {
        for (int i = 0; i < 100; ++i) EXPECT_EQ(client.command({"PING"}).error(), redis_unavailable);
    });
    EXPECT_LT(hundred, 200ms) << "while it is known to be away nobody waits";
    server.resume();
    ASSERT_TRUE(comes_back(client));
    EXPECT_EQ(client.command({"ECHO", "mine"}).value().text, "mine") << "and not an answer to an earlier question";
}

TEST_F(LostServer, many_requests_at_a_hanging_server_wait_together_not_one_after_the_other) {
    settings.connections = 2;
    RedisClient client{settings, clock_, nobody};
    ASSERT_TRUE(client.command({"PING"}).ok());
    server.pause();
    auto const together = time_of([&] {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 32; ++t) threads.emplace_back([&] { EXPECT_FALSE(client.command({"PING"}).ok()); });
    });
    EXPECT_LT(together, 1500ms);
    server.resume();
}

// A deadline is for the whole command: bytes that keep coming do not stretch it.
TEST_F(LostServer, an_answer_that_trickles_in_is_cut_off_at_the_deadline) {
    testing::ChaosProxy proxy{{.port = static_cast<std::uint16_t>(server.port())}};
    settings.url = SecretText{"redis://127.0.0.1:" + std::to_string(proxy.port())};
    RedisClient client{settings, clock_, nobody};
    ASSERT_TRUE(client.command({"SET", "slow", std::string(1000, 's')}).ok());
    proxy.set(testing::Direction::to_client, {.bytes_per_second = 200});
    auto const waited = time_of([&] { EXPECT_EQ(client.command({"GET", "slow"}).error(), redis_unavailable); });
    EXPECT_GE(waited, 240ms);
    EXPECT_LT(waited, 1500ms);
    proxy.heal();
    ASSERT_TRUE(comes_back(client));
    EXPECT_EQ(client.command({"GET", "slow"}).value().text.size(), 1000u);
}

TEST_F(LostServer, a_connection_cut_in_the_middle_of_an_answer_is_unavailable) {
    testing::ChaosProxy proxy{{.port = static_cast<std::uint16_t>(server.port())}};
    settings.url = SecretText{"redis://127.0.0.1:" + std::to_string(proxy.port())};
    RedisClient client{settings, clock_, nobody};
    ASSERT_TRUE(client.command({"SET", "cut", std::string(1000, 's')}).ok());
    for (bool const by_reset : {false, true}) {
        proxy.set(testing::Direction::to_client, {.finish = !by_reset, .reset = by_reset, .after = 100});
        EXPECT_EQ(client.command({"GET", "cut"}).error(), redis_unavailable);
        proxy.heal();
        ASSERT_TRUE(comes_back(client));
        EXPECT_EQ(client.command({"GET", "cut"}).value().text.size(), 1000u);
    }
}

TEST_F(LostServer, a_server_that_is_not_there_at_start_is_unavailable_and_joins_later) {
    server.kill();
    RedisClient client{settings, clock_, nobody};
    EXPECT_EQ(client.command({"PING"}).error(), redis_unavailable);
    server.start();
    ASSERT_TRUE(comes_back(client));
    EXPECT_EQ(client.command({"PING"}).value().text, "PONG");
}

TEST_F(LostServer, a_black_hole_at_start_costs_one_deadline) {
    server.pause();  // the kernel completes connections that nobody reads
    auto const waited = time_of([&] {
        RedisClient client{settings, clock_, nobody};
        EXPECT_EQ(client.command({"PING"}).error(), redis_unavailable);
    });
    EXPECT_LT(waited, 2s);
    server.resume();
}

class RedisTls : public ::testing::Test {
protected:
    static void SetUpTestSuite() { server = std::make_unique<RedisServer>(RedisServer::Options{.password = "over tls", .tls = true}); }
    static void TearDownTestSuite() { server.reset(); }
    static std::unique_ptr<RedisServer> server;

    std::string refusal(RedisSettings settings) {
        testing::KeptLog log;
        RedisClient client{std::move(settings), clock_, log};
        auto const reply = client.command({"PING"});
        if (reply.ok()) return "accepted";
        return text_of(log);
    }
    RedisSettings trusting(std::string url, std::string ca_file) {
        auto settings = to(std::move(url));
        settings.ca_file = std::move(ca_file);
        return settings;
    }
};
std::unique_ptr<RedisServer> RedisTls::server;

TEST_F(RedisTls, speaks_to_a_server_whose_certificate_names_it_by_host_or_by_address) {
    for (auto const* host : {"localhost", "127.0.0.1"}) {
        RedisClient client{trusting(server->tls_url(host), server->authority().string()), clock_, nobody};
        EXPECT_EQ(client.command({"ECHO", "by TLS"}).value().text, "by TLS") << host;
        auto const large = std::string(200'000, 'z');
        ASSERT_TRUE(client.command({"SET", "large", large}).ok());
        EXPECT_EQ(client.command({"GET", "large"}).value().text, large);
    }
}

TEST_F(RedisTls, an_idle_connection_stays_good_though_session_tickets_came_unasked) {
    RedisClient client{trusting(server->tls_url(), server->authority().string()), clock_, nobody};
    ASSERT_TRUE(client.command({"PING"}).ok());
    auto const before = server->cli({"INFO", "stats"});
    std::this_thread::sleep_for(50ms);
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.command({"PING"}).ok());
    auto const connections = [](std::string const& info) {
        auto const at = info.find("total_connections_received:") + 27;
        return std::stoi(info.substr(at));
    };
    EXPECT_LE(connections(server->cli({"INFO", "stats"})) - connections(before), 1) << "redis-cli's own";
}

TEST_F(RedisTls, refuses_a_certificate_of_an_authority_it_was_not_given) {
    testing::TemporaryFolder folder;
    auto const stranger = testing::TestAuthority::make(folder.path(), "stranger");
    EXPECT_NE(refusal(trusting(server->tls_url(), stranger.certificate.string())).find("certificate refused"), std::string::npos);
    EXPECT_NE(refusal(trusting(server->tls_url(), "")).find("certificate refused"), std::string::npos) << "nor do the system's know it";
}

// RFC 9525 6.1: "the client … verifies that the … identity … matches".
TEST_F(RedisTls, refuses_a_certificate_for_another_name) {
    RedisServer other{{.tls = true, .certificate_names = "DNS:redis.example.com,IP:127.0.0.2"}};
    for (auto const* host : {"localhost", "127.0.0.1"}) {
        auto const said = refusal(trusting(other.tls_url(host), other.authority().string()));
        EXPECT_NE(said.find("certificate refused"), std::string::npos) << host << ": " << said;
    }
}

TEST_F(RedisTls, plain_words_to_a_tls_port_and_tls_to_a_plain_port_are_unavailable) {
    auto plain = server->tls_url();
    plain.erase(plain.find("rediss"), 7).insert(0, "redis:");
    auto settings = to(plain);
    settings.deadline = 500ms;
    EXPECT_NE(refusal(settings), "accepted");
    auto tls = trusting("rediss://:over%20tls@127.0.0.1:" + std::to_string(server->port()), server->authority().string());
    tls.deadline = 500ms;
    EXPECT_NE(refusal(tls), "accepted");
}

}  // namespace
}  // namespace zephyr::adapters
