#include "zephyr/middleware/csrf.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "testing/scripted_random.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/app.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;
using http::Method;

constexpr char json[] = "application/json";
constexpr char form[] = "application/x-www-form-urlencoded";
constexpr char issuer[] = "https://id.test";

class CsrfTest : public ::testing::Test {
protected:
    ScriptedRandom random;
    NullLog log;
    http::CsrfTokens tokens{SecretBytes{Bytes(32, std::byte{1})}, random};
    HeaderJudge judge;
    http::App app{judge, log};

    CsrfTest() {
        app.use(csrf(tokens, issuer, log));
        auto const done = [](http::Request const& request) { return http::Response::text(200, request.csrf_token); };
        for (auto const* path : {"/auth/login", "/auth/register", "/account"}) {
            app.get(path, http::open_to_all("a test of CSRF"), done);
            app.post(path, http::open_to_all("a test of CSRF"), done);
            app.put(path, http::open_to_all("a test of CSRF"), done);
            app.patch(path, http::open_to_all("a test of CSRF"), done);
            app.del(path, http::open_to_all("a test of CSRF"), done);
        }
        app.post("/token", http::open_to_all("a test of CSRF"), done,
                 {.csrf_exempt_reason = "clients authenticate without cookies"});
    }

    // "passed", or the id of the refusal.
    std::string outcome(Method method, std::string path, http::Headers headers, std::string body = "{}") {
        auto const response = app.dispatch(request_for(method, std::move(path), std::move(headers), std::move(body)));
        if (response.status == 200) return "passed";
        EXPECT_EQ(response.status, 403);
        return encoding::parse_json(response.body).value().string_at("id").value_or("");
    }
    std::string post(http::Headers headers, std::string body = "{}") {
        return outcome(Method::post, "/account", std::move(headers), std::move(body));
    }
};

constexpr char passed[] = "passed";
constexpr char cross_site[] = "csrf.cross_site";
constexpr char origin_missing[] = "csrf.origin_missing";
constexpr char token_missing[] = "csrf.token_missing";
constexpr char token_wrong[] = "csrf.token_wrong";

TEST_F(CsrfTest, sfs_cross_refuses_what_other_sites_send) {
    for (auto const* site :
         {"cross-site", "same-site", "none", "", "Same-Origin", "same-origin, cross-site", "garbage"}) {
        EXPECT_EQ(post({{"Sec-Fetch-Site", site}, {"Content-Type", json}}), cross_site) << site;
        // A matching Origin does not make up for it.
        EXPECT_EQ(post({{"Sec-Fetch-Site", site}, {"Origin", issuer}, {"Content-Type", json}}), cross_site) << site;
    }
    EXPECT_EQ(post({{"Sec-Fetch-Site", "same-origin"}, {"Content-Type", json}}), passed);
    // What a browser's own form sends under some referrer policies.
    EXPECT_EQ(post({{"Sec-Fetch-Site", "same-origin"}, {"Origin", "null"}, {"Content-Type", json}}), passed);
}

TEST_F(CsrfTest, sfs_missing_origin_only_compares_the_origin_byte_for_byte) {
    EXPECT_EQ(post({{"Origin", issuer}, {"Content-Type", json}}), passed);
    for (auto const* origin :
         {"null", "", "http://id.test", "https://id.test:443", "https://id.test/", "https://id.test.evil.test",
          "https://evil-id.test", "https://sub.id.test", "https://ID.test", "https://id.test, https://evil.test",
          "https://user@id.test", "id.test", "https://id.tes"}) {
        EXPECT_EQ(post({{"Origin", origin}, {"Content-Type", json}}), cross_site) << origin;
    }
}

TEST_F(CsrfTest, content_type_lets_a_program_without_either_header_send_json_only) {
    EXPECT_EQ(post({{"Content-Type", json}}), passed);
    EXPECT_EQ(post({{"Content-Type", "application/json; charset=utf-8"}}), passed);
    EXPECT_EQ(post({}, ""), origin_missing);
    for (auto const* type : {form, "text/plain", "multipart/form-data; boundary=x", "text/plain; application/json",
                             "application/json, text/plain", "", "application/octet-stream", "text/json"}) {
        EXPECT_EQ(post({{"Content-Type", type}}), origin_missing) << type;
    }
}

TEST_F(CsrfTest, forms_carry_the_token_even_from_our_own_pages) {
    http::Headers const page{
        {"Sec-Fetch-Site", "same-origin"}, {"Content-Type", form}, {"Cookie", "__Host-zephyr_session=abc"}};
    auto const token = tokens.issue(request_for(Method::get, "/", page)).token;
    EXPECT_EQ(post(page, "a=1"), token_missing);
    EXPECT_EQ(post(page, "a=1&csrf_token=" + token), passed);
    EXPECT_EQ(post(page, "csrf_token=" + token.substr(1)), token_wrong);
    EXPECT_EQ(post(page, "csrf_token=" + token + "&csrf_token=" + token), token_missing);
    auto with_header = page;
    with_header.add("X-CSRF-Token", token);
    EXPECT_EQ(post(with_header, "a=1"), passed);
    // In a header, in the query or in another's name it is not in the form.
    EXPECT_EQ(outcome(Method::post, "/account?csrf_token=" + token, page, "a=1"), token_missing);
}

TEST_F(CsrfTest, forms_of_every_kind_a_page_can_send_carry_it) {
    for (auto const* type : {"text/plain", "multipart/form-data; boundary=x", "TEXT/PLAIN;charset=utf-8", ""}) {
        EXPECT_EQ(post({{"Sec-Fetch-Site", "same-origin"}, {"Content-Type", type}}, "{\"a\":1}"), token_missing)
            << type;
    }
    EXPECT_EQ(post({{"Sec-Fetch-Site", "same-origin"}}, "a=1"), token_missing);
    EXPECT_EQ(post({{"Sec-Fetch-Site", "same-origin"}}, ""), passed);  // fetch("/logout", {method: "POST"})
}

TEST_F(CsrfTest, the_token_does_not_excuse_another_site) {
    http::Headers headers{{"Content-Type", form}, {"Cookie", "__Host-zephyr_session=abc"}};
    auto const token = tokens.issue(request_for(Method::get, "/", headers)).token;
    EXPECT_EQ(post(headers, "csrf_token=" + token), origin_missing);
    headers.add("Origin", "https://evil.test");
    EXPECT_EQ(post(headers, "csrf_token=" + token), cross_site);
}

TEST_F(CsrfTest, login_is_covered_before_there_is_a_session) {
    for (auto const* path : {"/auth/login", "/auth/register"}) {
        EXPECT_EQ(outcome(Method::post, path, {{"Sec-Fetch-Site", "cross-site"}, {"Content-Type", json}}), cross_site);
        EXPECT_EQ(outcome(Method::post, path, {{"Sec-Fetch-Site", "same-origin"}, {"Content-Type", form}}, "a=1"),
                  token_missing);
        // The attacker's own token and visitor cookie: the victim's browser has another cookie.
        auto const attacker = tokens.issue(request_for(Method::get, "/"));
        http::Headers const victim{
            {"Sec-Fetch-Site", "same-origin"}, {"Content-Type", form}, {"Cookie", "__Host-zephyr_visitor=other"}};
        EXPECT_EQ(outcome(Method::post, path, victim, "csrf_token=" + attacker.token), token_wrong);
    }
}

TEST_F(CsrfTest, a_page_gets_a_token_that_its_form_can_use) {
    auto const page = app.dispatch(request_for(Method::get, "/auth/login", {{"Accept", "text/html"}}));
    ASSERT_EQ(page.headers.count("Set-Cookie"), 1u);
    auto const cookie = std::string{*page.headers.get("Set-Cookie")};
    http::Headers const back{{"Sec-Fetch-Site", "same-origin"},
                             {"Content-Type", form},
                             {"Cookie", cookie.substr(0, cookie.find(';'))},
                             {"Accept", "text/html"}};
    auto const answer = app.dispatch(request_for(Method::post, "/auth/login", back, "csrf_token=" + page.body));
    EXPECT_EQ(answer.status, 200);
    // The page that answers a form has a token too, and the browser keeps its cookie.
    EXPECT_EQ(answer.body.size(), 86u);
    EXPECT_NE(answer.body, page.body);
    EXPECT_EQ(answer.headers.count("Set-Cookie"), 0u);
    // Programs get neither.
    EXPECT_EQ(app.dispatch(request_for(Method::get, "/auth/login")).body, "");
}

TEST_F(CsrfTest, method_override_changes_nothing) {
    for (auto const* header : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}) {
        EXPECT_EQ(post({{header, "GET"}, {"Sec-Fetch-Site", "cross-site"}, {"Content-Type", json}}), cross_site)
            << header;
    }
    EXPECT_EQ(outcome(Method::post, "/account?_method=GET", {{"Sec-Fetch-Site", "cross-site"}, {"Content-Type", form}},
                      "_method=GET"),
              cross_site);
    // And a GET stays one: it reaches GET's handler, which changes nothing.
    EXPECT_EQ(outcome(Method::get, "/account?_method=DELETE",
                      {{"X-HTTP-Method-Override", "DELETE"}, {"Sec-Fetch-Site", "cross-site"}}, ""),
              passed);
}

TEST_F(CsrfTest, covers_every_method_that_changes_state) {
    for (auto const method : {Method::post, Method::put, Method::patch, Method::del}) {
        EXPECT_EQ(outcome(method, "/account", {{"Sec-Fetch-Site", "cross-site"}}), cross_site) << to_string(method);
    }
    // Links from mails and other sites arrive this way.
    for (auto const* site : {"cross-site", "same-site", "none"})
        EXPECT_EQ(outcome(Method::get, "/account", {{"Sec-Fetch-Site", site}}, ""), passed);
}

TEST_F(CsrfTest, leaves_exempt_routes_alone) {
    EXPECT_EQ(outcome(Method::post, "/token", {{"Sec-Fetch-Site", "cross-site"}, {"Content-Type", form}}, "a=1"),
              passed);
}

TEST_F(CsrfTest, gives_an_exempt_route_neither_token_nor_cookie) {
    app.get("/asked", http::open_to_all("a test of CSRF"), [](http::Request const& request) { return http::Response::text(200, request.csrf_token); },
            {.csrf_exempt_reason = "asked by other servers"});
    auto const asked = app.dispatch(request_for(Method::get, "/asked", {{"Accept", "text/html"}}));
    EXPECT_EQ(asked.body, "");
    EXPECT_EQ(asked.headers.count("Set-Cookie"), 0u);
    auto const page = app.dispatch(request_for(Method::get, "/account", {{"Accept", "text/html"}}));
    EXPECT_NE(page.body, "");
    EXPECT_EQ(page.headers.count("Set-Cookie"), 1u);
}

TEST_F(CsrfTest, does_not_start_with_a_malformed_issuer) {
    for (auto const* origin :
         {"", "id.test", "https://id.test/", "https://id.test:443", "https://ID.test", "null", "ftp://id.test"}) {
        EXPECT_THROW(static_cast<void>(csrf(tokens, origin, log)), Fault) << origin;
    }
    EXPECT_NO_THROW(static_cast<void>(csrf(tokens, "http://localhost:8080", log)));
}

}  // namespace
}  // namespace zephyr::middleware
