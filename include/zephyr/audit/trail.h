// Carries events into the tamper-evident log: from the outbox, where they were written together with the change they record, and
// straight from whoever records something that changed nothing. And carries what the log holds into the table that queries read.
//
// Owns: tables audit_outbox (rows wait for the log), audit_node (who is alive, and how far its log is indexed).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "zephyr/audit/record.h"
#include "zephyr/audit/subject_keys.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/random.h"
#include "zephyr/storage/database.h"
#include "zephyr/tlog/log.h"

namespace zephyr::audit {

namespace errors {
// The event can't be recorded, so what it would record must not happen.
inline constexpr Failure audit_unavailable{Kind::unavailable, "audit.unavailable"};
// The database knows of more entries than the log holds: the log is gone or was rolled back.
inline constexpr Failure log_behind{Kind::conflict, "audit.log_behind"};
}  // namespace errors

struct TrailSettings {
    std::string node;                       // this node's name, kept in its folder; each node has its own log
    std::uint32_t epoch = 1;                // see epochs.h
    std::chrono::seconds lease{60};         // a node unseen for longer is dead, and others take its unclaimed rows
    std::chrono::milliseconds idle{1000};   // how often to look without being told
    std::filesystem::path gap_file = {};    // counts what could be kept nowhere; empty: such events are lost uncounted
    std::optional<Event> first = std::nullopt;  // the first entry of a log without entries, see epoch_begun
};

struct TrailParts {
    storage::Database& database;
    tlog::LogWriter& writer;
    tlog::LogReader& reader;
    SubjectKeys& keys;
    Clock const& clock;
    Random& random;
    Log& log;
};

struct TrailHealth {
    bool writable = true;
    std::int64_t waiting = 0;  // rows of the outbox that were not yet in the log when last looked
};

// Safe from many threads. One thread of its own does the carrying.
class Trail {
public:
    // Reconciles log and database: rows that are in both are not written twice. Fails with log_behind, with
    // tlog.log_damaged when the log's beginning is gone and no entry says so; throws StorageFault.
    static Result<std::unique_ptr<Trail>> open(TrailParts parts, TrailSettings settings);
    ~Trail();  // as stop()
    Trail(Trail const&) = delete;
    Trail& operator=(Trail const&) = delete;

    // Straight into the log; returns when it is durable. Fails as tlog::LogWriter::append does.
    Result<tlog::Receipt> append(ByteView record);
    // Says that rows of ours were committed. Never blocks.
    void wake() noexcept;
    // Everything acknowledged before this call is in the log and in audit_event when it returns; on a failing log or store it returns
    // without. Not inside a transaction.
    void catch_up();
    // An event of a class that may be missed could be kept nowhere. Counted durably, if the disk lets us at all; the event audit.gap says
    // how many once the log can be written again.
    void note_gap() noexcept;
    // Takes all rows of a node that won't come back, claimed ones too: those may be in its log as well. How many.
    std::int64_t adopt(std::string const& node);
    TrailHealth health() const;
    // Carries over what is there, then lets go.
    void stop();

    std::string const& node() const;

private:
    struct State;
    explicit Trail(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Fails with log_behind when the database knows more than a log of so many entries in that epoch: of this node, or where only one node can
// be (SQLite), of any. Throws StorageFault.
Result<void> check_log_known(storage::Database& database, std::string const& node, std::uint32_t epoch, std::uint64_t size);

// The newest log that the database knows, for begin_next_epoch; where several nodes share it, of `node` alone.
struct KnownLog {
    std::string node;
    std::uint32_t epoch = 0;
    std::uint64_t indexed = 0;
};
std::optional<KnownLog> newest_known_log(storage::Transaction& tx, bool single_node, std::string const& node);

// How far the log of this node is in audit_event, as the database remembers it; 0 for a node that it doesn't know.
std::int64_t indexed_entries(storage::Database& database, std::string const& node);

}  // namespace zephyr::audit
