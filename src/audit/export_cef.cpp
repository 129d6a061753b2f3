// ArcSight Common Event Format, "Implementing ArcSight CEF", version 0 of the format:
//   CEF:0|vendor|product|version|event class id|name|severity|key=value key=value
// In the header a pipe and a backslash are escaped with a backslash and a line break is not allowed; in a value an equals sign and a
// backslash are escaped and a line break is written \n. Custom keys are alphanumeric and bear the vendor's and product's name.
#include <set>

#include "audit/export_forms.h"
#include "audit/stored.h"

namespace zephyr::audit {

namespace {

std::string header_text(std::string_view text) {
    std::string out;
    for (char const c : plain_text(text)) {
        if (c == '|' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string value_text(std::string_view text) {
    std::string out;
    for (char const c : plain_text(text)) {
        if (c == '=' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

class Extension {
public:
    void add(std::string_view key, std::string_view value) {
        if (value.empty()) return;
        if (!text_.empty()) text_ += ' ';
        text_.append(key).append("=").append(value_text(value));
    }
    void labelled(std::string_view key, std::string_view label, std::string_view value) {
        if (value.empty()) return;
        add(key, value);
        add(std::string{key} + "Label", label);
    }
    // Names of fields are ours, and still nothing but letters and digits reaches a key; two that fall together are told apart.
    void custom(std::string_view prefix, std::string_view name, std::string_view value) {
        std::string key{prefix};
        bool upper = true;
        for (char const c : name) {
            bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (!letter && !(c >= '0' && c <= '9')) {
                upper = true;
                continue;
            }
            key += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            upper = false;
        }
        auto unique = key;
        for (int n = 2; !keys_.insert(unique).second; ++n) unique = key + std::to_string(n);
        add(unique, value);
    }
    std::string const& text() const { return text_; }

private:
    std::string text_;
    std::set<std::string> keys_;
};

}  // namespace

std::string cef_line(StoredEvent const& event, CodeInfo const& info, ExportSettings const& settings) {
    std::string out = "CEF:0|Zephyr|Security|" + header_text(settings.version) + "|";
    out.append(info.code).append("|").append(header_text(info.name)).append("|").append(std::to_string(info.cef_severity)).append("|");

    Extension extension;
    extension.add("rt", std::to_string(to_millis(event.time)));
    extension.add("externalId", event.id);
    extension.add("cat", retention_name(event.retention));
    extension.add("dvchost", settings.host);
    extension.add("outcome", outcome_name(event.outcome));
    extension.add("reason", event.reason);
    extension.add("suid", event.actor.ref);
    extension.add("sourceServiceName", event.actor.type == Actor::Type::user ? "" : actor_type_name(event.actor.type));
    if (event.subject) extension.add("duid", event.subject->str());
    extension.labelled("cs1", "requestId", event.request_id);
    extension.labelled("cs2", "session", event.session_ref);
    extension.labelled("cs3", "node", event.node);
    if (event.log_index) extension.labelled("cn1", "logIndex", std::to_string(*event.log_index));
    if (settings.personal) {
        switch (address_family(event.address)) {
            case AddressFamily::ipv4: extension.add("src", event.address); break;
            case AddressFamily::ipv6: extension.labelled("c6a2", "Source IPv6 Address", event.address); break;
            case AddressFamily::none: break;
        }
        extension.add("requestClientApplication", event.user_agent);
    }
    for (auto const& [name, value] : event.details) extension.custom("ZephyrSecurityDetail", name, value);
    if (settings.personal) {
        for (auto const& [name, value] : event.personal) extension.custom("ZephyrSecurityPersonal", name, value);
    }
    return out + extension.text();
}

}  // namespace zephyr::audit
