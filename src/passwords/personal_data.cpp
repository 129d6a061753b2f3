#include "zephyr/passwords/personal_data.h"

#include "passwords/credential_table.h"

namespace zephyr::passwords {

using encoding::Json;

std::vector<privacy::TableClaim> PasswordsPersonalData::claims() const {
    return {{.table = "password_credential",
             .personal = {"user_id", "phc", "full_length", "must_change", "failures", "throttled_until", "changed_at"},
             .not_personal = {"scheme", "pepper_key_id"}},
            {.table = "password_lane",
             .personal = {"user_id", "lane", "failures", "throttled_until", "counted_at"},
             .not_personal = {}}};
}

Json PasswordsPersonalData::export_for(storage::Transaction& tx, UserId const& user) {
    auto const credential = credential_table::find_worst(tx, user);
    if (!credential) return Json{};
    return Json::object({{"password", "kept as a salted Argon2id hash that cannot be turned back"},
                         {"changed", to_rfc3339(credential->changed_at)},
                         {"must_change", credential->must_change},
                         {"long_enough_to_stand_alone", credential->full_length},
                         {"failed_attempts_in_a_row", credential->failures}});
}

void PasswordsPersonalData::erase(storage::Transaction& tx, UserId const& user) {
    credential_table::remove(tx, user);  // its lanes too
}

}  // namespace zephyr::passwords
