#include <gtest/gtest.h>

#include "crypto/wycheproof.h"
#include "zephyr/crypto/signatures.h"

namespace zephyr::crypto {
namespace {

wycheproof::Tally judge(std::string_view file, SignatureAlgorithm algorithm, EcdsaForm form = EcdsaForm::der) {
    wycheproof::Tally tally;
    wycheproof::for_each_test(wycheproof::load(file), [&](auto const& group, auto const& test) {
        auto const key = VerifyKey::from_spki_der(algorithm, wycheproof::hex_at(group, "publicKeyDer"));
        bool const accepted =
            key.ok() && key.value().verify(wycheproof::hex_at(test, "msg"), wycheproof::hex_at(test, "sig"), form).ok();
        tally.add(test, accepted);
    });
    return tally;
}

TEST(SignatureVectors, wycheproof_es256_der_has_no_miss) {
    EXPECT_EQ(judge("ecdsa_secp256r1_sha256", SignatureAlgorithm::es256), wycheproof::clean(88, 154));
}
TEST(SignatureVectors, wycheproof_es256_p1363_has_no_miss) {
    EXPECT_EQ(judge("ecdsa_secp256r1_sha256_p1363", SignatureAlgorithm::es256, EcdsaForm::p1363),
              wycheproof::clean(84, 47));
}
TEST(SignatureVectors, wycheproof_es384_p1363_has_no_miss) {
    EXPECT_EQ(judge("ecdsa_secp384r1_sha384_p1363", SignatureAlgorithm::es384, EcdsaForm::p1363),
              wycheproof::clean(96, 44));
}
TEST(SignatureVectors, wycheproof_es512_p1363_has_no_miss) {
    EXPECT_EQ(judge("ecdsa_secp521r1_sha512_p1363", SignatureAlgorithm::es512, EcdsaForm::p1363),
              wycheproof::clean(118, 41));
}
TEST(SignatureVectors, wycheproof_ed25519_has_no_miss) {
    EXPECT_EQ(judge("ed25519", SignatureAlgorithm::ed25519), wycheproof::clean(44, 32));
}
TEST(SignatureVectors, wycheproof_rs256_has_no_miss) {
    EXPECT_EQ(judge("rsa_signature_2048_sha256", SignatureAlgorithm::rs256), wycheproof::clean(5, 124, 1));
}
TEST(SignatureVectors, wycheproof_ps256_has_no_miss) {
    EXPECT_EQ(judge("rsa_pss_2048_sha256_mgf1_32", SignatureAlgorithm::ps256), wycheproof::clean(31, 23));
}

// Nothing signed for one algorithm passes under another that takes the same key.
TEST(SignatureVectors, rsa_signatures_do_not_pass_under_the_other_padding) {
    EXPECT_EQ(judge("rsa_signature_2048_sha256", SignatureAlgorithm::ps256).valid_accepted, 0);
    EXPECT_EQ(judge("rsa_pss_2048_sha256_mgf1_32", SignatureAlgorithm::rs256).valid_accepted, 0);
}
TEST(SignatureVectors, ecdsa_signatures_do_not_pass_in_the_other_form_or_for_another_curve) {
    EXPECT_EQ(judge("ecdsa_secp256r1_sha256", SignatureAlgorithm::es256, EcdsaForm::p1363).valid_accepted, 0);
    EXPECT_EQ(judge("ecdsa_secp256r1_sha256_p1363", SignatureAlgorithm::es256, EcdsaForm::der).valid_accepted, 0);
    EXPECT_EQ(judge("ecdsa_secp256r1_sha256", SignatureAlgorithm::es384).valid_accepted, 0);
    EXPECT_EQ(judge("ed25519", SignatureAlgorithm::es256).valid_accepted, 0);
}

}  // namespace
}  // namespace zephyr::crypto
