// Epochs: after a legitimate restore a log can't go on where it was, and must not pretend to. It begins anew, and its first entry says
// which log came before and how far that one was known to go.
//
// <audit folder>/epochs/0001, 0002, …   a tlog folder each; the highest is written, the ones before are kept and only read
// <audit folder>/epochs/0002.begun      what was known of the log before, until the log itself says so, and after
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/event.h"
#include "zephyr/foundation/result.h"
#include "zephyr/tlog/checkpoint.h"
#include "zephyr/tlog/verify.h"

namespace zephyr::audit {

namespace errors {
// No epoch has a log yet: there is nothing to end.
inline constexpr Failure epoch_none{Kind::not_found, "audit.epoch_none"};
}  // namespace errors

struct Epoch {
    std::uint32_t number = 1;
    std::filesystem::path folder;  // may not exist yet
    std::string origin;            // "<base>" of the first, "<base>/2" of the second
};

// "<host>/audit/<node>", with the port when it is not the scheme's own.
std::string log_origin(std::string_view public_url, std::string_view node);

// The epoch that is written now: the highest that was begun, else the first. A log keeps the origin it was born with, whatever the
// server's address is today; `base_origin` names one that is still to be made. Throw StorageFault.
Epoch current_epoch(std::filesystem::path const& audit_folder, std::string const& base_origin);
std::vector<Epoch> all_epochs(std::filesystem::path const& audit_folder, std::string const& base_origin);  // oldest first

// What is known of the log that an epoch replaces.
struct EndedLog {
    std::string origin;
    std::uint64_t folder_size = 0;  // of the last checkpoint in its folder
    std::string folder_root = {};   // base64; empty when there is no checkpoint that can be read
    std::uint64_t indexed = 0;      // how many entries the database knew
    std::uint64_t witnessed_size = 0;
    std::string witnessed_root = {};
    std::string reason = {};  // the operator's
    bool operator==(EndedLog const&) const = default;
};

struct BeginEpoch {
    std::string reason;         // the operator's; goes into the log
    std::uint64_t indexed = 0;  // as the database says
    std::uint32_t known = 0;    // the newest epoch of this log that the database knows; the folder may have lost it
    // The newest checkpoint a witness signed for the log that ends, when one was asked.
    std::optional<tlog::SignedCheckpoint> witnessed = std::nullopt;
};

// Ends the current epoch and begins the next: the next start opens the log in its folder, and its first entry says how the one before
// ended. The old log's files become read-only. Fails with epoch_none when neither the folder nor the database knows a log; throws StorageFault. No writer may hold the current log.
Result<Epoch> begin_next_epoch(std::filesystem::path const& audit_folder, std::string const& base_origin, BeginEpoch const& begin);

// What the first entry of this epoch's log has to say; nothing for the first epoch. Throws StorageFault when the file is damaged.
std::optional<EndedLog> ended_before(Epoch const& epoch);
// The same as an event (audit.epoch_begun). Whoever opens the log appends it when the log has no entries: before anything else.
std::optional<Event> epoch_begun(Epoch const& epoch);

// For who verifies: the same keys may sign every epoch, so whoever trusts one under the first origin trusts it under "<origin>/2" too.
tlog::TrustPolicy trust_for(tlog::TrustPolicy trust, std::string const& origin);

struct VerifyEpochs {
    tlog::TrustPolicy trust = {};
    std::optional<tlog::SignedCheckpoint> seen = std::nullopt;  // for the log of that origin, see tlog::VerifyOptions
    bool must_end_in_checkpoint = true;
};

struct VerifiedLog {
    std::filesystem::path folder;
    tlog::VerifyReport report = {};       // among its findings, how it continues the epoch before
    std::vector<std::string> notes = {};  // no damage: what the log says of the one before it
};

// Verifies the logs in a data folder, an audit folder, a folder of epochs (all of them, oldest first) or one epoch's folder, trusting nothing
// in them. Epochs must be 0001, 0002, … without a gap, each must name the one before, and that one must be as it was named. What can't be read
// is damaged. Nothing when there is no log. Links are not followed.
std::vector<VerifiedLog> verify_epochs(std::filesystem::path const& folder, VerifyEpochs const& options);

}  // namespace zephyr::audit
