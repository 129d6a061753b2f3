#include "zephyr/http/url_firewall.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "zephyr/http/app.h"

namespace zephyr::http {
namespace {

using zephyr::testing::HeaderJudge;
using zephyr::testing::request_for;

// Hostile as a whole segment.
std::vector<std::string> const hostile_segments{".",         "..",         "%2e",
                                                "%2E",       "%2e%2e",     "%2E%2e",
                                                ".%2e",      "%2e.",       "..;",
                                                "..;x=y",    "..%3b",      "%2e%2e%3B",
                                                ";",         ";a=b",       "x;jsessionid=1",
                                                "%3b",       "x%3By",      "..%00",
                                                "..%2f",     "%2e%2e%2f",  "%2f%2e%2e",
                                                "..%5c",     "%5c..",      "%2e%2e%5c",
                                                "..%252f",   "%252e%252e", "%252e",
                                                "%25%32%65", "..%c0%af",   "%c0%ae%c0%ae",
                                                "%c0%ae",    "%e0%80%ae",  "%u002e%u002e",
                                                "..%u2216",  "%uff0e"};

// Hostile wherever it stands.
std::vector<std::string> const hostile_anywhere{"%2f",
                                                "%2F",
                                                "%5c",
                                                "%5C",
                                                "\\",
                                                "%00",
                                                "%0a",
                                                "%0d",
                                                "%0d%0a",
                                                "%09",
                                                "%0b",
                                                "%1b",
                                                "%1f",
                                                "%7f",
                                                "%25",
                                                "%2525",
                                                "%252f",
                                                "%255c",
                                                "%2500",
                                                "%",
                                                "%2x",
                                                "%g0",
                                                "%0g",
                                                "%%",
                                                "%-1",
                                                "% 20",
                                                "%c0%af",
                                                "%c1%9c",
                                                "%e0%80%af",
                                                "%f0%80%80%af",
                                                "%ff",
                                                "%fe",
                                                "%80",
                                                "%ed%a0%80",
                                                "%f4%90%80%80",
                                                "%c3",
                                                "%c2%80",
                                                "%c2%85",
                                                "%e2%80%8b",
                                                "%e2%80%ae",
                                                "%ef%bb%bf",
                                                "%e2%80%a8",
                                                "%ef%bc%8f",
                                                "%ef%bc%8e",
                                                "%ef%bc%bc",
                                                "%ef%bc%9b",
                                                "%cd%be",
                                                "%ef%bc%85",
                                                "%e2%84%80",
                                                "%e2%80%a4",
                                                "%e2%88%95",
                                                "%e2%81%84",
                                                std::string("\0", 1),
                                                "\t",
                                                "\r",
                                                "\n",
                                                " ",
                                                "\x7f",
                                                "\x01",
                                                "\"",
                                                "<",
                                                ">",
                                                "^",
                                                "`",
                                                "{",
                                                "|",
                                                "}",
                                                "\xc3\xa9",
                                                "\xff",
                                                "\xef\xbc\x8f",
                                                "[",
                                                "]"};

std::vector<std::string> const hostile_targets{"",
                                               "*",
                                               "?",
                                               "?a=b",
                                               "a",
                                               "a/b",
                                               "admin",
                                               "//",
                                               "///",
                                               "//admin",
                                               "/a//b",
                                               "/a///b",
                                               "//evil.test/x",
                                               "/%2f",
                                               "/%2f%2f",
                                               "\\",
                                               "\\admin",
                                               "/\\evil.test",
                                               "http://a.test/",
                                               "https://a.test/admin",
                                               "HTTP://a.test/",
                                               "//user@host/",
                                               "a.test:443",
                                               "javascript:alert(1)",
                                               "#",
                                               "/#",
                                               "/a#b",
                                               "/a?b#c",
                                               "/a?b\\c",
                                               "/a?b c",
                                               "/a?b\tc",
                                               "/a?b\nc",
                                               "/a?\x7f",
                                               "/a?\xc3\xa9",
                                               "/a?b=%",
                                               "/a?b=%2",
                                               "/a?b=%zz",
                                               "/a?b=%00",
                                               "/a?b=%ff",
                                               "/a?%c0%af",
                                               "/a?b=%ed%a0%80",
                                               " /a",
                                               "/a ",
                                               "/ a",
                                               "/a?b=%u0041",
                                               "./a",
                                               "../a",
                                               "/.",
                                               "/..",
                                               "/../",
                                               "/./",
                                               "/a/..",
                                               "/a/.",
                                               "/a/../b",
                                               "/a/./b",
                                               "/a/b/../../c",
                                               "/..%2f..%2fetc/passwd",
                                               "/admin/..;/public",
                                               "/public/..;/admin",
                                               "/public;/../admin",
                                               "/public/%2e%2e/admin",
                                               "/public/.%2e/admin",
                                               "/public%2f..%2fadmin",
                                               "/public/..%5cadmin",
                                               "/public/%252e%252e/admin",
                                               "/%61dmin/../x",
                                               "/admin%00.css",
                                               "/admin%0a",
                                               "/admin;x.css",
                                               "/admin%3b.css",
                                               "/admin%23%2f..",
                                               "/admin%3f/../x"};

std::vector<std::string> hostile_corpus() {
    std::vector<std::string> corpus = hostile_targets;
    for (auto const& segment : hostile_segments) {
        for (auto const& [before, after] : std::vector<std::pair<std::string, std::string>>{
                 {"/", ""}, {"/admin/", ""}, {"/", "/admin"}, {"/public/", "/admin"}}) {
            corpus.push_back(before + segment + after);
        }
    }
    for (auto const& text : hostile_anywhere) {
        for (auto const& [before, after] : std::vector<std::pair<std::string, std::string>>{{"/", ""},
                                                                                            {"/admin", ""},
                                                                                            {"/public/", "admin"},
                                                                                            {"/ad", "min"},
                                                                                            {"/public/x", "/y"},
                                                                                            {"/", "/admin?a=b"}}) {
            corpus.push_back(before + text + after);
        }
    }
    return corpus;
}

TEST(UrlFirewall, refuses_every_target_of_the_hostile_corpus) {
    auto const corpus = hostile_corpus();
    EXPECT_GE(corpus.size(), 300u);
    for (auto const& target : corpus) EXPECT_FALSE(check_target(target).ok()) << target;
}

TEST(UrlFirewall, accepts_ordinary_targets_and_decodes_them_once) {
    for (auto const& [target, path] : std::vector<std::pair<std::string, std::string>>{
             {"/", "/"},
             {"/a", "/a"},
             {"/a/", "/a/"},
             {"/a/b.c", "/a/b.c"},
             {"/.well-known/openid-configuration", "/.well-known/openid-configuration"},
             {"/a...b", "/a...b"},
             {"/...", "/..."},
             {"/%61dmin", "/admin"},
             {"/ann%20b", "/ann b"},
             {"/caf%C3%A9", "/caf\xc3\xa9"},
             {"/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="},
             {"/a~b-c_d", "/a~b-c_d"},
             {"/x%3Fy", "/x?y"},
             {"/x%23y", "/x#y"},
             {"/a+b", "/a+b"},
             {"/a?", "/a"},
             {"/a?x=../..//;%2f", "/a"},
             {"/a?{x}|y^z`\"<>", "/a"}}) {
        auto const checked = check_target(target);
        ASSERT_TRUE(checked.ok()) << target << " " << checked.error();
        EXPECT_EQ(checked.value().path, path);
    }
}

TEST(UrlFirewall, reads_the_query_as_a_form) {
    auto const checked = check_target("/a?x=1&y=a+b%26&x=2&z");
    ASSERT_TRUE(checked.ok());
    EXPECT_EQ(checked.value().query, (encoding::FormFields{{"x", "1"}, {"y", "a b&"}, {"x", "2"}, {"z", ""}}));
    auto request = request_for(Method::get, "/a?x=1&y=a+b%26&x=2&z");
    EXPECT_EQ(request.query("y"), "a b&");
    EXPECT_EQ(request.query("x"), std::nullopt);  // repeated
    EXPECT_EQ(request.query_all("x"), (std::vector<std::string>{"1", "2"}));
    EXPECT_EQ(request.query("z"), "");
    EXPECT_EQ(request.query("w"), std::nullopt);
}

TEST(UrlFirewall, bounds_path_query_and_number_of_fields) {
    EXPECT_TRUE(check_target("/" + std::string(max_path_bytes - 1, 'a')).ok());
    EXPECT_EQ(check_target("/" + std::string(max_path_bytes, 'a')).error(), errors::target_too_long);
    EXPECT_TRUE(check_target("/?" + std::string(max_target_bytes - 2, 'a')).ok());
    EXPECT_EQ(check_target("/?" + std::string(max_target_bytes - 1, 'a')).error(), errors::target_too_long);
    std::string fields = "/?";
    for (int i = 0; i < 100; ++i) fields += "a=1&";
    EXPECT_TRUE(check_target(fields).ok());
    EXPECT_EQ(check_target(fields + "a=1").error(), encoding::errors::form_too_many_fields);
}

// B12: what routes and what guards must see one path. Every target either is refused before both, or both see the same.
TEST(UrlFirewall, shows_router_guard_and_handler_the_same_path) {
    HeaderJudge judge;
    NullLog log;
    App app{judge, log};
    std::string handled;
    auto const handler = [&](Request const& request) {
        return handled = request.path, Response::text(200, request.route);
    };
    app.get("/admin", require_login, handler);
    app.get("/admin/{page}", require_login, handler);
    app.get("/public/{page}", open_to_all("anybody may read it"), handler);
    app.get("/public/{page}/admin", open_to_all("anybody may read it"), handler);

    auto corpus = hostile_corpus();
    for (auto const* variant :
         {"/admin", "/%61dmin", "/%61%64%6d%69%6e", "/admin/%78", "/admin/x?y=/public/z", "/admin/", "/Admin",
          "/ADMIN/x", "/admin/public", "/public/admin", "/x/admin", "/public/x/admin"}) {
        corpus.emplace_back(variant);
    }
    for (auto const& target : corpus) {
        judge.judged.clear();
        handled.clear();
        auto const checked = check_target(target);
        auto const status = app.dispatch(request_for(Method::get, target)).status;
        if (!checked.ok()) {
            EXPECT_TRUE(status == 400 || status == 414) << target;
            EXPECT_TRUE(judge.judged.empty()) << target;
        } else if (status == 404) {
            EXPECT_TRUE(judge.judged.empty()) << target;
        } else {
            ASSERT_EQ(judge.judged, std::vector<std::string>{"GET " + checked.value().path}) << target;
            bool const guarded = checked.value().path == "/admin" || checked.value().path.starts_with("/admin/");
            EXPECT_EQ(status, guarded ? 401 : 200) << target;
            EXPECT_EQ(handled, guarded ? "" : checked.value().path) << target;
        }
    }
}

TEST(UrlFirewall, knows_a_host) {
    for (std::string const host : {"a", "id.example.com", "ID.example.com:8443", "192.0.2.1", "192.0.2.1:80", "[::1]",
                                   "[2001:db8::1]:443", "localhost:8080", "a_b.test", "example.com."}) {
        EXPECT_TRUE(is_valid_host(host)) << host;
    }
    for (std::string const host : {"",
                                   ":",
                                   ":80",
                                   "a:",
                                   "a:0",
                                   "a:65536",
                                   "a:+1",
                                   "a:-1",
                                   "a:8 0",
                                   "a b",
                                   "a/b",
                                   "a@b",
                                   "a?b",
                                   "a#b",
                                   "a\\b",
                                   "a..b",
                                   ".a",
                                   ".",
                                   "[::1",
                                   "::1",
                                   "[::1]x",
                                   "[]",
                                   "[192.0.2.1]",
                                   "a,b",
                                   "a\r\nb",
                                   "caf\xc3\xa9.test",
                                   "a:80:80",
                                   "http://a",
                                   "a%20b",
                                   "[::1%25eth0]"}) {
        EXPECT_FALSE(is_valid_host(host)) << host;
    }
    EXPECT_FALSE(is_valid_host(std::string(64, 'a') + ".test"));
    EXPECT_FALSE(is_valid_host(std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                               std::string(63, 'a') + ".x"));
}

}  // namespace
}  // namespace zephyr::http
