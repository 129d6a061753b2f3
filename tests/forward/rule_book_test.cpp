#include "zephyr/forward/rule_book.h"

#include <gtest/gtest.h>

namespace zephyr::forward {
namespace {

RuleBook book(std::vector<std::string> const& lines) {
    auto parsed = RuleBook::parse(lines);
    EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : std::string{parsed.error().reason()});
    return parsed.ok() ? std::move(parsed).value() : RuleBook{};
}

// The rule that decides, as a line, or the id of the refusal.
std::string decides(RuleBook const& rules, std::string_view host, std::optional<std::string_view> path) {
    auto const rule = rules.match(host, path);
    return rule.ok() ? rule.value()->print() : std::string{rule.error().id()};
}

TEST(RuleBook, understands_every_demand_and_prints_it_again) {
    for (auto const& [line, printed] : std::vector<std::pair<std::string, std::string>>{
             {"app.example.com", "app.example.com login"},
             {"app.example.com login", "app.example.com login"},
             {"  app.example.com   open ", "app.example.com open"},
             {"App.Example.Com./ role:staff", "app.example.com role:staff"},
             {"wiki.example.com/admin/ role:admin mfa", "wiki.example.com/admin role:admin mfa"},
             {"wiki.example.com/a/b.c login permission:wiki.edit mfa:900s", "wiki.example.com/a/b.c permission:wiki.edit mfa:15m"},
             {"a.example mfa:2h", "a.example mfa:2h"},
             {"a.example mfa:30d", "a.example mfa:30d"},
             {"a.example mfa:7s", "a.example mfa:7s"},
             {"bücher.example", "xn--bcher-kva.example login"},
             {"192.0.2.7/x", "192.0.2.7/x login"},
             {"[2001:DB8::1]/x", "2001:db8::1/x login"}}) {
        auto const rules = book({line});
        ASSERT_EQ(rules.all().size(), 1u) << line;
        EXPECT_EQ(rules.all().front()->print(), printed);
    }
}

TEST(RuleBook, refuses_a_line_it_cannot_read_and_quotes_it) {
    for (auto const* line : {"",
                             "   ",
                             "/admin",
                             "*.example.com",
                             "app.*",
                             "app.example.com:8443",
                             "https://app.example.com",
                             "app.example.com:443/x",
                             "[::1]:80",
                             "app..example.com",
                             "-a.example",
                             "app.example.com/a%2fb",
                             "app.example.com/a;b",
                             "app.example.com//a",
                             "app.example.com/a//b",
                             "app.example.com/../b",
                             "app.example.com/./b",
                             "app.example.com/a?b",
                             "app.example.com/a#b",
                             "app.example.com/*",
                             "app.example.com/\xc3\xa9",
                             "app.example.com /admin",
                             "app.example.com open login",
                             "app.example.com open mfa",
                             "app.example.com role:",
                             "app.example.com role:Admin",
                             "app.example.com role:a,b",
                             "app.example.com permission:",
                             "app.example.com permission:wiki.*",
                             "app.example.com mfa:",
                             "app.example.com mfa:0m",
                             "app.example.com mfa:-5m",
                             "app.example.com mfa:15",
                             "app.example.com mfa:15w",
                             "app.example.com mfa:31d",
                             "app.example.com mfa:99999999999d",
                             "app.example.com admin",
                             "app.example.com Login",
                             "app.example.com roles:admin",
                             "xn--a.example",
                             "user@app.example.com"}) {
        auto const parsed = RuleBook::parse({line});
        ASSERT_FALSE(parsed.ok()) << line;
        EXPECT_EQ(parsed.error(), errors::rule_malformed) << line;
        EXPECT_NE(parsed.error().reason().find(std::string_view{line}.substr(0, 200)), std::string_view::npos) << line;
    }
    EXPECT_FALSE(RuleBook::parse({"app.example.com/" + std::string(RuleBook::max_path_bytes, 'a')}).ok());
    EXPECT_TRUE(RuleBook::parse({"app.example.com/" + std::string(RuleBook::max_path_bytes - 1, 'a')}).ok());
}

TEST(RuleBook, refuses_two_lines_for_the_same_host_and_path_in_any_spelling) {
    EXPECT_FALSE(RuleBook::parse({"app.example.com", "APP.example.com. open"}).ok());
    EXPECT_FALSE(RuleBook::parse({"app.example.com/a", "app.example.com/a/ open"}).ok());
    EXPECT_FALSE(RuleBook::parse({"app.example.com/a", "app.example.com/A open"}).ok());
    EXPECT_FALSE(RuleBook::parse({"bücher.example", "xn--bcher-kva.example open"}).ok());
    EXPECT_TRUE(RuleBook::parse({"app.example.com", "app.example.com/a", "b.example.com"}).ok());
}

TEST(RuleBook, refuses_every_host_that_no_line_names) {
    auto const rules = book({"app.example.com open"});
    for (auto const* host : {"", "example.com", "x.app.example.com", "app.example.com.evil.test", "app.example.co", "APP.example.com"})
        EXPECT_EQ(decides(rules, host, "/"), "forward.host_unlisted") << host;
    EXPECT_EQ(decides(RuleBook{}, "app.example.com", "/"), "forward.host_unlisted");
    EXPECT_EQ(decides(rules, "app.example.com", "/"), "app.example.com open");
}

TEST(RuleBook, lets_the_longest_prefix_decide_at_the_end_of_a_segment) {
    auto const rules = book({"wiki.example.com/admin role:admin", "wiki.example.com role:staff", "wiki.example.com/admin/help open",
                             "wiki.example.com/a/b mfa"});
    for (auto const& [path, rule] :
         std::vector<std::pair<std::string, std::string>>{{"/", "wiki.example.com role:staff"},
                                                          {"/x", "wiki.example.com role:staff"},
                                                          {"/admin", "wiki.example.com/admin role:admin"},
                                                          {"/admin/", "wiki.example.com/admin role:admin"},
                                                          {"/admin/users", "wiki.example.com/admin role:admin"},
                                                          {"/administrator", "wiki.example.com role:staff"},
                                                          {"/admin.html", "wiki.example.com role:staff"},
                                                          {"/admin help", "wiki.example.com role:staff"},
                                                          {"/admin/help", "wiki.example.com/admin/help open"},
                                                          {"/admin/help/me", "wiki.example.com/admin/help open"},
                                                          {"/admin/helpers", "wiki.example.com/admin role:admin"},
                                                          {"/a", "wiki.example.com role:staff"},
                                                          {"/a/bc", "wiki.example.com role:staff"},
                                                          {"/a/b/c", "wiki.example.com/a/b mfa"}}) {
        EXPECT_EQ(decides(rules, "wiki.example.com", path), rule) << path;
    }
}

TEST(RuleBook, refuses_a_path_outside_every_prefix_when_the_host_itself_has_no_line) {
    auto const rules = book({"app.example.com/public open"});
    EXPECT_EQ(decides(rules, "app.example.com", "/public/x"), "app.example.com/public open");
    for (auto const* path : {"/", "/publicity", "/private", "/pub"})
        EXPECT_EQ(decides(rules, "app.example.com", path), "forward.path_unlisted") << path;
}

TEST(RuleBook, refuses_a_path_with_two_readings_where_rules_depend_on_it) {
    auto const rules = book({"wiki.example.com/admin role:admin", "wiki.example.com", "app.example.com"});
    EXPECT_EQ(decides(rules, "wiki.example.com", std::nullopt), "forward.path_ambiguous");
    EXPECT_EQ(decides(rules, "wiki.example.com", ""), "forward.path_ambiguous");
    EXPECT_EQ(decides(rules, "wiki.example.com", "admin"), "forward.path_ambiguous");
    // Here nothing depends on it.
    EXPECT_TRUE(rules.minds_paths("wiki.example.com"));
    EXPECT_FALSE(rules.minds_paths("app.example.com"));
    EXPECT_FALSE(rules.minds_paths("other.example.com"));
    EXPECT_TRUE(book({"app.example.com/x"}).minds_paths("app.example.com"));
    EXPECT_EQ(decides(rules, "app.example.com", std::nullopt), "app.example.com login");
}

// Some file systems ignore letter case and drop dots and blanks at the end of a name. Taking "/Admin" for "/admin" would be as
// wrong as not doing so, when the application does the other.
TEST(RuleBook, refuses_a_path_that_meets_another_rule_under_a_looser_reading) {
    auto const rules = book({"wiki.example.com/admin role:admin", "wiki.example.com/public open", "wiki.example.com"});
    for (auto const* path : {"/Admin", "/ADMIN/users", "/admin./x", "/admin /x", "/admin. . ", "/aDmin", "/Public", "/PUBLIC/x"})
        EXPECT_EQ(decides(rules, "wiki.example.com", path), "forward.path_ambiguous") << path;
    for (auto const* path : {"/ADMINISTRATOR", "/.admin", "/admins.", "/x/Admin"})
        EXPECT_EQ(decides(rules, "wiki.example.com", path), "wiki.example.com login") << path;
    auto const offices = book({"wiki.example.com/backoffice role:admin", "wiki.example.com"});
    for (auto const* path : {"/bac\u212aoffice", "/BAC\u212aOFFICE/x", "/backoffice:$i30:$INDEX_ALLOCATION", "/backoffice::x/y"})
        EXPECT_EQ(decides(offices, "wiki.example.com", path), "forward.path_ambiguous") << path;
    EXPECT_EQ(decides(offices, "wiki.example.com", "/caf\u00e9"), "wiki.example.com login");
    // Below the prefix the case is the application's own matter.
    EXPECT_EQ(decides(rules, "wiki.example.com", "/admin/Users."), "wiki.example.com/admin role:admin");
}

TEST(OriginOf, has_one_spelling_for_a_host_however_a_proxy_writes_it) {
    for (auto const* authority :
         {"app.example.com", "APP.EXAMPLE.COM", "app.example.com.", "app.example.com:443", "App.Example.Com.:443"}) {
        auto const origin = origin_of("https", authority);
        ASSERT_TRUE(origin) << authority;
        EXPECT_EQ(origin->str(), "https://app.example.com") << authority;
    }
    EXPECT_EQ(origin_of("HTTPS", "app.example.com:8443")->str(), "https://app.example.com:8443");
    EXPECT_EQ(origin_of("http", "[::1]:8080")->str(), "http://[::1]:8080");
    EXPECT_EQ(origin_of("https", "XN--BCHER-KVA.example")->host, "xn--bcher-kva.example");
}

TEST(OriginOf, is_the_same_whether_a_book_has_the_host_or_not) {
    auto const rules = book({"app.example.com", "192.0.2.7", "[::]", "[2001:db8::1]", "xn--bcher-kva.example", "localhost"});
    for (auto const* scheme : {"https", "http", "HTTPS", "ftp", ""}) {
        for (auto const* host : {"app.example.com", "App.Example.com", "app.example.com.", "192.0.2.7", "192.0.2.07", "[::]", "::", "[2001:db8::1]",
                                 "2001:db8::1", "xn--bcher-kva.example", "b\xC3\xBC" "cher.example", "localhost", "other.example", ""}) {
            for (auto const* port : {"", ":", ":443", ":80", ":8443", ":0", ":080", ":65535", ":65536", ":99999", ":123456", ":+1", ":-1", ":8a", ": 80",
                                     ":80:80", "/", ":80/"}) {
                auto const authority = std::string{host} + port;
                EXPECT_EQ(rules.origin_of(scheme, authority), origin_of(scheme, authority)) << scheme << " " << authority;
            }
        }
    }
}

TEST(OriginOf, refuses_what_is_no_host) {
    for (auto const* authority : {"", ".", "..", "app..example.com", "app.example.com..", "a b", "app.example.com:", "app.example.com:0",
                                  "app.example.com:99999", "app.example.com:80:80", "user@app.example.com", "app.example.com/x",
                                  "app.example.com\r\nX: y", "app.example.com,evil.test", "[::1", "::1", "xn--a.example", "0x7f.1"}) {
        EXPECT_FALSE(origin_of("https", authority)) << authority;
    }
    EXPECT_FALSE(origin_of("https", std::string_view("app.example.com\0", 16)));
    for (auto const* scheme : {"", "ftp", "javascript", "https,http", "ws"}) EXPECT_FALSE(origin_of(scheme, "app.example.com")) << scheme;
}

}  // namespace
}  // namespace zephyr::forward
