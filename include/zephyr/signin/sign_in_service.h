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
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/mfa/fresh_proof.h"
#include "zephyr/mfa/known_devices.h"
#include "zephyr/mfa/mfa_manager.h"
#include "zephyr/passwords/password_service.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/signin/errors.h"
#include "zephyr/signin/mfa_policy.h"
#include "zephyr/signin/notice_board.h"
#include "zephyr/users/user_service.h"

namespace zephyr::signin {

struct SignInSettings {
    bool mfa_enabled = true;
    // An e-mail counts for require_mfa: a relaxation, which never makes it AAL2.
    bool email_satisfies_mfa = false;
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
    mfa::MFAManager& mfa;
    mfa::KnownDevices& devices;
    MfaPolicy& policy;
    NoticeBoard& notices;
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
    // What the browser sent as the cookie of known browsers; may hold anything.
    std::string device_cookie = {};
    // False for clients that keep no cookies: nothing is remembered of them.
    bool remember_browser = true;
};

// A code as it was given, and where.
struct GivenCode {
    std::string kind = "totp";  // FactorKind::name
    std::string code;
    std::string device_cookie = {};  // as Attempt::device_cookie
    bool trust_device = false;       // asked for; given only where the operator allows it
    bool remember_browser = true;
    bool make_backup_codes = true;  // with an account's first factor; false: the caller's page asks for them next
};

struct SignedIn {
    sessions::IssuedSession issued;
    users::User user;
    MfaState mfa = MfaState::none;
    std::optional<TimePoint> enrol_by = std::nullopt;  // in grace: from then on sign-in ends in enrolment_required
    std::optional<SecretText> device_cookie = std::nullopt;  // to set, when present
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
    std::vector<SecretText> backup_codes = {};  // made with the first factor; to be shown once
    std::optional<SecretText> device_cookie = std::nullopt;  // to set, when present
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

    // A code of any kind. `enrol` confirms the enrolment this session began, and needs a fresh proof; `prove` checks a confirmed factor;
    // `either` is for callers with one path for both: the enrolment first, then the factors. The session gets a new token; the first
    // factor of an account ends its other sessions, which never proved one. A sign-in that waits for a factor takes none that does not
    // count from somebody who has one that does: stronger_proof_required. Fails with mfa.* as the provider does, mfa_disabled,
    // unknown_factor, step_up_required, stronger_proof_required, sessions.*; but for what the provider refused, nothing has happened then,
    // and the code is still good.
    enum class Purpose { prove, enrol, either };
    Result<CodeAccepted> verify_code(SessionRef const& session, GivenCode const& given, audit::Origin const& origin, Purpose purpose);
    // Sends a code to a confirmed factor, the first of its kind if none is named, for sign-in or step-up. Fails with mfa_disabled,
    // unknown_factor, not_enrolled, sending_limited, stronger_proof_required as verify_code does.
    Result<mfa::SentCode> send_code(SessionRef const& session, std::string_view kind, audit::Origin const& origin,
                                    std::optional<FactorId> const& factor = std::nullopt);
    // The password again, in a session that is whole. Fails with invalid_credentials or passwords.busy, and with step_up_required for
    // whoever has a second factor: the weaker proof does not stand in for the stronger.
    Result<sessions::IssuedSession> verify_password(SessionRef const& session, SecretText const& password, audit::Origin const& origin);

    // What this session proved lately enough, if it is what the account can prove: a second factor if it has one, else an e-mail code if
    // it has that, else its password. Fails with step_up_required.
    Result<mfa::FreshProof> require_fresh(sessions::Session const& session);
    // Does the operator demand a second factor of this person, now or at the end of a grace?
    bool mfa_demanded(UserId const& user) const { return rooms_.policy.rules_for(user).any(); }
    // Must administrators have proved a second factor in their session (MFA_REQUIRED_FOR_ADMIN)?
    bool admin_needs_factor() const { return settings_.mfa_enabled && rooms_.policy.settings().required_for_admin; }
    // Any factor that is asked for at sign-in.
    bool has_factor(UserId const& user) const { return settings_.mfa_enabled && rooms_.mfa.has_factor(user); }
    // One that makes two factors of a password: AAL2.
    bool has_second_factor(UserId const& user) const { return settings_.mfa_enabled && rooms_.mfa.has_second_factor(user); }
    // One that require_mfa and the policy accept.
    bool has_counting_factor(UserId const& user) const;
    // Whether a sign-in that waits for a factor takes one of this kind: one that counts, or anything from those who have none that does.
    bool completes_sign_in(UserId const& user, mfa::FactorKind const& kind) const { return counts(kind) || !has_counting_factor(user); }
    bool counts(mfa::FactorKind const& kind) const { return kind.aal2 || (settings_.email_satisfies_mfa && kind.name == "email"); }
    // What stands in the way of a session once nothing else does: empty, or mfa_enrolment_required; and in a grace, when the session ends
    // at the latest. `rules` are worked out before the transaction.
    struct ByPolicy {
        std::string pending = {};
        std::optional<TimePoint> until = std::nullopt;
    };
    ByPolicy by_policy(storage::Transaction&, UserId const& user, MfaPolicy::Applying const& rules) const;

    // Some factor of a person came or went: their other sessions end, trust in browsers ends, and they are told. In the caller's write.
    void factor_changed(storage::Transaction&, UserId const&, std::optional<SessionRef> const& except, audit::Origin const&,
                        std::string_view reason, std::string_view notice);
    // Their address is no longer what it was: factors by mail to the old one go, and backup codes that stood in for them. In the caller's
    // write; `demanded` (mfa_demanded) is worked out before. Fails with mfa_demanded where it would take the last one that counts.
    Result<void> take_mail_factors(storage::Transaction&, UserId const&, std::optional<SessionRef> const& except, bool demanded,
                                   audit::Origin const&);
    // The check of take_mail_factors alone, for whoever asks before it comes to that.
    Result<void> may_lose_mail_factors(UserId const& user, bool demanded) const;
    SignInSettings const& settings() const { return settings_; }

private:
    Error refuse(std::optional<UserId> const& user, Attempt const& attempt, std::string_view reason);
    Result<SignedIn> open_session(storage::Transaction&, users::User const& user, passwords::VerifiedPassword const& verified,
                                  Attempt const& attempt, MfaPolicy::Applying const& rules);
    bool overtaken(storage::Transaction&, UserId const& user, passwords::VerifiedPassword const& verified);
    struct Checking;
    Result<CodeAccepted> verify_code_in(storage::Transaction&, Checking&);
    Result<mfa::VerifiedFactor> check_code(storage::Transaction&, Checking&);
    ByPolicy after_code(storage::Transaction&, Checking const&) const;
    void tell_of_backup_codes(storage::Transaction&, UserId const& user);

    Rooms rooms_;
    SignInSettings settings_;
};

// What a new password is checked against: the person's own names.
passwords::PolicyContext policy_context(users::User const& user, bool has_second_factor);

}  // namespace zephyr::signin
