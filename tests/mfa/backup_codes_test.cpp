#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"
#include "zephyr/mfa/backup_codes.h"
#include "zephyr/mfa/personal_data.h"
#include "zephyr/mfa/totp_service.h"

namespace zephyr::mfa {

class BackupCodesTest : public ::testing::Test {
protected:
    static BackupCodeSettings cheap() { return {.argon2 = {.memory_kib = 64, .passes = 1}}; }

    SessionRef new_session() { return SessionRef::make(clock.now(), random); }
    std::vector<std::string> give(UserId const& user) {
        auto set = codes.make(user);
        if (!set.ok()) throw Fault{"no set"};
        database->write([&](storage::Transaction& tx) { codes.store(tx, user, set.value(), audit::Actor::user(user), {}); });
        std::vector<std::string> out;
        for (auto const& code : set.value().codes) out.push_back(code.reveal());
        return out;
    }
    Presented presented(UserId const& user, std::string_view code, std::string_view lane = {}) {
        return {.user = user, .session = session, .code = std::string{code}, .lane = std::string{lane}};
    }
    struct Kept {
        Result<VerifiedFactor> answer;
    };
    Result<VerifiedFactor> check(Presented const& shown) {
        return database->write([&](storage::Transaction& tx) { return Kept{codes.verify(tx, shown)}; }).answer;
    }
    std::string outcome(UserId const& user, std::string_view code, std::string_view lane = {}) {
        auto shown = presented(user, code, lane);
        if (auto const ready = codes.prepare(shown); !ready.ok()) return std::string{ready.error().id()};
        auto const verified = check(shown);
        return verified.ok() ? "ok" : std::string{verified.error().id()};
    }
    std::vector<FactorSummary> list(UserId const& user) {
        return database->read([&](storage::Transaction& tx) { return codes.list(tx, user); });
    }
    int events(std::string_view code) {
        return static_cast<int>(audit.query({.subject = alice, .code = std::string{code}, .from = {}, .until = {}, .limit = 1000}).size());
    }
    std::int64_t failures() {
        return database->read([&](storage::Transaction& tx) { return attempts.failures(tx, alice); });
    }
    // Right in its selector, wrong in its secret.
    static std::string spoilt(std::string code) {
        code.back() = code.back() == '0' ? '1' : '0';
        return code;
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    testing::TemporaryFolder folder;
    std::unique_ptr<storage::Database> database = [&] {
        auto opened = storage::open_sqlite({.path = (folder.path() / "test.db").string()});
        testing::apply_source_migrations(*opened);
        return opened;
    }();
    crypto::MasterKey master = crypto::MasterKey::generate(random);
    crypto::Sealer sealer{crypto::Keyring{master}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    Attempts attempts{audit, clock, {}};
    passwords::HashGate gate{{.workers = 4, .longest_wait = 60s}, clock};
    BackupCodes codes{*database, audit, sealer, attempts, gate, clock, random, cheap()};
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
    SessionRef session = new_session();
};

// NIST SP 800-63B-4, 3.1.2.1: "Look-up secrets SHALL be at least six decimal digits (or equivalent) in length."
// Made by "an approved random bit generator": these have 80 bits, of which 60 are compared with a hash.
TEST_F(BackupCodesTest, AreTenOfSixteenCharactersThatNobodyMistakes) {
    auto const given = give(alice);
    ASSERT_EQ(given.size(), 10u);
    std::set<std::string> selectors;
    for (auto const& code : given) {
        ASSERT_EQ(code.size(), 19u) << code;
        EXPECT_EQ(code[4], '-');
        EXPECT_EQ(std::count(code.begin(), code.end(), '-'), 3);
        EXPECT_EQ(code.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), std::string::npos) << code;
        selectors.insert(code.substr(0, 4));
    }
    EXPECT_EQ(selectors.size(), given.size()) << "each has a row of its own";
}

// "A given secret from an authenticator SHALL be used successfully only once."
TEST_F(BackupCodesTest, AreGoodOnce) {
    auto const given = give(alice);
    EXPECT_EQ(outcome(alice, given[3]), "ok");
    session = new_session();
    EXPECT_EQ(outcome(alice, given[3]), "mfa.code_reused");
    EXPECT_EQ(outcome(alice, given[4]), "ok");
    EXPECT_EQ(codes.left(alice), 8);
    EXPECT_EQ(failures(), 0) << "a code given twice is no guess";
}

TEST_F(BackupCodesTest, ProveTheirSet) {
    auto const given = give(alice);
    auto shown = presented(alice, given[0]);
    ASSERT_TRUE(codes.prepare(shown).ok());
    auto const verified = check(shown);
    ASSERT_TRUE(verified.ok());
    EXPECT_EQ(verified.value().user(), alice);
    EXPECT_EQ(verified.value().factor(), list(alice)[0].id);
    EXPECT_EQ(verified.value().kind().proves, "backup");
    EXPECT_FALSE(verified.value().kind().stands_alone);
    EXPECT_TRUE(verified.value().kind().aal2);
}

TEST_F(BackupCodesTest, AreReadAsPeopleTypeThem) {
    auto const read = [](std::string_view typed) {
        auto const code = normalise_backup_code(typed);
        return code ? code->reveal() : std::string{"-"};
    };
    std::string const plain = "ABCD0123WXYZ1010";
    EXPECT_EQ(read("ABCD-0123-WXYZ-1010"), plain);
    EXPECT_EQ(read("abcd0123wxyz1010"), plain);
    EXPECT_EQ(read("  abcd 0123\twxyz\n1010 "), plain);
    EXPECT_EQ(read("ABCD-o123-wxyz-iOLo"), plain) << "O is 0, I and L are 1";
    EXPECT_EQ(read("ＡＢＣＤ－０１２３－ｗｘｙｚ－１０１０"), plain) << "full width";
    EXPECT_EQ(read("ABCD\u20110123\u2013WXYZ\u20141010"), plain) << "hyphens that word processors make";
    EXPECT_EQ(read("ABCD\u00A00123\u3000WXYZ\u20091010"), plain) << "blanks of every width";
}

TEST_F(BackupCodesTest, AreNothingElse) {
    auto const refused = [](std::string_view typed) { return !normalise_backup_code(typed).has_value(); };
    EXPECT_TRUE(refused(""));
    EXPECT_TRUE(refused("----"));
    EXPECT_TRUE(refused("ABCD-0123-WXYZ-101"));
    EXPECT_TRUE(refused("ABCD-0123-WXYZ-10100"));
    EXPECT_TRUE(refused("UBCD-0123-WXYZ-1010")) << "U is no character of ours";
    EXPECT_TRUE(refused("ABCD-0123-WXYZ-101\u00E9"));
    EXPECT_TRUE(refused("ABCD-0123-WXYZ-101\u0660")) << "digits of other scripts are none here";
    EXPECT_TRUE(refused(std::string_view{"ABCD0123WXYZ101\0", 16}));
    EXPECT_TRUE(refused("ABCD0123WXYZ101\xC3"));
    EXPECT_TRUE(refused("\u202EABCD0123WXYZ1010"));
    EXPECT_TRUE(refused("ABCD0123WXYZ1010" + std::string(241, ' '))) << "257 bytes";
    EXPECT_FALSE(refused("ABCD0123WXYZ1010" + std::string(240, ' ')));
}

TEST_F(BackupCodesTest, CostOneHashEachWhetherOrNotThereIsSuchARow) {
    auto const given = give(alice);
    auto const cost = [&](UserId const& user, std::string_view code) {
        auto const before = gate.counts().admitted;
        auto shown = presented(user, code);
        EXPECT_TRUE(codes.prepare(shown).ok());
        return gate.counts().admitted - before;
    };
    EXPECT_EQ(cost(alice, given[0]), 1);
    EXPECT_EQ(cost(alice, spoilt(given[0])), 1);
    EXPECT_EQ(cost(alice, "0000-0000-0000-0000"), 1) << "no such selector";
    EXPECT_EQ(cost(bob, given[0]), 1) << "nobody with codes";
    EXPECT_EQ(cost(alice, "nothing like it"), 0) << "that it is none everybody sees";
}

TEST_F(BackupCodesTest, OfOnePersonAreNothingToAnother) {
    auto const given = give(alice);
    EXPECT_EQ(outcome(bob, given[0]), "mfa.not_enrolled");
    give(bob);
    EXPECT_EQ(outcome(bob, given[0]), "mfa.wrong_code");
    EXPECT_EQ(codes.left(alice), 10);
}

TEST_F(BackupCodesTest, WrongOnesAreCountedAndRightOnesWaitWhenThereWereTooMany) {
    auto const given = give(alice);
    EXPECT_EQ(outcome(alice, spoilt(given[0])), "mfa.wrong_code");
    EXPECT_EQ(outcome(alice, "nothing like it"), "mfa.wrong_code");
    EXPECT_EQ(failures(), 2);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(alice, spoilt(given[0])), "mfa.wrong_code");
    EXPECT_EQ(outcome(alice, given[0]), "mfa.too_many_attempts") << "five in one session";
    EXPECT_EQ(codes.left(alice), 10) << "and it is not used up";
    session = new_session();
    EXPECT_EQ(outcome(alice, given[0]), "ok");
    EXPECT_EQ(failures(), 0);
}

// A new set resets no count (NIST SP 800-63B-4, 3.1.3.2 for secrets that are sent; here all the same).
TEST_F(BackupCodesTest, ANewSetResetsNoCount) {
    auto const given = give(alice);
    for (int i = 0; i < 5; ++i) outcome(alice, spoilt(given[0]));
    auto const fresh = give(alice);
    EXPECT_EQ(failures(), 5);
    EXPECT_EQ(outcome(alice, fresh[0]), "mfa.too_many_attempts");
}

TEST_F(BackupCodesTest, StrangersWrongOnesDoNotKeepAKnownBrowserWaiting) {
    auto const given = give(alice);
    for (int i = 0; i < 10; ++i) {
        session = new_session();
        EXPECT_EQ(outcome(alice, spoilt(given[0])), "mfa.wrong_code");
    }
    session = new_session();
    EXPECT_EQ(outcome(alice, given[0]), "mfa.too_many_attempts");
    EXPECT_EQ(outcome(alice, given[0], "a-known-browser"), "ok");
}

TEST_F(BackupCodesTest, ANewSetKillsTheOld) {
    auto const old = give(alice);
    EXPECT_EQ(outcome(alice, old[0]), "ok");
    auto const fresh = give(alice);
    EXPECT_EQ(outcome(alice, old[1]), "mfa.wrong_code");
    EXPECT_EQ(outcome(alice, old[0]), "mfa.wrong_code") << "used or not, nothing of the old set is known any more";
    EXPECT_EQ(codes.left(alice), 10);
    EXPECT_EQ(outcome(alice, fresh[1]), "ok");
}

TEST_F(BackupCodesTest, ACodeWhoseSetWasReplacedWhileItWasHashedIsWrong) {
    auto const old = give(alice);
    auto shown = presented(alice, old[0]);
    ASSERT_TRUE(codes.prepare(shown).ok());
    give(alice);
    EXPECT_EQ(check(shown).error(), errors::wrong_code);
    EXPECT_EQ(codes.left(alice), 10);
}

TEST_F(BackupCodesTest, ACheckThatNobodyPreparedIsAFault) {
    auto const given = give(alice);
    EXPECT_THROW(check(presented(alice, given[0])), Fault);
}

TEST_F(BackupCodesTest, AFullGateIsNoFailureOfAnybody) {
    auto const given = give(alice);
    passwords::HashGate full{{.workers = 1, .longest_wait = 1ms}, clock};
    BackupCodes crowded{*database, audit, sealer, attempts, full, clock, random, cheap()};
    auto const permit = full.enter(64);
    ASSERT_TRUE(permit.ok());
    auto shown = presented(alice, given[0]);
    EXPECT_EQ(crowded.prepare(shown).error(), passwords::errors::busy);
    EXPECT_EQ(crowded.make(alice).error(), passwords::errors::busy);
    EXPECT_EQ(failures(), 0);
    EXPECT_EQ(codes.left(alice), 10);
}

TEST_F(BackupCodesTest, ThePersonIsToldWhenFewAreLeft) {
    auto const given = give(alice);
    EXPECT_EQ(events(audit::codes::mfa_backup_codes_made), 1);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(outcome(alice, given[i]), "ok");
    EXPECT_EQ(events(audit::codes::mfa_backup_codes_low), 0) << "four are left";
    EXPECT_EQ(outcome(alice, given[6]), "ok");
    EXPECT_EQ(events(audit::codes::mfa_backup_codes_low), 1) << "three are left";
    EXPECT_EQ(events(audit::codes::mfa_backup_code_used), 7);
    EXPECT_EQ(events(audit::codes::mfa_verified), 7);
}

TEST_F(BackupCodesTest, ASetIsOneFactorWhileACodeIsLeft) {
    EXPECT_EQ(codes.left(alice), std::nullopt);
    EXPECT_TRUE(list(alice).empty());
    auto const given = give(alice);
    ASSERT_EQ(list(alice).size(), 1u);
    EXPECT_EQ(list(alice)[0].shown, "10/10");
    EXPECT_EQ(list(alice)[0].last_used_at, std::nullopt);
    clock.advance(1h);
    for (auto const& code : given) EXPECT_EQ(outcome(alice, code), "ok");
    EXPECT_TRUE(list(alice).empty()) << "what proves nothing is no factor";
    EXPECT_EQ(codes.left(alice), 0);
}

TEST_F(BackupCodesTest, ASetIsRemovedByItsOwnerAlone) {
    auto const given = give(alice);
    auto const set = list(alice)[0].id;
    auto const remove = [&](UserId const& user, FactorId const& id) {
        return database->write([&](storage::Transaction& tx) { return codes.remove(tx, user, id, audit::Actor::user(user), {}); });
    };
    EXPECT_EQ(remove(bob, set).error(), errors::device_not_found);
    EXPECT_EQ(remove(alice, FactorId::make(clock.now(), random)).error(), errors::device_not_found);
    EXPECT_EQ(codes.left(alice), 10);
    EXPECT_TRUE(remove(alice, set).ok());
    EXPECT_EQ(codes.left(alice), std::nullopt);
    EXPECT_EQ(outcome(alice, given[0]), "mfa.not_enrolled");
}

TEST_F(BackupCodesTest, OutliveTheMasterKeyTheyWereSealedUnder) {
    auto const given = give(alice);
    sealer.replace(crypto::Keyring{master}.with_active(crypto::MasterKey::generate(random)).value());
    EXPECT_EQ(outcome(alice, given[0]), "ok");
}

TEST_F(BackupCodesTest, ARowMovedToAnotherAccountOpensNothingThere) {
    auto const mine = give(bob);
    give(alice);
    database->write([&](storage::Transaction& tx) {
        tx.run("UPDATE backup_code SET user_id = $1 WHERE user_id = $2 AND selector = $3", alice.str(), bob.str(), mine[0].substr(0, 4));
    });
    auto shown = presented(alice, mine[0]);
    EXPECT_THROW((void)codes.prepare(shown).ok(), Fault);
}

TEST_F(BackupCodesTest, GoWithThePerson) {
    give(alice);
    give(bob);
    MfaPersonalData data{sealer};
    database->write([&](storage::Transaction& tx) {
        auto const exported = data.export_for(tx, alice);
        ASSERT_NE(exported.find("backup_codes"), nullptr);
        EXPECT_EQ(exported.find("backup_codes")->find("left")->integer(), 10);
        data.erase(tx, alice);
    });
    EXPECT_EQ(codes.left(alice), std::nullopt);
    EXPECT_EQ(codes.left(bob), 10);
}

TEST_F(BackupCodesTest, NoFileOfTheDatabaseHoldsACodeOrItsSecret) {
    auto const given = give(alice);
    EXPECT_EQ(outcome(alice, given[0]), "ok");
    EXPECT_EQ(outcome(alice, spoilt(given[1])), "mfa.wrong_code");
    std::string kept;
    for (auto const& file : std::filesystem::directory_iterator{folder.path()}) {
        std::ifstream in{file.path(), std::ios::binary};
        kept.append(std::istreambuf_iterator<char>{in}, {});
    }
    ASSERT_NE(kept.find(alice.str()), std::string::npos) << "the files were read";
    ASSERT_NE(kept.find(given[0].substr(0, 4)), std::string::npos) << "selectors are no secret";
    for (auto const& code : given) {
        auto const plain = normalise_backup_code(code)->reveal();
        for (auto const& canary : {code, plain, plain.substr(4), code.substr(5), ascii_lower(plain), ascii_lower(code)})
            EXPECT_EQ(kept.find(canary), std::string::npos) << canary;
    }
    EXPECT_EQ(kept.find("$argon2id$"), std::string::npos) << "and no hash that could be guessed at elsewhere";
}

TEST_F(BackupCodesTest, SettingsOutOfRangeAreAFault) {
    for (auto const count : {0, -1, 51}) {
        auto settings = cheap();
        settings.count = count;
        EXPECT_THROW((BackupCodes{*database, audit, sealer, attempts, gate, clock, random, settings}), Fault) << count;
    }
}

}  // namespace zephyr::mfa
