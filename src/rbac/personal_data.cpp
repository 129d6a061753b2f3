#include "zephyr/rbac/personal_data.h"

namespace zephyr::rbac {

using encoding::Json;

std::vector<privacy::TableClaim> RbacPersonalData::claims() const {
    return {
        {"role_assignment", {"subject_id", "role", "granted_by", "granted_at", "expires_at"}, {"subject_type"}},
        {"role", {}, {"name", "description", "built_in", "created_at"}},
        {"role_include", {}, {"role", "included"}},
        {"role_permission", {}, {"role", "permission"}},
        {"rbac_version", {}, {"kind", "version"}},
    };
}

Json RbacPersonalData::export_for(storage::Transaction& tx, UserId const& user) {
    auto held = Json::array();
    for (auto const& row : tx.rows("SELECT role, granted_at, expires_at FROM role_assignment"
                                   " WHERE subject_type = 'user' AND subject_id = $1 ORDER BY role",
                                   user.str())) {
        auto item = Json::object({{"role", row.text(0)}, {"granted_at", to_rfc3339(row.time(1))}});
        if (auto const expires_at = row.optional_time(2)) item.set("expires_at", to_rfc3339(*expires_at));
        held.push(std::move(item));
    }
    auto given = Json::array();
    // To whom is not said: that is other people's data.
    for (auto const& row :
         tx.rows("SELECT role, granted_at FROM role_assignment WHERE granted_by = $1 ORDER BY granted_at, role", user.str())) {
        given.push(Json::object({{"role", row.text(0)}, {"granted_at", to_rfc3339(row.time(1))}}));
    }
    return Json::object({{"roles", std::move(held)}, {"granted_to_others", std::move(given)}});
}

void RbacPersonalData::erase(storage::Transaction& tx, UserId const& user) {
    tx.run("DELETE FROM role_assignment WHERE subject_type = 'user' AND subject_id = $1", user.str());
    tx.run("UPDATE role_assignment SET granted_by = '' WHERE granted_by = $1", user.str());
    roles_.changed(tx);
}

}  // namespace zephyr::rbac
