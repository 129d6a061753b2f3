#include "zephyr/tokens/signing_keys.h"

#include <gmock/gmock.h>

#include <thread>

#include "tokens/tokens_fixture.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tokens {
namespace {

using audit::Actor;
using jose::Algorithm;

class SigningKeysTest : public TokensTest {
protected:
    std::string in_state(KeyState state) {
        for (auto const& key : keys.list()) {
            if (key.state == state) return key.kid;
        }
        return {};
    }
    bool published(std::string const& kid) { return keys.published().has(kid); }
};

TEST_F(SigningKeysTest, are_made_at_the_first_need_and_not_before) {
    EXPECT_FALSE(keys.rotate_if_due());
    EXPECT_EQ(keys.find("k", Algorithm::es256).error(), jose::errors::unknown_key);
    EXPECT_EQ(keys.list().size(), 0u);

    auto const active = keys.active().value();
    EXPECT_EQ(active.algorithm(), Algorithm::es256);
    ASSERT_EQ(keys.list().size(), 2u);
    EXPECT_EQ(in_state(KeyState::active), active.kid());
    EXPECT_NE(in_state(KeyState::next), "");
    EXPECT_EQ(active.kid(), active.public_jwk().thumbprint()) << "RFC 7638: named by what it is";
    EXPECT_EQ(events(audit::codes::signing_key_created), 2u);
    EXPECT_EQ(events(audit::codes::signing_key_activated), 1u);
}

TEST_F(SigningKeysTest, a_verifiers_question_is_a_need_too) {
    EXPECT_EQ(keys.published().keys().size(), 2u);
    EXPECT_EQ(keys.active().value().kid(), in_state(KeyState::active));
}

TEST_F(SigningKeysTest, cost_no_statement_once_they_are_known) {
    auto const kid = keys.active().value().kid();
    (void)keys.find(kid, Algorithm::es256).value();
    auto const before = statements();
    for (int i = 0; i < 100; ++i) {
        (void)keys.active().value();
        (void)keys.find(kid, Algorithm::es256).value();
        (void)keys.find("made up", Algorithm::es256).error();
        (void)keys.published();
        clock.advance(1min);
    }
    EXPECT_EQ(statements(), before);
}

TEST_F(SigningKeysTest, a_rotation_takes_the_key_that_was_published_before_and_publishes_another) {
    auto const first = keys.active().value().kid();
    auto const second = in_state(KeyState::next);
    EXPECT_TRUE(published(second)) << "verifiers elsewhere hold it before they meet it";
    EXPECT_TRUE(keys.rotate(Actor::operator_cli(), {}));
    EXPECT_EQ(keys.active().value().kid(), second);
    EXPECT_EQ(in_state(KeyState::retired), first);
    auto const third = in_state(KeyState::next);
    EXPECT_NE(third, "");
    EXPECT_TRUE(published(first));
    EXPECT_TRUE(published(third));
    EXPECT_EQ(events(audit::codes::signing_key_retired), 1u);
    EXPECT_EQ(events(audit::codes::signing_key_activated), 2u);
    EXPECT_EQ(events(audit::codes::signing_key_created), 3u);
}

TEST_F(SigningKeysTest, a_retired_key_verifies_as_long_as_what_it_signed_may_be_accepted_and_no_millisecond_more) {
    auto const old = keys.active().value().kid();
    keys.rotate(Actor::system(), {});
    clock.advance(keys.settings().overlap() - 1ms);
    EXPECT_TRUE(keys.find(old, Algorithm::es256).ok());
    EXPECT_TRUE(published(old));
    EXPECT_EQ(keys.purge(), 0u);
    clock.advance(1ms);
    EXPECT_EQ(keys.find(old, Algorithm::es256).error(), jose::errors::unknown_key);
    EXPECT_FALSE(published(old));
    EXPECT_EQ(keys.purge(), 1u);
    EXPECT_EQ(keys.list().size(), 2u);
}

TEST_F(SigningKeysTest, a_key_that_signs_no_more_has_lost_its_private_half) {
    (void)keys.active().value();
    keys.rotate(Actor::system(), {});
    EXPECT_TRUE(keys.revoke(in_state(KeyState::next), Actor::system(), {}).ok());
    database->read([](storage::Transaction& tx) {
        for (auto const& row : tx.rows("SELECT state, secret FROM signing_key")) {
            bool const signs = row.text(0) == "active" || row.text(0) == "next";
            EXPECT_EQ(row.is_null(1), !signs) << row.text(0);
        }
    });
}

TEST_F(SigningKeysTest, a_revoked_key_is_gone_at_once_and_another_signs_at_once) {
    auto const stolen = keys.active().value().kid();
    auto const next = in_state(KeyState::next);
    ASSERT_TRUE(keys.revoke(stolen, Actor::operator_cli(), {}, "the backup was stolen").ok());
    EXPECT_EQ(keys.find(stolen, Algorithm::es256).error(), jose::errors::unknown_key);
    EXPECT_FALSE(published(stolen));
    EXPECT_EQ(keys.active().value().kid(), next);
    EXPECT_NE(in_state(KeyState::next), "");
    auto const recorded = audit.query({.code = std::string{audit::codes::signing_key_revoked}});
    ASSERT_EQ(recorded.size(), 1u);
    EXPECT_EQ(recorded.front().reason, "the backup was stolen");
    EXPECT_THAT(recorded.front().details, ::testing::Contains(std::pair<std::string, std::string>{"was", "active"}));
}

TEST_F(SigningKeysTest, any_key_can_be_revoked_but_once_and_only_one_there_is) {
    (void)keys.active().value();
    keys.rotate(Actor::system(), {});
    auto const retired = in_state(KeyState::retired);
    auto const next = in_state(KeyState::next);
    EXPECT_TRUE(keys.revoke(retired, Actor::system(), {}).ok());
    EXPECT_FALSE(published(retired));
    EXPECT_TRUE(keys.revoke(next, Actor::system(), {}).ok());
    EXPECT_FALSE(published(next));
    EXPECT_NE(in_state(KeyState::next), next);
    EXPECT_EQ(keys.revoke(next, Actor::system(), {}).error(), errors::key_revoked_before);
    EXPECT_EQ(keys.revoke("nobody", Actor::system(), {}).error(), errors::key_not_found);
    clock.advance(365 * 24h);
    keys.purge();
    auto const left = keys.list();
    EXPECT_EQ(std::count_if(left.begin(), left.end(), [](auto const& key) { return key.state == KeyState::revoked; }), 2)
        << "on record for good";
}

TEST_F(SigningKeysTest, a_rotation_is_due_after_its_time_and_not_a_millisecond_earlier) {
    auto const first = keys.active().value().kid();
    clock.advance(keys.settings().rotation - 1ms);
    EXPECT_FALSE(keys.rotate_if_due());
    clock.advance(1ms);
    EXPECT_TRUE(keys.rotate_if_due());
    EXPECT_FALSE(keys.rotate_if_due());
    EXPECT_NE(keys.active().value().kid(), first);
}

TEST_F(SigningKeysTest, another_service_over_the_same_database_hears_of_every_change) {
    SigningKeys other{*database, audit, sealer, clock, {}};
    auto const first = keys.active().value().kid();
    EXPECT_EQ(other.active().value().kid(), first);
    EXPECT_EQ(other.list().size(), 2u);
    other.rotate(Actor::system(), {});
    EXPECT_EQ(keys.active().value().kid(), other.active().value().kid());
    ASSERT_TRUE(keys.revoke(first, Actor::system(), {}).ok());
    EXPECT_EQ(other.find(first, Algorithm::es256).error(), jose::errors::unknown_key);
}

TEST_F(SigningKeysTest, many_threads_at_the_first_need_make_two_keys) {
    std::vector<std::unique_ptr<SigningKeys>> nodes;
    for (int i = 0; i < 4; ++i) nodes.push_back(std::make_unique<SigningKeys>(*database, audit, sealer, clock, SigningKeySettings{}));
    std::vector<std::string> seen(16);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i) threads.emplace_back([&, i] { seen[i] = nodes[i % 4]->active().value().kid(); });
    for (auto& thread : threads) thread.join();
    for (auto const& kid : seen) EXPECT_EQ(kid, seen.front());
    EXPECT_EQ(keys.list().size(), 2u);
    EXPECT_EQ(events(audit::codes::signing_key_created), 2u);
}

TEST_F(SigningKeysTest, many_rotations_at_once_are_one) {
    (void)keys.active().value();
    std::atomic<int> rotated{0};
    std::vector<std::thread> threads;
    SigningKeys other{*database, audit, sealer, clock, {}};
    clock.advance(keys.settings().rotation);
    for (int i = 0; i < 8; ++i) threads.emplace_back([&, i] { rotated += (i % 2 == 0 ? keys : other).rotate_if_due() ? 1 : 0; });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(rotated, 1);
    EXPECT_EQ(keys.list().size(), 3u);
}

TEST_F(SigningKeysTest, with_another_algorithm_its_first_key_is_made_and_a_rotation_retires_the_old_ones) {
    auto const old = keys.active().value().kid();
    auto const old_next = in_state(KeyState::next);
    SigningKeys ed{*database, audit, sealer, clock, {.algorithm = Algorithm::eddsa}};
    auto const fresh = ed.active().value();
    EXPECT_EQ(fresh.algorithm(), Algorithm::eddsa);
    EXPECT_TRUE(ed.find(old, Algorithm::es256).ok()) << "what it signed is still about";
    EXPECT_EQ(ed.find(old, Algorithm::eddsa).error(), jose::errors::algorithm_refused);
    ed.rotate(Actor::system(), {});
    EXPECT_EQ(in_state(KeyState::retired).empty(), false);
    EXPECT_TRUE(ed.find(old, Algorithm::es256).ok());
    EXPECT_FALSE(ed.published().has(old_next)) << "it never signed anything";
    clock.advance(ed.settings().overlap());
    EXPECT_FALSE(ed.find(old, Algorithm::es256).ok());
}

TEST_F(SigningKeysTest, rsa_keys_are_made_when_asked_for_rs256_and_only_then) {
    SigningKeys rsa{*database, audit, sealer, clock, {.algorithm = Algorithm::rs256}};
    EXPECT_EQ(rows("signing_key"), 0);
    EXPECT_FALSE(rsa.rotate_if_due());
    EXPECT_EQ(rows("signing_key"), 0);
    auto const key = rsa.active().value();
    EXPECT_EQ(key.algorithm(), Algorithm::rs256);
    auto const message = to_bytes("message");
    EXPECT_TRUE(rsa.find(key.kid(), Algorithm::rs256).value().verify(message, key.sign(message)).ok());
}

TEST_F(SigningKeysTest, sign_with_no_algorithm_that_shares_its_key) {
    EXPECT_THROW((SigningKeys{*database, audit, sealer, clock, {.algorithm = Algorithm::hs256}}), Fault);
}

TEST_F(SigningKeysTest, are_sealed_and_a_secret_moved_to_another_row_opens_nothing) {
    (void)keys.active().value();
    database->write([](storage::Transaction& tx) {
        auto const next = tx.row("SELECT secret FROM signing_key WHERE state = 'next'");
        tx.run("UPDATE signing_key SET secret = $1 WHERE state = 'active'", next->blob(0));
    });
    SigningKeys later{*database, audit, sealer, clock, {}};
    EXPECT_EQ(later.active().error(), jose::errors::keys_unavailable);
    EXPECT_EQ(later.published().keys().size(), 2u) << "verifying goes on";
}

TEST_F(SigningKeysTest, sealed_under_a_master_key_this_node_lacks_sign_nothing_here) {
    (void)keys.active().value();
    crypto::Sealer stranger{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    SigningKeys elsewhere{*database, audit, stranger, clock, {}};
    EXPECT_EQ(elsewhere.active().error(), jose::errors::keys_unavailable);
}

}  // namespace
}  // namespace zephyr::tokens
