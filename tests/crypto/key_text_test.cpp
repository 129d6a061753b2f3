#include "zephyr/crypto/key_text.h"

#include <gtest/gtest.h>

#include "testing/scripted_random.h"
#include "zephyr/encoding/base64url.h"

namespace zephyr::crypto {
namespace {

class KeyText : public ::testing::Test {
protected:
    std::string line(MasterKey const& key) {
        return "zephyr-master-key-v1 " + key.id() + " " + encoding::base64url_encode(key.bytes().reveal());
    }
    testing::ScriptedRandom random;
    MasterKey a = MasterKey::generate(random);
    MasterKey b = MasterKey::generate(random);
};

TEST_F(KeyText, reads_back_what_it_wrote_in_order) {
    auto const text = format_key_text(Keyring::from_keys({b, a}).value());
    EXPECT_EQ(text.reveal(), line(b) + "\n" + line(a) + "\n");
    auto const ring = parse_key_text(text.reveal()).value();
    EXPECT_EQ(ring.ids(), (std::vector{b.id(), a.id()}));
    EXPECT_EQ(ring.active().bytes().reveal(), b.bytes().reveal());
}

TEST_F(KeyText, the_last_line_may_lack_its_end) {
    EXPECT_EQ(parse_key_text(line(a)).value().ids(), std::vector{a.id()});
}

TEST_F(KeyText, refuses_everything_else) {
    auto const good = line(a);
    auto const encoded = encoding::base64url_encode(a.bytes().reveal());
    for (auto const& text : std::vector<std::string>{"",
                                                     "\n",
                                                     "\n\n",
                                                     " " + good,
                                                     good + " ",
                                                     good + "\n\n",
                                                     "\n" + good,
                                                     good + "\r\n",
                                                     good + "\n# comment",
                                                     good + "\n" + good,
                                                     "zephyr-master-key-v2" + good.substr(20),
                                                     "zephyr-master-key-v1  " + a.id() + " " + encoded,
                                                     "zephyr-master-key-v1\t" + a.id() + "\t" + encoded,
                                                     "zephyr-master-key-v1 " + b.id() + " " + encoded,
                                                     "zephyr-master-key-v1 " + encoded,
                                                     "zephyr-master-key-v1 " + a.id() + " " + encoded + "=",
                                                     "zephyr-master-key-v1 " + a.id() + " " + encoded.substr(1),
                                                     "zephyr-master-key-v1 " + a.id() + " ",
                                                     "zephyr-master-key-v1 " + a.id(),
                                                     good + std::string(1, '\0'),
                                                     "\xEF\xBB\xBF" + good})
        EXPECT_EQ(parse_key_text(text).error(), errors::key_file_malformed) << text;
}

TEST_F(KeyText, notices_every_single_changed_character) {
    auto const good = line(a);
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto changed = good;
        changed[i] = good[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(parse_key_text(changed).ok()) << i;
    }
}

TEST_F(KeyText, its_error_names_the_line_and_never_its_content) {
    auto const broken = parse_key_text(line(a) + "\nzephyr-master-key-v1 0000000000000000 " +
                                       encoding::base64url_encode(b.bytes().reveal()));
    EXPECT_EQ(broken.error().detail(), "line 2");
    EXPECT_EQ(parse_key_text(line(a) + "\n" + line(a)).error().detail(), "key " + a.id() + " twice");
}

TEST_F(KeyText, takes_64_keys_and_not_65) {
    std::string text;
    for (std::size_t i = 0; i < Keyring::max_keys; ++i) text += line(MasterKey::generate(random)) + "\n";
    EXPECT_EQ(parse_key_text(text).value().keys().size(), Keyring::max_keys);
    EXPECT_EQ(parse_key_text(text + line(a)).error(), errors::key_file_malformed);
}

}  // namespace
}  // namespace zephyr::crypto
