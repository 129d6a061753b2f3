// Events between the database and the log: exactly once, whatever dies in between.
#include "audit/trail_fixture.h"

#include <gmock/gmock.h>

#include <thread>

namespace zephyr::audit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class TrailTest : public ::testing::Test {
protected:
    std::unique_ptr<TestNode> start(TrailSettings settings = {.node = "n1"}) {
        if (settings.idle == std::chrono::milliseconds{1000}) settings.idle = std::chrono::milliseconds{20};
        return std::make_unique<TestNode>(*database, folder.path() / "log", signing_key, sealer, clock, random, settings);
    }
    Event change() { return {.code = codes::user_updated, .actor = Actor::user(bob), .subject = alice, .origin = {"192.0.2.1", "", "", ""}}; }
    Event refusal() { return {.code = codes::auth_refused, .subject = alice, .outcome = Outcome::denied}; }
    void append_change(TestNode& node) {
        database->write([&](storage::Transaction& tx) { node.audit.append(tx, change()); });
    }
    std::int64_t number(std::string const& sql) {
        return database->read([&](storage::Transaction& tx) { return tx.row(sql)->integer(0); });
    }

    testing::TemporaryFolder folder;
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock);
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    crypto::SigningKey signing_key = crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519);
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
};

TEST_F(TrailTest, an_event_with_its_change_comes_into_the_log_and_out_of_the_outbox) {
    auto const node = start();
    append_change(*node);
    auto const events = node->audit.query({});
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].log_index, 0);
    EXPECT_EQ(events[0].node, "n1");
    EXPECT_EQ(events[0].subject, alice);
    EXPECT_EQ(events[0].address, "192.0.2.1");
    EXPECT_EQ(node->reader->entry(0).value(), events[0].body);
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 0);
}

TEST_F(TrailTest, a_change_that_is_rolled_back_leaves_nothing_anywhere) {
    auto const node = start();
    auto const refused = database->write([&](storage::Transaction& tx) -> Result<void> {
        node->audit.append(tx, change());
        return Failure{Kind::denied, "test.refused"};
    });
    EXPECT_FALSE(refused.ok());
    EXPECT_THAT(node->audit.query({}), IsEmpty());
    EXPECT_EQ(node->writer->size(), 0u);
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 0);
}

TEST_F(TrailTest, an_event_without_a_change_is_durable_in_the_log_when_append_returns) {
    auto const node = start();
    node->audit.append(refusal());
    EXPECT_EQ(node->writer->size(), 1u);
    auto const events = node->audit.query({.subject = alice});
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].log_index, 0);
    EXPECT_EQ(events[0].outcome, Outcome::denied);
}

TEST_F(TrailTest, rows_that_came_into_the_log_before_a_crash_are_not_written_again) {
    std::vector<Bytes> bodies;
    {
        auto const node = start();
        for (int i = 0; i < 3; ++i) append_change(*node);
        for (auto const& event : node->audit.query({})) bodies.push_back(event.body);
    }
    // The crash: in the log, but the database never heard of it.
    database->write([&](storage::Transaction& tx) {
        tx.run("UPDATE audit_node SET indexed = 0");
        tx.run("UPDATE audit_event SET log_index = NULL");
        for (auto const& body : bodies) {
            tx.run("INSERT INTO audit_outbox (id, node, claimed, body) VALUES ($1, 'n1', 1, $2)", Record::parse(body).value().id, body);
        }
    });
    auto const node = start();
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 0);
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE log_index IS NULL"), 0);
    append_change(*node);
    node->trail->catch_up();
    EXPECT_THAT(node->logged(), SizeIs(4));
    EXPECT_THAT(node->logged(), Each(Pair(::testing::_, 1)));
}

TEST_F(TrailTest, rows_that_did_not_come_into_the_log_before_a_crash_are_written_at_the_next_start) {
    {
        auto const node = start();
        append_change(*node);
        node->trail->catch_up();
        auto* trail = node->trail.get();
        trail->stop();
        append_change(*node);  // its trail carries nothing any more
    }
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 1);
    auto const node = start();
    node->trail->catch_up();
    EXPECT_THAT(node->logged(), SizeIs(2));
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE log_index IS NULL"), 0);
}

TEST_F(TrailTest, events_that_only_the_log_has_come_into_the_table_at_the_next_start) {
    {
        auto const node = start();
        node->audit.append(refusal());
        node->audit.append(refusal());
    }
    database->write([](storage::Transaction& tx) {
        tx.run("DELETE FROM audit_event");
        tx.run("UPDATE audit_node SET indexed = 0");
    });
    auto const node = start();
    EXPECT_THAT(node->audit.query({.subject = alice}), SizeIs(2));
}

TEST_F(TrailTest, a_log_that_lost_what_the_database_knows_of_is_refused) {
    {
        auto const node = start();
        node->audit.append(refusal());
        node->trail->catch_up();
    }
    std::filesystem::remove_all(folder.path() / "log");
    EXPECT_EQ(start()->refusal, "audit.log_behind");
    EXPECT_EQ(start({.node = "n1", .epoch = 2})->refusal, "") << "a new epoch begins at nothing";
    EXPECT_EQ(start({.node = "n1", .epoch = 1})->refusal, "audit.log_behind") << "the epoch before is over";
}

TEST_F(TrailTest, a_folder_that_is_not_mounted_does_not_begin_another_log_in_silence) {
    {
        auto const node = start();
        node->audit.append(refusal());
        node->trail->catch_up();
    }
    std::filesystem::remove_all(folder.path() / "log");
    EXPECT_EQ(start({.node = "n2"})->refusal, "audit.log_behind");
    EXPECT_EQ(start({.node = "n2", .epoch = 2})->refusal, "") << "the operator's way out";
    std::filesystem::remove_all(folder.path() / "log");
    EXPECT_EQ(start({.node = "n3"})->refusal, "audit.log_behind") << "the epoch before is over";
}

TEST_F(TrailTest, a_new_epoch_begins_with_the_event_that_says_so) {
    auto const node = start({.node = "n1", .epoch = 2, .first = Event{.code = codes::audit_epoch_begun, .reason = "restored"}});
    append_change(*node);
    node->trail->catch_up();
    EXPECT_THAT(node->codes_in_log(), ElementsAre(codes::audit_epoch_begun, codes::user_updated));
}

TEST_F(TrailTest, many_threads_lose_nothing_and_nothing_comes_twice) {
    auto const node = start();
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                append_change(*node);
                node->audit.append(refusal());
            }
        });
    }
    threads.clear();
    EXPECT_THAT(node->audit.query({.limit = 1000}), SizeIs(800));
    EXPECT_THAT(node->logged(), SizeIs(800));
    EXPECT_THAT(node->logged(), Each(Pair(::testing::_, 1)));
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE log_index IS NULL"), 0);
}

// SQLite's file has one process: nobody asks whether it is alive.
TEST_F(TrailTest, an_idle_node_on_sqlite_writes_nothing) {
    auto const node = start();
    append_change(*node);
    ASSERT_THAT(node->audit.query({}), SizeIs(1));
    auto const seen = number("SELECT seen_at FROM audit_node");
    clock.advance(std::chrono::minutes{10});
    for (int i = 0; i < 3; ++i) node->trail->catch_up();
    EXPECT_EQ(number("SELECT seen_at FROM audit_node"), seen);
}

TEST_F(TrailTest, a_clock_that_jumps_is_an_event) {
    auto const node = start();
    append_change(*node);
    node->trail->catch_up();
    clock.jump_to(clock.now() + 1s);  // a second is not yet one
    append_change(*node);
    node->trail->catch_up();
    clock.jump_to(clock.now() - 1001ms);
    append_change(*node);
    node->trail->catch_up();
    auto const jumps = node->audit.query({.code = std::string{codes::audit_clock_stepped}});
    ASSERT_THAT(jumps, SizeIs(1));
    EXPECT_THAT(jumps[0].details, ElementsAre(Pair("milliseconds", "-1001")));
}

TEST_F(TrailTest, a_clock_that_jumped_between_two_runs_is_an_event) {
    auto const jumps = [&] {
        auto const node = start();
        append_change(*node);
        node->trail->catch_up();
        std::vector<std::string> found;
        for (auto const& event : node->audit.query({.code = std::string{codes::audit_clock_stepped}})) found.push_back(event.details.at(0).second);
        return found;
    };
    EXPECT_THAT(jumps(), IsEmpty());
    clock.advance(std::chrono::days{7});
    EXPECT_THAT(jumps(), IsEmpty()) << "a week's absence is not yet one";
    clock.jump_to(clock.now() - 1001ms);
    EXPECT_THAT(jumps(), ElementsAre("-1001"));
    clock.advance(std::chrono::days{7} + 1ms);
    EXPECT_THAT(jumps(), ElementsAre("604800001", "-1001"));
    EXPECT_THAT(start()->codes_in_log(), ElementsAre(codes::user_updated, codes::user_updated, codes::audit_clock_stepped, codes::user_updated,
                                                     codes::audit_clock_stepped, codes::user_updated));
}

// --- the log can't be written ---

class TrailFaultTest : public TrailTest {
protected:
    // Until the trail has noticed.
    std::unique_ptr<FullDisk> break_disk(TestNode& node) {
        auto full = std::make_unique<FullDisk>(16);
        try {
            node.audit.append(refusal());
            ADD_FAILURE() << "the log took an event from a full disk";
        } catch (AuditUnavailable const&) {
        }
        EXPECT_FALSE(node.trail->health().writable);
        return full;
    }
};

TEST_F(TrailFaultTest, a_log_that_cannot_be_written_refuses_changes_and_heals_by_itself) {
    auto const node = start();
    append_change(*node);
    node->trail->catch_up();
    auto full = break_disk(*node);
    EXPECT_THROW(append_change(*node), AuditUnavailable);
    EXPECT_THROW(node->audit.append(refusal()), AuditUnavailable);
    EXPECT_TRUE(node->audit.refuses_sign_ins());
    EXPECT_EQ(number("SELECT count(*) FROM audit_event"), 1) << "what was refused left nothing";
    clock.advance(5s);
    full.reset();
    ASSERT_TRUE(soon([&] { return node->trail->health().writable; }));
    append_change(*node);
    node->trail->catch_up();
    EXPECT_THAT(node->codes_in_log(), ElementsAre(codes::user_updated, codes::audit_interrupted, codes::user_updated));
    EXPECT_THAT(node->audit.query({.code = std::string{codes::audit_interrupted}})[0].details, Contains(Pair("seconds", "5")));
}

TEST_F(TrailFaultTest, where_the_operator_chose_so_sign_ins_go_on_and_administration_does_not) {
    auto const node = start();
    node->audit.append(refusal());
    auto full = break_disk(*node);
    node->audit.when_unavailable(WhenUnavailable::record_gap);
    EXPECT_FALSE(node->audit.refuses_sign_ins());
    node->audit.append(refusal());
    database->write([&](storage::Transaction& tx) { node->audit.append(tx, refusal()); });
    EXPECT_THROW(append_change(*node), AuditUnavailable);
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox"), 2) << "kept where they can be kept";
    EXPECT_EQ(number("SELECT count(*) FROM audit_outbox WHERE claimed = 1"), 1) << "the one the log was asked to take first";
    full.reset();
    ASSERT_TRUE(soon([&] { return node->trail->health().writable; }));
    node->trail->catch_up();
    EXPECT_THAT(node->codes_in_log(),
                ElementsAre(codes::auth_refused, codes::audit_interrupted, codes::auth_refused, codes::auth_refused));
}

TEST_F(TrailFaultTest, what_could_be_kept_nowhere_is_counted_across_a_crash_and_told_once) {
    auto const gap_file = folder.path() / "gap";
    {
        auto const node = start({.node = "n1", .gap_file = gap_file});
        node->trail->note_gap();
        clock.advance(2s);
        node->trail->stop();
        node->trail->note_gap();
        node->trail->note_gap();
    }
    for (int i = 0; i < 2; ++i) {
        auto const node = start({.node = "n1", .gap_file = gap_file});
        node->trail->catch_up();
        std::int64_t told = 0;
        for (auto const& event : node->audit.query({.code = std::string{codes::audit_gap}})) {
            for (auto const& [name, value] : event.details) told += name == "events" ? std::stoll(value) : 0;
        }
        EXPECT_EQ(told, 3);
    }
}

// --- erasing people ---

TEST_F(TrailTest, erasing_a_person_changes_no_byte_of_the_log) {
    auto const node = start();
    append_change(*node);
    node->audit.append({.code = codes::auth_refused, .subject = alice, .origin = {"198.51.100.7", "curl", "", ""}});
    node->trail->catch_up();
    auto const before = node->reader->entry(1).value();
    database->write([&](storage::Transaction& tx) { node->audit.erase_personal(tx, alice); });
    node->audit.carry_out_erasures();
    EXPECT_EQ(node->reader->entry(1).value(), before);
    auto const events = node->audit.query({});
    ASSERT_THAT(events, SizeIs(3));
    EXPECT_EQ(events[0].code, codes::audit_subject_erased);
    EXPECT_EQ(events[1].address, "");
    EXPECT_EQ(events[2].address, "192.0.2.1") << "bob's part of what he did to alice is his";
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE subject = '" + alice.str() + "'"), 0);
    // Late events about her make no new key.
    node->audit.append(refusal());
    append_change(*node);
    node->trail->catch_up();
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE subject = '" + alice.str() + "'"), 0);
    EXPECT_EQ(node->keys.find_ref(alice), std::nullopt);
}

TEST_F(TrailTest, keys_in_a_file_of_their_own_are_destroyed_after_the_transaction_also_after_a_crash) {
    auto const own = storage::open_sqlite({.path = (folder.path() / "keys.db").string()});
    ASSERT_TRUE(storage::migrate(*own, SubjectKeys::migrations(), clock).ok());
    SubjectKeys keys{*own, sealer, clock, random};
    AuditLog log{*database, keys, clock, random};
    log.append({.code = codes::auth_refused, .subject = alice, .origin = {"198.51.100.7", "curl", "", ""}});
    auto const held = std::make_shared<bool>(true);
    database->write([&](storage::Transaction& tx) { log.erase_personal(tx, alice); });
    EXPECT_EQ(log.query({})[0].address, "198.51.100.7") << "not before the transaction is kept";
    // The crash: nobody carried it out. The next start does.
    AuditLog next{*database, keys, clock, random};
    next.on_hold_check([held](storage::Transaction&, UserId const&) { return *held; });
    EXPECT_EQ(next.carry_out_erasures(), 0u) << "a hold covers her";
    EXPECT_TRUE(keys.find_ref(alice).has_value());
    *held = false;
    EXPECT_EQ(next.carry_out_erasures(), 1u);
    EXPECT_EQ(keys.find_ref(alice), std::nullopt);
    EXPECT_EQ(next.carry_out_erasures(), 0u);
    for (auto const& event : next.query({})) EXPECT_EQ(event.address, "");
    // After a day nothing remembers who it was.
    clock.advance(25h);
    next.carry_out_erasures();
    EXPECT_EQ(number("SELECT count(*) FROM audit_erasure"), 0);
}

TEST_F(TrailFaultTest, a_log_that_cannot_be_written_destroys_no_key) {
    auto const node = start();
    bool held = true;
    node->audit.on_hold_check([&](storage::Transaction&, UserId const&) { return held; });
    node->audit.append(refusal());
    database->write([&](storage::Transaction& tx) { node->audit.erase_personal(tx, alice); });
    held = false;
    auto full = break_disk(*node);
    EXPECT_THROW(node->audit.carry_out_erasures(), AuditUnavailable);
    EXPECT_TRUE(node->keys.find_ref(alice).has_value());
    full.reset();
    ASSERT_TRUE(soon([&] { return node->trail->health().writable; }));
    EXPECT_EQ(node->audit.carry_out_erasures(), 1u);
    EXPECT_EQ(node->keys.find_ref(alice), std::nullopt);
    EXPECT_THAT(node->audit.query({.code = std::string{codes::audit_subject_erased}}), SizeIs(1));
}

TEST_F(TrailTest, a_hold_that_comes_while_an_erasure_is_carried_out_protects) {
    auto const node = start();
    bool held = true;
    node->audit.on_hold_check([&](storage::Transaction& tx, UserId const&) {
        try {
            tx.after_commit([] {});
            return true;  // by the time anything is written
        } catch (Fault const&) {
            return held;
        }
    });
    node->audit.append(refusal());
    database->write([&](storage::Transaction& tx) { node->audit.erase_personal(tx, alice); });
    held = false;
    EXPECT_EQ(node->audit.carry_out_erasures(), 0u);
    EXPECT_TRUE(node->keys.find_ref(alice).has_value());
}

TEST_F(TrailTest, keys_that_a_crash_destroyed_before_the_event_was_kept_leave_the_event_all_the_same) {
    auto const own = storage::open_sqlite({.path = (folder.path() / "keys.db").string()});
    ASSERT_TRUE(storage::migrate(*own, SubjectKeys::migrations(), clock).ok());
    SubjectKeys keys{*own, sealer, clock, random};
    AuditLog log{*database, keys, clock, random};
    log.append(refusal());
    database->write([&](storage::Transaction& tx) { log.erase_personal(tx, alice); });
    ASSERT_TRUE(keys.destroy(alice).has_value());
    EXPECT_EQ(log.carry_out_erasures(), 1u);
    EXPECT_EQ(log.carry_out_erasures(), 0u);
    EXPECT_THAT(log.query({.code = std::string{codes::audit_subject_erased}}), SizeIs(1));
    // Before nobody knows any more whose pseudonym it was, it stands wherever the id came meanwhile.
    database->write([&](storage::Transaction& tx) { tx.run("UPDATE audit_event SET subject = $1", alice.str()); });
    clock.advance(25h);
    log.carry_out_erasures();
    EXPECT_EQ(number("SELECT count(*) FROM audit_erasure"), 0);
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE subject = '" + alice.str() + "'"), 0);
}

TEST_F(TrailTest, a_hold_keeps_what_is_there_until_it_is_released) {
    auto const node = start();
    bool held = true;
    node->audit.on_hold_check([&](storage::Transaction&, UserId const& user) { return held && user == alice; });
    node->audit.append({.code = codes::auth_refused, .subject = alice, .origin = {"198.51.100.7", "curl", "", ""}});
    database->write([&](storage::Transaction& tx) { node->audit.erase_personal(tx, alice); });
    EXPECT_EQ(node->audit.query({.subject = alice})[0].address, "198.51.100.7");
    held = false;
    EXPECT_EQ(node->audit.carry_out_erasures(), 1u);
    for (auto const& event : node->audit.query({})) {
        EXPECT_EQ(event.address, "");
        EXPECT_NE(event.subject, alice);
    }
}

}  // namespace
}  // namespace zephyr::audit
