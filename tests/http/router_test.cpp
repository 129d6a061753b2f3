#include "http/router.h"

#include <gtest/gtest.h>

#include "zephyr/foundation/fault.h"

namespace zephyr::http::detail {
namespace {

std::string where(Router const& router, std::string_view path) {
    auto const match = router.match(path);
    return match.pattern ? *match.pattern : "none";
}

TEST(Router, finds_literals_and_names) {
    Router router;
    router.add(Method::get, "/", 0);
    router.add(Method::get, "/users", 1);
    router.add(Method::get, "/users/{id}", 2);
    router.add(Method::get, "/users/{id}/sessions/{session}", 3);
    EXPECT_EQ(where(router, "/"), "/");
    EXPECT_EQ(where(router, "/users"), "/users");
    EXPECT_EQ(where(router, "/users/7"), "/users/{id}");
    auto const match = router.match("/users/7/sessions/ab c");
    EXPECT_EQ(match.parameters.at("id"), "7");
    EXPECT_EQ(match.parameters.at("session"), "ab c");
}

TEST(Router, takes_a_path_for_nothing_but_itself) {
    Router router;
    router.add(Method::get, "/users/{id}", 0);
    for (auto const* path : {"/users", "/users/", "/users/7/", "/users/7/x", "/Users/7", "/", "", "users/7"})
        EXPECT_EQ(where(router, path), "none") << path;
}

TEST(Router, prefers_the_literal_to_the_name) {
    Router router;
    router.add(Method::get, "/users/{id}", 0);
    router.add(Method::get, "/users/me", 1);
    EXPECT_EQ(where(router, "/users/me"), "/users/me");
    EXPECT_EQ(where(router, "/users/you"), "/users/{id}");
}

TEST(Router, goes_back_when_a_literal_leads_nowhere) {
    Router router;
    router.add(Method::get, "/a/{x}/c", 0);
    router.add(Method::get, "/a/b/d", 1);
    EXPECT_EQ(where(router, "/a/b/c"), "/a/{x}/c");
    EXPECT_EQ(where(router, "/a/b/d"), "/a/b/d");
    EXPECT_EQ(where(router, "/a/b/e"), "none");
}

TEST(Router, does_not_fall_back_to_a_wider_pattern_for_another_method) {
    Router router;
    router.add(Method::get, "/users/me", 0);
    router.add(Method::del, "/users/{id}", 1);
    auto const match = router.match("/users/me");
    EXPECT_EQ(match.find(Method::del), nullptr);
    EXPECT_EQ(match.allow(), "GET, HEAD, OPTIONS");
}

TEST(Router, refuses_a_route_that_stands_twice) {
    Router router;
    router.add(Method::get, "/users/{id}", 0);
    EXPECT_NO_THROW(router.add(Method::post, "/users/{id}", 1));
    EXPECT_THROW(router.add(Method::get, "/users/{id}", 2), Fault);
}

TEST(Router, refuses_patterns_that_match_the_same_path) {
    for (auto const& [first, second] : std::vector<std::pair<char const*, char const*>>{
             {"/users/{id}", "/users/{name}"}, {"/a/{x}/c", "/a/b/{y}"}, {"/{a}/b", "/a/{b}"}, {"/{x}", "/{y}"}}) {
        Router router;
        router.add(Method::get, first, 0);
        EXPECT_THROW(router.add(Method::get, second, 1), Fault) << first << " " << second;
        EXPECT_THROW(router.add(Method::post, second, 1), Fault) << first << " " << second;
    }
}

TEST(Router, refuses_malformed_patterns) {
    for (auto const* pattern : {"",     "users", "/users/", "//",     "/a//b",      "/{}",          "/{id",
                                "/id}", "/{Id}", "/{1}",    "/a{id}", "/{id}x",     "/../a",        "/./a",
                                "/a b", "/a?b",  "/a%20b",  "/a;b",   "/{id}/{id}", "/caf\xc3\xa9", "/*"}) {
        Router router;
        EXPECT_THROW(router.add(Method::get, pattern, 0), Fault) << pattern;
    }
}

TEST(Router, serves_head_from_get) {
    Router router;
    router.add(Method::get, "/a", 5);
    auto const match = router.match("/a");
    ASSERT_NE(match.find(Method::head), nullptr);
    EXPECT_EQ(*match.find(Method::head), 5u);
}

}  // namespace
}  // namespace zephyr::http::detail
