// Hashes made elsewhere: taken over as they are, replaced by one of ours at the first sign-in.
#include <thread>

#include "passwords/password_fixture.h"

namespace zephyr::passwords {
namespace {

struct Foreign {
    std::string_view name;
    std::string_view hash;
    std::string_view password;
};
// Published answers (tests/vectors/foreign_hash has their sources), the cheap ones.
constexpr Foreign known[] = {
    {"argon2id", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
    {"argon2id_two_lanes", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
    {"argon2i_version_1_0", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY", "password"},
    {"bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"},
    {"scrypt_of_libcrypt", "$7$06..../....SodiumChloride$ENlyo6fGw4PCcDBOFepfSZjFUnVatHzCcW55.ZGz3B0", "pleaseletmein"},
    {"scrypt_phc", "$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ$KXXf8GmVmUQTGZ9L0BWzp7rywGFqGVKQ+kazyyuoqFM",
     "cross-language-test"},
    {"pbkdf2_of_django", "pbkdf2_sha1$4096$salt$SwB5AbdlSJq+rUnZJvch0GWkKcE=", "password"},
    {"pbkdf2_of_passlib", "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44", "password"},
    {"sha256_crypt", "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
     "a very much longer text to encrypt.  This one even stretches over morethan one line."},
    {"sha512_crypt",
     "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
     "a very much longer text to encrypt.  This one even stretches over morethan one line."},
    {"yescrypt", "$y$j9T$p6OI0WN7.rSfZBOijjRdR.$xUOA2MTcB48ac.9Oc5fz8cxwLv1mMqabnn333iOzSA6", "hello"},
};
constexpr std::string_view foreign = known[0].hash;

class PasswordImportTest : public PasswordFixture {};
class EachScheme : public PasswordFixture, public ::testing::WithParamInterface<Foreign> {};
INSTANTIATE_TEST_SUITE_P(Imported, EachScheme, ::testing::ValuesIn(known),
                         [](auto const& scheme) { return std::string{scheme.param.name}; });

TEST_P(EachScheme, is_taken_over_and_replaced_at_the_first_sign_in) {
    auto const& [name, hash, password] = GetParam();
    auto const imported = service().import_hash(alice, hash, operator_);
    ASSERT_TRUE(imported.ok()) << imported.error() << imported.error().reason();
    EXPECT_EQ(events().back(), "passwords.set(imported)");
    EXPECT_EQ(stored_scheme(alice), "imported ");
    EXPECT_EQ(to_text(stored_phc(alice)).find(hash.substr(1, 6)), std::string::npos) << "sealed like every other";

    EXPECT_EQ(service().verify(alice, text(std::string{password} + "x")).error(), errors::wrong_password);
    EXPECT_EQ(service().verify(alice, text("")).error(), errors::wrong_password);
    EXPECT_EQ(stored_scheme(alice), "imported ") << "a wrong password changes no hash";
    EXPECT_EQ(service().state(alice)->failures, 2);

    auto const verified = service().verify(alice, text(password));
    ASSERT_TRUE(verified.ok()) << verified.error();
    EXPECT_EQ(verified.value().full_length(), password.size() >= 15);
    EXPECT_EQ(events().back(), "passwords.rehashed()");
    EXPECT_EQ(stored_scheme(alice), "peppered " + master.id());
    EXPECT_TRUE(service().verify(alice, text(password)).ok());
    EXPECT_EQ(service().verify(alice, text(std::string{password} + "x")).error(), errors::wrong_password);
}

TEST_F(PasswordImportTest, learns_the_length_of_an_imported_password_when_it_is_typed) {
    ASSERT_TRUE(service().import_hash(alice, crypto::argon2id_hash(text(good), cheap, random), operator_).ok());
    EXPECT_FALSE(service().is_full_length(alice)) << "unknown counts as short";
    EXPECT_TRUE(service().verify(alice, text(good)).value().full_length());
    EXPECT_TRUE(service().is_full_length(alice));
}

// Hashing what was typed would lock out the owner: nobody knows what the true end of the password is.
TEST_F(PasswordImportTest, bcrypt_stays_while_more_was_typed_than_it_looks_at) {
    std::string const password = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    ASSERT_TRUE(service().import_hash(alice, "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", operator_).ok());
    EXPECT_TRUE(service().verify(alice, text(password + "chars after 72 are ignored")).ok());
    EXPECT_EQ(stored_scheme(alice), "imported ");
    EXPECT_TRUE(service().verify(alice, text(password + "another end")).ok()) << "as it was where the hash comes from";
    EXPECT_TRUE(service().verify(alice, text(password)).ok());
    EXPECT_EQ(stored_scheme(alice), "peppered " + master.id()) << "all of it was checked";
    EXPECT_EQ(service().verify(alice, text(password + "another end")).error(), errors::wrong_password);
}

TEST_F(PasswordImportTest, compares_what_was_typed_and_not_its_normal_form) {
    // "é" as one letter and as two code points; other systems hash the bytes they get.
    std::string const decomposed = "cafe\xcc\x81";
    auto const hash = crypto::argon2id_hash(text(decomposed), cheap, random);
    ASSERT_TRUE(service().import_hash(alice, hash, operator_).ok());
    EXPECT_EQ(service().verify(alice, text("caf\xc3\xa9")).error(), errors::wrong_password);
    EXPECT_TRUE(service().verify(alice, text(decomposed)).ok());
    EXPECT_TRUE(service().verify(alice, text("caf\xc3\xa9")).ok()) << "ours, from now on";
}

// import_hash_bounds
TEST_F(PasswordImportTest, refuses_to_import_what_it_could_not_verify_cheaply_or_at_all) {
    for (std::string_view const hash :
         {"", "password", "$2b$12$abcdefghijklmnopqrstuv", "$1$etNnh7FA$OlM7eljE/B7F1J4XYNnk81",
          "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
          "$argon2id$v=19$m=256,t=1000000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
          "$argon2id$v=19$m=256,t=2,p=99999$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
          "$argon2id$v=19$m=99999999999999999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
          "pbkdf2_sha256$1000000000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
          "$scrypt$ln=40,r=8,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
          "$2b$31$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"}) {
        auto const refused = service().import_hash(alice, hash, operator_);
        ASSERT_FALSE(refused.ok()) << hash;
        EXPECT_EQ(refused.error(), errors::import_refused);
        EXPECT_FALSE(refused.error().reason().empty()) << hash;
    }
    EXPECT_FALSE(service().has_password(alice));
    EXPECT_EQ(hashes(), 0) << "nothing was computed";
}

TEST_F(PasswordImportTest, refuses_to_import_a_hash_larger_than_the_whole_memory_budget) {
    HashGate small{{.workers = 1, .memory_budget_kib = 255}, clock};
    PasswordService service_small{*database, audit, sealer, small, policy, clock, random, settings};
    EXPECT_EQ(service_small.import_hash(alice, foreign, operator_).error(), errors::import_refused);
}

// The memory of a foreign hash is the gate's business as much as that of ours.
TEST_F(PasswordImportTest, a_foreign_hash_waits_for_its_memory) {
    HashGate tight{{.workers = 4, .memory_budget_kib = 300, .longest_wait = 0ms}, clock};
    PasswordService tight_service{*database, audit, sealer, tight, policy, clock, random, settings};
    ASSERT_TRUE(service().import_hash(alice, foreign, operator_).ok());  // 256 KiB
    {
        auto const held = tight.enter(100);
        ASSERT_TRUE(held.ok());
        EXPECT_EQ(tight_service.verify(alice, text("password")).error(), errors::busy);
    }
    EXPECT_TRUE(tight_service.verify(alice, text("password")).ok());
    EXPECT_EQ(tight.counts().highest_memory_kib, 256U);
    EXPECT_EQ(tight_service.state(alice)->failures, 0) << "busy is no failure";
}

// A guess must be counted whatever the gate has room for after it.
TEST_F(PasswordImportTest, a_wrong_password_counts_though_the_gate_is_full_after_it) {
    HashGate tight{{.workers = 1, .memory_budget_kib = 1, .longest_wait = 0ms}, clock};
    settings.argon2 = {.memory_kib = 128, .passes = 1};
    PasswordService tight_service{*database, audit, sealer, tight, policy, clock, random, settings};
    ASSERT_TRUE(service().import_hash(alice, known[6].hash, operator_).ok());  // PBKDF2: 1 KiB
    EXPECT_EQ(tight_service.verify(alice, text("wrong")).error(), errors::wrong_password);
    EXPECT_EQ(tight_service.state(alice)->failures, 1);
}

// A miss on an imported hash and an unknown user: both are one read, the work of a hash of ours, one write, one event; the
// imported one computes the foreign hash besides.
TEST_F(PasswordImportTest, a_wrong_password_takes_the_path_of_an_unknown_user_and_the_foreign_hash_besides) {
    ASSERT_TRUE(service().import_hash(alice, known[6].hash, operator_).ok());
    auto const cost_of = [&](std::optional<UserId> const& user) {
        auto const hashes_before = hashes();
        auto const all_before = audit.query({.code = {}, .from = {}, .until = {}, .limit = 1000}).size();
        EXPECT_EQ(service().verify(user, text("wrong")).error(), errors::wrong_password);
        auto const all_after = audit.query({.code = {}, .from = {}, .until = {}, .limit = 1000}).size();
        return std::pair{hashes() - hashes_before, all_after - all_before};
    };
    EXPECT_EQ(cost_of(std::nullopt), std::pair(std::int64_t{1}, std::size_t{1}));
    EXPECT_EQ(cost_of(bob), std::pair(std::int64_t{1}, std::size_t{1}));
    EXPECT_EQ(cost_of(alice), std::pair(std::int64_t{2}, std::size_t{1}));
    // The right one does as much: the foreign hash, and one of ours to replace it.
    auto const before = hashes();
    EXPECT_TRUE(service().verify(alice, text("password")).ok());
    EXPECT_EQ(hashes() - before, 2);
}

TEST_F(PasswordImportTest, a_prepared_import_is_stored_with_the_account_or_not_at_all) {
    auto const prepared = service().prepare_import(known[3].hash);
    ASSERT_TRUE(prepared.ok());
    auto const undone = database->write([&](storage::Transaction& tx) -> Result<void> {
        service().store(tx, alice, prepared.value(), MustChange::no, operator_);
        return errors::no_password;
    });
    EXPECT_FALSE(undone.ok());
    EXPECT_FALSE(service().has_password(alice));
    database->write([&](storage::Transaction& tx) { service().store(tx, alice, prepared.value(), MustChange::no, operator_); });
    EXPECT_TRUE(service().verify(alice, text(known[3].password)).ok());
}

}  // namespace
}  // namespace zephyr::passwords
