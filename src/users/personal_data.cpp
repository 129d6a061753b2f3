#include "zephyr/users/personal_data.h"

#include "users/rows.h"

namespace zephyr::users {

using encoding::Json;

std::vector<privacy::TableClaim> UsersPersonalData::claims() const {
    return {
        {"app_user",
         {"username", "canonical_username", "email", "canonical_email", "display_name", "state", "expires_at", "locked_until",
          "created_at", "updated_at", "email_verified_at"},
         {"id", "version"}},
        {"group_member", {"group_id", "user_id", "added_at"}, {}},
        // Groups are named by administrators, for purposes, not people.
        {"user_group", {}, {"id", "name", "canonical_name", "created_at", "updated_at", "version"}},
        {"group_child", {}, {"parent_id", "child_id"}},
    };
}

Json UsersPersonalData::export_for(storage::Transaction& tx, UserId const& id) {
    auto out = Json::object();
    auto const row = tx.row("SELECT " + std::string{user_columns} + " FROM app_user WHERE id = $1", id.str());
    if (!row) return out;
    auto const user = read_user(*row);
    out.set("id", user.id.str());
    out.set("username", user.username);
    if (user.email) out.set("email", *user.email);
    if (user.email_verified_at) out.set("email_verified_at", to_rfc3339(*user.email_verified_at));
    out.set("display_name", user.display_name);
    out.set("state", state_name(user.state));
    if (user.expires_at) out.set("expires_at", to_rfc3339(*user.expires_at));
    if (user.locked_until) out.set("locked_until", to_rfc3339(*user.locked_until));
    out.set("created_at", to_rfc3339(user.created_at));
    out.set("updated_at", to_rfc3339(user.updated_at));
    auto groups = Json::array();
    for (auto const& group : tx.rows("SELECT user_group.name, group_member.added_at FROM group_member"
                                     " JOIN user_group ON user_group.id = group_member.group_id"
                                     " WHERE group_member.user_id = $1 ORDER BY user_group.canonical_name",
                                     id.str())) {
        groups.push(Json::object({{"name", group.text(0)}, {"added_at", to_rfc3339(group.time(1))}}));
    }
    out.set("groups", std::move(groups));
    return out;
}

void UsersPersonalData::erase(storage::Transaction& tx, UserId const& id) {
    tx.run("DELETE FROM group_member WHERE user_id = $1", id.str());
    tx.run("DELETE FROM app_user WHERE id = $1", id.str());
    tx.announce("user", id.str());
}

}  // namespace zephyr::users
