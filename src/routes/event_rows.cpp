#include "zephyr/routes/event_rows.h"

namespace zephyr::routes {

std::string_view outcome_word(audit::Outcome outcome) {
    switch (outcome) {
        case audit::Outcome::success: return "success";
        case audit::Outcome::failure: return "failure";
        case audit::Outcome::denied: return "denied";
    }
    return "failure";
}

std::string_view actor_word(audit::Actor::Type type) {
    switch (type) {
        case audit::Actor::Type::user: return "user";
        case audit::Actor::Type::operator_cli: return "operator_cli";
        case audit::Actor::Type::system: return "system";
        case audit::Actor::Type::anonymous: return "anonymous";
    }
    return "anonymous";
}

std::string EventRows::name_of(std::string const& user_id) {
    auto const [known, fresh] = names_.try_emplace(user_id);
    if (fresh) {
        if (auto const user = users_.find(UserId::trusted(user_id)); user.ok()) known->second = user.value().username;
    }
    return known->second;
}

std::vector<pages::EventRow> EventRows::rows(std::vector<audit::StoredEvent> const& events) {
    std::vector<pages::EventRow> rows;
    for (auto const& event : events) {
        pages::EventRow row{.time = event.time,
                            .code = event.code,
                            .name = event.name,
                            .outcome = std::string{outcome_word(event.outcome)},
                            .reason = event.reason,
                            .actor_type = std::string{actor_word(event.actor.type)},
                            .address = event.address,
                            .details = event.details,
                            .id = event.id};
        if (event.actor.type == audit::Actor::Type::user) row.actor_name = name_of(event.actor.ref);
        if (event.subject) {
            row.subject_id = event.subject->str();
            row.subject_name = name_of(row.subject_id);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace zephyr::routes
