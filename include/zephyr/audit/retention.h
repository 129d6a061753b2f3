// Ends what the audit log keeps: keys to personal fields, and whole segments of events, when the time of their class is over.
//
// A log is deleted from its beginning only, so an event stays as long as one before it must. What is personal in it ends on time anyway:
// the key of its class and quarter is destroyed. Hashes of deleted events stay, so the rest of the log verifies as before.
//
// Emits: audit.segments_deleted, before anything goes. A beginning that is gone while no entry says so is damage, and nobody signs it away.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/audit/holds.h"
#include "zephyr/audit/subject_keys.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/storage/database.h"
#include "zephyr/tlog/log.h"

namespace zephyr::audit {

struct RetentionPeriods {
    std::chrono::seconds auth = std::chrono::days{400};
    std::chrono::seconds admin = std::chrono::days{2557};  // 7 years
    std::chrono::seconds phi = std::chrono::days{2192};    // 6 years, 45 CFR 164.316(b)(2)(i)
    std::chrono::seconds http = std::chrono::days{90};

    std::chrono::seconds of(RetentionClass retention) const;
};

struct RetentionOutcome {
    std::int64_t keys_destroyed = 0;
    std::int64_t rows_deleted = 0;
    std::size_t segments_deleted = 0;
    bool more = false;  // there is more to look at: call again
    // The clock of this node jumped within the last two days, so nothing was done: a wrong clock must not end what is not over.
    bool clock_in_doubt = false;
    // The log begins at `first_index`, and its entries don't say that what stood before was to be deleted. Nothing was done.
    bool log_damaged = false;
    std::uint64_t first_index = 0;
};

// One thread at a time. Remembers how far it looked; a new object begins at the beginning.
class Retention {
public:
    // `writer` and `reader` of this node's log, or null without one: then it is the table alone.
    Retention(storage::Database&, AuditLog&, SubjectKeys&, LegalHolds&, tlog::LogWriter* writer, tlog::LogReader* reader, std::string node,
              Clock const&, RetentionPeriods);

    // Looks at a bounded number of events. What a hold covers stays, as far as the hold was placed before this began.
    // Not inside a transaction. Throws StorageFault.
    RetentionOutcome run();
    // False once run() found the log's beginning gone. From any thread.
    bool log_whole() const { return log_whole_; }

private:
    struct Held;
    Held held_now();
    bool over(RetentionClass retention, TimePoint time, TimePoint now) const;
    std::int64_t destroy_keys(Held const& held, TimePoint now);
    bool look_at_rows(RetentionOutcome& outcome, TimePoint now);
    bool look_at_log(Held const& held, RetentionOutcome& outcome, TimePoint now);
    bool look_at_beginning();
    void announce(std::uint64_t first_kept);

    storage::Database& database_;
    AuditLog& audit_;
    SubjectKeys& keys_;
    LegalHolds& holds_;
    tlog::LogWriter* writer_;
    tlog::LogReader* reader_;
    std::string node_;
    Clock const& clock_;
    RetentionPeriods periods_;

    std::int64_t rows_seen_ = 0;        // up to this sequence of audit_event
    std::uint64_t over_below_ = 0;      // every entry below is over, and no hold covers it
    std::vector<std::string> holds_seen_;  // when that was found
    std::uint64_t first_ = 0;           // where the log began when that was found to be right
    std::uint64_t announced_ = 0;       // what the log is known to say of the first entry kept
    std::uint64_t searched_ = 0;        // entries below were searched for it
    std::atomic<bool> log_whole_{true};
};

// The highest index that entries in [from, until) of this log name as the first one kept (audit.segments_deleted); 0 when none does. Looks
// from the newest back, no further than to one that names `enough`. Fails as tlog::LogReader::each does.
Result<std::uint64_t> announced_first_kept(tlog::LogReader const& log, std::uint64_t from, std::uint64_t until, std::uint64_t enough);

}  // namespace zephyr::audit
