#include "zephyr/encoding/unicode.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "zephyr/encoding/json.h"

namespace zephyr::encoding {
namespace {

TEST(Utf8, refuses_every_ill_formed_sequence) {
    for (auto const* text :
         {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf",
          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "a\xfe"})
        EXPECT_FALSE(is_valid_utf8(text));
    for (auto const* text : {"", "a", "é", "漢", "\U0001F600", "\U0010FFFF", "\uFFFF"})
        EXPECT_TRUE(is_valid_utf8(text));
}

TEST(Utf8, replaces_only_what_is_invalid) {
    EXPECT_EQ(to_valid_utf8("aé\xff"
                            "b\xc3"),
              "aé\uFFFD"
              "b\uFFFD");
    EXPECT_EQ(to_valid_utf8("漢字"), "漢字");
}

TEST(CodePoints, counts_characters_not_bytes) {
    EXPECT_EQ(code_points(""), 0u);
    EXPECT_EQ(code_points("aé漢\U0001F600"), 4u);
    EXPECT_EQ(code_points("\xff\xff"), 2u);
}

TEST(Nfc, composes_and_refuses_invalid_text) {
    EXPECT_EQ(nfc("e\u0301"), "é");
    EXPECT_EQ(nfc("é"), "é");
    EXPECT_EQ(nfc("ﬁ"), "ﬁ");  // NFC, not NFKC: a password keeps its characters
    EXPECT_EQ(nfc(""), "");
    EXPECT_EQ(nfc("\xff"), std::nullopt);
    // A text that grows: each of these becomes three code points.
    std::string grown, expected;
    for (int i = 0; i < 100; ++i) grown += "\uFB2C", expected += "\u05E9\u05BC\u05C1";
    EXPECT_EQ(nfc(grown), expected);
}

TEST(CanonicalName, makes_spellings_of_one_name_equal) {
    EXPECT_EQ(canonical_name("Alice"), "alice");
    EXPECT_EQ(canonical_name("  alice\t"), "alice");
    EXPECT_EQ(canonical_name("\u00A0alice\u3000"), "alice");
    EXPECT_EQ(canonical_name("ＡＬＩＣＥ"), "alice");
    EXPECT_EQ(canonical_name("STRASSE"), canonical_name("straße"));
    EXPECT_EQ(canonical_name("E\u0301va"), canonical_name("éva"));
    EXPECT_EQ(canonical_name("ﬁona"), "fiona");
    EXPECT_EQ(canonical_name("\u212Aim"), "kim");  // Kelvin sign
    EXPECT_EQ(canonical_name("Σίσυφος"), canonical_name("ΣΊΣΥΦΟΣ"));
    EXPECT_EQ(canonical_name("Alice@Example.COM"), "alice@example.com");
}

TEST(CanonicalName, refuses_what_nobody_can_see) {
    for (auto const* text : {"a\u200Bb", "a\u200Db", "a\u00ADb", "\u202Eecila", "a\u2066b", "a\u061Cb", "\uFEFFalice",
                             "a\u3164b", "a\uFE0Fb", "a\u034Fb", "a\U000E0041b", "a\u180Eb", "a\u115Fb"})
        EXPECT_EQ(canonical_name(text), std::nullopt) << text;
}

TEST(CanonicalName, refuses_controls_blanks_inside_private_use_and_unassigned) {
    for (auto const* text : {"a\nb", "a\tb", "a\x7f",
                             "a\x01"
                             "b",
                             "a\u0085b", "a b", "a\u00A0b", "a\u2003b", "a\u2028b", "a\uE000", "a\U000F0000", "a\u0378",
                             "a\uFFFE", "a\U000EFFFF"})
        EXPECT_EQ(canonical_name(text), std::nullopt) << text;
    EXPECT_EQ(canonical_name(std::string_view{"a\0b", 3}), std::nullopt);
}

TEST(CanonicalName, refuses_characters_that_map_to_blanks) {
    EXPECT_EQ(canonical_name("a\u00A8"), std::nullopt);
    EXPECT_EQ(canonical_name("\uFDFA"), std::nullopt);
}

TEST(CanonicalName, refuses_the_empty_the_invalid_and_the_too_long) {
    EXPECT_EQ(canonical_name(""), std::nullopt);
    EXPECT_EQ(canonical_name(" \t "), std::nullopt);
    EXPECT_EQ(canonical_name("al\xffice"), std::nullopt);
    EXPECT_EQ(canonical_name(std::string(254, 'a')), std::string(254, 'a'));
    EXPECT_EQ(canonical_name(std::string(255, 'a')), std::nullopt);
    EXPECT_EQ(canonical_name(std::string(1'000'000, 'a')), std::nullopt);
    EXPECT_EQ(canonical_name(std::string(2000, ' ') + "a"), std::nullopt);
}

TEST(CanonicalName, is_its_own_canonical_name_for_every_assigned_character) {
    std::size_t accepted = 0;
    for (char32_t point = 1; point <= 0x10FFFF; ++point) {
        if (point >= 0xD800 && point <= 0xDFFF) continue;
        std::string text = "x";
        if (point < 0x80) {
            text += static_cast<char>(point);
        } else if (point < 0x800) {
            text += static_cast<char>(0xC0 | (point >> 6));
        } else if (point < 0x10000) {
            text += static_cast<char>(0xE0 | (point >> 12));
            text += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
        } else {
            text += static_cast<char>(0xF0 | (point >> 18));
            text += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
            text += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
        }
        if (point >= 0x80) text += static_cast<char>(0x80 | (point & 0x3F));
        auto const once = canonical_name(text);
        if (!once) continue;
        ++accepted;
        ASSERT_EQ(canonical_name(*once), once) << std::hex << static_cast<std::uint32_t>(point);
        if (point > 0x3000) point += 6;  // a seventh of the large blocks keeps this quick
    }
    EXPECT_GT(accepted, 20'000u);
}

TEST(CanonicalName, naughty_strings_give_a_name_without_blanks_or_nothing) {
    std::ifstream in{"tests/vectors/http/naughty_strings.json", std::ios::binary};
    auto const strings = parse_json(std::string{std::istreambuf_iterator<char>{in}, {}}).value();
    int names = 0;
    for (auto const& text : *strings.items()) {
        auto const name = canonical_name(*text.string());
        if (!name) continue;
        ++names;
        EXPECT_EQ(canonical_name(*name), name);
        EXPECT_EQ(name->find_first_of(" \t\r\n"), std::string::npos);
        EXPECT_FALSE(has_hidden_characters(*name));
    }
    EXPECT_GT(names, 50);
}

TEST(HiddenCharacters, allows_blanks_and_letters_but_nothing_invisible) {
    EXPECT_FALSE(has_hidden_characters("Ada Lovelace 漢 é"));
    for (auto const* text : {"a\nb", "a\u202Eb", "a\u200Bb", "\x07", "\xff", "a\u0378"})
        EXPECT_TRUE(has_hidden_characters(text)) << text;
}

}  // namespace
}  // namespace zephyr::encoding
