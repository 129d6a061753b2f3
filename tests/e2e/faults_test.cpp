// Every call to the store fails once, in every main flow: then the answer is an error and nothing has happened. "Never success"
// is the lesson of servers that handed out tokens whose revocation had failed to be stored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "testing/app/test_app.h"
#include "testing/databases.h"
#include "testing/failing_database.h"
#include "zephyr/encoding/url.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Answer;
using testing::Client;
using testing::FailingDatabase;
using testing::TestApp;

// Everything that is stored, as text, but for some tables.
std::string dump(storage::Database& database, std::vector<std::string> const& except) {
    return database.read([&](storage::Transaction& tx) {
        std::string out;
        for (auto const& table : tx.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name")) {
            if (std::find(except.begin(), except.end(), table.text(0)) != except.end()) continue;
            std::string columns;
            for (auto const& column : tx.rows("SELECT name FROM pragma_table_info($1) ORDER BY cid", table.text(0))) {
                columns += (columns.empty() ? "" : " || '|' || ") + ("coalesce(hex(" + column.text(0) + "), '-')");
            }
            for (auto const& row : tx.rows("SELECT " + columns + " FROM " + table.text(0) + " ORDER BY 1")) out += table.text(0) + " " + row.text(0) + "\n";
        }
        return out;
    });
}

// The lines of `after` and `before` that the other has not: what a failure message can show.
std::string difference(std::string const& before, std::string const& after) {
    std::string out;
    for (auto const& [text, other, mark] : {std::tuple{&before, &after, '-'}, std::tuple{&after, &before, '+'}}) {
        std::size_t start = 0;
        for (std::size_t end; (end = text->find('\n', start)) != std::string::npos; start = end + 1) {
            auto const line = text->substr(start, end - start + 1);
            if (other->find(line) == std::string::npos) out += mark + line.substr(0, 120) + (line.size() > 120 ? "…\n" : "");
        }
    }
    return out;
}

struct World {
    static config::Settings settings() {
        auto chosen = TestApp::settings();
        chosen.signup.open = true;
        chosen.server.public_url = "https://auth.example.com";
        chosen.server.behind_proxy = true;
        chosen.server.trusted_proxies = {"10.0.0.1/32"};
        chosen.forward_auth.rules = {"app.example.com"};
        return chosen;
    }
    FailingDatabase& database() { return static_cast<FailingDatabase&>(*app.stack.database); }

    TestApp app{settings(), std::make_unique<FailingDatabase>(testing::memory_database())};
    users::User alice = app.add_user("alice");
    std::map<std::string, std::map<std::string, std::string>> jars;  // cookies by host
    std::string note;                                                // from prepare to act

    Answer send(http::Method method, std::string const& target, std::vector<http::Header> const& headers = {}, std::string body = {},
                std::string const& host = "auth.example.com") {
        http::Request request;
        request.method = method;
        request.target = target;
        request.peer_address = "10.0.0.1";
        request.headers.add("Host", host);
        request.headers.add("X-Forwarded-For", "192.0.2.50");
        request.headers.add("X-Forwarded-Proto", "https");
        request.headers.add("User-Agent", "test client");
        for (auto const& header : headers) request.headers.add(header.name, header.value);
        std::string jar;
        for (auto const& [name, value] : jars[host]) jar += (jar.empty() ? "" : "; ") + name + "=" + value;
        if (!jar.empty()) request.headers.add("Cookie", jar);
        request.body = std::move(body);
        Answer answer{app.stack.app.dispatch(std::move(request))};
        if (answer.status() >= 500) return answer;  // a browser would not mind its cookies either
        for (auto const& header : answer.response.headers.all()) {
            if (header.name != "Set-Cookie") continue;
            auto const equals = header.value.find('=');
            jars[host][header.value.substr(0, equals)] = header.value.substr(equals + 1, header.value.find(';') - equals - 1);
        }
        return answer;
    }
    Answer json(std::string const& target, Json const& body) {
        return send(http::Method::post, target, {{"Content-Type", "application/json"}}, body.dump());
    }
    Answer log_in(std::string const& name, std::string_view password = TestApp::good_password) {
        return json("/auth/login", Json::object({{"username", name}, {"password", std::string{password}}}));
    }
    Answer page(std::string const& target) {
        return send(http::Method::get, target, {{"Accept", "text/html,application/xhtml+xml"}, {"Sec-Fetch-Site", "none"}});
    }
    // The page with the form, now; posting the form, later and as often as needed.
    void open_form(std::string const& at) {
        auto const body = page(at).body();
        std::string const mark = "name=\"csrf_token\" value=\"";
        auto const found = body.find(mark);
        ASSERT_NE(found, std::string::npos) << at << "\n" << body.substr(0, 300);
        note = body.substr(found + mark.size(), body.find('"', found + mark.size()) - found - mark.size());
    }
    Answer post_form(std::string const& target, std::vector<std::pair<std::string, std::string>> const& fields = {}) {
        auto body = "csrf_token=" + encoding::percent_encode(note);
        for (auto const& [name, value] : fields) body += "&" + name + "=" + encoding::percent_encode(value);
        return send(http::Method::post, target,
                    {{"Accept", "text/html,application/xhtml+xml"},
                     {"Sec-Fetch-Site", "same-origin"},
                     {"Origin", "https://auth.example.com"},
                     {"Content-Type", "application/x-www-form-urlencoded"}},
                    std::move(body));
    }
    void sign_in_as_admin() {
        auto const root = app.add_user("root", "admin");
        auto const secret = app.enrol(root);
        ASSERT_EQ(log_in("root").status(), 200);
        ASSERT_EQ(json("/auth/mfa/totp/verify", Json::object({{"code", app.code_for(secret)}})).status(), 200);
    }
    // A browser asks for app.example.com and is led along; the target of the last redirect.
    std::string lead(int steps) {
        auto const accept = http::Header{"Accept", "text/html,application/xhtml+xml"};
        auto answer = send(http::Method::get, "/auth/forward",
                           {accept, {"X-Forwarded-Host", "app.example.com"}, {"X-Forwarded-Uri", "/page"}, {"X-Forwarded-Method", "GET"}}, {},
                           "app.example.com");
        for (int i = 0; i < steps; ++i) answer = follow(answer.location());
        EXPECT_EQ(answer.status(), 303) << answer.body();
        return answer.location();
    }
    Answer follow(std::string const& url) {
        auto const rest = url.substr(std::string_view{"https://"}.size());
        auto const slash = rest.find('/');
        auto const host = rest.substr(0, slash);
        return send(http::Method::get, rest.substr(slash), {{"Accept", "text/html,application/xhtml+xml"}, {"X-Forwarded-Host", host}}, {}, host);
    }
};

struct Flow {
    std::string name;
    int success;
    std::function<void(World&)> prepare;
    std::function<Answer(World&)> act;
    // After an answer was lost although all was stored: what the same request may get (it happened already, or happens again).
    std::vector<int> repeated = {};
    // Tables in which a failed attempt may leave something behind that is of no use to anybody.
    std::vector<std::string> may_leave = {};
    // Set where work is owed by a durable row and done later: then a fault behind the commit may leave the answer a success. Does what is
    // owed, and checks that it was done.
    std::function<void(World&)> owed = {};
};

void PrintTo(Flow const& flow, std::ostream* out) { *out << flow.name; }

std::vector<Flow> flows() {
    auto const signed_in = [](World& world) { ASSERT_EQ(world.log_in("alice").status(), 200); };
    std::string const new_password = "a much longer pass phrase";
    return {
        {"sign_in", 200, [](World&) {}, [](World& world) { return world.log_in("alice"); }, {200}},
        {"sign_in_with_a_factor_to_come", 200, [](World& world) { world.app.enrol(world.alice); }, [](World& world) { return world.log_in("alice"); },
         {200}},
        {"register", 201, [](World&) {},
         [](World& world) {
             return world.json("/auth/register",
                               Json::object({{"username", "carol"}, {"email", "carol@example.com"}, {"password", "a much longer pass phrase"}}));
         },
         {409}},
        {"verify_a_code", 200,
         [](World& world) {
             auto const secret = world.app.enrol(world.alice);
             ASSERT_EQ(world.log_in("alice").status(), 200);
             world.note = world.app.code_for(secret);
         },
         [](World& world) { return world.json("/auth/mfa/totp/verify", Json::object({{"code", world.note}})); },
         {401}},
        {"who_am_i", 200, signed_in, [](World& world) { return world.send(http::Method::get, "/auth/me"); }, {200}},
        {"sign_out", 200, signed_in, [](World& world) { return world.json("/auth/logout", Json::object()); }, {401}},
        {"change_the_password", 303,
         [signed_in](World& world) {
             signed_in(world);
             world.open_form("/account/password");
         },
         [new_password](World& world) {
             return world.post_form("/account/password", {{"current_password", std::string{TestApp::good_password}}, {"password", new_password}});
         },
         {303, 400, 401, 403}},
        {"disable_a_user", 303,
         [](World& world) {
             world.sign_in_as_admin();
             world.open_form("/admin/users/" + world.alice.id.str());
         },
         [](World& world) { return world.post_form("/admin/users/" + world.alice.id.str() + "/disable"); },
         {303}},
        {"grant_a_role", 303,
         [](World& world) {
             world.sign_in_as_admin();
             world.open_form("/admin/users/" + world.alice.id.str());
         },
         [](World& world) {
             return world.post_form("/admin/users/" + world.alice.id.str() + "/roles", {{"role", "auditor"}, {"change", "grant"}});
         },
         {303}},
        {"delete_a_user", 303,
         [](World& world) {
             world.sign_in_as_admin();
             world.open_form("/admin/users/" + world.alice.id.str());
         },
         [](World& world) { return world.post_form("/admin/users/" + world.alice.id.str() + "/delete", {{"confirm", "alice"}}); },
         {404}, {},
         [](World& world) {
             auto const number = [&](std::string const& what) {
                 return world.database().inner().read([&](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM " + what)->integer(0); });
             };
             EXPECT_EQ(number("app_user WHERE id = '" + world.alice.id.str() + "'"), 0);
             EXPECT_EQ(number("audit_erasure"), 1) << "nobody would come back to it";
             world.app.stack.audit.carry_out_erasures();
             EXPECT_EQ(number("audit_erasure WHERE done_at IS NULL"), 0);
             EXPECT_EQ(number("audit_subject WHERE person = '" + world.alice.id.str() + "'"), 0);
             EXPECT_EQ(number("audit_event WHERE code = 'ZAUDIT11W'"), 1);
         }},
        // Signing in and issuing are two transactions: a session may stay whose tokens nobody got, until time ends it. So does what the
        // first one recorded, and the key it is sealed under.
        {"sign_in_for_tokens", 200, [](World& world) { ASSERT_TRUE(world.app.stack.signing_keys.active().ok()); },
         [](World& world) {
             return world.json("/auth/token", Json::object({{"username", "alice"}, {"password", std::string{TestApp::good_password}}}));
         },
         {200}, {"session", "audit_event", "audit_subject", "audit_subject_key"}},
        {"refresh", 200,
         [](World& world) {
             auto const answer =
                 world.json("/auth/token", Json::object({{"username", "alice"}, {"password", std::string{TestApp::good_password}}}));
             ASSERT_EQ(answer.status(), 200) << answer.body();
             world.note = answer.json().string_at("refresh_token").value_or("");
         },
         [](World& world) { return world.json("/auth/refresh", Json::object({{"refresh_token", world.note}})); },
         {200}},
        {"make_a_forward_ticket", 303,
         [signed_in](World& world) {
             signed_in(world);
             world.note = world.lead(1);
         },
         [](World& world) { return world.follow(world.note); },
         {303, 400, 403}},
        {"redeem_a_forward_ticket", 303,
         [signed_in](World& world) {
             signed_in(world);
             world.note = world.lead(2);
         },
         [](World& world) { return world.follow(world.note); },
         {303, 400, 401, 403}},
    };
}

class Faults : public ::testing::TestWithParam<Flow> {};

TEST_P(Faults, a_store_call_that_fails_is_an_error_and_changes_nothing) {
    auto const& flow = GetParam();
    std::unique_ptr<World> world;
    int calls = 0;
    for (int nth = 1;; ++nth) {
        if (!world) {
            world = std::make_unique<World>();
            flow.prepare(*world);
            if (HasFatalFailure()) return;
        }
        auto& database = world->database();
        auto const jars = world->jars;
        auto const before = dump(database.inner(), flow.may_leave);
        database.fail_at(nth);
        auto const answer = flow.act(*world);
        bool const failed = database.failed();
        bool const in_doubt = database.in_doubt();
        database.heal();
        if (!failed) {
            EXPECT_EQ(answer.status(), flow.success) << answer.body();
            calls = nth - 1;
            break;
        }
        if (flow.owed && answer.status() == flow.success) {
            flow.owed(*world);
            world.reset();
            continue;
        }
        EXPECT_TRUE(answer.status() == 503 || answer.status() == 500) << "call " << nth << ": " << answer.status() << " " << answer.body();
        EXPECT_EQ(answer.header("Set-Cookie").find("session=") == std::string::npos, true) << "call " << nth;
        if (!in_doubt) {
            auto const after = dump(database.inner(), flow.may_leave);
            EXPECT_EQ(after == before, true) << "call " << nth << " changed\n" << difference(before, after);
            world->jars = jars;
            if (after != before) world.reset();
            continue;
        }
        // Stored, and the answer lost: the same request now either happens again or finds that it has happened.
        world->jars = jars;
        auto const again = flow.act(*world);
        EXPECT_NE(std::find(flow.repeated.begin(), flow.repeated.end(), again.status()), flow.repeated.end())
            << "call " << nth << ": " << again.status() << " " << again.body();
        world.reset();
    }
    std::cout << flow.name << ": " << calls << " calls\n";
    EXPECT_GT(calls, 0) << "the flow asks the store nothing, so the test shows nothing";
}

INSTANTIATE_TEST_SUITE_P(flows, Faults, ::testing::ValuesIn(flows()), [](auto const& flow) { return flow.param.name; });

}  // namespace
}  // namespace zephyr
