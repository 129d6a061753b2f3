// Events in the forms that other systems read: one event, one line, nothing kept in memory between two of them.
//
//   ocsf        JSON lines; Open Cybersecurity Schema Framework 1.9
//   jsonl       JSON lines; our own record as it is hashed in the log, its index and leaf hash: what `zephyr audit verify` reads
//   cef         ArcSight Common Event Format, version 0
//   syslog5424  RFC 5424, facility 13 (log audit), structured data
//   fhir_balp   JSON lines (NDJSON); FHIR R4 AuditEvent with the agents of IHE Basic Audit Log Patterns
//   csv         RFC 4180 with a header line
//
// Class, activity, type, action and the like come from the table of codes, never from text that somebody sent. Text from outside is
// escaped as each form wants it, invalid UTF-8 becomes U+FFFD, and forms with one event a line get no line break inside a value.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/bytes.h"

namespace zephyr::audit {

enum class ExportFormat { ocsf, jsonl, cef, syslog5424, fhir_balp, csv };

// "ocsf", "jsonl", "cef", "syslog5424", "fhir-balp", "csv". Nothing for another word.
std::optional<ExportFormat> parse_export_format(std::string_view word);
std::string_view export_format_name(ExportFormat format);
std::vector<std::string> export_format_names();
std::string_view export_media_type(ExportFormat format);      // "text/csv; charset=utf-8"
std::string_view export_file_extension(ExportFormat format);  // "csv", without the dot

struct ExportSettings {
    std::string host = "localhost";  // of the public URL: who reports
    std::string version = {};        // of the product
    // Also address, user agent and the other personal fields, as far as their keys still exist.
    bool personal = false;
};

class Exporter {
public:
    // Gets whole lines with their ends ("\n"; "\r\n" in csv).
    using Sink = std::function<void(std::string_view line)>;

    Exporter(ExportFormat format, ExportSettings settings, Sink sink);
    // The header of csv, at once and also when no event follows; nothing in the other forms.
    void begin();
    // Throws Fault for a code that is not in the table.
    void write(StoredEvent const& event);

private:
    ExportFormat format_;
    ExportSettings settings_;
    Sink sink_;
};

}  // namespace zephyr::audit
