#include "zephyr/rbac/role_service.h"

#include <algorithm>

#include "rbac/state.h"

namespace zephyr::rbac {

RoleService::RoleService(storage::Database& database, audit::AuditLog& audit, Clock const& clock, Directory directory,
                         RoleSettings settings)
    : state_{std::make_unique<State>(database, audit, clock, directory, settings)} {
    // Here, so that no wiring can forget it: without the rules, a group would be a way around them.
    directory.users.use_rules(*this);
    directory.groups.use_rules(*this);
}

RoleService::~RoleService() = default;

EffectiveRoles RoleService::effective(UserId const& user) const { return *state_->effective(user); }

std::shared_ptr<EffectiveRoles const> RoleService::effective_now(UserId const& user) const { return state_->effective(user); }

bool RoleService::remembers(UserId const& user) const { return state_->remembers(user); }

Result<void> RoleService::require_role(UserId const& user, std::string_view role) const {
    if (state_->effective(user)->has_role(role)) return success();
    return Error{errors::denied, "does not hold the role " + std::string{role}};
}

Result<void> RoleService::require_permission(UserId const& user, std::string_view permission) const {
    if (state_->effective(user)->allows(permission)) return success();
    return Error{errors::denied, "does not hold the permission " + std::string{permission}};
}

Result<void> RoleService::require_not_above(audit::Actor const& actor, UserId const& target) const {
    return state_->database.read([&](storage::Transaction& tx) { return state_->check_not_above(tx, actor, target); });
}

bool RoleService::has_admin() const {
    return state_->database.read([&](storage::Transaction& tx) { return has_admin(tx); });
}

bool RoleService::has_admin(storage::Transaction& tx) const { return state_->has_admin(tx, users::UserService::Lasting::now); }

namespace {

Role read_role(storage::Transaction& tx, storage::Row const& row) {
    Role role{.name = row.text(0), .description = row.text(1), .built_in = row.flag(2), .created_at = row.time(3)};
    for (auto const& found : tx.rows("SELECT permission FROM role_permission WHERE role = $1 ORDER BY permission", role.name)) {
        role.permissions.push_back(found.text(0));
    }
    for (auto const& found : tx.rows("SELECT included FROM role_include WHERE role = $1 ORDER BY included", role.name)) {
        role.includes.push_back(found.text(0));
    }
    return role;
}

Assignment read_assignment(storage::Row const& row) {
    return {{row.text(0) == "user" ? Subject::Type::user : Subject::Type::group, row.text(1)},
            row.text(2),
            row.text(3),
            row.time(4),
            row.optional_time(5)};
}

constexpr std::string_view assignment_columns = "subject_type, subject_id, role, granted_by, granted_at, expires_at";

}  // namespace

Result<Role> RoleService::find(std::string_view name) const {
    return state_->database.read([&](storage::Transaction& tx) -> Result<Role> {
        auto const row = tx.row("SELECT name, description, built_in, created_at FROM role WHERE name = $1", name);
        if (!row) return errors::role_not_found;
        return read_role(tx, *row);
    });
}

std::vector<Role> RoleService::list(std::string_view after, std::size_t limit) const {
    return state_->database.read([&](storage::Transaction& tx) {
        std::vector<Role> out;
        for (auto const& row :
             tx.rows("SELECT name, description, built_in, created_at FROM role WHERE name > $1 ORDER BY name LIMIT $2", after,
                     static_cast<std::int64_t>(std::clamp<std::size_t>(limit, 1, 200)))) {
            out.push_back(read_role(tx, row));
        }
        return out;
    });
}

std::vector<Assignment> RoleService::assignments_of(Subject const& subject) const {
    return state_->database.read([&](storage::Transaction& tx) {
        std::vector<Assignment> out;
        for (auto const& row : tx.rows("SELECT " + std::string{assignment_columns} +
                                           " FROM role_assignment WHERE subject_type = $1 AND subject_id = $2 ORDER BY role",
                                       subject.type == Subject::Type::user ? "user" : "group", subject.id)) {
            out.push_back(read_assignment(row));
        }
        return out;
    });
}

std::vector<Assignment> RoleService::holders(std::string_view role, std::size_t limit) const {
    return state_->database.read([&](storage::Transaction& tx) {
        std::vector<Assignment> out;
        for (auto const& row : tx.rows("SELECT " + std::string{assignment_columns} +
                                           " FROM role_assignment WHERE role = $1 ORDER BY subject_type, subject_id LIMIT $2",
                                       role, static_cast<std::int64_t>(std::clamp<std::size_t>(limit, 1, 1000)))) {
            out.push_back(read_assignment(row));
        }
        return out;
    });
}

}  // namespace zephyr::rbac
