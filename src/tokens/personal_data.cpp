#include "zephyr/tokens/personal_data.h"

namespace zephyr::tokens {

using encoding::Json;

std::vector<privacy::TableClaim> TokensPersonalData::claims() const {
    return {{.table = "refresh_token",
             .personal = {"session_ref", "user_id", "previous_used_at", "issued_at", "expires_at"},
             .not_personal = {"family", "session_hash", "token_hash", "previous_hash", "successor", "older"}},
            {.table = "signing_key",
             .personal = {},
             .not_personal = {"kid", "algorithm", "state", "secret", "public_jwk", "created_at", "activated_at", "retired_at",
                              "revoked_at"}}};
}

Json TokensPersonalData::export_for(storage::Transaction& tx, UserId const& user) {
    Json tokens = Json::array();
    for (auto const& row : tx.rows("SELECT session_ref, issued_at, previous_used_at, expires_at FROM refresh_token WHERE user_id = $1 "
                                   "ORDER BY issued_at, session_ref",
                                   user.str())) {
        auto const used = row.optional_time(2);
        tokens.push(Json::object({{"kind", "refresh token"},
                                  {"session", row.text(0)},
                                  {"issued", to_rfc3339(row.time(1))},
                                  {"last_refreshed", used ? Json{to_rfc3339(*used)} : Json{}},
                                  {"ends", to_rfc3339(row.time(3))}}));
    }
    return tokens;
}

void TokensPersonalData::erase(storage::Transaction& tx, UserId const& user) {
    tx.run("DELETE FROM refresh_token WHERE user_id = $1", user.str());
}

}  // namespace zephyr::tokens
