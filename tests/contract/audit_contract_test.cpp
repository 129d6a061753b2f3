// The audit log over every store: one transaction with the change, exactly once in the log, and whose rows are whose.
#include <gmock/gmock.h>

#include <thread>

#include "audit/trail_fixture.h"
#include "contract/stores.h"

namespace zephyr::audit {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using storage::contract::on_threads;
using storage::contract::Store;

class AuditContract : public storage::contract::StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        testing::apply_source_migrations(db());
    }
    // `shared` is that node's own connections.
    std::unique_ptr<TestNode> start(std::string const& name, storage::Database& shared) {
        TrailSettings settings;
        settings.node = name;
        settings.lease = 60s;
        settings.idle = std::chrono::milliseconds{20};
        return std::make_unique<TestNode>(shared, folder_.path() / name, signing_key_, sealer_, clock_, random_, settings);
    }
    Event change() { return {.code = codes::user_updated, .actor = Actor::user(bob_), .subject = alice_, .origin = {"192.0.2.1", "", "", ""}}; }
    void append_change(TestNode& node) {
        node.database.write([&](storage::Transaction& tx) { node.audit.append(tx, change()); });
    }
    std::int64_t number(std::string const& sql) {
        return db().read([&](storage::Transaction& tx) { return tx.row(sql)->integer(0); });
    }

    testing::ScriptedRandom random_;
    crypto::Sealer sealer_{crypto::Keyring{crypto::MasterKey::generate(random_)}, random_};
    crypto::SigningKey signing_key_ = crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519);
    UserId alice_ = UserId::make(clock_.now(), random_);
    UserId bob_ = UserId::make(clock_.now(), random_);
};

TEST_P(AuditContract, an_event_and_its_change_are_kept_together_or_not_at_all) {
    auto const node = start("n1", db());
    auto const refused = db().write([&](storage::Transaction& tx) -> Result<void> {
        node->audit.append(tx, change());
        return Failure{Kind::denied, "test.refused"};
    });
    EXPECT_FALSE(refused.ok());
    EXPECT_THROW(db().write([&](storage::Transaction& tx) {
        node->audit.append(tx, change());
        throw Fault{"test"};
    }),
                 Fault);
    EXPECT_THAT(node->audit.query({}), IsEmpty());
    EXPECT_EQ(node->writer->size(), 0u);
    append_change(*node);
    EXPECT_THAT(node->audit.query({}), SizeIs(1));
    EXPECT_EQ(node->audit.query({})[0].address, "192.0.2.1") << "a key that was rolled back seals nothing";
}

TEST_P(AuditContract, threads_of_one_node_lose_nothing_and_nothing_comes_twice) {
    auto const node = start("n1", db());
    on_threads(8, [&](int) {
        for (int i = 0; i < 20; ++i) {
            append_change(*node);
            node->audit.append({.code = codes::auth_refused, .subject = alice_, .outcome = Outcome::denied});
        }
    });
    EXPECT_THAT(node->audit.query({.limit = 1000}), SizeIs(320));
    EXPECT_THAT(node->logged(), SizeIs(320));
    EXPECT_THAT(node->logged(), Each(Pair(::testing::_, 1)));
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 0);
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE log_index IS NULL"), 0);
}

TEST_P(AuditContract, erasing_a_person_leaves_the_events_and_the_other_ones_part) {
    auto const node = start("n1", db());
    append_change(*node);
    node->audit.append({.code = codes::auth_refused, .subject = alice_, .origin = {"198.51.100.7", "", "", ""}});
    node->trail->catch_up();
    db().write([&](storage::Transaction& tx) { node->audit.erase_personal(tx, alice_); });
    node->audit.carry_out_erasures();
    auto const events = node->audit.query({.subject = alice_});
    ASSERT_THAT(events, SizeIs(3));  // and that she was erased
    for (auto const& event : events) {
        EXPECT_NE(event.subject, alice_);
        EXPECT_NE(event.address, "198.51.100.7");
    }
    EXPECT_EQ(node->audit.query({.code = std::string{codes::user_updated}})[0].address, "192.0.2.1");
}

INSTANTIATE_TEST_SUITE_P(Stores, AuditContract, storage::contract::every_store(), storage::contract::name_of);

// --- several nodes, one PostgreSQL ---

class AuditNodes : public AuditContract {};

TEST_P(AuditNodes, two_nodes_drain_their_own_rows_each_once) {
    auto const other_database = open();
    auto const first = start("n1", db());
    auto const second = start("n2", *other_database);
    on_threads(8, [&](int thread) {
        for (int i = 0; i < 20; ++i) append_change(thread % 2 == 0 ? *first : *second);
    });
    first->trail->catch_up();
    second->trail->catch_up();
    EXPECT_THAT(first->logged(), SizeIs(80));
    EXPECT_THAT(second->logged(), SizeIs(80));
    for (auto const& [id, times] : first->logged()) {
        EXPECT_EQ(times, 1);
        EXPECT_FALSE(second->logged().contains(id));
    }
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 0);
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE node = 'n1' AND log_index IS NOT NULL"), 80);
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE node = 'n2' AND log_index IS NOT NULL"), 80);
}

TEST_P(AuditNodes, a_dead_nodes_unclaimed_rows_are_adopted_after_the_lease_and_claimed_ones_are_not) {
    auto const other_database = open();
    {
        auto const dying = start("n1", *other_database);
        dying->trail->stop();
        append_change(*dying);
        append_change(*dying);
        other_database->write([](storage::Transaction& tx) {
            tx.run("UPDATE audit_outbox SET claimed = 1 WHERE sequence = (SELECT min(sequence) FROM audit_outbox)");
        });
    }
    auto const living = start("n2", db());
    clock_.advance(60s);  // exactly the lease: not over
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox WHERE node = 'n1'"), 2) << "the lease is not over";
    clock_.advance(16s);  // a second more would do, but it looks only every quarter of it
    ASSERT_TRUE(soon([&] { return number("SELECT count(*) FROM audit_outbox WHERE node = 'n1'") == 1; }));
    living->trail->catch_up();
    EXPECT_THAT(living->codes_in_log(), ::testing::UnorderedElementsAre(codes::user_updated, codes::audit_rows_adopted));
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox WHERE claimed = 1 AND node = 'n1'"), 1);
    // Until the operator says that the node won't come back.
    EXPECT_EQ(living->trail->adopt("n1"), 1);
    living->trail->catch_up();
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 0);
    EXPECT_THAT(living->logged(), SizeIs(4));
}

TEST_P(AuditNodes, a_node_that_comes_back_finds_its_claimed_rows_and_writes_those_that_are_not_in_its_log) {
    auto const other_database = open();
    {
        auto const dying = start("n1", *other_database);
        append_change(*dying);
        dying->trail->catch_up();
        dying->trail->stop();
        append_change(*dying);
        auto const body = dying->reader->entry(0).value();
        other_database->write([&](storage::Transaction& tx) {
            tx.run("UPDATE audit_node SET indexed = 0");
            tx.run("INSERT INTO audit_outbox (id, node, body) VALUES ($1, 'n1', $2)", Record::parse(body).value().id, body);
            tx.run("UPDATE audit_outbox SET claimed = 1");
        });
    }
    auto const back = start("n1", *other_database);
    back->trail->catch_up();
    EXPECT_THAT(back->logged(), SizeIs(2));
    EXPECT_THAT(back->logged(), Each(Pair(::testing::_, 1)));
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 0);
}

TEST_P(AuditNodes, who_was_erased_through_another_node_is_named_no_more_after_five_seconds) {
    auto const other_database = open();
    auto const first = start("n1", db());
    auto const second = start("n2", *other_database);
    append_change(*second);  // from here on it knows her pseudonym and has her key
    db().write([&](storage::Transaction& tx) { first->audit.erase_personal(tx, alice_); });
    clock_.advance(5s);
    append_change(*second);
    second->trail->catch_up();
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE subject = '" + alice_.str() + "'"), 0);
    EXPECT_EQ(number("SELECT count(*) FROM audit_subject WHERE person = '" + alice_.str() + "'"), 0);
}

INSTANTIATE_TEST_SUITE_P(Stores, AuditNodes, ::testing::Values(Store::postgresql), storage::contract::name_of);

}  // namespace
}  // namespace zephyr::audit
