// Forward-auth through the whole stack: who is let in, and how a browser signs in at another host.
#include "e2e/forward_browser.h"

#include <algorithm>

#include "testing/hostile_targets.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::forward_test {
namespace {

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
        app.stack.sessions.rotate(browser.session->session.ref, {.proved = sessions::Factor{"otp", app.clock.now(), true}, .pending = {}}, {})
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
    browser.signs_in(ada, {{"pwd", app.clock.now()}, {"otp", app.clock.now(), true}});
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
        app.stack.sessions.rotate(browser.session->session.ref, {.proved = sessions::Factor{"otp", app.clock.now(), true}, .pending = {}}, {})
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
}  // namespace zephyr::forward_test
