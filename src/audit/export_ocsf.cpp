// Open Cybersecurity Schema Framework 1.9.0-dev. An attribute is written only where the class has it: consumers refuse the others.
#include "audit/export_forms.h"
#include "audit/stored.h"
#include "zephyr/encoding/json.h"

namespace zephyr::audit {

using encoding::Json;

namespace {

constexpr std::string_view schema_version = "1.9.0-dev";
constexpr int other_activity = 99;

// user.type_id
constexpr int unknown_user = 0;
constexpr int known_user = 1;
constexpr int other_user = 99;

int severity_id(Severity severity) {
    switch (severity) {
        case Severity::information: return 1;  // Informational
        case Severity::warning: return 3;      // Medium
        case Severity::error: return 4;        // High
    }
    return 4;
}

Json product(ExportSettings const& settings) {
    auto out = Json::object({{"name", "Zephyr Security"}, {"vendor_name", "Zephyr"}});
    if (!settings.version.empty()) out.set("version", settings.version);
    return out;
}

Json metadata(StoredEvent const& event, CodeInfo const& info, ExportSettings const& settings) {
    auto out = Json::object({{"version", schema_version}, {"product", product(settings)}});
    out.set("event_code", info.code);
    out.set("uid", event.id);
    out.set("log_name", event.node.empty() ? std::string{"audit"} : "audit/" + event.node);
    if (event.log_index) out.set("sequence", static_cast<std::int64_t>(*event.log_index));
    if (!event.request_id.empty()) out.set("correlation_uid", event.request_id);
    return out;
}

// A name that somebody typed, where the personal fields are opened.
std::string const* typed_name(StoredEvent const& event, ExportSettings const& settings) {
    if (!settings.personal) return nullptr;
    for (auto const& [name, value] : event.personal) {
        if ((name == "username" || name == "login") && !value.empty()) return &value;
    }
    return nullptr;
}

// Whom it concerns. The classes that want a user want one also when nobody knows who it was.
Json user(StoredEvent const& event, ExportSettings const& settings) {
    if (event.subject || event.actor.type == Actor::Type::user) {
        auto out = Json::object({{"uid", event.subject ? event.subject->str() : event.actor.ref}, {"type_id", known_user}});
        auto const* name = typed_name(event, settings);
        if (name != nullptr && event.subject) out.set("name", *name);
        return out;
    }
    if (auto const* group = find_detail(event, "group")) {  // a role given to a group
        return Json::object({{"uid", *group}, {"type_id", other_user}, {"type", "Group"}});
    }
    auto const* name = typed_name(event, settings);
    return Json::object({{"name", name == nullptr ? std::string{"unknown"} : *name}, {"type_id", unknown_user}});
}

Json actor(StoredEvent const& event) {
    switch (event.actor.type) {
        case Actor::Type::user: return Json::object({{"user", Json::object({{"uid", event.actor.ref}, {"type_id", known_user}})}});
        case Actor::Type::operator_cli:
            return Json::object({{"app_name", "zephyr"}, {"user", Json::object({{"name", "operator"}, {"type_id", 2}})}});  // Admin
        case Actor::Type::system: return Json::object({{"app_name", "zephyr"}});
        case Actor::Type::anonymous: break;
    }
    return Json::object({{"user", Json::object({{"name", "anonymous"}, {"type_id", unknown_user}})}});
}

Json named(std::string_view ref) { return Json::object({{"uid", ref.empty() ? std::string_view{"unknown"} : ref}}); }

// What the class has beyond the base event.
void add_class_members(Json& out, StoredEvent const& event, CodeInfo const& info, ExportSettings const& settings) {
    auto const ref = object_ref(event, info.as.object);
    switch (info.as.ocsf_class) {
        case 3002:
            out.set("user", user(event, settings));
            out.set("service", Json::object({{"name", "Zephyr Security"}}));
            if (auto const session = object_ref(event, ObjectKind::session); !session.empty()) {
                out.set("session", Json::object({{"uid", session}}));
            }
            break;
        case 3004: {
            auto entity = named(ref);
            if (ref.empty()) entity = Json::object({{"name", object_name(info.as.object)}});
            out.set("entity", entity.set("type", object_name(info.as.object)));
            break;
        }
        case 3005:
            out.set("user", user(event, settings));
            if (auto const* role = find_detail(event, "role")) out.set("iam_role", Json::object({{"name", *role}}));
            break;
        case 3006:
            out.set("group", named(ref));
            if (event.subject) out.set("user", user(event, settings));
            if (auto const* child = find_detail(event, "child")) out.set("subgroup", named(*child));
            break;
        case 3008: out.set("iam_role", Json::object({{"name", ref.empty() ? std::string{"unknown"} : ref}})); break;
        case 6002: out.set("app", product(settings)); break;
        default: out.set("user", user(event, settings));  // 3001, 3007
    }
}

Json fields(std::vector<std::pair<std::string, std::string>> const& from) {
    auto out = Json::object();
    for (auto const& [name, value] : from) out.set(name, value);
    return out;
}

}  // namespace

std::string ocsf_line(StoredEvent const& event, CodeInfo const& info, ExportSettings const& settings) {
    auto out = Json::object();
    out.set("category_uid", info.as.ocsf_class / 1000);
    out.set("class_uid", info.as.ocsf_class);
    out.set("activity_id", info.as.ocsf_activity);
    // "Use 99 (Other) …, in which case activity_name must be populated with the source-specific label."
    if (info.as.ocsf_activity == other_activity) out.set("activity_name", info.name);
    out.set("type_uid", std::int64_t{info.as.ocsf_class} * 100 + info.as.ocsf_activity);
    out.set("time", to_millis(event.time));
    out.set("timezone_offset", 0);
    out.set("severity_id", severity_id(info.severity));
    bool const success = event.outcome == Outcome::success;
    out.set("status_id", success ? 1 : 2);
    out.set("status", success ? "Success" : "Failure");
    if (!event.reason.empty()) out.set("status_code", event.reason);
    out.set("message", info.meaning);
    out.set("metadata", metadata(event, info, settings));
    add_class_members(out, event, info, settings);
    if (info.as.ocsf_class / 1000 == 3) {  // category IAM
        out.set("actor", actor(event));
        if (settings.personal && address_family(event.address) != AddressFamily::none) {
            out.set("src_endpoint", Json::object({{"ip", event.address}}));
        }
    }

    auto unmapped = Json::object({{"outcome", outcome_name(event.outcome)}, {"name", info.name}});
    if (!event.details.empty()) unmapped.set("details", fields(event.details));
    if (settings.personal) {
        if (!event.user_agent.empty()) unmapped.set("user_agent", event.user_agent);
        if (!event.personal.empty()) unmapped.set("personal", fields(event.personal));
    }
    out.set("unmapped", std::move(unmapped));
    return out.dump();
}

}  // namespace zephyr::audit
