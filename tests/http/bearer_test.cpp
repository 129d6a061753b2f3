#include "zephyr/http/bearer.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "zephyr/http/app.h"

namespace zephyr::http {
namespace {

using Form = BearerCredentials::Form;

BearerCredentials of(std::string value) {
    static Request request;
    request = testing::request_for(Method::get, "/", {{"Authorization", std::move(value)}});
    return bearer_credentials(request);
}

TEST(BearerCredentials, hold_one_token_behind_the_scheme) {
    EXPECT_EQ(of("Bearer abc.def-_~+/12==").token, "abc.def-_~+/12==");
    EXPECT_EQ(of("bEaReR abc").token, "abc") << "RFC 9110 11.1: the scheme is case-insensitive";
    EXPECT_EQ(of("Bearer   abc").token, "abc") << "RFC 6750 2.1: 1*SP";
    EXPECT_EQ(of("Bearer abc").form, Form::present);
}

TEST(BearerCredentials, with_anything_else_behind_the_scheme_are_malformed_and_still_decide) {
    for (auto const* value : {"Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer =", "Bearer ==a", "Bearer a=b", "Bearer \"a\"",
                              "Bearer\ta", "Bearer,a", "Bearer a, Basic b", "Bearer \xc3\xa4"}) {
        EXPECT_EQ(of(value).form, Form::malformed) << value;
        EXPECT_TRUE(of(value).decides()) << value;
        EXPECT_TRUE(of(value).token.empty()) << value;
    }
}

TEST(BearerCredentials, of_another_scheme_or_none_leave_the_decision_to_others) {
    for (auto const* value : {"", "Basic YTpi", "Bearerabc", "Bear abc", "DPoP abc", "Basic x, Bearer y"}) {
        EXPECT_EQ(of(value).form, Form::absent) << value;
        EXPECT_FALSE(of(value).decides()) << value;
    }
    EXPECT_EQ(bearer_credentials(testing::request_for(Method::get, "/")).form, Form::absent);
}

TEST(BearerCredentials, given_twice_are_malformed) {
    auto const request = testing::request_for(Method::get, "/", {{"Authorization", "Bearer a"}, {"authorization", "Bearer a"}});
    EXPECT_EQ(bearer_credentials(request).form, Form::malformed);
}

TEST(BearerCredentials, in_a_query_or_a_form_are_not_looked_for) {
    auto const request = testing::request_for(Method::post, "/?access_token=abc", {{"Content-Type", "application/x-www-form-urlencoded"}},
                                              "access_token=abc");
    EXPECT_EQ(bearer_credentials(request).form, Form::absent);
}

// What middleware sees of the exemption from CSRF rules.
TEST(BearerCredentials, exempt_guarded_routes_from_csrf_rules_and_open_ones_not) {
    testing::HeaderJudge judge;
    NullLog log;
    App app{judge, log};
    std::vector<bool> exempt;
    app.use({"look", [&](Request& request, Next const& next) {
                 exempt.push_back(request.csrf_exempt);
                 return next(request);
             }});
    auto const nothing = [](Request const&) { return Response::no_content(); };
    app.post("/guarded", require_login, nothing);
    app.post("/open", open_to_all("signing in sets a cookie"), nothing);
    auto const ask = [&](std::string const& path, Headers headers) {
        headers.add("Host", "id.example.test");
        (void)app.dispatch(testing::request_for(Method::post, path, std::move(headers)));
    };
    ask("/guarded", {{"Authorization", "Bearer abc"}});
    ask("/guarded", {{"Authorization", "Bearer"}});
    ask("/guarded", {{"Authorization", "Basic abc"}});
    ask("/guarded", {});
    ask("/open", {{"Authorization", "Bearer abc"}});
    ask("/nowhere", {{"Authorization", "Bearer abc"}});
    EXPECT_EQ(exempt, (std::vector<bool>{true, false, false, false, false, false}));
}

}  // namespace
}  // namespace zephyr::http
