// Audit events as the lines of a page: names in the place of ids.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/pages/admin_pages.h"
#include "zephyr/users/user_service.h"

namespace zephyr::routes {

std::string_view outcome_word(audit::Outcome outcome);
std::string_view actor_word(audit::Actor::Type type);

// Looks each name up once. An erased person has none.
class EventRows {
public:
    explicit EventRows(users::UserService const& users) : users_{users} {}
    std::vector<pages::EventRow> rows(std::vector<audit::StoredEvent> const& events);

private:
    std::string name_of(std::string const& user_id);

    users::UserService const& users_;
    std::map<std::string, std::string> names_;
};

}  // namespace zephyr::routes
