// Roles and permissions: the values, and the rules that need no table.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/result.h"

namespace zephyr::rbac {

namespace errors {
// The answer of require_role and require_permission.
inline constexpr Failure denied{Kind::denied, "rbac.denied"};
inline constexpr Failure role_not_found{Kind::not_found, "rbac.role_not_found"};
inline constexpr Failure role_taken{Kind::conflict, "rbac.role_taken"};
inline constexpr Failure role_malformed{Kind::invalid, "rbac.role_malformed"};
inline constexpr Failure permission_malformed{Kind::invalid, "rbac.permission_malformed"};
inline constexpr Failure cycle{Kind::conflict, "rbac.cycle"};
inline constexpr Failure too_deep{Kind::invalid, "rbac.too_deep"};
// The actor does not hold everything that the change hands out or touches.
inline constexpr Failure above_actor{Kind::denied, "rbac.above_actor"};
// The change would leave nobody who can administer the system.
inline constexpr Failure last_admin{Kind::conflict, "rbac.last_admin"};
// A role that came with the product keeps its name and permissions.
inline constexpr Failure built_in{Kind::denied, "rbac.built_in"};
inline constexpr Failure expiry_past{Kind::invalid, "rbac.expiry_past"};
inline constexpr Failure too_many{Kind::invalid, "rbac.too_many"};
}  // namespace errors

inline constexpr std::string_view admin_role = "admin";      // permission "*"
inline constexpr std::string_view auditor_role = "auditor";  // permission "audit.read"

inline constexpr std::size_t max_permissions_per_role = 1000;
inline constexpr std::size_t max_includes_per_role = 1000;
// Longest chain of included roles, both ends counted.
inline constexpr int max_role_depth = 32;

// 1 to 64 of a-z 0-9 . _ - starting with a letter or digit. Names are what they are: "Admin" is malformed, no alias.
bool is_role_name(std::string_view name);
// Words of a-z 0-9 _ - joined by dots, at most 128 bytes: "users.read".
bool is_permission(std::string_view text);
// A permission, "*", or a permission with ".*" behind it.
bool is_permission_pattern(std::string_view text);
// Does the held pattern include all of `wanted` (a permission or a pattern)? "users.*" covers "users.read" and
// "users.read.*", but not "users" and not "usersX.read".
bool covers(std::string_view held, std::string_view wanted);

struct Role {
    std::string name;
    std::string description = {};
    bool built_in = false;
    std::vector<std::string> permissions = {};  // sorted, its own
    std::vector<std::string> includes = {};     // sorted, direct
    TimePoint created_at;
};

struct NewRole {
    std::string name;
    std::string description = {};
    std::vector<std::string> permissions = {};
    std::vector<std::string> includes = {};
};

// Who a role is given to.
struct Subject {
    enum class Type { user, group };
    Type type = Type::user;
    std::string id;

    static Subject user(UserId const& id) { return {Type::user, id.str()}; }
    static Subject group(GroupId const& id) { return {Type::group, id.str()}; }
    bool operator==(Subject const&) const = default;
};

struct Assignment {
    Subject subject;
    std::string role;
    std::string granted_by;  // a user id, "operator", "system", or empty once that person was erased
    TimePoint granted_at;
    std::optional<TimePoint> expires_at;  // not effective from this moment on
};

// What somebody holds at one moment, all inheritance worked out.
struct EffectiveRoles {
    std::vector<std::string> roles;        // sorted
    std::vector<std::string> permissions;  // sorted patterns, without those another one covers

    bool has_role(std::string_view role) const;
    // False for anything that is no plain permission.
    bool allows(std::string_view permission) const;
    // Holds everything the other does: all patterns and all roles; "*" holds everything.
    bool holds(EffectiveRoles const& other) const;
};

// Why somebody may or may not.
struct Explanation {
    struct Link {
        enum class What { user, group, role, permission };
        What what;
        std::string name;  // id of the user, name of the rest
    };
    bool allowed = false;
    std::vector<Link> chain = {};  // user → group … → role → included role … → permission; empty when refused
    std::string why = {};          // one sentence either way
};

}  // namespace zephyr::rbac
