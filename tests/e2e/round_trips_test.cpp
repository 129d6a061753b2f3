// How often the database is asked, counted exactly. On SQLite a round trip is a transaction; on PostgreSQL every statement is one.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "testing/databases.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Answer;
using testing::Client;
using testing::TestApp;

enum class Store { sqlite, postgresql };

std::unique_ptr<storage::Database> open(Store store) {
    if (store == Store::sqlite) return testing::memory_database();
    auto database = storage::open_postgres({.uri = testing::PostgresServer::instance().fresh_database()});
    testing::apply_source_migrations(*database);
    return database;
}

class RoundTrips : public ::testing::TestWithParam<Store> {
protected:
    struct Cost {
        std::int64_t transactions;
        std::int64_t statements;
    };
    template <class F>
    Cost cost_of(std::string const& what, F&& act) {
        auto const before = app.stack.database->counts();
        act();
        auto const after = app.stack.database->counts();
        Cost const cost{after.reads + after.writes - before.reads - before.writes, after.statements - before.statements};
        std::cout << what << ": " << cost.transactions << " transactions, " << cost.statements << " statements\n";
        return cost;
    }
    bool sqlite() const { return GetParam() == Store::sqlite; }
    Answer token() {
        return client.post("/auth/token", Json::object({{"username", "alice"}, {"password", std::string{TestApp::good_password}}}));
    }

    TestApp app{TestApp::settings(), open(GetParam())};
    users::User alice = app.add_user("alice");
    Client client{app};
};

TEST_P(RoundTrips, signing_in_costs_three_transactions) {
    ASSERT_EQ(client.log_in("alice").status(), 200);  // what everybody shares is warm now: roles, signing keys
    auto const cost = cost_of("sign in", [&] { ASSERT_EQ(Client{app}.log_in("alice").status(), 200); });
    // Name and password; is it still that password after the hash; the session with all that belongs to it.
    if (sqlite()) {
        EXPECT_EQ(cost.transactions, 3);
    }
}

TEST_P(RoundTrips, a_guard_that_knows_the_caller_asks_nothing_on_sqlite) {
    ASSERT_EQ(client.log_in("alice").status(), 200);
    http::Request request;
    request.path = request.target = request.route = "/private";
    request.headers.add("Cookie", "zephyr_session=" + client.session_cookie());
    auto const demand = http::require_login.demand();
    auto const judge = [&] { ASSERT_TRUE(std::holds_alternative<http::Admitted>(app.stack.gatekeeper.judge(demand, request))); };
    judge();
    auto const cost = cost_of("guard, cookie", judge);
    if (sqlite()) {
        EXPECT_EQ(cost.transactions + cost.statements, 0);
    } else {
        EXPECT_LE(cost.transactions, 3) << "session, account, versions of the roles";
    }
}

TEST_P(RoundTrips, a_guard_that_knows_the_bearer_asks_nothing_on_sqlite) {
    auto const issued = token();
    ASSERT_EQ(issued.status(), 200) << issued.body();
    http::Request request;
    request.path = request.target = request.route = "/private";
    request.headers.add("Authorization", "Bearer " + issued.json().string_at("access_token").value());
    auto const demand = http::require_login.demand();
    auto const judge = [&] { ASSERT_TRUE(std::holds_alternative<http::Admitted>(app.stack.gatekeeper.judge(demand, request))); };
    judge();
    auto const cost = cost_of("guard, bearer token", judge);
    if (sqlite()) {
        EXPECT_EQ(cost.transactions + cost.statements, 0);
    }
}

TEST_P(RoundTrips, a_refresh_costs_one_transaction_on_sqlite) {
    auto const issued = token();
    ASSERT_EQ(issued.status(), 200) << issued.body();
    auto const body = Json::object({{"refresh_token", issued.json().string_at("refresh_token").value()}});
    auto const cost = cost_of("refresh", [&] { ASSERT_EQ(client.post("/auth/refresh", body).status(), 200); });
    if (sqlite()) {
        EXPECT_EQ(cost.transactions, 1);
    }
}

TEST_P(RoundTrips, signing_out_costs_one_write_beside_the_guard) {
    ASSERT_EQ(client.log_in("alice").status(), 200);
    ASSERT_EQ(client.get("/auth/me").status(), 200);
    auto const cost = cost_of("sign out", [&] { ASSERT_EQ(client.post("/auth/logout").status(), 200); });
    if (sqlite()) {
        EXPECT_LE(cost.transactions, 2);
    }
}

INSTANTIATE_TEST_SUITE_P(stores, RoundTrips, ::testing::Values(Store::sqlite, Store::postgresql),
                         [](auto const& each) { return each.param == Store::sqlite ? "sqlite" : "postgresql"; });

}  // namespace
}  // namespace zephyr
