// The load generator counts right: against numbers worked out by hand, and against a server that stalls, lies and hangs up.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <thread>

#include "testing/redis_server.h"
#include "zbench/histogram.h"
#include "zbench/http.h"
#include "zbench/runner.h"
#include "zbench/schedule.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/http/server.h"

namespace zbench {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, is_exact_below_128_and_never_more_than_a_64th_off_above) {
    for (std::uint64_t value = 0; value < 128; ++value) EXPECT_EQ(Histogram::highest_of(Histogram::bucket_of(value)), value);
    for (int bits = 7; bits < 64; ++bits) {
        for (std::uint64_t const value : {std::uint64_t{1} << bits, (std::uint64_t{1} << bits) + 1, ~std::uint64_t{0} >> (63 - bits)}) {
            auto const highest = Histogram::highest_of(Histogram::bucket_of(value));
            EXPECT_GE(highest, value);
            EXPECT_LE(static_cast<double>(highest - value), static_cast<double>(value) / 64) << value;
        }
    }
}

TEST(Histogram, has_buckets_that_touch_and_do_not_overlap) {
    for (std::size_t bucket = 0; bucket + 1 < 128 + 57 * 64; ++bucket) {
        ASSERT_EQ(Histogram::bucket_of(Histogram::highest_of(bucket)), bucket);
        ASSERT_EQ(Histogram::bucket_of(Histogram::highest_of(bucket) + 1), bucket + 1);
    }
    EXPECT_EQ(Histogram::highest_of(128 + 57 * 64 - 1), UINT64_MAX);
}

TEST(Histogram, gives_the_percentiles_of_a_sorted_list) {
    std::mt19937_64 random{20261201};
    std::vector<std::uint64_t> values(10'000);
    Histogram histogram;
    for (auto& value : values) histogram.record(value = random() >> (random() % 60));
    std::sort(values.begin(), values.end());
    for (double const fraction : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        auto const rank = static_cast<std::size_t>(std::ceil(fraction * 10'000));
        auto const exact = values[rank == 0 ? 0 : rank - 1];
        EXPECT_GE(histogram.percentile(fraction), exact);
        EXPECT_LE(static_cast<double>(histogram.percentile(fraction)), static_cast<double>(exact) * 65 / 64 + 1);
    }
    EXPECT_EQ(histogram.min(), values.front());
    EXPECT_EQ(histogram.max(), values.back());
    EXPECT_EQ(histogram.percentile(1), values.back());
}

TEST(Histogram, of_nothing_is_all_noughts_and_two_add_up_to_one) {
    Histogram nothing;
    EXPECT_EQ(nothing.count() + nothing.min() + nothing.max() + nothing.percentile(0.99), 0u);
    Histogram low, high;
    low.record(10, 99);
    high.record(100);
    low.add(high);
    low.add(nothing);
    EXPECT_EQ(low.count(), 100u);
    EXPECT_EQ(low.percentile(0.99), 10u);
    EXPECT_EQ(low.percentile(0.999), 100u);
    EXPECT_DOUBLE_EQ(low.mean(), 10.9);
}

TEST(Schedule, spaces_its_requests_evenly_and_ends) {
    Schedule schedule{4, 2s};
    EXPECT_EQ(schedule.total(), 8u);
    EXPECT_EQ(schedule.due(0), 0ns);
    EXPECT_EQ(schedule.due(3), 750ms);
    Nanoseconds due{};
    EXPECT_TRUE(schedule.take(0ns, due));
    EXPECT_FALSE(schedule.take(249ms, due));
    EXPECT_EQ(schedule.next(), 250ms);
    EXPECT_TRUE(schedule.take(250ms, due));
    for (int i = 2; i < 8; ++i) EXPECT_TRUE(schedule.take(1h, due));
    EXPECT_FALSE(schedule.take(1h, due));
    EXPECT_TRUE(schedule.finished());
}

TEST(Schedule, does_not_wait_for_a_server_that_stalls) {
    // Nobody took anything for a second: what was due is due still, each at its own time.
    Schedule schedule{100, 10s};
    EXPECT_EQ(schedule.waiting(999ms), 100u);
    Nanoseconds due{};
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(schedule.take(1s - 1ns, due));
        EXPECT_EQ(due, i * 10ms);
    }
    EXPECT_FALSE(schedule.take(1s - 1ns, due));
    EXPECT_EQ(schedule.waiting(1s), 1u);
}

TEST(Schedule, does_not_drift_in_a_day) {
    Schedule const schedule{3333.3, 24h};
    EXPECT_LE(std::abs((schedule.due(schedule.total()) - 24h).count()), 1'000'000);
}

TEST(AnswerReader, reads_answers_however_they_are_cut) {
    std::string const bytes =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: a=1; Path=/\r\n\r\nabc"
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n1;e=f\r\n!\r\n0\r\nTrailer: t\r\n\r\n"
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
        std::vector<Incoming> answers;
        AnswerReader reader;
        for (std::size_t at = 0; at < bytes.size(); at += size) {
            auto part = std::string_view{bytes}.substr(at, size);
            while (!part.empty()) {
                auto const state = reader.feed(part);
                ASSERT_NE(state, AnswerReader::State::broken);
                if (state == AnswerReader::State::more) continue;
                answers.push_back(reader.answer());
                reader.reset();
            }
        }
        ASSERT_EQ(answers.size(), 3u) << size;
        EXPECT_EQ(answers[0].body, "abc");
        EXPECT_EQ(answers[0].header("set-cookie"), "a=1; Path=/");
        EXPECT_EQ(answers[1].body, "xyz!");
        EXPECT_TRUE(answers[1].keep_alive);
        EXPECT_FALSE(answers[2].keep_alive);
    }
}

TEST(CookieJar, keeps_replaces_and_forgets) {
    CookieJar jar;
    Incoming answer;
    answer.headers = {{"set-cookie", "a=1; Path=/"}, {"set-cookie", "b=2"}};
    jar.take(answer);
    answer.headers = {{"set-cookie", "a=3"}, {"set-cookie", "b=; Max-Age=0"}};
    jar.take(answer);
    EXPECT_EQ(jar.header(), "a=3");
}

TEST(JsonText, finds_a_token) {
    EXPECT_EQ(json_text(R"({"token_type":"Bearer","access_token" : "abc.def"})", "access_token"), "abc.def");
    EXPECT_EQ(json_text(R"({"expires_in":300})", "expires_in"), "");
    EXPECT_EQ(json_text("", "access_token"), "");
}

class FunctionDispatcher final : public zephyr::http::Dispatcher {
public:
    std::function<zephyr::http::Response(zephyr::http::Request const&)> answer;
    bool runs_inline(zephyr::http::Request const&) const override { return false; }
    zephyr::http::Response dispatch(zephyr::http::Request&& request) override { return answer(request); }
};

class Load : public ::testing::Test {
protected:
    void start(std::function<zephyr::http::Response(zephyr::http::Request const&)> answer) {
        dispatcher.answer = std::move(answer);
        server.emplace(settings, dispatcher, clock, log);
        ASSERT_TRUE(server->start().ok());
        auto const scheme = settings.tls_key.empty() ? "http" : "https";
        ASSERT_TRUE(Url::parse(scheme + std::string{"://127.0.0.1:"} + std::to_string(server->port()) + "/", url));
    }
    Report run(std::string_view flow, std::string const& ca_file = {}) {
        Target const target{url, ca_file};
        return zbench::run(target, make_flow(flow, flow_options).value(), options);
    }

    zephyr::http::server::ServerSettings settings{.loops = 1};
    FunctionDispatcher dispatcher;
    zephyr::SystemClock clock;
    zephyr::NullLog log;
    std::optional<zephyr::http::server::Server> server;
    Url url;
    FlowOptions flow_options;
    RunOptions options{.length = 500ms, .patience = 5s, .connections = 4};
};

TEST_F(Load, an_open_loop_sends_what_the_rate_says) {
    start([](auto const&) { return zephyr::http::Response::text(200, "fine"); });
    options.rate = 200;
    options.warm_up = 100ms;
    flow_options.expect = "fine";
    auto const report = run("get");
    EXPECT_EQ(report.due, 100u);
    EXPECT_EQ(report.completed, 100u);
    EXPECT_EQ(report.failed(), 0u);
    EXPECT_EQ(report.latency.count(), 100u);
    EXPECT_EQ(report.statuses, (std::map<int, std::uint64_t>{{200, 100}}));
}

TEST_F(Load, a_stall_is_paid_for_by_everyone_it_kept_waiting) {
    // One connection, ten requests a tenth of the stall apart: the first waits 300 ms, the next 270 more, and so on down. A generator that
    // waited for each answer before it looked at the clock would have found one slow request.
    std::atomic<int> asked{0};
    start([&](auto const&) {
        if (asked++ == 0) std::this_thread::sleep_for(300ms);
        return zephyr::http::Response::text(200, "");
    });
    options.rate = 33.3334;
    options.length = 301ms;
    options.connections = 1;
    auto const report = run("get");
    EXPECT_EQ(report.completed, 10u);
    EXPECT_GE(report.latency.percentile(0.95), 300'000u);
    EXPECT_GE(report.latency.percentile(0.5), 145'000u);
    EXPECT_LT(report.steps.at("get").percentile(0.5), 145'000u);  // each answer alone was quick
}

TEST_F(Load, wrong_answers_are_errors_of_their_kind) {
    std::atomic<int> asked{0};
    start([&](auto const&) {
        return asked++ % 2 == 0 ? zephyr::http::Response::text(500, "fine") : zephyr::http::Response::text(200, "not so good");
    });
    options.rate = 100;
    options.length = 100ms;
    flow_options.expect = "fine";
    auto const report = run("get");
    EXPECT_EQ(report.completed, 0u);
    EXPECT_EQ(report.errors, (std::map<std::string, std::uint64_t>{{"body", 5}, {"status", 5}}));
}

TEST_F(Load, a_server_that_never_answers_costs_the_patience_and_no_more) {
    start([&](auto const&) {
        std::this_thread::sleep_for(1s);
        return zephyr::http::Response::text(200, "");
    });
    options.rate = 100;
    options.length = 60ms;
    options.patience = 200ms;
    auto const report = run("get");
    EXPECT_EQ(report.completed, 0u);
    EXPECT_EQ(report.failed(), 6u);
    EXPECT_GE(report.errors.at("timeout"), 4u);
}

TEST_F(Load, nobody_there_is_an_error_for_each) {
    start([](auto const&) { return zephyr::http::Response::text(200, ""); });
    server.reset();
    options.rate = 100;
    options.length = 100ms;
    auto const report = run("get");
    EXPECT_EQ(report.errors, (std::map<std::string, std::uint64_t>{{"connect", 10}}));
    options.rate = 0;
    EXPECT_GT(run("get").errors.at("connect"), 0u);
}

TEST_F(Load, a_closed_loop_keeps_every_connection_busy) {
    start([](auto const&) {
        std::this_thread::sleep_for(10ms);
        return zephyr::http::Response::text(200, "");
    });
    auto const report = run("get");
    EXPECT_GE(report.completed, 40u);  // 4 connections, 500 ms, 10 ms each: 200 at best
    EXPECT_LE(report.completed, 204u);
    EXPECT_EQ(report.failed(), 0u);
}

TEST_F(Load, carries_cookies_and_tokens_from_step_to_step) {
    std::atomic<int> logins{0}, refreshes{0}, wrong{0};
    start([&](zephyr::http::Request const& request) {
        auto const at = request.target;
        if (at == "/auth/token") {
            ++logins;
            return zephyr::http::Response::json(200, zephyr::encoding::Json::object({{"access_token", "a0"}, {"refresh_token", "0"}}));
        }
        if (at == "/auth/refresh") {
            auto const given = std::stoi(json_text(request.body, "refresh_token"));
            ++refreshes;
            auto const next = std::to_string(given + 1);
            return zephyr::http::Response::json(200,
                                                zephyr::encoding::Json::object({{"access_token", "a" + next}, {"refresh_token", next}}));
        }
        if (at == "/auth/login") {
            auto response = zephyr::http::Response::text(200, "{\"user\":{}}");
            response.headers.add("Set-Cookie", "zephyr_session=" + json_text(request.body, "username") + "; Path=/; HttpOnly");
            return response;
        }
        bool const known = request.headers.get("Cookie").value_or("").starts_with("zephyr_session=u");
        bool const bearer = request.headers.get("Authorization").value_or("") == "Bearer a0";
        if (!known && !bearer) ++wrong;
        return zephyr::http::Response::text(known || bearer ? 200 : 401, "{\"username\":\"u\"}");
    });
    options.rate = 100;
    options.length = 200ms;
    for (auto const* flow : {"refresh", "bearer", "session", "me", "forward-auth"}) {
        auto const report = run(flow);
        EXPECT_EQ(report.completed, 20u) << flow;
        EXPECT_EQ(report.failed(), 0u) << flow;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(refreshes, 20);
    EXPECT_EQ(logins, 8);  // four visitors, in each of two flows
}

TEST_F(Load, speaks_tls_and_checks_the_server_when_it_has_an_authority_to_check_by) {
    zephyr::testing::TemporaryFolder const folder, elsewhere;
    auto const authority = zephyr::testing::TestAuthority::make(folder.path(), "ours");
    auto const other = zephyr::testing::TestAuthority::make(elsewhere.path(), "another");
    auto const issued = authority.issue("server", "IP:127.0.0.1");
    settings.tls_certificate = issued.certificate.string();
    settings.tls_key = issued.key.string();
    start([](auto const&) { return zephyr::http::Response::text(200, std::string(100'000, 'x')); });
    options.rate = 100;
    options.length = 200ms;
    for (bool const keep_alive : {true, false}) {
        options.keep_alive = keep_alive;
        EXPECT_EQ(run("get").completed, 20u);
        EXPECT_EQ(run("get", authority.certificate.string()).completed, 20u);
    }
    EXPECT_EQ(run("get", other.certificate.string()).errors, (std::map<std::string, std::uint64_t>{{"tls", 20}}));
}

TEST_F(Load, makes_a_connection_for_each_request_when_told_to) {
    start([](auto const&) { return zephyr::http::Response::text(200, ""); });
    options.rate = 100;
    options.length = 200ms;
    options.keep_alive = false;
    EXPECT_EQ(run("get").completed, 20u);
    EXPECT_EQ(server->stats().accepted, 20u);
}

}  // namespace
}  // namespace zbench
