// Words for enums as they stand in the log and its table, and the form of a sealed part.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/audit/codes.h"
#include "zephyr/audit/event.h"
#include "zephyr/foundation/bytes.h"

namespace zephyr::audit {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string_view actor_type_name(Actor::Type type);
std::optional<Actor::Type> find_actor_type(std::string_view name);
std::string_view outcome_name(Outcome outcome);
std::optional<Outcome> find_outcome(std::string_view name);
std::optional<RetentionClass> find_retention(std::string_view name);

// What a sealed part says about one person.
struct Personal {
    std::string address;
    std::string user_agent;
    Fields fields;

    bool empty() const { return address.empty() && user_agent.empty() && fields.empty(); }
};
std::string write_personal(Personal const& personal);
// Nothing readable is nothing: damage to one part must not make the rest of the log unreadable.
Personal read_personal(std::string_view json);

}  // namespace zephyr::audit
