// Signing in at protected hosts on both engines, with two nodes on one database.
#include <gtest/gtest.h>

#include <atomic>

#include "contract/stores.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/forward/forward_service.h"
#include "zephyr/forward/personal_data.h"
#include "zephyr/sessions/session_store.h"

namespace zephyr::forward {
namespace {

using storage::contract::on_threads;
using storage::contract::StoreTest;

class ForwardContract : public StoreTest {
protected:
    // One node: its own connections, the same keys.
    struct Node {
        Node(storage::Database& db, Clock const& clock, std::uint64_t seed)
            : random{seed}, database{db}, sealer{keyring(), random}, audit{db, sealer, clock, random}, store{db, sealer},
              sessions{store, db, audit, clock, random, {}},
              forward{db, sessions, audit, sealer, clock, random, RuleBook::parse({"app.example.com", "wiki.example.com"}).value()} {}
        static crypto::Keyring keyring() {
            testing::ScriptedRandom keys{7};
            return crypto::Keyring{crypto::MasterKey::generate(keys)};
        }
        testing::ScriptedRandom random;
        storage::Database& database;
        crypto::Sealer sealer;
        audit::AuditLog audit;
        sessions::SqlSessionStore store;
        sessions::SessionService sessions;
        ForwardService forward;
    };

    void SetUp() override {
        StoreTest::SetUp();
        testing::apply_source_migrations(db());
        first = std::make_unique<Node>(db(), clock_, 1);
        if (is_memory()) return;
        other = open();
        second = std::make_unique<Node>(*other, clock_, 2);
    }
    Node& node(int i) { return second && i % 2 == 1 ? *second : *first; }

    struct OnTheWay {
        SecretText ticket;
        SecretText state;
    };
    OnTheWay on_the_way(Node& at, SessionRef const& ref) {
        auto const begun = at.forward.begin({app, "/"}, std::nullopt);
        return {at.forward.issue(ref, at.forward.read(begun.request).value(), {}).value(), begun.state};
    }
    sessions::Session session() { return first->sessions.start({.user = ada, .factors = {{"pwd", clock_.now()}}, .origin = {}}).value().session; }

    encoding::Origin const app{"https", "app.example.com", 443};
    testing::ScriptedRandom ids{99};
    UserId ada = UserId::make(clock_.now(), ids);
    std::unique_ptr<storage::Database> other;
    std::unique_ptr<Node> first;
    std::unique_ptr<Node> second;
};

TEST_P(ForwardContract, of_64_callers_on_two_nodes_with_one_ticket_one_gets_in) {
    for (int round = 0; round < 3; ++round) {
        auto const ref = session().ref;
        auto const way = on_the_way(*first, ref);
        std::atomic<int> in{0};
        on_threads(64, [&](int i) {
            auto const done = node(i).forward.redeem(way.ticket, app, way.state, {});
            if (done.ok()) ++in;
            else EXPECT_EQ(done.error(), errors::ticket_refused);
        });
        EXPECT_EQ(in, 1);
        auto const rows = db().read([&](storage::Transaction& tx) {
            return tx.row("SELECT count(*) FROM forward_session WHERE session_ref = $1", ref.str())->integer(0);
        });
        EXPECT_EQ(rows, 1);
    }
}

TEST_P(ForwardContract, many_tickets_of_one_session_at_once_leave_one_cookie_that_works) {
    auto const ref = session().ref;
    std::vector<OnTheWay> ways;
    for (int i = 0; i < 16; ++i) ways.push_back(on_the_way(node(i), ref));
    std::mutex mutex;
    std::vector<SecretText> tokens;
    on_threads(16, [&](int i) {
        auto done = node(i).forward.redeem(ways[static_cast<std::size_t>(i)].ticket, app, ways[static_cast<std::size_t>(i)].state, {});
        ASSERT_TRUE(done.ok()) << done.error();
        std::lock_guard const lock{mutex};
        tokens.push_back(done.value().token);
    });
    int working = 0;
    for (auto const& token : tokens) working += first->forward.find("app.example.com", token).ok() ? 1 : 0;
    EXPECT_EQ(working, 1);
}

TEST_P(ForwardContract, what_one_node_made_the_other_understands_and_what_it_ended_is_ended) {
    if (!second) return;  // memory has one node
    auto const main = session();
    auto const begun = first->forward.begin({app, "/page"}, std::nullopt);
    auto const ticket = second->forward.issue(main.ref, second->forward.read(begun.request).value(), {}).value();
    auto const done = first->forward.redeem(ticket, app, begun.state, {}).value();
    EXPECT_EQ(done.return_to, "/page");
    EXPECT_TRUE(second->forward.find("app.example.com", done.token).ok());
    ASSERT_TRUE(first->sessions.end(main.ref, audit::Actor::user(ada), {}, "signed_out").ok());
    EXPECT_EQ(second->forward.find("app.example.com", done.token).error(), sessions::errors::none);
}

TEST_P(ForwardContract, purges_and_erases) {
    auto const ref = session().ref;
    auto const way = on_the_way(*first, ref);
    ASSERT_TRUE(first->forward.redeem(way.ticket, app, way.state, {}).ok());
    for (int i = 0; i < 3; ++i) (void)on_the_way(*first, ref);
    clock_.advance(60s);
    EXPECT_EQ(first->forward.purge(2), 2u);
    EXPECT_EQ(first->forward.purge(2), 1u);
    ForwardPersonalData data;
    EXPECT_NE(db().read([&](storage::Transaction& tx) { return data.export_for(tx, ada); }).dump().find("app.example.com"), std::string::npos);
    db().write([&](storage::Transaction& tx) { data.erase(tx, ada); });
    EXPECT_EQ(db().read([&](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM forward_session")->integer(0); }), 0);
}

INSTANTIATE_TEST_SUITE_P(Stores, ForwardContract, storage::contract::every_store(), storage::contract::name_of);

}  // namespace
}  // namespace zephyr::forward
