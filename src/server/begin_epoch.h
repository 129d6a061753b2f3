// Ends the audit log's epoch after a restore, on a data folder that nobody serves.
#pragma once

#include <optional>
#include <string>

#include "zephyr/audit/epochs.h"
#include "zephyr/config/settings.h"
#include "zephyr/server/node.h"

namespace zephyr::server {

// The next start opens the new log. `witnessed`: what a witness signed last of the log that ends, as `zephyr witness` keeps it. Fails with
// server.folder_*, audit.epoch_none; throws StorageFault.
Result<audit::Epoch> begin_epoch(config::Settings const& settings, std::string const& reason,
                                 std::optional<tlog::SignedCheckpoint> const& witnessed);

}  // namespace zephyr::server
