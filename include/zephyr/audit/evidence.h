// From an event in the table to what proves it: its bytes in this node's log, and the way from them to a signed checkpoint.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/subject_keys.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"
#include "zephyr/tlog/log.h"

namespace zephyr::audit {

namespace errors {
inline constexpr Failure event_unknown{Kind::not_found, "audit.event_unknown"};
// Another node has this event in its log: ask there. The reason names it.
inline constexpr Failure other_node{Kind::not_found, "audit.other_node"};
// No log holds this event: it is older than the log, or none is kept here.
inline constexpr Failure not_logged{Kind::not_found, "audit.not_logged"};
// The log holds this event, and its row in the table says something else: what is shown is not what was recorded.
inline constexpr Failure row_differs{Kind::conflict, "audit.row_differs"};
// No checkpoint holds the event yet, and one was signed for somebody less than a second ago: try again in a second.
inline constexpr Failure not_yet_signed{Kind::unavailable, "audit.not_yet_signed"};
}  // namespace errors

// What a node has of its log. Without a reader there is none, and everything fails with not_logged.
struct NodeLog {
    std::string node;
    tlog::LogWriter* writer = nullptr;
    tlog::LogReader const* reader = nullptr;
    std::vector<std::filesystem::path> earlier_epochs = {};  // newest first
};

struct ProvedEvent {
    Bytes stored;  // what is hashed
    tlog::LogProof proof;
    std::string vkey;  // the key of ours that signed the proof's checkpoint; empty when it was an earlier one
};

// Safe from many threads once the log is attached.
class Evidence {
public:
    Evidence(AuditLog& audit, SubjectKeys& keys, Clock const& clock) : audit_{audit}, keys_{keys}, clock_{clock} {}
    void attach(NodeLog log);

    // Fails with event_unknown.
    Result<StoredEvent> find(std::string_view id);
    // The event's bytes in the log, and their proof against the newest checkpoint; signs one when none holds the event yet, at most one
    // a second. Fails with other_node, not_logged, row_differs, not_yet_signed, and as tlog::LogReader::prove and
    // tlog::LogWriter::checkpoint do.
    Result<ProvedEvent> prove(StoredEvent const& event) const;
    // The newest checkpoint. Fails with not_logged.
    Result<tlog::SignedCheckpoint> checkpoint() const;

    NodeLog const& log() const { return log_; }

private:
    Result<ProvedEvent> prove_in(tlog::LogReader const& reader, StoredEvent const& event, bool newest) const;
    Result<void> check_row(StoredEvent const& event, ByteView stored) const;
    bool is_in_log_as(std::string const& person, std::string const& pseudonym) const;
    Result<void> sign_checkpoint() const;
    // Null when it can't be read.
    tlog::LogReader const* earlier(std::size_t number) const;
    std::string vkey_of(tlog::SignedCheckpoint const& checkpoint) const;

    AuditLog& audit_;
    SubjectKeys& keys_;
    Clock const& clock_;
    NodeLog log_;
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<tlog::LogReader>> earlier_;  // opened when first asked for
    mutable std::optional<MonotonicTime> signed_at_;                 // the last checkpoint that was signed because somebody asked
};

}  // namespace zephyr::audit
