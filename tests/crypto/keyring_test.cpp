#include "zephyr/crypto/keyring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <ostream>
#include <set>
#include <thread>

#include "testing/scripted_random.h"
#include "zephyr/crypto/aead.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/crypto/hkdf.h"
#include "zephyr/crypto/random.h"
#include "zephyr/encoding/hex.h"

namespace zephyr::crypto {
namespace {

// Secrets have no way into a stream, a comparison or a conversion that someone could use by accident.
template <class T>
concept Printable = requires(std::ostream& out, T const& value) { out << value; };
template <class T>
concept Comparable = requires(T const& a, T const& b) { a == b; };
static_assert(Printable<std::string> && Comparable<Bytes>, "the concepts see what is there");
static_assert(!Printable<SecretBytes> && !Printable<SecretText> && !Printable<MasterKey> && !Printable<Keyring>);
static_assert(!Printable<Sealer> && !Printable<DerivedKey>);
static_assert(!Comparable<SecretBytes> && !Comparable<SecretText> && !Comparable<MasterKey>);
static_assert(!std::is_convertible_v<SecretBytes, Bytes> && !std::is_convertible_v<SecretText, std::string>);
static_assert(!std::is_convertible_v<SecretBytes, ByteView> && !std::is_convertible_v<SecretText, std::string_view>);

constexpr Place totp{"totp_secret", "user-1", "secret"};

class SealerTest : public ::testing::Test {
protected:
    testing::ScriptedRandom random{42};
    MasterKey first = MasterKey::generate(random);
    MasterKey second = MasterKey::generate(random);
    Keyring ring{first};
    Sealer sealer{ring, random};
};

TEST_F(SealerTest, opens_what_it_sealed) {
    auto const sealed = sealer.seal(totp, as_bytes("JBSWY3DPEHPK3PXP"));
    EXPECT_EQ(to_text(sealer.open(totp, sealed).value().reveal()), "JBSWY3DPEHPK3PXP");
    EXPECT_EQ(sealed.size(), 16 + Sealer::overhead_bytes);
    EXPECT_EQ(as_text(sealed).find("JBSW"), std::string_view::npos);
}

// Values sealed by one release must open in the next: the form is fixed here, piece by piece, without Sealer's code.
TEST_F(SealerTest, a_sealed_value_has_the_form_that_the_header_promises) {
    auto const sealed = sealer.seal({"ab", "c", ""}, as_bytes("secret"));
    auto data = to_bytes(std::string_view{"\1", 1});
    auto const append = [&data](ByteView more) { data.insert(data.end(), more.begin(), more.end()); };
    append(encoding::hex_decode(first.id()).value());
    EXPECT_EQ(to_bytes(ByteView{sealed}.first(9)), data);
    append(as_bytes(std::string_view{"\0\0\0\2ab\0\0\0\1c\0\0\0\0", 15}));
    auto const key = hkdf_sha256(first.bytes().reveal(), as_bytes("zephyr master key v1"), as_bytes("seal"), 32);
    auto const opened =
        aead_open_long_nonce(key.reveal(), ByteView{sealed}.subspan(9, 24), data, ByteView{sealed}.subspan(33));
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(to_text(opened.value().reveal()), "secret");
}

TEST_F(SealerTest, seals_nothing_and_a_megabyte) {
    EXPECT_TRUE(sealer.open(totp, sealer.seal(totp, ByteView{})).value().empty());
    SecretBytes const large{random.bytes(1024 * 1024)};
    EXPECT_EQ(sealer.open(totp, sealer.seal(totp, large)).value().reveal(), large.reveal());
}

TEST_F(SealerTest, refuses_every_flipped_bit) {
    auto const sealed = sealer.seal(totp, as_bytes("secret"));
    for (std::size_t i = 0; i < sealed.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            auto changed = sealed;
            changed[i] ^= static_cast<std::byte>(1 << bit);
            auto const opened = sealer.open(totp, changed);
            ASSERT_FALSE(opened.ok()) << "byte " << i << " bit " << bit;
            // Bytes 1 to 8 name the key.
            EXPECT_EQ(opened.error(), i >= 1 && i <= 8 ? errors::unknown_key : errors::sealed_data_damaged) << i;
        }
}

TEST_F(SealerTest, refuses_every_truncation_and_bytes_behind) {
    auto sealed = sealer.seal(totp, as_bytes("secret"));
    for (std::size_t size = 0; size < sealed.size(); ++size)
        EXPECT_EQ(sealer.open(totp, ByteView{sealed}.first(size)).error(), errors::sealed_data_damaged) << size;
    sealed.push_back(std::byte{0});
    EXPECT_EQ(sealer.open(totp, sealed).error(), errors::sealed_data_damaged);
}

TEST_F(SealerTest, refuses_a_value_moved_to_another_place) {
    auto const sealed = sealer.seal(totp, as_bytes("secret"));
    EXPECT_EQ(sealer.open({"backup_code", "user-1", "secret"}, sealed).error(), errors::sealed_data_damaged);
    EXPECT_EQ(sealer.open({"totp_secret", "user-2", "secret"}, sealed).error(), errors::sealed_data_damaged);
    EXPECT_EQ(sealer.open({"totp_secret", "user-1", "label"}, sealed).error(), errors::sealed_data_damaged);
    EXPECT_EQ(sealer.open({"totp_secret", "", "secret"}, sealed).error(), errors::sealed_data_damaged);
    EXPECT_TRUE(sealer.open(totp, sealed).ok());
}

TEST_F(SealerTest, no_two_places_are_one_however_their_names_are_cut) {
    auto const sealed = sealer.seal({"ab", "c", "d"}, as_bytes("secret"));
    for (Place const other : {Place{"a", "bc", "d"}, Place{"abc", "", "d"}, Place{"ab", "cd", ""},
                              Place{"", "abc", "d"}, Place{"ab", "", "cd"}, Place{"abcd", "", ""},
                              Place{"d", "c", "ab"}, Place{std::string_view{"ab\0", 3}, "c", "d"}})
        EXPECT_EQ(sealer.open(other, sealed).error(), errors::sealed_data_damaged);
    // A name that contains what a length prefix looks like.
    std::string_view const imitation{"ab\0\0\0\1c", 7};
    EXPECT_EQ(sealer.open({imitation, "d", ""}, sealed).error(), errors::sealed_data_damaged);
}

TEST_F(SealerTest, refuses_a_value_whose_key_id_was_swapped_for_another_held_key) {
    Sealer const both{Keyring::from_keys({first, second}).value(), random};
    auto sealed = both.seal(totp, as_bytes("secret"));
    auto const id = encoding::hex_decode(second.id()).value();
    std::copy(id.begin(), id.end(), sealed.begin() + 1);
    EXPECT_EQ(both.open(totp, sealed).error(), errors::sealed_data_damaged);
}

TEST_F(SealerTest, says_which_key_is_missing) {
    Sealer const stranger{Keyring{second}, random};
    auto const opened = stranger.open(totp, sealer.seal(totp, as_bytes("secret")));
    EXPECT_EQ(opened.error(), errors::unknown_key);
    EXPECT_EQ(opened.error().detail(), first.id());
}

TEST_F(SealerTest, damage_is_reported_without_the_row) {
    auto sealed = sealer.seal(totp, as_bytes("secret"));
    sealed.back() ^= std::byte{1};
    EXPECT_EQ(sealer.open(totp, sealed).error().detail(), "totp_secret.secret");
}

TEST_F(SealerTest, rotation_keeps_old_values_readable_and_seals_new_ones_under_the_new_key) {
    auto const before = sealer.seal(totp, as_bytes("old"));
    EXPECT_FALSE(sealer.needs_reseal(before));
    Sealer const rotated{ring.with_active(second).value(), random};
    EXPECT_EQ(rotated.active_key_id(), second.id());
    EXPECT_EQ(to_text(rotated.open(totp, before).value().reveal()), "old");
    EXPECT_TRUE(rotated.needs_reseal(before));
    auto const after = rotated.seal(totp, as_bytes("new"));
    EXPECT_FALSE(rotated.needs_reseal(after));
    EXPECT_EQ(Sealer::key_id_of(before), first.id());
    EXPECT_EQ(Sealer::key_id_of(after), second.id());
    // Once the old key is retired, what is still sealed under it is lost, and said to be.
    Sealer const retired{ring.with_active(second).value().without(first.id()).value(), random};
    EXPECT_EQ(retired.open(totp, before).error(), errors::unknown_key);
    EXPECT_EQ(to_text(retired.open(totp, after).value().reveal()), "new");
}

TEST_F(SealerTest, a_standby_key_opens_before_it_seals) {
    Sealer const ahead{ring.with_active(second).value(), random};
    Sealer const standby{ring.with_standby(second).value(), random};
    EXPECT_EQ(standby.active_key_id(), first.id());
    EXPECT_TRUE(standby.open(totp, ahead.seal(totp, as_bytes("s"))).ok());
    EXPECT_TRUE(ahead.open(totp, standby.seal(totp, as_bytes("s"))).ok());
}

TEST_F(SealerTest, bytes_that_are_no_sealed_value_need_resealing_and_have_no_key) {
    EXPECT_TRUE(sealer.needs_reseal(as_bytes("plain text from an old release, long enough to be one")));
    EXPECT_EQ(Sealer::key_id_of({}), "");
    EXPECT_EQ(Sealer::key_id_of(Bytes(100)), "");
}

TEST_F(SealerTest, nonces_and_sealed_values_never_repeat) {
    SystemRandom system;
    Sealer const real{ring, system};
    std::set<Bytes> nonces;
    for (int i = 0; i < 20'000; ++i) {
        auto const sealed = real.seal(totp, as_bytes("same"));
        nonces.insert(to_bytes(ByteView{sealed}.subspan(9, 24)));
    }
    EXPECT_EQ(nonces.size(), 20'000U);
}

TEST_F(SealerTest, many_threads_share_one_sealer) {
    SystemRandom system;
    Sealer const real{ring, system};
    std::vector<int> wrong(4, 0);
    std::vector<std::thread> threads;
    for (auto& count : wrong)
        threads.emplace_back([&count, &real] {
            for (int i = 0; i < 300; ++i) {
                auto const opened = real.open(totp, real.seal(totp, as_bytes("shared")));
                if (!opened.ok() || to_text(opened.value().reveal()) != "shared") ++count;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST_F(SealerTest, replacing_the_keys_reaches_every_copy_and_loses_nothing) {
    auto const copy = sealer;
    auto const before = copy.seal(totp, as_bytes("old"));
    sealer.replace(ring.with_active(second).value());
    EXPECT_EQ(copy.active_key_id(), second.id());
    EXPECT_EQ(Sealer::key_id_of(copy.seal(totp, as_bytes("new"))), second.id());
    EXPECT_EQ(to_text(copy.open(totp, before).value().reveal()), "old");
}

TEST_F(SealerTest, keys_may_be_replaced_while_others_seal_and_open) {
    SystemRandom system;
    auto const both = ring.with_active(second).value();
    Sealer real{both, system};
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            auto const mine = real;
            while (!done)
                if (!mine.open(totp, mine.seal(totp, as_bytes("shared"))).ok()) ++wrong;
        });
    for (int i = 0; i < 50; ++i) real.replace(both.activating(i % 2 == 0 ? first.id() : second.id()).value());
    done = true;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

TEST_F(SealerTest, derived_keys_differ_by_purpose_and_by_master_key) {
    auto const tokens = sealer.derive("session token mac");
    EXPECT_EQ(tokens.size(), 32U);
    EXPECT_EQ(tokens.reveal(), sealer.derive("session token mac").reveal());
    EXPECT_NE(tokens.reveal(), sealer.derive("session token mac ").reveal());
    EXPECT_NE(tokens.reveal(), sealer.derive("").reveal());
    EXPECT_NE(tokens.reveal(), Sealer(Keyring{second}, random).derive("session token mac").reveal());
    EXPECT_NE(tokens.reveal(), first.bytes().reveal());
}

TEST_F(SealerTest, derive_all_still_offers_the_old_key_after_rotation) {
    auto const before = sealer.derive("pepper");
    Sealer const rotated{ring.with_active(second).value(), random};
    EXPECT_NE(rotated.derive("pepper").reveal(), before.reveal());
    auto const all = rotated.derive_all("pepper");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].master_key_id, second.id());
    EXPECT_EQ(all[0].key.reveal(), rotated.derive("pepper").reveal());
    EXPECT_EQ(all[1].master_key_id, first.id());
    EXPECT_EQ(all[1].key.reveal(), before.reveal());
    EXPECT_EQ(rotated.derive_from(first.id(), "pepper").value().reveal(), before.reveal());
    EXPECT_EQ(sealer.derive_from(second.id(), "pepper").error(), errors::unknown_key);
}

TEST(MasterKeyTest, its_id_is_the_start_of_a_labelled_hash) {
    testing::ScriptedRandom random;
    auto const key = MasterKey::generate(random);
    auto labelled = to_bytes("zephyr master key id");
    labelled.insert(labelled.end(), key.bytes().reveal().begin(), key.bytes().reveal().end());
    EXPECT_EQ(key.id(), encoding::hex_encode(sha256(labelled)).substr(0, 16));
}

TEST(MasterKeyTest, has_exactly_32_bytes) {
    for (std::size_t const size : {0U, 16U, 31U, 33U, 64U})
        EXPECT_EQ(MasterKey::from_bytes(SecretBytes{Bytes(size)}).error(), errors::master_key_malformed) << size;
    EXPECT_TRUE(MasterKey::from_bytes(SecretBytes{Bytes(32)}).ok());
}

TEST(KeyringTest, refuses_no_key_a_key_twice_and_too_many) {
    testing::ScriptedRandom random;
    auto const key = MasterKey::generate(random);
    EXPECT_EQ(Keyring::from_keys({}).error(), errors::master_key_malformed);
    EXPECT_EQ(Keyring::from_keys({key, MasterKey::generate(random), key}).error(), errors::duplicate_master_key);
    EXPECT_EQ(Keyring{key}.with_active(key).error(), errors::duplicate_master_key);
    std::vector<MasterKey> keys;
    for (std::size_t i = 0; i < Keyring::max_keys; ++i) keys.push_back(MasterKey::generate(random));
    EXPECT_TRUE(Keyring::from_keys(keys).ok());
    keys.push_back(MasterKey::generate(random));
    EXPECT_EQ(Keyring::from_keys(keys).error(), errors::too_many_master_keys);
}

TEST(KeyringTest, activating_moves_a_held_key_to_the_front_and_keeps_the_rest_in_order) {
    testing::ScriptedRandom random;
    auto const a = MasterKey::generate(random);
    auto const b = MasterKey::generate(random);
    auto const c = MasterKey::generate(random);
    auto const ring = Keyring::from_keys({a, b, c}).value();
    EXPECT_EQ(ring.activating(c.id()).value().ids(), (std::vector{c.id(), a.id(), b.id()}));
    EXPECT_EQ(ring.activating("0000000000000000").error(), errors::unknown_key);
    EXPECT_EQ(ring.without(a.id()).error(), errors::master_key_active);
    EXPECT_EQ(ring.without("0000000000000000").error(), errors::unknown_key);
    EXPECT_EQ(ring.without(b.id()).value().ids(), (std::vector{a.id(), c.id()}));
    EXPECT_EQ(ring.ids(), (std::vector{a.id(), b.id(), c.id()})) << "a keyring never changes";
}

TEST(KeyringTest, a_node_with_other_keys_than_the_database_is_told_so) {
    testing::ScriptedRandom random;
    auto const a = MasterKey::generate(random);
    auto const b = MasterKey::generate(random);
    auto const ring = Keyring::from_keys({a, b}).value();
    EXPECT_TRUE(check_database_keys(ring, {a.id(), {a.id(), b.id()}}).ok());
    EXPECT_TRUE(check_database_keys(ring, {a.id(), {a.id()}}).ok());

    auto const not_held = check_database_keys(Keyring{b}, {a.id(), {a.id()}});
    EXPECT_EQ(not_held.error(), errors::master_key_mismatch);
    EXPECT_NE(not_held.error().reason().find(a.id()), std::string_view::npos);
    EXPECT_EQ(check_database_keys(Keyring{a}, {a.id(), {a.id(), b.id()}}).error(), errors::master_key_mismatch);
    EXPECT_EQ(check_database_keys(ring, {b.id(), {a.id(), b.id()}}).error(), errors::master_key_mismatch)
        << "holds it, but another one is active";
}

}  // namespace
}  // namespace zephyr::crypto
