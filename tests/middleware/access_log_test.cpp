#include "zephyr/middleware/access_log.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "testing/kept_log.h"
#include "testing/manual_clock.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;
using namespace std::chrono_literals;

TEST(AccessLog, writes_a_line_without_anything_personal) {
    ManualClock clock;
    KeptLog log;
    auto const layer = access_log(clock, log);
    auto request = request_for(http::Method::post, "/users/ada@secret.test?token=hunter2",
                               {{"Cookie", "s=hunter2"}, {"Authorization", "Bearer hunter2"}}, "hunter2");
    request.path = "/users/ada@secret.test";
    request.route = "/users/{id}";
    request.client_address = "203.0.113.5";
    request.request_id = "id-1";
    static_cast<void>(layer.run(request, [&](http::Request&) {
        clock.advance(7ms);
        return http::Response::no_content();
    }));
    ASSERT_EQ(log.lines().size(), 1u);
    auto const line = log.lines()[0];
    EXPECT_EQ(line.event, "http.request");
    EXPECT_EQ(line.level, LogLevel::info);
    std::vector<std::pair<std::string, std::string>> const expected{
        {"method", "POST"}, {"route", "/users/{id}"}, {"status", "204"}, {"micros", "7000"}, {"request_id", "id-1"}};
    EXPECT_EQ(line.fields, expected);
}

TEST(AccessLog, warns_about_answers_of_500_and_above) {
    ManualClock clock;
    KeptLog log;
    auto const layer = access_log(clock, log);
    auto request = request_for(http::Method::get, "/");
    static_cast<void>(layer.run(request, [](http::Request&) { return http::Response::text(499, ""); }));
    static_cast<void>(layer.run(request, [](http::Request&) { return http::Response::text(500, ""); }));
    EXPECT_EQ(log.lines()[0].level, LogLevel::info);
    EXPECT_EQ(log.lines()[1].level, LogLevel::warning);
}

}  // namespace
}  // namespace zephyr::middleware
