#include "zephyr/crypto/signatures.h"

#include <gtest/gtest.h>

#include <thread>

#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {
namespace {

using enum SignatureAlgorithm;

Bytes hex(std::string_view text) {
    return encoding::hex_decode(text).value();
}

// A fresh key; for RSA, which takes long to make, the next of four.
SigningKey make(SignatureAlgorithm algorithm) {
    if (algorithm != rs256 && algorithm != ps256) return SigningKey::generate(algorithm);
    static std::vector<SecretBytes> const made = [] {
        std::vector<SecretBytes> keys;
        for (int i = 0; i < 4; ++i) keys.push_back(SigningKey::generate(rs256, 2048).pkcs8_der());
        return keys;
    }();
    static std::size_t next = 0;
    return SigningKey::from_pkcs8_der(algorithm, made[next++ % made.size()]).value();
}

// One DER element; lengths as DER wants them.
Bytes element(int tag, std::vector<Bytes> const& parts) {
    Bytes content;
    for (auto const& part : parts) content.insert(content.end(), part.begin(), part.end());
    Bytes out{static_cast<std::byte>(tag)};
    auto const size = content.size();
    if (size >= 256) out.insert(out.end(), {std::byte{0x82}, static_cast<std::byte>(size >> 8)});
    if (size >= 128 && size < 256) out.push_back(std::byte{0x81});
    out.push_back(static_cast<std::byte>(size));
    out.insert(out.end(), content.begin(), content.end());
    return out;
}
Bytes rsa_public(Bytes const& modulus, Bytes const& exponent) {
    auto const algorithm = element(0x30, {hex("06092a864886f70d010101"), hex("0500")});
    auto const numbers = element(0x30, {element(0x02, {modulus}), element(0x02, {exponent})});
    return element(0x30, {algorithm, element(0x03, {hex("00"), numbers})});
}
// A positive number of that many bits, odd, as an INTEGER's content.
Bytes modulus_of_bits(std::size_t bits) {
    Bytes out(bits / 8 + 1, std::byte{0xa5});
    out[0] = std::byte{0};
    return out;
}

class EveryAlgorithm : public ::testing::TestWithParam<SignatureAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(Signatures, EveryAlgorithm, ::testing::Values(ed25519, es256, es384, es512, rs256, ps256));

TEST_P(EveryAlgorithm, verifies_what_it_signed_and_nothing_else) {
    auto const key = make(GetParam());
    auto const stranger = make(GetParam()).verify_key();
    auto const verifier = key.verify_key();
    for (auto const form : {EcdsaForm::der, EcdsaForm::p1363}) {
        auto const signature = key.sign(as_bytes("message"), form);
        EXPECT_TRUE(verifier.verify(as_bytes("message"), signature, form).ok());
        EXPECT_EQ(verifier.verify(as_bytes("massage"), signature, form).error(), errors::signature_wrong);
        EXPECT_EQ(verifier.verify({}, signature, form).error(), errors::signature_wrong);
        EXPECT_EQ(stranger.verify(as_bytes("message"), signature, form).error(), errors::signature_wrong);
    }
}

TEST_P(EveryAlgorithm, refuses_every_changed_byte_and_every_other_length) {
    auto const key = make(GetParam());
    auto const verifier = key.verify_key();
    for (auto const form : {EcdsaForm::der, EcdsaForm::p1363}) {
        auto const signature = key.sign(as_bytes("message"), form);
        for (std::size_t i = 0; i < signature.size(); ++i) {
            auto changed = signature;
            changed[i] ^= std::byte{1};
            EXPECT_EQ(verifier.verify(as_bytes("message"), changed, form).error(), errors::signature_wrong) << i;
            EXPECT_EQ(verifier.verify(as_bytes("message"), ByteView{signature}.first(i), form).error(),
                      errors::signature_wrong);
        }
        auto longer = signature;
        longer.push_back(std::byte{0});
        EXPECT_EQ(verifier.verify(as_bytes("message"), longer, form).error(), errors::signature_wrong);
    }
}

TEST_P(EveryAlgorithm, refuses_a_signature_of_zeros) {
    auto const verifier = make(GetParam()).verify_key();
    for (auto const form : {EcdsaForm::der, EcdsaForm::p1363})
        for (std::size_t const size : {64U, 96U, 132U, 256U})
            EXPECT_EQ(verifier.verify(as_bytes("message"), Bytes(size), form).error(), errors::signature_wrong);
    EXPECT_EQ(verifier.verify(as_bytes("message"), hex("3006020100020100")).error(), errors::signature_wrong);
}

TEST_P(EveryAlgorithm, comes_back_from_its_encodings) {
    auto const key = make(GetParam());
    auto const again = SigningKey::from_pkcs8_der(GetParam(), key.pkcs8_der()).value();
    auto const verifier = VerifyKey::from_spki_der(GetParam(), key.verify_key().spki_der()).value();
    EXPECT_TRUE(verifier.verify(as_bytes("m"), again.sign(as_bytes("m"))).ok());
    EXPECT_EQ(again.verify_key().spki_der(), verifier.spki_der());
    EXPECT_EQ(verifier.algorithm(), GetParam());
    EXPECT_EQ(again.algorithm(), GetParam());
    EXPECT_EQ(verifier.fingerprint().size(), 64U);
    EXPECT_EQ(verifier.fingerprint(), key_fingerprint(verifier.spki_der()));
    EXPECT_NE(verifier.fingerprint(), make(GetParam()).verify_key().fingerprint());
}

TEST_P(EveryAlgorithm, keys_cut_or_with_bytes_behind_are_refused) {
    auto const key = make(GetParam());
    auto spki = key.verify_key().spki_der();
    auto pkcs8 = key.pkcs8_der().reveal();
    for (std::size_t size = 0; size < spki.size(); ++size)
        EXPECT_EQ(VerifyKey::from_spki_der(GetParam(), ByteView{spki}.first(size)).error(), errors::key_malformed)
            << size;
    for (std::size_t size = 0; size < pkcs8.size(); size += 7)
        EXPECT_EQ(SigningKey::from_pkcs8_der(GetParam(), SecretBytes{to_bytes(ByteView{pkcs8}.first(size))}).error(),
                  errors::key_malformed)
            << size;
    spki.push_back(std::byte{0});
    pkcs8.push_back(std::byte{0});
    EXPECT_EQ(VerifyKey::from_spki_der(GetParam(), spki).error(), errors::key_malformed);
    EXPECT_EQ(SigningKey::from_pkcs8_der(GetParam(), SecretBytes{pkcs8}).error(), errors::key_malformed);
}

TEST_P(EveryAlgorithm, a_key_for_another_algorithm_is_unsuitable) {
    auto const key = make(GetParam());
    for (auto const other : {ed25519, es256, es384, es512, rs256, ps256}) {
        bool const both_rsa = (GetParam() == rs256 || GetParam() == ps256) && (other == rs256 || other == ps256);
        auto const imported = VerifyKey::from_spki_der(other, key.verify_key().spki_der());
        if (other == GetParam() || both_rsa) {
            EXPECT_TRUE(imported.ok());
            continue;
        }
        EXPECT_EQ(imported.error(), errors::key_unsuitable);
        EXPECT_EQ(SigningKey::from_pkcs8_der(other, key.pkcs8_der()).error(), errors::key_unsuitable);
    }
}

TEST_P(EveryAlgorithm, one_key_serves_many_threads) {
    auto const key = make(GetParam());
    auto const verifier = key.verify_key();
    std::vector<int> wrong(4, 0);
    std::vector<std::thread> threads;
    for (auto& count : wrong)
        threads.emplace_back([&] {
            for (int i = 0; i < 5; ++i)
                if (!verifier.verify(as_bytes("m"), key.sign(as_bytes("m"))).ok()) ++count;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(Signatures, ed25519_matches_rfc_8032_test_1) {
    auto const key = SigningKey::from_pkcs8_der(
                         ed25519, SecretBytes{hex("302e020100300506032b657004220420"
                                                  "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")})
                         .value();
    EXPECT_EQ(key.verify_key().spki_der(),
              hex("302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
    EXPECT_EQ(key.sign({}),
              hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd"
                  "25bf5f0595bbe24655141438e7a100b"));
}

// Under a point of small order one signature fits many messages, so no such key may be registered.
TEST(Signatures, ed25519_keys_of_small_order_are_refused) {
    for (auto const* const point : {"0000000000000000000000000000000000000000000000000000000000000000",
                                    "0100000000000000000000000000000000000000000000000000000000000000",
                                    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                                    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                                    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"})
        EXPECT_FALSE(VerifyKey::from_spki_der(ed25519, hex(std::string{"302a300506032b6570032100"} + point)).ok())
            << point;
}

TEST(Signatures, rsa_keys_have_3072_bits_unless_asked_otherwise) {
    // SubjectPublicKeyInfo of 3072 bits: 384 bytes of modulus and 38 around them.
    EXPECT_EQ(SigningKey::generate(rs256).verify_key().spki_der().size(), 422U);
}

TEST(Signatures, p1363_form_has_the_length_jws_wants) {
    // RFC 7518 3.4: "the JWS Signature value MUST be a 64-octet sequence", 96 and 132 for the other curves.
    EXPECT_EQ(make(es256).sign(as_bytes("m"), EcdsaForm::p1363).size(), 64U);
    EXPECT_EQ(make(es384).sign(as_bytes("m"), EcdsaForm::p1363).size(), 96U);
    EXPECT_EQ(make(es512).sign(as_bytes("m"), EcdsaForm::p1363).size(), 132U);
}

TEST(Signatures, rsa_below_2048_or_above_8192_bits_is_unsuitable) {
    auto const usual = hex("010001");
    for (std::size_t const bits : {512U, 1024U, 2040U, 8200U, 16384U})
        EXPECT_EQ(VerifyKey::from_spki_der(rs256, rsa_public(modulus_of_bits(bits), usual)).error(),
                  errors::key_unsuitable)
            << bits;
    for (std::size_t const bits : {2048U, 8192U})
        EXPECT_TRUE(VerifyKey::from_spki_der(rs256, rsa_public(modulus_of_bits(bits), usual)).ok()) << bits;
    EXPECT_THROW(SigningKey::generate(rs256, 1024), Fault);
    EXPECT_THROW(SigningKey::generate(ps256, 16384), Fault);
}

TEST(Signatures, rsa_exponents_of_one_or_even_are_unsuitable) {
    auto const modulus = modulus_of_bits(2048);
    for (auto const* const exponent : {"01", "00", "02", "010000"})
        EXPECT_EQ(VerifyKey::from_spki_der(rs256, rsa_public(modulus, hex(exponent))).error(), errors::key_unsuitable)
            << exponent;
    EXPECT_TRUE(VerifyKey::from_spki_der(rs256, rsa_public(modulus, hex("03"))).ok());
    auto even = modulus;
    even.back() = std::byte{0xa4};
    EXPECT_EQ(VerifyKey::from_spki_der(rs256, rsa_public(even, hex("010001"))).error(), errors::key_unsuitable);
}

TEST(Signatures, a_key_has_one_spelling) {
    // 65537 with a needless leading zero.
    EXPECT_EQ(VerifyKey::from_spki_der(rs256, rsa_public(modulus_of_bits(2048), hex("00010001"))).error(),
              errors::key_malformed);
}

TEST(Signatures, other_kinds_of_keys_are_unsuitable) {
    auto const secp256k1 =
        hex("3056301006072a8648ce3d020106052b8104000a03420004c2ceb1cf998ceba3e706ef27f9d75a6172182f02a135f54ef6430b9624"
            "f5d1a310c8"
            "078606a546cc37266fb51be6864aa492515679565fcc29834709ebeab6a4");
    auto const ed448 =
        hex("3043300506032b6571033a0098b88bc95ee07a702e0490db6d15e3bfba228394fc6a2cca09e351d873f2854b2db87bf6eb403851b6"
            "a5a31b14ec"
            "57e82a9812342d843a5d80");
    // P-256 spelled out by its numbers.
    auto const explicit_p256 =
        hex("3082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffffff000000010000000000000000"
            "00000000ff"
            "ffffffffffffffffffffff305b0420ffffffff00000001000000000000000000000000fffffffffffffffffffffffc04205ac635d8"
            "aa3a93e7b3"
            "ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f7e900441046b17d1f2"
            "e12c4247f8"
            "bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf"
            "51f5022100"
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc6325510201010342000493d81d29daa2d89b6fb60d62e69f"
            "95bf307709"
            "7509beaba34c63921ce7f3963ba3acdf2258ab16aabff4f2240a0741b438973f5339b50c02c2ba6c668f878623");
    for (auto const algorithm : {ed25519, es256, es384, es512, rs256, ps256})
        for (auto const& der : {secp256k1, ed448, explicit_p256})
            EXPECT_EQ(VerifyKey::from_spki_der(algorithm, der).error(), errors::key_unsuitable);
}

TEST(Signatures, a_private_key_in_sec1_form_is_not_pkcs8) {
    auto const sec1 =
        hex("30770201010420a3f8ee5dd4fbae5262afc51df555882eda3ef1138f84f366232bfde3b602aad2a00a06082a8648ce3d030107a144"
            "0342000"
            "4d851053b8ff8a980af4444c090051f4f6ca15f30983411b3530384056b65c6d17e618ddd7d3a7a5f0b8c779bf5f483b64fce1b280"
            "30d435c"
            "e7bcfb7f33978c60");
    EXPECT_EQ(SigningKey::from_pkcs8_der(es256, SecretBytes{sec1}).error(), errors::key_malformed);
}

TEST(Signatures, a_private_key_with_another_keys_public_half_is_malformed) {
    auto mixed = make(es256).pkcs8_der().reveal();
    auto const other = make(es256).pkcs8_der();
    constexpr std::ptrdiff_t point = 65;
    std::copy(other.reveal().end() - point, other.reveal().end(), mixed.end() - point);
    EXPECT_EQ(SigningKey::from_pkcs8_der(es256, SecretBytes{mixed}).error(), errors::key_malformed);
}

TEST(Signatures, a_point_off_the_curve_is_malformed) {
    auto spki = make(es256).verify_key().spki_der();
    spki.back() ^= std::byte{1};
    EXPECT_EQ(VerifyKey::from_spki_der(es256, spki).error(), errors::key_malformed);
}

}  // namespace
}  // namespace zephyr::crypto
