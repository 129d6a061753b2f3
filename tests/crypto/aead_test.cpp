#include "zephyr/crypto/aead.h"

#include <gtest/gtest.h>

#include "crypto/wycheproof.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {
namespace {

using encoding::hex_encode;

Bytes key() {
    return Bytes(aead_key_bytes, std::byte{7});
}
Bytes nonce() {
    return Bytes(aead_nonce_bytes, std::byte{9});
}

// Our API takes 256-bit keys and 96-bit nonces alone; the file's other groups must not get through at all.
TEST(Aead, wycheproof_aes_256_gcm_has_no_miss) {
    wycheproof::Tally tally;
    int impossible = 0;
    wycheproof::for_each_test(wycheproof::load("aes_gcm"), [&](auto const& group, auto const& test) {
        auto const the_key = wycheproof::hex_at(test, "key");
        auto const the_nonce = wycheproof::hex_at(test, "iv");
        auto const data = wycheproof::hex_at(test, "aad");
        auto const message = wycheproof::hex_at(test, "msg");
        auto sealed = wycheproof::hex_at(test, "ct");
        auto const tag = wycheproof::hex_at(test, "tag");
        sealed.insert(sealed.end(), tag.begin(), tag.end());
        if (group.find("keySize")->integer() != 256 || group.find("ivSize")->integer() != 96) {
            ++impossible;
            EXPECT_THROW((void)aead_open(the_key, the_nonce, data, sealed), Fault);
            EXPECT_THROW(aead_seal(the_key, the_nonce, data, message), Fault);
            return;
        }
        auto const opened = aead_open(the_key, the_nonce, data, sealed);
        tally.add(test, opened.ok() && opened.value().reveal() == message);
        if (test.string_at("result") == "valid") {
            EXPECT_EQ(aead_seal(the_key, the_nonce, data, message), sealed);
        }
    });
    EXPECT_EQ(tally, wycheproof::clean(20, 13));
    EXPECT_EQ(impossible, 125);
}

TEST(Aead, refuses_every_flipped_bit_and_every_truncation) {
    auto const sealed = aead_seal(key(), nonce(), as_bytes("place"), as_bytes("secret"));
    for (std::size_t i = 0; i < sealed.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            auto changed = sealed;
            changed[i] ^= static_cast<std::byte>(1 << bit);
            EXPECT_EQ(aead_open(key(), nonce(), as_bytes("place"), changed).error(), errors::aead_refused);
        }
    for (std::size_t size = 0; size < sealed.size(); ++size)
        EXPECT_EQ(aead_open(key(), nonce(), as_bytes("place"), ByteView{sealed}.first(size)).error(),
                  errors::aead_refused);
}

TEST(Aead, refuses_another_key_nonce_or_associated_data) {
    auto const sealed = aead_seal(key(), nonce(), as_bytes("place"), as_bytes("secret"));
    auto other_key = key();
    other_key[31] ^= std::byte{1};
    auto other_nonce = nonce();
    other_nonce[11] ^= std::byte{1};
    EXPECT_FALSE(aead_open(other_key, nonce(), as_bytes("place"), sealed).ok());
    EXPECT_FALSE(aead_open(key(), other_nonce, as_bytes("place"), sealed).ok());
    EXPECT_FALSE(aead_open(key(), nonce(), as_bytes("plac"), sealed).ok());
    EXPECT_FALSE(aead_open(key(), nonce(), {}, sealed).ok());
}

// C2SP XAES-256-GCM, "Test vectors": the first has the CMAC subkey without carry, the second with it.
TEST(Aead, long_nonce_form_matches_the_c2sp_vectors) {
    auto const long_nonce = to_bytes("ABCDEFGHIJKLMNOPQRSTUVWX");
    EXPECT_EQ(hex_encode(aead_seal_long_nonce(Bytes(32, std::byte{1}), long_nonce, {}, as_bytes("XAES-256-GCM"))),
              "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
    EXPECT_EQ(hex_encode(aead_seal_long_nonce(Bytes(32, std::byte{3}), long_nonce, as_bytes("c2sp.org/XAES-256-GCM"),
                                              as_bytes("XAES-256-GCM"))),
              "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

TEST(Aead, long_nonce_form_depends_on_every_byte_of_the_nonce) {
    auto const long_nonce = Bytes(aead_long_nonce_bytes, std::byte{5});
    auto const sealed = aead_seal_long_nonce(key(), long_nonce, as_bytes("place"), as_bytes("secret"));
    EXPECT_EQ(to_text(aead_open_long_nonce(key(), long_nonce, as_bytes("place"), sealed).value().reveal()), "secret");
    for (std::size_t i = 0; i < long_nonce.size(); ++i) {
        auto changed = long_nonce;
        changed[i] ^= std::byte{1};
        EXPECT_EQ(aead_open_long_nonce(key(), changed, as_bytes("place"), sealed).error(), errors::aead_refused) << i;
    }
}

TEST(Aead, wrong_sizes_are_faults_and_not_answers) {
    EXPECT_THROW(aead_seal(Bytes(31), nonce(), {}, {}), Fault);
    EXPECT_THROW(aead_seal(key(), Bytes(11), {}, {}), Fault);
    EXPECT_THROW(aead_seal({}, {}, {}, {}), Fault);
    EXPECT_THROW(aead_seal_long_nonce(key(), nonce(), {}, {}), Fault);
    EXPECT_THROW(aead_seal_long_nonce(Bytes(16), Bytes(24), {}, {}), Fault);
    EXPECT_THROW((void)aead_open_long_nonce(key(), nonce(), {}, Bytes(32)), Fault);
}

TEST(Aead, an_empty_secret_is_sealed_too) {
    auto const sealed = aead_seal(key(), nonce(), {}, {});
    EXPECT_EQ(sealed.size(), aead_tag_bytes);
    EXPECT_TRUE(aead_open(key(), nonce(), {}, sealed).value().empty());
}

}  // namespace
}  // namespace zephyr::crypto
