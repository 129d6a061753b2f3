#include "zephyr/audit/personal_data.h"

#include "audit/stored.h"

namespace zephyr::audit {

using encoding::Json;

std::vector<privacy::TableClaim> AuditPersonalData::claims() const {
    return {{"audit_event",
             // Ids of people give way to pseudonyms; what is personal in the body can't be read without the keys.
             {"actor_ref", "subject", "body"},
             {"sequence", "id", "time", "code", "actor_type", "outcome", "reason", "node", "log_index"}},
            // Copies of bodies on their way into the log.
            {"audit_outbox", {"body"}, {"sequence", "id", "node", "claimed"}},
            {"audit_node", {}, {"node", "epoch", "seen_at", "indexed"}},
            // Remembers for a day that somebody was erased.
            {"audit_erasure", {"person", "ref"}, {"requested_at", "done_at", "waiting"}},
            // Stays while a case needs it (GDPR 17(3)(e)), and goes when the hold is released.
            {"audit_hold", {"person", "reason"}, {"id", "case_name", "from_time", "until_time", "placed_at"}},
            {"audit_subject", {"person", "ref", "created_at"}, {}},
            {"audit_subject_key", {"ref", "secret"}, {"id", "class", "ends_at"}}};
}

namespace {

Json to_json(Fields const& fields) {
    auto out = Json::object();
    for (auto const& [name, value] : fields) out.set(name, value);
    return out;
}

Json to_json(StoredEvent const& event, UserId const& user) {
    auto out = Json::object();
    out.set("time", to_rfc3339(event.time));
    out.set("event", event.name);
    out.set("outcome", outcome_name(event.outcome));
    if (!event.reason.empty()) out.set("reason", event.reason);
    // The address of somebody else who changed this account is theirs, not this person's.
    bool const own = event.actor.type != Actor::Type::user || event.actor.ref == user.str();
    if (own && !event.address.empty()) out.set("address", event.address);
    if (own && !event.user_agent.empty()) out.set("user_agent", event.user_agent);
    if (!event.details.empty()) out.set("details", to_json(event.details));
    if (!event.personal.empty()) out.set("personal", to_json(event.personal));
    return out;
}

}  // namespace

Json AuditPersonalData::export_for(storage::Transaction& tx, UserId const& user) {
    auto out = Json::array();
    Query query{.subject = user, .limit = 1000};
    for (;;) {
        auto const page = log_.query(tx, query);
        for (auto const& event : page) out.push(to_json(event, user));
        if (page.size() < query.limit) return out;
        query.before_sequence = page.back().sequence;
    }
}

void AuditPersonalData::erase(storage::Transaction& tx, UserId const& user) { log_.erase_personal(tx, user); }

}  // namespace zephyr::audit
