// RFC 4180, every field quoted.
//
// A spreadsheet runs a cell that begins with = + - @ or a tab or carriage return as a formula, quoted or not. Such a value gets an
// apostrophe in front (OWASP "CSV Injection"); a value that begins with an apostrophe gets another, so that a reader who takes one
// apostrophe away where there is one has the value as it was.
#include <array>

#include "audit/export_forms.h"
#include "audit/stored.h"
#include "zephyr/encoding/unicode.h"

namespace zephyr::audit {

namespace {

constexpr std::array columns{"id",     "time",       "code",        "name",    "severity", "class",   "actor_type", "actor",     "subject",
                             "outcome", "reason", "request_id", "session", "details",  "address", "user_agent", "personal", "node",
                             "log_index"};

std::string cell(std::string_view text) {
    std::string out = "\"";
    auto const valid = encoding::to_valid_utf8(text);
    if (!valid.empty() && std::string_view{"=+-@\t\r\n'"}.find(valid.front()) != std::string_view::npos) out += '\'';
    for (char const c : valid) {
        if (c == '"') out += '"';
        // A NUL ends the text for many readers.
        out += c == '\0' ? ' ' : c;
    }
    return out + '"';
}

}  // namespace

std::string csv_header() {
    std::string out;
    for (auto const* name : columns) out.append(out.empty() ? "" : ",").append(name);
    return out;
}

std::string csv_line(StoredEvent const& event, CodeInfo const& info, ExportSettings const& settings) {
    auto const own = [&](std::string const& text) { return settings.personal ? text : std::string{}; };
    std::array<std::string, columns.size()> const cells{
        event.id,
        to_rfc3339(event.time),
        event.code,
        std::string{info.name},
        std::string{severity_name(info.severity)},
        std::string{retention_name(event.retention)},
        std::string{actor_type_name(event.actor.type)},
        event.actor.ref,
        event.subject ? event.subject->str() : "",
        std::string{outcome_name(event.outcome)},
        event.reason,
        event.request_id,
        event.session_ref,
        event.details.empty() ? "" : fields_as_json(event.details),
        own(event.address),
        own(event.user_agent),
        event.personal.empty() ? "" : own(fields_as_json(event.personal)),
        event.node,
        event.log_index ? std::to_string(*event.log_index) : "",
    };
    std::string out;
    for (auto const& text : cells) out.append(out.empty() ? "" : ",").append(cell(text));
    return out;
}

}  // namespace zephyr::audit
