// Codes by SMS that race, on every store and over two nodes: a code wins once, and the caps hold for parallel sends.
#include <map>
#include <mutex>

#include "contract/stores.h"
#include "testing/scripted_random.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/mfa/delivered_codes.h"

namespace zephyr::storage::contract {
namespace {

constexpr int threads = 64;

class Tally {
public:
    template <class T>
    void add(Result<T> const& result) {
        std::lock_guard const lock{mutex_};
        ++counts_[result.ok() ? "ok" : std::string{result.error().id()}];
    }
    int of(std::string const& outcome) { return counts_[outcome]; }

private:
    std::mutex mutex_;
    std::map<std::string, int> counts_;
};

// One node: services of its own over connections of its own.
struct SmsNode {
    SmsNode(Database& store, crypto::Sealer const& sealer, Clock const& clock, Random& random, mfa::Caps const& caps)
        : database{store},
          audit{store, sealer, clock, random},
          attempts{audit, clock, {}},
          outbox{store, audit, sealer, clock, random},
          codes{mfa::sms_kind, store, audit, sealer, attempts, outbox, clock, random, {.prefixes = {"+49"}, .caps = caps}} {
        outbox.use_channel(messages::Channel::sms, true);
    }
    Database& database;
    audit::AuditLog audit;
    mfa::Attempts attempts;
    messages::Outbox outbox;
    mfa::DeliveredCodes codes;

    Result<mfa::VerifiedFactor> verify(UserId const& user, SessionRef const& session, std::string const& code) {
        struct Kept {
            Result<mfa::VerifiedFactor> answer;
        };
        return database
            .write([&](Transaction& tx) { return Kept{codes.verify(tx, {.user = user, .session = session, .code = code})}; })
            .answer;
    }
};

}  // namespace

class DeliveredCodesContract : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        auto const migrations = testing::source_migrations_only({"0001", "0006", "0011", "0013", "0014", "0015"});
        auto const report = migrate(db(), migrations, clock_);
        ASSERT_TRUE(report.ok()) << report.error();
        make_node({.per_destination_hour = 1000, .per_destination_day = 1000, .per_user_hour = 1000, .per_user_day = 1000, .between = 0s});
        add_number();
    }

    void make_node(mfa::Caps const& caps) {
        caps_ = caps;
        node = std::make_unique<SmsNode>(db(), sealer, clock_, random, caps);
    }
    // As confirmed before: enrolling takes a proof that only a sign-in makes.
    void add_number() {
        auto const id = FactorId::make(clock_.now(), random);
        auto const sealed = sealer.seal({.table = "mfa_channel", .row = id.str(), .column = "destination"}, as_bytes("+4915123456742"));
        db().write([&](Transaction& tx) {
            tx.run("INSERT INTO mfa_channel (id, user_id, kind, destination, state, session_ref, created_at, confirmed_at) "
                   "VALUES ($1, $2, 'sms', $3, 'confirmed', $4, $5, $5)",
                   id.str(), alice.str(), sealed, new_session().str(), clock_.now());
        });
    }
    SessionRef new_session() { return SessionRef::make(clock_.now(), random); }
    // What the telephone shows: the code is the first word of what is sealed.
    std::string code_of(SessionRef const& of) {
        return db().read([&](Transaction& tx) {
            auto const row = tx.row("SELECT id, code FROM mfa_code WHERE session_ref = $1 AND ended_at IS NULL", of.str());
            auto const opened = sealer.open({.table = "mfa_code", .row = row->text(0), .column = "code"}, row->blob(1));
            auto const text = to_text(opened.value().reveal());
            return text.substr(0, text.find(' '));
        });
    }
    std::int64_t number(std::string_view sql) {
        return db().read([&](Transaction& tx) { return tx.row(sql)->integer(0); });
    }

    testing::ScriptedRandom random;
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    mfa::Caps caps_;
    UserId alice = UserId::make(clock_.now(), random);
    SessionRef session = new_session();
    std::unique_ptr<SmsNode> node;
};

TEST_P(DeliveredCodesContract, lets_one_of_64_threads_win_with_one_code) {
    ASSERT_TRUE(node->codes.send(alice, session, std::nullopt, {}).ok());
    auto const code = code_of(session);
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->verify(alice, session, code)); });
    EXPECT_EQ(tally.of("ok"), 1);
    EXPECT_EQ(tally.of("mfa.code_reused"), threads - 1);
}

TEST_P(DeliveredCodesContract, lets_one_of_64_threads_on_two_nodes_win_with_one_code) {
    if (is_memory()) GTEST_SKIP() << "memory belongs to one node";
    if (GetParam() == Store::sqlite_file) GTEST_SKIP() << "one node writes to a SQLite file";
    ASSERT_TRUE(node->codes.send(alice, session, std::nullopt, {}).ok());
    auto const code = code_of(session);
    auto const other_database = open();
    SmsNode other{*other_database, sealer, clock_, random, caps_};
    Tally tally;
    on_threads(threads, [&](int i) { tally.add((i % 2 == 0 ? *node : other).verify(alice, session, code)); });
    EXPECT_EQ(tally.of("ok"), 1);
    EXPECT_EQ(tally.of("mfa.code_reused"), threads - 1);
}

TEST_P(DeliveredCodesContract, hears_no_more_than_five_parallel_wrong_codes_of_a_session) {
    ASSERT_TRUE(node->codes.send(alice, session, std::nullopt, {}).ok());
    auto const wrong = code_of(session) == "123456" ? "123457" : "123456";
    Tally tally;
    on_threads(threads, [&](int) { tally.add(node->verify(alice, session, wrong)); });
    EXPECT_EQ(tally.of("mfa.wrong_code"), 5);
    EXPECT_EQ(tally.of("mfa.too_many_attempts"), threads - 5);
}

TEST_P(DeliveredCodesContract, sends_no_more_than_the_cap_in_parallel) {
    make_node({.per_destination_hour = 3, .between = 0s});
    Tally tally;
    on_threads(16, [&](int) { tally.add(node->codes.send(alice, new_session(), std::nullopt, {})); });
    EXPECT_EQ(tally.of("ok"), 3);
    EXPECT_EQ(tally.of("mfa.sending_limited"), 13);
    EXPECT_EQ(number("SELECT count(*) FROM message"), 3);
    EXPECT_EQ(number("SELECT count(*) FROM mfa_sent"), 3);
}

TEST_P(DeliveredCodesContract, alerts_once_when_a_country_is_closed) {
    make_node({.per_destination_hour = 100, .per_user_hour = 100, .per_user_day = 100, .per_prefix_hour = 2, .between = 0s});
    Tally tally;
    on_threads(8, [&](int) { tally.add(node->codes.send(alice, new_session(), std::nullopt, {})); });
    EXPECT_EQ(tally.of("mfa.sending_limited") + tally.of("ok"), 8);
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE code = 'ZMFAC17E'"), 1);
    clock_.advance(1h);
    for (int i = 0; i < 3; ++i) tally.add(node->codes.send(alice, new_session(), std::nullopt, {}));
    EXPECT_EQ(number("SELECT count(*) FROM audit_event WHERE code = 'ZMFAC17E'"), 2);
}

TEST_P(DeliveredCodesContract, leaves_one_code_to_guess_however_many_are_asked_for_at_once) {
    Tally tally;
    on_threads(8, [&](int) { tally.add(node->codes.send(alice, session, std::nullopt, {})); });
    EXPECT_EQ(tally.of("ok"), 8);
    EXPECT_EQ(number("SELECT count(*) FROM mfa_code WHERE ended_at IS NULL AND used_at IS NULL"), 1);
}

TEST_P(DeliveredCodesContract, purges_and_keeps_times_alike) {
    ASSERT_TRUE(node->codes.send(alice, session, std::nullopt, {}).ok());
    auto const code = code_of(session);
    clock_.advance(5min);
    EXPECT_EQ(node->verify(alice, session, code).error(), mfa::errors::code_expired);
    EXPECT_EQ(node->codes.purge(), 0);
    clock_.advance(24h);
    EXPECT_EQ(node->codes.purge(), 2) << "the code and its count";
    EXPECT_EQ(db().write([&](Transaction& tx) { return node->codes.remove_all(tx, alice); }), 1);
}

INSTANTIATE_TEST_SUITE_P(Stores, DeliveredCodesContract, every_store(), name_of);

}  // namespace zephyr::storage::contract
