// Enrolling a number or an address, and everything around a factor's life.
#include <set>

#include "mfa/delivered_fixture.h"
#include "zephyr/mfa/personal_data.h"

namespace zephyr::mfa {
namespace {

class DeliveredEnrolment : public DeliveredFixture {};

TEST_F(DeliveredEnrolment, sends_a_code_to_the_number_and_counts_once_it_comes_back) {
    auto const begun = sms->begin(fresh(alice, session), "0049 (151) 234-567-42");
    ASSERT_TRUE(begun.ok()) << begun.error();
    EXPECT_EQ(begun.value().to, "+49 … 42");
    EXPECT_EQ(begun.value().expires_in, 5min);
    auto const received = inbox().back();
    EXPECT_EQ(received.to, number);
    EXPECT_EQ(received.channel, "sms");
    EXPECT_EQ(received.until, clock.now() + 5min);
    EXPECT_EQ(received.words, (messages::Words{{"code", received.code}, {"service", "Example"}, {"minutes", "5"}}));
    EXPECT_TRUE(list(*sms, alice).empty()) << "a number nobody has shown to be theirs is no factor";
    EXPECT_TRUE(has_pending(*sms, alice, session));
    EXPECT_EQ(sms->pending(alice, session), "+49 … 42");

    auto const confirmed = confirm(*sms, alice, session, received.code);
    ASSERT_TRUE(confirmed.ok()) << confirmed.error();
    EXPECT_EQ(confirmed.value().user(), alice);
    EXPECT_EQ(confirmed.value().kind().amr, "sms");
    auto const factors = list(*sms, alice);
    ASSERT_EQ(factors.size(), 1u);
    EXPECT_EQ(factors.front().id, confirmed.value().factor());
    EXPECT_EQ(factors.front().shown, "+49 … 42");
    EXPECT_FALSE(has_pending(*sms, alice, session));
    EXPECT_EQ(events(alice),
              (std::vector<std::string>{"mfa.code_sent()", "mfa.enrolment_begun()", "mfa.enrolled()"}));
}

TEST_F(DeliveredEnrolment, an_address_is_enrolled_the_same_way_and_never_counts_towards_aal2) {
    auto const factor = enrol(*email, alice, "jane@example.com");
    EXPECT_EQ(inbox().back().channel, "email");
    EXPECT_EQ(inbox().back().to, "jane@example.com");
    auto const factors = list(*email, alice);
    ASSERT_EQ(factors.size(), 1u);
    EXPECT_EQ(factors.front().id, factor);
    EXPECT_EQ(factors.front().shown, "j…@example.com");
    //= NIST SP 800-63B-4, 3.1.3.1: "Email SHALL NOT be used for out-of-band authentication"
    EXPECT_FALSE(factors.front().kind->aal2);
    EXPECT_TRUE(list(*sms, alice).empty());
}

//= NIST SP 800-63B-4, 3.1.3.3: "Use of the PSTN for out-of-band verification is restricted"
TEST_F(DeliveredEnrolment, codes_by_sms_are_marked_as_restricted_in_lists) {
    enrol(*sms, alice, number);
    EXPECT_TRUE(list(*sms, alice).front().kind->restricted);
}

TEST_F(DeliveredEnrolment, refuses_what_is_no_number_or_of_no_allowed_country_and_sends_nothing) {
    EXPECT_EQ(sms->begin(fresh(alice, session), "0151 23456742").error(), errors::number_malformed);
    EXPECT_EQ(sms->begin(fresh(alice, session), std::string(100'000, '1')).error(), errors::number_malformed);
    EXPECT_EQ(sms->begin(fresh(alice, session), "+882 51 23456742").error(), errors::number_not_allowed);
    EXPECT_EQ(email->begin(fresh(alice, session), "").error(), errors::no_verified_email);
    EXPECT_EQ(email->begin(fresh(alice, session), "nobody").error(), errors::no_verified_email);
    EXPECT_TRUE(inbox().empty());
    EXPECT_EQ(count("SELECT count(*) FROM mfa_channel"), 0);
    EXPECT_EQ(events(alice).at(2), "mfa.sending_refused(mfa.number_not_allowed)") << "whoever tries countries leaves a trace";
}

TEST_F(DeliveredEnrolment, an_empty_list_of_countries_sends_nowhere) {
    auto settings = uncapped();
    settings.prefixes = {};
    EXPECT_EQ(with(sms_kind, settings)->begin(fresh(alice, session), number).error(), errors::number_not_allowed);
}

// enrol_pending_overwrite
TEST_F(DeliveredEnrolment, a_new_number_takes_the_place_of_the_one_this_session_had_begun) {
    ASSERT_TRUE(sms->begin(fresh(alice, session), number).ok());
    auto const first = last_code();
    ASSERT_TRUE(sms->begin(fresh(alice, session), "+4915123456743").ok());
    EXPECT_EQ(sms->pending(alice, session), "+49 … 43");
    EXPECT_EQ(confirm(*sms, alice, session, first).error(), errors::code_expired) << "the first code went to another number";
    ASSERT_TRUE(confirm(*sms, alice, session, last_code()).ok());
    ASSERT_EQ(list(*sms, alice).size(), 1u);
    EXPECT_EQ(list(*sms, alice).front().shown, "+49 … 43");
}

TEST_F(DeliveredEnrolment, another_session_or_person_cannot_confirm_it) {
    ASSERT_TRUE(sms->begin(fresh(alice, session), number).ok());
    EXPECT_EQ(confirm(*sms, alice, new_session(), last_code()).error(), errors::no_enrolment);
    EXPECT_EQ(confirm(*sms, bob, session, last_code()).error(), errors::no_enrolment);
    EXPECT_EQ(confirm(*email, alice, session, last_code()).error(), errors::no_enrolment);
    EXPECT_TRUE(confirm(*sms, alice, session, last_code()).ok());
}

TEST_F(DeliveredEnrolment, ends_after_ten_minutes_to_the_millisecond) {
    auto settings = uncapped();
    settings.lifetime = 10min;
    auto const codes = with(sms_kind, settings);
    ASSERT_TRUE(codes->begin(fresh(alice, session), number).ok());
    clock.advance(10min - 1ms);
    EXPECT_TRUE(has_pending(*codes, alice, session));
    clock.advance(1ms);
    EXPECT_FALSE(has_pending(*codes, alice, session));
    EXPECT_FALSE(codes->pending(alice, session));
    EXPECT_EQ(confirm(*codes, alice, session, last_code()).error(), errors::enrolment_expired);
}

TEST_F(DeliveredEnrolment, wrong_codes_of_an_enrolment_count_on_session_and_account) {
    ASSERT_TRUE(sms->begin(fresh(alice, session), number).ok());
    for (int i = 0; i < 5; ++i) EXPECT_EQ(confirm(*sms, alice, session, wrong_code()).error(), errors::wrong_code);
    EXPECT_EQ(confirm(*sms, alice, session, last_code()).error(), errors::too_many_attempts);
    EXPECT_EQ(failures(alice), 5);
    ASSERT_TRUE(sms->begin(fresh(alice, session), number).ok());
    EXPECT_EQ(confirm(*sms, alice, session, last_code()).error(), errors::too_many_attempts) << "a new code brought new guesses";
}

TEST_F(DeliveredEnrolment, a_right_code_of_an_enrolment_clears_no_count) {
    enrol(*sms, alice, number);
    auto const guesser = new_session();
    ASSERT_TRUE(sms->send(alice, guesser, std::nullopt, {}).ok());
    EXPECT_EQ(verify(*sms, alice, guesser, wrong_code()).error(), errors::wrong_code);
    enrol(*sms, alice, "+4915123456743");
    EXPECT_EQ(failures(alice), 1);
}

TEST_F(DeliveredEnrolment, a_person_has_three_numbers_at_most) {
    for (auto const* one : {"+4915123456701", "+4915123456702", "+4915123456703"}) enrol(*sms, alice, one);
    EXPECT_EQ(sms->begin(fresh(alice, session), "+4915123456704").error(), errors::device_limit);
    EXPECT_TRUE(sms->begin(fresh(bob, session), "+4915123456704").ok());
}

TEST_F(DeliveredEnrolment, enrolments_side_by_side_do_not_get_past_the_most_numbers) {
    enrol(*sms, alice, "+4915123456701");
    enrol(*sms, alice, "+4915123456702");
    auto const one = new_session();
    auto const other = new_session();
    ASSERT_TRUE(sms->begin(fresh(alice, one), "+4915123456703").ok());
    auto const code = last_code();
    ASSERT_TRUE(sms->begin(fresh(alice, other), "+4915123456704").ok());
    EXPECT_TRUE(confirm(*sms, alice, other, last_code()).ok());
    EXPECT_EQ(confirm(*sms, alice, one, code).error(), errors::device_limit);
}

TEST_F(DeliveredEnrolment, one_number_is_a_factor_of_a_person_once) {
    auto const other = new_session();
    ASSERT_TRUE(sms->begin(fresh(alice, other), number).ok());
    auto const others_code = last_code();
    enrol(*sms, alice, number);
    EXPECT_EQ(sms->begin(fresh(alice, session), "0049 151 23456742").error(), errors::already_enrolled);
    EXPECT_EQ(confirm(*sms, alice, other, others_code).error(), errors::already_enrolled);
    EXPECT_TRUE(sms->begin(fresh(bob, session), number).ok()) << "two people may share a telephone";
}

TEST_F(DeliveredEnrolment, a_removed_number_is_gone_with_its_codes) {
    auto const factor = enrol(*sms, alice, number);
    enrol(*sms, alice, "+4915123456743");
    ASSERT_TRUE(sms->send(alice, session, factor, {}).ok());
    auto const code = last_code();
    EXPECT_EQ(remove(*sms, bob, factor).error(), errors::device_not_found);
    EXPECT_EQ(remove(*email, alice, factor).error(), errors::device_not_found);
    ASSERT_TRUE(remove(*sms, alice, factor).ok());
    EXPECT_EQ(remove(*sms, alice, factor).error(), errors::device_not_found);
    EXPECT_EQ(verify(*sms, alice, session, code).error(), errors::wrong_code);
    EXPECT_EQ(sms->send(alice, session, factor, {}).error(), errors::not_enrolled);
    EXPECT_EQ(list(*sms, alice).size(), 1u);
}

TEST_F(DeliveredEnrolment, removing_all_takes_pending_ones_and_codes_but_nobody_elses_and_no_other_kind) {
    enrol(*sms, alice, number);
    enrol(*sms, bob, number);
    enrol(*email, alice, "jane@example.com");
    ASSERT_TRUE(sms->begin(fresh(alice, session), "+4915123456743").ok());
    EXPECT_EQ(remove_all(*sms, alice), 1);
    EXPECT_EQ(confirm(*sms, alice, session, last_code()).error(), errors::no_enrolment);
    EXPECT_EQ(list(*sms, bob).size(), 1u);
    EXPECT_EQ(list(*email, alice).size(), 1u);
}

TEST_F(DeliveredEnrolment, neither_number_nor_code_stands_readable_in_the_database) {
    ASSERT_TRUE(sms->begin(fresh(alice, session), number).ok());
    auto const code = last_code();
    database->read([&](storage::Transaction& tx) {
        for (auto const* table : {"mfa_channel", "mfa_code", "mfa_sent", "message"}) {
            for (auto const& row : tx.rows(std::string{"SELECT * FROM "} + table)) {
                for (std::size_t i = 0; i < 16; ++i) {
                    std::string cell;
                    try {
                        if (row.is_null(i)) continue;
                        cell = row.text(i);
                    } catch (std::out_of_range const&) {
                        break;
                    } catch (Fault const&) {
                        try {
                            cell = to_text(row.blob(i));
                        } catch (Fault const&) {
                            continue;  // a number
                        }
                    }
                    EXPECT_EQ(cell.find("23456742"), std::string::npos) << table << " column " << i;
                    if (table != std::string_view{"message"} || i != 0) {
                        EXPECT_EQ(cell.find(code), std::string::npos) << table << " column " << i;
                    }
                }
            }
        }
    });
}

TEST_F(DeliveredEnrolment, what_time_has_ended_is_purged) {
    enrol(*sms, alice, number);
    ASSERT_TRUE(sms->begin(fresh(alice, session), "+4915123456743").ok());
    EXPECT_EQ(sms->purge(), 0);
    clock.advance(10min);
    EXPECT_EQ(sms->purge(), 1) << "the enrolment";
    clock.advance(24h);
    EXPECT_EQ(email->purge(), 0) << "not the other kind's";
    EXPECT_EQ(sms->purge(), 4) << "two codes and two counts";
    EXPECT_EQ(list(*sms, alice).size(), 1u);
}

TEST_F(DeliveredEnrolment, the_person_is_told_the_number_and_erased_without_opening_the_caps) {
    enrol(*sms, alice, number);
    ASSERT_TRUE(sms->send(alice, session, std::nullopt, {}).ok());
    enrol(*sms, bob, number);
    MfaPersonalData source{sealer};
    auto const told = database->read([&](storage::Transaction& tx) { return source.export_for(tx, alice); });
    EXPECT_NE(told.dump().find(number), std::string::npos);
    EXPECT_EQ(told.dump().find(last_code()), std::string::npos);
    auto const sent = count("SELECT count(*) FROM mfa_sent");
    database->write([&](storage::Transaction& tx) { source.erase(tx, alice); });
    for (auto const* table : {"mfa_channel", "mfa_code", "mfa_sent"})
        EXPECT_EQ(count(std::string{"SELECT count(*) FROM "} + table + " WHERE user_id = '" + alice.str() + "'"), 0) << table;
    EXPECT_EQ(count("SELECT count(*) FROM mfa_sent"), sent);
    EXPECT_EQ(list(*sms, bob).size(), 1u);
}

TEST_F(DeliveredEnrolment, settings_out_of_range_are_a_fault) {
    auto const refused = [&](auto change) {
        auto settings = sms_settings();
        change(settings);
        EXPECT_THROW(with(sms_kind, settings), Fault);
    };
    //= NIST SP 800-63B-4, 3.1.3.2: within 10 minutes, at least six digits
    refused([](auto& s) { s.lifetime = 10min + 1s; });
    refused([](auto& s) { s.lifetime = 0s; });
    refused([](auto& s) { s.digits = 5; });
    refused([](auto& s) { s.digits = 9; });
    refused([](auto& s) { s.most_channels = 0; });
    refused([](auto& s) { s.caps.per_destination_hour = 0; });
    refused([](auto& s) { s.caps.per_user_day = 0; });
    EXPECT_THROW(with(totp_kind, sms_settings()), Fault);
    EXPECT_NO_THROW(with(sms_kind, sms_settings()));
}

}  // namespace
}  // namespace zephyr::mfa
