// The failures of signing in and of keeping an account.
#pragma once

#include "zephyr/foundation/result.h"

namespace zephyr::signin::errors {

// The one public answer of a sign-in that failed, whatever failed; the audit trail keeps the true reason.
inline constexpr Failure invalid_credentials{Kind::unauthenticated, "auth.invalid_credentials"};
// A second factor is demanded and was not given in this session.
inline constexpr Failure mfa_required{Kind::denied, "mfa.required"};
// The operator demands a second factor of this person, and the time to add one is over: only adding one is open.
inline constexpr Failure mfa_enrolment_required{Kind::denied, "mfa.enrolment_required"};
// A new password must be chosen before anything else.
inline constexpr Failure change_required{Kind::denied, "passwords.change_required"};
// Known, but proved too long ago for this: prove it again (RFC 9470).
inline constexpr Failure step_up_required{Kind::unauthenticated, "auth.step_up_required"};
inline constexpr Failure sign_up_closed{Kind::denied, "auth.sign_up_closed"};
// The name or the e-mail can't be had. One answer for both, so that a stranger learns neither.
inline constexpr Failure registration_refused{Kind::conflict, "auth.registration_refused"};
inline constexpr Failure mfa_disabled{Kind::unsupported, "mfa.disabled"};
// The operator demands a second factor of this person: add another before removing the last.
inline constexpr Failure mfa_demanded{Kind::denied, "mfa.demanded"};
// Without a second factor this password is too short to stand alone: give a new one with the removal.
inline constexpr Failure longer_password_required{Kind::conflict, "mfa.longer_password_required"};
// The set-up link was used, is too old, never was, or an administrator exists already.
inline constexpr Failure setup_link_gone{Kind::expired, "setup.link_gone"};
// Nobody disables, deletes or resets the account they are using.
inline constexpr Failure own_account{Kind::conflict, "users.own_account"};

}  // namespace zephyr::signin::errors
