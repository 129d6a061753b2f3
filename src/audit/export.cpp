#include "zephyr/audit/export.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "audit/export_forms.h"
#include "zephyr/encoding/json.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::audit {

namespace {

struct Form {
    ExportFormat format;
    std::string_view name;
    std::string_view media_type;
    std::string_view extension;
    std::string (*line)(StoredEvent const&, CodeInfo const&, ExportSettings const&);
};

constexpr std::array forms{
    Form{ExportFormat::ocsf, "ocsf", "application/x-ndjson", "ocsf.jsonl", ocsf_line},
    Form{ExportFormat::jsonl, "jsonl", "application/x-ndjson", "jsonl", jsonl_line},
    Form{ExportFormat::cef, "cef", "text/plain; charset=utf-8", "cef", cef_line},
    Form{ExportFormat::syslog5424, "syslog5424", "text/plain; charset=utf-8", "log", syslog_line},
    // Not application/fhir+json: that is one resource, and these are many.
    Form{ExportFormat::fhir_balp, "fhir-balp", "application/fhir+ndjson", "ndjson", fhir_line},
    Form{ExportFormat::csv, "csv", "text/csv; charset=utf-8; header=present", "csv", csv_line},
};

Form const& form_of(ExportFormat format) {
    auto const found = std::find_if(forms.begin(), forms.end(), [&](Form const& form) { return form.format == format; });
    if (found == forms.end()) throw Fault{"an export format of no known kind"};
    return *found;
}

// For a row with a code that is not in the table: somebody wrote into it, or a newer version did. It is exported like the others.
constexpr CodeInfo unknown{.code = "unknown",
                           .name = "unknown",
                           .severity = Severity::error,
                           .retention = RetentionClass::admin,
                           .cef_severity = 9,
                           .as = {6002, 99, 110100, 0, 'E', ObjectKind::server},
                           .meaning = "An event whose code is not known here."};

StoredEvent as_unknown(StoredEvent event) {
    event.details.emplace_back("unknown_code", std::move(event.code));
    event.code = unknown.code;
    event.name = unknown.name;
    return event;
}

}  // namespace

std::optional<ExportFormat> parse_export_format(std::string_view word) {
    for (auto const& form : forms) {
        if (form.name == word) return form.format;
    }
    return std::nullopt;
}

std::string_view export_format_name(ExportFormat format) { return form_of(format).name; }
std::string_view export_media_type(ExportFormat format) { return form_of(format).media_type; }
std::string_view export_file_extension(ExportFormat format) { return form_of(format).extension; }

std::vector<std::string> export_format_names() {
    std::vector<std::string> out;
    for (auto const& form : forms) out.emplace_back(form.name);
    return out;
}

Exporter::Exporter(ExportFormat format, ExportSettings settings, Sink sink)
    : format_{format}, settings_{std::move(settings)}, sink_{std::move(sink)} {}

void Exporter::begin() {
    if (format_ == ExportFormat::csv) sink_(csv_header() + "\r\n");
}

void Exporter::write(StoredEvent const& event) {
    auto const* info = find_code(event.code);
    auto line = info != nullptr ? form_of(format_).line(event, *info, settings_) : form_of(format_).line(as_unknown(event), unknown, settings_);
    line += format_ == ExportFormat::csv ? "\r\n" : "\n";
    sink_(line);
}

std::string plain_text(std::string_view text) {
    auto out = encoding::to_valid_utf8(text);
    // C0, DEL; and C1, U+2028, U+2029, which some readers take for line ends: U+0080 to U+009F is C2 80 to C2 9F, the others E2 80 A8/A9.
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto const byte = [&](std::size_t at) { return at < out.size() ? static_cast<unsigned char>(out[at]) : 0u; };
        if (byte(i) < 0x20 || byte(i) == 0x7f) {
            out[i] = ' ';
        } else if (byte(i) == 0xc2 && byte(i + 1) <= 0x9f) {
            out.replace(i, 2, " ");
        } else if (byte(i) == 0xe2 && byte(i + 1) == 0x80 && (byte(i + 2) == 0xa8 || byte(i + 2) == 0xa9)) {
            out.replace(i, 3, " ");
        }
    }
    return out;
}

AddressFamily address_family(std::string const& address) {
    in6_addr parsed{};
    // inet_pton stops at a NUL; nothing behind one may pass for an address.
    if (address.find('\0') != std::string::npos) return AddressFamily::none;
    if (::inet_pton(AF_INET, address.c_str(), &parsed) == 1) return AddressFamily::ipv4;
    if (::inet_pton(AF_INET6, address.c_str(), &parsed) == 1) return AddressFamily::ipv6;
    return AddressFamily::none;
}

std::string const* find_detail(StoredEvent const& event, std::string_view name) {
    auto const found = std::find_if(event.details.begin(), event.details.end(), [&](auto const& field) { return field.first == name; });
    return found == event.details.end() ? nullptr : &found->second;
}

std::string object_ref(StoredEvent const& event, ObjectKind object) {
    auto const detail = [&](std::string_view name) {
        auto const* found = find_detail(event, name);
        return found == nullptr ? std::string{} : plain_text(*found);
    };
    switch (object) {
        case ObjectKind::account: return event.subject ? event.subject->str() : std::string{};
        case ObjectKind::group: return detail("group");
        case ObjectKind::role: return detail("role");
        case ObjectKind::session: return event.session_ref.empty() ? detail("session") : plain_text(event.session_ref);
        case ObjectKind::sealing_key:
        case ObjectKind::signing_key: return detail("key");
        case ObjectKind::legal_hold: return detail("hold");
        case ObjectKind::audit_log: return detail("log");
        case ObjectKind::settings:
        case ObjectKind::server: return {};
    }
    return {};
}

std::string fields_as_json(std::vector<std::pair<std::string, std::string>> const& fields) {
    auto out = encoding::Json::object();
    for (auto const& [name, value] : fields) out.set(plain_text(name), plain_text(value));
    return out.dump();
}

}  // namespace zephyr::audit
