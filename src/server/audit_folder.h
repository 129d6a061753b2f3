// The audit log's folder: made, opened and wired into a stack.
#pragma once

#include <filesystem>
#include <optional>

#include "zephyr/audit/log_keys.h"
#include "zephyr/config/settings.h"
#include "zephyr/server/data_folder.h"
#include "zephyr/server/node.h"
#include "zephyr/stack.h"

namespace zephyr::server {

std::filesystem::path audit_folder(config::Settings const& settings, std::filesystem::path const& data);

struct OpenedAudit {
    AuditParts parts;
    audit::TrailSettings trail;
    // A change of the signing key that was begun and not finished.
    std::optional<tlog::NoteSigner> next_key;
};
// `database` is asked, before anything is made, whether it knows a log that is not there. Fails with audit.log_behind, tlog.log_damaged, tlog.log_in_use, tlog.log_unavailable, audit.log_key_*, each with a reason for the operator. Throws
// StorageFault.
Result<OpenedAudit> open_audit(config::Settings const& settings, std::filesystem::path const& data, crypto::Keyring const& keyring,
                               storage::Database& database, Outside outside);

// Lets events flow into the log, finishes what a crash or a hold left undone. The first thing done with a stack.
Result<void> begin_audit(Stack& stack, OpenedAudit& opened);

}  // namespace zephyr::server
