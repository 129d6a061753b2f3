#include "zephyr/http/url_firewall.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "testing/hostile_targets.h"
#include "zephyr/http/app.h"

namespace zephyr::http {
namespace {

using zephyr::testing::HeaderJudge;
using zephyr::testing::hostile_corpus;
using zephyr::testing::request_for;

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
