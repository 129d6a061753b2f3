#include <array>
#include <atomic>
#include <cstdio>
#include <thread>

#include "mfa/totp_fixture.h"

namespace zephyr::mfa {
namespace {

class TotpVerificationTest : public TotpFixture {
protected:
    Error guess(SessionRef const& in) { return totp->verify(alice, in, wrong_code(secret)).error(); }
    std::string const secret = enrol(alice);
};

TEST_F(TotpVerificationTest, accepts_the_code_the_phone_shows) {
    auto const verified = totp->verify(alice, session, code_of(secret));
    ASSERT_TRUE(verified.ok()) << verified.error();
    EXPECT_EQ(verified.value().user(), alice);
    EXPECT_EQ(verified.value().kind().amr, "otp");
    EXPECT_EQ(verified.value().factor(), totp->list(alice).at(0).id);
    EXPECT_EQ(totp->list(alice).at(0).last_used_at, clock.now());
}

//= https://www.rfc-editor.org/rfc/rfc6238#section-5.2
//= type=test
// # The verifier MUST NOT accept the second attempt of the OTP after the successful validation has been issued for the
// # first OTP, which ensures one-time only use of an OTP.
TEST_F(TotpVerificationTest, refuses_a_code_already_used) {
    auto const code = code_of(secret);
    ASSERT_TRUE(totp->verify(alice, session, code).ok());
    EXPECT_EQ(totp->verify(alice, session, code).error(), errors::totp_code_reused);
    EXPECT_EQ(totp->verify(alice, new_session(), code).error(), errors::totp_code_reused)
        << "in another session neither";
    clock.advance(30s);
    EXPECT_EQ(totp->verify(alice, session, code).error(), errors::totp_code_reused) << "within the drift";
    EXPECT_TRUE(totp->verify(alice, session, code_of(secret)).ok());
}

TEST_F(TotpVerificationTest, refuses_a_used_code_in_another_spelling) {
    auto const code = code_of(secret);
    ASSERT_TRUE(totp->verify(alice, session, code).ok());
    std::string wide;
    for (char const digit : code) wide += "\xEF\xBC" + std::string(1, static_cast<char>('\x90' + (digit - '0')));
    for (auto const& spelling :
         {" " + code, code + "\n", code.substr(0, 3) + " " + code.substr(3),
          code.substr(0, 3) + "\u00a0" + code.substr(3), code.substr(0, 3) + "-" + code.substr(3),
          code.substr(0, 3) + "\t" + code.substr(3), wide}) {
        EXPECT_EQ(totp->verify(alice, session, spelling).error(), errors::totp_code_reused) << spelling;
    }
    EXPECT_EQ(totp->verify(alice, session, "0" + code).error(), errors::totp_wrong_code);
}

TEST_F(TotpVerificationTest, accepts_a_full_width_code_once) {
    std::string wide;
    auto const code = code_of(secret);
    for (char const digit : code) wide += "\xEF\xBC" + std::string(1, static_cast<char>('\x90' + (digit - '0')));
    EXPECT_TRUE(totp->verify(alice, session, wide).ok());
    EXPECT_EQ(totp->verify(alice, session, code).error(), errors::totp_code_reused);
}

TEST_F(TotpVerificationTest, accepts_one_step_of_drift_either_way_and_no_more) {
    EXPECT_EQ(totp->verify(alice, session, code_of(secret, 2)).error(), errors::totp_wrong_code);
    clock.advance(60s);  // away from the step the enrolment used
    EXPECT_EQ(totp->verify(alice, session, code_of(secret, -2)).error(), errors::totp_wrong_code);
    EXPECT_TRUE(totp->verify(alice, session, code_of(secret, -1)).ok());
    EXPECT_TRUE(totp->verify(alice, session, code_of(secret, 0)).ok());
    EXPECT_TRUE(totp->verify(alice, session, code_of(secret, 1)).ok());
}

TEST_F(TotpVerificationTest, takes_no_step_before_one_already_used) {
    ASSERT_TRUE(totp->verify(alice, session, code_of(secret, 1)).ok());
    EXPECT_EQ(totp->verify(alice, session, code_of(secret, 0)).error(), errors::totp_code_reused);
}

TEST_F(TotpVerificationTest, opens_no_used_step_again_when_the_clock_goes_back) {
    auto const code = code_of(secret);
    auto const now = clock.now();
    ASSERT_TRUE(totp->verify(alice, session, code).ok());
    clock.jump_to(now - std::chrono::hours{1});
    EXPECT_EQ(totp->verify(alice, session, code_of(secret)).error(), errors::totp_code_reused)
        << "an hour ago is before the step used";
    clock.jump_to(now);
    EXPECT_EQ(totp->verify(alice, session, code).error(), errors::totp_code_reused);
    clock.jump_to(now + 30s);
    EXPECT_TRUE(totp->verify(alice, session, code_of(secret)).ok());
}

TEST_F(TotpVerificationTest, does_not_take_one_persons_code_for_anothers) {
    auto const bobs = enrol(bob);
    EXPECT_EQ(totp->verify(alice, session, code_of(bobs)).error(), errors::totp_wrong_code);
    EXPECT_TRUE(totp->verify(bob, session, code_of(bobs)).ok()) << "and leaves it fresh";
}

TEST_F(TotpVerificationTest, answers_not_enrolled_without_a_device_and_counts_nothing) {
    EXPECT_EQ(totp->verify(bob, session, "123456").error(), errors::totp_not_enrolled);
    EXPECT_EQ(account_failures(bob), 0);
}

TEST_F(TotpVerificationTest, accepts_any_of_several_devices_and_uses_steps_up_apart) {
    auto const tablet = enrol(alice, "tablet");
    auto const phone_code = code_of(secret);
    auto const tablet_code = code_of(tablet);
    ASSERT_NE(phone_code, tablet_code);
    auto const by_phone = totp->verify(alice, session, phone_code);
    auto const by_tablet = totp->verify(alice, session, tablet_code);
    ASSERT_TRUE(by_phone.ok());
    ASSERT_TRUE(by_tablet.ok());
    EXPECT_NE(by_phone.value().factor(), by_tablet.value().factor());
    EXPECT_EQ(totp->verify(alice, session, tablet_code).error(), errors::totp_code_reused);
    ASSERT_TRUE(totp->remove(alice, by_phone.value().factor(), audit::Actor::user(alice)).ok());
    clock.advance(30s);
    EXPECT_EQ(totp->verify(alice, session, code_of(secret)).error(), errors::totp_wrong_code);
    EXPECT_TRUE(totp->verify(alice, session, code_of(tablet)).ok());
}

TEST_F(TotpVerificationTest, works_with_other_algorithms_and_lengths_side_by_side) {
    auto const long_codes = service_with({.algorithm = TotpAlgorithm::sha256, .digits = 8, .period = 60s});
    auto const begun = long_codes->begin(alice, session, "a", "token");
    ASSERT_TRUE(begun.ok());
    auto const bytes = encoding::base32_decode(begun.value().secret_base32).value();
    auto const shown = [&] { return totp_code(bytes, totp_step(clock.now(), 60s), 8, TotpAlgorithm::sha256); };
    ASSERT_TRUE(long_codes->confirm(alice, session, shown()).ok());
    clock.advance(60s);
    EXPECT_TRUE(totp->verify(alice, session, shown()).ok()) << "each device keeps what it was enrolled with";
    EXPECT_TRUE(totp->verify(alice, session, code_of(secret)).ok());
}

TEST_F(TotpVerificationTest, stops_a_session_after_five_wrong_codes) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(guess(session), errors::totp_wrong_code);
    EXPECT_EQ(guess(session), errors::too_many_attempts);
    EXPECT_EQ(totp->verify(alice, session, code_of(secret)).error(), errors::too_many_attempts)
        << "the right one is refused too";
    EXPECT_EQ(account_failures(alice), 5) << "what is refused unseen is not counted";
    EXPECT_TRUE(totp->verify(alice, new_session(), code_of(secret)).ok());
}

// "totp_brute_rotating_challenge": a new session for every few guesses does not help.
TEST_F(TotpVerificationTest, slows_the_account_down_after_ten_wrong_codes_over_all_sessions) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(guess(new_session()), errors::totp_wrong_code);
    EXPECT_EQ(guess(new_session()), errors::too_many_attempts);
    EXPECT_EQ(totp->verify(alice, new_session(), code_of(secret)).error(), errors::too_many_attempts);
    clock.advance(30s - 1ms);
    EXPECT_EQ(totp->verify(alice, new_session(), code_of(secret)).error(), errors::too_many_attempts);
    clock.advance(1ms);
    EXPECT_EQ(guess(new_session()), errors::totp_wrong_code);
    clock.advance(30s);
    EXPECT_EQ(guess(new_session()), errors::too_many_attempts) << "twice as long now";
    clock.advance(30s);
    EXPECT_TRUE(totp->verify(alice, new_session(), code_of(secret)).ok());
    EXPECT_EQ(account_failures(alice), 0);
}

//= NIST SP 800-63B-4, 3.2.2
// # the verifier SHALL limit consecutive failed authentication attempts using a specific authenticator on a single
// # subscriber account to no more than 100 by disabling that authenticator.
TEST_F(TotpVerificationTest, locks_out_after_a_hundred_wrong_codes_until_it_is_reset) {
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(guess(new_session()), errors::totp_wrong_code) << i;
        clock.advance(15min);
    }
    clock.advance(std::chrono::hours{24 * 365});
    EXPECT_EQ(totp->verify(alice, new_session(), code_of(secret)).error(), errors::locked_out);
    EXPECT_EQ(account_failures(alice), 100);
    database->write([&](storage::Transaction& tx) {
        totp->remove_all(tx, alice);
        attempts.clear(tx, alice);
    });
    auto const fresh = enrol(alice);
    EXPECT_TRUE(totp->verify(alice, new_session(), code_of(fresh)).ok());
}

// NIST SP 800-63B-4, 3.1.3.2: a new secret does not reset the count of failures.
TEST_F(TotpVerificationTest, keeps_the_count_when_another_device_is_enrolled) {
    for (int i = 0; i < 4; ++i) std::ignore = guess(session);
    enrol(alice, "second");
    EXPECT_EQ(account_failures(alice), 4);
    EXPECT_EQ(guess(session), errors::totp_wrong_code);
    EXPECT_EQ(guess(session), errors::too_many_attempts);
}

TEST_F(TotpVerificationTest, counts_malformed_codes_as_wrong_ones) {
    for (auto const* const typed : {"", "abcdef", "12345", "1234567", "\xff"})
        EXPECT_EQ(totp->verify(alice, session, typed).error(), errors::totp_wrong_code);
    EXPECT_EQ(totp->verify(alice, session, code_of(secret)).error(), errors::too_many_attempts);
}

TEST_F(TotpVerificationTest, counts_no_failure_for_a_code_that_was_right_but_used) {
    auto const code = code_of(secret);
    ASSERT_TRUE(totp->verify(alice, session, code).ok());
    for (int i = 0; i < 20; ++i) EXPECT_EQ(totp->verify(alice, session, code).error(), errors::totp_code_reused);
    EXPECT_EQ(account_failures(alice), 0);
}

TEST_F(TotpVerificationTest, starts_over_after_a_success) {
    for (int i = 0; i < 4; ++i) std::ignore = guess(session);
    ASSERT_TRUE(totp->verify(alice, session, code_of(secret)).ok());
    for (int i = 0; i < 5; ++i) EXPECT_EQ(guess(session), errors::totp_wrong_code);
}

TEST_F(TotpVerificationTest, records_success_reuse_refusal_and_throttle) {
    auto const code = code_of(secret);
    std::ignore = totp->verify(alice, session, code);
    std::ignore = totp->verify(alice, session, code);
    for (int i = 0; i < 6; ++i) std::ignore = guess(session);
    auto const recorded = events(alice);
    std::vector<std::string> const expected = {"mfa.verified()",
                                               "mfa.code_reused(mfa.totp_code_reused)",
                                               "mfa.refused(mfa.totp_wrong_code)",
                                               "mfa.refused(mfa.totp_wrong_code)",
                                               "mfa.refused(mfa.totp_wrong_code)",
                                               "mfa.refused(mfa.totp_wrong_code)",
                                               "mfa.refused(mfa.totp_wrong_code)",
                                               "mfa.throttled(mfa.too_many_attempts)"};
    ASSERT_EQ(recorded.size(), 2 + expected.size());
    EXPECT_EQ(std::vector(recorded.begin() + 2, recorded.end()), expected);
}

// An implementation that is not ours shows the same code.
TEST_F(TotpVerificationTest, accepts_the_code_that_oathtool_makes) {
    if (std::system("oathtool --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "oathtool is not installed";
    auto const seconds = std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count();
    std::string const command = "oathtool --totp --base32 --now @" + std::to_string(seconds) + " " + secret + " 2>&1";
    auto* const pipe = popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::array<char, 64> line{};
    auto const* const read = std::fgets(line.data(), line.size(), pipe);
    ASSERT_EQ(pclose(pipe), 0) << line.data();
    ASSERT_NE(read, nullptr);
    EXPECT_TRUE(totp->verify(alice, session, line.data()).ok()) << line.data();
}

TEST_F(TotpVerificationTest, lets_one_of_64_threads_win_with_one_code) {
    auto const code = code_of(secret);
    std::atomic<int> won{0};
    std::atomic<int> reused{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 64; ++i) {
        callers.emplace_back([&, in = new_session()] {
            auto const verified = totp->verify(alice, in, code);
            if (verified.ok())
                ++won;
            else if (verified.error() == errors::totp_code_reused)
                ++reused;
        });
    }
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(reused, 63);
}

}  // namespace
}  // namespace zephyr::mfa
