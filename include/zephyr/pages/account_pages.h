// Pages of a person's own account.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zephyr/pages/view.h"

namespace zephyr::pages {

struct FactorItem {
    std::string id;
    std::string kind = "totp";  // the catalogue has "factor.<kind>"
    std::string name;           // given by its owner; may be empty
    TimePoint added_at;
    std::optional<TimePoint> last_used_at;
};

struct SessionItem {
    std::string ref;
    std::string user_agent;  // as sent; shown as "Firefox on Linux"
    std::string address;
    TimePoint created_at;
    TimePoint last_seen_at;
    bool current = false;
    bool remembered = false;
    bool second_factor = false;  // proved in this session
};

// Something that happened to the account, perhaps not by its owner's doing.
struct SecurityNotice {
    std::string what;  // "factors_reset", "factor_added", "factor_removed", "password_changed", "token_reused": the
                       // catalogue has "happened.<what>"
    TimePoint at;
};

// Forms: POST /account/profile (display_name, email) · POST /account/factors/totp/begin · POST
// /account/factors/<id>/remove (new_password, when the last factor goes and the password is too short to stand alone) ·
// POST /account/sessions/<ref>/revoke · POST /account/sessions/revoke-others. Links: GET /account/password.
struct AccountPage {
    std::string username;
    std::string email;  // as kept, or as typed when errors is not empty
    std::string display_name;
    std::optional<TimePoint> password_changed_at;
    bool password_full_length = true;     // long enough to be enough alone (15 characters)
    bool second_factor_demanded = false;  // by the operator for this person; removing the last is refused then
    std::vector<FactorItem> factors;
    std::vector<SessionItem> sessions;
    std::vector<SecurityNotice> happened;  // not yet seen by their owner
    int minimum_length = 15;               // of a password that stands alone
    std::string notice;  // "profile_saved", "password_changed", "factor_added", "factor_removed", "session_ended",
                         // "sessions_ended"
    FormErrors errors;   // of the profile form, or a summary for any other
};

// GET and POST /account/password: current_password (unless must_change), password, password_again (see SetupPage),
// return_to.
struct ChangePasswordPage {
    std::string username;  // hidden, so that a password manager knows which entry to change
    bool must_change = false;
    std::string
        why;  // for must_change: "passwords.change_required" or another id the catalogue has words for; may be empty
    int minimum_length = 15;
    FormErrors errors;
};

// GET /account/factors/totp after POST …/begin. POST /account/factors/totp/confirm: device_name, code, return_to.
// Cancel is a link to `return_to` or /account.
struct EnrolTotpPage {
    std::string qr_svg;  // from encoding::qr_svg and from nowhere else; shown as an image, so nothing in it can run
    std::string secret;  // base32; shown in groups of four
    std::string otpauth_uri;  // otpauth://totp/…
    std::string device_name;
    bool demanded = false;  // sign-in goes no further without it: says so, and offers sign-out in place of cancel
    FormErrors errors;
};

}  // namespace zephyr::pages
