#include <gtest/gtest.h>

#include "zephyr/crypto/signatures.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {
namespace {

using enum SignatureAlgorithm;

Bytes hex(std::string_view text) {
    return encoding::hex_decode(text).value();
}
Bytes base64url(std::string_view text) {
    return encoding::base64url_decode(text).value();
}
Bytes odd_bytes(std::size_t size) {
    return Bytes(size, std::byte{0xa5});
}

class EveryCurve : public ::testing::TestWithParam<std::pair<SignatureAlgorithm, std::size_t>> {};
INSTANTIATE_TEST_SUITE_P(RawKeys, EveryCurve, ::testing::Values(std::pair{es256, 32u}, std::pair{es384, 48u}, std::pair{es512, 66u}));

TEST_P(EveryCurve, a_point_comes_back_from_its_coordinates) {
    auto const [algorithm, size] = GetParam();
    for (int i = 0; i < 20; ++i) {  // P-521 coordinates begin with zeros half of the time
        auto const key = SigningKey::generate(algorithm);
        auto const point = key.verify_key().ec_point();
        EXPECT_EQ(point.x.size(), size);
        EXPECT_EQ(point.y.size(), size);
        auto const again = VerifyKey::from_ec_point(algorithm, point.x, point.y).value();
        EXPECT_EQ(again.spki_der(), key.verify_key().spki_der());
        EXPECT_TRUE(again.verify(as_bytes("m"), key.sign(as_bytes("m"))).ok());
    }
}

TEST_P(EveryCurve, coordinates_off_the_curve_or_of_another_length_are_malformed) {
    auto const [algorithm, size] = GetParam();
    auto const point = SigningKey::generate(algorithm).verify_key().ec_point();
    auto const malformed = [&](ByteView x, ByteView y) {
        return VerifyKey::from_ec_point(algorithm, x, y).error() == errors::key_malformed;
    };
    auto changed = point.y;
    changed.back() ^= std::byte{1};
    EXPECT_TRUE(malformed(point.x, changed));
    EXPECT_TRUE(malformed(point.y, point.x));
    EXPECT_TRUE(malformed(Bytes(size), Bytes(size))) << "the point at infinity has no such form";
    EXPECT_TRUE(malformed(Bytes(size, std::byte{0xff}), point.y)) << "beyond the field";
    EXPECT_TRUE(malformed({}, {}));
    EXPECT_TRUE(malformed(ByteView{point.x}.first(size - 1), point.y));
    // RFC 7518 6.2.1.2: "The length of this octet string MUST be the full size of a coordinate": a zero more is one too many.
    auto longer = point.x;
    longer.insert(longer.begin(), std::byte{0});
    EXPECT_TRUE(malformed(longer, point.y));
    EXPECT_TRUE(malformed(point.x, Bytes(1 << 20)));
}

TEST(RawKeys, ed25519_comes_back_from_its_point) {
    auto const key = SigningKey::generate(ed25519);
    auto const point = key.verify_key().ed25519_point();
    EXPECT_EQ(point.size(), 32u);
    EXPECT_EQ(VerifyKey::from_ed25519_point(point).value().spki_der(), key.verify_key().spki_der());
    EXPECT_EQ(VerifyKey::from_ed25519_point(ByteView{point}.first(31)).error(), errors::key_malformed);
    EXPECT_EQ(VerifyKey::from_ed25519_point({}).error(), errors::key_malformed);
    EXPECT_EQ(VerifyKey::from_ed25519_point(Bytes(32)).error(), errors::key_unsuitable) << "small order";
}

TEST(RawKeys, rsa_comes_back_from_its_numbers) {
    auto const key = SigningKey::generate(rs256, 2048);
    auto const numbers = key.verify_key().rsa_numbers();
    EXPECT_EQ(numbers.modulus.size(), 256u);
    EXPECT_EQ(numbers.exponent, hex("010001"));
    EXPECT_EQ(VerifyKey::from_rsa_numbers(rs256, numbers.modulus, numbers.exponent).value().spki_der(), key.verify_key().spki_der());
    EXPECT_EQ(VerifyKey::from_rsa_numbers(ps256, numbers.modulus, numbers.exponent).value().algorithm(), ps256);
}

TEST(RawKeys, rsa_numbers_that_prove_nothing_are_unsuitable) {
    auto const refused = [](ByteView modulus, ByteView exponent) { return VerifyKey::from_rsa_numbers(rs256, modulus, exponent).error(); };
    EXPECT_TRUE(VerifyKey::from_rsa_numbers(rs256, odd_bytes(256), hex("010001")).ok());
    EXPECT_EQ(refused(odd_bytes(255), hex("010001")), errors::key_unsuitable) << "2040 bits";
    EXPECT_EQ(refused(odd_bytes(1025), hex("010001")), errors::key_unsuitable) << "8200 bits";
    EXPECT_EQ(refused(odd_bytes(256), hex("01")), errors::key_unsuitable) << "every message is its own signature";
    EXPECT_EQ(refused(odd_bytes(256), hex("02")), errors::key_unsuitable);
    auto even = odd_bytes(256);
    even.back() = std::byte{0xa4};
    EXPECT_EQ(refused(even, hex("010001")), errors::key_unsuitable);
}

TEST(RawKeys, rsa_numbers_have_one_spelling_and_a_size) {
    auto longer = odd_bytes(256);
    longer.insert(longer.begin(), std::byte{0});
    EXPECT_EQ(VerifyKey::from_rsa_numbers(rs256, longer, hex("010001")).error(), errors::key_malformed);
    EXPECT_EQ(VerifyKey::from_rsa_numbers(rs256, odd_bytes(256), hex("00010001")).error(), errors::key_malformed);
    EXPECT_EQ(VerifyKey::from_rsa_numbers(rs256, {}, hex("010001")).error(), errors::key_malformed);
    EXPECT_EQ(VerifyKey::from_rsa_numbers(rs256, odd_bytes(256), {}).error(), errors::key_malformed);
    EXPECT_EQ(VerifyKey::from_rsa_numbers(rs256, odd_bytes(1 << 20), hex("010001")).error(), errors::key_malformed);
}

// A modulus with the mark of CVE-2017-15361: p and q are k * M + (65537^a mod M), M the product of the primes to 701, the M of
// 2048-bit keys. Made with `k` and `a` of our own; the bits say nothing of how hard it is to factor.
TEST(RawKeys, rsa_keys_of_the_weak_chips_are_unsuitable) {
    auto const roca = base64url(
        "kOk7iQN0CulCGfQQmRYxDqCo9LaoF7Zi2cxuXxu1Bc8_I88IqFFsvh_wdDsfUg1Wce5qdEUkXEqkqWTGpXejeCeHhUW1tW-9X9RGeaGUKp0LPo"
        "YhNjewC7DNcBJ3WXv51RXgNjMa8edLSajD7hKKYY7H3QxcGKBVMkZmXoglWo7lvMLei1zgF2y0xRITKKJnGNfg4z1llR-KoV4afN6wVZ7SeKU4"
        "UZhzNpXfKXjNhMgXs9EMtPTHO27w9nmda4CBQaFUpWBYpu7Rfz4TXA8wDr0yvnJTKdJYKBA_29OQpNhmKFTD5_HcXoQYoRe6Lzp30cIiCt9pk6"
        "UM2_ZK0HPQXw");
    EXPECT_EQ(roca.size(), 256u);
    EXPECT_EQ(VerifyKey::from_rsa_numbers(rs256, roca, hex("010001")).error(), errors::key_unsuitable);
    auto sound = roca;
    sound[100] ^= std::byte{1};
    EXPECT_TRUE(VerifyKey::from_rsa_numbers(rs256, sound, hex("010001")).ok());
}

TEST(RawKeys, numbers_of_another_type_are_a_fault) {
    auto const key = SigningKey::generate(es256).verify_key();
    EXPECT_THROW((void)key.rsa_numbers(), Fault);
    EXPECT_THROW((void)key.ed25519_point(), Fault);
    EXPECT_THROW((void)SigningKey::generate(ed25519).verify_key().ec_point(), Fault);
    EXPECT_THROW((void)VerifyKey::from_ec_point(rs256, {}, {}), Fault);
    EXPECT_THROW((void)VerifyKey::from_rsa_numbers(es256, {}, {}), Fault);
}

}  // namespace
}  // namespace zephyr::crypto
