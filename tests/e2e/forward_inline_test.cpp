// What the porch's loop answers about a request to another host without a worker is what a worker would have answered.
#include "e2e/forward_browser.h"

namespace zephyr::forward_test {
namespace {

class ForwardInline : public ::testing::Test {
protected:
    TestApp app{protecting(rules)};
    Browser browser{app};
    users::User ada = app.add_user("ada");

    // Everything but what differs from answer to answer.
    static std::vector<std::string> told(http::Response const& response) {
        std::vector<std::string> out{std::to_string(response.status)};
        for (auto const& [name, value] : response.headers.all()) out.push_back(name + ": " + (name == "X-Request-Id" ? "" : value));
        return out;
    }
    http::Request question(std::string const& host, std::string_view peer = proxy) {
        auto request = http::Request{.target = "/auth/forward", .peer_address = std::string{peer}};
        for (auto const& [name, value] : std::vector<Header>{{"Host", host},
                                                             {"X-Forwarded-Proto", "https"},
                                                             {"X-Forwarded-Host", host},
                                                             {"X-Forwarded-Uri", "/"},
                                                             {"X-Forwarded-Method", "GET"}})
            request.headers.add(name, value);
        std::string jar;
        for (auto const& [name, value] : browser.cookies(host)) jar += (jar.empty() ? "" : "; ") + name + "=" + value;
        if (!jar.empty()) request.headers.add("Cookie", jar);
        return request;
    }
    std::optional<http::Response> inline_answer(http::Request request) { return app.stack.app.dispatch_inline(request); }
};

TEST_F(ForwardInline, says_the_same_as_a_worker) {
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    browser.asks("app.example.com");
    for (auto const* host : {"app.example.com", "status.example.com", "evil.test", "vault.example.com"}) {
        auto const answer = inline_answer(question(host));
        ASSERT_TRUE(answer) << host;
        EXPECT_EQ(told(*answer), told(app.stack.app.dispatch(question(host)))) << host;
    }
    auto const admitted = inline_answer(question("app.example.com"));
    EXPECT_EQ(admitted->status, 200);
    EXPECT_EQ(admitted->headers.get("Remote-User"), "ada");
    EXPECT_EQ(admitted->headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(admitted->headers.get("X-Content-Type-Options"), "nosniff");
}

TEST_F(ForwardInline, tells_a_peer_that_is_no_proxy_of_ours_nothing) {
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    browser.asks("app.example.com");
    auto const answer = inline_answer(question("app.example.com", "203.0.113.9"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 403);
    EXPECT_EQ(answer->headers.count("Remote-User"), 0u);
}

TEST_F(ForwardInline, ends_with_the_session) {
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    browser.asks("app.example.com");
    ASSERT_EQ(inline_answer(question("app.example.com"))->status, 200);
    ASSERT_TRUE(app.stack.sessions.end(browser.session->session.ref, audit::Actor::system(), {}, "test").ok());
    EXPECT_FALSE(inline_answer(question("app.example.com")));  // memory no longer knows
}

TEST_F(ForwardInline, counts_who_was_let_through_once) {
    browser.signs_in(ada);
    browser.arrives("app.example.com");
    browser.asks("app.example.com");
    auto const before = app.stack.forward.counts().admitted;
    static_cast<void>(inline_answer(question("app.example.com")));
    EXPECT_EQ(app.stack.forward.counts().admitted, before + 1);
    app.clock.advance(1min);
    EXPECT_FALSE(inline_answer(question("app.example.com")));
    EXPECT_EQ(app.stack.forward.counts().admitted, before + 1);
}

}  // namespace
}  // namespace zephyr::forward_test
