// Codes by SMS and e-mail over in-memory SQLite, with the real outbox, and the eyes of whoever holds the telephone.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "messages/message_table.h"
#include "mfa/fresh_proof_of.h"
#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/mfa/delivered_codes.h"
#include "zephyr/mfa/totp_service.h"

namespace zephyr::mfa {

// What reached a telephone or mailbox.
struct Received {
    std::string to;
    std::string code;
    messages::Words words;
    std::string channel;
    TimePoint until;
};

class DeliveredFixture : public ::testing::Test {
protected:
    DeliveredFixture() {
        outbox.use_channel(messages::Channel::sms, true);
        outbox.use_channel(messages::Channel::email, true);
    }
    static DeliveredSettings sms_settings() { return {.prefixes = {"+49", "+1", "+1415"}, .service_name = "Example"}; }
    // As an operator might set them who does not look at money: for tests that are not about caps.
    static DeliveredSettings uncapped() {
        auto settings = sms_settings();
        settings.caps = {.per_destination_hour = 1000, .per_destination_day = 1000, .per_user_hour = 1000, .per_user_day = 1000,
                         .per_prefix_hour = 0, .total_hour = 0, .between = 0s};
        return settings;
    }
    std::unique_ptr<DeliveredCodes> with(FactorKind const& kind, DeliveredSettings settings) {
        return std::make_unique<DeliveredCodes>(kind, *database, audit, sealer, attempts, outbox, clock, random, std::move(settings));
    }

    SessionRef new_session() { return SessionRef::make(clock.now(), random); }
    UserId new_user() { return UserId::make(clock.now(), random); }
    FreshProof fresh(UserId const& user, SessionRef const& session_) {
        return signin::SignInService::fresh_proof_of(user, session_, clock.now());
    }

    // Oldest first.
    std::vector<Received> inbox() {
        return database->read([&](storage::Transaction& tx) {
            std::vector<Received> out;
            for (auto const& row : tx.rows("SELECT id, content, channel, until_at FROM message ORDER BY rowid")) {
                auto content = messages::message_table::open(sealer, row.text(0), row.blob(1)).value();
                std::string code;
                for (auto const& [name, value] : content.words)
                    if (name == "code") code = value;
                out.push_back({content.to, code, content.words, row.text(2), row.time(3)});
            }
            return out;
        });
    }
    std::string last_code() { return inbox().back().code; }
    // No code that was ever sent here.
    std::string wrong_code() {
        int candidate = 100000;
        auto const sent = inbox();
        auto const taken = [&](std::string const& code) {
            return std::any_of(sent.begin(), sent.end(), [&](auto const& one) { return one.code == code; });
        };
        while (taken(std::to_string(candidate))) ++candidate;
        return std::to_string(candidate);
    }

    Result<VerifiedFactor> verify(DeliveredCodes& codes, UserId const& user, SessionRef const& in, std::string const& code,
                                  std::string const& lane = {}) {
        return kept([&](storage::Transaction& tx) { return codes.verify(tx, {.user = user, .session = in, .code = code, .lane = lane}); });
    }
    Result<VerifiedFactor> confirm(DeliveredCodes& codes, UserId const& user, SessionRef const& in, std::string const& code) {
        return kept([&](storage::Transaction& tx) { return codes.confirm(tx, {.user = user, .session = in, .code = code}); });
    }
    // Enrols in a session of its own; then so much time passes that the next code may be sent.
    FactorId enrol(DeliveredCodes& codes, UserId const& user, std::string_view destination) {
        auto const own = new_session();
        if (auto const begun = codes.begin(fresh(user, own), destination); !begun.ok()) throw Fault{std::string{begun.error().id()}};
        auto const confirmed = confirm(codes, user, own, last_code());
        if (!confirmed.ok()) throw Fault{std::string{confirmed.error().id()}};
        clock.advance(30s);
        return confirmed.value().factor();
    }
    std::vector<FactorSummary> list(DeliveredCodes& codes, UserId const& user) {
        return database->read([&](storage::Transaction& tx) { return codes.list(tx, user); });
    }
    bool has_pending(DeliveredCodes& codes, UserId const& user, SessionRef const& in) {
        return database->read([&](storage::Transaction& tx) { return codes.has_pending(tx, user, in); });
    }
    Result<void> remove(DeliveredCodes& codes, UserId const& user, FactorId const& factor) {
        return database->write([&](storage::Transaction& tx) { return codes.remove(tx, user, factor, audit::Actor::user(user), {}); });
    }
    std::int64_t remove_all(DeliveredCodes& codes, UserId const& user) {
        return database->write([&](storage::Transaction& tx) { return codes.remove_all(tx, user); });
    }

    std::vector<std::string> events(UserId const& user) {
        std::vector<std::string> out;
        for (auto const& event : audit.query({.subject = user, .code = {}, .from = {}, .until = {}, .limit = 1000}))
            out.insert(out.begin(), event.name + "(" + event.reason + ")");
        return out;
    }
    std::int64_t count(std::string const& sql) {
        return database->read([&](storage::Transaction& tx) { return tx.row(sql)->integer(0); });
    }
    std::int64_t failures(UserId const& user) {
        return database->read([&](storage::Transaction& tx) { return attempts.failures(tx, user); });
    }

    template <class F>
    Result<VerifiedFactor> kept(F&& check) {
        struct Kept {
            Result<VerifiedFactor> answer;
        };
        return database->write([&](storage::Transaction& tx) { return Kept{check(tx)}; }).answer;
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database =
        testing::memory_database(clock, {"0001", "0006", "0011", "0013", "0014", "0015", "0016"});
    crypto::MasterKey master = crypto::MasterKey::generate(random);
    crypto::Sealer sealer{crypto::Keyring{master}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    Attempts attempts{audit, clock, {}};
    messages::Outbox outbox{*database, audit, sealer, clock, random};
    std::unique_ptr<DeliveredCodes> sms = with(sms_kind, uncapped());
    std::unique_ptr<DeliveredCodes> email = with(email_kind, uncapped());
    UserId alice = new_user();
    UserId bob = new_user();
    SessionRef session = new_session();
    std::string const number = "+4915123456742";
};

}  // namespace zephyr::mfa
