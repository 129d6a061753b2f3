// Our own server behind a network that fails: slow clients, torn requests, cut answers. Whatever one connection suffers, the next is
// served.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "http/server/porch.h"
#include "testing/chaos_proxy.h"
#include "zbench/runner.h"

namespace zephyr::testing {
namespace {

using namespace std::chrono_literals;
using http::server::Answer;
using http::server::Client;
using http::server::eventually;

std::string post(std::string const& target, std::string const& body) {
    return "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class ServerNetwork : public ::testing::Test {
protected:
    ServerNetwork() {
        settings.loops = 2;
        settings.workers = 4;
        settings.timeouts.header = 400ms;
        settings.timeouts.body = 400ms;
        settings.timeouts.write = 60ms;  // for each MiB
        settings.timeouts.idle = 60s;
        settings.timeouts.linger = 100ms;
        dispatcher.answer = [this](http::Request const& request) {
            ++ran;
            // More than the kernel holds for a client that does not read.
            auto const large = request.target.find("large") != std::string::npos;
            return http::Response{200, {{"Content-Type", "text/plain"}}, large ? std::string(24 * 1024 * 1024, 'x') : request.body};
        };
        server.emplace(settings, dispatcher, clock, log);
        EXPECT_TRUE(server->start().ok());
        proxy.emplace(ChaosProxy::Upstream{.port = server->port()});
    }

    // Everybody else, straight to the server and through the healed proxy.
    void expect_served() {
        proxy->heal();
        for (auto const port : {server->port(), proxy->port()}) {
            EXPECT_EQ(Client{port}.ask(post("/pool", "hello")).value_or(Answer{}).body, "hello");
        }
        EXPECT_TRUE(eventually([&] { return server->stats().in_flight == 0 && server->stats().body_memory_bytes == 0; }));
        EXPECT_EQ(server->stats().faults, 0u);
    }

    http::server::ServerSettings settings;
    http::server::FunctionDispatcher dispatcher;
    SystemClock clock;
    NullLog log;
    std::atomic<int> ran{0};
    std::optional<http::server::Server> server;
    std::optional<ChaosProxy> proxy;
};

}  // namespace

TEST_F(ServerNetwork, a_request_that_comes_in_single_bytes_or_late_is_served) {
    for (auto const& mischief : {Mischief{.piece_bytes = 1}, Mischief{.delay = 30ms}, Mischief{.bytes_per_second = 2000}}) {
        proxy->set_both(mischief);
        auto client = Client{proxy->port()};
        for (int i = 0; i < 2; ++i) {
            std::string const body = "piece by piece " + std::to_string(i);
            EXPECT_EQ(client.ask(post(i == 0 ? "/pool" : "/inline", body)).value_or(Answer{}).body, body);
        }
    }
    expect_served();
}

TEST_F(ServerNetwork, who_trickles_past_the_deadline_gets_408_and_nothing_is_run) {
    proxy->set(Direction::to_server, {.bytes_per_second = 20});
    Client header{proxy->port()};
    Client body{proxy->port()};
    header.send("GET /pool HTTP/1.1\r\nHost: a\r\nX: " + std::string(200, 'x'));
    body.send(post("/pool", std::string(200, 'x')));
    EXPECT_EQ(header.receive().value_or(Answer{}).status, 408);
    EXPECT_EQ(body.receive().value_or(Answer{}).status, 408);
    EXPECT_EQ(ran, 0);
    expect_served();
}

TEST_F(ServerNetwork, who_reads_too_slowly_is_let_go_and_holds_nothing) {
    proxy->set(Direction::to_client, {.bytes_per_second = 1000});
    Client slow{proxy->port()};
    slow.send("GET /pool/large HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return server->stats().connections == 1; }));
    ASSERT_TRUE(eventually([&] { return server->stats().connections == 0; }));
    EXPECT_GE(server->stats().timeouts, 1u);
    expect_served();
}

TEST_F(ServerNetwork, a_request_cut_at_any_byte_is_never_run_in_part) {
    std::string const body = "0123456789";
    auto const request = post("/pool", body);
    dispatcher.answer = [&](http::Request const& got) {
        ++ran;
        EXPECT_EQ(got.body, body);
        return http::Response{200, {}, ""};
    };
    for (std::size_t after = 0; after <= request.size(); ++after) {
        proxy->set(Direction::to_server, {.finish = after % 2 == 0, .reset = after % 2 != 0, .after = after});
        Client client{proxy->port()};
        client.send(request);
        client.send("x");  // the byte after the last that passes, when all of the request may pass
        auto const before = ran.load();
        if (after < request.size()) {
            client.finish_sending();
            while (client.receive()) {
            }
            ASSERT_EQ(ran, before) << after;
        } else {
            EXPECT_TRUE(eventually([&] { return ran == before + 1; }));
        }
    }
    EXPECT_EQ(ran, 1);
    EXPECT_TRUE(eventually([&] { return server->stats().connections == 0; }));
}

TEST_F(ServerNetwork, an_answer_cut_at_any_place_costs_that_connection_and_no_other) {
    for (std::size_t const after : {0u, 1u, 12u, 100u, 5'000u, 1'000'000u, 20'000'000u}) {
        for (bool const reset : {false, true}) {
            proxy->heal();
            proxy->set(Direction::to_client, {.finish = !reset, .reset = reset, .after = after});
            Client client{proxy->port()};
            EXPECT_FALSE(client.ask("GET /pool/large HTTP/1.1\r\nHost: a\r\n\r\n")) << after;
        }
    }
    EXPECT_TRUE(eventually([&] { return server->stats().connections == 0; }));
    expect_served();
}

TEST_F(ServerNetwork, corrupted_requests_are_refused_or_run_as_they_came_and_never_break_the_server) {
    for (std::size_t every = 1; every <= 80; ++every) {
        proxy->set(Direction::to_server, {.corrupt_every = every});
        Client client{proxy->port()};
        client.send(post("/pool", "hello"));
        client.finish_sending();
        auto const answer = client.receive();
        auto const status = answer.value_or(Answer{}).status;
        EXPECT_TRUE(status == 0 || status == 200 || (status >= 400 && status < 600 && status != 500)) << every << ": " << status;
    }
    expect_served();
}

TEST_F(ServerNetwork, a_load_over_connections_that_keep_dying_loses_only_what_was_on_them) {
    proxy->limit_life(60ms);
    zbench::Url url;
    ASSERT_TRUE(zbench::Url::parse("http://127.0.0.1:" + std::to_string(proxy->port()) + "/pool", url));
    zbench::Target const target{url, ""};
    zbench::RunOptions const options{.rate = 300, .length = 1000ms, .patience = 5s, .connections = 8};
    auto const flow = zbench::make_flow("get", {.path = "/pool"});
    auto const report = zbench::run(target, *flow, options);
    EXPECT_EQ(report.due, 300u);
    EXPECT_EQ(report.completed + report.failed(), 300u);
    for (auto const& [kind, count] : report.errors) EXPECT_TRUE(kind == "cut" || kind == "connect") << kind << " " << count;
    EXPECT_GT(report.completed, 200u);
    expect_served();
}

}  // namespace zephyr::testing
