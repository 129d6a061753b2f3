#include "zephyr/forward/personal_data.h"

namespace zephyr::forward {

using encoding::Json;

std::vector<privacy::TableClaim> ForwardPersonalData::claims() const {
    return {{.table = "forward_session",
             .personal = {"ref", "session_ref", "user_id", "host", "created_at", "expires_at"},
             .not_personal = {"token_hash"}},
            // Lives for a minute; the page somebody is on the way to is sealed.
            {.table = "forward_ticket",
             .personal = {"session_ref", "user_id", "origin", "return_to", "expires_at"},
             .not_personal = {"id", "token_hash", "state_hash"}}};
}

Json ForwardPersonalData::export_for(storage::Transaction& tx, UserId const& user) {
    Json hosts = Json::array();
    for (auto const& row : tx.rows("SELECT ref, session_ref, host, created_at, expires_at FROM forward_session WHERE user_id = $1 "
                                   "ORDER BY created_at, ref",
                                   user.str())) {
        hosts.push(Json::object({{"id", row.text(0)},
                                 {"session", row.text(1)},
                                 {"host", row.text(2)},
                                 {"signed_in", to_rfc3339(row.time(3))},
                                 {"ends", to_rfc3339(row.time(4))}}));
    }
    Json tickets = Json::array();
    for (auto const& row :
         tx.rows("SELECT session_ref, origin, expires_at FROM forward_ticket WHERE user_id = $1 ORDER BY expires_at, id", user.str())) {
        tickets.push(Json::object({{"session", row.text(0)},
                                   {"host", row.text(1)},
                                   {"ends", to_rfc3339(row.time(2))},
                                   {"page", "sealed; gone within a minute"}}));
    }
    return Json::object({{"hosts", std::move(hosts)}, {"tickets", std::move(tickets)}});
}

void ForwardPersonalData::erase(storage::Transaction& tx, UserId const& user) {
    for (auto const& row : tx.rows("DELETE FROM forward_session WHERE user_id = $1 RETURNING ref", user.str())) {
        tx.announce("forward", row.text(0));
    }
    tx.run("DELETE FROM forward_ticket WHERE user_id = $1", user.str());
}

}  // namespace zephyr::forward
