// Accounts: names, states, profiles.
//
// Owns: table app_user. Emits: users.created, users.updated, users.state_changed, users.deleted, users.exported,
// users.change_refused.
// Not here: passwords, factors, sessions, roles; groups are in group_service.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/encoding/json.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"
#include "zephyr/privacy/eraser.h"
#include "zephyr/storage/database.h"
#include "zephyr/users/access_rules.h"
#include "zephyr/users/user.h"

namespace zephyr::users {

struct NewUser {
    std::string username;
    std::optional<std::string> email = std::nullopt;
    std::string display_name = {};  // empty: the username
    UserState state = UserState::active;
    std::optional<TimePoint> expires_at = std::nullopt;
};

// What to change; absent fields stay.
struct ProfileChange {
    std::optional<std::string> username = std::nullopt;
    std::optional<std::string> email = std::nullopt;  // empty text: no e-mail any more
    std::optional<std::string> display_name = std::nullopt;
    std::optional<std::int64_t> expected_version = std::nullopt;  // refuse with version_changed if it is another
};

struct UserQuery {
    std::string after = {};                           // UserList::next of the page before
    std::size_t limit = 50;                           // 1 to 200
    std::optional<std::string> prefix = std::nullopt;  // of the username or the e-mail, in any spelling
    std::optional<UserState> state = std::nullopt;     // effective
};

struct UserList {
    std::vector<User> users;  // by canonical username; with a prefix, those found by e-mail come after the others
    std::optional<std::string> next;
};

// Whether create() would take these names, apart from whether they are free: name_malformed, email_malformed,
// display_name_malformed.
Result<void> check_new(NewUser const&);

class UserService {
public:
    UserService(storage::Database&, audit::AuditLog&, Clock const&, Random&);

    // Fails with name_malformed, email_malformed, display_name_malformed, name_taken, email_taken. A username with an
    // '@' must be the account's own e-mail, in any spelling, so that the two kinds of names can never collide.
    Result<User> create(NewUser const&, audit::Actor const&, audit::Origin const& = {});
    // The same inside a transaction of the caller's, for changes that come together (set-up, registration).
    Result<User> create(storage::Transaction&, NewUser const&, audit::Actor const&, audit::Origin const& = {});

    Result<User> find(UserId const&) const;
    Result<User> find(storage::Transaction&, UserId const&) const;
    // By username or e-mail, in any spelling. Text that can be no name is not_found, as an unknown one is.
    Result<User> find_by_login(std::string_view username_or_email) const;
    // Fails with cursor_malformed.
    Result<UserList> list(UserQuery const&) const;

    // Changes. With access rules in use, an actor who holds less than the account is refused with rbac.above_actor.

    Result<User> update_profile(UserId const&, ProfileChange const&, audit::Actor const&, audit::Origin const& = {});
    // The address was proved: by a link sent to exactly this one, in canonical spelling. Fails with email_changed when the account has
    // another by now. The event is the caller's, who knows what proved it.
    Result<void> mark_email_verified(storage::Transaction&, UserId const&, std::string_view canonical_email);
    // Setting `locked` here locks until somebody unlocks. Fails with not_found, or rbac.last_admin.
    Result<void> set_state(UserId const&, UserState, audit::Actor const&, audit::Origin const& = {},
                           std::string const& reason = {});
    // Locks until `until`; longer or shorter than a temporary lock in place. An account that is closed in another way
    // stays as it is.
    Result<void> lock_until(UserId const&, TimePoint until, audit::Actor const&, audit::Origin const& = {},
                            std::string const& reason = {});
    Result<void> set_expiry(UserId const&, std::optional<TimePoint> expires_at, audit::Actor const&,
                            audit::Origin const& = {});
    // Erases everything `data` holds about the person, the account last, in one transaction. The id is never reused.
    // A `reason` is kept if it is a stable word (a-z 0-9 . _ -). Fails with not_found, or rbac.last_admin.
    Result<void> remove(UserId const&, privacy::PersonalData const& data, audit::Actor const&,
                        audit::Origin const& = {}, std::string const& reason = {});

    // Everything `data` holds about the person, and the event that somebody asked for it. Fails with not_found, or
    // rbac.above_actor.
    Result<encoding::Json> export_data(UserId const&, privacy::PersonalData const& data, audit::Actor const&,
                                       audit::Origin const& = {});

    // Is one of these active now? With Lasting::for_good an account with an end date does not count.
    enum class Lasting { now, for_good };
    bool any_active(storage::Transaction&, std::vector<UserId> const&, Lasting) const;
    // How many accounts there are, up to `at_most`: never counts a whole table.
    std::int64_t count(std::int64_t at_most) const;

    // Once, while wiring. The rules must outlive this object.
    void use_rules(AccessRules& rules) { rules_ = &rules; }

private:
    struct Change;
    Result<User> change(UserId const&, Change const&, audit::Actor const&, audit::Origin const&);

    storage::Database& database_;
    audit::AuditLog& audit_;
    Clock const& clock_;
    Random& random_;
    AccessRules* rules_ = nullptr;
};

}  // namespace zephyr::users
