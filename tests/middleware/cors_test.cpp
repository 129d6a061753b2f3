#include "zephyr/middleware/cors.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;
using http::Method;

CorsSettings for_app(bool credentials = false) {
    return {.origins = {"https://app.test", "http://localhost:3000"}, .credentials = credentials};
}

http::Response through(CorsSettings settings, http::Request request, bool* reached = nullptr) {
    return cors(std::move(settings)).run(request, [&](http::Request&) {
        if (reached != nullptr) *reached = true;
        return http::Response::text(200, "data");
    });
}

http::Response from(CorsSettings settings, std::string origin) {
    return through(std::move(settings), request_for(Method::get, "/", {{"Origin", std::move(origin)}}));
}

TEST(Cors, allows_exactly_the_named_origins) {
    auto const response = from(for_app(), "https://app.test");
    EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "https://app.test");
    EXPECT_EQ(response.headers.count("Access-Control-Allow-Credentials"), 0u);
    EXPECT_EQ(from(for_app(true), "http://localhost:3000").headers.get("Access-Control-Allow-Credentials"), "true");
}

TEST(Cors, suffix_prefix_and_null_origins_get_nothing) {
    for (auto const* origin :
         {"null", "", "https://app.test.evil.test", "https://evil-app.test", "https://evilapp.test",
          "https://sub.app.test", "http://app.test", "https://app.test:8443", "https://app.test/", "https://app.tes",
          "https://app.test\t", "HTTPS://app.test", "https://APP.test", "http://localhost", "http://localhost:30000",
          "https://app.test https://evil.test", "*"}) {
        auto const response = from(for_app(true), origin);
        EXPECT_EQ(response.headers.count("Access-Control-Allow-Origin"), 0u) << origin;
        EXPECT_EQ(response.headers.count("Access-Control-Allow-Credentials"), 0u) << origin;
        EXPECT_EQ(response.status, 200);
    }
}

TEST(Cors, credentials_star_does_not_start) {
    EXPECT_THROW(static_cast<void>(cors({.origins = {"*"}, .credentials = true})), Fault);
    EXPECT_THROW(static_cast<void>(cors({.origins = {"*", "https://app.test"}})), Fault);
    auto const response = from({.origins = {"*"}}, "https://anybody.test");
    EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(response.headers.count("Access-Control-Allow-Credentials"), 0u);
}

TEST(Cors, does_not_start_with_an_origin_no_browser_writes) {
    for (auto const* origin : {"null", "", "app.test", "https://app.test/", "https://app.test:443", "https://App.test",
                               "https://*.app.test", "https://app.test/path", "ftp://app.test", "https://u@app.test"}) {
        EXPECT_THROW(static_cast<void>(cors({.origins = {origin}})), Fault) << origin;
    }
}

TEST(Cors, vary_names_the_origin_whoever_asks) {
    EXPECT_EQ(through(for_app(), request_for(Method::get, "/")).headers.get("Vary"), "Origin");
    EXPECT_EQ(from(for_app(), "https://app.test").headers.get("Vary"), "Origin");
    EXPECT_EQ(from(for_app(), "https://evil.test").headers.get("Vary"), "Origin");
    EXPECT_EQ(from({.origins = {"*"}}, "https://app.test").headers.count("Vary"), 0u);
}

TEST(Cors, answers_a_preflight_itself) {
    bool reached = false;
    auto const response = through(
        for_app(),
        request_for(Method::options, "/", {{"Origin", "https://app.test"}, {"Access-Control-Request-Method", "POST"}}),
        &reached);
    EXPECT_FALSE(reached);
    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(response.headers.get("Access-Control-Allow-Methods"), "GET, POST");
    EXPECT_EQ(response.headers.get("Access-Control-Allow-Headers"), "Authorization, Content-Type");
    EXPECT_EQ(response.headers.get("Access-Control-Max-Age"), "600");
    EXPECT_NE(response.headers.get("Vary")->find("Origin"), std::string_view::npos);
}

TEST(Cors, gives_a_strangers_preflight_nothing) {
    bool reached = false;
    auto const response = through(
        for_app(),
        request_for(Method::options, "/", {{"Origin", "https://evil.test"}, {"Access-Control-Request-Method", "POST"}}),
        &reached);
    EXPECT_TRUE(reached);
    EXPECT_EQ(response.headers.count("Access-Control-Allow-Methods"), 0u);
    EXPECT_EQ(response.headers.count("Access-Control-Allow-Origin"), 0u);
}

TEST(Cors, says_nothing_without_settings) {
    auto const response = from({}, "https://app.test");
    EXPECT_EQ(response.headers.all().size(), 1u);  // Content-Type
}

}  // namespace
}  // namespace zephyr::middleware
