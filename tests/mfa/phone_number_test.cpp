#include "mfa/phone_number.h"

#include <gtest/gtest.h>

namespace zephyr::mfa {
namespace {

TEST(PhoneNumber, reads_the_usual_spellings_of_one_number) {
    for (auto const* typed : {"+4915123456742", "0049 151 23456742", "+49 (151) 234-567-42", "+49.151.234.567.42", " +49 151/23456742 ",
                              "+49 (0) 151 23456742", "+49 (0)151 23456742", "0049(0)15123456742", "+49\u00A0151\u2011234\u201356742",
                              "\uFF0B\uFF14\uFF19 \uFF11\uFF15\uFF11 \uFF12\uFF13\uFF14\uFF15\uFF16\uFF17\uFF14\uFF12",
                              "+\u0664\u0669 \u0661\u0665\u0661 \u0662\u0663\u0664\u0665\u0666\u0667\u0664\u0662",
                              "\u202A+49 151 23456742\u202C"}) {
        EXPECT_EQ(e164(typed), "+4915123456742") << typed;
    }
}

TEST(PhoneNumber, reads_its_own_answer_as_the_same_number) {
    auto const once = e164("00 1 (415) 555-2671");
    ASSERT_TRUE(once);
    EXPECT_EQ(e164(*once), once);
}

TEST(PhoneNumber, refuses_a_number_without_its_country) {
    EXPECT_FALSE(e164("0151 23456742"));
    EXPECT_FALSE(e164("15123456742"));
    EXPECT_FALSE(e164("+0151 23456742"));
    EXPECT_FALSE(e164("000 151 23456742"));
}

//= ITU-T E.164, 6.2.1: at most 15 digits.
TEST(PhoneNumber, wants_eight_to_fifteen_digits) {
    EXPECT_FALSE(e164("+4915123"));
    EXPECT_EQ(e164("+49151234"), "+49151234");
    EXPECT_EQ(e164("+491512345678901"), "+491512345678901");
    EXPECT_FALSE(e164("+4915123456789012"));
}

TEST(PhoneNumber, refuses_letters_extensions_lists_and_second_plus_signs) {
    for (auto const* typed : {"", "+", "00", "+49 151 CALL ME", "+4915123456742x12", "+4915123456742;ext=1",
                              "+4915123456742,+4915123456743", "+49+15123456742", "49+15123456742", "tel:+4915123456742", "+4915123456742\r\nBcc: a@b", "+49151234567#2"})
        EXPECT_FALSE(e164(typed)) << typed;
    EXPECT_FALSE(e164(std::string_view{"+49151\0" "2345678", 14}));
}

TEST(PhoneNumber, refuses_what_is_too_long_or_no_text) {
    EXPECT_FALSE(e164("+4915123456742" + std::string(200, ' ')));
    EXPECT_FALSE(e164("+4915123456742\xC0\xAF"));
    EXPECT_FALSE(e164("+4915123456742\xE2\x80"));
}

TEST(PhoneNumber, belongs_to_the_longest_allowed_prefix) {
    std::vector<std::string> const allowed{"+1", "+49", "+1415"};
    EXPECT_EQ(allowed_prefix("+14155552671", allowed), "+1415");
    EXPECT_EQ(allowed_prefix("+12125552671", allowed), "+1");
    EXPECT_EQ(allowed_prefix("+4915123456742", allowed), "+49");
    EXPECT_FALSE(allowed_prefix("+8825123456742", allowed));
    EXPECT_FALSE(allowed_prefix("+4915123456742", {}));
}

TEST(PhoneNumber, an_entry_that_excludes_narrows_a_shorter_one) {
    std::vector<std::string> const allowed{"!+1876", "+1", "!+1876555", "+18765550", "!+44"};
    EXPECT_EQ(allowed_prefix("+12125552671", allowed), "+1");
    EXPECT_FALSE(allowed_prefix("+18761234567", allowed)) << "the longest match decides, wherever it stands";
    EXPECT_FALSE(allowed_prefix("+18765551234", allowed));
    EXPECT_EQ(allowed_prefix("+18765550123", allowed), "+18765550") << "and may open again";
    EXPECT_EQ(allowed_prefix("+18775551234", allowed), "+1");
    EXPECT_FALSE(allowed_prefix("+442071234567", allowed)) << "what excludes allows nothing";
    EXPECT_FALSE(allowed_prefix("+18761234567", {"!+1876"}));
}

TEST(PhoneNumber, an_entry_that_is_both_allowed_and_excluded_is_excluded) {
    EXPECT_FALSE(allowed_prefix("+4915123456742", {"+49", "!+49"}));
    EXPECT_FALSE(allowed_prefix("+4915123456742", {"!+49", "+49"}));
    EXPECT_FALSE(allowed_prefix("+4915123456742", {"+4", "!+49", "+49"}));
    EXPECT_EQ(allowed_prefix("+4915123456742", {"+49", "+49"}), "+49");
}

TEST(PhoneNumber, is_shown_by_its_prefix_and_two_last_digits) {
    EXPECT_EQ(shown_number("+4915123456742", "+49"), "+49 … 42");
    EXPECT_EQ(shown_number("+4915123456742", ""), "… 42");
}

TEST(PhoneNumber, an_address_is_shown_by_its_first_character_and_domain) {
    EXPECT_EQ(shown_address("jane.doe@example.com"), "j…@example.com");
    EXPECT_EQ(shown_address("j@example.com"), "j…@example.com");
    EXPECT_EQ(shown_address("\u00E4rger@example.com"), "\u00E4…@example.com");
    EXPECT_EQ(shown_address("\"a@b\"@example.com"), "\"…@example.com");
    EXPECT_EQ(shown_address("nobody"), "…");
    EXPECT_EQ(shown_address("@example.com"), "…");
}

}  // namespace
}  // namespace zephyr::mfa
