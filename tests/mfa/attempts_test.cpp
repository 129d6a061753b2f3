#include "zephyr/mfa/attempts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "mfa/delivered_fixture.h"
#include "mfa/totp_fixture.h"

namespace zephyr::mfa {
namespace {

class AttemptsTest : public TotpFixture {
protected:
    Presented from(SessionRef const& in, std::string lane = {}, std::optional<UserId> user = std::nullopt) {
        return {.user = user.value_or(alice), .session = in, .code = "000000", .lane = std::move(lane)};
    }
    void fail(Presented const& presented, int times = 1) {
        for (int i = 0; i < times; ++i) database->write([&](storage::Transaction& tx) { attempts.failed(tx, presented, totp_kind); });
    }
    std::string blocked(Presented const& presented) {
        auto const why = database->write([&](storage::Transaction& tx) { return attempts.blocked(tx, presented, totp_kind); });
        return why ? std::string{why->id()} + "/" + std::string{why->detail()} : "open";
    }
    std::int64_t failures(UserId const& user) {
        return database->read([&](storage::Transaction& tx) { return attempts.failures(tx, user); });
    }
};

TEST_F(AttemptsTest, refuses_limits_that_nist_does_not_allow) {
    for (auto const& bad : {AttemptSettings{.failures_per_challenge = 0}, AttemptSettings{.failures_per_account = 0},
                            AttemptSettings{.first_block = 0ms}, AttemptSettings{.first_block = 2s, .longest_block = 1s},
                            AttemptSettings{.failures_until_locked_out = 101}, AttemptSettings{.failures_until_locked_out = 0}}) {
        EXPECT_THROW((Attempts{audit, clock, bad}), Fault);
    }
}

// "totp_brute_per_challenge"
TEST_F(AttemptsTest, a_session_has_five_wrong_codes_whatever_lane_they_come_by) {
    fail(from(session), 2);
    fail(from(session, "laptop"), 3);
    EXPECT_EQ(blocked(from(session)), "mfa.too_many_attempts/session");
    EXPECT_EQ(blocked(from(session, "laptop")), "mfa.too_many_attempts/session");
    EXPECT_EQ(blocked(from(new_session())), "open");
}

// "totp_brute_per_account"
TEST_F(AttemptsTest, strangers_slow_down_strangers_and_not_the_owner_at_a_known_browser) {
    for (int i = 0; i < 10; ++i) fail(from(new_session()));
    EXPECT_EQ(blocked(from(new_session())), "mfa.too_many_attempts/account");
    EXPECT_EQ(blocked(from(new_session(), "laptop")), "open");
    for (int i = 0; i < 10; ++i) fail(from(new_session(), "laptop"));
    EXPECT_EQ(blocked(from(new_session(), "laptop")), "mfa.too_many_attempts/account") << "a known browser has limits too";
    EXPECT_EQ(blocked(from(new_session(), "tablet")), "open");
}

TEST_F(AttemptsTest, a_hundred_failures_lock_their_lane_alone_until_they_are_cleared) {
    for (int i = 0; i < 100; ++i) fail(from(new_session()));
    clock.advance(std::chrono::hours{24 * 365});
    EXPECT_EQ(blocked(from(new_session())), "mfa.locked_out/");
    EXPECT_EQ(blocked(from(new_session(), "laptop")), "open");
    EXPECT_EQ(failures(alice), 100);
    database->write([&](storage::Transaction& tx) { attempts.clear(tx, alice); });
    EXPECT_EQ(blocked(from(new_session())), "open");
    EXPECT_EQ(failures(alice), 0);
}

TEST_F(AttemptsTest, the_owners_success_gives_a_stranger_no_new_guesses) {
    for (int i = 0; i < 10; ++i) fail(from(new_session()));
    database->write([&](storage::Transaction& tx) { attempts.passed(tx, from(session, "laptop"), totp_kind); });
    EXPECT_EQ(blocked(from(new_session())), "mfa.too_many_attempts/account");
}

TEST_F(AttemptsTest, a_block_ends_at_its_moment_and_doubles_up_to_a_quarter_of_an_hour) {
    for (int i = 0; i < 10; ++i) fail(from(new_session()));
    for (auto const wait : {30s, 60s, 120s, 240s, 480s, 900s, 900s}) {
        clock.advance(wait - 1ms);
        EXPECT_EQ(blocked(from(new_session())), "mfa.too_many_attempts/account") << wait.count();
        clock.advance(1ms);
        EXPECT_EQ(blocked(from(new_session())), "open") << wait.count();
        fail(from(new_session()));
    }
}

TEST_F(AttemptsTest, all_kinds_of_factors_that_are_aal2_share_one_count) {
    for (int i = 0; i < 10; ++i) {
        auto const guess = from(new_session());
        database->write([&](storage::Transaction& tx) { attempts.failed(tx, guess, i % 2 == 0 ? totp_kind : FactorKind{.name = "sms"}); });
    }
    EXPECT_EQ(blocked(from(new_session())), "mfa.too_many_attempts/account");
    EXPECT_EQ(blocked(from(new_session(), {}, bob)), "open") << "and nobody else's";
}

// "totp_brute_parallel": counts are made in the transaction of the check, so that none is lost.
TEST_F(AttemptsTest, counts_every_one_of_64_guesses_at_once) {
    std::vector<std::thread> guessers;
    std::vector<SessionRef> sessions;
    for (int i = 0; i < 64; ++i) sessions.push_back(new_session());
    for (int i = 0; i < 64; ++i) guessers.emplace_back([&, i] { fail(from(sessions[static_cast<std::size_t>(i)])); });
    for (auto& guesser : guessers) guesser.join();
    EXPECT_EQ(failures(alice), 64);
}

TEST_F(AttemptsTest, forgets_sessions_long_over_and_lanes_unused_for_longer_than_a_browser_is_known) {
    fail(from(session));
    fail(from(session, "laptop"));
    auto const purge = [&] { return database->write([&](storage::Transaction& tx) { return attempts.purge(tx); }); };
    EXPECT_EQ(purge(), 0);
    clock.advance(std::chrono::hours{31 * 24});
    EXPECT_EQ(purge(), 1) << "the session";
    clock.advance(std::chrono::hours{369 * 24});
    EXPECT_EQ(purge(), 1) << "the lane";
    EXPECT_EQ(failures(alice), 1) << "what strangers did stays: a year's wait gives no new guesses";
    auto const by_mail = [&](std::string lane) {
        database->write([&](storage::Transaction& tx) { attempts.failed(tx, from(session, std::move(lane)), email_kind); });
    };
    by_mail({});
    by_mail("laptop");
    clock.advance(std::chrono::hours{400 * 24});
    EXPECT_EQ(purge(), 2) << "the session and the known browser of codes by mail";
    EXPECT_EQ(purge(), 0) << "both counts of the strangers stay";
}

// A real app and a real mailbox of one person, and somebody who reads the mail and knows the password.
class TwoWorths : public DeliveredFixture {
protected:
    void SetUp() override {
        enrol(*email, alice, "jane@example.com");
        auto const own = new_session();
        secret = totp.begin(alice, own, "account", "phone").value().secret_base32;
        ASSERT_TRUE(totp.confirm(alice, own, app_code()).ok());
        clock.advance(30s);
    }
    std::string app_code(std::int64_t steps = 0) {
        return totp_code(encoding::base32_decode(secret).value(), totp_step(clock.now(), 30s) + steps, 6, TotpAlgorithm::sha1);
    }
    std::string wrong_app_code() {
        for (int i = 100000;; ++i) {
            auto const candidate = std::to_string(i);
            if (candidate != app_code(-1) && candidate != app_code() && candidate != app_code(1)) return candidate;
        }
    }
    std::string give_app(SessionRef const& in, std::string const& code) {
        auto const answer =
            kept([&](storage::Transaction& tx) { return totp.verify(tx, {.user = alice, .session = in, .code = code}); });
        return answer.ok() ? "ok" : std::string{answer.error().id()};
    }
    std::string give_mail(SessionRef const& in, bool right) {
        if (right && !email->send(alice, in, std::nullopt, {}).ok()) return "not sent";
        auto const answer = verify(*email, alice, in, right ? last_code() : "not a code");
        return answer.ok() ? "ok" : std::string{answer.error().id()};
    }

    TotpService totp{*database, audit, sealer, attempts, clock, random, {}};
    std::string secret;
};

//= NIST SP 800-63B-4, 3.2.2: "the verifier SHALL limit consecutive failed authentication attempts using a specific authenticator on a single
// subscriber account to no more than 100"
TEST_F(TwoWorths, right_codes_by_mail_give_no_new_guesses_at_the_app) {
    for (int i = 0; i < 10; ++i) {
        auto const in = new_session();
        ASSERT_EQ(give_app(in, wrong_app_code()), "mfa.totp_wrong_code") << i;
        ASSERT_EQ(give_mail(in, true), "ok") << i;
    }
    EXPECT_EQ(give_app(new_session(), app_code()), "mfa.too_many_attempts") << "after ten the lane waits, even for the right code";
    for (int i = 10; i < 100; ++i) {
        clock.advance(15min);
        auto const in = new_session();
        ASSERT_EQ(give_app(in, wrong_app_code()), "mfa.totp_wrong_code") << i;
        ASSERT_EQ(give_mail(in, true), "ok") << i;
    }
    clock.advance(std::chrono::hours{24 * 300});
    EXPECT_EQ(give_app(new_session(), app_code()), "mfa.locked_out");
    EXPECT_EQ(give_mail(new_session(), true), "ok");
    EXPECT_EQ(give_app(new_session(), app_code()), "mfa.locked_out");
}

TEST_F(TwoWorths, right_codes_by_mail_give_no_new_guesses_in_one_session) {
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(give_app(session, wrong_app_code()), "mfa.totp_wrong_code");
        ASSERT_EQ(give_mail(session, true), "ok");
    }
    EXPECT_EQ(give_app(session, app_code()), "mfa.too_many_attempts");
    EXPECT_EQ(give_mail(session, true), "ok") << "counted apart";
}

TEST_F(TwoWorths, wrong_codes_by_mail_close_the_mailbox_and_not_the_app) {
    for (int i = 0; i < 10; ++i) ASSERT_EQ(give_mail(new_session(), false), "mfa.wrong_code");
    EXPECT_EQ(give_mail(new_session(), true), "mfa.too_many_attempts");
    EXPECT_EQ(give_app(new_session(), app_code()), "ok");
    EXPECT_EQ(give_mail(new_session(), true), "mfa.too_many_attempts") << "and the app opens nothing for the mailbox";
}

TEST_F(TwoWorths, no_count_is_left_when_a_person_is_cleared_or_erased) {
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(give_mail(new_session(), false), "mfa.wrong_code");
        ASSERT_EQ(give_app(new_session(), wrong_app_code()), "mfa.totp_wrong_code");
    }
    database->write([&](storage::Transaction& tx) { attempts.clear(tx, alice); });
    EXPECT_EQ(count("SELECT count(*) FROM mfa_attempt"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM mfa_challenge"), 0);
    EXPECT_EQ(give_mail(new_session(), true), "ok");
    EXPECT_EQ(give_app(new_session(), app_code()), "ok");
}

TEST_F(AttemptsTest, says_in_the_audit_trail_why_nothing_was_looked_at) {
    fail(from(session), 5);
    EXPECT_EQ(blocked(from(session)), "mfa.too_many_attempts/session");
    EXPECT_EQ(events(alice), (std::vector<std::string>{"mfa.throttled(mfa.too_many_attempts)"}));
}

}  // namespace
}  // namespace zephyr::mfa
