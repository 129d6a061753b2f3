// base64, base64url, base32 and hex together: they share vectors and refusals.
#include <gtest/gtest.h>

#include <array>

#include "testing/scripted_random.h"
#include "zephyr/encoding/base32.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/hex.h"

namespace zephyr::encoding {
namespace {

struct Vector {
    std::string_view plain, base64, base32, hex;
};

// RFC 4648 10; its base32 is printed with padding, which we neither write nor read.
constexpr std::array<Vector, 7> rfc4648{{
    {"", "", "", ""},
    {"f", "Zg==", "MY", "66"},
    {"fo", "Zm8=", "MZXQ", "666f"},
    {"foo", "Zm9v", "MZXW6", "666f6f"},
    {"foob", "Zm9vYg==", "MZXW6YQ", "666f6f62"},
    {"fooba", "Zm9vYmE=", "MZXW6YTB", "666f6f6261"},
    {"foobar", "Zm9vYmFy", "MZXW6YTBOI", "666f6f626172"},
}};

TEST(Base64, agrees_with_rfc_4648) {
    for (auto const& v : rfc4648) {
        EXPECT_EQ(base64_encode(as_bytes(v.plain)), v.base64);
        EXPECT_EQ(to_text(base64_decode(v.base64).value()), v.plain);
    }
}

TEST(Base64, refuses_missing_extra_and_misplaced_padding) {
    for (auto const* text :
         {"Zg", "Zg=", "Zg===", "=", "====", "A===", "Zm9v=", "Zm9v====", "Zg==Zg==", "Z=g=", "=Zg="})
        EXPECT_EQ(base64_decode(text).error(), errors::base64_malformed) << text;
}

TEST(Base64, refuses_foreign_characters_and_blanks) {
    for (auto const* text : {"Zm9 ", " Zm9v", "Zm\n9v", "Zm9v\n", "Zm-_", "Zm9\x80", "Zm9*"})
        EXPECT_EQ(base64_decode(text).error(), errors::base64_malformed) << text;
    EXPECT_EQ(base64_decode(std::string_view{"Zm9\0", 4}).error(), errors::base64_malformed);
}

// RFC 4648 3.5: "When the pad bits are non-zero ... decoders MAY choose to reject an encoding": two spellings of one
// token would be two keys of one cache.
TEST(Base64, refuses_trailing_bits_that_are_not_zero) {
    EXPECT_EQ(base64_decode("Zh==").error(), errors::base64_malformed);
    EXPECT_EQ(base64_decode("Zm9=").error(), errors::base64_malformed);
    EXPECT_EQ(base64url_decode("Zh").error(), errors::base64url_malformed);
    EXPECT_EQ(base32_decode("MZ").error(), errors::base32_malformed);
}

TEST(Base64url, writes_no_padding_and_its_own_two_characters) {
    // RFC 7515 appendix C: octets 3 236 255 224 193.
    Bytes const bytes{std::byte{3}, std::byte{236}, std::byte{255}, std::byte{224}, std::byte{193}};
    EXPECT_EQ(base64url_encode(bytes), "A-z_4ME");
    EXPECT_EQ(base64url_decode("A-z_4ME").value(), bytes);
    EXPECT_EQ(base64_encode(bytes), "A+z/4ME=");
}

TEST(Base64url, refuses_padding_blanks_and_the_other_alphabet) {
    for (auto const* text : {"Zg==", "Zg=", "A+z_4ME", "A-z/4ME", "A-z_ 4ME", "A-z_4ME\n", "A", "AAAAA", "A-z.4ME"})
        EXPECT_EQ(base64url_decode(text).error(), errors::base64url_malformed) << text;
}

TEST(Base32, agrees_with_rfc_4648_without_padding) {
    for (auto const& v : rfc4648) {
        EXPECT_EQ(base32_encode(as_bytes(v.plain)), v.base32);
        EXPECT_EQ(to_text(base32_decode(v.base32).value()), v.plain);
    }
}

TEST(Base32, twenty_bytes_are_thirty_two_characters) {
    testing::ScriptedRandom random;
    EXPECT_EQ(base32_encode(random.bytes(20)).size(), 32u);
}

TEST(Base32, refuses_what_a_person_may_type_until_it_is_normalised) {
    for (auto const* text : {"mzxw6", "MZXW 6", "MZXW-6", "MZXW6===", "MZXW61", "MZXW0", "M", "MZX", "MZXW6Y"})
        EXPECT_EQ(base32_decode(text).error(), errors::base32_malformed) << text;
    EXPECT_EQ(normalise_base32("mzxw 6ytb-oi======"), "MZXW6YTBOI");
    EXPECT_EQ(normalise_base32("\tMZXW6\r\n"), "MZXW6");
    EXPECT_EQ(normalise_base32("mz=xw!"), "MZ=XW!");  // wrong characters stay wrong
}

TEST(Hex, agrees_with_rfc_4648_and_reads_both_cases) {
    for (auto const& v : rfc4648) {
        EXPECT_EQ(hex_encode(as_bytes(v.plain)), v.hex);
        EXPECT_EQ(to_text(hex_decode(v.hex).value()), v.plain);
    }
    EXPECT_EQ(hex_decode("DEADbeef").value(), hex_decode("deadbeef").value());
}

TEST(Hex, refuses_odd_lengths_and_other_characters) {
    for (auto const* text : {"a", "abc", "0x", "g0", "0g", " 00", "00 ", "-1", "\xff\xff"})
        EXPECT_EQ(hex_decode(text).error(), errors::hex_malformed) << text;
}

TEST(BaseEncodings, every_length_survives_the_round_trip) {
    testing::ScriptedRandom random{7};
    for (std::size_t size = 0; size < 200; ++size) {
        auto const bytes = random.bytes(size);
        EXPECT_EQ(base64_decode(base64_encode(bytes)).value(), bytes);
        EXPECT_EQ(base64url_decode(base64url_encode(bytes)).value(), bytes);
        EXPECT_EQ(base32_decode(base32_encode(bytes)).value(), bytes);
        EXPECT_EQ(hex_decode(hex_encode(bytes)).value(), bytes);
    }
}

// The other direction: whatever decodes is the only spelling of its bytes.
TEST(BaseEncodings, what_decodes_encodes_to_itself) {
    testing::ScriptedRandom random{11};
    constexpr std::string_view characters = "ABab01+/-_=27";
    int decoded = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        auto const bytes = random.bytes(1 + static_cast<std::size_t>(round % 9));
        for (auto const byte : bytes) text += characters[std::to_integer<std::size_t>(byte) % characters.size()];
        if (auto const value = base64_decode(text); value.ok()) {
            ++decoded;
            EXPECT_EQ(base64_encode(value.value()), text);
        }
        if (auto const value = base64url_decode(text); value.ok()) {
            ++decoded;
            EXPECT_EQ(base64url_encode(value.value()), text);
        }
        if (auto const value = base32_decode(text); value.ok()) {
            ++decoded;
            EXPECT_EQ(base32_encode(value.value()), text);
        }
    }
    EXPECT_GT(decoded, 1000);
}

}  // namespace
}  // namespace zephyr::encoding
