// /openapi.json against the server it describes: every route for programs is in it, and what it says of bodies and answers holds.
// tests/system/openapi_test.py has a validator made by others look at it too.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "testing/app/test_app.h"
#include "zephyr/encoding/base32.h"

namespace zephyr {
namespace {

using encoding::Json;
using http::BodySchema;
using http::Field;
using http::RouteInfo;
using testing::Answer;
using testing::Client;
using testing::TestApp;

config::Settings everything() {
    auto settings = TestApp::settings();
    settings.metrics.enabled = true;
    settings.signup.open = true;
    settings.forward_auth.rules = {"app.example.com"};
    return settings;
}

Json const& at(Json const& json, std::initializer_list<std::string_view> path) {
    static Json const nothing;
    auto const* found = &json;
    for (auto const name : path) {
        found = found->find(name);
        if (found == nullptr) return nothing;
    }
    return *found;
}

Json without(Json const& object, std::string_view name) {
    auto out = Json::object();
    for (auto const& [key, value] : *object.members()) {
        if (key != name) out.set(key, value);
    }
    return out;
}

bool is_request_refusal(Answer const& answer) {
    return answer.id().starts_with("request.") || answer.id().starts_with("json.");
}

class OpenApi : public ::testing::Test {
protected:
    TestApp app{everything()};
    Client client{app};
    users::User alice = app.add_user("alice");
    std::vector<RouteInfo> table = app.stack.app.table();
    Json document = client.get("/openapi.json").json();

    static std::string lower(std::string text) {
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return text;
    }
    Json const& operation(RouteInfo const& route) { return at(document, {"paths", route.pattern, lower(route.method)}); }
    RouteInfo const& route(std::string_view method, std::string_view pattern) {
        return *std::find_if(table.begin(), table.end(),
                             [&](auto const& each) { return each.method == method && each.pattern == pattern; });
    }
    std::vector<RouteInfo> documented() {
        std::vector<RouteInfo> out;
        for (auto const& each : table) {
            if (!each.summary.empty()) out.push_back(each);
        }
        return out;
    }
    // Whoever may use the route.
    Client somebody() {
        Client one{app};
        EXPECT_EQ(one.log_in("alice").status(), 200);
        return one;
    }
    // The answer is one that the document has for that status, and holds what it says.
    void expect_documented(std::string_view method, std::string_view pattern, Answer const& answer) {
        auto const& told = at(operation(route(method, pattern)), {"responses", std::to_string(answer.status())});
        ASSERT_FALSE(told.is_null()) << pattern << " answers " << answer.status() << " " << answer.body();
        if (answer.header("Content-Type") == "application/problem+json") {
            EXPECT_NE(told.dump().find("\"" + answer.id() + "\""), std::string::npos) << pattern << " " << answer.id();
            return;
        }
        for (auto const& each : route(method, pattern).answers) {
            if (each.status != answer.status()) continue;
            if (!each.content_type.ends_with("json")) return;
            auto const body = answer.json();
            auto const fits = BodySchema{.fields = each.fields}.check(body);
            EXPECT_TRUE(fits.ok()) << pattern << " " << answer.body() << " " << (fits.ok() ? "" : fits.error().reason());
            if (!fits.ok()) return;
            for (auto const& [name, value] : *body.members()) {
                bool const named =
                    std::any_of(each.fields.begin(), each.fields.end(), [&](Field const& field) { return field.name == name; });
                EXPECT_TRUE(named) << pattern << " answers with a member nobody documented: " << name;
            }
            return;
        }
        FAIL() << pattern << " has no answer " << answer.status();
    }
};

TEST_F(OpenApi, holds_every_route_for_programs_and_no_page) {
    std::vector<std::string> missing;
    std::size_t count = 0;
    for (auto const& each : table) {
        bool const for_programs = each.source.ends_with("_routes.cpp") || each.source.ends_with("openapi.cpp");
        if (for_programs && each.summary.empty()) missing.push_back(each.method + " " + each.pattern);
        EXPECT_EQ(operation(each).is_null(), each.summary.empty()) << each.print();
        EXPECT_TRUE(for_programs || each.summary.empty()) << each.print() << " is a page";
        count += each.summary.empty() ? 0 : 1;
    }
    // Files and redirects for browsers, and the methods of /auth/forward that say what GET says.
    EXPECT_EQ(missing, (std::vector<std::string>{"GET /static/{file}", "POST /auth/forward", "PUT /auth/forward", "PATCH /auth/forward",
                                                 "DELETE /auth/forward", "OPTIONS /auth/forward", "GET /auth/forward/begin",
                                                 "GET /auth/forward/start", "GET /auth/forward/callback"}));
    std::size_t operations = 0;
    for (auto const& [pattern, methods] : *at(document, {"paths"}).members()) operations += methods.members()->size();
    EXPECT_EQ(operations, count);
    EXPECT_GE(operations, 14U);
}

TEST_F(OpenApi, each_operation_says_what_the_guard_demands_and_how_to_prove_it) {
    std::set<std::string> ids;
    for (auto const& each : documented()) {
        auto const& told = operation(each);
        EXPECT_TRUE(ids.insert(told.string_at("operationId").value_or("")).second) << each.print();
        EXPECT_EQ(told.string_at("x-zephyr-demands"), each.guard);
        bool const open = each.guard.starts_with("open");
        EXPECT_EQ(at(told, {"security"}).items()->empty(), open) << each.print();
        EXPECT_TRUE(open || !at(told, {"responses", "401"}).is_null()) << each.print();
        EXPECT_FALSE(at(told, {"responses", "429"}).is_null()) << each.print();
        EXPECT_EQ(at(told, {"responses", "503"}).is_null(), each.run_inline) << each.print();
        EXPECT_FALSE(at(told, {"responses", "default"}).is_null());
        ASSERT_FALSE(each.answers.empty()) << each.print();
        for (auto const& answer : each.answers) {
            EXPECT_FALSE(answer.description.empty()) << each.print();
            EXPECT_FALSE(at(told, {"responses", std::to_string(answer.status)}).is_null()) << each.print();
        }
        bool const changes = each.method != "GET";
        EXPECT_EQ(each.body.has_value(), changes) << each.print() << ": a route that takes a body says which";
        EXPECT_EQ(at(told, {"requestBody"}).is_null(), !changes);
        bool const csrf = at(told, {"responses", "403"}).dump().find("csrf.cross_site") != std::string::npos;
        EXPECT_EQ(csrf, changes && each.csrf_exempt_reason.empty()) << each.print();
    }
    EXPECT_EQ(at(document, {"components", "securitySchemes", "session", "name"}), Json{"zephyr_session"});
}

TEST_F(OpenApi, each_documented_body_is_accepted_and_none_without_a_member_it_needs) {
    int removed = 0;
    for (auto const& each : documented()) {
        if (!each.body) continue;
        auto const path = std::regex_replace(each.pattern, std::regex{"\\{[^}]*\\}"}, "1");
        auto const& told = at(operation(each), {"requestBody", "content", "application/json"});
        auto const& example = at(told, {"example"});
        auto const accepted = somebody().post(path, example);
        EXPECT_FALSE(is_request_refusal(accepted)) << each.print() << " " << accepted.body();
        for (auto const& field : each.body->fields) {
            auto const lacking = somebody().post(path, without(example, field.name));
            EXPECT_EQ(lacking.id() == "request.field_missing", field.required)
                << each.print() << " " << field.name << " " << lacking.body();
            auto wrong = example;
            wrong.set(field.name, Json::object({{"of", "another type"}}));
            EXPECT_EQ(somebody().post(path, wrong).id(), "request.field_invalid") << each.print() << " " << field.name;
            auto null = example;
            null.set(field.name, nullptr);
            EXPECT_EQ(somebody().post(path, null).id() == "request.field_missing", field.required)
                << each.print() << " " << field.name;
            removed += field.required ? 1 : 0;
            // The document says the same as the route: needed or not, and how long.
            auto const& property = at(told, {"schema", "properties", field.name});
            auto const& required = at(told, {"schema", "required"});
            bool const needed = required.items() != nullptr && std::find(required.items()->begin(), required.items()->end(),
                                                                         Json{field.name}) != required.items()->end();
            EXPECT_EQ(needed, field.required) << each.print() << " " << field.name;
            if (auto const* longest = property.find("maxLength")) {
                auto longer = example;
                longer.set(field.name, std::string(static_cast<std::size_t>(*longest->integer()) + 1, 'x'));
                EXPECT_EQ(somebody().post(path, longer).id(), "request.field_invalid") << each.print() << " " << field.name;
            }
        }
        auto more = example;
        more.set("a_member_of_the_future", Json::array({1, 2, 3}));
        EXPECT_FALSE(is_request_refusal(somebody().post(path, more))) << each.print() << ": unknown members are ignored";
        EXPECT_TRUE(is_request_refusal(somebody().post(path, Json::array()))) << each.print();
    }
    EXPECT_GE(removed, 7);
}

TEST_F(OpenApi, whoever_may_not_pass_is_refused_as_documented) {
    for (auto const& each : documented()) {
        Client nobody{app};
        auto const path = std::regex_replace(each.pattern, std::regex{"\\{[^}]*\\}"}, "1");
        auto const answer = each.method == "GET" ? nobody.get(path) : nobody.post(path);
        expect_documented(each.method, each.pattern, answer);
        EXPECT_TRUE(each.guard.starts_with("open") || answer.status() == 401) << each.print();
    }
}

TEST_F(OpenApi, answers_hold_what_the_document_says) {
    expect_documented("GET", "/healthz", client.get("/healthz"));
    expect_documented("GET", "/readyz", client.get("/readyz"));
    expect_documented("GET", "/openapi.json", client.get("/openapi.json"));
    expect_documented("GET", "/.well-known/jwks.json", client.get("/.well-known/jwks.json"));
    expect_documented(
        "POST", "/auth/register",
        client.post("/auth/register", Json::object({{"username", "carol"}, {"password", "seven brass owls hum softly"}})));
    expect_documented("POST", "/auth/register",
                      client.post("/auth/register", Json::object({{"username", "dave"}, {"password", "short"}})));
    expect_documented("POST", "/auth/login", client.log_in("alice", "wrong"));
    expect_documented("POST", "/auth/login", client.log_in("alice"));
    expect_documented("GET", "/auth/me", client.get("/auth/me"));
    expect_documented("GET", "/metrics", client.get("/metrics"));

    auto const begun = client.post("/auth/mfa/totp/setup");
    expect_documented("POST", "/auth/mfa/totp/setup", begun);
    auto const secret = encoding::base32_decode(begun.json().string_at("secret").value()).value();
    expect_documented("POST", "/auth/mfa/totp/verify", client.post("/auth/mfa/totp/verify", Json::object({{"code", "000000"}})));
    expect_documented("POST", "/auth/mfa/totp/verify",
                      client.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}})));
    app.clock.advance(30s);
    Client again{app};
    expect_documented("POST", "/auth/login", again.log_in("alice"));  // pending
    expect_documented("GET", "/auth/me", again.get("/auth/me"));
    expect_documented("POST", "/auth/mfa/totp/verify",
                      again.post("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}})));
    expect_documented("POST", "/auth/logout", again.post("/auth/logout"));

    app.clock.advance(30s);
    Client by_token{app};
    auto const credentials = Json::object({{"username", "alice"}, {"password", std::string{TestApp::good_password}}});
    auto const pending = by_token.post("/auth/token", credentials);
    expect_documented("POST", "/auth/token", pending);
    EXPECT_TRUE(pending.json().string_at("pending"));
    auto whole = credentials;
    auto const tokens = by_token.post("/auth/token", whole.set("code", app.code_for(secret)));
    expect_documented("POST", "/auth/token", tokens);
    expect_documented(
        "POST", "/auth/refresh",
        by_token.post("/auth/refresh", Json::object({{"refresh_token", tokens.json().string_at("refresh_token").value_or("")}})));
    expect_documented("POST", "/auth/refresh", by_token.post("/auth/refresh", Json::object({{"refresh_token", "nothing"}})));
}

TEST_F(OpenApi, a_store_that_is_gone_is_answered_as_documented) {
    app.stack.draining = true;
    auto const answer = client.get("/readyz");
    EXPECT_EQ(answer.status(), 503);
    expect_documented("GET", "/readyz", answer);
}

TEST_F(OpenApi, is_made_once_and_served_from_memory) {
    http::Request request;
    request.target = "/openapi.json";
    EXPECT_TRUE(app.stack.app.runs_inline(request));
    auto const before = app.stack.database->counts().statements;
    auto const answer = client.get("/openapi.json");
    EXPECT_EQ(app.stack.database->counts().statements, before);
    EXPECT_EQ(answer.header("Content-Type"), "application/json");
    EXPECT_EQ(answer.body(), client.get("/openapi.json").body());
    EXPECT_EQ(answer.json().string_at("openapi"), "3.1.0");
}

TEST_F(OpenApi, has_no_route_that_the_settings_switched_off) {
    auto settings = TestApp::settings();
    settings.mfa.enabled = false;
    TestApp smaller{settings};
    auto const told = Client{smaller}.get("/openapi.json").json();
    EXPECT_TRUE(at(told, {"paths", "/auth/mfa/totp/setup"}).is_null());
    EXPECT_TRUE(at(told, {"paths", "/metrics"}).is_null());
    EXPECT_FALSE(at(told, {"paths", "/auth/login"}).is_null());
}

}  // namespace
}  // namespace zephyr
