// Who may do what: roles, what they include, and who holds them. What nobody granted is refused.
//
// Owns: tables role, role_include, role_permission, role_assignment, rbac_version. Emits: rbac.role_created,
// rbac.role_changed, rbac.role_deleted, rbac.granted, rbac.revoked, rbac.change_refused.
// Not here: the question a route asks (guards), groups (room users).
//
// Answers come from memory: an immutable snapshot of the role graph, and a bounded cache of what people hold, both
// tied to version rows that every change moves. A change is effective in this process when it is acknowledged, and within
// RoleSettings::version_check on other nodes; an expiry is effective at its millisecond everywhere.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/rbac/role.h"
#include "zephyr/storage/database.h"
#include "zephyr/users/access_rules.h"
#include "zephyr/users/group_service.h"
#include "zephyr/users/user_service.h"

namespace zephyr::rbac {

struct RoleSettings {
    // How long another node's change may go unseen on PostgreSQL. 0: look at each question. On SQLite, whose file one
    // process owns, nothing goes unseen and nothing is asked.
    std::chrono::milliseconds version_check = 1s;
    std::size_t cached_users = 20'000;
};

// The people and groups that roles are given to.
struct Directory {
    users::UserService& users;
    users::GroupService& groups;
};

class RoleService final : public users::AccessRules {
public:
    // Registers itself as the access rules of both services of the directory.
    RoleService(storage::Database&, audit::AuditLog&, Clock const&, Directory, RoleSettings = {});
    ~RoleService() override;
    RoleService(RoleService const&) = delete;
    RoleService& operator=(RoleService const&) = delete;

    // --- Questions.

    // What the person holds now. Nothing for a person who is unknown or not active. Not for use inside a write: the
    // answer would be remembered even if that rolled back.
    EffectiveRoles effective(UserId const&) const;
    // The same without a copy; valid for this moment only.
    std::shared_ptr<EffectiveRoles const> effective_now(UserId const&) const;
    // Would effective_now() answer without a question to the database?
    bool remembers(UserId const&) const;
    // Fail with rbac.denied.
    Result<void> require_role(UserId const&, std::string_view role) const;
    Result<void> require_permission(UserId const&, std::string_view permission) const;
    // May the actor change this person's account, password or factors? Fails with rbac.above_actor when the person holds
    // more than the actor: else whoever may reset passwords could become an admin. Operators and the system may, and
    // everybody their own. UserService asks by itself; whoever changes credentials of somebody else must ask here.
    Result<void> require_not_above(audit::Actor const&, UserId const& target) const;

    Explanation explain_role(UserId const&, std::string_view role) const;
    Explanation explain_permission(UserId const&, std::string_view permission) const;

    // --- Roles. Whoever changes one must hold all of it, before and after, its name too: nobody grants above
    // themselves. "*" holds everything. An actor of type operator_cli or system is exempt (and audited as such);
    // anonymous may nothing. An operator may also take the last admin away.

    Result<Role> create(NewRole const&, audit::Actor const&, audit::Origin const& = {});
    Result<Role> find(std::string_view name) const;
    std::vector<Role> list(std::string_view after = {}, std::size_t limit = 100) const;  // by name; at most 200
    Result<void> describe(std::string_view role, std::string_view description, audit::Actor const&,
                          audit::Origin const& = {});
    Result<void> remove(std::string_view role, audit::Actor const&, audit::Origin const& = {});
    Result<void> add_permission(std::string_view role, std::string_view pattern, audit::Actor const&,
                                audit::Origin const& = {});
    Result<void> remove_permission(std::string_view role, std::string_view pattern, audit::Actor const&,
                                   audit::Origin const& = {});
    // Whoever holds `role` then holds `included` too. Fails with cycle, too_deep.
    Result<void> include(std::string_view role, std::string_view included, audit::Actor const&,
                         audit::Origin const& = {});
    Result<void> exclude(std::string_view role, std::string_view included, audit::Actor const&,
                         audit::Origin const& = {});

    // --- Assignments. Granting again replaces the expiry; nobody extends their own beyond what they hold. Fail with users.not_found, groups.not_found,
    // role_not_found, above_actor, expiry_past, last_admin.

    Result<void> grant(Subject const&, std::string_view role, std::optional<TimePoint> expires_at, audit::Actor const&,
                       audit::Origin const& = {});
    Result<void> grant(Subject const& subject, std::string_view role, audit::Actor const& actor,
                       audit::Origin const& origin = {}) {
        return grant(subject, role, std::nullopt, actor, origin);
    }
    Result<void> revoke(Subject const&, std::string_view role, audit::Actor const&, audit::Origin const& = {});
    // Expired ones too.
    std::vector<Assignment> assignments_of(Subject const&) const;
    std::vector<Assignment> holders(std::string_view role, std::size_t limit = 200) const;
    // Is there an active person who holds `admin`? For the first set-up.
    bool has_admin() const;
    bool has_admin(storage::Transaction&) const;

    // Deletes assignments that ran out before `before`, at most `limit` of them.
    std::int64_t purge_expired(TimePoint before, std::size_t limit = 500);

    // --- users::AccessRules
    Result<void> around(storage::Transaction&, audit::Actor const&,
                        std::function<Result<void>()> const& change) override;
    Result<void> may_change(storage::Transaction&, audit::Actor const&, UserId const&) override;
    Result<void> may_join(storage::Transaction&, audit::Actor const&, GroupId const&) override;
    void changed(storage::Transaction&) override;
    void group_removed(storage::Transaction&, GroupId const&) override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::rbac
