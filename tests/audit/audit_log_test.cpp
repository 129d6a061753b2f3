#include "zephyr/audit/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/codes.h"
#include "zephyr/audit/personal_data.h"
#include "zephyr/audit/record.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

class AuditLogTest : public ::testing::Test {
protected:
    Event signed_in(UserId const& user) {
        return {.code = codes::auth_signed_in,
                .actor = Actor::user(user),
                .subject = user,
                .reason = "auth.ok",
                .origin = {"203.0.113.7", "Mozilla/5.0 (Canary)", "req-1", "session-1"},
                .details = {{"factor", "pwd"}, {"remembered", "no"}},
                .personal = {{"username", "alice@canary.test"}}};
    }
    Event renamed_by(UserId const& actor, UserId const& subject) {
        return {.code = codes::user_updated,
                .actor = Actor::user(actor),
                .subject = subject,
                .origin = {"198.51.100.9", "Admin/1.0", "req-2", "session-2"},
                .personal = {{"email", "new@canary.test"}}};
    }
    std::int64_t erase(UserId const& user) {
        return database->write([&](storage::Transaction& tx) { return log.erase_personal(tx, user); });
    }
    // Every column of every event, as text.
    std::string columns() {
        return database->read([](storage::Transaction& tx) {
            std::string out;
            for (auto const& row : tx.rows("SELECT id || time || code || actor_type || actor_ref || coalesce(subject, '') || outcome ||"
                                           " reason || node, body FROM audit_event")) {
                out += row.text(0) + "\n" + to_text(row.blob(1)) + "\n";
            }
            return out;
        });
    }
    std::vector<StoredEvent> events_but_erasures() {
        auto events = log.query({.limit = 1000});
        std::erase_if(events, [](StoredEvent const& event) { return event.code == codes::audit_subject_erased; });
        return events;
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database();
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    AuditLog log{*database, sealer, clock, random};
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
};

TEST_F(AuditLogTest, reads_back_every_field_of_an_event) {
    log.append(signed_in(alice));
    auto const events = log.query({.subject = alice});
    ASSERT_THAT(events, SizeIs(1));
    auto const& event = events.front();
    EXPECT_TRUE(is_uuid(event.id));
    EXPECT_EQ(event.time, clock.now());
    EXPECT_EQ(event.code, "ZAUTH01I");
    EXPECT_EQ(event.name, "auth.signed_in");
    EXPECT_EQ(event.actor.type, Actor::Type::user);
    EXPECT_EQ(event.actor.ref, alice.str());
    EXPECT_EQ(event.subject, alice);
    EXPECT_EQ(event.outcome, Outcome::success);
    EXPECT_EQ(event.reason, "auth.ok");
    EXPECT_EQ(event.request_id, "req-1");
    EXPECT_EQ(event.session_ref, "session-1");
    EXPECT_THAT(event.details, ElementsAre(Pair("factor", "pwd"), Pair("remembered", "no")));
    EXPECT_EQ(event.address, "203.0.113.7");
    EXPECT_EQ(event.user_agent, "Mozilla/5.0 (Canary)");
    EXPECT_THAT(event.personal, ElementsAre(Pair("username", "alice@canary.test")));
}

TEST_F(AuditLogTest, reads_back_every_kind_of_actor_and_outcome) {
    log.append({.code = codes::server_started, .actor = Actor::system()});
    log.append({.code = codes::mfa_reset, .actor = Actor::operator_cli(), .subject = alice, .outcome = Outcome::failure});
    log.append({.code = codes::auth_refused, .outcome = Outcome::denied});
    auto const events = log.query({});
    ASSERT_THAT(events, SizeIs(3));
    EXPECT_EQ(events[0].actor.type, Actor::Type::anonymous);
    EXPECT_EQ(events[0].outcome, Outcome::denied);
    EXPECT_EQ(events[1].actor.type, Actor::Type::operator_cli);
    EXPECT_EQ(events[1].outcome, Outcome::failure);
    EXPECT_EQ(events[2].actor.type, Actor::Type::system);
    EXPECT_EQ(events[2].subject, std::nullopt);
}

TEST_F(AuditLogTest, keeps_an_event_only_with_the_change_it_records) {
    auto const refused = database->write([&](storage::Transaction& tx) -> Result<void> {
        log.append(tx, signed_in(alice));
        return Failure{Kind::denied, "test.refused"};
    });
    EXPECT_FALSE(refused.ok());
    EXPECT_THAT(log.query({}), IsEmpty());
}

TEST_F(AuditLogTest, refuses_a_code_that_is_not_in_the_table) {
    EXPECT_THROW(log.append({.code = "ZAUTH99I"}), Fault);
    EXPECT_THROW(log.append({.code = "auth.signed_in"}), Fault);
    EXPECT_THAT(log.query({}), IsEmpty());
}

TEST_F(AuditLogTest, refuses_an_event_that_names_one_detail_twice) {
    EXPECT_THROW(log.append({.code = codes::role_granted, .details = {{"role", "a"}, {"role", "b"}}}), Fault);
}

TEST_F(AuditLogTest, stores_no_personal_data_in_clear) {
    log.append(signed_in(alice));
    ASSERT_THAT(columns(), HasSubstr("ZAUTH01I"));
    EXPECT_THAT(columns(), Not(HasSubstr("203.0.113.7")));
    EXPECT_THAT(columns(), Not(HasSubstr("anary")));
}

TEST_F(AuditLogTest, stores_bytes_that_name_nobody) {
    log.append(renamed_by(bob, alice));
    auto const event = log.query({})[0];
    auto const body = to_text(event.body);
    EXPECT_THAT(body, Not(HasSubstr(alice.str())));
    EXPECT_THAT(body, Not(HasSubstr(bob.str())));
    auto const record = Record::parse(event.body);
    ASSERT_TRUE(record.ok());
    EXPECT_EQ(record.value().id, event.id);
    EXPECT_EQ(record.value().subject->size(), 32u);
    EXPECT_NE(record.value().subject, record.value().actor_ref);
    EXPECT_THAT(record.value().sealed, SizeIs(2)) << "one part for each person";
}

TEST_F(AuditLogTest, does_not_take_the_stored_bytes_of_another_event) {
    log.append(signed_in(alice));
    log.append(renamed_by(bob, alice));
    database->write([](storage::Transaction& tx) {
        tx.run("UPDATE audit_event SET body = (SELECT body FROM audit_event WHERE sequence = 1) WHERE sequence = 2");
    });
    auto const events = log.query({.subject = alice});
    EXPECT_EQ(events[0].address, "");
    EXPECT_THAT(events[0].personal, IsEmpty());
    EXPECT_EQ(events[1].address, "203.0.113.7");
}

TEST_F(AuditLogTest, does_not_open_a_sealed_part_moved_to_another_event) {
    log.append(signed_in(alice));
    log.append({.code = codes::auth_signed_out, .actor = Actor::user(alice), .subject = alice});
    auto const events = log.query({});
    auto moved = Record::parse(events[0].body).value();
    moved.sealed = Record::parse(events[1].body).value().sealed;
    EXPECT_EQ(log.open(moved).address, "");
    EXPECT_EQ(log.open(Record::parse(events[1].body).value()).address, "203.0.113.7");
}

TEST_F(AuditLogTest, an_event_that_is_too_large_leaves_one_that_stands_for_it) {
    Event event{.code = codes::role_granted, .actor = Actor::user(bob), .subject = alice};
    for (int i = 0; i < 32; ++i) event.details.emplace_back("k" + std::to_string(i), std::string(512, '\x01'));  // six bytes each in JSON
    log.append(event);
    auto const events = log.query({.subject = alice});
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].code, codes::audit_too_large);
    EXPECT_THAT(events[0].details, ElementsAre(Pair("bytes", HasSubstr("bytes")), Pair("code", std::string{codes::role_granted})));
    EXPECT_EQ(events[0].retention, RetentionClass::admin);
}

TEST_F(AuditLogTest, stays_readable_when_the_key_is_gone) {
    log.append(signed_in(alice));
    crypto::Sealer const other{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    AuditLog blind{*database, other, clock, random};
    auto const events = blind.query({});
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].name, "auth.signed_in");
    EXPECT_EQ(events[0].address, "");
}

TEST_F(AuditLogTest, survives_hostile_text_in_every_field) {
    std::string const hostile = std::string{"a\0b\n\xff\xc3", 6} + std::string(100'000, 'x');
    log.append({.code = codes::auth_refused,
                .actor = {Actor::Type::user, hostile},
                .reason = hostile,
                .origin = {hostile, hostile, hostile, hostile},
                .details = {{"k", hostile}},
                .personal = {{"username", hostile}}});
    auto const events = log.query({});
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].reason.substr(0, 7), "a?b???x");
    EXPECT_EQ(events[0].reason.size(), 128u);
    EXPECT_EQ(events[0].request_id.size(), 128u);
    EXPECT_LE(events[0].user_agent.size(), 264u);  // 256 bytes; each broken byte becomes three
    EXPECT_LE(events[0].personal[0].second.size(), 520u);
    EXPECT_LE(events[0].details[0].second.size(), 520u);
}

TEST_F(AuditLogTest, cuts_a_long_user_agent_between_characters) {
    auto event = signed_in(alice);
    event.origin.user_agent = std::string(255, 'x') + "é";  // two bytes, the second would be number 257
    log.append(event);
    EXPECT_EQ(log.query({})[0].user_agent, std::string(255, 'x'));
}

TEST_F(AuditLogTest, pages_backwards_without_gap_or_repetition) {
    for (int i = 0; i < 25; ++i) log.append(signed_in(i % 2 == 0 ? alice : bob));
    std::vector<std::int64_t> seen;
    Query query{.subject = alice, .limit = 5};
    for (;;) {
        auto const page = log.query(query);
        for (auto const& event : page) seen.push_back(event.sequence);
        if (page.size() < query.limit) break;
        query.before_sequence = page.back().sequence;
    }
    EXPECT_THAT(seen, SizeIs(13));
    EXPECT_TRUE(std::is_sorted(seen.rbegin(), seen.rend()));
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

TEST_F(AuditLogTest, filters_by_code_and_by_time_with_the_end_left_out) {
    log.append(signed_in(alice));
    clock.advance(1s);
    auto const second = clock.now();
    log.append({.code = codes::auth_signed_out, .actor = Actor::user(alice), .subject = alice});
    clock.advance(1s);
    log.append(signed_in(alice));
    EXPECT_THAT(log.query({.code = std::string{codes::auth_signed_out}}), SizeIs(1));
    EXPECT_THAT(log.query({.from = second}), SizeIs(2));
    EXPECT_THAT(log.query({.until = second}), SizeIs(1));
    EXPECT_THAT(log.query({.from = second, .until = second + 1ms}), SizeIs(1));
}

TEST_F(AuditLogTest, leaves_out_one_code_when_asked_to) {
    log.append({.code = codes::audit_read});
    log.append({.code = codes::auth_refused});
    auto const events = log.query({.but_code = std::string{codes::audit_read}});
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].code, codes::auth_refused);
}

TEST_F(AuditLogTest, one_row_with_words_nobody_knows_does_not_hide_the_others) {
    log.append(signed_in(alice));
    log.append(signed_in(bob));
    auto const id = log.query({.subject = alice})[0].id;
    database->write([&](storage::Transaction& tx) {
        tx.run("UPDATE audit_event SET code = 'ZNONE99I', actor_type = 'robot', outcome = 'good' WHERE id = $1", id);
    });
    auto const events = log.query({});
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_EQ(events[1].id, id);
    EXPECT_EQ(events[1].code, "ZNONE99I");
    EXPECT_EQ(events[1].name, "");
    EXPECT_EQ(events[1].actor.type, Actor::Type::anonymous);
    EXPECT_EQ(events[1].outcome, Outcome::failure);
}

TEST_F(AuditLogTest, never_returns_more_than_a_thousand_events) {
    database->write([&](storage::Transaction& tx) {
        for (int i = 0; i < 1001; ++i) log.append(tx, {.code = codes::auth_signed_out, .actor = Actor::user(alice), .subject = alice});
    });
    EXPECT_THAT(log.query({.limit = 100'000}), SizeIs(1000));
    EXPECT_THAT(log.query({.limit = 0}), SizeIs(1));
}

TEST_F(AuditLogTest, erases_what_is_sealed_about_a_person_and_keeps_the_events) {
    log.append(signed_in(alice));
    log.append({.code = codes::auth_refused, .subject = alice, .origin = {"192.0.2.1", "curl", "", ""}});
    log.append(signed_in(bob));
    EXPECT_EQ(erase(alice), 2);
    auto events = events_but_erasures();
    std::erase_if(events, [&](StoredEvent const& event) { return event.subject == bob; });
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_THAT(columns(), Not(HasSubstr(alice.str())));
    for (auto const& event : events) {
        EXPECT_EQ(event.address, "");
        EXPECT_EQ(event.user_agent, "");
        EXPECT_THAT(event.personal, IsEmpty());
    }
    EXPECT_EQ(events[1].details.size(), 2u);
    EXPECT_EQ(log.query({.subject = bob})[0].address, "203.0.113.7");
    EXPECT_EQ(erase(alice), 0);
}

TEST_F(AuditLogTest, erasing_the_subject_leaves_where_the_administrator_came_from) {
    log.append(renamed_by(bob, alice));
    erase(alice);
    auto const event = events_but_erasures()[0];
    EXPECT_EQ(event.address, "198.51.100.9");
    EXPECT_THAT(event.personal, IsEmpty());
}

TEST_F(AuditLogTest, erasing_the_administrator_leaves_what_they_did_to_others) {
    log.append(renamed_by(bob, alice));
    log.append({.code = codes::role_created, .actor = Actor::user(bob), .origin = {"198.51.100.9", "", "", ""}});
    EXPECT_EQ(erase(bob), 2);
    auto const events = events_but_erasures();
    EXPECT_EQ(events[0].address, "");
    EXPECT_EQ(events[1].address, "");
    EXPECT_EQ(events[1].user_agent, "");
    EXPECT_THAT(events[1].personal, ElementsAre(Pair("email", "new@canary.test")));
}

TEST_F(AuditLogTest, erasing_reads_indexes_and_never_the_whole_table) {
    auto const plans = database->read([&](storage::Transaction& tx) {
        std::string out;
        for (auto const* sql : {"UPDATE audit_event SET subject = 'x' WHERE subject = $1",
                                "UPDATE audit_event SET actor_ref = 'x' WHERE actor_ref = $1"
                                " AND actor_type = 'user' AND (subject IS NULL OR subject <> actor_ref)"}) {
            for (auto const& row : tx.rows("EXPLAIN QUERY PLAN " + std::string{sql}, alice.str())) out += row.text(3) + "\n";
        }
        return out;
    });
    EXPECT_THAT(plans, HasSubstr("audit_event_subject"));
    EXPECT_THAT(plans, HasSubstr("audit_event_actor"));
    EXPECT_THAT(plans, Not(HasSubstr("SCAN")));
}

TEST_F(AuditLogTest, many_threads_lose_no_event) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 25; ++i) log.append(signed_in(alice));
        });
    }
    threads.clear();
    EXPECT_THAT(log.query({.subject = alice, .limit = 1000}), SizeIs(200));
}

TEST_F(AuditLogTest, personal_data_exports_all_events_about_the_person_and_not_where_others_came_from) {
    log.append(signed_in(alice));
    log.append(renamed_by(bob, alice));
    log.append(signed_in(bob));
    AuditPersonalData source{log};
    auto const json = database->read([&](storage::Transaction& tx) { return source.export_for(tx, alice); });
    ASSERT_THAT(*json.items(), SizeIs(2));
    auto const text = json.dump();
    EXPECT_THAT(text, HasSubstr(R"("event":"auth.signed_in")"));
    EXPECT_THAT(text, HasSubstr("203.0.113.7"));
    EXPECT_THAT(text, HasSubstr(R"("personal":{"email":"new@canary.test"})"));
    EXPECT_THAT(text, Not(HasSubstr("198.51.100.9")));
}

TEST_F(AuditLogTest, personal_data_exports_more_than_one_page) {
    database->write([&](storage::Transaction& tx) {
        for (int i = 0; i < 1500; ++i) log.append(tx, {.code = codes::auth_signed_out, .actor = Actor::user(alice), .subject = alice});
    });
    AuditPersonalData source{log};
    auto const json = database->read([&](storage::Transaction& tx) { return source.export_for(tx, alice); });
    EXPECT_THAT(*json.items(), SizeIs(1500));
}

TEST_F(AuditLogTest, personal_data_claims_every_column_of_its_tables_once) {
    std::set<std::string> claimed;
    for (auto const& claim : AuditPersonalData{log}.claims()) {
        for (auto const& column : claim.personal) EXPECT_TRUE(claimed.insert(claim.table + "." + column).second);
        for (auto const& column : claim.not_personal) EXPECT_TRUE(claimed.insert(claim.table + "." + column).second);
    }
    std::set<std::string> present;
    for (auto const& column : storage::list_columns(*database)) {
        if (column.table.starts_with("audit_")) present.insert(column.table + "." + column.column);
    }
    EXPECT_EQ(claimed, present);
}

}  // namespace
}  // namespace zephyr::audit
