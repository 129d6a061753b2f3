// {"index": n, "leaf": "<hex of SHA-256(0x00 || record)>", "record": <the bytes in the log>}
//
// The record goes in byte for byte: it is canonical JSON, so whoever parses it and writes it canonically again has the bytes that are
// hashed. An event that has not reached the log yet stands as "event", without index and leaf.
#include "audit/export_forms.h"
#include "audit/stored.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/encoding/json.h"
#include "zephyr/tlog/merkle.h"

namespace zephyr::audit {

using encoding::Json;

namespace {

Json fields(std::vector<std::pair<std::string, std::string>> const& from) {
    auto out = Json::object();
    for (auto const& [name, value] : from) out.set(name, value);
    return out;
}

Json opened(StoredEvent const& event) {
    auto out = Json::object();
    if (event.subject) out.set("subject", event.subject->str());
    if (event.actor.type == Actor::Type::user) out.set("actor", event.actor.ref);
    if (!event.address.empty()) out.set("address", event.address);
    if (!event.user_agent.empty()) out.set("user_agent", event.user_agent);
    if (!event.personal.empty()) out.set("personal", fields(event.personal));
    return out;
}

Json waiting(StoredEvent const& event) {
    auto out = Json::object();
    out.set("id", event.id);
    out.set("time", to_rfc3339(event.time));
    out.set("code", event.code);
    out.set("actor", Json::object({{"type", actor_type_name(event.actor.type)}}));
    out.set("outcome", outcome_name(event.outcome));
    if (!event.reason.empty()) out.set("reason", event.reason);
    if (!event.request_id.empty()) out.set("request_id", event.request_id);
    if (!event.session_ref.empty()) out.set("session_ref", event.session_ref);
    if (!event.details.empty()) out.set("details", fields(event.details));
    out.set("class", retention_name(event.retention));
    return out;
}

}  // namespace

std::string jsonl_line(StoredEvent const& event, CodeInfo const&, ExportSettings const& settings) {
    std::string out = "{";
    if (event.log_index && !event.body.empty()) {
        out += "\"index\":" + std::to_string(*event.log_index);
        out += ",\"leaf\":\"" + encoding::hex_encode(tlog::leaf_hash(event.body)) + "\"";
        if (!event.node.empty()) out += ",\"node\":" + Json{event.node}.dump();
        out.append(",\"record\":").append(as_text(event.body));
    } else {
        out += "\"event\":" + waiting(event).dump();
    }
    // The log names people by pseudonyms and holds these fields sealed.
    if (settings.personal) {
        auto const known = opened(event);
        if (known.members() != nullptr && !known.members()->empty()) out += ",\"opened\":" + known.dump();
    }
    return out + "}";
}

}  // namespace zephyr::audit
