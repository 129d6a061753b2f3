#include "zephyr/middleware/order.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "testing/kept_log.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/middleware/access_log.h"
#include "zephyr/middleware/cors.h"
#include "zephyr/middleware/csrf.h"
#include "zephyr/middleware/metrics.h"
#include "zephyr/middleware/rate_limit.h"
#include "zephyr/middleware/request_id.h"
#include "zephyr/middleware/security_headers.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;

http::Middleware named(std::string name, std::string& trace) {
    return {name, [name, &trace](http::Request& request, http::Next const& next) {
                trace += name + " ";
                return next(request);
            }};
}

TEST(Order, is_the_same_whatever_order_the_pieces_come_in) {
    HeaderJudge judge;
    NullLog log;
    http::App app{judge, log};
    std::string trace;
    install(app, {named("csrf", trace), named("rate_limit", trace), named("request_id", trace),
                  named("security_headers", trace), named("access_log", trace)});
    static_cast<void>(app.dispatch(request_for(http::Method::get, "/")));
    EXPECT_EQ(trace, "request_id access_log security_headers rate_limit csrf ");
}

TEST(Order, refuses_a_piece_without_a_place_or_given_twice) {
    HeaderJudge judge;
    NullLog log;
    std::string trace;
    http::App app{judge, log};
    EXPECT_THROW(install(app, {named("threat_gate", trace)}), Fault);
    EXPECT_THROW(install(app, {named("csrf", trace), named("csrf", trace)}), Fault);
}

// The real pieces together: refusals by any layer carry the headers, the id, the count and the log line of the layers
// outside.
TEST(Order, decorates_the_refusals_of_every_layer) {
    HeaderJudge judge;
    KeptLog log;
    ManualClock clock;
    ScriptedRandom random;
    Metrics metrics{clock};
    RateLimiter limiter{clock};
    http::CsrfTokens tokens{SecretBytes{Bytes(32, std::byte{1})}, random};
    http::App app{judge, log};
    install(app, {request_id(clock, random), metrics.middleware(), access_log(clock, log), security_headers(random),
                  rate_limit(limiter, {.normal = {3}}), cors({}), csrf(tokens, "https://id.test", log)});
    app.get("/me", http::require_login, [](http::Request const&) { return http::Response::no_content(); });
    app.post("/me", http::require_login, [](http::Request const&) { return http::Response::no_content(); });

    std::vector<http::Response> answers;
    answers.push_back(app.dispatch(request_for(http::Method::get, "/me")));
    answers.push_back(app.dispatch(request_for(http::Method::post, "/me")));
    answers.push_back(app.dispatch(request_for(http::Method::get, "/missing")));
    answers.push_back(app.dispatch(request_for(http::Method::get, "/me")));
    std::vector<int> statuses;
    for (auto const& answer : answers) {
        statuses.push_back(answer.status);
        EXPECT_TRUE(answer.headers.get("X-Request-Id"));
        EXPECT_TRUE(answer.headers.get("Content-Security-Policy"));
        // A judge writes its own refusals; the others name the request.
        if (answer.status != 401) {
            EXPECT_NE(answer.body.find(*answer.headers.get("X-Request-Id")), std::string::npos);
        }
    }
    EXPECT_EQ(statuses, (std::vector<int>{401, 403, 404, 429}));
    EXPECT_NE(metrics.text().find("status=\"4xx\""), std::string::npos);
    EXPECT_EQ(log.lines().size(), 5u);  // one of them csrf.refused
}

}  // namespace
}  // namespace zephyr::middleware
