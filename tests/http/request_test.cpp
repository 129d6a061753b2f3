#include "zephyr/http/request.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "zephyr/http/cookies.h"

namespace zephyr::http {
namespace {

using zephyr::testing::request_for;

TEST(Method, is_case_sensitive) {
    EXPECT_EQ(method_from("GET"), Method::get);
    EXPECT_EQ(method_from("DELETE"), Method::del);
    for (auto const* text : {"get", "Post", "", " GET", "TRACE", "CONNECT", "OTHER"})
        EXPECT_EQ(method_from(text), Method::other) << text;
    for (auto const method :
         {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::del, Method::options}) {
        EXPECT_EQ(method_from(to_string(method)), method);
    }
    EXPECT_TRUE(is_safe(Method::get) && is_safe(Method::head) && is_safe(Method::options));
    EXPECT_FALSE(is_safe(Method::post) || is_safe(Method::put) || is_safe(Method::patch) || is_safe(Method::del) ||
                 is_safe(Method::other));
}

TEST(Headers, compare_names_without_case_and_refuse_to_choose) {
    Headers headers{{"Accept", "a"}, {"X-B", "b"}};
    EXPECT_EQ(headers.get("ACCEPT"), "a");
    EXPECT_EQ(headers.get("X_B"), std::nullopt);
    headers.add("accept", "c");
    EXPECT_EQ(headers.get("Accept"), std::nullopt);
    EXPECT_EQ(headers.count("Accept"), 2u);
    headers.set("Accept", "d");
    EXPECT_EQ(headers.get("accept"), "d");
    headers.remove("x-b");
    EXPECT_EQ(headers.all().size(), 1u);
}

TEST(Headers, keep_their_order_and_are_copied_whole) {
    Headers headers{{"A", "1"}, {"B", ""}, {"", "3"}};
    headers.remove("b");
    headers.add("C", std::string(5000, 'c'));
    auto const copy = headers;
    headers.set("A", "changed");
    std::vector<std::string> told;
    for (auto const& [name, value] : copy.all()) told.push_back(name + "=" + value.substr(0, 3));
    EXPECT_EQ(told, (std::vector<std::string>{"A=1", "=3", "C=ccc"}));
    told.clear();
    for (auto const [name, value] : headers.views()) told.emplace_back(name);
    EXPECT_EQ(told, (std::vector<std::string>{"", "C", "A"}));
}

TEST(Headers, take_a_copy_of_a_field_of_their_own) {
    Headers headers{{"A", std::string(100, 'x')}};
    for (int i = 0; i < 50; ++i) headers.add("A-copy-of-it", headers.views().begin().operator*().value);
    for (auto const& header : headers.all()) EXPECT_EQ(header.value, std::string(100, 'x'));
    headers.set("A", *headers.get("a"));
    EXPECT_EQ(headers.get("A"), std::string(100, 'x'));
}

TEST(Request, knows_its_body_by_the_media_type_alone) {
    auto const with_type = [](std::string type) {
        return request_for(Method::post, "/", {{"Content-Type", std::move(type)}}, "a=1");
    };
    EXPECT_TRUE(with_type("application/json").has_json_body());
    EXPECT_TRUE(with_type("Application/JSON; charset=utf-8").has_json_body());
    for (auto const* type : {"", "text/plain; application/json", "application/json, text/plain", "application/jsonp",
                             "text/json", "application/problem+json"}) {
        EXPECT_FALSE(with_type(type).has_json_body()) << type;
    }
    EXPECT_TRUE(with_type("application/x-www-form-urlencoded").has_form_body());
    EXPECT_EQ(with_type("application/x-www-form-urlencoded").form("a"), "1");
    EXPECT_EQ(with_type("text/plain").form("a"), std::nullopt);
}

TEST(Request, wants_a_page_when_it_names_one_first) {
    auto const accepting = [](std::string accept) {
        return request_for(Method::get, "/", {{"Accept", std::move(accept)}}).wants_html();
    };
    EXPECT_TRUE(accepting("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
    EXPECT_TRUE(accepting("TEXT/HTML;q=0.5, application/json;q=0.4"));
    for (auto const* accept : {"*/*", "", "application/json, text/html", "application/problem+json, text/html",
                               "text/plain", "text/htmlx"}) {
        EXPECT_FALSE(accepting(accept)) << accept;
    }
    EXPECT_FALSE(request_for(Method::get, "/").wants_html());
}

TEST(Cookies, are_read_by_the_grammar) {
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(parse_cookies("a=1; b=2"), (Pairs{{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(parse_cookies("a=1;b=\"2\";  c=x=y"), (Pairs{{"a", "1"}, {"b", "2"}, {"c", "x=y"}}));
    EXPECT_EQ(parse_cookies("a="), (Pairs{{"a", ""}}));
    for (std::string const bad :
         {"", ";", "=1", "a", "a b=1", "a=1 2", "a=1,2", "a=\"1", "a=caf\xc3\xa9", "a=\\1", "a\t=1"}) {
        EXPECT_TRUE(parse_cookies(bad).empty()) << bad;
        EXPECT_EQ(parse_cookies(bad + "; ok=1"), (Pairs{{"ok", "1"}})) << bad;
    }
    std::string many;
    for (int i = 0; i < 150; ++i) many += "a" + std::to_string(i) + "=1;";
    EXPECT_EQ(parse_cookies(many).size(), 100u);
}

TEST(Cookies, of_one_name_given_twice_are_none) {
    EXPECT_EQ(cookie_from("s=1; t=2", "s"), "1");
    EXPECT_EQ(cookie_from("s=1; s=2", "s"), std::nullopt);
    EXPECT_EQ(cookie_from("s=1; s=1", "s"), std::nullopt);
    EXPECT_EQ(cookie_from("S=1", "s"), std::nullopt);
    EXPECT_EQ(request_for(Method::get, "/", {{"Cookie", "s=1"}}).cookie("s"), "1");
    EXPECT_EQ(request_for(Method::get, "/", {{"Cookie", "s=1"}, {"Cookie", "t=2"}}).cookie("s"), std::nullopt);
}

}  // namespace
}  // namespace zephyr::http
