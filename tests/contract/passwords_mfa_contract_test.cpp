// Guesses and codes that race, on every store: the limits hold and a code wins once, whichever database decides.
#include <atomic>
#include <map>
#include <mutex>

#include "contract/stores.h"
#include "testing/scripted_random.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/base32.h"
#include "zephyr/mfa/backup_codes.h"
#include "zephyr/mfa/known_devices.h"
#include "zephyr/mfa/personal_data.h"
#include "zephyr/mfa/totp_service.h"
#include "zephyr/passwords/password_service.h"
#include "zephyr/passwords/personal_data.h"

namespace zephyr::storage::contract {
namespace {

constexpr int threads = 64;

// How often each outcome came, by its id.
class Tally {
public:
    template <class T>
    void add(Result<T> const& result) {
        std::lock_guard const lock{mutex_};
        ++counts_[result.ok() ? "ok" : std::string{result.error().id()}];
    }
    int of(std::string const& outcome) { return counts_[outcome]; }
    int all() const {
        int sum = 0;
        for (auto const& [outcome, count] : counts_) sum += count;
        return sum;
    }

private:
    std::mutex mutex_;
    std::map<std::string, int> counts_;
};

// One node: services of its own over connections of its own.
struct Node {
    Node(Database& database, crypto::Sealer const& sealer, Clock const& clock, Random& random)
        : audit{database, sealer, clock, random},
          gate{{.workers = 4, .longest_wait = 60s}, clock},
          passwords{database, audit, sealer, gate, policy, clock, random, {.argon2 = {.memory_kib = 64, .passes = 1}}},
          attempts{audit, clock, {}},
          totp{database, audit, sealer, attempts, clock, random, {}},
          codes{database, audit, sealer, attempts, gate, clock, random, {.argon2 = {.memory_kib = 64, .passes = 1}}},
          devices{database, audit, sealer, clock, random, {}} {}
    audit::AuditLog audit;
    passwords::PasswordPolicy policy{passwords::PolicySettings{}};
    passwords::HashGate gate;
    passwords::PasswordService passwords;
    mfa::Attempts attempts;
    mfa::TotpService totp;
    mfa::BackupCodes codes;
    mfa::KnownDevices devices;

    Result<mfa::VerifiedFactor> give(Database& database, UserId const& user, SessionRef const& session, std::string const& code) {
        mfa::Presented shown{.user = user, .session = session, .code = code};
        ZEPHYR_CHECK(codes.prepare(shown));
        struct Kept {
            Result<mfa::VerifiedFactor> answer;
        };
        return database.write([&](Transaction& tx) { return Kept{codes.verify(tx, shown)}; }).answer;
    }
};

}  // namespace

class PasswordsMfaContract : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        auto const migrations = testing::source_migrations_only({"0001", "0004", "0006", "0011", "0013", "0014", "0016", "0017"});
        auto const report = migrate(db(), migrations, clock_);
        ASSERT_TRUE(report.ok()) << report.error();
        node = std::make_unique<Node>(db(), sealer, clock_, random);
    }

    SecretText text(std::string_view password) { return SecretText{std::string{password}}; }
    SessionRef new_session() { return SessionRef::make(clock_.now(), random); }
    std::string code_of(std::string const& secret_base32, std::int64_t steps = 0) {
        auto const secret = encoding::base32_decode(secret_base32);
        return mfa::totp_code(secret.value(), mfa::totp_step(clock_.now(), 30s) + steps, 6, mfa::TotpAlgorithm::sha1);
    }
    std::string wrong_code(std::string const& secret) {
        int candidate = 100000;
        auto const near = [&](std::string const& code) {
            return code == code_of(secret, -1) || code == code_of(secret) || code == code_of(secret, 1);
        };
        while (near(std::to_string(candidate))) ++candidate;
        return std::to_string(candidate);
    }
    std::string enrol(UserId const& user) {
        auto const session = new_session();
        auto const begun = node->totp.begin(user, session, "account", "phone");
        EXPECT_TRUE(begun.ok());
        EXPECT_TRUE(node->totp.confirm(user, session, code_of(begun.value().secret_base32)).ok());
        clock_.advance(30s);
        return begun.value().secret_base32;
    }
    std::vector<std::string> give_codes(UserId const& user) {
        auto const set = node->codes.make(user);
        EXPECT_TRUE(set.ok());
        db().write([&](Transaction& tx) { node->codes.store(tx, user, set.value(), audit::Actor::user(user), {}); });
        std::vector<std::string> codes;
        for (auto const& code : set.value().codes) codes.push_back(code.reveal());
        return codes;
    }
    std::int64_t number(std::string_view sql) {
        return db().read([&](Transaction& tx) {
            auto const row = tx.row(sql, alice.str());
            return row ? row->integer(0) : 0;
        });
    }

    testing::ScriptedRandom random;
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    std::unique_ptr<Node> node;
    UserId alice = UserId::make(clock_.now(), random);
    std::string const good = "violet kettle drums at noon";
};

TEST_P(PasswordsMfaContract, lets_one_of_64_threads_win_with_one_code) {
    auto const code = code_of(enrol(alice));
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->totp.verify(alice, new_session(), code)); });
    EXPECT_EQ(tally.of("ok"), 1);
    EXPECT_EQ(tally.of("mfa.totp_code_reused"), threads - 1);
}

TEST_P(PasswordsMfaContract, lets_one_of_64_threads_on_two_nodes_win_with_one_code) {
    if (is_memory()) GTEST_SKIP() << "memory belongs to one node";
    if (GetParam() == Store::sqlite_file) GTEST_SKIP() << "one node writes to a SQLite file";
    auto const code = code_of(enrol(alice));
    auto const other_database = open();
    Node other{*other_database, sealer, clock_, random};
    Tally tally;
    on_threads(threads, [&](int i) {
        auto& mine = i % 2 == 0 ? node->totp : other.totp;
        tally.add(mine.verify(alice, new_session(), code));
    });
    EXPECT_EQ(tally.of("ok"), 1);
    EXPECT_EQ(tally.of("mfa.totp_code_reused"), threads - 1);
}

TEST_P(PasswordsMfaContract, lets_one_of_64_threads_confirm_one_enrolment) {
    auto const session = new_session();
    auto const begun = node->totp.begin(alice, session, "account", "phone");
    ASSERT_TRUE(begun.ok());
    auto const code = code_of(begun.value().secret_base32);
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->totp.confirm(alice, session, code)); });
    EXPECT_EQ(tally.of("ok"), 1);
    EXPECT_EQ(tally.of("mfa.no_enrolment"), threads - 1);
    EXPECT_EQ(node->totp.list(alice).size(), 1u);
}

TEST_P(PasswordsMfaContract, hears_no_more_than_five_parallel_wrong_codes_of_a_session) {
    auto const secret = enrol(alice);
    auto const session = new_session();
    auto const code = wrong_code(secret);
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->totp.verify(alice, session, code)); });
    EXPECT_EQ(tally.of("mfa.totp_wrong_code"), 5);
    EXPECT_EQ(tally.of("mfa.too_many_attempts"), threads - 5);
    EXPECT_EQ(number("SELECT failures FROM mfa_attempt WHERE user_id = $1"), 5);
}

TEST_P(PasswordsMfaContract, hears_no_more_than_ten_parallel_wrong_codes_of_an_account) {
    auto const code = wrong_code(enrol(alice));
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->totp.verify(alice, new_session(), code)); });
    EXPECT_EQ(tally.of("mfa.totp_wrong_code"), 10);
    EXPECT_EQ(tally.of("mfa.too_many_attempts"), threads - 10);
    EXPECT_EQ(number("SELECT failures FROM mfa_attempt WHERE user_id = $1"), 10);
}

// NIST SP 800-63B-4, 3.1.2.2: "A secret from a look-up secret authenticator SHALL be used successfully only once."
TEST_P(PasswordsMfaContract, lets_one_of_64_threads_win_with_one_backup_code) {
    auto const code = give_codes(alice)[0];
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->give(db(), alice, new_session(), code)); });
    EXPECT_EQ(tally.of("ok"), 1);
    EXPECT_EQ(tally.of("mfa.code_reused"), threads - 1);
    EXPECT_EQ(node->codes.left(alice), 9);
}

TEST_P(PasswordsMfaContract, lets_one_of_64_threads_on_two_nodes_win_with_one_backup_code) {
    if (is_memory()) GTEST_SKIP() << "memory belongs to one node";
    if (GetParam() == Store::sqlite_file) GTEST_SKIP() << "one node writes to a SQLite file";
    auto const code = give_codes(alice)[0];
    auto const other_database = open();
    Node other{*other_database, sealer, clock_, random};
    Tally tally;
    on_threads(threads, [&](int i) {
        tally.add(i % 2 == 0 ? node->give(db(), alice, new_session(), code) : other.give(*other_database, alice, new_session(), code));
    });
    EXPECT_EQ(tally.of("ok"), 1);
    EXPECT_EQ(tally.of("mfa.code_reused"), threads - 1);
    EXPECT_EQ(node->codes.left(alice), 9);
}

TEST_P(PasswordsMfaContract, hears_no_more_than_ten_parallel_wrong_backup_codes_of_an_account) {
    give_codes(alice);
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->give(db(), alice, new_session(), "0000-0000-0000-0000")); });
    EXPECT_EQ(tally.of("mfa.wrong_code"), 10);
    EXPECT_EQ(tally.of("mfa.too_many_attempts"), threads - 10);
}

TEST_P(PasswordsMfaContract, leaves_one_whole_set_when_two_are_stored_at_once) {
    auto const first = node->codes.make(alice);
    auto const second = node->codes.make(alice);
    on_threads(2, [&](int i) {
        db().write([&](Transaction& tx) {
            node->codes.store(tx, alice, i == 0 ? first.value() : second.value(), audit::Actor::user(alice), {});
        });
    });
    EXPECT_EQ(number("SELECT count(*) FROM backup_code WHERE user_id = $1"), 10);
    EXPECT_EQ(number("SELECT count(DISTINCT set_id) FROM backup_code WHERE user_id = $1"), 1);
}

TEST_P(PasswordsMfaContract, knows_a_browser_once_however_many_sign_ins_end_at_once) {
    auto const cookie = db().write([&](Transaction& tx) { return node->devices.remember(tx, alice, "", false, {}).reveal(); });
    std::atomic<int> kept = 0;
    on_threads(16, [&](int) {
        auto const got = db().write([&](Transaction& tx) { return node->devices.remember(tx, alice, cookie, false, {}).reveal(); });
        if (got == cookie) ++kept;
    });
    EXPECT_EQ(kept, 16);
    EXPECT_EQ(node->devices.list(alice).size(), 1u);
    EXPECT_TRUE(node->devices.find(alice, cookie));
}

TEST_P(PasswordsMfaContract, forgets_the_oldest_browser_and_those_not_seen_for_long) {
    std::string first;
    for (int i = 0; i < 21; ++i) {
        auto const cookie = db().write([&](Transaction& tx) { return node->devices.remember(tx, alice, "", false, {}).reveal(); });
        if (i == 0) first = cookie;
        clock_.advance(1s);
    }
    EXPECT_EQ(node->devices.list(alice).size(), 20u);
    EXPECT_FALSE(node->devices.find(alice, first));
    clock_.advance(365 * 24h);
    EXPECT_EQ(node->devices.purge(), 20);
}

TEST_P(PasswordsMfaContract, hears_no_more_than_five_parallel_wrong_passwords_of_a_known_browser) {
    ASSERT_TRUE(node->passwords.set(alice, text(good), {}, audit::Actor::operator_cli()).ok());
    passwords::Claimant const laptop{alice, new_session().str()};
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->passwords.verify(laptop, text("wrong"))); });
    EXPECT_EQ(tally.of("passwords.wrong_password"), 5);
    EXPECT_EQ(tally.of("passwords.throttled"), threads - 5);
    EXPECT_EQ(number("SELECT failures FROM password_lane WHERE user_id = $1"), 5);
    EXPECT_TRUE(node->passwords.verify(alice, text(good)).ok()) << "another lane";
    clock_.advance(1s);
    Tally right;
    on_threads(16, [&](int) { right.add(node->passwords.verify(laptop, text(good))); });
    EXPECT_EQ(right.of("ok"), 16);
    EXPECT_EQ(node->passwords.state(alice)->failures, 0);
    EXPECT_EQ(node->passwords.purge(), 1);
}

TEST_P(PasswordsMfaContract, hears_no_more_than_five_parallel_wrong_passwords_of_an_account) {
    ASSERT_TRUE(node->passwords.set(alice, text(good), {}, audit::Actor::operator_cli()).ok());
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->passwords.verify(alice, text("wrong"))); });
    EXPECT_EQ(tally.of("passwords.wrong_password"), 5);
    EXPECT_EQ(tally.of("passwords.throttled"), threads - 5);
    EXPECT_EQ(node->passwords.state(alice)->failures, 5);
    clock_.advance(1s);
    EXPECT_TRUE(node->passwords.verify(alice, text(good)).ok());
    EXPECT_EQ(node->passwords.state(alice)->failures, 0);
}

TEST_P(PasswordsMfaContract, accepts_parallel_sign_ins_of_one_person_while_the_hash_is_renewed) {
    auto const foreign = crypto::argon2id_hash(text(good), {.memory_kib = 32, .passes = 1}, random);
    ASSERT_TRUE(node->passwords.import_hash(alice, foreign, audit::Actor::operator_cli()).ok());
    Tally tally;
    on_threads(16, [&](int) { tally.add(node->passwords.verify(alice, text(good))); });
    EXPECT_EQ(tally.of("ok"), 16);
    EXPECT_EQ(number("SELECT count(*) FROM password_credential WHERE user_id = $1 AND scheme = 'peppered'"), 1);
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE subject = $1 AND reason = '' AND code = 'ZPASS04I'"), 1);
}

TEST_P(PasswordsMfaContract, lets_one_of_two_parallel_changes_of_a_password_win) {
    ASSERT_TRUE(node->passwords.set(alice, text(good), {}, audit::Actor::operator_cli()).ok());
    std::vector<std::string> const wanted = {"seven brass owls hum softly", "amber pontoon verdict quilt"};
    Tally tally;
    on_threads(2, [&](int i) {
        tally.add(node->passwords.change(alice, text(good), text(wanted[static_cast<std::size_t>(i)]), {}));
    });
    EXPECT_EQ(tally.all(), 2);
    EXPECT_EQ(tally.of("ok"), 1) << "the other met a changed password, before or after it had checked the old one";
}

TEST_P(PasswordsMfaContract, exports_and_erases_one_person) {
    ASSERT_TRUE(node->passwords.set(alice, text(good), {}, audit::Actor::operator_cli()).ok());
    enrol(alice);
    auto const bob = UserId::make(clock_.now(), random);
    enrol(bob);
    passwords::PasswordsPersonalData password_data;
    mfa::MfaPersonalData mfa_data{sealer};
    db().write([&](Transaction& tx) {
        EXPECT_EQ(mfa_data.export_for(tx, alice).find("devices")->items()->size(), 1u);
        EXPECT_FALSE(password_data.export_for(tx, alice).is_null());
        password_data.erase(tx, alice);
        mfa_data.erase(tx, alice);
    });
    EXPECT_FALSE(node->passwords.has_password(alice));
    EXPECT_FALSE(node->totp.has_confirmed(alice));
    EXPECT_TRUE(node->totp.has_confirmed(bob));
}

INSTANTIATE_TEST_SUITE_P(Stores, PasswordsMfaContract, every_store(), name_of);

}  // namespace zephyr::storage::contract
