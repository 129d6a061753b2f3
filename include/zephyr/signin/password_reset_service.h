// A forgotten password: a link to the verified address of the account, and a new password for it. No session, and no second factor
// skipped: the person signs in afterwards like everybody.
//
// Owns: no table. Emits: auth.reset_asked, auth.reset_done, auth.link_refused.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/messages/outbox.h"
#include "zephyr/signin/mail_links.h"
#include "zephyr/signin/sign_in_service.h"

namespace zephyr::signin {

class PasswordResetService {
public:
    PasswordResetService(Rooms rooms, SignInService& sign_in, MailLinks& links, messages::Outbox& outbox)
        : rooms_{rooms}, sign_in_{sign_in}, links_{links}, outbox_{outbox} {}

    // Sends a link, if the name is that of an active account with a password and a verified address that got fewer than three within the
    // hour, or none that still works. Whether it did is told to the audit trail alone: statements, work and answer are the same either way.
    void request(std::string_view login, audit::Origin const&, std::string_view language);

    struct Target {
        std::string username;
        bool second_factor = false;  // shorter passwords will do, and it will be asked for at sign-in
    };
    // Changes nothing. Fails with link_gone: also when the password or the address changed since it was sent, or the account is not active.
    Result<Target> look(std::string_view token);
    // The new password; ends every session, all trust in browsers and a change of address that waits for its link, forgets every browser but the one of `device_cookie`, clears failures and
    // the lock of passwords (not of second factors). Fails with link_gone; and with passwords.* and a reason, and then the link stays good.
    Result<void> complete(std::string_view token, SecretText const& password, audit::Origin const&, std::string_view device_cookie = {});

private:
    Result<users::User> owner(storage::Transaction&, MailLinks::Link const&);

    Rooms rooms_;
    SignInService& sign_in_;
    MailLinks& links_;
    messages::Outbox& outbox_;
};

}  // namespace zephyr::signin
