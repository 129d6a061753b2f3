// Refresh tokens: rotation, lost answers, reuse, and everything that must be refused.
#include <gmock/gmock.h>

#include "tokens/tokens_fixture.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/tokens/personal_data.h"

namespace zephyr::tokens {
namespace {

class RefreshTokenTest : public TokensTest {
protected:
    IssuedTokens first = sign_in();

    std::string refused(SecretText const& token) {
        auto const outcome = refresh(token);
        if (outcome.ok()) return "accepted";
        EXPECT_EQ(outcome.error(), errors::refresh_refused) << "one answer for everything";
        return std::string{outcome.error().detail()};
    }
    bool session_lives() { return sessions.find(first.session.ref).ok(); }
};

TEST_F(RefreshTokenTest, gives_new_tokens_for_the_same_session) {
    clock.advance(4min);
    auto const second = refresh(first.refresh_token).value();
    EXPECT_NE(second.refresh_token.reveal(), first.refresh_token.reveal());
    EXPECT_EQ(second.refresh_token.size(), 86u);
    EXPECT_EQ(second.session.ref, first.session.ref);
    EXPECT_EQ(tokens.find(second.access_token.reveal()).value().user, alice);
    EXPECT_EQ(store.find(first.session.ref)->session.last_seen_at, clock.now()) << "refreshing is use of the session";
    EXPECT_EQ(rows("refresh_token"), 1) << "a family is one row, however often it is refreshed";
}

TEST_F(RefreshTokenTest, a_lost_answer_asked_for_again_within_the_grace_is_the_very_same) {
    auto const lost = refresh(first.refresh_token).value().refresh_token.reveal();
    for (auto const wait : {0s, 5s, 14s}) {
        clock.advance(wait);
        EXPECT_EQ(refresh(first.refresh_token).value().refresh_token.reveal(), lost);
    }
    clock.advance(999ms);  // 19.999 s
    EXPECT_EQ(refresh(first.refresh_token).value().refresh_token.reveal(), lost);
    EXPECT_TRUE(refresh(SecretText{lost}).ok());
    EXPECT_EQ(told, 0);
}

// RFC 9700 4.14.2: "one of them will present an invalidated refresh token, which will inform the authorization server of the breach"
TEST_F(RefreshTokenTest, used_again_after_the_grace_ends_the_session_and_tells_the_person) {
    auto const second = refresh(first.refresh_token).value();
    clock.advance(20s);
    EXPECT_EQ(refused(first.refresh_token), "reuse");
    EXPECT_FALSE(session_lives());
    EXPECT_EQ(told, 1);
    EXPECT_EQ(refused(second.refresh_token), "no_family") << "whoever holds the newer one is out too";
    EXPECT_EQ(tokens.find(second.access_token.reveal()).error(), errors::access_refused);
    EXPECT_EQ(rows("refresh_token"), 0);
    auto const recorded = audit.query({.code = std::string{audit::codes::refresh_reuse_detected}});
    ASSERT_EQ(recorded.size(), 1u);
    EXPECT_EQ(recorded.front().subject, alice);
    EXPECT_EQ(recorded.front().address, "192.0.2.1");
    EXPECT_THAT(recorded.front().details,
                ::testing::Contains(std::pair<std::string, std::string>{"session", first.session.ref.str()}));
    EXPECT_EQ(refused(first.refresh_token), "no_family");
    EXPECT_EQ(events(audit::codes::refresh_reuse_detected), 1u) << "once";
}

TEST_F(RefreshTokenTest, a_thief_who_refreshed_for_days_is_found_when_the_owner_comes_back) {
    auto session = start({}, true);
    auto const owners = tokens.issue(session).value().refresh_token;
    auto thiefs = owners;
    for (int i = 0; i < 500; ++i) {
        thiefs = refresh(thiefs).value().refresh_token;
        clock.advance(10min);
    }
    EXPECT_EQ(refused(owners), "reuse");
    EXPECT_EQ(refused(thiefs), "no_family");
    EXPECT_EQ(told, 1);
}

TEST_F(RefreshTokenTest, a_late_duplicate_within_the_grace_after_its_successor_was_used_is_refused_and_nothing_more) {
    auto token = first.refresh_token;
    std::vector<SecretText> used;
    for (int i = 0; i < 6; ++i) {
        used.push_back(token);
        token = refresh(token).value().refresh_token;
        clock.advance(3s);
    }
    // The last one used gets its successor again; those before it, a refusal.
    EXPECT_EQ(refresh(used[5]).value().refresh_token.reveal(), token.reveal());
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(refused(used[i]), "successor_used") << i;
    EXPECT_TRUE(session_lives());
    EXPECT_TRUE(refresh(token).ok());
    EXPECT_EQ(told, 0);
    clock.advance(3s);
    EXPECT_EQ(refused(used[0]), "reuse") << "21 s after its use";
}

TEST_F(RefreshTokenTest, a_disabled_account_gets_nothing_and_loses_nothing) {
    account_active = false;
    EXPECT_EQ(refused(first.refresh_token), "users.disabled");
    account_active = true;
    auto const second = refresh(first.refresh_token).value();
    account_active = false;
    EXPECT_EQ(refused(first.refresh_token), "users.disabled") << "not by way of the grace either";
    EXPECT_EQ(refused(second.refresh_token), "users.disabled");
    account_active = true;
    EXPECT_TRUE(refresh(second.refresh_token).ok()) << "it was locked, not revoked";
}

TEST_F(RefreshTokenTest, ends_with_its_session) {
    ASSERT_TRUE(sessions.end(first.session.ref, audit::Actor::user(alice), origin, "signed_out").ok());
    EXPECT_EQ(refused(first.refresh_token), "sessions.none");
    EXPECT_EQ(rows("refresh_token"), 0);
    EXPECT_EQ(told, 0);
}

TEST_F(RefreshTokenTest, does_not_stretch_the_absolute_end_of_its_session) {
    auto token = first.refresh_token;
    while (clock.now() + 20min < first.session.expires_at) {
        clock.advance(20min);
        token = refresh(token).value().refresh_token;
    }
    clock.advance(std::chrono::duration_cast<std::chrono::milliseconds>(first.session.expires_at - clock.now()));
    EXPECT_EQ(refused(token), "sessions.expired");
}

TEST_F(RefreshTokenTest, is_refused_when_the_session_was_idle_for_too_long) {
    clock.advance(sessions.settings().idle);
    EXPECT_EQ(refused(first.refresh_token), "sessions.expired");
}

TEST_F(RefreshTokenTest, of_a_pending_sign_in_gives_pending_tokens_until_its_end) {
    auto const pending = tokens.issue(start("mfa.required")).value();
    clock.advance(9min);
    auto const again = refresh(pending.refresh_token).value();
    EXPECT_EQ(tokens.check(again.access_token.reveal()).value().pending(), "mfa.required");
    EXPECT_EQ(again.expires_in, 60s);
    clock.advance(1min);
    EXPECT_EQ(refused(again.refresh_token), "sessions.expired");
}

TEST_F(RefreshTokenTest, that_nobody_made_costs_no_statement) {
    (void)keys.active().value();
    auto const before = statements();
    auto const& good = first.refresh_token.reveal();
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        auto damaged = good;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        ASSERT_EQ(refused(SecretText{damaged}), "not_ours") << bit;
    }
    for (std::size_t length = 0; length < good.size(); ++length) ASSERT_EQ(refused(SecretText{good.substr(0, length)}), "not_ours");
    EXPECT_EQ(refused(SecretText{good + "A"}), "not_ours");
    EXPECT_EQ(refused(SecretText{good + "=="}), "not_ours");
    EXPECT_EQ(refused(SecretText{std::string(1 << 20, 'A')}), "not_ours");
    EXPECT_EQ(refused(SecretText{first.access_token.reveal()}), "not_ours") << "an access token is no refresh token";
    EXPECT_EQ(statements(), before);
    EXPECT_TRUE(refresh(first.refresh_token).ok()) << "and no damage made by the network counts as reuse";
}

TEST_F(RefreshTokenTest, of_another_installation_is_refused) {
    testing::ScriptedRandom chance{99};
    crypto::Sealer stranger{crypto::Keyring{crypto::MasterKey::generate(chance)}, chance};
    TokenService elsewhere{keys, sessions, *database, audit, stranger, clock, random, settings};
    EXPECT_EQ(elsewhere.refresh(first.refresh_token, rules(), origin).error().detail(), "not_ours");
}

TEST_F(RefreshTokenTest, outlives_a_rotation_of_the_master_key_but_not_the_keys_retirement) {
    auto const old = crypto::MasterKey::generate(random);
    crypto::Sealer turning{crypto::Keyring{old}, random};
    TokenService service{keys, sessions, *database, audit, turning, clock, random, settings};
    auto const before = service.issue(start()).value().refresh_token;
    auto const kept = service.issue(start()).value().refresh_token;
    auto const rotated = crypto::Keyring{old}.with_active(crypto::MasterKey::generate(random)).value();
    turning.replace(rotated);
    auto const after = service.refresh(before, rules(), origin);
    ASSERT_TRUE(after.ok());
    turning.replace(rotated.without(old.id()).value());
    EXPECT_TRUE(service.refresh(after.value().refresh_token, rules(), origin).ok());
    EXPECT_EQ(service.refresh(kept, rules(), origin).error().detail(), "not_ours");
}

TEST_F(RefreshTokenTest, the_table_holds_no_token_and_opens_none) {
    auto const second = refresh(first.refresh_token).value();
    database->read([&](storage::Transaction& tx) {
        auto const row = *tx.row("SELECT token_hash, previous_hash, successor, family FROM refresh_token");
        auto const dump = to_text(row.blob(0)) + to_text(row.blob(1)) + to_text(row.blob(2)) + row.text(3);
        for (auto const& token : {first.refresh_token.reveal(), second.refresh_token.reveal()}) {
            auto const bytes = encoding::base64url_decode(token).value();
            EXPECT_EQ(dump.find(token), std::string::npos);
            EXPECT_EQ(dump.find(as_text(ByteView{bytes}.subspan(16, 32))), std::string::npos) << "the part that is random";
        }
        // The successor opens under a key made of the token before it, and under nothing that the table or the server has.
        EXPECT_FALSE(sealer.open({"refresh_token", row.text(3), "successor"}, row.blob(2)).ok());
    });
    clock.advance(20s);
    EXPECT_EQ(tokens.purge(), 1u);
    database->read([&](storage::Transaction& tx) {
        EXPECT_TRUE(tx.row("SELECT successor FROM refresh_token")->is_null(0)) << "nobody is given it again";
    });
    EXPECT_EQ(tokens.purge(), 0u);
    EXPECT_TRUE(refresh(second.refresh_token).ok());
}

TEST_F(RefreshTokenTest, a_purge_removes_families_whose_session_is_over_by_time) {
    clock.advance(sessions.settings().absolute - 1ms);
    EXPECT_EQ(tokens.purge(), 0u);
    clock.advance(1ms);
    EXPECT_EQ(tokens.purge(), 1u);
    EXPECT_EQ(rows("refresh_token"), 0);
}

TEST_F(RefreshTokenTest, a_clock_set_back_revokes_nobody) {
    auto const second = refresh(first.refresh_token).value();
    clock.jump_to(clock.now() - 1h);
    EXPECT_EQ(refused(first.refresh_token), "clock_set_back");
    EXPECT_TRUE(refresh(second.refresh_token).ok());
    EXPECT_EQ(told, 0);
}

TEST_F(RefreshTokenTest, another_nodes_clock_a_little_ahead_revokes_nobody) {
    auto const second = refresh(first.refresh_token).value();
    clock.jump_to(clock.now() - 2s);
    EXPECT_EQ(refresh(first.refresh_token).value().refresh_token.reveal(), second.refresh_token.reveal());
}

TEST_F(RefreshTokenTest, without_a_key_to_sign_with_nothing_is_used_up) {
    database->write([](storage::Transaction& tx) {
        tx.run("UPDATE signing_key SET secret = $1", to_bytes("damaged"));
        tx.announce("signing_keys", "");
    });
    SigningKeys broken{*database, audit, sealer, clock, {}};
    TokenService service{broken, sessions, *database, audit, sealer, clock, random, settings};
    EXPECT_EQ(service.refresh(first.refresh_token, rules(), origin).error(), jose::errors::keys_unavailable);
    EXPECT_TRUE(refresh(first.refresh_token).ok());
}

TEST_F(RefreshTokenTest, each_session_has_one_family_and_the_last_issued_counts) {
    auto const session = start();
    auto const once = tokens.issue(session).value();
    auto const twice = tokens.issue(session).value();
    EXPECT_EQ(refused(once.refresh_token), "no_family");
    EXPECT_TRUE(refresh(twice.refresh_token).ok());
    tokens.end_family(session.session.ref);
    EXPECT_EQ(refused(twice.refresh_token), "no_family");
}

TEST_F(RefreshTokenTest, a_grace_outside_ten_to_thirty_seconds_is_refused_at_start) {
    for (auto const grace : {0s, 9s, 31s}) {
        TokenSettings const wrong{.issuer = issuer, .refresh_grace = grace};
        EXPECT_THROW((TokenService{keys, sessions, *database, audit, sealer, clock, random, wrong}), Fault);
    }
}

TEST_F(RefreshTokenTest, is_told_in_an_export_and_gone_with_its_owner) {
    (void)refresh(first.refresh_token).value();
    TokensPersonalData data;
    auto const exported = database->read([&](storage::Transaction& tx) { return data.export_for(tx, alice); });
    ASSERT_EQ(exported.items()->size(), 1u);
    EXPECT_EQ(exported.items()->front().string_at("session"), first.session.ref.str());
    EXPECT_TRUE(exported.items()->front().string_at("last_refreshed"));
    database->write([&](storage::Transaction& tx) { data.erase(tx, alice); });
    EXPECT_EQ(rows("refresh_token"), 0);
}

}  // namespace
}  // namespace zephyr::tokens
