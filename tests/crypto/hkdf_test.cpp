#include "zephyr/crypto/hkdf.h"

#include <gtest/gtest.h>

#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {
namespace {

Bytes hex(std::string_view text) {
    return encoding::hex_decode(text).value();
}

Bytes counting(int from, int to) {
    Bytes out;
    for (int value = from; value <= to; ++value) out.push_back(static_cast<std::byte>(value));
    return out;
}

TEST(Hkdf, matches_rfc_5869_case_1) {
    auto const key = hkdf_sha256(Bytes(22, std::byte{0x0b}), counting(0x00, 0x0c), counting(0xf0, 0xf9), 42);
    EXPECT_EQ(key.reveal(),
              hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"));
}

TEST(Hkdf, matches_rfc_5869_case_2_with_long_inputs) {
    auto const key = hkdf_sha256(counting(0x00, 0x4f), counting(0x60, 0xaf), counting(0xb0, 0xff), 82);
    EXPECT_EQ(key.reveal(),
              hex("b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
                  "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"));
}

TEST(Hkdf, matches_rfc_5869_case_3_without_salt_and_info) {
    auto const key = hkdf_sha256(Bytes(22, std::byte{0x0b}), {}, {}, 42);
    EXPECT_EQ(key.reveal(),
              hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"));
}

TEST(Hkdf, gives_the_longest_length_and_refuses_one_more) {
    constexpr std::size_t longest = 255 * 32;
    EXPECT_EQ(hkdf_sha256(as_bytes("k"), {}, {}, longest).size(), longest);
    EXPECT_THROW(hkdf_sha256(as_bytes("k"), {}, {}, longest + 1), Fault);
    EXPECT_THROW(hkdf_sha256(as_bytes("k"), {}, {}, 0), Fault);
}

TEST(Hkdf, a_shorter_key_is_the_start_of_a_longer_one) {
    auto const longer = hkdf_sha256(as_bytes("k"), {}, as_bytes("p"), 64);
    auto const shorter = hkdf_sha256(as_bytes("k"), {}, as_bytes("p"), 33);
    EXPECT_EQ(shorter.reveal(), to_bytes(ByteView{longer.reveal()}.first(33)));
}

}  // namespace
}  // namespace zephyr::crypto
