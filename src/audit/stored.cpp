#include "audit/stored.h"

#include <set>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::audit {

using encoding::Json;

std::string_view actor_type_name(Actor::Type type) {
    switch (type) {
        case Actor::Type::user: return "user";
        case Actor::Type::operator_cli: return "operator_cli";
        case Actor::Type::system: return "system";
        case Actor::Type::anonymous: return "anonymous";
    }
    throw Fault{"an audit actor of no known type"};
}

std::optional<Actor::Type> find_actor_type(std::string_view name) {
    for (auto const type : {Actor::Type::user, Actor::Type::operator_cli, Actor::Type::system, Actor::Type::anonymous}) {
        if (actor_type_name(type) == name) return type;
    }
    return std::nullopt;
}

std::string_view outcome_name(Outcome outcome) {
    switch (outcome) {
        case Outcome::success: return "success";
        case Outcome::failure: return "failure";
        case Outcome::denied: return "denied";
    }
    throw Fault{"an audit outcome of no known kind"};
}

std::optional<Outcome> find_outcome(std::string_view name) {
    for (auto const outcome : {Outcome::success, Outcome::failure, Outcome::denied}) {
        if (outcome_name(outcome) == name) return outcome;
    }
    return std::nullopt;
}

std::optional<RetentionClass> find_retention(std::string_view name) {
    for (auto const retention : {RetentionClass::auth, RetentionClass::admin, RetentionClass::phi, RetentionClass::http}) {
        if (retention_name(retention) == name) return retention;
    }
    return std::nullopt;
}

namespace {

Json to_json(Fields const& fields) {
    auto out = Json::object();
    std::set<std::string_view> names;
    for (auto const& [name, value] : fields) {
        if (!names.insert(name).second) throw Fault{"an audit event names the personal detail " + name + " twice"};
        out.set(name, value);
    }
    return out;
}

Fields from_json(Json const* json) {
    Fields out;
    if (json == nullptr || json->members() == nullptr) return out;
    for (auto const& [name, value] : *json->members()) {
        if (auto const* text = value.string()) out.emplace_back(name, *text);
    }
    return out;
}

}  // namespace

std::string write_personal(Personal const& personal) {
    auto json = Json::object();
    if (!personal.address.empty()) json.set("address", personal.address);
    if (!personal.user_agent.empty()) json.set("user_agent", personal.user_agent);
    if (!personal.fields.empty()) json.set("personal", to_json(personal.fields));
    return json.dump();
}

Personal read_personal(std::string_view text) {
    auto const json = encoding::parse_json(text, {.bytes = 1024 * 1024, .depth = 4});
    if (!json.ok()) return {};
    return {json.value().string_at("address").value_or(""), json.value().string_at("user_agent").value_or(""),
            from_json(json.value().find("personal"))};
}

}  // namespace zephyr::audit
