// Codes that were sent, given back: by the right person, in the right session, for the right purpose, in time, once.
#include <array>
#include <map>
#include <set>

#include "mfa/delivered_fixture.h"

namespace zephyr::mfa {
namespace {

class DeliveredVerification : public DeliveredFixture {
protected:
    std::string sent(SessionRef const& in) {
        auto const result = sms->send(alice, in, std::nullopt, {});
        if (!result.ok()) throw Fault{std::string{result.error().id()}};
        return last_code();
    }
    FactorId factor = enrol(*sms, alice, number);
};

TEST_F(DeliveredVerification, accepts_the_code_that_was_sent) {
    auto const code = sent(session);
    EXPECT_EQ(inbox().back().to, number);
    auto const verified = verify(*sms, alice, session, code);
    ASSERT_TRUE(verified.ok()) << verified.error();
    EXPECT_EQ(verified.value().user(), alice);
    EXPECT_EQ(verified.value().factor(), factor);
    EXPECT_EQ(verified.value().kind().proves, "sms");
    EXPECT_EQ(verified.value().at(), clock.now());
    EXPECT_EQ(list(*sms, alice).front().last_used_at, clock.now());
}

TEST_F(DeliveredVerification, reads_the_code_as_people_type_it) {
    auto const code = sent(session);
    EXPECT_TRUE(verify(*sms, alice, session, " " + code.substr(0, 3) + "\u00A0" + code.substr(3) + "\n").ok());
}

TEST_F(DeliveredVerification, refuses_what_is_no_code_and_counts_it) {
    auto const code = sent(session);
    for (auto const& typed : {std::string{}, code + "0", code.substr(1), std::string(100'000, '1'), std::string{"\xC0\xAF"}})
        EXPECT_EQ(verify(*sms, alice, session, typed).error(), errors::wrong_code);
    EXPECT_EQ(failures(alice), 5);
}

//= NIST SP 800-63B-4, 3.1.3.2: "Verifiers SHALL accept a given authentication secret as valid only once during the validity period"
TEST_F(DeliveredVerification, a_code_is_good_once_in_every_spelling) {
    auto const code = sent(session);
    ASSERT_TRUE(verify(*sms, alice, session, code).ok());
    EXPECT_EQ(verify(*sms, alice, session, code).error(), errors::code_reused);
    EXPECT_EQ(verify(*sms, alice, session, code.substr(0, 3) + " " + code.substr(3)).error(), errors::code_reused);
    std::string wide;
    for (auto const digit : code) wide += std::string{"\uFF10"}.substr(0, 2) + static_cast<char>('\x90' + (digit - '0'));
    EXPECT_EQ(verify(*sms, alice, session, wide).error(), errors::code_reused);
    EXPECT_EQ(events(alice).back(), "mfa.code_reused(mfa.code_reused)");
    EXPECT_EQ(failures(alice), 0) << "whoever types a used code guessed nothing";
}

// otp_code_cross_user
TEST_F(DeliveredVerification, a_code_of_one_person_is_nothing_to_another) {
    enrol(*sms, bob, number);
    auto const code = sent(session);
    EXPECT_EQ(verify(*sms, bob, session, code).error(), errors::wrong_code);
    EXPECT_EQ(failures(bob), 1);
    EXPECT_TRUE(verify(*sms, alice, session, code).ok());
}

TEST_F(DeliveredVerification, a_code_of_one_session_is_nothing_in_another) {
    auto const code = sent(session);
    EXPECT_EQ(verify(*sms, alice, new_session(), code).error(), errors::wrong_code);
    EXPECT_EQ(failures(alice), 1);
    EXPECT_TRUE(verify(*sms, alice, session, code).ok());
}

// otp_code_cross_purpose
TEST_F(DeliveredVerification, a_code_for_an_enrolment_proves_nothing_and_a_code_for_sign_in_enrols_nothing) {
    ASSERT_TRUE(sms->begin(fresh(alice, session), "+4915123456743").ok());
    auto const enrolment_code = last_code();
    auto const sign_in_code = sent(session);
    EXPECT_EQ(verify(*sms, alice, session, enrolment_code).error(), errors::wrong_code);
    EXPECT_EQ(confirm(*sms, alice, session, sign_in_code).error(), errors::wrong_code);
    EXPECT_TRUE(verify(*sms, alice, session, sign_in_code).ok());
    EXPECT_TRUE(confirm(*sms, alice, session, enrolment_code).ok());
}

TEST_F(DeliveredVerification, a_code_by_sms_is_no_code_by_email) {
    enrol(*email, alice, "jane@example.com");
    auto const code = sent(session);
    EXPECT_EQ(verify(*email, alice, session, code).error(), errors::wrong_code);
}

TEST_F(DeliveredVerification, a_row_moved_to_another_person_session_or_purpose_fits_nobodys_code) {
    enrol(*sms, bob, number);
    auto const code = sent(session);
    auto const other = new_session();
    auto const move = [&](std::string const& sql, std::string const& to) {
        database->write([&](storage::Transaction& tx) { tx.run(sql, to); });
    };
    move("UPDATE mfa_code SET user_id = $1 WHERE purpose = 'prove'", bob.str());
    EXPECT_EQ(verify(*sms, bob, session, code).error(), errors::wrong_code);
    move("UPDATE mfa_code SET user_id = $1 WHERE purpose = 'prove'", alice.str());
    move("UPDATE mfa_code SET session_ref = $1 WHERE purpose = 'prove'", other.str());
    EXPECT_EQ(verify(*sms, alice, other, code).error(), errors::wrong_code);
    move("UPDATE mfa_code SET session_ref = $1 WHERE purpose = 'prove'", session.str());
    EXPECT_TRUE(verify(*sms, alice, session, code).ok()) << "back in its place it is good";
}

//= NIST SP 800-63B-4, 3.1.3.2: invalid "unless completed within 10 minutes"; ours after 5 unless the operator says otherwise.
TEST_F(DeliveredVerification, a_code_ends_to_the_second) {
    auto const in_time = sent(session);
    clock.advance(5min - 1ms);
    EXPECT_TRUE(verify(*sms, alice, session, in_time).ok());
    auto const late = sent(session);
    clock.advance(5min);
    EXPECT_EQ(verify(*sms, alice, session, late).error(), errors::code_expired);
    auto const later = sent(session);
    clock.advance(5min + 1s);
    EXPECT_EQ(verify(*sms, alice, session, later).error(), errors::code_expired);
    EXPECT_EQ(failures(alice), 0);
}

TEST_F(DeliveredVerification, only_the_right_code_is_told_that_it_came_too_late) {
    sent(session);
    clock.advance(6min);
    EXPECT_EQ(verify(*sms, alice, session, wrong_code()).error(), errors::wrong_code);
    EXPECT_EQ(failures(alice), 1);
}

TEST_F(DeliveredVerification, a_newer_code_ends_the_one_before) {
    auto const first = sent(session);
    auto const second = sent(session);
    EXPECT_EQ(verify(*sms, alice, session, first).error(), errors::code_expired);
    EXPECT_TRUE(verify(*sms, alice, session, second).ok());
}

TEST_F(DeliveredVerification, a_code_in_one_session_ends_none_in_another) {
    auto const other = new_session();
    auto const first = sent(session);
    sent(other);
    EXPECT_TRUE(verify(*sms, alice, session, first).ok());
}

// resend_resets_nothing
//= NIST SP 800-63B-4, 3.1.3.2: "Generating a new authentication secret SHALL NOT reset the failed authentication count."
TEST_F(DeliveredVerification, asking_for_another_code_resets_no_count) {
    for (int i = 0; i < 5; ++i) {
        sent(session);
        EXPECT_EQ(verify(*sms, alice, session, wrong_code()).error(), errors::wrong_code);
    }
    auto const right = sent(session);
    EXPECT_EQ(verify(*sms, alice, session, right).error(), errors::too_many_attempts);
    EXPECT_EQ(failures(alice), 5);
}

TEST_F(DeliveredVerification, new_sessions_bring_no_new_guesses_to_an_account) {
    for (int i = 0; i < 10; ++i) {
        auto const own = new_session();
        sent(own);
        EXPECT_EQ(verify(*sms, alice, own, wrong_code()).error(), errors::wrong_code);
    }
    auto const own = new_session();
    auto const right = sent(own);
    EXPECT_EQ(verify(*sms, alice, own, right).error(), errors::too_many_attempts);
    clock.advance(30s);
    EXPECT_TRUE(verify(*sms, alice, own, right).ok());
    EXPECT_EQ(failures(alice), 0);
}

// What is no second factor neither spends nor gives back the guesses at one that is.
TEST_F(DeliveredVerification, kinds_of_different_worth_count_apart) {
    enrol(*email, alice, "jane@example.com");
    auto const by_sms = sent(session);
    ASSERT_TRUE(email->send(alice, session, std::nullopt, {}).ok());
    auto const by_mail = last_code();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(verify(*sms, alice, session, wrong_code()).error(), errors::wrong_code);
    EXPECT_TRUE(verify(*email, alice, session, by_mail).ok());
    EXPECT_EQ(verify(*sms, alice, session, by_sms).error(), errors::too_many_attempts);
}

TEST_F(DeliveredVerification, strangers_slow_down_no_device_that_is_known) {
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(verify(*sms, alice, new_session(), wrong_code()).ok());
    auto const code = sent(session);
    EXPECT_EQ(verify(*sms, alice, session, code).error(), errors::too_many_attempts);
    EXPECT_TRUE(verify(*sms, alice, session, code, "a known device").ok());
}

TEST_F(DeliveredVerification, nothing_is_sent_to_or_taken_from_somebody_without_the_factor) {
    EXPECT_EQ(sms->send(bob, session, std::nullopt, {}).error(), errors::not_enrolled);
    EXPECT_EQ(verify(*sms, bob, session, "123456").error(), errors::not_enrolled);
    EXPECT_EQ(sms->send(bob, session, factor, {}).error(), errors::not_enrolled) << "another person's number";
    EXPECT_EQ(events(bob).front(), "mfa.sending_refused(mfa.not_enrolled)");
}

TEST_F(DeliveredVerification, sends_to_the_number_that_was_chosen_else_to_the_oldest) {
    auto const second = enrol(*sms, alice, "+4915123456743");
    ASSERT_TRUE(sms->send(alice, session, second, {}).ok());
    EXPECT_EQ(inbox().back().to, "+4915123456743");
    auto const verified = verify(*sms, alice, session, last_code());
    ASSERT_TRUE(verified.ok());
    EXPECT_EQ(verified.value().factor(), second);
    ASSERT_TRUE(sms->send(alice, session, std::nullopt, {}).ok());
    EXPECT_EQ(inbox().back().to, number);
}

TEST_F(DeliveredVerification, a_country_taken_off_the_list_gets_no_more_codes) {
    auto settings = uncapped();
    settings.prefixes = {"+1"};
    auto const now = with(sms_kind, settings);
    auto const before = inbox().size();
    EXPECT_EQ(now->send(alice, session, std::nullopt, {}).error(), errors::number_not_allowed);
    EXPECT_EQ(inbox().size(), before);
    EXPECT_EQ(list(*now, alice).front().shown, "… 42");
}

TEST_F(DeliveredVerification, codes_and_numbers_survive_a_rotation_of_the_master_key) {
    auto const code = sent(session);
    auto const rotated = crypto::Keyring{master}.with_active(crypto::MasterKey::generate(random));
    sealer.replace(rotated.value());
    EXPECT_TRUE(verify(*sms, alice, session, code).ok());
    EXPECT_EQ(list(*sms, alice).front().shown, "+49 … 42");
}

TEST_F(DeliveredVerification, a_code_whose_key_is_gone_is_a_wrong_code) {
    auto const code = sent(session);
    sealer.replace(crypto::Keyring{crypto::MasterKey::generate(random)});
    EXPECT_EQ(verify(*sms, alice, session, code).error(), errors::wrong_code);
}

// The first draw of a random source that says what a test wants.
class ChosenRandom final : public Random {
public:
    explicit ChosenRandom(std::vector<std::uint32_t> draws) : draws_{std::move(draws)} {}
    void fill(std::span<std::byte> out) override {
        if (out.size() != 4 || next_ >= draws_.size()) return rest_.fill(out);
        auto const drawn = draws_[next_++];
        for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::byte>(drawn >> (24 - 8 * i));
    }

private:
    std::vector<std::uint32_t> draws_;
    std::size_t next_ = 0;
    testing::ScriptedRandom rest_{7};
};

//= NIST SP 800-63B-4, 3.1.3.2: random, at least six digits. 2^32 is no multiple of 10^6: the draws beyond the last one are thrown away, or
// low codes would come more often.
TEST_F(DeliveredVerification, codes_keep_their_zeros_and_have_no_bias) {
    ChosenRandom chosen{{4'294'967'295u, 4'294'000'000u, 4'293'999'999u, 7u}};
    DeliveredCodes codes{sms_kind, *database, audit, sealer, attempts, outbox, clock, chosen, uncapped()};
    ASSERT_TRUE(codes.send(alice, session, std::nullopt, {}).ok());
    EXPECT_EQ(last_code(), "999999") << "the two first draws lie beyond 4294 * 10^6";
    clock.advance(1s);
    ASSERT_TRUE(codes.send(alice, session, std::nullopt, {}).ok());
    EXPECT_EQ(last_code(), "000007");
}

TEST_F(DeliveredVerification, hundreds_of_codes_spread_over_all_digits) {
    std::map<char, int> seen;
    std::set<std::string> different;
    for (int i = 0; i < 500; ++i) {
        ASSERT_TRUE(sms->send(alice, session, std::nullopt, {}).ok());
        auto const code = last_code();
        EXPECT_EQ(code.size(), 6u);
        different.insert(code);
        for (auto const digit : code) ++seen[digit];
    }
    EXPECT_EQ(seen.size(), 10u);
    for (auto const& [digit, times] : seen) EXPECT_NEAR(times, 300, 100) << digit;
    EXPECT_GT(different.size(), 495u);
}

}  // namespace
}  // namespace zephyr::mfa
