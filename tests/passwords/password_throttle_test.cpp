// Counting failures: NIST SP 800-63B-4, section 3.2.2.
#include <algorithm>
#include <optional>
#include <thread>

#include "passwords/password_fixture.h"

namespace zephyr::passwords {
namespace {

class PasswordThrottleTest : public PasswordFixture {
protected:
    void SetUp() override { ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok()); }

    Error guess() { return service().verify(alice, text("wrong")).error(); }
    void fail(int times) {
        for (int i = 0; i < times; ++i) {
            clock.advance(15min);
            ASSERT_EQ(guess(), errors::wrong_password) << i;
        }
    }
};

TEST_F(PasswordThrottleTest, lets_four_failures_pass_and_slows_down_from_the_fifth) {
    for (int i = 0; i < 4; ++i) EXPECT_EQ(guess(), errors::wrong_password);
    EXPECT_FALSE(service().state(alice)->throttled_until);
    EXPECT_EQ(guess(), errors::wrong_password);
    EXPECT_EQ(service().state(alice)->throttled_until, clock.now() + 1s);
    EXPECT_EQ(guess(), errors::throttled);
    EXPECT_EQ(guess().kind(), Kind::limited);
}

TEST_F(PasswordThrottleTest, refuses_the_right_password_while_throttled_and_takes_it_when_the_time_is_over) {
    for (int i = 0; i < 5; ++i) std::ignore = guess();
    EXPECT_EQ(service().verify(alice, text(good)).error(), errors::throttled);
    clock.advance(999ms);
    EXPECT_EQ(service().verify(alice, text(good)).error(), errors::throttled);
    clock.advance(1ms);
    EXPECT_TRUE(service().verify(alice, text(good)).ok());
}

TEST_F(PasswordThrottleTest, doubles_the_wait_with_each_failure_up_to_fifteen_minutes) {
    fail(5);
    auto const wait = [&] { return *service().state(alice)->throttled_until - clock.now(); };
    for (auto const expected : {2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 512s, 900s, 900s}) {
        clock.advance(15min);
        EXPECT_EQ(guess(), errors::wrong_password);
        EXPECT_EQ(wait(), expected);
    }
}

TEST_F(PasswordThrottleTest, does_not_count_or_prolong_while_throttled) {
    fail(5);
    auto const until = service().state(alice)->throttled_until;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(guess(), errors::throttled);
    EXPECT_EQ(service().state(alice)->failures, 5);
    EXPECT_EQ(service().state(alice)->throttled_until, until);
}

TEST_F(PasswordThrottleTest, starts_over_after_a_success) {
    fail(4);
    ASSERT_TRUE(service().verify(alice, text(good)).ok());
    EXPECT_EQ(service().state(alice)->failures, 0);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(guess(), errors::wrong_password);
    EXPECT_TRUE(service().verify(alice, text(good)).ok());
}

TEST_F(PasswordThrottleTest, counts_each_person_apart) {
    ASSERT_TRUE(service().set(bob, text(other), {}, operator_).ok());
    for (int i = 0; i < 20; ++i) std::ignore = guess();
    EXPECT_TRUE(service().verify(bob, text(other)).ok());
    EXPECT_EQ(service().state(bob)->failures, 0);
}

TEST_F(PasswordThrottleTest, counts_nothing_for_an_unknown_user) {
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(service().verify(std::nullopt, text("wrong")).error(), errors::wrong_password);
    EXPECT_TRUE(service().verify(alice, text(good)).ok());
}

//= NIST SP 800-63B-4, 3.2.2
// # Unless otherwise specified in the description of a given authenticator, the verifier SHALL limit consecutive failed
// # authentication attempts using a specific authenticator on a single subscriber account to no more than 100 by
// # disabling that authenticator.
TEST_F(PasswordThrottleTest, locks_out_after_a_hundred_failures_until_it_is_reset) {
    fail(99);
    EXPECT_FALSE(service().state(alice)->locked_out);
    fail(1);
    EXPECT_TRUE(service().state(alice)->locked_out);
    clock.advance(std::chrono::hours{24 * 365});
    EXPECT_EQ(guess(), errors::locked_out);
    EXPECT_EQ(service().verify(alice, text(good)).error(), errors::locked_out) << "no time heals it";
    EXPECT_EQ(service().state(alice)->failures, 100);

    ASSERT_TRUE(service().reset_failures(alice, operator_).ok());
    EXPECT_TRUE(service().verify(alice, text(good)).ok());
    EXPECT_EQ(service().reset_failures(bob, operator_).error(), errors::no_password);
}

TEST_F(PasswordThrottleTest, opens_again_with_a_new_password) {
    fail(100);
    ASSERT_TRUE(service().set(alice, text(other), {}, operator_).ok());
    EXPECT_EQ(service().verify(alice, text(good)).error(), errors::wrong_password);
    EXPECT_TRUE(service().verify(alice, text(other)).ok());
}

TEST_F(PasswordThrottleTest, records_the_throttle_and_the_lock_out) {
    fail(100);
    std::ignore = guess();
    auto const recorded = events();
    EXPECT_EQ(std::count(recorded.begin(), recorded.end(), "passwords.wrong(passwords.wrong_password)"), 100);
    EXPECT_EQ(std::count(recorded.begin(), recorded.end(), "passwords.throttled(passwords.locked_out)"), 2)
        << "when it closed, and the guess after it";
}

// Two guesses under way at once: while one is being hashed, five others fail. The outcome of the slow one is decided
// by what holds when it is done, so a right guess among them tells nothing.
TEST_F(PasswordThrottleTest, decides_by_the_state_at_the_end_of_hashing) {
    HashGate one{{.workers = 1}, clock};
    PasswordService slow{*database, audit, sealer, one, policy, clock, random, settings};
    std::optional<Result<VerifiedPassword>> outcome;
    auto held = one.enter(8);
    ASSERT_TRUE(held.ok());
    std::thread caller{[&] { outcome.emplace(slow.verify(alice, text(good))); }};
    while (one.counts().waiting != 1) std::this_thread::yield();  // it has read the row, and waits to hash
    for (int i = 0; i < 5; ++i) EXPECT_EQ(guess(), errors::wrong_password);
    { auto gone = std::move(held); }
    caller.join();
    ASSERT_FALSE(outcome->ok());
    EXPECT_EQ(outcome->error(), errors::throttled);
}

TEST_F(PasswordThrottleTest, refuses_an_old_password_that_was_changed_while_it_was_hashed) {
    HashGate one{{.workers = 1}, clock};
    PasswordService slow{*database, audit, sealer, one, policy, clock, random, settings};
    std::optional<Result<VerifiedPassword>> outcome;
    auto held = one.enter(8);
    ASSERT_TRUE(held.ok());
    std::thread caller{[&] { outcome.emplace(slow.verify(alice, text(good))); }};
    while (one.counts().waiting != 1) std::this_thread::yield();
    ASSERT_TRUE(service().set(alice, text(other), {}, operator_).ok());
    { auto gone = std::move(held); }
    caller.join();
    ASSERT_FALSE(outcome->ok());
    EXPECT_EQ(outcome->error(), errors::wrong_password);
}

}  // namespace
}  // namespace zephyr::passwords
