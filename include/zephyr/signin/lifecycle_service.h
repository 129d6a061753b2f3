// What operators and administrators do to somebody's account, with everything that must follow from it in one transaction.
//
// Owns: no table. Emits: user.state_changed, passwords.set, user.deleted, user.exported, mfa.reset, sessions.ended_all, break_glass.used.
#pragma once

#include <string>

#include "zephyr/privacy/eraser.h"
#include "zephyr/signin/notice_board.h"
#include "zephyr/signin/sign_in_service.h"

namespace zephyr::signin {

class LifecycleService {
public:
    LifecycleService(Rooms rooms, NoticeBoard& notices, privacy::PersonalData const& personal_data)
        : rooms_{rooms}, notices_{notices}, personal_data_{personal_data} {}

    // Each fails with rbac.above_actor when the person holds more than the actor does; disable, remove and reset_mfa with own_account
    // for the actor's own account, disable and remove with rbac.last_admin for the last one who can administer.

    // Ends every session with it.
    Result<void> disable(UserId const&, audit::Actor const&, audit::Origin const&, std::string const& reason = {});
    // Active again; clears a lock, and the failures of the password and of second factors in every lane.
    Result<void> enable(UserId const&, audit::Actor const&, audit::Origin const&, std::string const& reason = {});
    // A password they are told of; `must_change` makes them choose another at the next sign-in. Ends every session, forgets every browser,
    // clears the password's failures, and tells the person. Fails with passwords.* and a reason.
    Result<void> set_password(UserId const&, SecretText const& password, passwords::MustChange, audit::Actor const&, audit::Origin const&);
    // Erases the person everywhere.
    Result<void> remove(UserId const&, audit::Actor const&, audit::Origin const&, std::string const& reason = {});
    // Break-glass: takes every second factor away, ends every session, tells the person at the next sign-in, and makes a password too
    // short to stand alone be changed there. How many factors there were.
    Result<std::int64_t> reset_mfa(UserId const&, audit::Actor const&, audit::Origin const&, std::string const& reason = {});
    // What reset_mfa does, for a caller that asked who may (recovery_service.h). Joins its transaction.
    Result<std::int64_t> take_factors(storage::Transaction&, UserId const&, audit::Actor const&, audit::Origin const&);
    // Also a change of address that waits for its link. How many sessions.
    Result<std::size_t> end_sessions(UserId const&, audit::Actor const&, audit::Origin const&, std::string const& reason = {});
    // Everything kept about the person.
    Result<encoding::Json> export_data(UserId const&, audit::Actor const&, audit::Origin const&);

private:
    Result<users::User> reachable(UserId const&, audit::Actor const&);
    Result<users::User> other(UserId const&, audit::Actor const&);

    Rooms rooms_;
    NoticeBoard& notices_;
    privacy::PersonalData const& personal_data_;
};

}  // namespace zephyr::signin
