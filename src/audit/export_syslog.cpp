// RFC 5424: <PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [SD-ELEMENT]… BOM MSG
#include <set>

#include "audit/export_forms.h"
#include "audit/stored.h"

namespace zephyr::audit {

namespace {

constexpr int facility_log_audit = 13;  // 6.2.1
// 7.2.2 wants a private enterprise number. 32473 is the one that RFC 5612 sets aside for documentation; there is none of our own.
constexpr std::string_view enterprise = "@32473";

int syslog_severity(Severity severity) {
    switch (severity) {
        case Severity::information: return 6;
        case Severity::warning: return 4;
        case Severity::error: return 3;
    }
    return 3;
}

// 6: PRINTUSASCII without blanks, at most `limit`; "-" (NILVALUE) for nothing.
std::string header_field(std::string_view text, std::size_t limit) {
    std::string out;
    for (char const c : text.substr(0, limit)) out += c > ' ' && c < 0x7f ? c : '?';
    return out.empty() ? "-" : out;
}

class Element {
public:
    explicit Element(std::string_view name) : text_{"["} { text_.append(name).append(enterprise); }
    // 6.3.3: '"', '\' and ']' are escaped; nothing else is. Empty values are left out.
    void add(std::string_view name, std::string_view value) {
        if (value.empty()) return;
        text_.append(" ").append(unique(name)).append("=\"");
        for (char const c : plain_text(value)) {
            if (c == '"' || c == '\\' || c == ']') text_ += '\\';
            text_ += c;
        }
        text_ += '"';
    }
    std::string close() && { return std::move(text_ += ']'); }

private:
    // SD-NAME: 1 to 32 of PRINTUSASCII without '=', blank, ']' and '"'.
    std::string unique(std::string_view name) {
        std::string clean;
        for (char const c : name.substr(0, 28)) clean += c > ' ' && c < 0x7f && c != '=' && c != ']' && c != '"' ? c : '_';
        if (clean.empty()) clean = "_";
        auto out = clean;
        for (int n = 2; !names_.insert(out).second; ++n) out = clean + "_" + std::to_string(n);
        return out;
    }

    std::string text_;
    std::set<std::string> names_;
};

}  // namespace

std::string syslog_line(StoredEvent const& event, CodeInfo const& info, ExportSettings const& settings) {
    std::string out = "<" + std::to_string(facility_log_audit * 8 + syslog_severity(info.severity)) + ">1 ";
    out += to_rfc3339(event.time) + " " + header_field(settings.host, 255) + " zephyr - " + header_field(info.code, 32) + " ";

    Element audit{"audit"};
    audit.add("id", event.id);
    audit.add("event", info.name);
    audit.add("class", retention_name(event.retention));
    audit.add("actor_type", actor_type_name(event.actor.type));
    audit.add("actor", event.actor.ref);
    if (event.subject) audit.add("subject", event.subject->str());
    audit.add("outcome", outcome_name(event.outcome));
    audit.add("reason", event.reason);
    audit.add("request_id", event.request_id);
    audit.add("session", event.session_ref);
    audit.add("node", event.node);
    if (event.log_index) audit.add("log_index", std::to_string(*event.log_index));
    out += std::move(audit).close();
    if (!event.details.empty()) {
        Element details{"details"};
        for (auto const& [name, value] : event.details) details.add(name, value);
        out += std::move(details).close();
    }
    if (settings.personal && (!event.address.empty() || !event.user_agent.empty() || !event.personal.empty())) {
        Element personal{"personal"};
        personal.add("address", event.address);
        personal.add("user_agent", event.user_agent);
        for (auto const& [name, value] : event.personal) personal.add(name, value);
        out += std::move(personal).close();
    }
    // 6.4: a MSG in UTF-8 must begin with the byte order mark.
    return out.append(" \xEF\xBB\xBF").append(info.meaning);
}

}  // namespace zephyr::audit
