#include "zephyr/http/response.h"

#include <gtest/gtest.h>

#include "zephyr/foundation/fault.h"
#include "zephyr/http/problem.h"

namespace zephyr::http {
namespace {

constexpr Failure busy{Kind::unavailable, "test.busy"};
constexpr Failure weak{Kind::invalid, "test.weak"};

TEST(Response, lets_no_header_split_it) {
    auto response = Response::no_content();
    for (auto const& value : std::vector<std::string>{"a\r\nSet-Cookie: b=c", "a\nb", "a\rb", std::string{"a\0b", 3},
                                                      "\x01", "\x7f", "a\r\n\r\n<script>"}) {
        EXPECT_THROW(response.with_header("X-A", value), Fault);
        EXPECT_THROW(response.with_header("X-A" + value, "a"), Fault);
        EXPECT_THROW(static_cast<void>(Response::see_other("/" + value)), Fault);
    }
    EXPECT_THROW(response.with_header("", "a"), Fault);
    EXPECT_THROW(response.with_header("X A", "a"), Fault);
    EXPECT_THROW(response.with_header("X:A", "a"), Fault);
    EXPECT_TRUE(response.headers.all().empty());
}

TEST(Response, finds_a_control_character_wherever_it_stands) {
    for (std::size_t size = 1; size < 40; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string value(size, 'a');
            for (char const c : {'\r', '\n', '\0', '\x1f', '\x7f'}) {
                value[at] = c;
                EXPECT_THROW(static_cast<void>(Response::no_content().with_header("X-A", value)), Fault)
                    << size << " " << at;
            }
            for (char const c : {'\t', ' ', '~', '\x80', '\xff'}) {
                value[at] = c;
                EXPECT_EQ(Response::no_content().with_header("X-A", value).headers.get("X-A"), value);
            }
        }
    }
}

TEST(Response, sets_replaces_adds_and_merges_headers) {
    auto const response = Response::text(200, "a")
                              .with_header("content-type", "text/css")
                              .with_header("Vary", "Origin")
                              .with_header("vary", "Accept-Language")
                              .with_header("Vary", "origin")
                              .with_header("WWW-Authenticate", "Bearer")
                              .with_header("WWW-Authenticate", "UMA")
                              .with_cookie({"a", "1"})
                              .with_cookie({"b", "2"});
    EXPECT_EQ(response.headers.get("Content-Type"), "text/css");
    EXPECT_EQ(response.headers.get("Vary"), "Origin, Accept-Language");
    EXPECT_EQ(response.headers.count("WWW-Authenticate"), 2u);
    EXPECT_EQ(response.headers.count("Set-Cookie"), 2u);
    EXPECT_EQ(response.headers.get("Set-Cookie"), std::nullopt);
}

TEST(Response, redirects_to_paths_of_ours_and_to_built_urls_only) {
    EXPECT_EQ(Response::see_other("/account?x=1").headers.get("Location"), "/account?x=1");
    EXPECT_EQ(Response::see_other("https://app.test/cb").status, 303);
    for (auto const* location : {"", "account", "//evil.test", "/\\evil.test", "\\\\evil.test", "javascript:alert(1)",
                                 "/a b", "/\tevil.test", "data:x", "/caf\xc3\xa9"}) {
        EXPECT_THROW(static_cast<void>(Response::see_other(location)), Fault) << location;
    }
}

//= https://www.rfc-editor.org/rfc/rfc9457#section-3
//= type=test
// # The canonical model for problem details is a JSON [JSON] object.
TEST(Problem, is_json_with_the_failure_id) {
    auto const response = render(Error{weak, "row 7 of table users"}.with_reason("too short"), "0190-1");
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.headers.get("Content-Type"), "application/problem+json");
    EXPECT_EQ(
        response.body,
        R"({"type":"about:blank","title":"Bad Request","status":400,"detail":"too short","id":"test.weak","request_id":"0190-1"})");
    EXPECT_EQ(response.headers.count("Retry-After"), 0u);
    EXPECT_TRUE(is_problem(response));
    EXPECT_FALSE(is_problem(Response::text(400, "x")));
}

TEST(Problem, keeps_the_detail_meant_for_the_log_to_itself) {
    EXPECT_EQ(render(Error{weak, "secret detail"}).body.find("secret"), std::string::npos);
}

TEST(Problem, says_when_to_try_again) {
    EXPECT_EQ(render(busy).status, 503);
    EXPECT_EQ(render(busy).headers.get("Retry-After"), "1");
    EXPECT_EQ(render(busy, {}, std::chrono::seconds{30}).headers.get("Retry-After"), "30");
    EXPECT_EQ(render(busy, {}, std::chrono::seconds{0}).headers.get("Retry-After"), "1");
}

TEST(StatusOf, maps_every_kind) {
    std::vector<std::pair<Kind, int>> const table{
        {Kind::invalid, 400},   {Kind::unauthenticated, 401}, {Kind::denied, 403},
        {Kind::not_found, 404}, {Kind::conflict, 409},        {Kind::expired, 410},
        {Kind::limited, 429},   {Kind::unavailable, 503},     {Kind::unsupported, 501}};
    for (auto const& [kind, status] : table) {
        EXPECT_EQ(status_of(kind), status);
        EXPECT_NE(reason_phrase(status), "Error");
    }
}

TEST(Cookie, is_written_with_safe_defaults) {
    EXPECT_EQ((Cookie{"__Host-s", "abc"}.header()), "__Host-s=abc; Path=/; Secure; HttpOnly; SameSite=Lax");
    Cookie gone{"lang", ""};
    gone.max_age = std::chrono::seconds{0};
    gone.http_only = false;
    gone.secure = false;
    EXPECT_EQ(gone.header(), "lang=; Path=/; Max-Age=0; SameSite=Lax");
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2
//= type=test
// # with a Secure attribute, a Path attribute with a value of /, and no Domain attribute.
TEST(Cookie, keeps_the_rules_of_its_prefix) {
    auto const broken = [](auto change) {
        Cookie cookie{"__Host-s", "abc"};
        change(cookie);
        return cookie;
    };
    EXPECT_THROW(static_cast<void>(broken([](Cookie& c) { c.secure = false; }).header()), Fault);
    EXPECT_THROW(static_cast<void>(broken([](Cookie& c) { c.path = "/auth"; }).header()), Fault);
    EXPECT_THROW(static_cast<void>(broken([](Cookie& c) { c.name = "__host-s", c.secure = false; }).header()), Fault);
    EXPECT_THROW(static_cast<void>(broken([](Cookie& c) { c.name = "__Secure-s", c.secure = false; }).header()), Fault);
    EXPECT_NO_THROW(static_cast<void>(broken([](Cookie& c) { c.name = "__Secure-s", c.path = "/auth"; }).header()));
}

TEST(Cookie, refuses_characters_that_end_it_early) {
    for (std::string const bad : {"a;b", "a b", "a,b", "a\"b", "a\\b", "a\r\nb", "caf\xc3\xa9", "a\x7f"}) {
        EXPECT_THROW(static_cast<void>(Cookie{"n", bad}.header()), Fault) << bad;
        EXPECT_THROW(static_cast<void>(Cookie{bad, "v"}.header()), Fault) << bad;
    }
    EXPECT_THROW(static_cast<void>(Cookie{"", "v"}.header()), Fault);
    EXPECT_THROW(static_cast<void>(Cookie{"a=b", "v"}.header()), Fault);
    EXPECT_THROW(static_cast<void>((Cookie{"n", "v", "/; Domain=test"}.header())), Fault);
    EXPECT_THROW(static_cast<void>((Cookie{"n", "v", "auth"}.header())), Fault);
    EXPECT_THROW(static_cast<void>((Cookie{"n", "v", "/", true, true, "lax"}.header())), Fault);
    EXPECT_THROW(static_cast<void>((Cookie{"n", "v", "/", false, true, "None"}.header())), Fault);
}

}  // namespace
}  // namespace zephyr::http
