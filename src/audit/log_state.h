// What the files of AuditLog share.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/record.h"
#include "zephyr/audit/subject_keys.h"
#include "zephyr/audit/trail.h"

namespace zephyr::audit {

// Who somebody is in the log.
struct Pseudonym {
    std::string ref;
    bool erased = false;  // nothing about them is sealed any more, and their id is written nowhere
};

struct AuditLog::State {
    storage::Database& database;
    std::unique_ptr<SubjectKeys> owned_keys;  // null when they are the caller's
    SubjectKeys& keys;
    Clock const& clock;
    Random& random;
    std::atomic<Trail*> trail{nullptr};
    std::atomic<WhenUnavailable> when_unavailable{WhenUnavailable::refuse};
    HoldCheck held = {};

    // In the transaction, or in one of its own when that is null.
    Pseudonym pseudonym_of(UserId const& person, storage::Transaction* tx);
};

// An event ready to be stored.
struct AuditLog::Prepared {
    Record record;
    std::string actor_ref;               // as the table has it: a user's id
    std::optional<std::string> subject;  // likewise
    Bytes body;
};

// Puts the pseudonym where the id stands. How many events were by or about the person.
std::int64_t replace_person(storage::Transaction& tx, std::string const& person, std::string const& ref);

// One row of audit_event from a record and what its pseudonyms stand for. False when it is there already.
struct EventRow {
    Record const& record;
    std::string const& actor_ref;
    std::optional<std::string> const& subject;
    std::string const& node;
    std::optional<std::int64_t> log_index;
    Bytes const& body;
};
bool insert_event(storage::Transaction& tx, EventRow const& row);

}  // namespace zephyr::audit
