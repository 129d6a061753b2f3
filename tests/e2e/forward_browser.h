// A browser behind a proxy that asks us, and the stack it asks, for the tests of forward-auth.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "testing/app/test_app.h"

namespace zephyr::forward_test {

using http::Header;
using http::Method;
using testing::Answer;
using testing::Client;
using testing::TestApp;

inline constexpr std::string_view proxy = "10.0.0.1";
inline constexpr std::string_view us = "https://auth.example.com";
inline constexpr std::string_view cookie_name = "__Host-zephyr_forward";
inline constexpr std::string_view html = "text/html,application/xhtml+xml";
inline constexpr std::array<std::string_view, 5> identity{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "Remote-Roles"};

inline config::Settings protecting(std::vector<std::string> rules) {
    auto settings = TestApp::settings();
    settings.server.public_url = us;
    settings.server.behind_proxy = true;
    settings.server.trusted_proxies = {"10.0.0.1/32"};
    settings.forward_auth.rules = std::move(rules);
    settings.forward_auth.send_email = true;
    return settings;
}

inline std::vector<std::string> const rules{"app.example.com",           "wiki.example.com role:staff", "wiki.example.com/admin role:admin mfa",
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

}  // namespace zephyr::forward_test
