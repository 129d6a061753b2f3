#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/databases.h"
#include "testing/kept_log.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "testing/sent_messages.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/messages/outbox.h"
#include "zephyr/messages/sender.h"

namespace zephyr::messages {

using What = ports::SendOutcome::What;

// One node: its handle on the database and what stands on it.
struct MessageNode {
    MessageNode(std::unique_ptr<storage::Database> opened, crypto::Keyring const& keyring, testing::ManualClock& time, std::uint64_t seed)
        : random{seed}, database{std::move(opened)}, sealer{keyring, random}, audit{*database, sealer, time, random},
          outbox{*database, audit, sealer, time, random} {}

    std::unique_ptr<Sender> sender(testing::SentMessages& kept, bool idempotent = false, SenderSettings settings = {}) {
        return std::make_unique<Sender>(outbox, log,
                                        Wires{.sms = std::make_unique<testing::KeepingWire>(kept, idempotent),
                                              .email = std::make_unique<testing::KeepingWire>(kept, idempotent)},
                                        std::move(settings));
    }

    testing::ScriptedRandom random;
    testing::KeptLog log;
    std::unique_ptr<storage::Database> database;
    crypto::Sealer sealer;
    audit::AuditLog audit;
    Outbox outbox;
};

class OutboxTest : public ::testing::Test {
protected:
    Message code(std::string to = "anna@example.org", Channel channel = Channel::email) {
        return {.channel = channel, .user = anna, .to = std::move(to), .what = "code", .words = {{"code", "123456"}, {"minutes", "5"}},
                .until = clock.now() + 5min};
    }
    void enqueue(Message const& message) {
        node.database->write([&](storage::Transaction& tx) { node.outbox.enqueue(tx, message); });
    }
    std::vector<audit::StoredEvent> events(std::string_view code) { return node.audit.query({.code = std::string{code}}); }
    std::string logged() {
        std::string out;
        for (auto const& line : node.log.lines()) {
            out += line.event;
            for (auto const& [name, value] : line.fields) out += " " + name + "=" + value;
            out += "\n";
        }
        return out;
    }
    // What the table holds, as text: for what must not be in it.
    std::string dump() {
        return node.database->read([](storage::Transaction& tx) {
            std::string out;
            for (auto const& row : tx.rows("SELECT id, user_id, channel, what, language, content, state, claim, reason FROM message")) {
                for (std::size_t column : {0, 1, 2, 3, 4, 6, 7, 8}) out += row.text(column) + "|";
                if (auto const content = row.optional_blob(5)) out += to_text(*content);
                out += "\n";
            }
            return out;
        });
    }

    testing::ManualClock clock;
    testing::ScriptedRandom keys{7};
    crypto::Keyring keyring{crypto::MasterKey::generate(keys)};
    MessageNode node{testing::memory_database(clock), keyring, clock, 1};
    UserId anna = UserId::make(clock.now(), node.random);
    testing::SentMessages kept;
    std::unique_ptr<Sender> sender = node.sender(kept);
};

}  // namespace zephyr::messages
