// Tokens and their keys on every store: whatever races, on however many nodes, one token has one successor and one key signs.
#include <atomic>
#include <mutex>
#include <set>

#include "contract/stores.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/tokens/token_service.h"

namespace zephyr::storage::contract {
namespace {

constexpr int threads = 64;

// One node: services of its own over connections of its own; the master key is the same everywhere.
struct Node {
    Node(Database& database, crypto::Sealer const& sealer, Clock const& clock, Random& random)
        : audit{database, sealer, clock, random},
          store{database, sealer},
          sessions{store, database, audit, clock, random, {}},
          keys{database, audit, sealer, clock, {}},
          tokens{keys, sessions, database, audit, sealer, clock, random, {.issuer = "https://id.example.test", .audience = "api"}} {}
    audit::AuditLog audit;
    sessions::SqlSessionStore store;
    sessions::SessionService sessions;
    tokens::SigningKeys keys;
    tokens::TokenService tokens;
};

class TokensContract : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        testing::apply_source_migrations(db());
        nodes_.push_back(std::make_unique<Node>(db(), sealer, clock_, random));
        // SQLite's file belongs to one process, whose parts hear of each other through one Database; PostgreSQL's nodes do not.
        if (GetParam() == Store::postgresql) other_database_ = open();
        nodes_.push_back(std::make_unique<Node>(other_database_ ? *other_database_ : db(), sealer, clock_, random));
    }

    Node& node(int i) { return *nodes_[static_cast<std::size_t>(i) % nodes_.size()]; }
    sessions::IssuedSession start() {
        return node(0)
            .sessions.start({.user = alice, .factors = {{"pwd", clock_.now()}}, .pending = {}, .remember = true, .origin = {}})
            .value();
    }
    Result<tokens::IssuedTokens> refresh(int i, SecretText const& token) {
        return node(i).tokens.refresh(token, {.admit = [](Transaction&, UserId const&) { return success(); },
                                              .reuse_detected = [this](Transaction&, UserId const&) { ++reuse; }},
                                      {});
    }

    testing::ScriptedRandom random{5};
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    UserId alice = UserId::make(clock_.now(), random);
    std::atomic<int> reuse{0};
    std::unique_ptr<Database> other_database_;
    std::vector<std::unique_ptr<Node>> nodes_;
};

INSTANTIATE_TEST_SUITE_P(Stores, TokensContract, every_store(), name_of);

TEST_P(TokensContract, of_many_who_refresh_one_token_all_get_the_one_successor_or_a_clean_refusal) {
    auto token = node(0).tokens.issue(start()).value().refresh_token;
    for (int round = 0; round < 3; ++round) {
        std::mutex mutex;
        std::set<std::string> successors;
        std::set<std::string> access;
        std::atomic<int> served{0}, busy{0}, other{0};
        on_threads(threads, [&](int i) {
            try {
                auto const got = refresh(i, token);
                if (!got.ok()) {
                    ++other;
                    return;
                }
                ++served;
                std::lock_guard const lock{mutex};
                successors.insert(got.value().refresh_token.reveal());
                access.insert(got.value().access_token.reveal());
            } catch (StorageFault const&) {
                ++busy;  // 503: nothing happened, or it did and the next try gets the same
            }
        });
        EXPECT_EQ(served + busy, threads) << "others: " << other;
        EXPECT_EQ(other, 0);
        EXPECT_GE(served, 1);
        ASSERT_EQ(successors.size(), 1u);
        EXPECT_EQ(access.size(), static_cast<std::size_t>(served)) << "each a token of its own";
        EXPECT_EQ(reuse, 0);
        // A lost answer, asked for again: the same, on either node.
        clock_.advance(5s);
        for (int i = 0; i < 2; ++i) EXPECT_EQ(refresh(i, token).value().refresh_token.reveal(), *successors.begin());
        token = SecretText{*successors.begin()};
    }
}

TEST_P(TokensContract, of_many_who_reuse_one_token_after_the_grace_one_ends_the_session_and_none_gets_anything) {
    auto const session = start();
    auto const old = node(0).tokens.issue(session).value().refresh_token;
    auto const present = refresh(0, old).value().refresh_token;
    clock_.advance(20s);
    std::atomic<int> served{0};
    on_threads(16, [&](int i) {
        try {
            if (refresh(i, old).ok()) ++served;
        } catch (StorageFault const&) {
        }
    });
    EXPECT_EQ(served, 0);
    EXPECT_GE(reuse, 1) << "told at least once (a transaction that had to run again told twice, and kept one)";
    EXPECT_FALSE(node(1).sessions.find(session.session.ref).ok());
    for (int i = 0; i < 2; ++i) EXPECT_EQ(refresh(i, present).error(), tokens::errors::refresh_refused);
    EXPECT_EQ(node(0).audit.query({.code = "ZTOKEN05W"}).size(), 1u);
}

TEST_P(TokensContract, after_a_sign_out_is_acknowledged_no_node_refreshes_any_token_of_the_session) {
    for (int round = 0; round < 5; ++round) {
        auto const session = start();
        auto const first = node(0).tokens.issue(session).value().refresh_token;
        std::atomic<bool> ended{false};
        std::atomic<int> too_late{0};
        std::mutex mutex;
        std::set<std::string> given{first.reveal()};
        on_threads(9, [&](int i) {
            try {
                if (i == 0) {
                    ASSERT_TRUE(node(1).sessions.end(session.session.ref, audit::Actor::user(alice), {}, "signed_out").ok());
                    ended = true;
                    return;
                }
                auto token = first;
                for (int turn = 0; turn < 20; ++turn) {
                    bool const late = ended;
                    auto const got = refresh(i, token);
                    if (!got.ok()) continue;
                    if (late) ++too_late;
                    if (i % 2 == 0) token = got.value().refresh_token;
                    std::lock_guard const lock{mutex};
                    given.insert(got.value().refresh_token.reveal());
                }
            } catch (StorageFault const&) {
            }
        });
        if (!ended) node(1).sessions.end(session.session.ref, audit::Actor::user(alice), {}, "signed_out").value();
        EXPECT_EQ(too_late, 0);
        for (auto const& token : given) {
            for (int i = 0; i < 2; ++i) EXPECT_FALSE(refresh(i, SecretText{token}).ok());
        }
    }
}

TEST_P(TokensContract, many_first_needs_on_two_nodes_make_two_keys) {
    std::mutex mutex;
    std::set<std::string> signers;
    on_threads(16, [&](int i) {
        auto const kid = node(i).keys.active().value().kid();
        std::lock_guard const lock{mutex};
        signers.insert(kid);
    });
    EXPECT_EQ(signers.size(), 1u);
    EXPECT_EQ(node(0).keys.list().size(), 2u);
    EXPECT_EQ(node(0).audit.query({.code = "ZTOKEN01I"}).size(), 2u);
    EXPECT_EQ(node(0).audit.query({.code = "ZTOKEN02I"}).size(), 1u);
}

TEST_P(TokensContract, a_rotation_that_is_due_on_two_nodes_at_once_happens_once) {
    for (int i = 0; i < 2; ++i) (void)node(i).keys.active().value();
    clock_.advance(node(0).keys.settings().rotation);
    std::atomic<int> rotated{0};
    on_threads(8, [&](int i) { rotated += node(i).keys.rotate_if_due() ? 1 : 0; });
    EXPECT_EQ(rotated, 1);
    EXPECT_EQ(node(0).keys.list().size(), 3u);
    clock_.advance(tokens::SigningKeys::shared_for);
    EXPECT_EQ(node(0).keys.active().value().kid(), node(1).keys.active().value().kid());
}

TEST_P(TokensContract, however_rotations_and_revocations_race_one_key_signs_and_one_is_next) {
    (void)node(0).keys.active().value();
    std::atomic<int> rotated{0}, revoked{0};
    on_threads(8, [&](int i) {
        try {
            if (i < 4) rotated += node(i).keys.rotate(audit::Actor::system(), {}) ? 1 : 0;
            else revoked += node(i).keys.revoke(node(i).keys.active().value().kid(), audit::Actor::system(), {}).ok() ? 1 : 0;
        } catch (StorageFault const&) {
        }
    });
    clock_.advance(tokens::SigningKeys::shared_for);
    (void)node(0).keys.active().value();
    int active = 0, next = 0, gone = 0;
    for (auto const& key : node(0).keys.list()) {
        active += key.state == tokens::KeyState::active;
        next += key.state == tokens::KeyState::next;
        gone += key.state == tokens::KeyState::revoked;
    }
    EXPECT_EQ(active, 1);
    EXPECT_EQ(next, 1);
    EXPECT_EQ(gone, revoked);
    EXPECT_EQ(node(0).audit.query({.code = "ZTOKEN04W"}).size(), static_cast<std::size_t>(revoked));
    EXPECT_EQ(node(0).keys.active().value().kid(), node(1).keys.active().value().kid());
}

TEST_P(TokensContract, a_key_revoked_on_one_node_is_refused_there_at_once_and_on_the_other_within_its_time) {
    auto const issued = node(0).tokens.issue(start()).value();
    auto const text = issued.access_token.reveal();
    ASSERT_TRUE(node(1).tokens.find(text).ok());
    auto const kid = node(0).keys.active().value().kid();
    ASSERT_TRUE(node(0).keys.revoke(kid, audit::Actor::operator_cli(), {}).ok());
    EXPECT_FALSE(node(0).tokens.check(text).ok());
    if (GetParam() != Store::postgresql) {
        EXPECT_FALSE(node(1).tokens.check(text).ok());
    }
    clock_.advance(tokens::SigningKeys::shared_for);
    EXPECT_FALSE(node(1).tokens.check(text).ok());
    EXPECT_FALSE(node(1).keys.published().has(kid));
}

TEST_P(TokensContract, a_key_made_on_one_node_a_moment_ago_verifies_on_the_other) {
    (void)node(1).keys.active().value();
    for (int i = 0; i < 2; ++i) node(0).keys.rotate(audit::Actor::system(), {});
    clock_.advance(100ms);
    auto const issued = node(0).tokens.issue(start()).value();
    EXPECT_TRUE(node(1).tokens.find(issued.access_token.reveal()).ok());
}

}  // namespace
}  // namespace zephyr::storage::contract
