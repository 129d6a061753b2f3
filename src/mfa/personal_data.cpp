#include "zephyr/mfa/personal_data.h"

#include "mfa/totp_tables.h"

namespace zephyr::mfa {

using encoding::Json;

std::vector<privacy::TableClaim> MfaPersonalData::claims() const {
    return {{.table = "totp_device",
             .personal = {"id", "user_id", "name", "secret", "state", "session_ref", "confirm_failures", "last_step",
                          "created_at", "confirmed_at", "last_used_at"},
             .not_personal = {"algorithm", "digits", "period_seconds"}},
            {.table = "mfa_attempt", .personal = {"user_id", "failures", "blocked_until"}, .not_personal = {}},
            {.table = "mfa_challenge",
             .personal = {"session_ref", "user_id", "failures", "created_at"},
             .not_personal = {}}};
}

Json MfaPersonalData::export_for(storage::Transaction& tx, UserId const& user) {
    Json devices = Json::array();
    for (auto const& device : totp_tables::confirmed(tx, user)) {
        Json one = Json::object({{"name", device.name},
                                 {"kind", "authenticator app"},
                                 {"secret", "kept encrypted; known to the app that holds it"},
                                 {"added", to_rfc3339(device.confirmed_at.value_or(device.created_at))}});
        if (device.last_used_at) one.set("last_used", to_rfc3339(*device.last_used_at));
        devices.push(std::move(one));
    }
    return Json::object(
        {{"devices", std::move(devices)}, {"wrong_codes_in_a_row", totp_tables::account_attempts(tx, user).failures}});
}

void MfaPersonalData::erase(storage::Transaction& tx, UserId const& user) {
    totp_tables::erase(tx, user);
}

}  // namespace zephyr::mfa
