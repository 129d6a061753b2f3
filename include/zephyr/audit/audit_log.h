// The audit log: events written in the same transaction as the change they record.
//
// Owns: table audit_event. The tamper-evident log of spec/audit.md will drain this table by event id; what it needs
// (id, order, stored bytes, personal fields apart) is already here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/audit/event.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"
#include "zephyr/storage/database.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::audit {

struct StoredEvent {
    std::int64_t sequence = 0;
    std::string id;  // UUIDv7
    TimePoint time;
    std::string code;
    std::string name;  // "auth.signed_in"
    Actor actor;
    std::optional<UserId> subject;
    Outcome outcome = Outcome::success;
    std::string reason;
    std::string request_id;
    std::string session_ref;
    std::vector<std::pair<std::string, std::string>> details;
    // Empty once the person was erased.
    std::string address;
    std::string user_agent;
    std::vector<std::pair<std::string, std::string>> personal;
};

struct Query {
    std::optional<UserId> subject = std::nullopt;
    std::optional<std::string> code = std::nullopt;
    std::optional<TimePoint> from = std::nullopt;
    std::optional<TimePoint> until = std::nullopt;
    std::int64_t before_sequence = 0;  // 0: from the newest; pages go backwards
    std::size_t limit = 100;           // at most 1000
};

class AuditLog {
public:
    AuditLog(storage::Database&, crypto::Sealer const&, Clock const&, Random&);
    // Writes the event into the caller's transaction: both are kept or neither. Throws Fault for a code that is not in the table.
    void append(storage::Transaction&, Event const&);
    // For an event that records no change of ours, such as a refusal.
    void append(Event const&);
    std::vector<StoredEvent> query(Query const&);
    std::vector<StoredEvent> query(storage::Transaction&, Query const&);
    // How many events of one code happened from `from` until before `until`, among the newest 100,000 of all: for dashboards, so that
    // a number on a page never costs a walk through years.
    std::int64_t count(std::string_view code, TimePoint from, TimePoint until);
    // Destroys the personal fields of every event about this person, and where they came from in every event by this
    // person about another; the events stay. Returns how many events lost something.
    std::int64_t erase_personal(storage::Transaction&, UserId const&);

private:
    storage::Database& database_;
    crypto::Sealer const& sealer_;
    Clock const& clock_;
    Random& random_;
};

}  // namespace zephyr::audit
