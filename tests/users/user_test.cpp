#include "zephyr/users/user.h"

#include <gtest/gtest.h>

namespace zephyr::users {
namespace {

TimePoint const noon = from_millis(1'767'268'800'000);

User someone(UserState state, std::optional<TimePoint> expires_at = {}, std::optional<TimePoint> locked_until = {}) {
    return {UserId::trusted("0192d3a4-0000-7000-8000-000000000001"), "a", "a", {}, {}, "A", state, expires_at, locked_until, noon, noon, 1};
}

TEST(EffectiveState, is_what_is_stored_when_the_clock_has_no_say) {
    for (auto const state : {UserState::active, UserState::disabled, UserState::locked, UserState::expired, UserState::pending}) {
        EXPECT_EQ(effective_state(someone(state), noon), state);
        EXPECT_EQ(parse_state(state_name(state)), state);
    }
    EXPECT_EQ(parse_state("Active"), std::nullopt);
    EXPECT_EQ(parse_state(""), std::nullopt);
}

TEST(EffectiveState, expires_at_its_millisecond_and_not_before) {
    auto const user = someone(UserState::active, noon);
    EXPECT_EQ(effective_state(user, noon - 1ms), UserState::active);
    EXPECT_EQ(effective_state(user, noon), UserState::expired);
}

TEST(EffectiveState, unlocks_at_its_millisecond_and_not_before) {
    auto const user = someone(UserState::locked, {}, noon);
    EXPECT_EQ(effective_state(user, noon - 1ms), UserState::locked);
    EXPECT_EQ(effective_state(user, noon), UserState::active);
}

TEST(EffectiveState, an_expired_account_does_not_become_active_when_its_lock_ends) {
    auto const user = someone(UserState::locked, noon - 1h, noon);
    EXPECT_EQ(effective_state(user, noon - 1ms), UserState::expired);
    EXPECT_EQ(effective_state(user, noon), UserState::expired);
}

TEST(EffectiveState, disabled_and_pending_are_opened_by_no_clock) {
    EXPECT_EQ(effective_state(someone(UserState::disabled, {}, noon - 1h), noon), UserState::disabled);
    EXPECT_EQ(effective_state(someone(UserState::pending, noon + 1h), noon), UserState::pending);
}

TEST(CheckActive, names_the_state_that_closes_the_account) {
    EXPECT_TRUE(check_active(someone(UserState::active), noon).ok());
    EXPECT_EQ(check_active(someone(UserState::disabled), noon).error(), errors::disabled);
    EXPECT_EQ(check_active(someone(UserState::locked), noon).error(), errors::locked);
    EXPECT_EQ(check_active(someone(UserState::expired), noon).error(), errors::expired);
    EXPECT_EQ(check_active(someone(UserState::pending), noon).error(), errors::pending);
}

TEST(Username, keeps_what_was_typed_and_one_form_to_compare) {
    auto const name = parse_username("  Ａlice\u3000");
    ASSERT_TRUE(name.ok());
    EXPECT_EQ(name.value().shown, "Ａlice");
    EXPECT_EQ(name.value().canonical, "alice");
}

TEST(Username, is_refused_when_empty_blank_inside_hidden_broken_or_too_long) {
    for (std::string const bad : {"", "   ", "two words", "a\tb", "a\nb", "a\u200bb", "a\u202eb", "\xff", "\xc3"}) {
        EXPECT_EQ(parse_username(bad).error(), errors::name_malformed) << bad;
    }
    EXPECT_EQ(parse_username(std::string{"a\0b", 3}).error(), errors::name_malformed);
    EXPECT_TRUE(parse_username(std::string(64, 'a')).ok());
    EXPECT_EQ(parse_username(std::string(65, 'a')).error(), errors::name_malformed);
    EXPECT_EQ(parse_username(std::string(100'000, 'a')).error(), errors::name_malformed);
}

TEST(Username, may_not_look_like_an_id_in_any_spelling) {
    EXPECT_EQ(parse_username("0192d3a4-0000-7000-8000-000000000001").error(), errors::name_malformed);
    EXPECT_EQ(parse_username("0192D3A4-0000-7000-8000-00000000000A").error(), errors::name_malformed);
}

TEST(Email, accepts_ordinary_and_international_addresses) {
    for (auto const* good : {"a@b", "Alice.B+tag@Example.COM", "o'neil@x.test", "用户@例子.测试", "a@xn--bcher-kva.example"}) {
        EXPECT_TRUE(parse_email(good).ok()) << good;
    }
    EXPECT_EQ(parse_email("Alice@Example.COM").value().canonical, "alice@example.com");
}

TEST(Email, refuses_what_a_mailer_could_read_in_another_way) {
    for (auto const* bad : {"", "a", "@b", "a@", "a@@b", "a@b@c", "a b@c", "\"a b\"@c", "a@b,c@d", "<a@b>", "a@b;c", "a@b..c", ".a@b",
                            "a.@b", "a..b@c", "a@-b", "a@b-", "a@b_c", "a@[127.0.0.1]", "a@b.", "a@b\r\nBcc: c@d", "a(x)@b", "a\\@b"}) {
        EXPECT_EQ(parse_email(bad).error(), errors::email_malformed) << bad;
    }
    EXPECT_EQ(parse_email(std::string(65, 'a') + "@b").error(), errors::email_malformed);
    EXPECT_EQ(parse_email("a@" + std::string(64, 'b')).error(), errors::email_malformed);
}

TEST(DisplayName, is_trimmed_and_may_hold_blanks_but_nothing_hidden) {
    EXPECT_EQ(parse_display_name("  Ada  Lovelace ").value(), "Ada  Lovelace");
    EXPECT_EQ(parse_display_name("").value(), "");
    for (auto const* bad : {"a\nb", "a\u202eb", "\xff"}) EXPECT_EQ(parse_display_name(bad).error(), errors::display_name_malformed);
    EXPECT_TRUE(parse_display_name(std::string(128, 'x')).ok());
    EXPECT_EQ(parse_display_name(std::string(129, 'x')).error(), errors::display_name_malformed);
}

}  // namespace
}  // namespace zephyr::users
