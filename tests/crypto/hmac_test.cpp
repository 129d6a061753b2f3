#include "zephyr/crypto/hmac.h"

#include <gtest/gtest.h>

#include "crypto/wycheproof.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/encoding/hex.h"

namespace zephyr::crypto {
namespace {

using encoding::hex_decode;
using encoding::hex_encode;

Bytes repeated(int value, std::size_t count) {
    return Bytes(count, static_cast<std::byte>(value));
}
Bytes counting_key() {
    return hex_decode("0102030405060708090a0b0c0d0e0f10111213141516171819").value();
}

TEST(Hmac, sha1_matches_rfc_2202) {
    EXPECT_EQ(hex_encode(hmac_sha1(repeated(0x0b, 20), as_bytes("Hi There"))),
              "b617318655057264e28bc0b6fb378c8ef146be00");
    EXPECT_EQ(hex_encode(hmac_sha1(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
              "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    EXPECT_EQ(hex_encode(hmac_sha1(repeated(0xaa, 20), repeated(0xdd, 50))),
              "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
    EXPECT_EQ(hex_encode(hmac_sha1(counting_key(), repeated(0xcd, 50))), "4c9007f4026250c6bc8414f9bf50c86c2d7235da");
    EXPECT_EQ(hex_encode(hmac_sha1(repeated(0x0c, 20), as_bytes("Test With Truncation"))),
              "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04");
    EXPECT_EQ(
        hex_encode(hmac_sha1(repeated(0xaa, 80), as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
        "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    EXPECT_EQ(hex_encode(hmac_sha1(repeated(0xaa, 80), as_bytes("Test Using Larger Than Block-Size Key and Larger "
                                                                "Than One Block-Size Data"))),
              "e8e99d0f45237d786d6bbaa7965c7808bbff1a91");
}

struct Rfc4231Case {
    Bytes key;
    Bytes message;
    std::string sha256;
    std::string sha512;
};
std::vector<Rfc4231Case> rfc_4231() {
    return {
        {repeated(0x0b, 20), to_bytes("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
         "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
         "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
        {to_bytes("Jefe"), to_bytes("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
        {repeated(0xaa, 20), repeated(0xdd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
         "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
         "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
        {counting_key(), repeated(0xcd, 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
         "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
         "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"},
        {repeated(0xaa, 131), to_bytes("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
         "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
         "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
        {repeated(0xaa, 131),
         to_bytes(
             "This is a test using a larger than block-size key and a larger than block-size data. The key needs to "
             "be hashed before being used by the HMAC algorithm."),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
         "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
         "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"},
    };
}

TEST(Hmac, sha256_and_sha512_match_rfc_4231) {
    for (auto const& item : rfc_4231()) {
        EXPECT_EQ(hex_encode(hmac_sha256(item.key, item.message)), item.sha256);
        EXPECT_EQ(hex_encode(hmac_sha512(item.key, item.message)), item.sha512);
    }
}

TEST(Hmac, matches_rfc_4231_case_5_with_truncation) {
    auto const key = repeated(0x0c, 20);
    EXPECT_EQ(hex_encode(ByteView{hmac_sha256(key, as_bytes("Test With Truncation"))}.first(16)),
              "a3b6167473100ee06e0c796c2955552b");
    EXPECT_EQ(hex_encode(ByteView{hmac_sha512(key, as_bytes("Test With Truncation"))}.first(16)),
              "415fad6271580a531d4179bc891d87a6");
}

TEST(Hmac, an_empty_key_and_an_empty_message_work) {
    EXPECT_EQ(hex_encode(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// Expected values from Python's hmac module.
TEST(Hmac, keys_as_long_as_a_block_and_one_byte_around_it_are_right) {
    EXPECT_EQ(hex_encode(hmac_sha256(repeated(1, 63), {})),
              "b07fd16917c5262ad2c7b351207403be"
              "c6ab7d1f3926d21ba40ace106c3938d5");
    EXPECT_EQ(hex_encode(hmac_sha256(repeated(1, 64), {})),
              "11581ebc1f05ecefdee13d63845c1a43"
              "b219a7bc8e0e90d3396baeb2a55677d7");
    EXPECT_EQ(hex_encode(hmac_sha256(repeated(1, 65), {})),
              "64fe4bbddcb2a92f94cfea8110bd7ca1"
              "aaf32e8093d49fa604534abd7cb2a3ae");
    EXPECT_EQ(hex_encode(hmac_sha512(repeated(1, 128), {})),
              "5eb68d232fba442a9832bb9d3ef2c7a8c94f66402fe562e85580c985033f6b96"
              "defc29cdbc5b7fa3902e1983742558e94aba47dee1c5be24c59452c5ff49d9e8");
    EXPECT_EQ(hex_encode(hmac_sha512(repeated(1, 129), {})),
              "2941d5266949c963b5bb21190313ce9287c2f9d636d4a76cacf460ec8505c89e"
              "3cdc19b5d9ec22f64396fc8f61d277328090498895df98e97af61ae615bbf246");
    EXPECT_EQ(hex_encode(hmac_sha1(repeated(1, 64), {})),
              "0888afd5d6300783be66"
              "38d3aff5842bfdf995a9");
}

TEST(Hmac, wycheproof_sha256_has_no_miss) {
    wycheproof::Tally tally;
    wycheproof::for_each_test(wycheproof::load("hmac_sha256"), [&](auto const& group, auto const& test) {
        auto const tag = wycheproof::hex_at(test, "tag");
        auto const mac = hmac_sha256(wycheproof::hex_at(test, "key"), wycheproof::hex_at(test, "msg"));
        auto const tag_bytes = static_cast<std::size_t>(group.find("tagSize")->integer().value()) / 8;
        tally.add(test, equal_constant_time(ByteView{mac}.first(tag_bytes), tag));
    });
    EXPECT_EQ(tally, wycheproof::clean(33, 54));
}

TEST(ConstantTime, tells_equal_from_unequal) {
    EXPECT_TRUE(equal_constant_time("", ""));
    EXPECT_TRUE(equal_constant_time("same", "same"));
    EXPECT_FALSE(equal_constant_time("same", "samf"));
    EXPECT_FALSE(equal_constant_time("same", "tame"));
    EXPECT_FALSE(equal_constant_time("same", "sam"));
    EXPECT_FALSE(equal_constant_time("", "s"));
    EXPECT_FALSE(equal_constant_time(std::string_view{"a\0b", 3}, std::string_view{"a\0c", 3}));
}

}  // namespace
}  // namespace zephyr::crypto
