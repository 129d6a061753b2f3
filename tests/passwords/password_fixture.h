// A password service over in-memory SQLite with cheap Argon2 parameters.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/passwords/password_service.h"

namespace zephyr::passwords {

class PasswordFixture : public ::testing::Test {
protected:
    static SecretText text(std::string_view password) { return SecretText{std::string{password}}; }

    std::unique_ptr<PasswordService> service_with(PasswordSettings const& wanted) {
        return std::make_unique<PasswordService>(*database, audit, sealer, gate, policy, clock, random, wanted);
    }
    PasswordService& service() { return *service_; }

    // What the audit log says of alice, oldest first.
    std::vector<std::string> events() {
        std::vector<std::string> out;
        for (auto const& event : audit.query({.subject = alice, .code = {}, .from = {}, .until = {}, .limit = 1000}))
            out.insert(out.begin(), event.name + "(" + event.reason + ")");
        return out;
    }
    std::int64_t hashes() const { return gate.counts().admitted; }
    Bytes stored_phc(UserId const& user) {
        return database->read([&](storage::Transaction& tx) {
            return tx.row("SELECT phc FROM password_credential WHERE user_id = $1", user.str())->blob(0);
        });
    }
    std::string stored_scheme(UserId const& user) {
        return database->read([&](storage::Transaction& tx) {
            auto const row =
                tx.row("SELECT scheme, pepper_key_id FROM password_credential WHERE user_id = $1", user.str());
            return row->text(0) + " " + row->text(1);
        });
    }

    static constexpr crypto::Argon2Parameters cheap{.memory_kib = 64, .passes = 1};
    static constexpr std::string_view good = "violet kettle drums at noon";
    static constexpr std::string_view other = "seven brass owls hum softly";

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock, {"0001", "0004", "0011", "0017"});
    crypto::MasterKey master = crypto::MasterKey::generate(random);
    crypto::Sealer sealer{crypto::Keyring{master}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    HashGate gate{{.workers = 4}, clock};
    PasswordPolicy policy{PolicySettings{}};
    PasswordSettings settings{.argon2 = cheap};
    std::unique_ptr<PasswordService> service_ = service_with(settings);
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
    audit::Actor const operator_ = audit::Actor::operator_cli();
};

}  // namespace zephyr::passwords
