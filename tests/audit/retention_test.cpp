// What ends and what stays: periods, legal holds, and a log that verifies behind its deleted beginning.
#include "zephyr/audit/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "audit/trail_fixture.h"
#include "zephyr/audit/holds.h"
#include "zephyr/audit/log_keys.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/tlog/verify.h"

namespace zephyr::audit {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

namespace fs = std::filesystem;
constexpr auto day = std::chrono::days{1};

class RetentionTest : public ::testing::Test {
protected:
    void start() {
        retention.reset();
        holds.reset();
        node.reset();
        node = std::make_unique<TestNode>(*database, folder.path() / "log", signing_key, sealer, clock, random,
                                          TrailSettings{.node = "n1", .idle = std::chrono::milliseconds{20}}, 4096);
        holds = std::make_unique<LegalHolds>(*database, node->audit, clock, random);
        retention = std::make_unique<Retention>(*database, node->audit, node->keys, *holds, node->writer.get(), node->reader.get(), "n1",
                                                clock, RetentionPeriods{});
    }
    void SetUp() override { start(); }

    void sign_in(UserId const& who) {
        node->audit.append({.code = codes::auth_signed_in, .actor = Actor::user(who), .subject = who, .origin = {"192.0.2.1", "browser", "", ""}});
    }
    void administer() {
        node->audit.append({.code = codes::user_updated, .actor = Actor::system(), .subject = alice, .personal = {{"username", "alice"}}});
    }
    std::vector<StoredEvent> events(std::string_view code) { return node->audit.query({.code = std::string{code}, .limit = 1000}); }
    RetentionOutcome run() {
        RetentionOutcome all;
        for (int i = 0; i < 100; ++i) {
            auto const once = retention->run();
            all.keys_destroyed += once.keys_destroyed;
            all.rows_deleted += once.rows_deleted;
            all.segments_deleted += once.segments_deleted;
            all.clock_in_doubt = once.clock_in_doubt;
            if (!once.more) return all;
        }
        ADD_FAILURE() << "it never ends";
        return all;
    }
    tlog::VerifyReport verify() {
        (void)node->writer->checkpoint();
        return tlog::verify_log(folder.path() / "log", {.trust = {.logs = {node->writer->public_key()}}, .must_end_in_checkpoint = false, .deletion = &kept_from});
    }
    fs::path first_segment() const {
        std::vector<fs::path> all;
        for (auto const& each : fs::directory_iterator{folder.path() / "log" / "segments"}) all.push_back(each.path());
        return *std::min_element(all.begin(), all.end());
    }

    testing::TemporaryFolder folder;
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock);
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    crypto::SigningKey signing_key = crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519);
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
    std::unique_ptr<TestNode> node;
    std::unique_ptr<LegalHolds> holds;
    std::unique_ptr<Retention> retention;
};

TEST_F(RetentionTest, personal_fields_of_a_class_end_with_its_time_and_those_of_another_stay) {
    administer();  // stands before the sign-in, so the log itself keeps both for seven years
    sign_in(alice);
    clock.advance(490 * day - 1ms);  // the quarter has 90 days
    for (int i = 0; i < 3; ++i) sign_in(alice);
    EXPECT_EQ(run().keys_destroyed, 0) << "a millisecond of the quarter's time is left";
    EXPECT_EQ(events(codes::auth_signed_in).at(3).address, "192.0.2.1");
    clock.advance(1ms);
    EXPECT_EQ(run().keys_destroyed, 1) << "however active she is";
    auto const in = events(codes::auth_signed_in);
    ASSERT_THAT(in, SizeIs(4));
    EXPECT_EQ(in[3].address, "");
    EXPECT_EQ(in[0].address, "192.0.2.1");
    EXPECT_EQ(events(codes::user_updated).at(0).personal.at(0).second, "alice");
    EXPECT_EQ(verify().verdict, tlog::VerifyReport::Verdict::authenticated);
}

TEST_F(RetentionTest, segments_whose_every_event_is_over_go_and_the_rest_verifies) {
    for (int i = 0; i < 40; ++i) sign_in(alice);
    clock.advance(402 * day);
    for (int i = 0; i < 5; ++i) sign_in(alice);
    node->trail->catch_up();
    auto const outcome = run();
    EXPECT_GT(outcome.segments_deleted, 0u);
    EXPECT_EQ(outcome.rows_deleted, 40);
    auto const first = node->reader->first_index();
    EXPECT_GT(first, 0u);
    EXPECT_LE(first, 40u) << "an event that is not over is gone";
    EXPECT_EQ(node->reader->entry(first - 1).error(), tlog::errors::entry_gone);
    EXPECT_THAT(events(codes::auth_signed_in), SizeIs(5));
    auto const recorded = events(codes::audit_segments_deleted);
    ASSERT_THAT(recorded, SizeIs(1));
    EXPECT_THAT(recorded[0].details, ::testing::Contains(std::pair<std::string, std::string>{"first_kept", std::to_string(first)}));
    auto const report = verify();
    EXPECT_EQ(report.verdict, tlog::VerifyReport::Verdict::authenticated);
    EXPECT_EQ(report.first_index, first);
    EXPECT_EQ(run().segments_deleted, 0u);
    EXPECT_THAT(events(codes::audit_segments_deleted), SizeIs(1)) << "nothing more was deleted";
}

TEST_F(RetentionTest, an_event_that_must_stay_keeps_everything_behind_it) {
    administer();
    for (int i = 0; i < 40; ++i) sign_in(alice);
    node->trail->catch_up();
    clock.advance(402 * day);
    EXPECT_EQ(run().segments_deleted, 0u);
    EXPECT_EQ(node->reader->first_index(), 0u);
    clock.advance(2200 * day);
    EXPECT_GT(run().segments_deleted, 0u) << "seven years are over";
}

// Whoever can remove a file can't sign; the server must not do it for them.
TEST_F(RetentionTest, a_beginning_that_somebody_else_removed_is_damage_and_is_not_signed_away) {
    for (int i = 0; i < 60; ++i) sign_in(alice);
    node->trail->catch_up();
    fs::remove(first_segment());
    auto const first = node->reader->first_index();
    ASSERT_GT(first, 0u);
    clock.advance(402 * day);
    auto const size = node->writer->size();
    for (int i = 0; i < 2; ++i) {
        auto const outcome = retention->run();
        EXPECT_TRUE(outcome.log_damaged);
        EXPECT_EQ(outcome.first_index, first);
        EXPECT_EQ(outcome.rows_deleted + outcome.keys_destroyed, 0);
        EXPECT_FALSE(retention->log_whole());
    }
    EXPECT_EQ(node->writer->size(), size) << "nothing was said";
    EXPECT_EQ(node->reader->first_index(), first) << "nothing more went";
    EXPECT_EQ(verify().verdict, tlog::VerifyReport::Verdict::damaged);
    start();
    EXPECT_EQ(node->refusal, "tlog.log_damaged");
}

// As above, behind deletions that were due: what the log said of those does not cover more.
TEST_F(RetentionTest, a_deletion_that_was_due_covers_no_other) {
    for (int i = 0; i < 40; ++i) sign_in(alice);
    clock.advance(402 * day);
    for (int i = 0; i < 40; ++i) sign_in(alice);
    node->trail->catch_up();
    ASSERT_GT(run().segments_deleted, 0u);
    ASSERT_TRUE(retention->log_whole());
    start();
    ASSERT_EQ(node->refusal, "") << "the log itself says that it was due";
    EXPECT_EQ(run().segments_deleted, 0u);
    EXPECT_TRUE(retention->log_whole());
    fs::remove(first_segment());
    EXPECT_TRUE(retention->run().log_damaged);
    EXPECT_THAT(events(codes::audit_segments_deleted), SizeIs(1));
    start();
    EXPECT_EQ(node->refusal, "tlog.log_damaged");
}

TEST_F(RetentionTest, rows_of_a_database_announce_nothing) {
    for (int i = 0; i < 60; ++i) sign_in(alice);
    node->trail->catch_up();
    auto const record = Record::parse(node->reader->entry(0).value()).value();
    Record forged = record;
    forged.id = make_uuid_v7(clock.now(), random);
    forged.code = codes::audit_segments_deleted;
    forged.details = {{"first_kept", "60"}, {"log", node->reader->origin()}};
    database->write([&](storage::Transaction& tx) {
        tx.run("UPDATE audit_event SET code = $2, body = $3 WHERE id = $1", record.id, forged.code, forged.encode().value());
    });
    fs::remove(first_segment());
    EXPECT_TRUE(retention->run().log_damaged);
}

TEST_F(RetentionTest, nothing_goes_before_the_log_says_so_and_a_killed_run_is_gone_on_with) {
    for (int i = 0; i < 60; ++i) sign_in(alice);
    node->trail->catch_up();
    ASSERT_TRUE(node->writer->checkpoint().ok());
    clock.advance(402 * day);
    {
        FullDisk const full{0};  // the log can't be written
        EXPECT_THROW(retention->run(), StorageFault);
    }
    EXPECT_EQ(node->reader->first_index(), 0u);
    auto const rows = database->read([](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM audit_event")->integer(0); });
    EXPECT_GE(rows, 60) << "their entry is not written";
    for (int i = 0; i < 200 && !node->trail->health().writable; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        node->trail->wake();
    }
    // Killed between the announcement and the deletion.
    fs::create_directories(folder.path() / "kept");
    std::vector<fs::path> segments;
    for (auto const& each : fs::directory_iterator{folder.path() / "log" / "segments"}) {
        segments.push_back(each.path().filename());
        fs::copy_file(each.path(), folder.path() / "kept" / each.path().filename());
    }
    ASSERT_GT(run().segments_deleted, 0u);
    auto const first = node->reader->first_index();
    for (auto const& name : segments) {
        fs::copy_file(folder.path() / "kept" / name, folder.path() / "log" / "segments" / name, fs::copy_options::skip_existing);
    }
    start();
    ASSERT_EQ(node->refusal, "");
    ASSERT_EQ(node->reader->first_index(), 0u);
    EXPECT_EQ(verify().verdict, tlog::VerifyReport::Verdict::authenticated);
    EXPECT_GT(run().segments_deleted, 0u);
    EXPECT_GE(node->reader->first_index(), first);
    EXPECT_EQ(verify().verdict, tlog::VerifyReport::Verdict::authenticated);
}

TEST_F(RetentionTest, nothing_ends_by_a_clock_that_jumped) {
    for (int i = 0; i < 40; ++i) sign_in(alice);
    clock.advance(5000 * day);
    node->audit.append({.code = codes::audit_clock_stepped, .actor = Actor::system()});
    // However much happened since.
    node->audit.append({.code = codes::audit_recovered, .actor = Actor::system()});
    node->trail->catch_up();
    database->write([&](storage::Transaction& tx) {
        tx.run("UPDATE audit_event SET sequence = sequence + 1000000 WHERE code = $1", codes::audit_recovered);
    });
    auto const outcome = run();
    EXPECT_TRUE(outcome.clock_in_doubt);
    EXPECT_EQ(outcome.keys_destroyed + outcome.rows_deleted, 0);
    EXPECT_EQ(events(codes::auth_signed_in).at(0).address, "192.0.2.1");
    clock.advance(3 * day);
    EXPECT_GT(run().segments_deleted, 0u) << "it was right after all";
}

TEST_F(RetentionTest, a_hold_over_everything_keeps_what_is_in_its_time) {
    for (int i = 0; i < 40; ++i) sign_in(alice);
    node->trail->catch_up();
    ASSERT_TRUE(holds->place({.case_name = "case 7", .until = clock.now() + day}, Actor::operator_cli()).ok());
    clock.advance(490 * day);
    auto const held = run();
    EXPECT_EQ(held.segments_deleted, 0u);
    EXPECT_EQ(held.keys_destroyed, 0);
    EXPECT_EQ(held.rows_deleted, 0);
    ASSERT_TRUE(holds->release("case 7", Actor::operator_cli()).ok());
    auto const free = run();
    EXPECT_GT(free.segments_deleted, 0u);
    EXPECT_EQ(free.rows_deleted, 40);
    EXPECT_EQ(free.keys_destroyed, 1);
}

TEST_F(RetentionTest, a_hold_on_one_person_keeps_their_events_and_keys_and_nobody_elses_keys) {
    sign_in(alice);
    for (int i = 0; i < 40; ++i) sign_in(bob);
    node->trail->catch_up();
    ASSERT_TRUE(holds->place({.case_name = "case 8", .subject = alice}, Actor::operator_cli()).ok());
    clock.advance(490 * day);
    auto const outcome = run();
    EXPECT_EQ(outcome.segments_deleted, 0u) << "hers is the first";
    EXPECT_EQ(outcome.keys_destroyed, 1) << "Bob's";
    EXPECT_EQ(node->audit.query({.subject = alice}).back().address, "192.0.2.1");
    EXPECT_EQ(node->audit.query({.subject = bob}).back().address, "");
}

TEST_F(RetentionTest, erasing_a_held_person_waits_for_the_release) {
    sign_in(alice);
    ASSERT_TRUE(holds->place({.case_name = "case 9", .subject = alice, .reason = "letter of the court"}, Actor::operator_cli()).ok());
    database->write([&](storage::Transaction& tx) { node->audit.erase_personal(tx, alice); });
    EXPECT_EQ(node->audit.carry_out_erasures(), 0u);
    EXPECT_EQ(events(codes::auth_signed_in).at(0).address, "192.0.2.1");
    auto const released = holds->release("case 9", Actor::operator_cli());
    ASSERT_TRUE(released.ok());
    EXPECT_EQ(released.value(), 1u);
    auto const in = events(codes::auth_signed_in).at(0);
    EXPECT_EQ(in.address, "");
    EXPECT_NE(in.subject, alice) << "a pseudonym stands there now";
    EXPECT_FALSE(node->keys.find_ref(alice));
}

TEST_F(RetentionTest, a_person_held_by_two_cases_waits_for_both) {
    sign_in(alice);
    ASSERT_TRUE(holds->place({.case_name = "a", .subject = alice}, Actor::operator_cli()).ok());
    ASSERT_TRUE(holds->place({.case_name = "b"}, Actor::operator_cli()).ok());
    database->write([&](storage::Transaction& tx) { node->audit.erase_personal(tx, alice); });
    EXPECT_EQ(holds->release("a", Actor::operator_cli()).value(), 0u);
    EXPECT_EQ(events(codes::auth_signed_in).at(0).address, "192.0.2.1");
    EXPECT_EQ(holds->release("b", Actor::operator_cli()).value(), 1u);
    EXPECT_EQ(events(codes::auth_signed_in).at(0).address, "");
}

TEST_F(RetentionTest, a_hold_over_everything_covers_only_people_with_events_in_its_time) {
    sign_in(alice);
    clock.advance(10 * day);
    auto const later = clock.now();
    sign_in(bob);
    node->trail->catch_up();
    ASSERT_TRUE(holds->place({.case_name = "c", .from = later - day}, Actor::operator_cli()).ok());
    database->read([&](storage::Transaction& tx) {
        EXPECT_FALSE(holds->covers(tx, alice));
        EXPECT_TRUE(holds->covers(tx, bob));
    });
}

TEST_F(RetentionTest, holds_are_refused_when_they_are_malformed_or_unknown) {
    auto const actor = Actor::operator_cli();
    auto const now = clock.now();
    for (std::string const name : {"", " case", "case ", "a\nb", "fälle"}) {
        EXPECT_EQ(holds->place({.case_name = name}, actor).error(), errors::hold_case_malformed) << name;
    }
    EXPECT_EQ(holds->place({.case_name = std::string(129, 'x')}, actor).error(), errors::hold_case_malformed);
    EXPECT_EQ(holds->place({.case_name = "x", .from = now, .until = now}, actor).error(), errors::hold_range_empty);
    EXPECT_EQ(holds->place({.case_name = "x", .reason = std::string(1025, 'x')}, actor).error(), errors::hold_reason_malformed);
    EXPECT_EQ(holds->place({.case_name = "x", .reason = "\xff"}, actor).error(), errors::hold_reason_malformed);
    EXPECT_EQ(holds->release("nobody's", actor).error(), errors::hold_not_found);
    EXPECT_THAT(holds->list(), IsEmpty());
    EXPECT_THAT(node->audit.query({}), IsEmpty());
}

TEST_F(RetentionTest, placing_and_releasing_are_in_the_log_and_the_reason_is_sealed) {
    ASSERT_TRUE(holds->place({.case_name = "case 1", .subject = alice, .reason = "reason-canary"}, Actor::user(bob)).ok());
    EXPECT_THAT(holds->list(), SizeIs(1));
    ASSERT_TRUE(holds->release("case 1", Actor::user(bob)).ok());
    EXPECT_THAT(holds->list(), IsEmpty());
    auto const placed = events(codes::audit_hold_placed);
    ASSERT_THAT(placed, SizeIs(1));
    EXPECT_EQ(placed[0].subject, alice);
    EXPECT_EQ(placed[0].personal.at(0).second, "reason-canary");
    EXPECT_THAT(std::string{as_text(placed[0].body)}, Not(::testing::HasSubstr("reason-canary")));
    EXPECT_THAT(events(codes::audit_hold_released), SizeIs(1));
}

TEST_F(RetentionTest, events_that_are_in_no_log_end_with_their_class) {
    AuditLog plain{*database, node->keys, clock, random};
    plain.append({.code = codes::auth_signed_in, .actor = Actor::user(bob), .subject = bob});
    plain.append({.code = codes::user_updated, .subject = bob});
    database->write([](storage::Transaction& tx) { tx.run("UPDATE audit_event SET node = ''"); });
    clock.advance(402 * day);
    EXPECT_EQ(run().rows_deleted, 1);
    EXPECT_THAT(events(codes::auth_signed_in), IsEmpty());
    EXPECT_THAT(events(codes::user_updated), SizeIs(1));
}

}  // namespace
}  // namespace zephyr::audit
