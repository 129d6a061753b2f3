// Hashes made under other conditions: older parameters, an older pepper. Those made elsewhere: password_import_test.cpp.
#include <algorithm>

#include "passwords/password_fixture.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/passwords/personal_data.h"

namespace zephyr::passwords {
namespace {

class PasswordRehashTest : public PasswordFixture {
protected:
    // The same tables under another keyring.
    std::unique_ptr<PasswordService> service_under(crypto::Sealer const& keys) {
        return std::make_unique<PasswordService>(*database, audit, keys, gate, policy, clock, random, settings);
    }
    crypto::MasterKey newer = crypto::MasterKey::generate(random);
};

TEST_F(PasswordRehashTest, hashes_again_at_the_next_sign_in_when_the_parameters_changed) {
    ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok());
    auto const before = stored_phc(alice);
    settings.argon2 = {.memory_kib = 128, .passes = 2};
    auto const stricter = service_with(settings);
    EXPECT_EQ(stricter->verify(alice, text("wrong")).error(), errors::wrong_password);
    EXPECT_EQ(stored_phc(alice), before) << "a wrong password changes no hash";
    ASSERT_TRUE(stricter->verify(alice, text(good)).ok());
    auto const after = stored_phc(alice);
    EXPECT_NE(after, before);
    EXPECT_EQ(events().back(), "passwords.rehashed()");
    ASSERT_TRUE(stricter->verify(alice, text(good)).ok());
    EXPECT_EQ(stored_phc(alice), after) << "once is enough";
}

TEST_F(PasswordRehashTest, keeps_the_old_hash_when_the_gate_is_full_at_that_moment) {
    ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok());
    auto const before = stored_phc(alice);
    // Memory for the small old hash, but so little time that a second permit is refused once one more is held.
    settings.argon2 = {.memory_kib = 128, .passes = 1};
    HashGate tight{{.workers = 2, .memory_budget_kib = 100, .longest_wait = 0ms}, clock};
    PasswordService tight_service{*database, audit, sealer, tight, policy, clock, random, settings};
    auto const held = tight.enter(8);
    ASSERT_TRUE(held.ok());
    EXPECT_TRUE(tight_service.verify(alice, text(good)).ok());
    EXPECT_EQ(stored_phc(alice), before);
    EXPECT_TRUE(service().verify(alice, text(good)).ok());
}

TEST_F(PasswordRehashTest, needs_the_pepper_not_only_the_database) {
    ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok());
    auto const opened =
        sealer.open({.table = "password_credential", .row = alice.str(), .column = "phc"}, stored_phc(alice));
    ASSERT_TRUE(opened.ok());
    auto const phc = to_text(opened.value().reveal());
    EXPECT_TRUE(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << phc;
    EXPECT_EQ(crypto::argon2id_verify(text(good), phc, cheap).value(), crypto::PasswordMatch::no)
        << "the password alone does not fit the hash";
}

TEST_F(PasswordRehashTest, moves_to_a_new_pepper_at_the_next_sign_in) {
    ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok());
    EXPECT_EQ(stored_scheme(alice), "peppered " + master.id());

    auto const rotated = crypto::Keyring{master}.with_active(newer).value();
    crypto::Sealer const both{rotated, random};
    ASSERT_TRUE(service_under(both)->verify(alice, text(good)).ok());
    EXPECT_EQ(stored_scheme(alice), "peppered " + newer.id());

    crypto::Sealer const without_old{rotated.without(master.id()).value(), random};
    auto const later = service_under(without_old);
    EXPECT_TRUE(later->verify(alice, text(good)).ok());
    EXPECT_EQ(later->verify(alice, text("wrong")).error(), errors::wrong_password);
}

// A fault, not "wrong password": nobody may be told something untrue, and no failure may be counted.
TEST_F(PasswordRehashTest, stops_with_a_fault_when_the_pepper_was_retired_too_early) {
    ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok());
    crypto::Sealer const strangers{crypto::Keyring{newer}, random};
    auto const service_without = service_under(strangers);
    EXPECT_THROW(std::ignore = service_without->verify(alice, text(good)), Fault);
    EXPECT_EQ(service().state(alice)->failures, 0);
}

TEST_F(PasswordRehashTest, exports_facts_and_no_hash_and_erases_everything) {
    ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok());
    ASSERT_TRUE(service().set(bob, text(good), {}, operator_).ok());
    PasswordsPersonalData source;
    auto const exported = database->read([&](storage::Transaction& tx) { return source.export_for(tx, alice); });
    EXPECT_EQ(exported.string_at("changed"), to_rfc3339(clock.now()));
    EXPECT_EQ(exported.dump().find("$argon2"), std::string::npos);
    database->write([&](storage::Transaction& tx) { source.erase(tx, alice); });
    EXPECT_FALSE(service().has_password(alice));
    EXPECT_TRUE(service().has_password(bob));
    EXPECT_TRUE(database->read([&](storage::Transaction& tx) { return source.export_for(tx, alice); }).is_null());
}

TEST_F(PasswordRehashTest, claims_every_column_of_its_tables) {
    std::vector<std::string> claimed;
    for (auto const& claim : PasswordsPersonalData{}.claims()) {
        EXPECT_TRUE(claim.table.starts_with("password_")) << claim.table;
        for (auto const& column : claim.personal) claimed.push_back(claim.table + "." + column);
        for (auto const& column : claim.not_personal) claimed.push_back(claim.table + "." + column);
    }
    std::vector<std::string> columns;
    for (auto const& column : storage::list_columns(*database)) {
        if (column.table.starts_with("password_")) columns.push_back(column.table + "." + column.column);
    }
    std::sort(claimed.begin(), claimed.end());
    std::sort(columns.begin(), columns.end());
    EXPECT_EQ(claimed, columns);
}

}  // namespace
}  // namespace zephyr::passwords
