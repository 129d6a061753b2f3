#include "zephyr/mfa/personal_data.h"

#include "mfa/backup_tables.h"
#include "mfa/delivered_tables.h"
#include "mfa/totp_tables.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/mfa/delivered_codes.h"

namespace zephyr::mfa {

using encoding::Json;

std::vector<privacy::TableClaim> MfaPersonalData::claims() const {
    return {{.table = "totp_device",
             .personal = {"id", "user_id", "name", "secret", "state", "session_ref", "confirm_failures", "last_step",
                          "created_at", "confirmed_at", "last_used_at"},
             .not_personal = {"algorithm", "digits", "period_seconds"}},
            {.table = "mfa_attempt", .personal = {"user_id", "lane", "failures", "blocked_until", "failed_at"}, .not_personal = {}},
            {.table = "backup_code",
             .personal = {"id", "user_id", "set_id", "selector", "secret", "created_at", "used_at"},
             .not_personal = {}},
            {.table = "mfa_channel",
             .personal = {"id", "user_id", "destination", "state", "session_ref", "created_at", "confirmed_at", "last_used_at"},
             .not_personal = {"kind"}},
            {.table = "mfa_code",
             .personal = {"id", "user_id", "session_ref", "channel_id", "code", "created_at", "expires_at", "ended_at", "used_at"},
             .not_personal = {"kind", "purpose"}},
            {.table = "mfa_sent", .personal = {"user_id", "session_ref", "destination", "sent_at"}, .not_personal = {"id", "kind", "purpose", "prefix"}},
            {.table = "mfa_cap_alert", .personal = {}, .not_personal = {"kind", "cap", "alerted_at"}},
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
    for (auto const& channel : delivered_tables::all_confirmed(tx, user)) {
        auto const opened = sealer_.open({.table = "mfa_channel", .row = channel.id.str(), .column = "destination"}, channel.destination);
        Json one = Json::object({{"kind", channel.kind == sms_kind.name ? "codes by SMS" : "codes by e-mail"},
                                 {"to", opened.ok() ? to_text(opened.value().reveal()) : "can't be opened any more"},
                                 {"added", to_rfc3339(channel.confirmed_at.value_or(channel.created_at))}});
        if (channel.last_used_at) one.set("last_used", to_rfc3339(*channel.last_used_at));
        devices.push(std::move(one));
    }
    Json codes;
    if (auto const set = backup_tables::set_of(tx, user)) {
        codes = Json::object({{"made", to_rfc3339(set->created_at)},
                              {"left", set->left},
                              {"codes", "kept as salted Argon2id hashes that cannot be turned back"}});
        if (set->last_used_at) codes.set("last_used", to_rfc3339(*set->last_used_at));
    }
    auto const wrong = tx.row("SELECT coalesce(max(failures), 0) FROM mfa_attempt WHERE user_id = $1", user.str());
    return Json::object({{"devices", std::move(devices)}, {"backup_codes", std::move(codes)}, {"wrong_codes_in_a_row", wrong ? wrong->integer(0) : 0}});
}

void MfaPersonalData::erase(storage::Transaction& tx, UserId const& user) {
    totp_tables::erase(tx, user);
    backup_tables::remove_all(tx, user);
    delivered_tables::erase(tx, user);
    tx.run("DELETE FROM mfa_attempt WHERE user_id = $1", user.str());
    tx.run("DELETE FROM mfa_challenge WHERE user_id = $1", user.str());
}

}  // namespace zephyr::mfa
