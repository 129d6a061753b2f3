// Signing in: password, then every factor that is demanded, then a session that says what was proved.
//
// Owns: no table. Emits: auth.signed_in, auth.refused, auth.pending, auth.signed_out, auth.registered, auth.step_up.
// Not here: what a route demands (guards), cookies and forms (routes), the account page's changes (account_service.h).
//
// It uses more rooms than a service should, because joining them is all it does: no rule about passwords, codes or sessions lives here.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/audit/audit_log.h"
#include "zephyr/mfa/totp_service.h"
#include "zephyr/passwords/password_service.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/signin/errors.h"
#include "zephyr/users/user_service.h"

namespace zephyr::signin {

struct SignInSettings {
    bool mfa_enabled = true;
    bool mfa_required_for_admin = true;
    bool sign_up_open = false;
    // How old a proof may be for a change to the account's own credentials.
    std::chrono::seconds fresh = 15min;
};

// The rooms that sign-in joins.
struct Rooms {
    storage::Database& database;
    users::UserService& users;
    rbac::RoleService& roles;
    passwords::PasswordService& passwords;
    mfa::TotpService& totp;
    sessions::SessionService& sessions;
    audit::AuditLog& audit;
    Clock const& clock;
};

enum class MfaState { none, required, enrolment_required };
std::string_view to_string(MfaState state);

struct Attempt {
    std::string login;  // username or e-mail
    SecretText password;
    bool remember = false;
    audit::Origin origin;
    // The session the client came with, if any: it ends when this attempt succeeds.
    std::optional<SessionRef> replaces = std::nullopt;
};

struct SignedIn {
    sessions::IssuedSession issued;
    users::User user;
    MfaState mfa = MfaState::none;
};

struct Registration {
    std::string username;
    std::optional<std::string> email;
    std::string display_name;
    SecretText password;
    audit::Origin origin;
};

struct CodeAccepted {
    sessions::IssuedSession issued;
    bool enrolled = false;  // it confirmed the enrolment this session had begun
};

class SignInService {
public:
    SignInService(Rooms rooms, SignInSettings settings) : rooms_{rooms}, settings_{settings} {}

    // Fails with invalid_credentials, passwords.busy or sessions.limit_reached.
    Result<SignedIn> sign_in(Attempt const& attempt);
    // Creates an account of one's own; sign in with it afterwards. Fails with sign_up_closed, registration_refused, passwords.* with a
    // reason, users.*_malformed.
    Result<users::User> register_user(Registration const& registration);
    Result<void> sign_out(SessionRef const& session, audit::Origin const& origin);

    // A one-time code. `enrol` confirms the enrolment this (whole) session began, and needs a fresh proof; `prove` checks a confirmed
    // device; `either` is for callers with one path for both: the enrolment first, then the devices. The session gets a new token; the
    // first factor of an account ends its other sessions, which never proved one. Fails with mfa.totp_*, mfa.too_many_attempts,
    // mfa_disabled, step_up_required, sessions.*.
    enum class Purpose { prove, enrol, either };
    Result<CodeAccepted> verify_code(SessionRef const& session, std::string_view code, audit::Origin const& origin, Purpose purpose);
    // The password again, in a session that is whole. Fails with invalid_credentials or passwords.busy, and with step_up_required for
    // whoever has a second factor: the weaker proof does not stand in for the stronger.
    Result<sessions::IssuedSession> verify_password(SessionRef const& session, SecretText const& password, audit::Origin const& origin);

    // Success when this session proved recently what the account can prove: its second factor if it has one, else its password.
    // Fails with step_up_required.
    Result<void> require_fresh(sessions::Session const& session);
    // Does the operator demand a second factor of this person?
    bool mfa_demanded(UserId const& user) const;
    bool has_second_factor(UserId const& user) const { return settings_.mfa_enabled && rooms_.totp.has_confirmed(user); }
    SignInSettings const& settings() const { return settings_; }

private:
    Error refuse(std::optional<UserId> const& user, Attempt const& attempt, std::string_view reason);
    Result<SignedIn> open_session(storage::Transaction&, users::User const& user, passwords::VerifiedPassword const& verified,
                                  Attempt const& attempt, bool mfa_demanded);
    bool overtaken(storage::Transaction&, UserId const& user, passwords::VerifiedPassword const& verified);
    Result<CodeAccepted> verify_code_in(storage::Transaction&, SessionRef const& session, std::string_view code, audit::Origin const& origin,
                                        Purpose purpose);
    Result<mfa::VerifiedFactor> check_code(sessions::Session const& session, std::string_view code, audit::Origin const& origin,
                                           bool enrolling, bool may_prove);

    Rooms rooms_;
    SignInSettings settings_;
};

// What a new password is checked against: the person's own names.
passwords::PolicyContext policy_context(users::User const& user, bool has_second_factor);

}  // namespace zephyr::signin
