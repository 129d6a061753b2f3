// Keys and pseudonyms of people in the log: who can read what, and until when.
#include "zephyr/audit/subject_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"

namespace zephyr::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SubjectKeysTest : public ::testing::Test {
protected:
    std::int64_t count(std::string const& table) {
        return database->read([&](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM " + table)->integer(0); });
    }
    std::string opened(std::string const& ref, RetentionClass retention, std::string_view id, Bytes const& sealed) {
        auto const text = keys.open(ref, retention, at, id, sealed);
        return text.ok() ? to_text(text.value().reveal()) : std::string{text.error().id()};
    }

    testing::ManualClock clock;
    TimePoint const at = clock.now();  // of every event, unless a test says otherwise
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock);
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    SubjectKeys keys{*database, sealer, clock, random};
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
};

TEST_F(SubjectKeysTest, a_pseudonym_is_random_stays_and_leads_back_while_the_person_exists) {
    EXPECT_EQ(keys.find_ref(alice), std::nullopt);
    auto const ref = keys.ref_of(alice);
    EXPECT_EQ(ref.size(), 32u);
    EXPECT_EQ(keys.ref_of(alice), ref);
    EXPECT_EQ(keys.find_ref(alice), ref);
    EXPECT_EQ(keys.person_of(ref), alice);
    EXPECT_NE(keys.ref_of(bob), ref);
    EXPECT_EQ(keys.person_of("00112233445566778899aabbccddeeff"), std::nullopt);
}

TEST_F(SubjectKeysTest, what_is_sealed_opens_for_the_same_person_class_and_event_alone) {
    auto const ref = keys.ref_of(alice);
    auto const other = keys.ref_of(bob);
    auto const sealed = keys.seal(ref, RetentionClass::auth, at, "event-1", as_bytes("secret"));
    static_cast<void>(keys.seal(ref, RetentionClass::admin, at, "event-1", as_bytes("x")));
    static_cast<void>(keys.seal(other, RetentionClass::auth, at, "event-1", as_bytes("x")));
    EXPECT_EQ(opened(ref, RetentionClass::auth, "event-1", sealed), "secret");
    EXPECT_EQ(opened(ref, RetentionClass::auth, "event-2", sealed), "crypto.sealed_data_damaged");
    EXPECT_EQ(opened(ref, RetentionClass::admin, "event-1", sealed), "crypto.sealed_data_damaged");
    EXPECT_EQ(opened(other, RetentionClass::auth, "event-1", sealed), "crypto.sealed_data_damaged");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto changed = sealed;
        changed[i] ^= std::byte{1};
        EXPECT_EQ(opened(ref, RetentionClass::auth, "event-1", changed), "crypto.sealed_data_damaged") << i;
    }
    EXPECT_EQ(opened(ref, RetentionClass::auth, "event-1", {}), "crypto.sealed_data_damaged");
    EXPECT_THAT(to_text(sealed), Not(HasSubstr("secret")));
}

TEST_F(SubjectKeysTest, a_destroyed_key_opens_nothing_and_makes_no_new_one) {
    auto const ref = keys.ref_of(alice);
    auto const sealed = keys.seal(ref, RetentionClass::auth, at, "event-1", as_bytes("secret"));
    auto const kept = keys.seal(keys.ref_of(bob), RetentionClass::auth, at, "event-1", as_bytes("bob's"));
    EXPECT_EQ(keys.destroy(alice), ref);
    EXPECT_EQ(opened(ref, RetentionClass::auth, "event-1", sealed), "audit.subject_erased");
    EXPECT_EQ(keys.person_of(ref), std::nullopt);
    EXPECT_EQ(keys.find_ref(alice), std::nullopt);
    EXPECT_TRUE(keys.seal(ref, RetentionClass::auth, at, "event-2", as_bytes("late")).empty());
    EXPECT_EQ(count("audit_subject_key WHERE ref = '" + ref + "'"), 0);
    EXPECT_EQ(keys.destroy(alice), std::nullopt) << "again is harmless";
    EXPECT_EQ(opened(keys.ref_of(bob), RetentionClass::auth, "event-1", kept), "bob's");
}

TEST_F(SubjectKeysTest, a_key_made_in_a_transaction_that_is_rolled_back_is_not_remembered) {
    auto const refused = database->write([&](storage::Transaction&) -> Result<void> {
        static_cast<void>(keys.seal(keys.ref_of(alice), RetentionClass::auth, at, "event-1", as_bytes("gone")));
        // Read again in the same transaction: still not to be remembered.
        static_cast<void>(keys.open(keys.ref_of(alice), RetentionClass::auth, at, "event-1", {}));
        return Failure{Kind::denied, "test.refused"};
    });
    EXPECT_FALSE(refused.ok());
    EXPECT_EQ(count("audit_subject"), 0);
    auto const ref = keys.ref_of(alice);
    auto const sealed = keys.seal(ref, RetentionClass::auth, at, "event-2", as_bytes("kept"));
    EXPECT_EQ(count("audit_subject_key"), 1);
    SubjectKeys another{*database, sealer, clock, random};
    EXPECT_EQ(to_text(another.open(ref, RetentionClass::auth, at, "event-2", sealed).value().reveal()), "kept");
}

TEST_F(SubjectKeysTest, another_holder_of_the_database_hears_that_a_key_was_destroyed) {
    SubjectKeys another{*database, sealer, clock, random};
    auto const ref = keys.ref_of(alice);
    auto const sealed = keys.seal(ref, RetentionClass::auth, at, "event-1", as_bytes("secret"));
    EXPECT_TRUE(another.open(ref, RetentionClass::auth, at, "event-1", sealed).ok());
    keys.destroy(alice);
    EXPECT_EQ(another.open(ref, RetentionClass::auth, at, "event-1", sealed).error(), errors::subject_erased);
}

TEST_F(SubjectKeysTest, strangers_have_one_pseudonym_a_day_that_is_nobody) {
    auto const today = keys.ref_of_strangers();
    clock.advance(1h);
    EXPECT_EQ(keys.ref_of_strangers(), today);
    EXPECT_EQ(keys.person_of(today), std::nullopt);
    clock.advance(24h);
    EXPECT_NE(keys.ref_of_strangers(), today);
}

TEST_F(SubjectKeysTest, keys_of_a_class_end_with_their_quarter_however_active_the_person_is) {
    TimePoint const fourth = std::chrono::sys_days{std::chrono::year{2026} / 10 / 1};
    auto const third = fourth - 1ms;
    clock.jump_to(third);
    auto const ref = keys.ref_of(alice);
    auto const old = keys.seal(ref, RetentionClass::auth, third, "event-1", as_bytes("old"));
    auto const admin = keys.seal(ref, RetentionClass::admin, third, "event-2", as_bytes("admin"));
    static_cast<void>(keys.seal(keys.ref_of_strangers(), RetentionClass::auth, third, "event-3", as_bytes("who")));
    clock.jump_to(fourth);
    auto const later = keys.seal(ref, RetentionClass::auth, fourth, "event-4", as_bytes("active"));
    auto const read = [&](RetentionClass retention, TimePoint time, std::string_view id, Bytes const& sealed) {
        auto const text = keys.open(ref, retention, time, id, sealed);
        return text.ok() ? to_text(text.value().reveal()) : std::string{text.error().id()};
    };
    EXPECT_EQ(read(RetentionClass::auth, fourth, "event-1", old), "crypto.sealed_data_damaged") << "bound to the quarter";
    EXPECT_EQ(keys.destroy_expired(RetentionClass::auth, third), 0) << "a millisecond is left";
    EXPECT_EQ(read(RetentionClass::auth, third, "event-1", old), "old");
    EXPECT_EQ(keys.destroy_expired(RetentionClass::auth, fourth), 2) << "hers and the strangers'";
    EXPECT_EQ(read(RetentionClass::auth, third, "event-1", old), "audit.subject_erased");
    EXPECT_EQ(read(RetentionClass::auth, fourth, "event-4", later), "active");
    EXPECT_EQ(read(RetentionClass::admin, third, "event-2", admin), "admin") << "another class";
    EXPECT_EQ(keys.person_of(ref), alice) << "the person goes on";
    EXPECT_EQ(count("audit_subject"), 1) << "the day of strangers is gone";
    keys.destroy(alice);
    EXPECT_EQ(read(RetentionClass::auth, fourth, "event-4", later), "audit.subject_erased") << "keys of every quarter";
}

TEST_F(SubjectKeysTest, stand_in_the_table_sealed_under_the_master_key) {
    auto const ref = keys.ref_of(alice);
    auto const sealed = keys.seal(ref, RetentionClass::auth, at, "event-1", as_bytes("secret"));
    crypto::Sealer const thief{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    SubjectKeys stolen{*database, thief, clock, random};
    EXPECT_FALSE(stolen.open(ref, RetentionClass::auth, at, "event-1", sealed).ok());
    EXPECT_THROW(stolen.seal(ref, RetentionClass::auth, at, "event-2", as_bytes("x")), Fault);
}

TEST_F(SubjectKeysTest, many_new_people_are_written_together_or_not_at_all) {
    testing::TemporaryFolder folder;
    auto const own = storage::open_sqlite({.path = (folder.path() / "keys.db").string()});
    ASSERT_TRUE(storage::migrate(*own, SubjectKeys::migrations(), clock).ok());
    SubjectKeys apart{*own, sealer, clock, random};
    auto const known = apart.ref_of(bob);
    std::string ref;
    Bytes sealed;
    auto const writes = own->counts().writes;
    {
        SubjectKeys::Batch batch{apart, *database};
        for (int i = 0; i < 100; ++i) {
            auto const person = UserId::make(clock.now(), random);
            static_cast<void>(apart.seal(apart.ref_of(person), RetentionClass::admin, at, "event", as_bytes("x")));
        }
        ref = apart.ref_of(alice);
        EXPECT_EQ(apart.ref_of(alice), ref);
        EXPECT_EQ(apart.find_ref(alice), ref);
        EXPECT_EQ(apart.ref_of(bob), known);
        sealed = apart.seal(ref, RetentionClass::auth, at, "event-1", as_bytes("secret"));
        batch.write();
    }
    EXPECT_EQ(own->counts().writes - writes, 1);
    EXPECT_EQ(apart.find_ref(alice), ref);
    EXPECT_EQ(to_text(apart.open(ref, RetentionClass::auth, at, "event-1", sealed).value().reveal()), "secret");
    auto const carol = UserId::make(clock.now(), random);
    {
        SubjectKeys::Batch batch{apart, *database};
        static_cast<void>(apart.ref_of(carol));
    }
    EXPECT_EQ(apart.find_ref(carol), std::nullopt) << "never written";
}

TEST_F(SubjectKeysTest, a_file_of_their_own_has_the_same_tables_as_the_database) {
    std::ostringstream text;
    text << std::ifstream{"migrations/0011_audit_log.sql"}.rdbuf();
    auto const own = SubjectKeys::migrations();
    ASSERT_EQ(own.size(), 1u);
    EXPECT_THAT(text.str(), HasSubstr(own[0].sql));
}

}  // namespace
}  // namespace zephyr::audit
