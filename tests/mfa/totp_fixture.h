// A TOTP service over in-memory SQLite, and the phone that holds its secrets.
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
#include "zephyr/encoding/base32.h"
#include "zephyr/mfa/totp_service.h"

namespace zephyr::mfa {

class TotpFixture : public ::testing::Test {
protected:
    std::unique_ptr<TotpService> service_with(TotpSettings const& wanted) {
        return std::make_unique<TotpService>(*database, audit, sealer, attempts, clock, random, wanted);
    }

    // What an authenticator app that scanned `secret_base32` shows, some steps from now.
    std::string code_of(std::string const& secret_base32, std::int64_t steps_from_now = 0) const {
        auto const secret = encoding::base32_decode(secret_base32);
        return totp_code(secret.value(), totp_step(clock.now(), 30s) + steps_from_now, 6, TotpAlgorithm::sha1);
    }
    // A code that no step near now has.
    std::string wrong_code(std::string const& secret_base32) const {
        for (int i = 0;; ++i) {
            std::string const candidate = std::to_string(100000 + i);
            bool near = false;
            for (std::int64_t step = -3; step <= 3; ++step) near = near || candidate == code_of(secret_base32, step);
            if (!near) return candidate;
        }
    }
    // Enrols a device for the person and moves to the next step, so that its code is fresh. Returns the secret.
    std::string enrol(UserId const& user, std::string_view name = "phone") {
        auto const own = new_session();
        auto const enrolment = totp->begin(user, own, "account", name);
        if (!enrolment.ok()) throw Fault{"could not begin"};
        if (!totp->confirm(user, own, code_of(enrolment.value().secret_base32)).ok()) throw Fault{"could not confirm"};
        clock.advance(30s);
        return enrolment.value().secret_base32;
    }
    SessionRef new_session() { return SessionRef::make(clock.now(), random); }

    std::vector<std::string> events(UserId const& user) {
        std::vector<std::string> out;
        for (auto const& event : audit.query({.subject = user, .code = {}, .from = {}, .until = {}, .limit = 1000}))
            out.insert(out.begin(), event.name + "(" + event.reason + ")");
        return out;
    }
    std::int64_t account_failures(UserId const& user) {
        return database->read([&](storage::Transaction& tx) {
            auto const row = tx.row("SELECT failures FROM mfa_attempt WHERE user_id = $1", user.str());
            return row ? row->integer(0) : 0;
        });
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock, {"0001", "0006", "0011", "0013", "0014", "0016"});
    crypto::MasterKey master = crypto::MasterKey::generate(random);
    crypto::Sealer sealer{crypto::Keyring{master}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    Attempts attempts{audit, clock, {}};
    std::unique_ptr<TotpService> totp = service_with({});
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
    SessionRef session = new_session();
    audit::Actor const operator_ = audit::Actor::operator_cli();
};

}  // namespace zephyr::mfa
