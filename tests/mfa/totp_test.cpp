// The arithmetic of one-time passwords, against the values of its two standards.
#include "zephyr/mfa/totp.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <vector>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::mfa {
namespace {

constexpr std::string_view digits20 = "12345678901234567890";
std::string secret_of(std::size_t length) {
    std::string out;
    while (out.size() < length) out += digits20;
    return out.substr(0, length);
}

// RFC 4226, appendix D: "Secret = 0x3132333435363738393031323334353637383930".
TEST(Totp, gives_the_codes_of_rfc_4226) {
    constexpr std::array<std::string_view, 10> expected = {"755224", "287082", "359152", "969429", "338314",
                                                           "254676", "287922", "162583", "399871", "520489"};
    for (std::size_t counter = 0; counter < expected.size(); ++counter)
        EXPECT_EQ(totp_code(as_bytes(digits20), static_cast<std::int64_t>(counter), 6, TotpAlgorithm::sha1),
                  expected[counter]);
}

// RFC 6238, appendix B; the secrets are 20, 32 and 64 bytes long (erratum 2866).
TEST(Totp, gives_the_codes_of_rfc_6238) {
    struct Row {
        std::int64_t seconds;
        std::string_view sha1, sha256, sha512;
    };
    for (auto const& row :
         {Row{59, "94287082", "46119246", "90693936"}, Row{1111111109, "07081804", "68084774", "25091201"},
          Row{1111111111, "14050471", "67062674", "99943326"}, Row{1234567890, "89005924", "91819424", "93441116"},
          Row{2000000000, "69279037", "90698825", "38618901"}, Row{20000000000, "65353130", "77737706", "47863826"}}) {
        auto const step = totp_step(from_millis(row.seconds * 1000), 30s);
        EXPECT_EQ(totp_code(as_bytes(secret_of(20)), step, 8, TotpAlgorithm::sha1), row.sha1) << row.seconds;
        EXPECT_EQ(totp_code(as_bytes(secret_of(32)), step, 8, TotpAlgorithm::sha256), row.sha256) << row.seconds;
        EXPECT_EQ(totp_code(as_bytes(secret_of(64)), step, 8, TotpAlgorithm::sha512), row.sha512) << row.seconds;
    }
}

TEST(Totp, agrees_with_the_collected_vectors) {
    std::ifstream file{"tests/vectors/otp/hotp_totp_rfc.json"};
    std::string const text{std::istreambuf_iterator<char>{file}, {}};
    auto const vectors = encoding::parse_json(text);
    ASSERT_TRUE(vectors.ok()) << vectors.error();
    int seen = 0;
    for (auto const& one : *vectors.value().find("cases")->items()) {
        auto const algorithm = parse_totp_algorithm(one.string_at("algorithm").value());
        ASSERT_TRUE(algorithm);
        auto const secret = one.string_at("secret_ascii").value();
        auto const step = one.string_at("type") == "hotp"
                              ? one.find("counter")->integer().value()
                              : totp_step(from_millis(one.find("time")->integer().value() * 1000),
                                          std::chrono::seconds{one.find("period")->integer().value()});
        EXPECT_EQ(
            totp_code(as_bytes(secret), step, static_cast<int>(one.find("digits")->integer().value()), *algorithm),
            one.string_at("expected"))
            << one.string_at("id").value();
        ++seen;
    }
    EXPECT_EQ(seen, 14);
}

TEST(Totp, keeps_leading_zeros) {
    EXPECT_EQ(totp_code(as_bytes(digits20), totp_step(from_millis(1111111109'000), 30s), 8, TotpAlgorithm::sha1)[0],
              '0');
}

TEST(Totp, makes_no_codes_too_short_or_too_long_to_be_safe) {
    EXPECT_THROW(std::ignore = totp_code(as_bytes(digits20), 1, 5, TotpAlgorithm::sha1), Fault);
    EXPECT_THROW(std::ignore = totp_code(as_bytes(digits20), 1, 9, TotpAlgorithm::sha1), Fault);
}

TEST(Totp, counts_steps_down_to_the_floor) {
    EXPECT_EQ(totp_step(from_millis(0), 30s), 0);
    EXPECT_EQ(totp_step(from_millis(29'999), 30s), 0);
    EXPECT_EQ(totp_step(from_millis(30'000), 30s), 1);
    EXPECT_EQ(totp_step(from_millis(-1), 30s), -1);
    EXPECT_EQ(totp_step(from_millis(-30'000), 30s), -1);
    EXPECT_EQ(totp_step(from_millis(-30'001), 30s), -2);
}

// Different spellings of one code are one code: else the second spelling would be a way around "used once".
TEST(Totp, reads_a_code_however_it_was_typed) {
    for (std::string_view const typed : {"012345", " 012345 ", "012 345", "01 23 45", "012-345", "012\t345\r\n",
                                         "012\u00a0345", "012\u2009345", "012\u202f345", "012\u3000345", "012\u2010345",
                                         "012\u2011345", "０１２３４５", "٠١٢٣٤٥", "०१२३४५", "0１2३4٥", "𝟎𝟏𝟐𝟑𝟒𝟓"}) {
        EXPECT_EQ(normalise_code(typed, 6), "012345") << typed;
    }
    EXPECT_EQ(normalise_code("0000 0000", 8), "00000000");
}

TEST(Totp, takes_nothing_else_for_a_code) {
    for (std::string_view const typed :
         {"", " ", "12345", "1234567", "12345a", "+12345", "-12345", "12345.", "0x1234", "1e5000", "①②③④⑤⑥",
          "一二三四五六", "½23456", "123456\u200b", "\u202e123456", "12345\xff", "123_456", "123\u2212456", "²²²²²²"}) {
        EXPECT_EQ(normalise_code(typed, 6), std::nullopt) << typed;
    }
    EXPECT_EQ(normalise_code(std::string("12345\0", 6), 6), std::nullopt);
    EXPECT_EQ(normalise_code("123456" + std::string(59, ' '), 6), std::nullopt) << "over 64 bytes";
    EXPECT_EQ(normalise_code("123456" + std::string(58, ' '), 6), "123456");
}

TEST(Totp, writes_the_uri_an_authenticator_reads) {
    EXPECT_EQ(otpauth_uri({.issuer = "Acme & Söhne",
                           .account = "alice@acme.test",
                           .secret_base32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}),
              "otpauth://totp/Acme%20%26%20S%C3%B6hne:alice%40acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
              "&issuer=Acme%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30");
    EXPECT_EQ(otpauth_uri({.issuer = "a:b",
                           .account = "c?secret=EVIL&x",
                           .secret_base32 = "AA",
                           .algorithm = TotpAlgorithm::sha512,
                           .digits = 8,
                           .period = 60s}),
              "otpauth://totp/a%3Ab:c%3Fsecret%3DEVIL%26x?secret=AA&issuer=a%3Ab&algorithm=SHA512&digits=8&period=60");
}

TEST(Totp, names_its_algorithms) {
    for (auto const algorithm : {TotpAlgorithm::sha1, TotpAlgorithm::sha256, TotpAlgorithm::sha512})
        EXPECT_EQ(parse_totp_algorithm(to_string(algorithm)), algorithm);
    EXPECT_EQ(parse_totp_algorithm("MD5"), std::nullopt);
    EXPECT_EQ(parse_totp_algorithm("sha1"), std::nullopt);
}

}  // namespace
}  // namespace zephyr::mfa
