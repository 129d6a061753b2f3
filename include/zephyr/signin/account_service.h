// Changes people make to their own account: password, second factors. Each asks for a fresh proof first.
//
// Owns: no table (notices are notice_board.h). Emits: through passwords, mfa and sessions.
#pragma once

#include <optional>
#include <string_view>

#include "zephyr/signin/notice_board.h"
#include "zephyr/signin/sign_in_service.h"

namespace zephyr::signin {

class AccountService {
public:
    AccountService(Rooms rooms, SignInService& sign_in, NoticeBoard& notices) : rooms_{rooms}, sign_in_{sign_in}, notices_{notices} {}

    // Ends every other session and gives this one a new token; every browser is forgotten but the one of `device_cookie`. Whoever has a second
    // factor must have proved it recently. In a session that waits for a new password (`must change`) the old one was proved minutes ago and
    // is not asked for again. Fails with passwords.* (with a reason), step_up_required, mfa_required, sessions.*.
    Result<sessions::IssuedSession> change_password(SessionRef const& session, SecretText const& old_password,
                                                    SecretText const& new_password, audit::Origin const& origin,
                                                    std::string_view device_cookie = {});

    // Start an enrolment; verify_code finishes it. Open to whole sessions and to those that wait for a factor by policy. Fail with
    // step_up_required, stronger_proof_required, mfa_disabled, mfa.device_*; what is sent also with unknown_factor when nobody sends it,
    // and the limits of mfa/delivered_codes.h.
    Result<mfa::TotpEnrolment> begin_totp(SessionRef const& session, std::string_view device_name, audit::Origin const& origin);
    Result<mfa::SentCode> begin_sms(SessionRef const& session, std::string_view number, audit::Origin const& origin);
    // To the address of the account, which must have been verified.
    Result<mfa::SentCode> begin_email(SessionRef const& session, audit::Origin const& origin);
    // Removing the last factor leaves the password alone. If that is too short to stand alone, `longer` brings it and its successor;
    // otherwise `longer` changes nothing. Ends every other session: what the factor proved there is in doubt now. Whoever is demanded a
    // factor keeps one that counts. Fails with step_up_required, stronger_proof_required, mfa_demanded, longer_password_required,
    // passwords.*, mfa.device_not_found.
    struct LongerPassword {
        SecretText current;
        SecretText next;
    };
    Result<void> remove_factor(SessionRef const& session, FactorId const& factor, std::optional<LongerPassword> const& longer,
                               audit::Origin const& origin);
    // A new set, in place of the old one. Fails with step_up_required, stronger_proof_required, mfa.backup_codes_too_early, passwords.busy.
    Result<std::vector<SecretText>> new_backup_codes(SessionRef const& session, audit::Origin const& origin);
    // Fails with step_up_required, mfa.device_not_found.
    Result<void> forget_device(SessionRef const& session, std::string_view id, audit::Origin const& origin);
    // Names and, where no mail can be sent, the address: it is written down unverified, and factors by mail to the old one go
    // (SignInService::take_mail_factors). Where mail can be sent, addresses change by address_service.h. Fails with users.*, and for another
    // address with step_up_required, mfa_demanded.
    Result<users::User> change_profile(SessionRef const& session, users::ProfileChange const& wanted, audit::Origin const& origin);
    // Every session of the person but this one, and a change of address that waits for its link.
    void end_other_sessions(SessionRef const& except, UserId const& user, audit::Origin const& origin);
    // The person has seen what was done to their account.
    void dismiss_notices(UserId const& user, audit::Origin const& origin);

private:
    Result<sessions::Session> whole(SessionRef const& session);
    // Who may add a factor, with the proof of it.
    Result<mfa::FreshProof> enrolling(SessionRef const& session);

    Rooms rooms_;
    SignInService& sign_in_;
    NoticeBoard& notices_;
};

}  // namespace zephyr::signin
