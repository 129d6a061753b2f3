#include "zephyr/crypto/foreign_hash.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>

#include "crypto/wycheproof.h"
#include "zephyr/foundation/fault.h"

// Under a sanitizer malloc too must answer a lack of memory instead of stopping the process.
extern "C" char const* __asan_default_options() {
    return "allocator_may_return_null=1";
}
extern "C" char const* __tsan_default_options() {
    return "allocator_may_return_null=1";
}

namespace zephyr::crypto {
namespace {

ForeignHash parsed(std::string_view text) {
    auto hash = ForeignHash::parse(text);
    EXPECT_TRUE(hash.ok()) << text << " " << hash.error() << " " << hash.error().reason();
    return std::move(hash).value();
}
ForeignMatch match(std::string_view password, std::string_view text) {
    return parsed(text).matches(as_bytes(password));
}
// A refusal always says why: whoever imports has thousands of lines.
Failure refusal(std::string_view text) {
    auto const hash = ForeignHash::parse(text);
    EXPECT_FALSE(hash.ok()) << text;
    if (hash.ok()) return {Kind::conflict, "accepted"};
    EXPECT_FALSE(hash.error().reason().empty()) << text;
    return hash.error().failure();
}
void expect_refused(std::string_view text, Failure wanted) {
    EXPECT_EQ(refusal(text).id, wanted.id) << text;
}

constexpr std::string_view bcrypt_hash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK";  // U*U*
constexpr std::string_view long_bcrypt = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
constexpr std::string_view seventy_two = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

TEST(ForeignHash, published_answers_match_and_no_other_password_does) {
    auto const vectors = wycheproof::read_vectors("tests/vectors/foreign_hash/known_answers.json");
    std::map<std::string, int> count;
    for (auto const& test : *vectors.find("cases")->items()) {
        auto const text = test.string_at("hash").value();
        auto const scheme = test.string_at("scheme").value();
        auto const password =
            test.string_at("password") ? test.string_at("password").value() : to_text(wycheproof::hex_at(test, "password_hex"));
        EXPECT_EQ(parsed(text).scheme(), scheme) << text;
        EXPECT_EQ(match(password, text), ForeignMatch::yes) << text;
        EXPECT_EQ(match("x" + password.substr(0, 60), text), ForeignMatch::no) << text;
        if (!password.empty()) {
            auto last_changed = password;
            last_changed.back() ^= 1;
            EXPECT_EQ(match(last_changed, text), ForeignMatch::no) << text;
        }
        auto other_hash = text;
        auto& digit = other_hash[other_hash.size() - 8];
        digit = digit == 'A' ? 'B' : 'A';
        EXPECT_EQ(match(password, other_hash), ForeignMatch::no) << text;
        ++count[scheme];
    }
    EXPECT_EQ(count, (std::map<std::string, int>{{"bcrypt", 15},
                                                 {"pbkdf2-sha1", 3},
                                                 {"pbkdf2-sha256", 4},
                                                 {"scrypt", 6},
                                                 {"sha256-crypt", 6},
                                                 {"sha512-crypt", 5},
                                                 {"yescrypt", 2}}));
}

// Every case of the two suites in the file: Argon2i, d and id, versions 1.0 and 1.3, several lanes.
TEST(ForeignHash, published_argon2_vectors_have_no_miss) {
    auto const vectors = wycheproof::read_vectors("tests/vectors/argon2/argon2_phc.json");
    std::map<std::string, int> count;
    for (auto const& test : *vectors.find("cases")->items()) {
        auto const phc = test.string_at("phc").value();
        auto const password = test.string_at("password").value();
        auto const expected = test.string_at("expected").value();
        auto const hash = ForeignHash::parse(phc);
        if (expected == "match" && phc.find("data=") == std::string::npos) {
            ASSERT_TRUE(hash.ok()) << phc << hash.error();
            EXPECT_EQ(hash.value().matches(as_bytes(password)), ForeignMatch::yes) << phc;
            EXPECT_EQ(match(test.string_at("wrong_password").value_or(password + "x"), phc), ForeignMatch::no) << phc;
            ++count["match"];
        } else if (expected == "ARGON2_VERIFY_MISMATCH") {
            EXPECT_EQ(match(password, phc), ForeignMatch::no) << phc;
            ++count["mismatch"];
        } else {
            EXPECT_FALSE(hash.ok()) << phc;
            ++count[expected == "match" ? "not taken" : "refused"];
        }
    }
    EXPECT_EQ(count, (std::map<std::string, int>{{"match", 14}, {"mismatch", 1}, {"refused", 11}, {"not taken", 2}}));
}

// bcrypt_72_nul. bcrypt's key is the first 72 bytes: so it was where the hash was made, and so it is here, but said aloud.
TEST(ForeignHash, bcrypt_looks_at_72_bytes_and_says_when_there_were_more) {
    std::string const password{seventy_two};
    ASSERT_EQ(password.size(), 72U);
    EXPECT_EQ(match(password, long_bcrypt), ForeignMatch::yes);
    EXPECT_EQ(match(password + "chars after 72 are ignored", long_bcrypt), ForeignMatch::yes_in_part);
    EXPECT_EQ(match(password + std::string{"\0", 1}, long_bcrypt), ForeignMatch::yes_in_part);
    EXPECT_EQ(match(password.substr(0, 71), long_bcrypt), ForeignMatch::no);
    EXPECT_EQ(match(password.substr(0, 71) + "x and more", long_bcrypt), ForeignMatch::no);
}

TEST(ForeignHash, a_password_with_a_zero_byte_is_not_the_one_in_front_of_it) {
    for (std::string_view const text :  // both of "U*U*"
         {bcrypt_hash, std::string_view{"$5$rounds=1000$saltstring$w7B.PZBQo0HzMEIoQRJCREnXorRX5DBvuQJfDc8JAt2"}}) {
        auto const hash = ForeignHash::parse(text);
        ASSERT_TRUE(hash.ok()) << text;
        EXPECT_EQ(hash.value().matches(as_bytes(std::string_view{"U*U*\0", 5})), ForeignMatch::no);
        EXPECT_EQ(hash.value().matches(as_bytes(std::string_view{"U*U*\0x", 6})), ForeignMatch::no);
        EXPECT_EQ(hash.value().matches(as_bytes(std::string_view{"\0", 1})), ForeignMatch::no);
    }
    // The empty password is one; a zero byte is not the empty password.
    std::string_view const of_nothing = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy";
    EXPECT_EQ(match("", of_nothing), ForeignMatch::yes);
    EXPECT_EQ(match(std::string_view{"\0", 1}, of_nothing), ForeignMatch::no);
    // RFC 2104 2: "append zeros to the end of K to create a B byte string".
    std::string_view const of_pass_word = "$pbkdf2-sha256$i=1,l=32$c2FsdHNhbHQ$EXCSP2tm9ySZPK3abJCNbdRY/HuOea8XE6MeT+pzijo";
    EXPECT_EQ(match("pass", of_pass_word), ForeignMatch::no);
    EXPECT_EQ(match(std::string_view{"pass\0word", 9}, of_pass_word), ForeignMatch::yes);
    std::string_view const of_password = "pbkdf2_sha1$1$salt$DGDID5YfDnHzqbUkr2ASBi/gN6Y=";
    EXPECT_EQ(match("password", of_password), ForeignMatch::yes);
    EXPECT_EQ(match(std::string_view{"password\0", 9}, of_password), ForeignMatch::yes);
}

// libcrypt takes no phrase of 512 bytes; the 511 in front of it are not the password either.
TEST(ForeignHash, an_overlong_password_matches_no_crypt_hash) {
    std::string const phrase(511, 'a');
    std::string_view const text = "$6$rounds=1000$saltstring$";
    auto const hash = "gT992ZChsd3okCvl06E6mFsqVXAdRBsgsTQsyPLBeiMaRSsJBsQ7Wwvud6QHbc2NvUUo2/1ztPmmVSlWWTwjy1";
    ASSERT_EQ(match(phrase, std::string{text} + hash), ForeignMatch::yes);
    EXPECT_EQ(match(phrase + "a", std::string{text} + hash), ForeignMatch::no);
    EXPECT_EQ(match(phrase + "b", std::string{text} + hash), ForeignMatch::no);
}

// bcrypt's salt of 22 digits holds four bits more than its 16 bytes: other programs left them set, and libcrypt clears them.
TEST(ForeignHash, takes_a_bcrypt_salt_with_stray_bits) {
    std::string text{bcrypt_hash};
    auto& last_of_salt = text[7 + 21];
    ASSERT_EQ(last_of_salt, '.');
    last_of_salt = '/';  // 1: a stray bit alone
    EXPECT_EQ(match("U*U*", text), ForeignMatch::yes);
    last_of_salt = 'O';  // 16: another salt
    EXPECT_EQ(match("U*U*", text), ForeignMatch::no);
}

// import_hash_bounds
TEST(ForeignHash, refuses_costs_out_of_bounds_before_any_work) {
    auto const started = std::chrono::steady_clock::now();
    std::string const phc_tail = "$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    std::string const bcrypt_tail = "$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK";
    std::string const sha_tail = "$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
    for (auto const& text :
         std::vector<std::string>{"$argon2id$v=19$m=4194304,t=1,p=1" + phc_tail,         // 4 GiB
                                  "$argon2id$v=19$m=65536,t=1000000000,p=1" + phc_tail,  // 10^9 passes
                                  "$argon2id$v=19$m=262145,t=1,p=1" + phc_tail,          // one KiB too much
                                  "$argon2id$v=19$m=4294967295,t=4294967295,p=16" + phc_tail,
                                  "$argon2id$v=19$m=262144,t=16,p=1" + phc_tail,
                                  "$2b$16" + bcrypt_tail,
                                  "$2y$31" + bcrypt_tail,
                                  "$5$rounds=1000000000" + sha_tail,
                                  "$5$rounds=9223372036854775807" + sha_tail,
                                  "pbkdf2_sha256$1000000000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                  "pbkdf2_sha256$9223372036854775807$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                  "$pbkdf2-sha512$i=2147483647,l=32" + phc_tail,
                                  "$scrypt$ln=40,r=8,p=1" + phc_tail,
                                  "$scrypt$ln=41,r=8,p=1" + phc_tail,
                                  "$scrypt$ln=18,r=9,p=1" + phc_tail,
                                  "$scrypt$ln=14,r=8,p=1000" + phc_tail,
                                  "$scrypt$ln=1,r=1073741823,p=1" + phc_tail,
                                  "$scrypt$ln=14,r=1073741824,p=1073741824" + phc_tail,
                                  "$7$z6..../....Salt$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",  // N = 2^63
                                  "$7$Czzzzz/....Salt$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",  // r = 2^30-1
                                  "$7$C6....zzzzzSalt$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",  // p = 2^30-1
                                  "$y$jjj$LdJMENpBABJJ3hIHjB1Bi.$HboGM6qPrsK.StKYGt6KErmUYtioHreJd98oIugoNB6"})
        expect_refused(text, errors::password_hash_too_costly);
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds{1});
}

TEST(ForeignHash, what_systems_use_today_is_within_the_bounds) {
    std::string const phc_tail = "$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    std::string const bcrypt_tail = "$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK";
    std::string const sha512_tail = "$saltstring$" + std::string(86, 'A');
    for (auto const& [text, memory_kib] : std::vector<std::pair<std::string, std::size_t>>{
             {"$argon2id$v=19$m=65536,t=3,p=4" + phc_tail, 65536},    // RFC 9106's second choice
             {"$argon2id$v=19$m=102400,t=2,p=8" + phc_tail, 102400},  // Django
             {"$2b$14" + bcrypt_tail, 5},
             {"$6$rounds=656000" + sha512_tail, 1},                                           // passlib
             {"pbkdf2_sha256$1200000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1},  // Django 6
             {"$scrypt$ln=17,r=8,p=1" + phc_tail, 131073},                                    // OWASP
             {"$scrypt$ln=16,r=8,p=1" + phc_tail, 65537}}) {
        auto const hash = ForeignHash::parse(text);
        ASSERT_TRUE(hash.ok()) << text << hash.error().reason();
        EXPECT_EQ(hash.value().memory_kib(), memory_kib) << text;
        EXPECT_GT(hash.value().weight(), 0.5) << text;
    }
}

TEST(ForeignHash, of_sha_crypt_weighs_more_for_a_longer_password_since_every_round_hashes_all_of_it) {
    auto const hash = ForeignHash::parse("$6$rounds=100000$saltsalt$" + std::string(86, 'A')).value();
    EXPECT_DOUBLE_EQ(hash.weight(), hash.weight(8));
    EXPECT_GT(hash.weight(64), 1.5 * hash.weight(8));
    EXPECT_GT(hash.weight(500), 8 * hash.weight(8));
    EXPECT_DOUBLE_EQ(hash.weight(1024), hash.weight(511)) << "libcrypt takes no longer phrase";
    auto const other = ForeignHash::parse("$2b$12$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK").value();
    EXPECT_DOUBLE_EQ(other.weight(500), other.weight());
}

TEST(ForeignHash, malformed_texts_are_refused) {
    std::string const salt = "c29tZXNhbHRzb21lc2FsdA";
    std::string const digest(43, 'A');
    for (auto const& text : std::vector<std::string>{"$2b$12$abcdefghijklmnopqrstuv",
                                                     "$2b$5$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
                                                     "$2b$-5$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
                                                     "$2b$03$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
                                                     "$2b$32$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
                                                     "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lw",
                                                     "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwKK",
                                                     "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwL",
                                                     "$2b$05$CCCCCCCCCCCCCCCCCCCCC-VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
                                                     "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK$",
                                                     "$5$rounds=999$salt$" + digest,
                                                     "$5$rounds=05000$salt$" + digest,
                                                     "$5$rounds=-5000$salt$" + digest,
                                                     "$5$rounds=$salt$" + digest,
                                                     "$5$rounds=99999999999999999999$salt$" + digest,
                                                     "$5$saltstringsaltst+$" + digest + "$",
                                                     "$5$saltstringsaltstr$" + digest,
                                                     "$5$salt:$" + digest,
                                                     "$5$salt$" + digest + "A",
                                                     "$6$salt$" + digest,
                                                     "$5$salt$" + digest.substr(0, 42) + "-",
                                                     "$5$",
                                                     "$5$$",
                                                     "pbkdf2_sha256$",
                                                     "pbkdf2_sha256$0$salt$" + digest + "=",
                                                     "pbkdf2_sha256$-1$salt$" + digest + "=",
                                                     "pbkdf2_sha256$1$$" + digest + "=",
                                                     "pbkdf2_sha256$01$salt$" + digest + "=",
                                                     "pbkdf2_sha256$1$salt$" + digest,
                                                     "pbkdf2_sha256$1$salt$AAAA",
                                                     "pbkdf2_sha256$1$sa$lt$" + digest + "=",
                                                     "pbkdf2_sha256$99999999999999999999$salt$" + digest + "=",
                                                     "$pbkdf2-sha256$" + salt + "$" + digest,
                                                     "$pbkdf2-sha256$6400$a+bc$" + digest,
                                                     "$pbkdf2-sha256$i=1,l=31$" + salt + "$" + digest,
                                                     "$pbkdf2-sha256$i=1,l=32,x=1$" + salt + "$" + digest,
                                                     "$pbkdf2-sha256$i=$" + salt + "$" + digest,
                                                     "$pbkdf2-sha256$i=1$" + salt + "$AAAA",
                                                     "$scrypt$ln=0,r=8,p=1$" + salt + "$" + digest,
                                                     "$scrypt$ln=-4,r=8,p=1$" + salt + "$" + digest,
                                                     "$scrypt$ln=16,p=1,r=8$" + salt + "$" + digest,
                                                     "$scrypt$ln=16,r=8$" + salt + "$" + digest,
                                                     "$scrypt$ln=16,r=1,p=1$" + salt + "$" + digest,
                                                     "$scrypt$ln=4,r=8,p=1$" + salt + "=$" + digest,
                                                     "$scrypt$ln=4,r=8,p=1$" + salt + "$AAAA",
                                                     "$scrypt$ln=4,r=8,p=1$" + salt,
                                                     "$7$C6..../....Salt",
                                                     "$7$.6..../....Salt$" + digest,
                                                     "$7$C...../....Salt$" + digest,
                                                     "$7$C6.........Salt$" + digest,
                                                     "$7$C6..../....$" + digest,
                                                     "$7$C6..../....Salt$AAAA",
                                                     "$y$j9T$" + digest,
                                                     "$y$j9T$$" + digest,
                                                     "$y$j9T$salt$AAAA",
                                                     "$y$j9T$saltS$" + digest,
                                                     "$y$j9T$saltSS$" + digest,
                                                     "$y$j..$salt$" + digest,
                                                     "$argon2id$v=19$m=64,t=1$" + salt + "$" + digest,
                                                     "$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + digest,
                                                     "$argon2id$v=19$m=-64,t=1,p=1$" + salt + "$" + digest,
                                                     "$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + digest,
                                                     "$argon2id$v=19$m=15,t=1,p=2$" + salt + "$" + digest,
                                                     "$argon2id$v=19$m=4294967296,t=1,p=1$" + salt + "$" + digest,
                                                     "$argon2id$v=19$m=99999999999999999999,t=1,p=1$" + salt + "$" + digest,
                                                     "$argon2id$v=19$m=64,t=1,p=1$c2hvcnQ$" + digest,
                                                     "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$AAAA",
                                                     "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + digest + "$",
                                                     "$argon2id$v=19$m=064,t=1,p=1$" + salt + "$" + digest,
                                                     "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + digest.substr(0, 42) + "B",
                                                     std::string{bcrypt_hash} + "\n",
                                                     std::string{bcrypt_hash} + std::string(1, '\0'),
                                                     " " + std::string{bcrypt_hash},
                                                     "$5$s\xc3\xa4lt$" + digest})
        expect_refused(text, errors::password_hash_malformed);
}

TEST(ForeignHash, other_kinds_are_unsupported) {
    std::string const salt = "c29tZXNhbHRzb21lc2FsdA";
    std::string const digest(43, 'A');
    for (auto const& text : std::vector<std::string>{
             "", "$", "$$", "password", "$1$etNnh7FA$OlM7eljE/B7F1J4XYNnk81", "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "md5$salt$0123",
             "5f4dcc3b5aa765d61d8327deb882cf99", "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
             "$2$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "$pbkdf2-md5$6400$" + salt + "$" + digest,
             "$argon2x$v=19$m=64,t=1,p=1$" + salt + "$" + digest, "$argon2id$v=20$m=64,t=1,p=1$" + salt + "$" + digest,
             "$argon2id$v=19$m=256,t=1,p=17$" + salt + "$" + digest, "$argon2id$v=19$m=64,t=1,p=1,keyid=AAAA$" + salt + "$" + digest,
             "$y$k9T$" + salt + "$" + digest, "$y$j9T/$" + salt + "$" + digest, "$y$jzT$" + salt + "$" + digest,
             "$gy$j9T$" + salt + "$" + digest,
             // Salts and hashes of absurd length.
             "$argon2id$v=19$m=64,t=1,p=1$" + std::string(88, 'A') + "$" + digest,
             "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + std::string(88, 'A'),
             "$scrypt$ln=4,r=8,p=1$" + std::string(200, 'A') + "$" + digest,
             "pbkdf2_sha256$1$" + std::string(129, 's') + "$" + digest + "=", "$pbkdf2-sha256$i=1$" + salt + "$" + std::string(88, 'A'),
             "$7$C6..../...." + std::string(65, 'S') + "$" + digest, "$5$salt$" + std::string(1000, 'A'), std::string(1'000'000, '$')})
        expect_refused(text, errors::password_hash_unsupported);
}

// Nothing that passes the reader may fail at a sign-in: every cheap parameter that can be written is computed once.
TEST(ForeignHash, whatever_is_accepted_can_be_computed) {
    constexpr std::string_view digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    int computed = 0;
    auto const compute = [&](std::string const& text) {
        auto const hash = ForeignHash::parse(text);
        if (!hash.ok() || hash.value().weight() > 0.05) return;
        EXPECT_NO_THROW(EXPECT_EQ(hash.value().matches(as_bytes("nobody's password")), ForeignMatch::no)) << text;
        ++computed;
    };
    std::string const digest(43, 'A');
    for (char const a : digits) {
        for (char const b : digits.substr(0, 12)) {
            compute(std::string{"$y$j"} + a + b + "$saltsalt$" + digest);
            compute(std::string{"$7$"} + a + b + "..../....salt$" + digest);
            compute(std::string{"$7$"} + a + "/...." + b + "....salt$" + digest);
        }
        for (std::size_t length = 0; length <= 16; ++length) compute("$5$rounds=1000$" + std::string(length, a) + "$" + digest);
    }
    for (std::size_t length = 1; length <= 86; ++length) {
        for (char const last : digits) compute("$y$j75$" + std::string(length - 1, 'S') + last + "$" + digest);
        compute("$7$86..../...." + std::string(length, 'S') + "$" + digest);
    }
    for (int ln = 1; ln < 8; ++ln) {
        for (int r = 1; r < 6; ++r) compute("$scrypt$ln=" + std::to_string(ln) + ",r=" + std::to_string(r) + ",p=3$AA$" + digest);
    }
    for (int memory = 8; memory < 200; ++memory) {
        for (int lanes = 1; lanes <= 16; ++lanes)
            compute("$argon2d$m=" + std::to_string(memory) + ",t=1,p=" + std::to_string(lanes) + "$AAAAAAAAAAA$" + digest);
    }
    EXPECT_GT(computed, 2000);
}

// A machine out of memory must not tell people that their password is wrong, and count it against them.
TEST(ForeignHash, a_lack_of_memory_is_a_fault_and_never_a_wrong_password) {
    for (std::string_view const text : {"$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
                                        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
                                        "$7$E6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
                                        "$y$jBT$LdJMENpBABJJ3hIHjB1Bi.$HboGM6qPrsK.StKYGt6KErmUYtioHreJd98oIugoNB6"}) {
        ASSERT_GE(parsed(text).memory_kib(), 60'000U) << text;
        auto const child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            // Room for everything but the 64 MiB.
            std::size_t pages = 0;
            std::ifstream{"/proc/self/statm"} >> pages;
            auto const limit = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + 32 * 1024 * 1024;
            rlimit const little{.rlim_cur = limit, .rlim_max = limit};
            ::setrlimit(RLIMIT_AS, &little);
            int verdict = 1;
            try {
                verdict = match("p", text) == ForeignMatch::no ? 2 : 3;
            } catch (Fault const&) {
                verdict = 0;
            }
            ::_exit(verdict);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status)) << text;
        EXPECT_EQ(WEXITSTATUS(status), 0) << text;
    }
}

}  // namespace
}  // namespace zephyr::crypto
