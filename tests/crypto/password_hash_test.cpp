#include "zephyr/crypto/password_hash.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "testing/scripted_random.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {
namespace {

constexpr Argon2Parameters cheap{.memory_kib = 64, .passes = 1};

class PasswordHash : public ::testing::Test {
protected:
    testing::ScriptedRandom random;
    std::string hash(std::string_view password, Argon2Parameters parameters = cheap) {
        return argon2id_hash(as_bytes(password), parameters, random);
    }
    static Result<PasswordMatch> verify(std::string_view password, std::string_view phc,
                                        Argon2Parameters wanted = cheap) {
        return argon2id_verify(as_bytes(password), phc, wanted);
    }
};

TEST_F(PasswordHash, writes_the_phc_form_with_its_parameters) {
    auto const phc = hash("correct horse battery staple");
    EXPECT_TRUE(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << phc;
    EXPECT_EQ(phc.size(), std::string_view{"$argon2id$v=19$m=64,t=1,p=1$"}.size() + 22 + 1 + 43);
    EXPECT_EQ(argon2id_parameters(phc).value(), cheap);
    EXPECT_TRUE(hash("x", {}).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

TEST_F(PasswordHash, matches_the_right_password_alone) {
    auto const phc = hash("correct horse");
    EXPECT_EQ(verify("correct horse", phc).value(), PasswordMatch::yes);
    for (auto const* const wrong : {"", "correct hors", "correct horse ", "Correct horse", "correct horsf"})
        EXPECT_EQ(verify(wrong, phc).value(), PasswordMatch::no) << wrong;
}

TEST_F(PasswordHash, the_whole_password_counts) {
    std::string const stem(1023, 'x');
    auto const phc = hash(stem + "a");
    EXPECT_EQ(verify(stem + "a", phc).value(), PasswordMatch::yes);
    EXPECT_EQ(verify(stem + "b", phc).value(), PasswordMatch::no);
    EXPECT_EQ(verify(stem, phc).value(), PasswordMatch::no);
    // Behind a zero byte too, where C strings end.
    auto const with_zero = hash(std::string_view{"a\0b", 3});
    EXPECT_EQ(verify(std::string_view{"a\0c", 3}, with_zero).value(), PasswordMatch::no);
    EXPECT_EQ(verify("a", with_zero).value(), PasswordMatch::no);
}

TEST_F(PasswordHash, an_empty_password_is_a_password_like_any_other) {
    auto const phc = hash("");
    EXPECT_EQ(verify("", phc).value(), PasswordMatch::yes);
    EXPECT_EQ(verify("a", phc).value(), PasswordMatch::no);
    EXPECT_EQ(argon2id_verify(SecretText{}, phc, cheap).value(), PasswordMatch::yes);
}

TEST_F(PasswordHash, the_same_password_never_hashes_the_same) {
    std::set<std::string> seen;
    for (int i = 0; i < 50; ++i) seen.insert(hash("same"));
    EXPECT_EQ(seen.size(), 50U);
}

TEST_F(PasswordHash, other_parameters_than_wanted_are_outdated_both_ways) {
    auto const phc = hash("p");
    EXPECT_EQ(verify("p", phc, {.memory_kib = 128, .passes = 1}).value(), PasswordMatch::yes_but_outdated);
    EXPECT_EQ(verify("p", phc, {.memory_kib = 64, .passes = 2}).value(), PasswordMatch::yes_but_outdated);
    EXPECT_EQ(verify("p", phc, {.memory_kib = 32, .passes = 1}).value(), PasswordMatch::yes_but_outdated);
    EXPECT_EQ(verify("wrong", phc, {.memory_kib = 128, .passes = 1}).value(), PasswordMatch::no);
}

TEST_F(PasswordHash, refuses_every_flipped_character) {
    auto const phc = hash("p");
    for (std::size_t i = 0; i < phc.size(); ++i) {
        auto changed = phc;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        auto const answer = verify("p", changed);
        EXPECT_TRUE(!answer.ok() || answer.value() == PasswordMatch::no) << changed;
    }
    for (std::size_t size = 0; size < phc.size(); ++size) {
        auto const answer = verify("p", phc.substr(0, size));
        EXPECT_TRUE(!answer.ok() || answer.value() == PasswordMatch::no) << size;
    }
}

TEST_F(PasswordHash, costly_strings_from_elsewhere_are_refused_before_any_work) {
    std::string const tail = ",p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (auto const* const cost :
         {"m=262145,t=1", "m=4194304,t=1", "m=4294967295,t=1", "m=64,t=17", "m=64,t=4294967295"})
        EXPECT_EQ(verify("p", "$argon2id$v=19$" + std::string{cost} + tail).error(), errors::password_hash_too_costly)
            << cost;
    EXPECT_EQ(verify("p", "$argon2id$v=19$m=64,t=16" + tail).value(), PasswordMatch::no);
    EXPECT_EQ(argon2id_parameters("$argon2id$v=19$m=262144,t=16" + tail).value(),
              (Argon2Parameters{.memory_kib = 262'144, .passes = 16}));
}

TEST_F(PasswordHash, malformed_strings_are_refused) {
    std::string const salt = "c29tZXNhbHRzb21lc2FsdA";
    std::string const digest(43, 'A');
    auto const with = [&](std::string const& numbers, std::string const& s, std::string const& d) {
        return "$argon2id$v=19$" + numbers + "$" + s + "$" + d;
    };
    ASSERT_TRUE(verify("p", with("m=64,t=1,p=1", salt, digest)).ok());
    for (auto const& phc : std::vector<std::string>{"",
                                                    "x",
                                                    "argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + digest,
                                                    with("m=064,t=1,p=1", salt, digest),
                                                    with("m=+64,t=1,p=1", salt, digest),
                                                    with("m=-64,t=1,p=1", salt, digest),
                                                    with("m=64 ,t=1,p=1", salt, digest),
                                                    with("m=0x40,t=1,p=1", salt, digest),
                                                    with("m=64,t=0,p=1", salt, digest),
                                                    with("m=64,t=1,p=0", salt, digest),
                                                    with("m=7,t=1,p=1", salt, digest),
                                                    with("t=1,m=64,p=1", salt, digest),
                                                    with("m=64,t=1", salt, digest),
                                                    with("m=,t=,p=", salt, digest),
                                                    with("", salt, digest),
                                                    with("m=99999999999999999999,t=1,p=1", salt, digest),
                                                    with("m=64,t=1,p=1", "", digest),
                                                    with("m=64,t=1,p=1", "c2hvcnQ", digest),
                                                    with("m=64,t=1,p=1", salt + "==", digest),
                                                    with("m=64,t=1,p=1", salt, ""),
                                                    with("m=64,t=1,p=1", salt, "AAAA"),
                                                    with("m=64,t=1,p=1", salt, digest + "="),
                                                    with("m=64,t=1,p=1", salt, digest.substr(0, 42) + "B"),
                                                    with("m=64,t=1,p=1", salt, digest.substr(0, 42) + "-"),
                                                    with("m=64,t=1,p=1", salt, "AAAAAAAAAAAAAAAAAAAAAA"),
                                                    with("m=64,t=1,p=1", "c29tZXNhbHQ", digest),
                                                    with("m=64,t=1,p=1", salt, digest) + "$",
                                                    with("m=64,t=1,p=1", salt, digest) + "\n",
                                                    with("m=64,t=1,p=1", salt, digest) + std::string(1, '\0')})
        EXPECT_EQ(verify("p", phc).error(), errors::password_hash_malformed) << phc;
}

TEST_F(PasswordHash, other_schemes_are_unsupported) {
    std::string const tail = "$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (auto const& phc : std::vector<std::string>{
             "$", "$$", "$2b$12$abcdefghijklmnopqrstuu5Zq", "$6$rounds=5000$salt$hash",
             "$argon2d$v=19$m=64,t=1,p=1" + tail, "$argon2i$v=19$m=64,t=1,p=1" + tail,
             "$argon2id$v=19$m=64,t=1,p=2" + tail, "$argon2id$m=64,t=1,p=1" + tail, "$argon2id$v=16$m=64,t=1,p=1" + tail,
             "$argon2id$v=20$m=64,t=1,p=1" + tail, "$ARGON2ID$v=19$m=64,t=1,p=1" + tail,
             "$argon2id$v=19$m=256,t=1,p=17" + tail, "$argon2id$v=19$m=64,t=1,p=1,keyid=AAAA" + tail,
             "$argon2id$v=19$m=64,t=1,p=1$" + std::string(200, 'A') + "$AAAA"})
        EXPECT_EQ(verify("p", phc).error(), errors::password_hash_unsupported) << phc;
}

TEST_F(PasswordHash, our_own_parameters_out_of_bounds_are_faults) {
    for (auto const parameters : {Argon2Parameters{7, 1}, Argon2Parameters{262'145, 1}, Argon2Parameters{64, 0},
                                  Argon2Parameters{64, 17}, Argon2Parameters{0, 0}})
        EXPECT_THROW(hash("p", parameters), Fault);
}

// A machine out of memory must not tell people that their password is wrong, and count it against them.
TEST_F(PasswordHash, a_lack_of_memory_is_a_fault_and_never_a_wrong_password) {
    auto const phc = hash("p", {.memory_kib = 64 * 1024, .passes = 1});
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
            verdict = verify("p", phc).ok() ? 2 : 3;
        } catch (Fault const&) {
            verdict = 0;
        }
        ::_exit(verdict);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << phc;
    EXPECT_EQ(WEXITSTATUS(status), 0) << phc;
}

}  // namespace
}  // namespace zephyr::crypto
