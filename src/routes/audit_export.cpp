#include "routes/audit_export.h"

namespace zephyr::routes {

namespace {
constexpr std::size_t events_at_once = 500;
constexpr std::size_t most_bytes = 64u << 20;
}  // namespace

Result<ExportFile> export_events(audit::AuditLog& log, audit::Query query, audit::ExportFormat format, audit::ExportSettings settings) {
    ExportFile file;
    audit::Exporter exporter{format, std::move(settings), [&](std::string_view line) { file.body += line; }};
    exporter.begin();
    query.limit = events_at_once;
    query.after_sequence = 0;
    for (;;) {
        auto const events = log.query(query);
        for (auto const& event : events) {
            if (++file.events > most_exported_events || file.body.size() > most_bytes) return errors::export_too_large;
            query.after_sequence = event.sequence;
            exporter.write(event);
        }
        if (events.size() < events_at_once) return file;
    }
}

}  // namespace zephyr::routes
