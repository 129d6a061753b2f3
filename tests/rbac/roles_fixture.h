// A directory with roles over in-memory SQLite, for the tests of this room.
#pragma once

#include "users/directory_fixture.h"
#include "zephyr/rbac/personal_data.h"
#include "zephyr/rbac/role_service.h"

namespace zephyr::rbac {

class RolesTest : public users::DirectoryTest {
protected:
    void role(std::string const& name, std::vector<std::string> permissions = {}, std::vector<std::string> includes = {}) {
        auto const made = roles.create({.name = name, .permissions = std::move(permissions), .includes = std::move(includes)}, by_operator);
        EXPECT_TRUE(made.ok()) << name << ": " << made.error();
    }
    void give(users::User const& user, std::string const& name, std::optional<TimePoint> expires_at = std::nullopt) {
        auto const given = roles.grant(Subject::user(user.id), name, expires_at, by_operator);
        EXPECT_TRUE(given.ok()) << given.error();
    }
    void give(users::Group const& group, std::string const& name, std::optional<TimePoint> expires_at = std::nullopt) {
        auto const given = roles.grant(Subject::group(group.id), name, expires_at, by_operator);
        EXPECT_TRUE(given.ok()) << given.error();
    }
    void join(users::Group const& group, users::User const& user) {
        auto const joined = groups.add_member(group.id, user.id, by_operator);
        EXPECT_TRUE(joined.ok()) << joined.error();
    }
    void nest(users::Group const& parent, users::Group const& child) {
        auto const nested = groups.add_group(parent.id, child.id, by_operator);
        EXPECT_TRUE(nested.ok()) << nested.error();
    }
    bool may(users::User const& user, std::string_view permission) { return roles.require_permission(user.id, permission).ok(); }
    bool is(users::User const& user, std::string_view name) { return roles.require_role(user.id, name).ok(); }
    static audit::Actor as(users::User const& user) { return audit::Actor::user(user.id); }

    RoleService roles{*database, audit, clock, {users, groups}};
    audit::AuditPersonalData audit_data{audit};
    users::UsersPersonalData users_data;
    RbacPersonalData rbac_data{roles};
    privacy::PersonalData data{{&audit_data, &users_data, &rbac_data}};
};

}  // namespace zephyr::rbac
