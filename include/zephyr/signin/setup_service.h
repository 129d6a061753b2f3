// The first administrator: a one-time link, printed to the terminal of whoever started the server, and to nothing else.
//
// Owns: table setup_link. Emits: setup.link_issued, setup.admin_created, setup.link_refused.
#pragma once

#include <optional>
#include <string>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/random.h"
#include "zephyr/passwords/password_service.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/signin/errors.h"
#include "zephyr/users/user_service.h"

namespace zephyr::signin {

struct SetupRooms {
    storage::Database& database;
    users::UserService& users;
    rbac::RoleService& roles;
    passwords::PasswordService& passwords;
    audit::AuditLog& audit;
};

struct NewAdmin {
    std::string username;
    std::optional<std::string> email;
    std::string display_name;
    SecretText password;
    audit::Origin origin;
};

class SetupService {
public:
    static constexpr std::chrono::minutes lifetime{60};

    SetupService(SetupRooms rooms, Clock const& clock, Random& random) : rooms_{rooms}, clock_{clock}, random_{random} {}

    // A new link's token, in place of any earlier one; nothing once an administrator exists.
    std::optional<SecretText> issue();
    // Success while the link may be used; fails with setup_link_gone.
    Result<void> check(SecretText const& token);
    // Creates the administrator and kills the link: of many callers with one link exactly one succeeds. Fails with setup_link_gone,
    // users.*, passwords.*; the link then stays good.
    Result<users::User> complete(SecretText const& token, NewAdmin const& admin);
    // True until an administrator exists.
    bool needed() { return !rooms_.roles.has_admin(); }

private:
    SetupRooms rooms_;
    Clock const& clock_;
    Random& random_;
};

}  // namespace zephyr::signin
