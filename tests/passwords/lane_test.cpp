// Failures counted apart: a stranger who knows a name can't shut its owner out, and nobody gets more guesses than a lane has.
#include "passwords/password_fixture.h"
#include "zephyr/passwords/personal_data.h"

namespace zephyr::passwords {

class PasswordLanes : public PasswordFixture {
protected:
    void SetUp() override { ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok()); }

    static constexpr std::string_view stranger = "";
    std::string const laptop = UserId::make(clock.now(), random).str();
    std::string const phone = UserId::make(clock.now(), random).str();

    std::string outcome(std::string_view lane, std::string_view password) {
        auto const verified = service().verify(Claimant{alice, std::string{lane}}, text(password));
        return verified.ok() ? "ok" : std::string{verified.error().id()};
    }
    // Wrong passwords, each after whatever it had to wait.
    void fail(std::string_view lane, int times) {
        for (int i = 0; i < times; ++i) {
            clock.advance(15min);
            EXPECT_EQ(outcome(lane, "wrong"), "passwords.wrong_password");
        }
    }
    std::int64_t lanes() {
        return database->read([](storage::Transaction& tx) { return tx.row("SELECT COUNT(*) FROM password_lane")->integer(0); });
    }
};

TEST_F(PasswordLanes, StrangersFailuresDoNotThrottleAKnownBrowser) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(outcome(stranger, "wrong"), "passwords.wrong_password");
    EXPECT_EQ(outcome(stranger, good), "passwords.throttled");
    EXPECT_EQ(outcome(laptop, good), "ok");
}

// NIST SP 800-63B-4, 3.2.2: "the verifier SHALL limit consecutive failed authentication attempts using a specific authenticator on a single
// subscriber account to no more than 100". Here in one lane.
TEST_F(PasswordLanes, AHundredFailuresOfStrangersLockStrangersOutAndNobodyElse) {
    fail(stranger, 100);
    clock.advance(24h);
    EXPECT_EQ(outcome(stranger, good), "passwords.locked_out");
    EXPECT_EQ(outcome(laptop, good), "ok");
    EXPECT_EQ(outcome(stranger, good), "passwords.locked_out") << "the owner's success opens nothing for strangers";
}

TEST_F(PasswordLanes, AHundredFailuresInAKnownBrowserLockThatBrowserAndNobodyElse) {
    fail(laptop, 100);
    clock.advance(24h);
    EXPECT_EQ(outcome(laptop, good), "passwords.locked_out") << "a stolen cookie gives no more guesses than anybody has";
    EXPECT_EQ(outcome(stranger, good), "ok");
    EXPECT_EQ(outcome(phone, good), "ok");
}

TEST_F(PasswordLanes, TheHundredthFailureCountsAndTheHundredAndFirstIsNotHeard) {
    fail(laptop, 99);
    clock.advance(15min);
    EXPECT_EQ(service().state(alice)->locked_out, false);
    EXPECT_EQ(outcome(laptop, "wrong"), "passwords.wrong_password");
    EXPECT_TRUE(service().state(alice)->locked_out);
    clock.advance(24h);
    EXPECT_EQ(outcome(laptop, "wrong"), "passwords.locked_out");
    EXPECT_EQ(service().state(alice)->failures, 100);
}

TEST_F(PasswordLanes, AKnownBrowserWaitsAsStrangersDo) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(outcome(laptop, "wrong"), "passwords.wrong_password");
    EXPECT_EQ(outcome(laptop, good), "passwords.throttled");
    clock.advance(1s - 1ms);
    EXPECT_EQ(outcome(laptop, good), "passwords.throttled");
    clock.advance(1ms);
    EXPECT_EQ(outcome(laptop, "wrong"), "passwords.wrong_password");
    clock.advance(2s - 1ms);
    EXPECT_EQ(outcome(laptop, good), "passwords.throttled") << "the wait doubles";
    clock.advance(1ms);
    EXPECT_EQ(outcome(laptop, good), "ok");
}

TEST_F(PasswordLanes, ASuccessClearsItsOwnLaneAlone) {
    fail(stranger, 3);
    fail(laptop, 4);
    EXPECT_EQ(outcome(laptop, good), "ok");
    EXPECT_EQ(service().state(alice)->failures, 3) << "the strangers' count stays";
    fail(laptop, 4);
    EXPECT_EQ(outcome(stranger, good), "ok");
    EXPECT_EQ(service().state(alice)->failures, 4) << "the laptop's count stays";
}

TEST_F(PasswordLanes, WhatIsShownIsTheWorstLane) {
    fail(stranger, 1);
    fail(phone, 2);
    for (int i = 0; i < 6; ++i) outcome(laptop, "wrong");
    auto const state = service().state(alice);
    EXPECT_EQ(state->failures, 5) << "the sixth came too early";
    EXPECT_EQ(state->throttled_until, clock.now() + 1s);
}

TEST_F(PasswordLanes, TheSameLaneOfSomebodyElseIsAnother) {
    ASSERT_TRUE(service().set(bob, text(other), {}, operator_).ok());
    fail(laptop, 100);
    EXPECT_TRUE(service().verify(Claimant{bob, laptop}, text(other)).ok());
}

TEST_F(PasswordLanes, AnOperatorOpensEveryLane) {
    fail(stranger, 100);
    fail(laptop, 100);
    ASSERT_TRUE(service().reset_failures(alice, operator_).ok());
    EXPECT_EQ(service().state(alice)->failures, 0);
    EXPECT_EQ(outcome(stranger, good), "ok");
    EXPECT_EQ(outcome(laptop, good), "ok");
}

TEST_F(PasswordLanes, ANewPasswordOpensEveryLane) {
    fail(stranger, 100);
    fail(laptop, 100);
    ASSERT_TRUE(service().set(alice, text(other), {}, operator_).ok());
    EXPECT_EQ(outcome(stranger, other), "ok");
    EXPECT_EQ(outcome(laptop, other), "ok");
}

TEST_F(PasswordLanes, WhoeverIsSignedInChangesThePasswordWhileStrangersAreLockedOut) {
    fail(stranger, 100);
    EXPECT_TRUE(service().change(Claimant{alice, laptop}, text(good), text(other), {}).ok());
    EXPECT_EQ(outcome(stranger, other), "ok");
}

TEST_F(PasswordLanes, TheWorkIsTheSameInEveryLane) {
    auto const cost = [&](std::string_view lane, std::string_view password) {
        auto const before = hashes();
        outcome(lane, password);
        return hashes() - before;
    };
    EXPECT_EQ(cost(stranger, "wrong"), 1);
    EXPECT_EQ(cost(laptop, "wrong"), 1);
    for (int i = 0; i < 5; ++i) outcome(laptop, "wrong");
    EXPECT_EQ(cost(laptop, good), 1) << "throttled, and as costly as ever";
}

TEST_F(PasswordLanes, CountsOfLanesNobodyUsesAnyMoreAreDeleted) {
    fail(laptop, 3);
    fail(phone, 3);
    EXPECT_EQ(outcome(phone, good), "ok");
    EXPECT_EQ(service().purge(), 1) << "the phone counts nothing";
    clock.advance(400 * 24h - 1h);
    EXPECT_EQ(service().purge(), 0);
    EXPECT_EQ(service().state(alice)->failures, 3);
    clock.advance(1h);
    EXPECT_EQ(service().purge(), 1);
    EXPECT_EQ(lanes(), 0);
}

TEST_F(PasswordLanes, LanesGoWithThePasswordAndWithThePerson) {
    PasswordsPersonalData data;
    fail(laptop, 3);
    database->write([&](storage::Transaction& tx) {
        EXPECT_EQ(data.export_for(tx, alice).find("failed_attempts_in_a_row")->integer(), 3);
        data.erase(tx, alice);
    });
    EXPECT_EQ(lanes(), 0);
    ASSERT_TRUE(service().set(alice, text(good), {}, operator_).ok());
    fail(laptop, 1);
    ASSERT_TRUE(service().remove(alice, operator_).ok());
    EXPECT_EQ(lanes(), 0);
}

TEST_F(PasswordLanes, ALaneOfAnAccountWithoutAPasswordCountsNothing) {
    auto const verified = service().verify(Claimant{bob, laptop}, text("wrong"));
    EXPECT_EQ(verified.error(), errors::wrong_password);
    EXPECT_EQ(lanes(), 0);
}

}  // namespace zephyr::passwords
