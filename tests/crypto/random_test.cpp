#include "zephyr/crypto/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace zephyr::crypto {
namespace {

TEST(SystemRandom, never_repeats_in_ten_thousand_draws) {
    SystemRandom random;
    std::set<Bytes> seen;
    for (int i = 0; i < 10'000; ++i) seen.insert(random.bytes(16));
    EXPECT_EQ(seen.size(), 10'000U);
}

// A byte left untouched would stay 0 in all 64 draws; by chance that happens once in 2^512.
TEST(SystemRandom, fills_every_byte_even_beyond_one_system_call) {
    SystemRandom random;
    constexpr std::size_t size = 70'000;
    Bytes any(size);
    for (int i = 0; i < 64; ++i) {
        auto const drawn = random.bytes(size);
        for (std::size_t j = 0; j < size; ++j) any[j] |= drawn[j];
    }
    EXPECT_EQ(std::count(any.begin(), any.end(), std::byte{0}), 0);
}

TEST(SystemRandom, fills_nothing_when_asked_for_nothing) {
    SystemRandom random;
    EXPECT_TRUE(random.bytes(0).empty());
}

}  // namespace
}  // namespace zephyr::crypto
