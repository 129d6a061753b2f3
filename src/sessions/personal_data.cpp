#include "zephyr/sessions/personal_data.h"

namespace zephyr::sessions {

using encoding::Json;

std::vector<privacy::TableClaim> SessionsPersonalData::claims() const {
    return {{.table = "session",
             .personal = {"ref", "user_id", "pending", "factors", "created_at", "last_seen_at", "expires_at", "remembered", "sealed"},
             .not_personal = {"token_hash"}}};
}

Json SessionsPersonalData::export_for(storage::Transaction&, UserId const& user) {
    Json sessions = Json::array();
    for (auto const& session : store_.list(user)) {
        Json factors = Json::array();
        for (auto const& factor : session.factors) {
            factors.push(Json::object({{"factor", factor.name}, {"at", to_rfc3339(factor.at)}}));
        }
        sessions.push(Json::object({{"session", session.ref.str()},
                                    {"started", to_rfc3339(session.created_at)},
                                    {"last_seen", to_rfc3339(session.last_seen_at)},
                                    {"ends", to_rfc3339(session.expires_at)},
                                    {"remembered", session.remembered},
                                    {"waiting_for", session.pending},
                                    {"address", session.address},
                                    {"user_agent", session.user_agent},
                                    {"factors", std::move(factors)}}));
    }
    return sessions;
}

void SessionsPersonalData::erase(storage::Transaction&, UserId const& user) { store_.erase_user(user, std::nullopt); }

}  // namespace zephyr::sessions
