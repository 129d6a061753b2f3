#include "zephyr/encoding/gsm7.h"

#include <gtest/gtest.h>

namespace zephyr::encoding {
namespace {

// 3GPP TS 23.038, 6.2.1: places of the default alphabet that differ from ASCII, and of its extension table.
TEST(Gsm7, characters_have_the_places_of_the_standard) {
    EXPECT_EQ(gsm7_encode("@£$¥"), (std::string{"\x00\x01\x02\x03", 4}));
    EXPECT_EQ(gsm7_encode("Δ_ΦΓΛΩΠΨΣΘΞ"), "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a");
    EXPECT_EQ(gsm7_encode("ÄÖÑÜ§¿äöñüà"), "\x5b\x5c\x5d\x5e\x5f\x60\x7b\x7c\x7d\x7e\x7f");
    EXPECT_EQ(gsm7_encode("€[]{}\\~^|"), "\x1b\x65\x1b\x3c\x1b\x3e\x1b\x28\x1b\x29\x1b\x2f\x1b\x3d\x1b\x14\x1b\x40");
    EXPECT_EQ(gsm7_encode("code 123456 #"), "code 123456 #");
    EXPECT_EQ(gsm7_encode(""), "");
}

TEST(Gsm7, what_it_lacks_is_not_replaced_by_something_else) {
    for (auto const* text : {"`", "ê", "ç", "я", "😀", "\t", "\x1b"}) EXPECT_FALSE(gsm7_encode(text)) << text;
    EXPECT_EQ(gsm7_only("Zürich я😀!"), "Zürich !");
}

TEST(Gsm7, bytes_that_are_no_utf8_are_refused) {
    for (auto const* text : {"\x80", "\xc3", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe0\x80\x80", "\xff"}) {
        EXPECT_FALSE(gsm7_encode(text));
        EXPECT_FALSE(utf16_big_endian(text));
        EXPECT_EQ(gsm7_only(text), "");
    }
}

TEST(Gsm7, utf16_has_pairs_for_what_lies_beyond_the_first_plane) {
    EXPECT_EQ(utf16_big_endian("aя"), (std::string{"\x00\x61\x04\x4f", 4}));
    EXPECT_EQ(utf16_big_endian("😀"), (std::string{"\xd8\x3d\xde\x00", 4}));
}

}  // namespace
}  // namespace zephyr::encoding
