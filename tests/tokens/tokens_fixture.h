// Signing keys and tokens over sessions in in-memory SQLite, with virtual time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/tokens/token_service.h"

namespace zephyr::tokens {

class TokensTest : public ::testing::Test {
protected:
    static constexpr char const* issuer = "https://id.example.test";
    static constexpr char const* audience = "https://api.example.test";

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock);
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    sessions::SqlSessionStore store{*database, sealer};
    sessions::SessionService sessions{store, *database, audit, clock, random, {}};
    SigningKeys keys{*database, audit, sealer, clock, {}};
    TokenSettings settings{.issuer = issuer, .audience = audience};
    TokenService tokens{keys, sessions, *database, audit, sealer, clock, random, settings};

    UserId alice = UserId::make(clock.now(), random);
    audit::Origin origin{.address = "192.0.2.1"};
    bool account_active = true;
    int told = 0;  // how often a person was told of a reuse

    RefreshRules rules() {
        return {.admit = [this](storage::Transaction&, UserId const&) -> Result<void> {
                    if (!account_active) return Failure{Kind::denied, "users.disabled"};
                    return success();
                },
                .reuse_detected = [this](storage::Transaction&, UserId const& user) {
                    EXPECT_EQ(user, alice);
                    ++told;
                }};
    }

    sessions::IssuedSession start(std::string pending = {}, bool remember = false) {
        return sessions
            .start({.user = alice,
                    .factors = {{"pwd", clock.now()}},
                    .pending = std::move(pending),
                    .remember = remember,
                    .origin = origin})
            .value();
    }
    IssuedTokens sign_in() { return tokens.issue(start()).value(); }
    Result<IssuedTokens> refresh(SecretText const& token) { return tokens.refresh(token, rules(), origin); }

    std::size_t events(std::string_view code) { return audit.query({.code = std::string{code}, .limit = 1000}).size(); }
    std::int64_t rows(std::string const& table) {
        return database->read([&](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM " + table)->integer(0); });
    }
    std::int64_t statements() { return database->counts().statements; }
};

}  // namespace zephyr::tokens
