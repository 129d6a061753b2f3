#include "zephyr/crypto/hash.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "zephyr/encoding/hex.h"

namespace zephyr::crypto {
namespace {

using encoding::hex_encode;

// FIPS 180-4's example messages (NIST, "Examples with Intermediate Values").
constexpr std::string_view two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr std::string_view two_long_blocks =
    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

TEST(Hash, sha1_matches_the_fips_examples) {
    EXPECT_EQ(hex_encode(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(hex_encode(sha1(as_bytes(two_blocks))), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    EXPECT_EQ(hex_encode(sha1(as_bytes(std::string(1'000'000, 'a')))), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    EXPECT_EQ(hex_encode(sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(Hash, sha256_matches_the_fips_examples) {
    EXPECT_EQ(hex_encode(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex_encode(sha256(as_bytes(two_blocks))),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(hex_encode(sha256(as_bytes(std::string(1'000'000, 'a')))),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    EXPECT_EQ(hex_encode(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, sha256_of_parts_is_that_of_the_whole_wherever_it_is_cut) {
    auto const whole = as_bytes(two_blocks);
    for (std::size_t first = 0; first <= whole.size(); ++first) {
        for (std::size_t second = first; second <= whole.size(); ++second) {
            auto const hash = sha256_of({whole.first(first), whole.subspan(first, second - first), whole.subspan(second)});
            ASSERT_EQ(to_bytes(hash), sha256(whole)) << first << " and " << second;
        }
    }
    EXPECT_EQ(to_bytes(sha256_of({})), sha256({}));
}

TEST(Hash, sha384_matches_the_fips_examples) {
    EXPECT_EQ(hex_encode(sha384(as_bytes("abc"))),
              "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
    EXPECT_EQ(hex_encode(sha384(as_bytes(two_long_blocks))),
              "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039");
}

TEST(Hash, sha512_matches_the_fips_examples) {
    EXPECT_EQ(hex_encode(sha512(as_bytes("abc"))),
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    EXPECT_EQ(hex_encode(sha512(as_bytes(two_long_blocks))),
              "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
              "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
}

TEST(Hash, many_threads_do_not_disturb_each_other) {
    auto const expected = sha256(as_bytes("abc"));
    std::vector<int> wrong(4, 0);
    std::vector<std::thread> threads;
    for (auto& count : wrong)
        threads.emplace_back([&count, &expected] {
            for (int i = 0; i < 500; ++i) {
                if (sha1(as_bytes("abc")).size() != 20) ++count;
                if (sha256(as_bytes("abc")) != expected) ++count;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace zephyr::crypto
