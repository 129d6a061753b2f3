#include "zephyr/middleware/security_headers.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "testing/scripted_random.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;

http::Response through(http::Middleware const& layer, http::Request request,
                       http::Response answer = http::Response::html(200, "")) {
    return layer.run(request, [&](http::Request&) { return answer; });
}

TEST(SecurityHeaders, stand_on_every_answer) {
    ScriptedRandom random;
    auto const layer = security_headers(random);
    auto const response = through(layer, request_for(http::Method::get, "/"));
    std::vector<std::pair<std::string, std::string>> const expected{{"Cross-Origin-Opener-Policy", "same-origin"},
                                                                    {"Cross-Origin-Embedder-Policy", "require-corp"},
                                                                    {"Cross-Origin-Resource-Policy", "same-origin"},
                                                                    {"Referrer-Policy", "same-origin"},
                                                                    {"X-Content-Type-Options", "nosniff"},
                                                                    {"X-Frame-Options", "DENY"},
                                                                    {"Cache-Control", "no-store"}};
    for (auto const& [name, value] : expected) EXPECT_EQ(response.headers.get(name), value) << name;
    EXPECT_TRUE(response.headers.get("Permissions-Policy")->find("camera=()") != std::string_view::npos);
}

TEST(SecurityHeaders, give_the_policy_the_nonce_that_the_page_gets) {
    ScriptedRandom random;
    auto const layer = security_headers(random);
    std::string nonce;
    auto request = request_for(http::Method::get, "/");
    auto const page = [&](http::Request& inner) {
        nonce = inner.csp_nonce;
        return http::Response::html(200, "");
    };
    auto const response = layer.run(request, page);
    EXPECT_EQ(nonce.size(), 22u);
    EXPECT_EQ(response.headers.get("Content-Security-Policy"),
              "default-src 'none'; script-src 'self' 'nonce-" + nonce + "'; style-src 'self' 'nonce-" + nonce +
                  "'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors "
                  "'none'; base-uri 'none'");
    auto const first = nonce;
    static_cast<void>(layer.run(request, page));
    EXPECT_NE(nonce, first);
}

TEST(SecurityHeaders, allow_an_answer_that_is_no_page_nothing_at_all) {
    ScriptedRandom random;
    auto const layer = security_headers(random);
    auto const policy = [&](http::Response answer, http::Headers asked = {}) {
        auto const response = through(layer, request_for(http::Method::get, "/", std::move(asked)), std::move(answer));
        EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
        EXPECT_EQ(response.headers.get("X-Frame-Options"), "DENY");
        return std::string{response.headers.get("Content-Security-Policy").value_or("")};
    };
    std::string const nothing = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    constexpr Failure denied{Kind::denied, "test.denied"};
    EXPECT_EQ(policy(http::Response::no_content()), nothing);
    EXPECT_EQ(policy({200, {{"Remote-User", "ann"}}, ""}), nothing);
    EXPECT_EQ(policy(http::Response::json(200, encoding::Json::object({{"a", "b"}}))), nothing);
    EXPECT_EQ(policy(http::Response::text(200, "a")), nothing);
    EXPECT_EQ(policy(http::render(denied)), nothing);
    // What may be shown as a page has the policy of one.
    auto const is_for_a_page = [](std::string const& text) { return text.find("script-src 'self' 'nonce-") != std::string::npos; };
    EXPECT_TRUE(is_for_a_page(policy(http::render(denied), {{"Accept", "text/html"}})));
    for (auto const* type : {"text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml", "image/svg+xml", "", "application/jsonp"})
        EXPECT_TRUE(is_for_a_page(policy({200, {{"Content-Type", type}}, "a"}))) << type;
    EXPECT_TRUE(is_for_a_page(policy({200, {{"Content-Type", "text/plain"}, {"Content-Type", "text/html"}}, "a"})));
    EXPECT_TRUE(is_for_a_page(policy({200, {}, "a"})));
    EXPECT_EQ(policy(http::Response::text(200, "a").with_header("Content-Security-Policy", "own")), "own");
}

TEST(SecurityHeaders, allow_nothing_inline_and_nothing_foreign) {
    auto const policy = content_security_policy("n");
    for (auto const* hole : {"unsafe-inline", "unsafe-eval", "*", "http:", "https:", "blob:", "strict-dynamic"})
        EXPECT_EQ(policy.find(hole), std::string::npos) << hole;
}

// CSP3 form-action: "restricts the URLs which can be used as the target of a form submissions", and browsers look at every redirect
// that answers one.
TEST(SecurityHeaders, let_a_form_lead_where_the_operator_says_and_nothing_else_go_there) {
    ScriptedRandom random;
    auto const layer = security_headers(random, {.form_targets = {"https://app.example.com:*", "https://wiki.example.com:*"}});
    std::string const policy{through(layer, request_for(http::Method::get, "/")).headers.get("Content-Security-Policy").value_or("")};
    std::string const directive = "form-action 'self' https://app.example.com:* https://wiki.example.com:*;";
    EXPECT_NE(policy.find(directive), std::string::npos) << policy;
    EXPECT_EQ(policy.find("example.com", policy.find(directive) + directive.size()), std::string::npos);
    EXPECT_EQ(policy.substr(0, policy.find(directive)).find("example.com"), std::string::npos);
}

TEST(SecurityHeaders, keep_what_the_handler_set) {
    ScriptedRandom random;
    auto const response =
        through(security_headers(random), request_for(http::Method::get, "/static/a.css"),
                http::Response::text(200, "").with_header("cache-control", "public, max-age=31536000, immutable"));
    EXPECT_EQ(response.headers.get("Cache-Control"), "public, max-age=31536000, immutable");
    EXPECT_EQ(response.headers.count("Cache-Control"), 1u);
}

TEST(SecurityHeaders, pin_https_only_over_https) {
    ScriptedRandom random;
    auto request = request_for(http::Method::get, "/");
    EXPECT_EQ(through(security_headers(random), request).headers.count("Strict-Transport-Security"), 0u);
    request.scheme = "https";
    EXPECT_EQ(through(security_headers(random), request).headers.get("Strict-Transport-Security"), "max-age=31536000");
    EXPECT_EQ(through(security_headers(random, {std::chrono::seconds{60}, true}), request)
                  .headers.get("Strict-Transport-Security"),
              "max-age=60; includeSubDomains");
    EXPECT_EQ(through(security_headers(random, {std::chrono::seconds{0}, true}), request)
                  .headers.count("Strict-Transport-Security"),
              0u);
}

}  // namespace
}  // namespace zephyr::middleware
