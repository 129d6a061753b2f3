#include <set>

#include "mfa/totp_fixture.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/mfa/personal_data.h"

namespace zephyr::mfa {
namespace {

class TotpEnrolmentTest : public TotpFixture {
protected:
    std::string begin(UserId const& user, SessionRef const& in) {
        auto const begun = totp->begin(user, in, "alice@acme.test", "phone");
        EXPECT_TRUE(begun.ok());
        return begun.value().secret_base32;
    }
};

TEST_F(TotpEnrolmentTest, shows_a_secret_of_160_bits_and_the_uri_that_holds_it) {
    auto const begun = totp->begin(alice, session, "alice@acme.test", "phone");
    ASSERT_TRUE(begun.ok());
    auto const& enrolment = begun.value();
    EXPECT_EQ(enrolment.secret_base32.size(), 32u);
    EXPECT_EQ(encoding::base32_decode(enrolment.secret_base32).value().size(), 20u);
    EXPECT_EQ(enrolment.otpauth_uri, "otpauth://totp/Zephyr:alice%40acme.test?secret=" + enrolment.secret_base32 +
                                         "&issuer=Zephyr&algorithm=SHA1&digits=6&period=30");
    EXPECT_EQ(enrolment.expires_at, clock.now() + 10min);
    EXPECT_NE(begin(bob, new_session()), enrolment.secret_base32);
}

TEST_F(TotpEnrolmentTest, counts_only_after_a_code_confirmed_it) {
    auto const secret = begin(alice, session);
    EXPECT_TRUE(totp->has_pending(alice, session));
    EXPECT_FALSE(totp->has_confirmed(alice));
    EXPECT_EQ(totp->verify(alice, session, code_of(secret)).error(), errors::totp_not_enrolled)
        << "a pending device proves nothing";

    auto const confirmed = totp->confirm(alice, session, code_of(secret));
    ASSERT_TRUE(confirmed.ok()) << confirmed.error();
    EXPECT_EQ(confirmed.value().user(), alice);
    EXPECT_EQ(confirmed.value().kind().amr, "otp");
    EXPECT_EQ(confirmed.value().at(), clock.now());
    EXPECT_FALSE(totp->has_pending(alice, session));
    EXPECT_TRUE(totp->has_confirmed(alice));
    EXPECT_EQ(totp->list(alice).at(0).id, confirmed.value().factor());
    EXPECT_EQ(totp->confirm(alice, session, code_of(secret, 1)).error(), errors::no_enrolment) << "only once";
}

TEST_F(TotpEnrolmentTest, uses_up_the_code_that_confirmed_it) {
    auto const secret = begin(alice, session);
    auto const code = code_of(secret);
    ASSERT_TRUE(totp->confirm(alice, session, code).ok());
    EXPECT_EQ(totp->verify(alice, session, code).error(), errors::totp_code_reused);
    EXPECT_EQ(totp->verify(alice, new_session(), code).error(), errors::totp_code_reused);
}

// "enrol_pending_overwrite": somebody with another session of the same account must not be able to slip their own
// secret under an enrolment that is under way, nor to confirm it.
TEST_F(TotpEnrolmentTest, belongs_to_the_session_that_began_it) {
    auto const other = new_session();
    auto const secret = begin(alice, session);
    auto const intruder = begin(alice, other);
    EXPECT_EQ(totp->confirm(alice, session, code_of(intruder)).error(), errors::totp_wrong_code);
    EXPECT_EQ(totp->confirm(alice, new_session(), code_of(secret)).error(), errors::no_enrolment);
    EXPECT_TRUE(totp->confirm(alice, session, code_of(secret)).ok());
    EXPECT_TRUE(totp->has_pending(alice, other)) << "untouched";
}

TEST_F(TotpEnrolmentTest, belongs_to_the_person_who_began_it) {
    auto const secret = begin(alice, session);
    EXPECT_FALSE(totp->has_pending(bob, session));
    EXPECT_EQ(totp->confirm(bob, session, code_of(secret)).error(), errors::no_enrolment);
    EXPECT_TRUE(totp->confirm(alice, session, code_of(secret)).ok());
}

TEST_F(TotpEnrolmentTest, replaces_what_the_same_session_had_begun) {
    auto const first = begin(alice, session);
    auto const second = begin(alice, session);
    EXPECT_NE(first, second);
    EXPECT_EQ(totp->confirm(alice, session, code_of(first)).error(), errors::totp_wrong_code);
    EXPECT_TRUE(totp->confirm(alice, session, code_of(second)).ok());
}

TEST_F(TotpEnrolmentTest, leaves_confirmed_devices_working_while_another_is_begun) {
    auto const old = enrol(alice);
    begin(alice, session);
    EXPECT_TRUE(totp->verify(alice, session, code_of(old)).ok());
}

TEST_F(TotpEnrolmentTest, expires_after_ten_minutes_to_the_second) {
    auto const secret = begin(alice, session);
    clock.advance(10min - 1s);
    EXPECT_TRUE(totp->has_pending(alice, session));
    EXPECT_EQ(totp->confirm(alice, session, wrong_code(secret)).error(), errors::totp_wrong_code);
    clock.advance(1s);
    EXPECT_FALSE(totp->has_pending(alice, session));
    EXPECT_EQ(totp->confirm(alice, session, code_of(secret)).error(), errors::enrolment_expired);
    EXPECT_EQ(totp->confirm(alice, session, code_of(secret)).error(), errors::no_enrolment);
    EXPECT_FALSE(totp->has_confirmed(alice));
}

TEST_F(TotpEnrolmentTest, drops_an_enrolment_after_five_wrong_codes) {
    auto const secret = begin(alice, session);
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(totp->confirm(alice, session, wrong_code(secret)).error(), errors::totp_wrong_code);
    EXPECT_EQ(totp->confirm(alice, session, wrong_code(secret)).error(), errors::too_many_attempts);
    EXPECT_EQ(totp->confirm(alice, session, code_of(secret)).error(), errors::no_enrolment);
    EXPECT_EQ(account_failures(alice), 0) << "no guess at a second factor";
    EXPECT_TRUE(totp->begin(alice, session, "a", "phone").ok());
}

TEST_F(TotpEnrolmentTest, allows_ten_devices_and_ten_pending_ones) {
    for (int i = 0; i < 9; ++i) enrol(alice, "phone " + std::to_string(i));
    auto const in_time = begin(alice, session);
    auto const too_late_session = new_session();
    auto const too_late = begin(alice, too_late_session);
    ASSERT_TRUE(totp->confirm(alice, session, code_of(in_time)).ok());
    EXPECT_EQ(totp->confirm(alice, too_late_session, code_of(too_late)).error(), errors::device_limit)
        << "counted when it is confirmed, too";
    EXPECT_EQ(totp->begin(alice, new_session(), "a", "eleventh").error(), errors::device_limit);
    EXPECT_EQ(totp->list(alice).size(), 10u);

    for (int i = 0; i < 10; ++i) begin(bob, new_session());
    EXPECT_EQ(totp->begin(bob, new_session(), "a", "x").error(), errors::device_limit);
    clock.advance(10min);
    EXPECT_TRUE(totp->begin(bob, new_session(), "a", "x").ok()) << "expired ones take no place";
}

TEST_F(TotpEnrolmentTest, takes_names_a_person_can_read_and_no_others) {
    for (std::string const& bad : {std::string{}, std::string{"  "}, std::string(65, 'x'), std::string{"a\nb"},
                                   std::string{"\u202egnp.exe"}, std::string{"\xff"}}) {
        EXPECT_EQ(totp->begin(alice, session, "a", bad).error(), errors::device_name_malformed) << bad;
    }
    ASSERT_TRUE(totp->begin(alice, session, "a", std::string(64, 'x')).ok());
    enrol(alice, " Mein Händy 📱 ");
    EXPECT_EQ(totp->list(alice).at(0).name, "Mein Händy 📱");
}

TEST_F(TotpEnrolmentTest, keeps_the_secret_sealed) {
    auto const secret = enrol(alice);
    auto const stored =
        database->read([](storage::Transaction& tx) { return tx.row("SELECT secret FROM totp_device")->blob(0); });
    auto const plain = encoding::base32_decode(secret).value();
    EXPECT_EQ(as_text(stored).find(as_text(plain)), std::string_view::npos);
    EXPECT_EQ(as_text(stored).find(secret), std::string_view::npos);
}

// A row moved to another device in the database does not open there.
TEST_F(TotpEnrolmentTest, binds_the_sealed_secret_to_its_device) {
    auto const secret = enrol(alice);
    enrol(bob);
    database->write([&](storage::Transaction& tx) {
        tx.run("UPDATE totp_device SET secret = (SELECT secret FROM totp_device WHERE user_id = $1) WHERE user_id = $2",
               alice.str(), bob.str());
    });
    EXPECT_THROW(std::ignore = totp->verify(bob, session, code_of(secret)), Fault);
}

TEST_F(TotpEnrolmentTest, seals_under_the_active_key_again_at_the_next_use) {
    auto const secret = enrol(alice);
    auto const newer = crypto::MasterKey::generate(random);
    auto const rotated = crypto::Keyring{master}.with_active(newer).value();
    crypto::Sealer const both{rotated, random};
    TotpService with_both{*database, audit, both, attempts, clock, random, {}};
    ASSERT_TRUE(with_both.verify(alice, session, code_of(secret)).ok());
    clock.advance(30s);
    crypto::Sealer const only_new{rotated.without(master.id()).value(), random};
    TotpService with_new{*database, audit, only_new, attempts, clock, random, {}};
    EXPECT_TRUE(with_new.verify(alice, session, code_of(secret)).ok());
}

TEST_F(TotpEnrolmentTest, renames_and_removes_only_ones_own_devices) {
    enrol(alice, "old name");
    auto const device = totp->list(alice).at(0).id;
    EXPECT_EQ(totp->rename(bob, device, "mine", audit::Actor::user(bob)).error(), errors::device_not_found);
    EXPECT_EQ(totp->remove(bob, device, audit::Actor::user(bob)).error(), errors::device_not_found);
    EXPECT_EQ(totp->rename(alice, device, "\n", audit::Actor::user(alice)).error(), errors::device_name_malformed);
    ASSERT_TRUE(totp->rename(alice, device, "new name", audit::Actor::user(alice)).ok());
    EXPECT_EQ(totp->list(alice).at(0).name, "new name");
    ASSERT_TRUE(totp->remove(alice, device, audit::Actor::user(alice)).ok());
    EXPECT_FALSE(totp->has_confirmed(alice));
    EXPECT_EQ(totp->remove(alice, device, audit::Actor::user(alice)).error(), errors::device_not_found);
}

TEST_F(TotpEnrolmentTest, does_not_confirm_by_removing_or_renaming_a_pending_one) {
    auto const begun = totp->begin(alice, session, "a", "phone");
    EXPECT_EQ(totp->rename(alice, begun.value().device, "x", operator_).error(), errors::device_not_found);
    EXPECT_EQ(totp->remove(alice, begun.value().device, operator_).error(), errors::device_not_found);
    EXPECT_TRUE(totp->list(alice).empty());
}

TEST_F(TotpEnrolmentTest, removes_every_device_of_one_person) {
    enrol(alice, "a");
    auto const secret = enrol(alice, "b");
    begin(alice, session);
    std::ignore = totp->verify(alice, session, wrong_code(secret));
    enrol(bob);
    EXPECT_EQ(database->write([&](storage::Transaction& tx) { return totp->remove_all(tx, alice); }), 2);
    EXPECT_FALSE(totp->has_confirmed(alice));
    EXPECT_FALSE(totp->has_pending(alice, session));
    EXPECT_EQ(account_failures(alice), 1) << "counts are of all kinds together: Attempts::clear";
    EXPECT_TRUE(totp->has_confirmed(bob));
}

TEST_F(TotpEnrolmentTest, purges_what_is_long_over) {
    auto const secret = enrol(alice);
    begin(alice, session);
    std::ignore = totp->verify(alice, session, wrong_code(secret));
    EXPECT_EQ(totp->purge(), 0);
    clock.advance(10min);
    EXPECT_EQ(totp->purge(), 1) << "the enrolment";
    EXPECT_EQ(totp->list(alice).size(), 1u);
}

TEST_F(TotpEnrolmentTest, records_each_step_without_the_secret) {
    auto const begun = totp->begin(alice, session, "a", "phone");
    auto const secret = begun.value().secret_base32;
    std::ignore = totp->confirm(alice, session, wrong_code(secret));
    ASSERT_TRUE(totp->confirm(alice, session, code_of(secret)).ok());
    ASSERT_TRUE(totp->rename(alice, begun.value().device, "x", audit::Actor::user(alice)).ok());
    ASSERT_TRUE(totp->remove(alice, begun.value().device, audit::Actor::user(alice)).ok());
    EXPECT_EQ(events(alice),
              (std::vector<std::string>{"mfa.enrolment_begun()", "mfa.enrolment_refused(mfa.totp_wrong_code)",
                                        "mfa.enrolled()", "mfa.renamed()", "mfa.removed()"}));
    for (auto const& event : audit.query({.subject = alice, .code = {}, .from = {}, .until = {}})) {
        for (auto const& [field, value] : event.details) EXPECT_EQ(value.find(secret), std::string::npos) << field;
    }
}

TEST_F(TotpEnrolmentTest, refuses_settings_that_would_weaken_it) {
    for (auto const& bad : {TotpSettings{.digits = 5}, TotpSettings{.digits = 9}, TotpSettings{.period = 0s},
                            TotpSettings{.drift_steps = 11}, TotpSettings{.failures_per_enrolment = 0}}) {
        EXPECT_THROW(service_with(bad), Fault);
    }
}

TEST_F(TotpEnrolmentTest, exports_devices_without_secrets_and_erases_everything) {
    auto const secret = enrol(alice, "Alice's phone");
    enrol(bob);
    std::ignore = totp->verify(alice, session, wrong_code(secret));
    MfaPersonalData source{sealer};
    auto const exported = database->read([&](storage::Transaction& tx) { return source.export_for(tx, alice); });
    EXPECT_EQ(exported.find("devices")->items()->at(0).string_at("name"), "Alice's phone");
    EXPECT_EQ(exported.find("wrong_codes_in_a_row")->integer(), 1);
    EXPECT_EQ(exported.dump().find(secret), std::string::npos);
    database->write([&](storage::Transaction& tx) { source.erase(tx, alice); });
    for (std::string const& table :
         {std::string{"totp_device"}, std::string{"mfa_attempt"}, std::string{"mfa_challenge"}}) {
        auto const left = database->read([&](storage::Transaction& tx) {
            return tx.row("SELECT count(*) FROM " + table + " WHERE user_id = $1", alice.str())->integer(0);
        });
        EXPECT_EQ(left, 0) << table;
    }
    EXPECT_TRUE(totp->has_confirmed(bob));
}

TEST_F(TotpEnrolmentTest, claims_every_column_of_its_tables) {
    std::set<std::string> claimed;
    for (auto const& claim : MfaPersonalData{sealer}.claims()) {
        for (auto const& column : claim.personal) claimed.insert(claim.table + "." + column);
        for (auto const& column : claim.not_personal) claimed.insert(claim.table + "." + column);
    }
    std::set<std::string> columns;
    for (auto const& column : storage::list_columns(*database)) {
        // When somebody's grace began is the business of the policy (signin).
        if (column.table == "mfa_grace") continue;
        if (column.table.starts_with("totp_") || column.table.starts_with("mfa_") || column.table == "backup_code")
            columns.insert(column.table + "." + column.column);
    }
    EXPECT_EQ(claimed, columns);
}

}  // namespace
}  // namespace zephyr::mfa
