// FHIR R4 AuditEvent. The agents are those of IHE Basic Audit Log Patterns (IHE.BasicAudit.AuthZconsent): the user (IRCP, the one who
// asked, no network), the client (DCM 110150, with its network address, when that is known) and the authorization server, which is also
// the source's observer (invariant val-audit-source).
#include <array>

#include "audit/export_forms.h"
#include "audit/stored.h"
#include "zephyr/encoding/json.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::audit {

using encoding::Json;

namespace {

constexpr std::string_view dicom = "http://dicom.nema.org/resources/ontology/DCM";
constexpr std::string_view entity_types = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
constexpr std::string_view object_roles = "http://terminology.hl7.org/CodeSystem/object-role";
constexpr std::string_view participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
constexpr std::string_view security_roles = "http://terminology.hl7.org/CodeSystem/extra-security-role-type";
constexpr std::string_view source_types = "http://terminology.hl7.org/CodeSystem/security-source-type";
constexpr std::string_view request_ids = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";

struct DicomCode {
    int code;
    std::string_view display;
};

// DICOM PS3.16, CID 400 and 403.
constexpr std::array dicom_codes{
    DicomCode{110100, "Application Activity"},
    DicomCode{110101, "Audit Log Used"},
    DicomCode{110106, "Export"},
    DicomCode{110113, "Security Alert"},
    DicomCode{110114, "User Authentication"},
    DicomCode{110120, "Application Start"},
    DicomCode{110121, "Application Stop"},
    DicomCode{110122, "Login"},
    DicomCode{110123, "Logout"},
    DicomCode{110127, "Emergency Override Started"},
    DicomCode{110128, "Network Configuration"},
    DicomCode{110129, "Security Configuration"},
    DicomCode{110132, "Use of Restricted Function"},
    DicomCode{110133, "Audit Recording Stopped"},
    DicomCode{110134, "Audit Recording Started"},
    DicomCode{110135, "Object Security Attributes Changed"},
    DicomCode{110136, "Security Roles Changed"},
    DicomCode{110137, "User security Attributes Changed"},
};

Json coding(std::string_view system, std::string_view code, std::string_view display) {
    return Json::object({{"system", system}, {"code", code}, {"display", display}});
}

Json dicom_coding(int code) {
    for (auto const& known : dicom_codes) {
        if (known.code == code) return coding(dicom, std::to_string(code), known.display);
    }
    throw Fault{"a DICOM code without a display"};
}

Json concept_of(Json code) { return Json::object({{"coding", Json::array({std::move(code)})}}); }

Json identified(std::string_view value) { return Json::object({{"identifier", Json::object({{"value", value}})}}); }

// FHIR strings: never empty, no control characters.
std::string text_of(std::string_view text) { return plain_text(text); }
bool has_text(std::string_view text) { return text.find_first_not_of(" \t\r\n") != std::string_view::npos; }

std::string_view outcome_code(Outcome outcome) {
    switch (outcome) {
        case Outcome::success: return "0";
        case Outcome::failure: return "4";  // Minor failure
        case Outcome::denied: return "8";   // Serious failure: it was forbidden
    }
    return "12";
}

Json user_agent_of(StoredEvent const& event) {
    Json agent = Json::object();
    agent.set("type", concept_of(coding(participation, "IRCP", "information recipient")));
    switch (event.actor.type) {
        case Actor::Type::user: agent.set("who", identified(text_of(event.actor.ref))); break;
        case Actor::Type::operator_cli: agent.set("who", Json::object({{"display", "operator at the command line"}})); break;
        case Actor::Type::system: agent.set("who", Json::object({{"display", "the server itself"}})); break;
        case Actor::Type::anonymous: agent.set("who", Json::object({{"display", "anonymous"}})); break;
    }
    agent.set("requestor", true);
    return agent;
}

Json agents(StoredEvent const& event, ExportSettings const& settings) {
    auto out = Json::array({user_agent_of(event)});
    if (settings.personal && address_family(event.address) != AddressFamily::none) {
        auto client = Json::object();
        client.set("type", concept_of(coding(dicom, "110150", "Application")));
        client.set("who", has_text(event.session_ref) ? identified(text_of(event.session_ref))
                                                      : Json::object({{"display", "unregistered client"}}));
        client.set("requestor", false);
        // network-type 2: IP Address
        client.set("network", Json::object({{"address", event.address}, {"type", "2"}}));
        out.push(std::move(client));
    }
    auto server = Json::object();
    server.set("type", concept_of(coding(security_roles, "authserver", "authorization server")));
    server.set("who", identified(text_of(settings.host)));
    server.set("requestor", false);
    out.push(std::move(server));
    return out;
}

struct Role {
    std::string_view type;  // audit-entity-type
    std::string_view type_display;
    std::string_view role;  // object-role
    std::string_view role_display;
};

Role role_of(ObjectKind object) {
    switch (object) {
        case ObjectKind::account:
        case ObjectKind::session: return {"1", "Person", "11", "Security User Entity"};
        case ObjectKind::group: return {"2", "System Object", "12", "Security User Group"};
        case ObjectKind::role: return {"2", "System Object", "14", "Security Granularity Definition"};
        default: return {"2", "System Object", "13", "Security Resource"};
    }
}

void add_details(Json& to, std::vector<std::pair<std::string, std::string>> const& fields) {
    for (auto const& [name, value] : fields) {
        if (has_text(name) && has_text(value)) to.push(Json::object({{"type", text_of(name)}, {"valueString", text_of(value)}}));
    }
}

Json entity_of(StoredEvent const& event, CodeInfo const& info, ExportSettings const& settings) {
    auto const role = role_of(info.as.object);
    auto ref = object_ref(event, info.as.object);
    // Of a session it is the person who matters.
    if (info.as.object == ObjectKind::session) ref = object_ref(event, ObjectKind::account);
    auto out = Json::object();
    out.set("what", !has_text(ref) ? Json::object({{"display", object_name(info.as.object)}}) : identified(ref));
    out.set("type", coding(entity_types, role.type, role.type_display));
    out.set("role", coding(object_roles, role.role, role.role_display));
    auto details = Json::array();
    add_details(details, {{"code", std::string{info.code}},
                          {"event", std::string{info.name}},
                          {"class", std::string{retention_name(event.retention)}}});
    add_details(details, {{"session", event.session_ref}, {"node", event.node}});
    if (event.log_index) add_details(details, {{"log_index", std::to_string(*event.log_index)}});
    if (event.subject && info.as.object != ObjectKind::account) add_details(details, {{"subject", event.subject->str()}});
    add_details(details, event.details);
    if (settings.personal) {
        add_details(details, {{"address", event.address}, {"user_agent", event.user_agent}});
        add_details(details, event.personal);
    }
    out.set("detail", std::move(details));
    return out;
}

}  // namespace

std::string fhir_line(StoredEvent const& event, CodeInfo const& info, ExportSettings const& settings) {
    auto out = Json::object({{"resourceType", "AuditEvent"}, {"id", event.id}});
    out.set("type", dicom_coding(info.as.dicom_type));
    if (info.as.dicom_subtype != 0) out.set("subtype", Json::array({dicom_coding(info.as.dicom_subtype)}));
    out.set("action", std::string(1, info.as.fhir_action));
    out.set("recorded", to_rfc3339(event.time));
    out.set("outcome", outcome_code(event.outcome));
    out.set("outcomeDesc", has_text(event.reason) ? text_of(event.reason) : std::string{info.meaning});
    out.set("agent", agents(event, settings));
    auto source = Json::object({{"site", text_of(settings.host)}, {"observer", identified(text_of(settings.host))}});
    source.set("type", Json::array({coding(source_types, "6", "Security Server")}));
    out.set("source", std::move(source));
    auto entities = Json::array({entity_of(event, info, settings)});
    if (has_text(event.request_id)) {
        auto request = Json::object({{"what", identified(text_of(event.request_id))}});
        request.set("type", coding(request_ids, "XrequestId", "X-Request-Id"));
        entities.push(std::move(request));
    }
    out.set("entity", std::move(entities));
    return out.dump();
}

}  // namespace zephyr::audit
