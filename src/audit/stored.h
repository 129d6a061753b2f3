// How an event stands in the table: words for enums, and the form of the sealed column.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/crypto/keyring.h"

namespace zephyr::audit {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string_view actor_type_name(Actor::Type type);
Actor::Type parse_actor_type(std::string_view name);
std::string_view outcome_name(Outcome outcome);
Outcome parse_outcome(std::string_view name);

// A JSON object in the order given. Throws Fault for a name that occurs twice.
std::string write_fields(Fields const& fields);
Fields read_fields(std::string_view json);

// What goes into the column `sealed`.
struct Personal {
    std::string address;
    std::string user_agent;
    Fields fields;

    bool empty() const { return address.empty() && user_agent.empty() && fields.empty(); }
};
Bytes seal_personal(crypto::Sealer const& sealer, std::string_view event_id, Personal const& personal);
// Nothing readable is nothing: a lost key must not make the rest of the log unreadable.
Personal open_personal(crypto::Sealer const& sealer, std::string_view event_id, ByteView sealed);

}  // namespace zephyr::audit
