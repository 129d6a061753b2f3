// Forward-auth through the whole stack: what each proxy sends and gets, who is let in, and how a browser signs in at another host.
#include <gtest/gtest.h>

#include <algorithm>

#include "testing/app/test_app.h"
#include "testing/hostile_targets.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr {
namespace {

using http::Header;
using http::Method;
using testing::Answer;
using testing::Client;
using testing::TestApp;

constexpr std::string_view proxy = "10.0.0.1";
constexpr std::string_view us = "https://auth.example.com";
constexpr std::string_view cookie_name = "__Host-zephyr_forward";
constexpr std::string_view html = "text/html,application/xhtml+xml";
constexpr std::array<std::string_view, 5> identity{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "Remote-Roles"};

config::Settings protecting(std::vector<std::string> rules) {
    auto settings = TestApp::settings();
    settings.server.public_url = us;
    settings.server.behind_proxy = true;
    settings.server.trusted_proxies = {"10.0.0.1/32"};
    settings.forward_auth.rules = std::move(rules);
    settings.forward_auth.send_email = true;
    return settings;
}

std::vector<std::string> const rules{"app.example.com",           "wiki.example.com role:staff", "wiki.example.com/admin role:admin mfa",
                                     "vault.example.com mfa:15m", "status.example.com open",     "auth.example.com/tools role:staff"};

// A browser, or a program without `Accept: text/html`, with the cookies of each host, behind a proxy that does what proxies do.
class Browser {
public:
    explicit Browser(TestApp& app) : app_{app} {}

    std::string accept{html};
    std::vector<Header> extra;  // what the client sends besides

    // Caddy, Traefik: the proxy asks about a request to `host`.
    Answer asks(std::string const& host, std::string const& uri = "/", std::string const& method = "GET") {
        return send(host, "/auth/forward",
                    {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", host}, {"X-Forwarded-Uri", uri}, {"X-Forwarded-Method", method}});
    }
    // A page of ours, under any of the hosts.
    Answer visits(std::string const& host, std::string const& target) {
        return send(host, target, {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", host}});
    }
    // Follows a redirect to wherever it leads.
    Answer follows(Answer const& answer) {
        auto const url = answer.location();
        auto const at = url.starts_with("https://") ? url.substr(8) : last_host_ + url;
        auto const slash = at.find('/');
        return visits(at.substr(0, slash), at.substr(slash));
    }
    Answer send(std::string const& host, std::string const& target, std::vector<Header> headers, Method method = Method::get,
                std::string_view peer = proxy) {
        http::Request request;
        request.method = method;
        request.target = target;
        request.peer_address = peer;
        request.headers.add("Host", host);
        request.headers.add("X-Forwarded-For", "192.0.2.50");
        if (!accept.empty()) request.headers.add("Accept", accept);
        for (auto& header : headers) request.headers.add(header.name, header.value);
        for (auto const& header : extra) request.headers.add(header.name, header.value);
        std::string jar;
        for (auto const& [name, value] : cookies_[host]) jar += (jar.empty() ? "" : "; ") + name + "=" + value;
        if (!jar.empty()) request.headers.add("Cookie", jar);
        last_host_ = host;
        Answer answer{app_.stack.app.dispatch(std::move(request))};
        for (auto const& header : answer.response.headers.all()) {
            if (header.name != "Set-Cookie") continue;
            EXPECT_NE(header.value.find("; Secure"), std::string::npos) << header.value;
            EXPECT_NE(header.value.find("; HttpOnly"), std::string::npos) << header.value;
            EXPECT_EQ(header.value.find("Domain"), std::string::npos) << header.value;
            auto const equals = header.value.find('=');
            cookies_[host][header.value.substr(0, equals)] = header.value.substr(equals + 1, header.value.find(';') - equals - 1);
        }
        return answer;
    }
    // Signs in at our own address, as the sign-in pages do.
    void signs_in(users::User const& user, std::vector<sessions::Factor> factors = {}) {
        if (factors.empty()) factors = {{"pwd", app_.clock.now()}};
        session = app_.stack.sessions.start({.user = user.id, .factors = std::move(factors), .origin = {}}).value();
        cookies_["auth.example.com"]["__Host-zephyr_session"] = session->token.reveal();
    }
    // All the way from the first request to the page.
    Answer arrives(std::string const& host, std::string const& uri = "/") {
        auto answer = asks(host, uri);
        for (int i = 0; i < 3 && answer.status() == 303; ++i) answer = follows(answer);
        return answer;
    }
    std::map<std::string, std::string>& cookies(std::string const& host) { return cookies_[host]; }

    std::optional<sessions::IssuedSession> session;

private:
    TestApp& app_;
    std::map<std::string, std::map<std::string, std::string>> cookies_;
    std::string last_host_;
};

class Forward : public ::testing::Test {
protected:
    TestApp app{protecting(rules)};
    Browser browser{app};
    users::User ada = app.add_user("ada");

    void give(users::User const& user, std::string const& role) {
        if (!app.stack.roles.find(role).ok()) {
            ASSERT_TRUE(app.stack.roles.create({.name = role}, audit::Actor::system()).ok());
        }
        ASSERT_TRUE(app.stack.roles.grant(rbac::Subject::user(user.id), role, audit::Actor::system()).ok());
    }
    void expect_nobody(Answer const& answer) {
        EXPECT_EQ(answer.status(), 200);
        for (auto const name : identity) {
            EXPECT_EQ(answer.response.headers.count(name), 1u) << name;
            EXPECT_EQ(answer.header(name), "") << name;
        }
    }
    std::size_t events(std::string_view code) { return app.stack.audit.query({.code = std::string{code}}).size(); }
};

// --- Who is believed

TEST_F(Forward, believes_nobody_but_the_listed_proxies) {
    browser.signs_in(ada);
    ASSERT_EQ(browser.arrives("app.example.com").status(), 303);
    std::vector<Header> const said{
        {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "app.example.com"}, {"X-Forwarded-Uri", "/"}, {"X-Forwarded-Method", "GET"}};
    EXPECT_EQ(browser.send("app.example.com", "/auth/forward", said).status(), 200);
    for (auto const* peer : {"192.0.2.50", "10.0.0.2", "127.0.0.1", "::1", ""}) {
        browser.accept = "application/json";
        auto const answer = browser.send("app.example.com", "/auth/forward", said, Method::get, peer);
        EXPECT_EQ(answer.status(), 403) << peer;
        EXPECT_EQ(answer.id(), "forward.proxy_untrusted") << peer;
        for (auto const name : identity) EXPECT_EQ(answer.response.headers.count(name), 0u) << peer;
    }
    for (auto const* page : {"/auth/forward/begin", "/auth/forward/callback?ticket=x"}) {
        EXPECT_EQ(browser.send("app.example.com", page, {}, Method::get, "192.0.2.50").id(), "forward.proxy_untrusted") << page;
    }
}

TEST_F(Forward, needs_each_header_of_a_family_exactly_once) {
    browser.accept = "";
    std::vector<std::vector<Header>> const families{{{"X-Forwarded-Proto", "https"},
                                                     {"X-Forwarded-Host", "status.example.com"},
                                                     {"X-Forwarded-Uri", "/"},
                                                     {"X-Forwarded-Method", "GET"}},
                                                    {{"X-Original-URL", "https://status.example.com/"}, {"X-Original-Method", "GET"}}};
    for (auto const& family : families) {
        ASSERT_EQ(browser.send("status.example.com", "/auth/forward", family).status(), 200);
        for (std::size_t i = 0; i < family.size(); ++i) {
            auto without = family;
            without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
            EXPECT_EQ(browser.send("status.example.com", "/auth/forward", without).id(), "forward.request_unknown") << family[i].name;
            auto twice = family;
            twice.push_back(family[i]);
            auto const answer = browser.send("status.example.com", "/auth/forward", twice);
            EXPECT_TRUE(answer.id() == "forward.request_ambiguous" || answer.id() == "http.header_repeated")
                << family[i].name << answer.id();
            auto empty = family;
            empty[i].value = "";
            EXPECT_GE(browser.send("status.example.com", "/auth/forward", empty).status(), 400) << family[i].name;
        }
    }
    EXPECT_EQ(browser.send("status.example.com", "/auth/forward", {}).id(), "forward.request_unknown");
    EXPECT_EQ(browser.send("status.example.com", "/auth/forward", {{"X-Forwarded-Host", "status.example.com"}}).id(),
              "forward.request_unknown");
}

// A proxy hands on the headers it does not set itself: one that speaks one family lets the client's other one through.
TEST_F(Forward, takes_two_families_for_an_attack) {
    browser.accept = "";
    browser.extra = {{"X-Original-URL", "https://status.example.com/"}};
    EXPECT_EQ(browser.asks("app.example.com").id(), "forward.request_ambiguous");
    browser.extra = {{"X-Original-Method", "GET"}};
    EXPECT_EQ(browser.asks("app.example.com").id(), "forward.request_ambiguous");
    browser.extra = {{"X-Forwarded-Uri", "/"}, {"X-Forwarded-Host", "status.example.com"}};
    EXPECT_EQ(
        browser.send("app.example.com", "/auth/forward", {{"X-Original-URL", "https://app.example.com/"}, {"X-Original-Method", "GET"}})
            .id(),
        "forward.request_ambiguous");
    browser.extra = {};
    EXPECT_EQ(browser
                  .send("app.example.com", "/auth/forward?path=/",
                        {{"X-Forwarded-Proto", "https"},
                         {"X-Forwarded-Host", "app.example.com"},
                         {"X-Forwarded-Uri", "/"},
                         {"X-Forwarded-Method", "GET"}})
                  .id(),
              "forward.request_ambiguous");
    // Other spellings of the names are other names: nothing of ours reads them.
    browser.extra = {{"X_Original_URL", "https://status.example.com/"}, {"X_Forwarded_Host", "status.example.com"}};
    EXPECT_EQ(browser.asks("app.example.com").status(), 401);
    expect_nobody(browser.asks("status.example.com"));
}

TEST_F(Forward, does_not_read_a_host_that_the_client_could_have_written_itself) {
    browser.accept = "";
    // Envoy hands Host on and is told the path by a prefix; X-Forwarded-Host would be the client's.
    EXPECT_EQ(browser.send("app.example.com", "/auth/forward?path=/", {{"X-Forwarded-Proto", "https"}}).status(), 401);
    expect_nobody(browser.send("status.example.com", "/auth/forward?path=/", {{"X-Forwarded-Proto", "https"}}));
    EXPECT_EQ(
        browser
            .send("app.example.com", "/auth/forward?path=/", {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "status.example.com"}})
            .id(),
        "forward.request_ambiguous");
}

TEST_F(Forward, refuses_hosts_that_no_rule_names) {
    browser.accept = "";
    for (auto const* host : {"evil.test", "example.com", "app.example.com.evil.test", "xapp.example.com", "127.0.0.1"}) {
        EXPECT_EQ(browser.asks(host).id(), "forward.host_unlisted") << host;
        EXPECT_EQ(browser.visits(host, "/auth/forward/begin?return_to=/").id(), "forward.host_unlisted") << host;
        EXPECT_EQ(browser.visits(host, "/auth/forward/callback?ticket=x").id(), "forward.host_unlisted") << host;
    }
}

TEST_F(Forward, knows_a_host_in_every_spelling) {
    browser.accept = "";
    for (auto const* host :
         {"status.example.com", "STATUS.example.com", "status.example.com.", "status.example.com:443", "Status.Example.com:8443"})
        expect_nobody(browser.asks(host));
}

TEST_F(Forward, asks_for_https_where_people_sign_in_over_https) {
    browser.accept = "";
    auto const over_http = [&](std::string const& host) {
        return browser.send(
            host, "/auth/forward",
            {{"X-Forwarded-Proto", "http"}, {"X-Forwarded-Host", host}, {"X-Forwarded-Uri", "/"}, {"X-Forwarded-Method", "GET"}});
    };
    EXPECT_EQ(over_http("app.example.com").id(), "forward.https_required");
    expect_nobody(over_http("status.example.com"));
}

// --- What is answered

TEST(ForwardEmail, nobody_hears_an_address_that_people_choose_themselves_unless_the_operator_says_so) {
    auto settings = protecting(rules);
    settings.forward_auth.send_email = config::Settings{}.forward_auth.send_email;
    TestApp app{settings};
    Browser browser{app};
    browser.signs_in(app.add_user("ada"));
    ASSERT_EQ(browser.arrives("app.example.com").status(), 303);
    auto const answer = browser.asks("app.example.com");
    EXPECT_EQ(answer.header("Remote-User"), "ada");
    EXPECT_EQ(answer.response.headers.count("Remote-Email"), 1u);
    EXPECT_EQ(answer.header("Remote-Email"), "");
}

TEST_F(Forward, overwrites_every_identity_header_on_every_200) {
    expect_nobody(browser.asks("status.example.com"));
    browser.signs_in(ada);
    expect_nobody(browser.asks("status.example.com"));
    ASSERT_EQ(browser.arrives("app.example.com").status(), 303);
    auto const answer = browser.asks("app.example.com");
    EXPECT_EQ(answer.status(), 200);
    for (auto const name : identity) EXPECT_EQ(answer.response.headers.count(name), 1u) << name;
    EXPECT_EQ(answer.header("Remote-User"), "ada");
    EXPECT_EQ(answer.header("Remote-Name"), "ada");
    EXPECT_EQ(answer.header("Remote-Email"), "ada@example.test");
    EXPECT_EQ(answer.header("Remote-Groups"), "");
    EXPECT_EQ(answer.body(), "");
    // What the client sends under these names is not even looked at.
    browser.extra = {{"Remote-User", "root"}, {"Remote_User", "root"}, {"Remote-Roles", "admin"}, {"Remote-Groups", "wheel"}};
    EXPECT_EQ(browser.asks("app.example.com").header("Remote-User"), "ada");
    EXPECT_EQ(browser.asks("app.example.com").header("Remote-Roles"), "");
}

TEST_F(Forward, tells_names_groups_and_roles_and_every_change_of_them_at_once) {
    ASSERT_TRUE(app.stack.users.update_profile(ada.id, {.display_name = "Ada Lovelace, Zoë"}, audit::Actor::system()).ok());
    auto const group = app.stack.groups.create("Wiki Editors", audit::Actor::system()).value();
    ASSERT_TRUE(app.stack.groups.add_member(group.id, ada.id, audit::Actor::system()).ok());
    give(ada, "staff");
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    auto answer = browser.asks("app.example.com");
    EXPECT_EQ(answer.header("Remote-Name"), "Ada Lovelace, Zo%C3%AB");
    EXPECT_EQ(answer.header("Remote-Groups"), "Wiki Editors");
    EXPECT_EQ(answer.header("Remote-Roles"), "staff");

    ASSERT_TRUE(app.stack.groups.rename(group.id, "Writers", audit::Actor::system()).ok());
    ASSERT_TRUE(app.stack.users.update_profile(ada.id, {.username = "ada.l", .email = ""}, audit::Actor::system()).ok());
    ASSERT_TRUE(app.stack.roles.revoke(rbac::Subject::user(ada.id), "staff", audit::Actor::system()).ok());
    answer = browser.asks("app.example.com");
    EXPECT_EQ(answer.header("Remote-User"), "ada.l");
    EXPECT_EQ(answer.header("Remote-Email"), "");
    EXPECT_EQ(answer.header("Remote-Groups"), "Writers");
    EXPECT_EQ(answer.header("Remote-Roles"), "");
}

TEST_F(Forward, costs_no_statement_once_it_knows_the_person) {
    give(ada, "staff");
    browser.signs_in(ada);
    browser.arrives("wiki.example.com");
    ASSERT_EQ(browser.asks("wiki.example.com", "/page").status(), 200);
    auto const before = app.stack.database->counts().statements;
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(browser.asks("wiki.example.com", "/page").status(), 200);
        EXPECT_EQ(browser.asks("status.example.com").status(), 200);
        EXPECT_EQ(browser.asks("app.example.com").status(), 303);
    }
    EXPECT_EQ(app.stack.database->counts().statements, before);
}

TEST_F(Forward, runs_inline_exactly_when_memory_knows_the_answer) {
    give(ada, "staff");
    auto const question = [&](std::string const& host, std::string const& uri = "/") {
        http::Request request;
        request.target = "/auth/forward";  // the porch asks before it says who the peer is
        for (auto const& [name, value] : std::vector<Header>{
                 {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", host}, {"X-Forwarded-Uri", uri}, {"X-Forwarded-Method", "GET"}})
            request.headers.add(name, value);
        std::string jar;
        for (auto const& [name, value] : browser.cookies(host)) jar += (jar.empty() ? "" : "; ") + name + "=" + value;
        if (!jar.empty()) request.headers.add("Cookie", jar);
        return app.stack.app.runs_inline(request);
    };
    EXPECT_TRUE(question("status.example.com"));
    EXPECT_TRUE(question("evil.test"));
    EXPECT_TRUE(question("wiki.example.com"));  // nobody there yet
    browser.signs_in(ada);
    browser.arrives("wiki.example.com");
    EXPECT_FALSE(question("wiki.example.com"));
    browser.asks("wiki.example.com");
    EXPECT_TRUE(question("wiki.example.com"));
    EXPECT_FALSE(question("wiki.example.com", "/admin"));  // would be a line in the audit log
    app.clock.advance(1min);
    EXPECT_FALSE(question("wiki.example.com"));  // its use is to be recorded
    browser.asks("wiki.example.com");
    EXPECT_TRUE(question("wiki.example.com"));
    browser.cookies("wiki.example.com")[std::string{cookie_name}] = std::string(43, 'A');
    EXPECT_FALSE(question("wiki.example.com"));
}

TEST_F(Forward, is_never_kept_by_a_cache) {
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    for (auto const* host : {"app.example.com", "status.example.com", "wiki.example.com", "evil.test"}) {
        auto const answer = browser.asks(host);
        EXPECT_EQ(answer.header("Cache-Control"), "no-store") << host;
        for (auto const* name : {"Cookie", "Authorization", "X-Forwarded-Uri", "X-Original-URL"})
            EXPECT_NE(answer.header("Vary").find(name), std::string::npos) << host << name;
    }
}

TEST_F(Forward, answers_programs_with_401_and_a_challenge) {
    browser.accept = "application/json";
    auto const answer = browser.asks("app.example.com", "/api");
    EXPECT_EQ(answer.status(), 401);
    EXPECT_EQ(answer.id(), "forward.no_session");
    EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer realm=\"zephyr\"");
    EXPECT_EQ(answer.header("Set-Cookie"), "");
    EXPECT_EQ(answer.response.headers.count("X-Zephyr-Sign-In"), 0u);
}

TEST_F(Forward, leads_browsers_to_the_sign_in_from_requests_that_can_come_back) {
    auto const answer = browser.asks("app.example.com", "/reports?x=1&y=a%20b");
    EXPECT_EQ(answer.status(), 303);
    EXPECT_EQ(answer.location(), "https://app.example.com/auth/forward/begin?return_to=%2Freports%3Fx%3D1%26y%3Da%2520b");
    for (auto const* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "get"}) {
        EXPECT_EQ(browser.asks("app.example.com", "/reports", method).status(), 401) << method;
    }
    EXPECT_EQ(browser.asks("app.example.com", "/reports", "HEAD").status(), 303);
    for (auto const* mode : {"cors", "no-cors", "same-origin", "websocket"}) {
        browser.extra = {{"Sec-Fetch-Mode", mode}};
        EXPECT_EQ(browser.asks("app.example.com", "/reports").status(), 401) << mode;
    }
    browser.extra = {{"Sec-Fetch-Mode", "navigate"}};
    EXPECT_EQ(browser.asks("app.example.com", "/reports").status(), 303);
}

// nginx, ngx_http_auth_request_module: "If the subrequest returns a 2xx response code, the access is allowed. If it returns 401 or 403,
// the access is denied with the corresponding error code. Any other response code returned by the subrequest is considered an error."
TEST_F(Forward, gives_nginx_a_401_with_the_address_to_send_the_browser_to) {
    auto const asks = [&](std::string const& url, std::string const& method = "GET") {
        return browser.send("127.0.0.1", "/auth/forward", {{"X-Original-URL", url}, {"X-Original-Method", method}});
    };
    auto const answer = asks("https://app.example.com/reports?x=1");
    EXPECT_EQ(answer.status(), 401);
    EXPECT_EQ(answer.header("X-Zephyr-Sign-In"), "https://app.example.com/auth/forward/begin?return_to=%2Freports%3Fx%3D1");
    EXPECT_EQ(answer.response.headers.count("Location"), 0u);
    EXPECT_EQ(answer.response.headers.count("WWW-Authenticate"), 1u);
    EXPECT_EQ(asks("https://app.example.com/reports", "POST").response.headers.count("X-Zephyr-Sign-In"), 0u);
    EXPECT_EQ(asks("https://evil.test/").status(), 403);
    EXPECT_EQ(asks("https://wiki.example.com/a/../admin").status(), 403);
    expect_nobody(asks("https://status.example.com/"));
    browser.accept = "";
    for (auto const* url :
         {"", "app.example.com/", "//app.example.com/", "https://app.example.com", "https:///", "https://user@app.example.com/",
          "https://app.example.com\\@evil.test/", "javascript://app.example.com/", "https://status.example.com evil/"}) {
        EXPECT_EQ(asks(url).id(), "forward.request_unknown") << url;
    }
    browser.accept = html;
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    browser.cookies("127.0.0.1") = browser.cookies("app.example.com");
    EXPECT_EQ(asks("https://app.example.com/reports").header("Remote-User"), "ada");
}

// Traefik, ForwardAuth: "If the service answers with a 2XX code, access is granted, and the original request is performed.
// Otherwise, the response from the authentication server is returned." It asks with GET and X-Forwarded-*, and hands every other
// header of the client on.
TEST_F(Forward, keeps_the_contract_of_traefik) {
    auto const answer = browser.asks("app.example.com", "/reports");
    EXPECT_EQ(answer.status(), 303);
    EXPECT_TRUE(answer.location().starts_with("https://app.example.com/")) << "Traefik resolves a relative Location against us";
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    browser.extra = {
        {"X-Forwarded-Port", "443"}, {"X-Forwarded-Server", "edge"}, {"X-Real-Ip", "192.0.2.50"}, {"Content-Type", "application/json"}};
    EXPECT_EQ(browser.asks("app.example.com", "/reports", "POST").header("Remote-User"), "ada");
}

// Envoy, ext_authz HttpService: path_prefix "Sets a prefix to the value of authorization request header Path"; method and Host are
// those of the request; 200 alone admits.
TEST_F(Forward, keeps_the_contract_of_envoy_for_every_method) {
    browser.accept = "";
    auto const asks = [&](std::string const& host, std::string const& path, Method method = Method::get) {
        return browser.send(host, "/auth/forward?path=" + path, {{"X-Forwarded-Proto", "https"}, {"Content-Length", "0"}}, method);
    };
    EXPECT_EQ(asks("app.example.com", "/reports?x=1&path=/y").status(), 401);
    browser.accept = html;
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    browser.accept = "";
    for (auto const method : {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::del, Method::options}) {
        auto const admitted = asks("app.example.com", "/reports?x=1", method);
        EXPECT_EQ(admitted.status(), 200) << to_string(method);
        EXPECT_EQ(admitted.header("Remote-User"), "ada") << to_string(method);
        EXPECT_EQ(asks("wiki.example.com", "/", method).status(), 401) << to_string(method);
        EXPECT_EQ(asks("evil.test", "/", method).status(), 403) << to_string(method);
        expect_nobody(asks("status.example.com", "/", method));
    }
    EXPECT_GE(asks("app.example.com", "/", Method::other).status(), 400);
    EXPECT_EQ(asks("wiki.example.com", "/a/../admin").id(), "forward.path_ambiguous");
    EXPECT_EQ(asks("wiki.example.com", "/%61dmin").status(), 401);
    browser.accept = html;
    EXPECT_EQ(asks("wiki.example.com", "/a?b=c").location(), "https://wiki.example.com/auth/forward/begin?return_to=%2Fa%3Fb%3Dc");
}

// --- Who may

TEST_F(Forward, demands_what_the_rule_of_the_path_demands) {
    browser.accept = "";
    browser.signs_in(ada);
    browser.accept = html;
    EXPECT_EQ(browser.arrives("wiki.example.com", "/page").id(), "");  // refused at our own page, in words
    EXPECT_TRUE(browser.cookies("wiki.example.com").find(std::string{cookie_name}) == browser.cookies("wiki.example.com").end());
    give(ada, "staff");
    ASSERT_EQ(browser.arrives("wiki.example.com", "/page").status(), 303);
    browser.accept = "";
    EXPECT_EQ(browser.asks("wiki.example.com", "/page").status(), 200);
    auto const refused = browser.asks("wiki.example.com", "/admin/users");
    EXPECT_EQ(refused.status(), 403);
    EXPECT_EQ(refused.id(), "rbac.denied");
    give(ada, "admin");
    EXPECT_EQ(browser.asks("wiki.example.com", "/admin/users").id(), "mfa.required");
    ASSERT_TRUE(
        app.stack.sessions.rotate(browser.session->session.ref, {.proved = sessions::Factor{"otp", app.clock.now()}, .pending = {}}, {})
            .ok());
    EXPECT_EQ(browser.asks("wiki.example.com", "/admin/users").status(), 200);
    ASSERT_TRUE(app.stack.roles.revoke(rbac::Subject::user(ada.id), "staff", audit::Actor::system()).ok());
    EXPECT_EQ(browser.asks("wiki.example.com", "/page").id(), "rbac.denied");
    EXPECT_EQ(browser.asks("wiki.example.com", "/admin/users").status(), 200);
}

TEST_F(Forward, records_the_refusal_of_somebody_known_once_a_minute_and_no_strangers) {
    browser.accept = "";
    for (int i = 0; i < 5; ++i) browser.asks("wiki.example.com", "/page");
    EXPECT_EQ(events(audit::codes::forward_refused), 0u);
    give(ada, "staff");
    browser.signs_in(ada);
    browser.accept = html;
    browser.arrives("wiki.example.com");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(browser.asks("wiki.example.com", "/admin").status(), 403);
    ASSERT_EQ(events(audit::codes::forward_refused), 1u);
    auto const event = app.stack.audit.query({.code = std::string{audit::codes::forward_refused}}).front();
    EXPECT_EQ(event.subject, ada.id);
    EXPECT_EQ(event.reason, "rbac.denied");
    EXPECT_EQ(event.address, "192.0.2.50");
    EXPECT_EQ(event.session_ref, browser.session->session.ref.str());
}

TEST_F(Forward, leads_to_a_fresh_proof_when_the_rule_wants_one) {
    auto const secret = app.enrol(ada);
    browser.signs_in(ada, {{"pwd", app.clock.now()}, {"otp", app.clock.now()}});
    ASSERT_EQ(browser.arrives("vault.example.com").status(), 303);
    EXPECT_EQ(browser.asks("vault.example.com").status(), 200);
    app.clock.advance(15min - 1s);
    EXPECT_EQ(browser.asks("vault.example.com").status(), 200);
    app.clock.advance(1s);
    browser.accept = "";
    auto const stale = browser.asks("vault.example.com", "/x");
    EXPECT_EQ(stale.status(), 401);
    EXPECT_EQ(stale.id(), "auth.step_up_required");
    EXPECT_NE(stale.header("WWW-Authenticate").find("insufficient_user_authentication"), std::string::npos);
    browser.accept = html;
    auto answer = browser.follows(browser.asks("vault.example.com", "/x"));  // begin
    answer = browser.follows(answer);                                        // start
    EXPECT_TRUE(answer.location().starts_with("/account/verify?return_to=%2Fauth%2Fforward%2Fstart%3Frequest%3D")) << answer.location();
    EXPECT_LE(answer.location().size(), 2048u);
    ASSERT_TRUE(
        app.stack.sessions.rotate(browser.session->session.ref, {.proved = sessions::Factor{"otp", app.clock.now()}, .pending = {}}, {})
            .ok());
    EXPECT_EQ(browser.asks("vault.example.com", "/x").status(), 200);
}

TEST_F(Forward, takes_our_own_session_at_our_own_host_and_nowhere_else) {
    give(ada, "staff");
    browser.signs_in(ada);
    EXPECT_EQ(browser.asks("auth.example.com", "/tools/x").header("Remote-User"), "ada");
    EXPECT_EQ(browser.asks("auth.example.com", "/account").status(), 403);
    // The session's cookie at a host it does not belong to.
    browser.cookies("app.example.com")["__Host-zephyr_session"] = browser.session->token.reveal();
    browser.accept = "";
    EXPECT_EQ(browser.asks("app.example.com").status(), 401);
    browser.cookies("app.example.com") = {{std::string{cookie_name}, browser.session->token.reveal()}};
    EXPECT_EQ(browser.asks("app.example.com").status(), 401);
    // A stranger at our own host goes straight to the sign-in.
    Browser stranger{app};
    EXPECT_EQ(stranger.asks("auth.example.com", "/tools/x?y").location(), "https://auth.example.com/sign-in?return_to=%2Ftools%2Fx%3Fy");
}

TEST_F(Forward, the_cookie_of_a_host_is_worth_nothing_at_another_or_at_our_own_pages) {
    give(ada, "staff");
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    auto const cookie = browser.cookies("app.example.com")[std::string{cookie_name}];
    ASSERT_EQ(cookie.size(), 43u);
    Browser other{app};
    other.accept = "";
    for (auto const* host : {"wiki.example.com", "vault.example.com", "auth.example.com"}) {
        for (auto const* name : {"__Host-zephyr_forward", "__Host-zephyr_session"}) {
            other.cookies(host) = {{name, cookie}};
            EXPECT_EQ(other.asks(host, "/tools").status(), 401) << host << name;
        }
    }
    for (auto const* name : {"__Host-zephyr_forward", "__Host-zephyr_session"}) {
        other.cookies("auth.example.com") = {{name, cookie}};
        EXPECT_EQ(other.visits("auth.example.com", "/auth/me").status(), 401) << name;
        other.cookies("app.example.com") = {{name, cookie}};
        EXPECT_EQ(other.visits("app.example.com", "/auth/me").status(), 401) << name;
    }
}

TEST_F(Forward, ends_at_once_with_the_session_and_with_the_account) {
    auto const signed_in = [&](Browser& one) {
        one.signs_in(ada);
        one.arrives("app.example.com");
        ASSERT_EQ(one.asks("app.example.com").status(), 200);
    };
    Browser first{app}, second{app}, third{app}, fourth{app};
    for (auto* one : {&first, &second, &third, &fourth}) signed_in(*one);
    ASSERT_TRUE(app.stack.sign_in.sign_out(first.session->session.ref, {}).ok());
    EXPECT_EQ(first.asks("app.example.com").status(), 303);
    EXPECT_EQ(second.asks("app.example.com").status(), 200);
    app.stack.sessions.end_all(ada.id, third.session->session.ref, audit::Actor::system(), {}, "test");
    EXPECT_EQ(second.asks("app.example.com").status(), 303);
    EXPECT_EQ(third.asks("app.example.com").status(), 200);
    // The account alone, with its sessions still there.
    ASSERT_TRUE(app.stack.users.set_state(ada.id, users::UserState::disabled, audit::Actor::system()).ok());
    EXPECT_EQ(third.asks("app.example.com").status(), 303);
    ASSERT_TRUE(app.stack.users.set_state(ada.id, users::UserState::active, audit::Actor::system()).ok());
    EXPECT_EQ(third.asks("app.example.com").status(), 200);
    ASSERT_TRUE(app.stack.users.set_expiry(ada.id, app.clock.now() + 1s, audit::Actor::system()).ok());
    EXPECT_EQ(third.asks("app.example.com").status(), 200);
    app.clock.advance(1s);
    EXPECT_EQ(third.asks("app.example.com").status(), 303);
}

TEST_F(Forward, accepts_a_bearer_token_at_every_host_and_lets_it_decide_alone) {
    auto const signed_in =
        app.stack.sign_in.sign_in({.login = "ada", .password = SecretText{std::string{TestApp::good_password}}, .origin = {}}).value();
    auto const token = app.stack.tokens.issue(signed_in.issued).value().access_token.reveal();
    browser.extra = {{"Authorization", "Bearer " + token}};
    EXPECT_EQ(browser.asks("app.example.com", "/api").header("Remote-User"), "ada");
    EXPECT_EQ(browser.asks("wiki.example.com", "/api").status(), 403);
    // With a good cookie beside it, a wrong token is still a wrong token, and no page is shown to it.
    browser.signs_in(ada);
    browser.extra = {};
    browser.arrives("app.example.com");
    ASSERT_EQ(browser.asks("app.example.com").status(), 200);
    for (auto const& wrong : {std::string{"Bearer x"}, "Bearer " + token + "x", "bearer " + token.substr(1), std::string{"Bearer"},
                              std::string{"Bearer a b"}}) {
        browser.extra = {{"Authorization", wrong}};
        auto const answer = browser.asks("app.example.com");
        EXPECT_EQ(answer.status(), 401) << wrong;
        EXPECT_NE(answer.header("WWW-Authenticate").find("invalid_token"), std::string::npos) << wrong;
    }
    browser.extra = {{"Authorization", "Basic YTpi"}};  // the application's own matter
    EXPECT_EQ(browser.asks("app.example.com").status(), 200);
    browser.extra = {{"Authorization", "Bearer " + token}};
    ASSERT_TRUE(app.stack.sign_in.sign_out(signed_in.issued.session.ref, {}).ok());
    EXPECT_EQ(browser.asks("app.example.com").status(), 401);
}

// --- Signing in at another host

TEST_F(Forward, brings_a_browser_back_signed_in_to_the_page_it_wanted) {
    auto answer = browser.asks("app.example.com", "/reports?x=1");
    answer = browser.follows(answer);
    ASSERT_EQ(answer.status(), 303);
    EXPECT_TRUE(answer.location().starts_with("https://auth.example.com/auth/forward/start?request="));
    answer = browser.follows(answer);  // nobody is signed in at our own address yet
    ASSERT_EQ(answer.status(), 303);
    auto const sign_in = answer.location();
    EXPECT_TRUE(sign_in.starts_with("/sign-in?return_to=%2Fauth%2Fforward%2Fstart%3Frequest%3D")) << sign_in;
    auto const form = browser.follows(answer);
    EXPECT_EQ(form.status(), 200);
    // A form's answer may lead through redirects to the host, or a browser that minds form-action stops there.
    EXPECT_NE(form.header("Content-Security-Policy").find("form-action 'self' https://app.example.com:*"), std::string::npos);
    EXPECT_EQ(form.header("Content-Security-Policy").find("status.example.com"), std::string::npos);
    browser.signs_in(ada);
    answer = browser.visits("auth.example.com", encoding::percent_decode(sign_in.substr(sign_in.find('=') + 1)).value());
    ASSERT_EQ(answer.status(), 303);
    EXPECT_TRUE(answer.location().starts_with("https://app.example.com/auth/forward/callback?ticket="));
    EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer");
    answer = browser.follows(answer);
    ASSERT_EQ(answer.status(), 303);
    EXPECT_EQ(answer.location(), "/reports?x=1");
    EXPECT_EQ(browser.asks("app.example.com", "/reports?x=1").header("Remote-User"), "ada");
}

TEST_F(Forward, gives_the_host_a_cookie_that_ends_with_the_browser_or_with_the_remembered_session) {
    auto const set_cookie = [&](bool remember) {
        Browser one{app};
        one.session =
            app.stack.sessions.start({.user = ada.id, .factors = {{"pwd", app.clock.now()}}, .remember = remember, .origin = {}}).value();
        one.cookies("auth.example.com")["__Host-zephyr_session"] = one.session->token.reveal();
        return one.arrives("app.example.com").header("Set-Cookie");
    };
    EXPECT_EQ(set_cookie(false).find("Max-Age"), std::string::npos);
    EXPECT_NE(set_cookie(true).find("Max-Age=2592000"), std::string::npos);
    EXPECT_TRUE(set_cookie(true).starts_with("__Host-zephyr_forward="));
    EXPECT_NE(set_cookie(true).find("; Path=/;"), std::string::npos);
    EXPECT_NE(set_cookie(true).find("SameSite=Lax"), std::string::npos);
}

TEST_F(Forward, refuses_a_ticket_in_another_browser_at_another_host_again_or_late) {
    browser.signs_in(ada);
    auto const ticket_for = [&](Browser& one) {
        one.cookies("app.example.com").erase(std::string{cookie_name});
        auto answer = one.follows(one.follows(one.asks("app.example.com")));
        return answer.location().substr(answer.location().find("/auth/"));
    };
    browser.accept = html;
    Browser victim{app};
    victim.asks("app.example.com");
    EXPECT_EQ(victim.visits("app.example.com", ticket_for(browser)).status(), 403);  // no state of its own
    victim.follows(victim.asks("app.example.com"));
    EXPECT_EQ(victim.visits("app.example.com", ticket_for(browser)).status(), 403);  // another's ticket, its own state
    EXPECT_TRUE(victim.cookies("app.example.com").find(std::string{cookie_name}) == victim.cookies("app.example.com").end());

    auto const used = ticket_for(browser);
    EXPECT_EQ(browser.visits("app.example.com", used).status(), 303);
    EXPECT_EQ(browser.visits("app.example.com", used).status(), 403);

    auto const carried = ticket_for(browser);
    browser.cookies("wiki.example.com") = browser.cookies("app.example.com");
    EXPECT_EQ(browser.visits("wiki.example.com", carried).status(), 403);

    auto const late = ticket_for(browser);
    app.clock.advance(60s);
    EXPECT_EQ(browser.visits("app.example.com", late).status(), 403);
    browser.accept = "";
    EXPECT_EQ(browser.visits("app.example.com", "/auth/forward/callback").id(), "forward.ticket_refused");
    EXPECT_EQ(browser.visits("app.example.com", "/auth/forward/callback?ticket=" + std::string(5000, 'A')).id(), "forward.ticket_refused");
    EXPECT_EQ(browser.visits("app.example.com", "/auth/forward/callback?ticket=a&ticket=b").id(), "forward.ticket_refused");
}

TEST_F(Forward, is_no_open_redirector) {
    browser.signs_in(ada);
    browser.accept = "";
    for (auto const* request : {"", "x", "https://evil.test/", "eyJvcmlnaW4iOiJodHRwczovL2V2aWwudGVzdCJ9"}) {
        auto const answer = browser.visits("auth.example.com", "/auth/forward/start?request=" + std::string{request});
        EXPECT_EQ(answer.status(), 403) << request;
        EXPECT_EQ(answer.id(), "forward.link_stale") << request;
    }
    browser.accept = html;
    for (auto const* to : {"https%3A%2F%2Fevil.test%2F", "%2F%2Fevil.test", "%2F%5Cevil.test", "evil", "",
                           "%2Fauth%2Fforward%2Fcallback%3Fticket%3Dx", "%2Fx%0D%0ASet-Cookie%3A%20a%3Db"}) {
        auto answer = browser.visits("app.example.com", "/auth/forward/begin?return_to=" + std::string{to});
        ASSERT_EQ(answer.status(), 303) << to;
        EXPECT_TRUE(answer.location().starts_with("https://auth.example.com/auth/forward/start?request=")) << to;
        answer = browser.follows(answer);
        EXPECT_TRUE(answer.location().starts_with("https://app.example.com/auth/forward/callback?")) << to;
        EXPECT_EQ(browser.follows(answer).location(), "/") << to;
    }
}

TEST_F(Forward, keeps_the_port_that_the_browser_used) {
    browser.signs_in(ada);
    auto answer = browser.asks("app.example.com:8443", "/x");
    EXPECT_TRUE(answer.location().starts_with("https://app.example.com:8443/auth/forward/begin?")) << answer.location();
    answer = browser.follows(browser.follows(answer));
    EXPECT_TRUE(answer.location().starts_with("https://app.example.com:8443/auth/forward/callback?")) << answer.location();
    EXPECT_EQ(browser.follows(answer).location(), "/x");
    EXPECT_EQ(browser.asks("app.example.com:8443", "/x").status(), 200);
}

TEST_F(Forward, does_not_lead_on_while_a_sign_in_is_pending) {
    auto const request = browser.follows(browser.asks("app.example.com")).location();
    browser.session =
        app.stack.sessions.start({.user = ada.id, .factors = {{"pwd", app.clock.now()}}, .pending = "mfa.required", .origin = {}}).value();
    browser.cookies("auth.example.com")["__Host-zephyr_session"] = browser.session->token.reveal();
    auto const answer = browser.visits("auth.example.com", request.substr(us.size()));
    EXPECT_EQ(answer.status(), 403);
    EXPECT_EQ(events(audit::codes::forward_ticket_issued), 0u);
    give(ada, "staff");
    EXPECT_EQ(browser.asks("auth.example.com", "/tools").location(), "https://auth.example.com/sign-in?return_to=%2Ftools");
}

TEST_F(Forward, erases_with_the_person) {
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    ASSERT_EQ(browser.asks("app.example.com").status(), 200);
    ASSERT_TRUE(app.stack.lifecycle.remove(ada.id, audit::Actor::operator_cli(), {}).ok());
    EXPECT_EQ(browser.asks("app.example.com").status(), 303);
    auto const left =
        app.stack.database->read([](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM forward_session")->integer(0); });
    EXPECT_EQ(left, 0);
}

// --- Paths. The same corpus that the URL firewall is judged by: whatever it refuses, no rule may be chosen by.

TEST_F(Forward, refuses_every_path_of_the_hostile_corpus_where_rules_depend_on_it) {
    give(ada, "staff");
    browser.signs_in(ada);
    browser.arrives("wiki.example.com");
    browser.accept = "";
    ASSERT_EQ(browser.asks("wiki.example.com", "/page").status(), 200);
    std::size_t asked = 0;
    for (auto const& target : testing::hostile_corpus()) {
        // What the firewall refuses for its query is the application's matter; what it refuses for its path is ours.
        if (http::check_target(target.substr(0, target.find('?'))).ok()) continue;
        bool const sendable = std::all_of(target.begin(), target.end(),
                                          [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
        if (!sendable) continue;  // no header can carry it
        // A header's value has no blanks at its ends.
        if (target.empty() || target.front() == ' ' || target.back() == ' ' || target.front() == '\t' || target.back() == '\t') continue;
        ++asked;
        auto const answer = browser.asks("wiki.example.com", target);
        EXPECT_EQ(answer.status(), 403) << target;
        EXPECT_EQ(answer.id(), "forward.path_ambiguous") << target;
        if (!target.starts_with('/')) continue;  // would name another host
        auto const by_url = browser.send("127.0.0.1", "/auth/forward",
                                         {{"X-Original-URL", "https://wiki.example.com" + target}, {"X-Original-Method", "GET"}});
        EXPECT_EQ(by_url.id(), "forward.path_ambiguous") << target;
    }
    EXPECT_GE(asked, 300u);
}

TEST_F(Forward, judges_the_path_that_the_application_will_decode) {
    give(ada, "staff");
    browser.signs_in(ada);
    browser.arrives("wiki.example.com");
    browser.accept = "";
    for (auto const* path : {"/admin", "/%61dmin", "/%61%64min/x", "/admin?x", "/admin/", "/admin/%2e%2e%2e"})
        EXPECT_EQ(browser.asks("wiki.example.com", path).id(), "rbac.denied") << path;
    for (auto const* path : {"/page", "/administrator", "/page?next=/admin", "/page?a=/../admin&b=%2f..%5c", "/admin%2dhelp"})
        EXPECT_EQ(browser.asks("wiki.example.com", path).status(), 200) << path;
    for (auto const* path : {"/Admin", "/ADMIN/x", "/admin.", "/admin%20/x"})
        EXPECT_EQ(browser.asks("wiki.example.com", path).id(), "forward.path_ambiguous") << path;
}

// --- Without it

TEST(ForwardOff, has_no_routes_without_rules) {
    TestApp app;
    for (auto const& route : app.stack.app.table()) EXPECT_FALSE(route.pattern.starts_with("/auth/forward")) << route.print();
    Client client{app};
    EXPECT_EQ(client.get("/auth/forward").status(), 404);
}

TEST(ForwardOff, does_not_start_with_a_rule_it_cannot_read) {
    EXPECT_THROW(TestApp{protecting({"app.example.com", "*.example.com"})}, Fault);
}

TEST(ForwardHttp, works_on_a_developers_machine_without_tls) {
    auto settings = protecting({"app.localhost"});
    settings.server.public_url = "http://localhost:8080";
    TestApp app{settings};
    auto const ada = app.add_user("ada");
    http::Request request;
    request.target = "/auth/forward/begin";
    request.peer_address = proxy;
    request.headers.add("Host", "app.localhost:8081");
    auto const answer = Answer{app.stack.app.dispatch(std::move(request))};
    EXPECT_TRUE(answer.location().starts_with("http://localhost:8080/auth/forward/start?request="));
    EXPECT_TRUE(answer.header("Set-Cookie").starts_with("zephyr_forward_state="));
    EXPECT_EQ(answer.header("Set-Cookie").find("Secure"), std::string::npos);
}

}  // namespace
}  // namespace zephyr
