// NIST SP 800-63B-4, section 3.1.1.2, sentence by sentence where it concerns choosing a password.
#include "zephyr/passwords/password_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "passwords/embedded_words.h"
#include "passwords/guessing.h"
#include "testing/databases.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/text.h"

namespace zephyr::passwords {
namespace {

using ::testing::HasSubstr;

class PasswordPolicyTest : public ::testing::Test {
protected:
    static SecretText text(std::string_view password) { return SecretText{std::string{password}}; }
    Result<AcceptedPassword> alone(std::string_view password) const { return policy.check(text(password), {}); }
    Result<AcceptedPassword> with_second_factor(std::string_view password) const {
        return policy.check(text(password), {.has_second_factor = true, .words = {}});
    }

    PasswordPolicy policy{PolicySettings{}};
};

//= NIST SP 800-63B-4, 3.1.1.2
// # Verifiers and CSPs SHALL require passwords that are used as a single-factor authentication mechanism to be a
// minimum # of 15 characters in length.
TEST_F(PasswordPolicyTest, wants_fifteen_characters_when_the_password_stands_alone) {
    auto const short_one = alone("vkdrw nbqpt xz");
    ASSERT_FALSE(short_one.ok());
    EXPECT_EQ(short_one.error(), errors::too_short);
    EXPECT_THAT(std::string{short_one.error().reason()}, HasSubstr("It has 14 characters; at least 15 are needed."));
    auto const long_enough = alone("vkdrw nbqpt xzj");
    ASSERT_TRUE(long_enough.ok()) << long_enough.error();
    EXPECT_TRUE(long_enough.value().full_length);
}

//= NIST SP 800-63B-4, 3.1.1.2
// # Verifiers and CSPs MAY allow passwords that are only used as part of multi-factor authentication processes to be
// # shorter but SHALL require them to be a minimum of eight characters in length.
TEST_F(PasswordPolicyTest, wants_eight_characters_beside_a_second_factor) {
    EXPECT_EQ(with_second_factor("x7Kp2mQ").error(), errors::too_short);
    auto const accepted = with_second_factor("x7Kp2mQz");
    ASSERT_TRUE(accepted.ok()) << accepted.error();
    EXPECT_FALSE(accepted.value().full_length);
    EXPECT_EQ(accepted.value().code_points, 8u);
}

//= NIST SP 800-63B-4, 3.1.1.2
// # Verifiers and CSPs SHOULD permit a maximum password length of at least 64 characters.
TEST_F(PasswordPolicyTest, accepts_up_to_1024_bytes_and_refuses_one_more) {
    std::string long_one;
    for (int i = 0; long_one.size() < 1024; ++i) long_one += static_cast<char>('!' + (i * i * 7 + i * 13) % 90);
    EXPECT_TRUE(alone(long_one.substr(0, 64)).ok());
    EXPECT_TRUE(alone(long_one).ok());
    auto const refused = alone(long_one + "x");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error(), errors::too_long);
    EXPECT_EQ(policy.normalise(text(std::string(1'000'000, 'x'))).error(), errors::too_long);
}

//= NIST SP 800-63B-4, 3.1.1.2
// # Verifiers and CSPs SHOULD accept all printing ASCII [RFC20] characters and the space character in passwords.
TEST_F(PasswordPolicyTest, accepts_every_printing_ascii_character_and_the_space) {
    for (char c = ' '; c <= '~'; ++c) {
        std::string const password = std::string{"gjkd"} + c + "wpqz mnv" + c + "bhtr";
        EXPECT_TRUE(alone(password).ok()) << c;
    }
}

//= NIST SP 800-63B-4, 3.1.1.2
// # Verifiers and CSPs SHOULD accept Unicode [ISO/ISC 10646] characters in passwords. Each Unicode code point SHALL be
// # counted as a single character when evaluating password length.
TEST_F(PasswordPolicyTest, counts_code_points_not_bytes) {
    std::string const fourteen = "жёлтый чайник ";  // 27 bytes
    EXPECT_EQ(alone("жёлтый чайник!").error(), errors::too_short);
    auto const accepted = alone(fourteen + "7");
    ASSERT_TRUE(accepted.ok()) << accepted.error();
    EXPECT_EQ(accepted.value().code_points, 15u);
    auto const emoji = alone("😛🤣➡❖¥©∆𝔂♜🁰🁲அሴ人");  // 14, of up to four bytes
    EXPECT_EQ(emoji.error(), errors::too_short);
}

TEST_F(PasswordPolicyTest, normalises_to_nfc_before_counting) {
    auto const decomposed = alone("e\u0301te\u0301 au bord du lac");
    auto const composed = alone("\u00e9t\u00e9 au bord du lac");
    ASSERT_TRUE(decomposed.ok()) << decomposed.error();
    ASSERT_TRUE(composed.ok());
    EXPECT_EQ(decomposed.value().normalised.reveal(), composed.value().normalised.reveal());
    EXPECT_EQ(decomposed.value().code_points, composed.value().code_points);
}

//= NIST SP 800-63B-4, 3.1.1.2
// # Verifiers and CSPs SHALL NOT impose other composition rules (e.g., requiring mixtures of different character types)
// # for passwords.
TEST_F(PasswordPolicyTest, asks_for_no_kinds_of_characters) {
    EXPECT_TRUE(alone("eiruoskdnvjwpqma").ok()) << "small letters alone";
    EXPECT_TRUE(alone("EIRUOSKDNVJWPQMA").ok()) << "capitals alone";
    EXPECT_TRUE(alone("817294650387215").ok()) << "digits alone";
    EXPECT_TRUE(alone("correct horse battery staple").ok());
}

//= NIST SP 800-63B-4, 3.1.1.2
// # When processing a request to establish or change a password, verifiers SHALL compare the prospective secret against
// a # blocklist that contains known commonly used, expected, or compromised passwords. The entire password SHALL be
// subject # to comparison, not substrings or words that might be contained therein.
TEST_F(PasswordPolicyTest, refuses_every_common_password_that_is_long_enough) {
    std::size_t tried = 0;
    for (auto const& [path, content] : embedded_words::files()) {
        for (auto const password : split(content, '\n')) {
            if (password.size() < 8) continue;
            ++tried;
            auto const refused = with_second_factor(password);
            ASSERT_FALSE(refused.ok()) << password;
            EXPECT_EQ(refused.error(), errors::too_common);
            std::string shouted{password};
            for (auto& c : shouted) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
            EXPECT_FALSE(with_second_factor(shouted).ok()) << shouted;
            if (password.size() >= 15) {
                EXPECT_EQ(alone(password).error(), errors::too_common) << password;
            }
        }
    }
    EXPECT_GE(tried, 17936u);
}

//= NIST SP 800-63B-4, 3.1.1.2
// # If the chosen password is found on the blocklist, the CSP or verifier SHALL require the subscriber to select a
// # different secret and SHALL provide the reason for rejection.
TEST_F(PasswordPolicyTest, says_why_and_how_to_do_better) {
    struct Case {
        std::string password;
        std::string reason;
    };
    PolicyContext const alice{.has_second_factor = true,
                              .words = {"alice.liddell", "Alice.Liddell@wonderland.test", "Alice Liddell"}};
    for (auto const& [password, reason] :
         std::vector<Case>{{"starwars", "That is one of the most used passwords."},
                           {"wonderland1865", "It contains your name or part of your e-mail address."},
                           {"liddellliddell2", "It repeats the same characters."},
                           {"Alice Liddell 1", "It contains your name or part of your e-mail address."},
                           {"zephyr zephyr", "It leans on the name of this service."},
                           {"myzephyrlogin", "It is made of very common words, names or passwords."},
                           {"zephyrzephyrzephyr", "It repeats the same characters."},
                           {"qwertyuiopasdfgh", "It is a keyboard walk like qwerty."},
                           {"abcdefghijklmnop", "It contains a sequence like abcd or 1234."},
                           {"1980-11-23 1980", "It is built around a date or a year."},
                           {"aaaaaaaaaaaaaaaaaaaa", "It repeats the same characters."},
                           {"monkeymonkeymonkey", "It repeats the same characters."},
                           {"dragonmasterhunter", "It is made of very common words, names or passwords."}}) {
        auto const refused = policy.check(text(password), alice);
        ASSERT_FALSE(refused.ok()) << password;
        EXPECT_THAT(std::string{refused.error().reason()}, HasSubstr(reason)) << password;
        EXPECT_THAT(std::string{refused.error().reason()}, HasSubstr("Several unrelated words")) << password;
        EXPECT_THAT(std::string{refused.error().reason()}, ::testing::Not(HasSubstr(password)));
        EXPECT_EQ(std::string{refused.error().detail()}, "") << "no password in what goes to the log";
    }
}

TEST_F(PasswordPolicyTest, judges_the_same_password_by_who_chooses_it) {
    std::string const password = "rosenkrantz-huber";
    EXPECT_TRUE(alone(password).ok());
    EXPECT_FALSE(policy.check(text(password), {.has_second_factor = false, .words = {"Huber, Rosenkrantz"}}).ok());
    EXPECT_FALSE(policy.check(text(password), {.has_second_factor = false, .words = {"ROSENKRANTZ@huber.test"}}).ok());
}

TEST_F(PasswordPolicyTest, sees_repetition_in_every_script) {
    for (auto const* const password :
         {"пароль пароль пароль", "ёёёёёёёёёёёёёёё", "日本日本日本日本日本日本日本日本", "äöüäöüäöüäöüäöüä"}) {
        auto const refused = alone(password);
        ASSERT_FALSE(refused.ok()) << password;
        EXPECT_EQ(refused.error(), errors::too_guessable);
    }
    EXPECT_EQ(repeated_unit("abcabcab"), 3u);
    EXPECT_EQ(repeated_unit("abcabcx"), 0u);
    EXPECT_EQ(repeated_unit("ab"), 0u);
    EXPECT_EQ(repeated_unit("ёё"), 1u);
    EXPECT_EQ(repeated_unit(""), 0u);
}

TEST_F(PasswordPolicyTest, refuses_what_is_no_text_and_control_characters) {
    EXPECT_EQ(alone("violet kettle \xff drums").error(), errors::malformed);
    EXPECT_EQ(alone("violet kettle \xed\xa0\x80 drums").error(), errors::malformed);
    for (auto const& control :
         {std::string{"\0", 1}, std::string{"\n"}, std::string{"\t"}, std::string{"\x7f"}, std::string{"\u0085"}}) {
        EXPECT_EQ(alone("violet kettle" + control + "drums").error(), errors::malformed);
    }
    EXPECT_TRUE(alone("violet\u00a0kettle\u00a0drums").ok()) << "U+00A0 is typed on some keyboards";
}

TEST_F(PasswordPolicyTest, refuses_an_empty_password_even_when_settings_would_allow_it) {
    PasswordPolicy const lax{PolicySettings{.least_code_points = 0, .least_code_points_with_second_factor = 0}};
    EXPECT_FALSE(lax.check(text(""), {}).ok());
}

TEST_F(PasswordPolicyTest, refuses_a_password_known_from_a_breach) {
    testing::TemporaryFolder const folder;
    auto const path = (folder.path() / "breached.zbf").string();
    std::string const leaked = "violet kettle drums at noon";
    std::istringstream list{encoding::hex_encode(crypto::sha1(as_bytes(leaked)))};
    ASSERT_TRUE(build_breach_filter(list, path).ok());
    auto filter = BreachFilter::open(path);
    ASSERT_TRUE(filter.ok());
    EXPECT_TRUE(alone(leaked).ok());
    PasswordPolicy const strict{PolicySettings{}, std::move(filter).value()};
    auto const refused = strict.check(text(leaked), {});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error(), errors::breached);
    EXPECT_THAT(std::string{refused.error().reason()}, HasSubstr("known from a data breach"));
    EXPECT_TRUE(strict.check(text("seven brass owls hum softly"), {}).ok());
}

// zxcvbn's time grows faster than the length; the longest inputs of the worst shapes must stay cheap. Measured in work:
// what is estimated is cut, whatever the length.
TEST_F(PasswordPolicyTest, estimates_no_more_than_a_hundred_code_points) {
    std::string const tail(900, '!');
    std::string head;
    for (int i = 0; i < 100; ++i) head += static_cast<char>('a' + (i * i * 5 + 3 * i) % 26);
    EXPECT_EQ(estimate_guessability(head, {}, {}).entropy_bits,
              estimate_guessability(head + tail, {}, {}).entropy_bits);
    EXPECT_EQ(first_code_points("жёлтый", 2), "жё");
    EXPECT_EQ(first_code_points("ab", 5), "ab");
}

TEST_F(PasswordPolicyTest, takes_names_and_addresses_apart) {
    EXPECT_EQ(words_of({"Alice.Doe@acme.test", "Al"}),
              (std::vector<std::string>{"alice.doe@acme.test", "alice.doe", "alice", "doe", "acme", "test"}));
    EXPECT_LE(words_of(std::vector<std::string>(100, std::string(5000, 'x') + ".y")).size(), 32u);
    EXPECT_TRUE(words_of({std::string{"nul\0nul", 7}}).size() == 1);
}

TEST_F(PasswordPolicyTest, refuses_the_whole_list_of_the_source_when_it_is_at_hand) {
    auto const* const folder = std::getenv("ZEPHYR_VECTORS");
    if (folder == nullptr) GTEST_SKIP() << "ZEPHYR_VECTORS is not set";
    std::ifstream in{std::string{folder} + "/password/common_passwords_ranked.txt"};
    ASSERT_TRUE(in);
    std::size_t tried = 0;
    for (std::string password; std::getline(in, password); ++tried)
        EXPECT_FALSE(with_second_factor(password).ok()) << password;
    EXPECT_EQ(tried, 10'000u);
}

}  // namespace
}  // namespace zephyr::passwords
