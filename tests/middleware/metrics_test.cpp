#include "zephyr/middleware/metrics.h"

#include <gtest/gtest.h>

#include <thread>

#include "testing/header_judge.h"
#include "testing/manual_clock.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/app.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;
using namespace std::chrono_literals;

class MetricsTest : public ::testing::Test {
protected:
    ManualClock clock;
    Metrics metrics{clock};

    bool shows(std::string_view line) const { return metrics.text().find(line) != std::string::npos; }
};

TEST_F(MetricsTest, counts_by_route_pattern_method_and_status_class) {
    auto const layer = metrics.middleware();
    auto request = request_for(http::Method::get, "/users/7");
    request.route = "/users/{id}";
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(layer.run(request, [&](http::Request&) {
            EXPECT_TRUE(shows("zephyr_http_requests_in_flight 1\n"));
            clock.advance(20ms);
            return http::Response::text(i == 2 ? 404 : 200, "");
        }));
    }
    EXPECT_TRUE(shows(R"(zephyr_http_requests_total{method="GET",route="/users/{id}",status="2xx"} 2)"))
        << metrics.text();
    EXPECT_TRUE(shows(R"(zephyr_http_requests_total{method="GET",route="/users/{id}",status="4xx"} 1)"));
    EXPECT_TRUE(shows(R"(zephyr_http_request_seconds_bucket{route="/users/{id}",le="0.01"} 0)"));
    EXPECT_TRUE(shows(R"(zephyr_http_request_seconds_bucket{route="/users/{id}",le="0.025"} 3)"));
    EXPECT_TRUE(shows("zephyr_http_requests_in_flight 0\n"));
}

TEST_F(MetricsTest, in_flight_comes_back_after_a_fault) {
    auto const layer = metrics.middleware();
    auto request = request_for(http::Method::get, "/");
    EXPECT_THROW(static_cast<void>(layer.run(request, [](http::Request&) -> http::Response { throw Fault{"x"}; })),
                 Fault);
    EXPECT_TRUE(shows("zephyr_http_requests_in_flight 0\n"));
}

TEST_F(MetricsTest, cannot_be_grown_by_clients) {
    HeaderJudge judge;
    NullLog log;
    http::App app{judge, log};
    app.use(metrics.middleware());
    app.get("/users/{id}", http::open_to_all("a test of metrics"),
            [](http::Request const&) { return http::Response::no_content(); });
    auto const lines = [&] {
        auto const text = metrics.text();
        return std::count(text.begin(), text.end(), '\n');
    };
    auto const wave = [&](int from) {
        for (int i = from; i < from + 200; ++i) {
            auto const number = std::to_string(i);
            for (auto const& target :
                 {"/users/" + number, "/missing/" + number, "//bad" + number, "/users/x?" + number}) {
                for (auto const method : {http::Method::get, http::Method::other})
                    static_cast<void>(app.dispatch(request_for(method, target)));
            }
        }
    };
    wave(0);
    auto const before = lines();
    wave(1000);
    EXPECT_EQ(lines(), before);
    EXPECT_TRUE(shows(R"(route="unmatched")"));
    EXPECT_TRUE(shows(R"(route="refused")"));
}

TEST_F(MetricsTest, counts_right_from_many_threads) {
    auto const layer = metrics.middleware();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&, i] {
                auto request = request_for(http::Method::get, "/");
                for (int j = 0; j < 500; ++j) {
                    request.route = "/r" + std::to_string((i + j) % 7);
                    static_cast<void>(layer.run(request, [](http::Request&) { return http::Response::no_content(); }));
                }
            });
        }
    }
    auto const text = metrics.text();
    long long total = 0;
    for (int route = 0; route < 7; ++route) {
        auto const label =
            "zephyr_http_requests_total{method=\"GET\",route=\"/r" + std::to_string(route) + "\",status=\"2xx\"} ";
        auto const at = text.find(label);
        ASSERT_NE(at, std::string::npos);
        total += std::stoll(text.substr(at + label.size()));
    }
    EXPECT_EQ(total, 4000);
}

TEST_F(MetricsTest, reads_watched_values_when_asked) {
    double depth = 3;
    metrics.gauge("zephyr_pool_queue", "Requests waiting", [&] { return depth; });
    metrics.counter("zephyr_accepted_total", "Connections", [] { return 12.0; });
    metrics.count_shed("queue_full");
    EXPECT_TRUE(shows("# TYPE zephyr_pool_queue gauge\nzephyr_pool_queue 3\n")) << metrics.text();
    EXPECT_TRUE(shows("# TYPE zephyr_accepted_total counter\nzephyr_accepted_total 12\n"));
    EXPECT_TRUE(shows(R"(zephyr_http_shed_total{why="queue_full"} 1)"));
    depth = 4;
    EXPECT_TRUE(shows("zephyr_pool_queue 4\n"));
}

TEST_F(MetricsTest, refuses_names_prometheus_would) {
    for (auto const* name : {"", "9lives", "with space", "Upper", "a-b", "a{b}", "a\nb"}) {
        EXPECT_THROW(metrics.gauge(name, "x", [] { return 0.0; }), Fault) << name;
    }
    metrics.gauge("once", "x", [] { return 0.0; });
    EXPECT_THROW(metrics.counter("once", "x", [] { return 0.0; }), Fault);
}

}  // namespace
}  // namespace zephyr::middleware
