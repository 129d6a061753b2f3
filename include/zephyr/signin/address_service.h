// The e-mail address of an account: proving that it is theirs, and changing it for another that they proved.
//
// Owns: no table. Emits: auth.address_link_sent, auth.address_verified, auth.address_change_asked, auth.address_changed, auth.link_refused.
// Not here: one-time links (mail_links.h), what an administrator writes down (users: such an address is not verified).
#pragma once

#include <string>
#include <string_view>

#include "zephyr/messages/outbox.h"
#include "zephyr/signin/mail_links.h"
#include "zephyr/signin/sign_in_service.h"

namespace zephyr::signin {

namespace errors {
inline constexpr Failure no_address{Kind::conflict, "auth.no_address"};
inline constexpr Failure address_verified_already{Kind::conflict, "auth.address_verified_already"};
// Belongs to another account, by now. Said only to whoever reads the mail of that address.
inline constexpr Failure address_refused{Kind::conflict, "auth.address_refused"};
}  // namespace errors

class AddressService {
public:
    AddressService(Rooms rooms, SignInService& sign_in, MailLinks& links, messages::Outbox& outbox)
        : rooms_{rooms}, sign_in_{sign_in}, links_{links}, outbox_{outbox} {}

    // Sends a link to the address the account has. Fails with no_address, address_verified_already, mail_limited.
    Result<void> send_verification(UserId const&, audit::Origin const&, std::string_view language);
    // Sends a link to the new address, and nothing changes yet; the old one, if verified, is told now and when it does. An empty one takes the address away at
    // once. The answer does not depend on whose the
    // new address is. Whole sessions only. Fails with mfa_demanded where a factor by mail to the old one is the last that counts for somebody
    // who must have one, step_up_required, users.email_malformed, users.email_is_username (the person signs in
    // by the old address as a username), address_verified_already for the address it is, mail_limited, mfa_required, change_required.
    Result<void> begin_change(SessionRef const&, std::string_view address, audit::Origin const&, std::string_view language);

    // What a link of either kind asks to be confirmed. Changes nothing. Fails with link_gone.
    struct Question {
        std::string username;
        std::string address;  // as it will be shown
        bool change = false;
    };
    Result<Question> look(std::string_view token);
    // Once. A change comes to nothing when the password changed, or all sessions were ended, since it was asked for. With a change the old
    // address is told, a factor by mail to the old one goes and with it every session, and links sent there are
    // dead. Fails with link_gone, address_refused, mfa_demanded.
    Result<Question> confirm(std::string_view token, audit::Origin const&);

private:
    struct Wanted {
        std::string address;           // empty: none
        std::optional<SessionRef> by;  // which goes on
        bool demanded = false;         // SignInService::mfa_demanded
    };
    Result<Question> confirm_in(storage::Transaction&, std::string_view token, bool demanded, audit::Origin const&);
    Result<void> change_in(storage::Transaction&, users::User const&, Wanted const&, audit::Origin const&);
    void record(storage::Transaction&, std::string_view code, UserId const&, audit::Origin const&, std::string_view address = {});

    Rooms rooms_;
    SignInService& sign_in_;
    MailLinks& links_;
    messages::Outbox& outbox_;
};

}  // namespace zephyr::signin
