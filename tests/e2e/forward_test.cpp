// Forward-auth through the whole stack: what each proxy sends and gets, and whose word is believed.
#include "e2e/forward_browser.h"

namespace zephyr::forward_test {
namespace {

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

}  // namespace
}  // namespace zephyr::forward_test
