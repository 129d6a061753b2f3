// Handlers of other servers behind our guards: App::outside, which the bridges are made of.
#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "testing/kept_log.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/app.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::http {
namespace {

using zephyr::testing::HeaderJudge;
using zephyr::testing::KeptLog;
using zephyr::testing::request_for;

// What another server's handler is given and fills.
struct ForeignRequest {
    std::string text;
};
struct ForeignResponse {
    int status = 200;
    std::string body;
};

class OutsideTest : public ::testing::Test {
protected:
    HeaderJudge judge;
    KeptLog log;
    App app{judge, log};
    ForeignRequest foreign{"asked"};
    ForeignResponse filled;

    // A handler that fills a response, behind `guard`, as cpp-httplib has them.
    template <class G, class H>
    auto mount(G const& guard, H handler, RouteOptions options = {}) {
        return app.outside<ForeignRequest const&, ForeignResponse&>("/reports", guard, std::move(handler), std::move(options));
    }
    template <class Door>
    Response send(Door const& door, Request request) {
        return door(std::move(request), [this] { return Response::text(filled.status, filled.body); }, foreign, filled);
    }
};

TEST_F(OutsideTest, calls_nobody_for_a_stranger) {
    int calls = 0;
    auto const door = mount(require_login, [&](ForeignRequest const&, ForeignResponse&, Principal const&) { ++calls; });
    EXPECT_EQ(send(door, request_for(Method::get, "/anything")).status, 401);
    EXPECT_EQ(send(door, request_for(Method::get, "/anything", {{"X-Test-User", "ada"}, {"X-Test-Pending", "mfa.required"}})).status, 403);
    EXPECT_EQ(calls, 0);
}

TEST_F(OutsideTest, gives_the_handler_its_own_types_and_whom_the_guard_proved) {
    auto const door = mount(require_login, [](ForeignRequest const& in, ForeignResponse& out, Principal const& who) {
        out.status = 201;
        out.body = in.text + " by " + who.username;
    });
    auto const answer = send(door, request_for(Method::get, "/whatever/path?x=1", {{"X-Test-User", "ada"}}));
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.body, "asked by ada");
}

TEST_F(OutsideTest, tells_an_open_handler_who_is_visiting_and_takes_what_a_handler_returns) {
    auto const door = app.outside<ForeignRequest const&>(
        "/hello", open_to_all("a test of visitors"), [](ForeignRequest const&, std::optional<SessionHolder> const& visitor) {
            return visitor ? visitor->username : std::string{"stranger"};
        });
    auto const text = [](std::string const& body) { return Response::text(200, body); };
    EXPECT_EQ(door(request_for(Method::get, "/"), text, foreign).body, "stranger");
    EXPECT_EQ(door(request_for(Method::get, "/", {{"X-Test-User", "ada"}}), text, foreign).body, "ada");
}

TEST_F(OutsideTest, refuses_what_two_readers_could_read_differently_before_the_handler) {
    int calls = 0;
    auto const door = mount(open_to_all("a test of the firewall"), [&](ForeignRequest const&, ForeignResponse&) { ++calls; });
    for (auto const* target : {"/reports/../admin", "/reports//x", "/reports%2f..%2fadmin", "/reports;v=1", "http://h/reports", "/a%00"}) {
        EXPECT_EQ(send(door, request_for(Method::get, target)).status, 400) << target;
    }
    EXPECT_EQ(send(door, request_for(Method::get, "/" + std::string(max_target_bytes, 'a'))).status, 414);
    Request twice = request_for(Method::get, "/reports");
    twice.headers.add("Authorization", "Bearer a");
    twice.headers.add("Authorization", "Bearer b");
    EXPECT_EQ(send(door, twice).status, 400);
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(send(door, request_for(Method::get, "/reports")).status, 200);
    EXPECT_EQ(calls, 1);
}

TEST_F(OutsideTest, runs_the_middleware_under_the_name_and_options_of_the_handler) {
    std::string seen;
    app.use({"recorder", [&](Request& request, Next const& next) {
                 seen = request.route + " " + request.rate_class + " " + (request.csrf_exempt ? "exempt" : "checked");
                 auto response = next(request);
                 response.headers.set("X-Layer", "outer");
                 return response;
             }});
    auto const door = mount(open_to_all("a test of layers"), [](ForeignRequest const&, ForeignResponse&) {},
                            {.csrf_exempt_reason = "a test", .rate_class = "reports"});
    Request request = request_for(Method::get, "/reports");
    request.rate_class = "forged";
    EXPECT_EQ(send(door, request).headers.get("X-Layer"), "outer");
    EXPECT_EQ(seen, "/reports reports exempt");
    request.csrf_exempt = true;
    request.target = "//";
    EXPECT_EQ(send(door, request).status, 400);
    EXPECT_EQ(seen, "refused  checked");
}

TEST_F(OutsideTest, answers_500_for_a_handler_that_throws_and_hides_what_it_says) {
    auto const door = mount(open_to_all("a test of faults"),
                            [](ForeignRequest const&, ForeignResponse&) { throw std::runtime_error{"the password is x"}; });
    auto const answer = send(door, request_for(Method::get, "/"));
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("password"), std::string::npos);
}

TEST_F(OutsideTest, answers_head_without_a_body) {
    auto const door = mount(open_to_all("a test of HEAD"), [](ForeignRequest const&, ForeignResponse& out) { out.body = "twelve bytes"; });
    auto const answer = send(door, request_for(Method::head, "/"));
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.headers.get("Content-Length"), "12");
}

TEST_F(OutsideTest, does_not_start_with_a_guard_that_cannot_be_decided) {
    auto const nothing = [](ForeignRequest const&, ForeignResponse&) {};
    EXPECT_THROW(mount(require("nobody knows this"), nothing), Fault);
    EXPECT_THROW(mount(require("unknown"), nothing), Fault);
    EXPECT_TRUE(app.outside_table().empty());
}

TEST_F(OutsideTest, lists_itself_apart_from_the_routes) {
    mount(require_login | require_role("admin"), [](ForeignRequest const&, ForeignResponse&) {});
    ASSERT_EQ(app.outside_table().size(), 1U);
    EXPECT_EQ(app.outside_table()[0].print(), "outside /reports  login | role(admin)");
    EXPECT_TRUE(app.table().empty());
    EXPECT_EQ(app.dispatch(request_for(Method::get, "/reports")).status, 404);
}

}  // namespace
}  // namespace zephyr::http
