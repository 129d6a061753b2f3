// Clients that keep no cookies, for the tests of bearer tokens.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "testing/app/test_app.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/text.h"
#include "zephyr/jose/jwt.h"

namespace zephyr {

using testing::Answer;
using testing::Client;
using testing::TestApp;

// A program with tokens instead of a cookie jar.
class Program {
public:
    explicit Program(TestApp& app) : client_{app} {}

    Answer send(http::Method method, std::string const& path, std::optional<std::string> const& authorization, std::string body = {}) {
        http::Request request;
        request.method = method;
        request.target = path;
        if (!body.empty() || method == http::Method::post) request.headers.add("Content-Type", "application/json");
        if (authorization) request.headers.add("Authorization", *authorization);
        request.body = std::move(body);
        return client_.send(std::move(request));
    }
    Answer get(std::string const& path) { return send(http::Method::get, path, "Bearer " + access); }
    Answer post(std::string const& path, encoding::Json const& body = encoding::Json::object()) {
        return send(http::Method::post, path, "Bearer " + access, body.dump());
    }

    Answer sign_in(std::string const& name, encoding::Json extra = encoding::Json::object()) {
        extra.set("username", name).set("password", std::string{TestApp::good_password});
        return take(send(http::Method::post, "/auth/token", std::nullopt, extra.dump()));
    }
    Answer refresh() {
        auto const body = encoding::Json::object({{"refresh_token", refresh_token}});
        return take(send(http::Method::post, "/auth/refresh", std::nullopt, body.dump()));
    }
    Answer take(Answer answer) {
        access = answer.json().string_at("access_token").value_or(access);
        refresh_token = answer.json().string_at("refresh_token").value_or(refresh_token);
        return answer;
    }
    Client& client() { return client_; }

    std::string access;
    std::string refresh_token;

private:
    Client client_;
};

class Bearer : public ::testing::Test {
protected:
    TestApp app;
    Program program{app};
    users::User alice = app.add_user("alice", "admin");

    static std::string challenge(Answer const& answer) { return answer.header("WWW-Authenticate"); }
    encoding::Json claims() {
        auto const decoded = encoding::base64url_decode(split(program.access, '.')[1]).value();
        return encoding::parse_json(as_text(decoded)).value();
    }
};

}  // namespace zephyr
