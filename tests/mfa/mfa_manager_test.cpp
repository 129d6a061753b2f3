// The one door: what kinds there are, and what may be added and removed by which proof.
#include "zephyr/mfa/mfa_manager.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mfa/delivered_fixture.h"
#include "zephyr/encoding/base32.h"
#include "zephyr/mfa/personal_data.h"

namespace zephyr::mfa {
namespace {

// An application's own kind: a code that is always the same.
class OwnKind final : public FactorProvider {
public:
    explicit OwnKind(FactorKind kind) : kind_{kind} {}
    FactorKind const& kind() const override { return kind_; }
    std::vector<FactorSummary> list(storage::Transaction&, UserId const&) override { return {}; }
    Result<VerifiedFactor> verify(storage::Transaction&, Presented const&) override { return errors::wrong_code; }
    Result<void> remove(storage::Transaction&, UserId const&, FactorId const&, audit::Actor const&, audit::Origin const&) override {
        return errors::device_not_found;
    }
    std::int64_t remove_all(storage::Transaction&, UserId const&) override { return 0; }

private:
    FactorKind kind_;
};

class MfaManagerTest : public DeliveredFixture {
protected:
    FreshProof proof(int strength, std::optional<UserId> user = std::nullopt) {
        return signin::SignInService::fresh_proof_of(user.value_or(alice), session, clock.now(), strength);
    }
    std::string code_of(std::string const& of) const {
        return totp_code(encoding::base32_decode(of).value(), totp_step(clock.now(), 30s), 6, TotpAlgorithm::sha1);
    }
    FactorId add_totp(UserId const& user) {
        auto const own = new_session();
        auto const begun = totp.begin(user, own, "account", "phone").value();
        auto const confirmed = totp.confirm(user, own, code_of(begun.secret_base32));
        clock.advance(30s);
        secret = begun.secret_base32;
        return confirmed.value().factor();
    }
    FactorId add_sms(UserId const& user) { return enrol(*sms, user, "+49 151 23456789"); }
    std::string remove_by(int strength, FactorId const& factor) {
        auto const removed = manager.remove(proof(strength), factor);
        return removed.ok() ? "ok" : std::string{removed.error().id()};
    }
    FactorId codes_of(UserId const& user) {
        auto const all = manager.list(user);
        auto const found = std::find_if(all.begin(), all.end(), [](auto const& one) { return one.kind->name == "backup_code"; });
        if (found == all.end()) throw Fault{"no backup codes"};
        return found->id;
    }

    passwords::HashGate gate{{.workers = 4, .longest_wait = 60s}, clock};
    TotpService totp{*database, audit, sealer, attempts, clock, random, {}};
    BackupCodes backup{*database, audit, sealer, attempts, gate, clock, random, {.argon2 = {.memory_kib = 64, .passes = 1}}};
    MFAManager manager{*database, audit, attempts, {.totp = totp, .backup_codes = backup, .sms = sms.get(), .email = email.get()}};
    std::string secret;
};

TEST_F(MfaManagerTest, refuses_two_kinds_of_one_name_or_one_proof) {
    Providers const built_in{.totp = totp, .backup_codes = backup};
    for (auto const& kind : {FactorKind{.name = "totp", .proves = "push"}, FactorKind{.name = "push", .proves = "otp"},
                             FactorKind{.name = "push", .proves = "pwd"}}) {
        OwnKind own{kind};
        EXPECT_THROW(manager.add(own), Fault) << kind.name << " " << kind.proves;
    }
    OwnKind push{{.name = "push", .proves = "push", .amr = "swk", .strength = 45}};
    MFAManager with_push{*database, audit, attempts, built_in};
    with_push.add(push);
    EXPECT_EQ(with_push.providers().front(), &push) << "the strongest comes first";
    EXPECT_EQ(with_push.proving("push"), &push.kind());
    EXPECT_TRUE(with_push.is_mfa_verified({"pwd", "push"}));
}

TEST_F(MfaManagerTest, knows_no_kind_that_nobody_set_up) {
    MFAManager bare{*database, audit, attempts, {.totp = totp, .backup_codes = backup}};
    EXPECT_EQ(bare.send_sms_code(alice, session).error(), errors::unknown_factor);
    EXPECT_EQ(bare.verify("sms", {.user = alice, .session = session, .code = "123456"}).error(), errors::unknown_factor);
    EXPECT_EQ(bare.enable_mfa("push", {.user = alice, .session = session, .code = "123456"}).error(), errors::unknown_factor);
    EXPECT_EQ(bare.send("totp", alice, session, {}).error(), errors::unknown_factor) << "nothing is delivered";
}

//= NIST SP 800-63B-4, 3.1.3.1
// # Email SHALL NOT be used for out-of-band authentication
TEST_F(MfaManagerTest, an_email_is_asked_for_and_never_counts_as_a_second_factor) {
    enrol(*email, alice, "alice@example.com");
    EXPECT_TRUE(manager.has_factor(alice));
    EXPECT_FALSE(manager.has_second_factor(alice));
    EXPECT_FALSE(manager.is_mfa_verified({"pwd", "email"}));
    EXPECT_FALSE(manager.is_mfa_verified({"pwd"}));
    EXPECT_TRUE(manager.is_mfa_verified({"pwd", "email", "sms"}));
    EXPECT_FALSE(manager.has_factor(bob));
}

TEST_F(MfaManagerTest, lists_the_strongest_kinds_first) {
    add_sms(alice);
    enrol(*email, alice, "alice@example.com");
    add_totp(alice);
    std::vector<std::string> kinds;
    for (auto const& factor : manager.list(alice)) kinds.emplace_back(factor.kind->name);
    EXPECT_EQ(kinds, (std::vector<std::string>{"totp", "sms", "email"}));
    EXPECT_TRUE(manager.list(bob).empty());
}

TEST_F(MfaManagerTest, makes_no_backup_codes_before_another_factor_is_confirmed) {
    EXPECT_EQ(manager.generate_backup_codes(proof(strength::password)).error(), errors::backup_codes_too_early);
    ASSERT_TRUE(totp.begin(alice, session, "a", "phone").ok());
    EXPECT_EQ(manager.generate_backup_codes(proof(strength::password)).error(), errors::backup_codes_too_early) << "pending is not confirmed";
    enrol(*email, alice, "alice@example.com");
    EXPECT_EQ(manager.generate_backup_codes(proof(strength::email)).error(), errors::backup_codes_too_early) << "they are worth more than that";
    add_totp(alice);
    EXPECT_EQ(manager.generate_backup_codes(proof(strength::totp)).value().size(), 10u);
    EXPECT_EQ(backup.left(alice), 10);
}

// Else a stolen SMS would make an authenticator app, and that one remove the owner's.
TEST_F(MfaManagerTest, nobody_makes_themselves_something_stronger_than_what_they_proved) {
    add_sms(alice);
    EXPECT_TRUE(manager.generate_totp_secret(proof(strength::sms), "a", "phone").ok()) << "it is the strongest there is";
    add_totp(alice);
    EXPECT_EQ(manager.generate_totp_secret(proof(strength::sms), "a", "thief").error(), errors::stronger_proof_required);
    EXPECT_EQ(manager.generate_backup_codes(proof(strength::sms)).error(), errors::stronger_proof_required);
    EXPECT_EQ(manager.generate_totp_secret(proof(strength::password), "a", "thief").error(), errors::stronger_proof_required);
    EXPECT_TRUE(manager.generate_totp_secret(proof(strength::totp), "a", "tablet").ok());
    EXPECT_TRUE(manager.may_add(proof(strength::sms), sms_kind).ok());
}

TEST_F(MfaManagerTest, removing_asks_for_a_proof_as_strong_as_what_is_removed) {
    auto const by_sms = add_sms(alice);
    auto const phone = add_totp(alice);
    EXPECT_EQ(remove_by(strength::sms, phone), "mfa.stronger_proof_required");
    EXPECT_EQ(remove_by(strength::password, by_sms), "mfa.stronger_proof_required");
    EXPECT_EQ(manager.remove(proof(strength::passkey, bob), phone).error(), errors::device_not_found) << "somebody else's";
    EXPECT_EQ(manager.list(alice).size(), 2u);
    EXPECT_EQ(remove_by(strength::totp, phone), "ok");
    EXPECT_EQ(remove_by(strength::totp, phone), "mfa.device_not_found");
    EXPECT_EQ(remove_by(strength::sms, by_sms), "ok");
}

TEST_F(MfaManagerTest, backup_codes_go_with_the_last_factor_they_stood_in_for) {
    auto const by_sms = add_sms(alice);
    auto const phone = add_totp(alice);
    ASSERT_TRUE(manager.generate_backup_codes(proof(strength::totp)).ok());
    ASSERT_EQ(remove_by(strength::totp, phone), "ok");
    EXPECT_EQ(backup.left(alice), 10) << "another factor is left";
    ASSERT_EQ(remove_by(strength::sms, by_sms), "ok");
    EXPECT_FALSE(backup.left(alice)) << "stale codes would outlive what they stand in for";
    EXPECT_TRUE(manager.list(alice).empty());
}

TEST_F(MfaManagerTest, backup_codes_can_be_removed_by_the_strongest_proof_there_is) {
    add_sms(alice);
    ASSERT_TRUE(manager.generate_backup_codes(proof(strength::sms)).ok());
    EXPECT_EQ(remove_by(strength::password, codes_of(alice)), "mfa.stronger_proof_required");
    EXPECT_EQ(remove_by(strength::sms, codes_of(alice)), "ok");
    EXPECT_TRUE(manager.has_factor(alice));
}

TEST_F(MfaManagerTest, a_code_of_each_kind_works_once_through_the_one_door) {
    add_totp(alice);
    auto const in = [&](std::string code) { return Presented{.user = alice, .session = session, .code = std::move(code)}; };
    auto const now = code_of(secret);
    EXPECT_TRUE(manager.verify_totp(in(now)).ok());
    EXPECT_EQ(manager.verify_totp(in(now)).error(), errors::totp_code_reused);
    auto const made = manager.generate_backup_codes(proof(strength::totp)).value();
    EXPECT_TRUE(manager.verify_backup_code(in(made.front().reveal())).ok());
    EXPECT_FALSE(manager.verify_backup_code(in(made.front().reveal())).ok());
    add_sms(alice);
    ASSERT_TRUE(manager.send_sms_code(alice, session).ok());
    auto const sent = last_code();
    EXPECT_TRUE(manager.verify_sms_code(in(sent)).ok());
    EXPECT_FALSE(manager.verify_sms_code(in(sent)).ok());
}

// NIST SP 800-63B-4, 3.2.2: the count is the account's, whatever the kind of code.
TEST_F(MfaManagerTest, guesses_of_all_kinds_fill_one_count) {
    add_totp(alice);
    add_sms(alice);
    ASSERT_TRUE(manager.generate_backup_codes(proof(strength::totp)).ok());
    for (int i = 0; i < 10; ++i) {
        auto const own = new_session();
        auto const kind = std::array{"totp", "backup_code"}.at(static_cast<std::size_t>(i % 2));
        EXPECT_FALSE(manager.verify(kind, {.user = alice, .session = own, .code = "ABCD-EFGH-JKMN-PQRS"}).ok());
    }
    EXPECT_EQ(manager.verify_totp({.user = alice, .session = new_session(), .code = code_of(secret)}).error(), errors::too_many_attempts);
}

// They are AAL2: left beside an e-mail they would make two factors of none.
TEST_F(MfaManagerTest, backup_codes_go_when_an_email_is_all_that_is_left) {
    enrol(*email, alice, "alice@example.com");
    auto const phone = add_totp(alice);
    ASSERT_TRUE(manager.generate_backup_codes(proof(strength::totp)).ok());
    ASSERT_EQ(remove_by(strength::totp, phone), "ok");
    EXPECT_FALSE(backup.left(alice));
    EXPECT_EQ(manager.list(alice).size(), 1u);
    EXPECT_FALSE(manager.has_second_factor(alice));
}

TEST_F(MfaManagerTest, what_nobody_sends_is_still_a_factor_and_is_sent_to_nobody) {
    auto const by_sms = add_sms(alice);
    outbox.use_channel(messages::Channel::sms, false);
    EXPECT_FALSE(sms->available());
    EXPECT_TRUE(manager.has_second_factor(alice)) << "a provider that goes must not open accounts";
    EXPECT_EQ(manager.send_sms_code(alice, session).error(), errors::unknown_factor);
    EXPECT_EQ(sms->begin(fresh(alice, session), "+49 151 98765432").error(), errors::unknown_factor);
    EXPECT_EQ(manager.verify_sms_code({.user = alice, .session = session, .code = "123456"}).error(), errors::wrong_code);
    EXPECT_EQ(remove_by(strength::sms, by_sms), "ok");
}

// "otp_code_cross_user"
TEST_F(MfaManagerTest, one_persons_code_is_of_no_use_to_another) {
    add_totp(alice);
    auto const alices = secret;
    add_totp(bob);
    EXPECT_EQ(manager.verify_totp({.user = bob, .session = session, .code = code_of(alices)}).error(), errors::totp_wrong_code);
    EXPECT_TRUE(manager.verify_totp({.user = alice, .session = session, .code = code_of(alices)}).ok());
    add_sms(alice);
    enrol(*sms, bob, "+49 151 98765432");
    ASSERT_TRUE(manager.send_sms_code(alice, session).ok());
    auto const sent = last_code();
    EXPECT_FALSE(manager.verify_sms_code({.user = bob, .session = session, .code = sent}).ok());
    EXPECT_FALSE(manager.verify_sms_code({.user = alice, .session = new_session(), .code = sent}).ok()) << "another session";
    EXPECT_TRUE(manager.verify_sms_code({.user = alice, .session = session, .code = sent}).ok());
}

TEST_F(MfaManagerTest, a_reset_takes_every_factor_and_every_count_of_one_person) {
    add_totp(alice);
    add_sms(alice);
    ASSERT_TRUE(manager.generate_backup_codes(proof(strength::totp)).ok());
    add_totp(bob);
    for (int i = 0; i < 100; ++i) {
        clock.advance(15min);
        (void)manager.verify_totp({.user = alice, .session = new_session(), .code = "no code"}).ok();
    }
    EXPECT_EQ(failures(alice), 100);
    EXPECT_GE(manager.reset_all(alice, audit::Actor::operator_cli()), 2);
    EXPECT_TRUE(manager.list(alice).empty());
    EXPECT_EQ(failures(alice), 0);
    EXPECT_EQ(events(alice).back(), "mfa.reset_by_operator()");
    EXPECT_EQ(manager.list(bob).size(), 1u);
}

TEST_F(MfaManagerTest, draws_the_qr_code_of_an_enrolment) {
    auto const begun = manager.generate_totp_secret(proof(strength::password), "alice", "phone").value();
    auto const svg = manager.generate_qr_code(begun);
    EXPECT_TRUE(svg.starts_with("<svg")) << svg.substr(0, 40);
    EXPECT_EQ(svg.find(begun.secret_base32), std::string::npos) << "the picture names no secret in text";
}

}  // namespace
}  // namespace zephyr::mfa
