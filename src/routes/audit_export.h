// Events of some days as a file, for the page of auditors. Bounded: what is larger goes by `zephyr audit export`.
#pragma once

#include <string>

#include "zephyr/audit/evidence.h"
#include "zephyr/audit/export.h"

namespace zephyr::routes {

namespace errors {
// More events than one download holds.
inline constexpr Failure export_too_large{Kind::invalid, "audit.export_too_large"};
}  // namespace errors

struct ExportFile {
    std::string body;
    std::size_t events = 0;
};

inline constexpr std::size_t most_exported_events = 20'000;

// Oldest first. Fails with export_too_large.
Result<ExportFile> export_events(audit::AuditLog& log, audit::Query query, audit::ExportFormat format, audit::ExportSettings settings);

}  // namespace zephyr::routes
