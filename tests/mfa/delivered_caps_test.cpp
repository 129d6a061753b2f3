// The caps against toll fraud (sms_fraud_caps): whoever has codes sent to numbers that pay them is stopped, by number, person, country and
// in total, whatever they do in between; and races, where codes and caps must hold too.
#include <atomic>
#include <latch>
#include <mutex>
#include <thread>

#include "mfa/delivered_fixture.h"

namespace zephyr::mfa {
namespace {

class DeliveredCaps : public DeliveredFixture {
protected:
    // Everything open but what the test is about.
    template <class F>
    std::unique_ptr<DeliveredCodes> capped(F change) {
        auto settings = uncapped();
        settings.most_channels = 1000;
        change(settings.caps);
        return with(sms_kind, settings);
    }
    Result<SentCode> send(DeliveredCodes& codes, UserId const& user, SessionRef const& in) {
        return codes.send(user, in, std::nullopt, {});
    }
    // Sends in sessions of their own until one is refused; how many went out.
    int sends_until_refused(DeliveredCodes& codes, UserId const& user, int at_most = 50) {
        for (int i = 0; i < at_most; ++i) {
            auto const sent = send(codes, user, new_session());
            if (sent.ok()) continue;
            EXPECT_EQ(sent.error(), errors::sending_limited);
            last_refusal = sent.error().detail();
            return i;
        }
        return at_most;
    }
    std::vector<audit::StoredEvent> alerts() {
        return audit.query({.subject = {}, .code = std::string{audit::codes::mfa_sending_capped}, .from = {}, .until = {}, .limit = 100});
    }
    std::string other_number(int i) { return "+4917" + std::to_string(100000000 + i); }

    std::string last_refusal;
};

TEST_F(DeliveredCaps, as_set_by_default_they_let_three_codes_an_hour_go_to_one_number) {
    auto const codes = with(sms_kind, sms_settings());
    enrol(*codes, alice, number);
    EXPECT_EQ(sends_until_refused(*codes, alice), 3) << "the enrolment is counted apart";
    EXPECT_EQ(last_refusal, "destination 3600");
}

TEST_F(DeliveredCaps, as_set_by_default_they_let_two_enrolments_an_hour_and_five_a_day_go_to_one_number) {
    auto const codes = with(sms_kind, sms_settings());
    auto const begin = [&] { return codes->begin(fresh(new_user(), new_session()), number); };
    for (auto const allowed : {2, 2, 1, 0}) {
        for (int i = 0; i < allowed; ++i) ASSERT_TRUE(begin().ok());
        auto const refused = begin();
        ASSERT_FALSE(refused.ok());
        EXPECT_TRUE(refused.error().detail().starts_with("destination")) << refused.error().detail();
        clock.advance(1h);
    }
}

// Whoever knows somebody's number could else keep them from their own account.
TEST_F(DeliveredCaps, strangers_who_enrol_somebodys_number_use_up_nothing_of_its_owner) {
    auto const codes = with(sms_kind, sms_settings());
    enrol(*codes, alice, number);
    int begun = 0;
    while (begun < 20 && codes->begin(fresh(new_user(), new_session()), number).ok()) ++begun;
    EXPECT_EQ(begun, 1) << "the owner's own enrolment was the other";
    EXPECT_EQ(sends_until_refused(*codes, alice), 3);
}

TEST_F(DeliveredCaps, two_people_with_one_number_have_a_budget_each) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 3; });
    enrol(*codes, alice, number);
    enrol(*codes, bob, number);
    EXPECT_EQ(sends_until_refused(*codes, alice), 3);
    EXPECT_EQ(sends_until_refused(*codes, bob), 3);
}

TEST_F(DeliveredCaps, a_hundred_enrolments_by_many_accounts_leave_sign_ins_working) {
    auto settings = sms_settings();  // the caps as they are set by default: 100 an hour for a country, 500 in total
    settings.most_channels = 1000;
    auto const codes = with(sms_kind, settings);
    std::vector<UserId> people;
    for (int i = 0; i < 40; ++i) {
        people.push_back(new_user());
        enrol(*codes, people.back(), other_number(i));
    }
    clock.advance(1h);
    int begun = 0;
    for (int i = 100; i < 200; ++i) begun += codes->begin(fresh(new_user(), new_session()), other_number(i)).ok() ? 1 : 0;
    EXPECT_EQ(begun, 50) << "half of the country's cap";
    ASSERT_EQ(alerts().size(), 1u) << "and the operator hears of it";
    for (auto const& person : people) EXPECT_TRUE(send(*codes, person, new_session()).ok());
}

TEST_F(DeliveredCaps, enrolments_get_at_most_half_of_the_total_too) {
    auto const codes = capped([](Caps& caps) { caps.total_hour = 7; });
    enrol(*codes, alice, number);
    clock.advance(1h);
    int begun = 0;
    for (int i = 0; i < 10; ++i) begun += codes->begin(fresh(new_user(), new_session()), other_number(i)).ok() ? 1 : 0;
    EXPECT_EQ(begun, 3);
    EXPECT_EQ(sends_until_refused(*codes, alice), 4) << "the rest is for those who sign in";
    EXPECT_TRUE(last_refusal.starts_with("total"));
}

TEST_F(DeliveredCaps, sign_ins_that_use_up_a_country_close_it_for_enrolments_as_well) {
    auto const codes = capped([](Caps& caps) { caps.per_prefix_hour = 4; });
    enrol(*codes, alice, number);
    clock.advance(1h);
    EXPECT_EQ(sends_until_refused(*codes, alice), 4);
    EXPECT_EQ(codes->begin(fresh(bob, new_session()), other_number(1)).error(), errors::sending_limited);
}

TEST_F(DeliveredCaps, between_two_codes_of_one_session_lie_thirty_seconds) {
    auto const codes = capped([](Caps& caps) { caps.between = 30s; });
    enrol(*codes, alice, number);
    ASSERT_TRUE(send(*codes, alice, session).ok());
    clock.advance(29s + 999ms);
    auto const refused = send(*codes, alice, session);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error(), errors::sending_limited);
    EXPECT_EQ(sending_wait(refused.error()), 1s);
    EXPECT_TRUE(send(*codes, alice, new_session()).ok());
    clock.advance(1ms);
    EXPECT_TRUE(send(*codes, alice, session).ok());
}

TEST_F(DeliveredCaps, a_refusal_ends_no_code_and_no_enrolment) {
    auto const codes = capped([](Caps& caps) { caps.between = 30s; });
    ASSERT_TRUE(codes->begin(fresh(alice, session), number).ok());
    auto const code = last_code();
    EXPECT_EQ(codes->begin(fresh(alice, session), "+4915123456743").error(), errors::sending_limited);
    EXPECT_EQ(codes->pending(alice, session), "+49 … 42");
    EXPECT_TRUE(confirm(*codes, alice, session, code).ok());
}

TEST_F(DeliveredCaps, an_hour_is_the_last_hour_and_not_one_that_begins_on_the_clock) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 3; });
    enrol(*codes, alice, number);
    ASSERT_TRUE(send(*codes, alice, session).ok());
    clock.advance(59min + 30s);
    EXPECT_EQ(sends_until_refused(*codes, alice), 2);
    EXPECT_EQ(last_refusal, "destination 30");
    clock.advance(30s);
    EXPECT_EQ(sends_until_refused(*codes, alice), 1) << "only the first has left the hour";
}

TEST_F(DeliveredCaps, a_number_gets_so_many_codes_a_day) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_day = 10; });
    enrol(*codes, alice, number);
    EXPECT_EQ(sends_until_refused(*codes, alice), 10);
    clock.advance(23h);
    EXPECT_EQ(sends_until_refused(*codes, alice), 0);
    clock.advance(1h);
    EXPECT_EQ(sends_until_refused(*codes, alice), 10);
}

TEST_F(DeliveredCaps, a_number_that_is_enrolled_is_one_number_for_every_person_and_spelling) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 5; });
    ASSERT_TRUE(codes->begin(fresh(alice, new_session()), "+49 151 23456742").ok());
    ASSERT_TRUE(codes->begin(fresh(bob, new_session()), "0049-151-23456742").ok());
    ASSERT_TRUE(codes->begin(fresh(new_user(), new_session()), "+49 (0)151 23456742").ok());
    auto const fourth = codes->begin(fresh(new_user(), new_session()), "+4915123456742");
    ASSERT_FALSE(fourth.ok());
    EXPECT_TRUE(fourth.error().detail().starts_with("destination"));
}

TEST_F(DeliveredCaps, a_person_gets_so_many_codes_an_hour_and_a_day_whatever_the_numbers) {
    auto const hourly = capped([](Caps& caps) { caps.per_user_hour = 5; });
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(hourly->begin(fresh(alice, session), other_number(i)).ok());
    auto const sixth = hourly->begin(fresh(alice, new_session()), other_number(5));
    ASSERT_FALSE(sixth.ok());
    EXPECT_TRUE(sixth.error().detail().starts_with("person"));
    EXPECT_TRUE(hourly->begin(fresh(bob, session), other_number(6)).ok());

    auto const daily = capped([](Caps& caps) { caps.per_user_day = 15; });
    clock.advance(2h);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(daily->begin(fresh(alice, session), other_number(i)).ok());
    EXPECT_EQ(daily->begin(fresh(alice, session), other_number(11)).error(), errors::sending_limited);
}

TEST_F(DeliveredCaps, a_country_is_closed_for_an_hour_and_the_operator_alerted_once) {
    auto const codes = capped([](Caps& caps) { caps.per_prefix_hour = 20; });
    auto const pump = [&](int i) { return codes->begin(fresh(new_user(), new_session()), other_number(i)); };
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(pump(i).ok());
    EXPECT_TRUE(alerts().empty());
    for (int i = 10; i < 30; ++i) {
        auto const refused = pump(i);
        ASSERT_FALSE(refused.ok());
        EXPECT_TRUE(refused.error().detail().starts_with("prefix"));
    }
    ASSERT_EQ(alerts().size(), 1u) << "one for the hour, not one for each refusal";
    EXPECT_EQ(alerts().front().code, "ZMFAC17E");
    EXPECT_TRUE(codes->begin(fresh(alice, session), "+1 212 555 2671").ok()) << "other countries stay open";
    EXPECT_TRUE(codes->begin(fresh(bob, session), "+1 415 555 2671").ok()) << "the longer entry is counted apart";
    clock.advance(1h);
    for (int i = 30; i < 40; ++i) ASSERT_TRUE(pump(i).ok());
    EXPECT_FALSE(pump(40).ok());
    EXPECT_EQ(alerts().size(), 2u);
}

TEST_F(DeliveredCaps, all_countries_together_have_a_cap_that_alerts) {
    auto const codes = capped([](Caps& caps) { caps.total_hour = 8; });
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(codes->begin(fresh(new_user(), new_session()), other_number(i)).ok());
        ASSERT_TRUE(codes->begin(fresh(new_user(), new_session()), "+1212555267" + std::to_string(i)).ok());
    }
    auto const refused = codes->begin(fresh(new_user(), new_session()), other_number(9));
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(refused.error().detail().starts_with("total"));
    EXPECT_EQ(alerts().size(), 1u);
}

TEST_F(DeliveredCaps, mail_and_sms_are_counted_apart) {
    auto const codes = capped([](Caps& caps) { caps.total_hour = 1; });
    enrol(*email, alice, "jane@example.com");
    EXPECT_TRUE(codes->begin(fresh(alice, session), number).ok());
    EXPECT_TRUE(email->send(alice, session, std::nullopt, {}).ok());
}

TEST_F(DeliveredCaps, removing_and_enrolling_again_opens_no_cap) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 5; });
    for (int i = 0; i < 3; ++i) remove_all(*codes, alice), enrol(*codes, alice, number);
    remove_all(*codes, alice);
    EXPECT_EQ(codes->begin(fresh(alice, session), number).error(), errors::sending_limited);
}

TEST_F(DeliveredCaps, removing_and_enrolling_again_opens_no_cap_of_sign_ins) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 5; });
    enrol(*codes, alice, number);
    EXPECT_EQ(sends_until_refused(*codes, alice), 5);
    remove_all(*codes, alice);
    enrol(*codes, alice, number);
    EXPECT_EQ(sends_until_refused(*codes, alice), 0);
}

TEST_F(DeliveredCaps, a_right_code_opens_no_cap) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 3; });
    enrol(*codes, alice, number);
    for (int i = 0; i < 3; ++i) {
        auto const own = new_session();
        ASSERT_TRUE(send(*codes, alice, own).ok());
        ASSERT_TRUE(verify(*codes, alice, own, last_code()).ok());
    }
    EXPECT_EQ(sends_until_refused(*codes, alice), 0);
}

TEST_F(DeliveredCaps, a_rotation_of_the_master_key_opens_no_cap) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 3; });
    enrol(*codes, alice, number);
    EXPECT_EQ(sends_until_refused(*codes, alice), 3);
    sealer.replace(crypto::Keyring{master}.with_active(crypto::MasterKey::generate(random)).value());
    EXPECT_EQ(sends_until_refused(*codes, alice), 0);
}

TEST_F(DeliveredCaps, purging_opens_no_cap) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_day = 2; });
    enrol(*codes, alice, number);
    ASSERT_TRUE(send(*codes, alice, session).ok());
    clock.advance(23h);
    EXPECT_EQ(sends_until_refused(*codes, alice), 1);
    codes->purge();
    EXPECT_EQ(sends_until_refused(*codes, alice), 0);
}

TEST_F(DeliveredCaps, a_refusal_is_recorded_with_its_cap_and_counts_as_no_send) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 1; });
    enrol(*codes, alice, number);
    ASSERT_TRUE(send(*codes, alice, session).ok());
    auto const sent = count("SELECT count(*) FROM mfa_sent");
    EXPECT_EQ(sends_until_refused(*codes, alice), 0);
    EXPECT_EQ(events(alice).back(), "mfa.sending_refused(mfa.sending_limited)");
    EXPECT_EQ(count("SELECT count(*) FROM mfa_sent"), sent);
    EXPECT_EQ(static_cast<std::int64_t>(inbox().size()), sent);
}

TEST_F(DeliveredCaps, no_other_refusal_says_how_long_to_wait) {
    EXPECT_FALSE(sending_wait(errors::number_malformed));
    EXPECT_FALSE(sending_wait(Error{errors::number_not_allowed, "total 60"}));
    EXPECT_FALSE(sending_wait(errors::sending_limited));
    EXPECT_EQ(sending_wait(Error{errors::sending_limited, "total 60"}), 60s);
}

class DeliveredRace : public DeliveredCaps {
protected:
    static constexpr int threads = 64;
    template <class F>
    static void on_threads(F work) {
        std::latch start{threads};
        std::vector<std::thread> all;
        for (int i = 0; i < threads; ++i)
            all.emplace_back([&, i] {
                start.arrive_and_wait();
                work(i);
            });
        for (auto& one : all) one.join();
    }
    struct Tally {
        std::atomic<int> good{0};
        std::atomic<int> refused{0};
    };
    template <class T>
    static void add(Tally& tally, Result<T> const& result, Failure expected) {
        if (result.ok()) ++tally.good;
        else if (result.error() == expected) ++tally.refused;
    }
};

TEST_F(DeliveredRace, one_of_64_threads_wins_with_one_code) {
    enrol(*sms, alice, number);
    ASSERT_TRUE(send(*sms, alice, session).ok());
    auto const code = last_code();
    Tally tally;
    on_threads([&](int) { add(tally, verify(*sms, alice, session, code), errors::code_reused); });
    EXPECT_EQ(tally.good, 1);
    EXPECT_EQ(tally.refused, threads - 1);
}

TEST_F(DeliveredRace, one_of_64_threads_confirms_one_enrolment) {
    ASSERT_TRUE(sms->begin(fresh(alice, session), number).ok());
    auto const code = last_code();
    Tally tally;
    on_threads([&](int) { add(tally, confirm(*sms, alice, session, code), errors::no_enrolment); });
    EXPECT_EQ(tally.good, 1);
    EXPECT_EQ(tally.refused, threads - 1);
    EXPECT_EQ(list(*sms, alice).size(), 1u);
}

TEST_F(DeliveredRace, five_of_64_parallel_guesses_are_heard) {
    enrol(*sms, alice, number);
    ASSERT_TRUE(send(*sms, alice, session).ok());
    auto const wrong = wrong_code();
    Tally tally;
    on_threads([&](int) { add(tally, verify(*sms, alice, session, wrong), errors::wrong_code); });
    EXPECT_EQ(tally.good, 0);
    EXPECT_EQ(tally.refused, 5);
}

TEST_F(DeliveredRace, three_of_64_parallel_sends_reach_one_number) {
    auto const codes = capped([](Caps& caps) { caps.per_destination_hour = 3; });
    enrol(*codes, alice, number);
    Tally tally;
    on_threads([&](int) { add(tally, send(*codes, alice, new_session()), errors::sending_limited); });
    EXPECT_EQ(tally.good, 3);
    EXPECT_EQ(tally.refused, threads - 3);
    EXPECT_EQ(inbox().size(), 4u);
}

TEST_F(DeliveredRace, one_of_64_parallel_sends_of_one_session_goes_out) {
    auto const codes = capped([](Caps& caps) { caps.between = 30s; });
    enrol(*codes, alice, number);
    Tally tally;
    on_threads([&](int) { add(tally, send(*codes, alice, session), errors::sending_limited); });
    EXPECT_EQ(tally.good, 1);
    EXPECT_EQ(tally.refused, threads - 1);
}

}  // namespace
}  // namespace zephyr::mfa
