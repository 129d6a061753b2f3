// Groups of people, nested.
//
// Owns: tables user_group, group_member, group_child. Emits: groups.created, groups.renamed, groups.deleted,
// groups.member_added, groups.member_removed, groups.nested, groups.unnested, groups.change_refused.
// Announces (storage/database.h): "groups", whenever a group or who is in it changed.
// Not here: what a group may do (room rbac).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"
#include "zephyr/storage/database.h"
#include "zephyr/users/access_rules.h"
#include "zephyr/users/user_service.h"

namespace zephyr::users {

namespace group_errors {
inline constexpr Failure not_found{Kind::not_found, "groups.not_found"};
inline constexpr Failure name_taken{Kind::conflict, "groups.name_taken"};
inline constexpr Failure name_malformed{Kind::invalid, "groups.name_malformed"};
// The child already contains the parent, or is the parent.
inline constexpr Failure cycle{Kind::conflict, "groups.cycle"};
inline constexpr Failure too_deep{Kind::invalid, "groups.too_deep"};
inline constexpr Failure cursor_malformed{Kind::invalid, "groups.cursor_malformed"};
}  // namespace group_errors

// Longest chain of groups, both ends counted.
inline constexpr int max_group_depth = 16;

struct Group {
    GroupId id;
    std::string name;            // as typed
    std::string canonical_name;  // what lookups use
    TimePoint created_at;
    TimePoint updated_at;
    std::int64_t version = 1;
};

struct GroupQuery {
    std::string after = {};
    std::size_t limit = 50;  // 1 to 200
    std::optional<std::string> prefix = std::nullopt;
};
struct GroupList {
    std::vector<Group> groups;  // by canonical name
    std::optional<std::string> next;
};
struct MemberList {
    std::vector<User> users;  // by id
    std::optional<std::string> next;
};

class GroupService {
public:
    GroupService(storage::Database&, audit::AuditLog&, Clock const&, Random&);

    // Names: 1 to 64 code points, blanks inside become one each; two spellings are one name. Fails with
    // name_malformed, name_taken.
    Result<Group> create(std::string_view name, audit::Actor const&, audit::Origin const& = {});
    Result<Group> find(GroupId const&) const;
    Result<Group> find(storage::Transaction&, GroupId const&) const;
    Result<Group> find_by_name(std::string_view name) const;
    Result<GroupList> list(GroupQuery const&) const;
    Result<Group> rename(GroupId const&, std::string_view name, audit::Actor const&, audit::Origin const& = {});
    // Members lose what the group gave them; child groups stay, as groups of their own.
    Result<void> remove(GroupId const&, audit::Actor const&, audit::Origin const& = {});

    // Adding twice or removing what is not there succeeds and changes nothing. Fails with users.not_found,
    // groups.not_found, rbac.above_actor, rbac.last_admin.
    Result<void> add_member(GroupId const&, UserId const&, audit::Actor const&, audit::Origin const& = {});
    Result<void> remove_member(GroupId const&, UserId const&, audit::Actor const&, audit::Origin const& = {});
    // Members of the child become members of the parent. Fails with cycle, too_deep and as above.
    Result<void> add_group(GroupId const& parent, GroupId const& child, audit::Actor const&,
                           audit::Origin const& = {});
    Result<void> remove_group(GroupId const& parent, GroupId const& child, audit::Actor const&,
                              audit::Origin const& = {});

    // Direct members, and direct children.
    Result<MemberList> members(GroupId const&, std::string const& after = {}, std::size_t limit = 50) const;
    std::vector<Group> children(GroupId const&) const;

    // Every group the person is in, through nesting too, sorted by id.
    std::vector<GroupId> groups_of(UserId const&) const;
    std::vector<GroupId> groups_of(storage::Transaction&, UserId const&) const;
    // Their names, in the order of their canonical names; one statement.
    std::vector<std::string> names_of(UserId const&) const;
    // One step of membership: the person or the group `from` is directly in `into`.
    struct Step {
        std::optional<GroupId> from;  // absent: the person
        GroupId into;
    };
    // All steps from the person upwards, nearest first: for explanations.
    std::vector<Step> membership_steps(storage::Transaction&, UserId const&) const;
    // The group and all groups that contain it.
    std::vector<GroupId> with_parents(storage::Transaction&, GroupId const&) const;
    // Is anybody in these groups, through nesting too, active now?
    bool any_active_member(storage::Transaction&, std::vector<GroupId> const&, UserService::Lasting) const;

    // Once, while wiring. The rules must outlive this object.
    void use_rules(AccessRules& rules) { rules_ = &rules; }

private:
    struct Change;
    Result<void> change(Change const&, audit::Actor const&, audit::Origin const&);

    storage::Database& database_;
    audit::AuditLog& audit_;
    Clock const& clock_;
    Random& random_;
    AccessRules* rules_ = nullptr;
};

}  // namespace zephyr::users
