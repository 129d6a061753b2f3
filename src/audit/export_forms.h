// One event as one line, in each form. Without the line's end, except where said.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/audit/codes.h"
#include "zephyr/audit/export.h"

namespace zephyr::audit {

std::string ocsf_line(StoredEvent const&, CodeInfo const&, ExportSettings const&);
std::string jsonl_line(StoredEvent const&, CodeInfo const&, ExportSettings const&);
std::string cef_line(StoredEvent const&, CodeInfo const&, ExportSettings const&);
std::string syslog_line(StoredEvent const&, CodeInfo const&, ExportSettings const&);
std::string fhir_line(StoredEvent const&, CodeInfo const&, ExportSettings const&);
std::string csv_header();
std::string csv_line(StoredEvent const&, CodeInfo const&, ExportSettings const&);

// Valid UTF-8 without control characters: each becomes a space. For forms and readers that break on them.
std::string plain_text(std::string_view text);

enum class AddressFamily { none, ipv4, ipv6 };
AddressFamily address_family(std::string const& address);

// The detail of that name, or nothing.
std::string const* find_detail(StoredEvent const& event, std::string_view name);
// The id or name of what the event is about, out of its details: the group's id, the role's name, the key's id.
std::string object_ref(StoredEvent const& event, ObjectKind object);
// Fields as a JSON object in plain_text.
std::string fields_as_json(std::vector<std::pair<std::string, std::string>> const& fields);

}  // namespace zephyr::audit
