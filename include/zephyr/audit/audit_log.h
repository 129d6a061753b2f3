// The audit log: events written in the same transaction as the change they record, and from there into the tamper-evident log.
//
// Owns: tables audit_event (what queries read), audit_erasure (people whose keys are to be destroyed). With a Trail attached every event
// is in the log before, or in the outbox together with, the answer that speaks of it. Without one (a library without a folder, tests)
// the table is all there is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/audit/codes.h"
#include "zephyr/audit/event.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/random.h"
#include "zephyr/storage/database.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::audit {

class SubjectKeys;
class Trail;
struct Record;

// The event can't be recorded, so what it would record does not happen: 503, "audit.unavailable".
class AuditUnavailable : public StorageFault {
public:
    using StorageFault::StorageFault;
    std::string_view failure_id() const noexcept override { return "audit.unavailable"; }
};

// What happens to events of the classes auth and http while the log can't be written. Those of admin and phi refuse always.
enum class WhenUnavailable { refuse, record_gap };

struct StoredEvent {
    std::int64_t sequence = 0;
    std::string id;  // UUIDv7
    TimePoint time;
    std::string code;
    std::string name;  // "auth.signed_in"; empty for a code that is not in the table
    Actor actor;
    std::optional<UserId> subject;  // of somebody who was erased, and in `actor` too: their pseudonym
    Outcome outcome = Outcome::success;
    std::string reason;
    std::string request_id;
    std::string session_ref;
    std::vector<std::pair<std::string, std::string>> details;
    RetentionClass retention = RetentionClass::auth;
    // Empty once the person was erased.
    std::string address;
    std::string user_agent;
    std::vector<std::pair<std::string, std::string>> personal;

    std::string node;                       // whose log it is in; empty: written before there was a log, or without one
    std::optional<std::int64_t> log_index;  // where it stands there; nothing while it waits
    Bytes body;                             // the stored bytes, see record.h; empty for events from before there was a log
};

struct Query {
    std::optional<UserId> subject = std::nullopt;     // an id or, of somebody erased more than a day ago, the pseudonym
    std::optional<std::string> actor = std::nullopt;  // the ref of an actor of type user, likewise
    std::optional<std::string> id = std::nullopt;
    std::optional<std::string> code = std::nullopt;
    std::optional<std::string> but_code = std::nullopt;  // any but this one
    std::optional<Outcome> outcome = std::nullopt;
    bool refused = false;  // whatever was no success
    std::optional<TimePoint> from = std::nullopt;
    std::optional<TimePoint> until = std::nullopt;
    std::int64_t before_sequence = 0;                            // 0: from the newest; pages go backwards
    std::optional<std::int64_t> after_sequence = std::nullopt;   // pages go forwards instead, oldest first
    std::size_t limit = 100;                                     // at most 1000
};

class AuditLog {
public:
    AuditLog(storage::Database&, SubjectKeys&, Clock const&, Random&);
    // With subject keys in the same database: for tests and for programs without a data folder.
    AuditLog(storage::Database&, crypto::Sealer const&, Clock const&, Random&);
    ~AuditLog();
    AuditLog(AuditLog const&) = delete;
    AuditLog& operator=(AuditLog const&) = delete;

    // From here on events go into the log; null: no longer. The trail must live until then.
    void attach(Trail* trail);
    Trail* trail() const;
    void when_unavailable(WhenUnavailable choice);
    // The log can't be written now, and nobody chose to go on without it.
    bool refuses_sign_ins() const;

    // Writes the event into the caller's transaction: both are kept or neither. Throws Fault for a code that is not in the table,
    // AuditUnavailable while the log can't be written.
    void append(storage::Transaction&, Event const&);
    // For an event that records no change of ours, such as a refusal. Durable when this returns. Throws as above.
    void append(Event const&);
    // Everything acknowledged before is seen. Not inside a transaction.
    std::vector<StoredEvent> query(Query const&);
    std::vector<StoredEvent> query(storage::Transaction&, Query const&);
    // Fills in what the sealed parts of a record say, as far as its keys still exist.
    StoredEvent open(Record const&);
    // Whether an event of this code happened from `from` until before `until`, among all there are. Cheap for audit.clock_stepped, which
    // has an index. Not inside a transaction.
    bool happened(std::string_view code, TimePoint from, TimePoint until);
    // How many events of one code happened from `from` until before `until`, among the newest 100,000 of all: for dashboards, so that
    // a number on a page never costs a walk through years.
    std::int64_t count(std::string_view code, TimePoint from, TimePoint until);

    // The person leaves: their id gives way to the pseudonym in every event, and the keys to what is personal about them are destroyed:
    // with the transaction where they stand in the same database, else by carry_out_erasures() after it. The events stay, and so does
    // what is about others. Returns how many events were by or about the person.
    std::int64_t erase_personal(storage::Transaction&, UserId const&);
    // Destroys the keys of people who were erased and whom no hold covers, and what the store keeps of deleted rows (Database::scrub).
    // Call it after the erasing transaction, at start-up and now and then: it does what is left to do. How many people. Not inside a
    // transaction.
    std::size_t carry_out_erasures();
    // Asked before keys are destroyed; true: wait.
    using HoldCheck = std::function<bool(storage::Transaction&, UserId const&)>;
    void on_hold_check(HoldCheck held);

private:
    struct State;
    struct Prepared;
    Prepared prepare(Event const& event, storage::Transaction* tx);
    void insert(storage::Transaction& tx, Prepared const& prepared, bool claimed);
    bool carry_out_erasure(storage::Transaction& tx, std::string const& person);
    bool must_refuse(RetentionClass retention) const;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::audit
