// Pages of a person's own account.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/pages/view.h"

namespace zephyr::pages {

struct FactorItem {
    std::string id;
    std::string kind = "totp";  // the catalogue has "factor.<kind>"
    std::string name;           // given by its owner, or a number or address, safe to print; may be empty
    TimePoint added_at;
    std::optional<TimePoint> last_used_at;
    bool restricted = false;  // may be intercepted: says so
    bool counts = true;       // as a second factor where one is demanded; else says that it doesn't
};

// A browser the person signed in from before.
struct BrowserItem {
    std::string id;
    std::string user_agent;
    TimePoint first_seen_at;
    TimePoint last_seen_at;
    std::optional<TimePoint> trusted_until;
    bool current = false;
};

// What a person may add here.
struct FactorOffers {
    bool sms = false;
    bool email = false;
    bool email_counts = false;  // as a second factor where one is demanded
    std::string email_address;  // where the codes would go, safe to print; empty: no address that was verified
    bool any_besides_totp() const { return sms || email; }
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
// POST /account/sessions/<ref>/revoke · POST /account/sessions/revoke-others · POST /account/browsers/<id>/forget.
// Links: GET /account/password, /account/factors/sms, /account/factors/email, /account/factors/backup-codes.
struct AccountPage {
    std::string username;
    std::string email;  // as kept, or as typed when errors is not empty
    std::string display_name;
    bool email_page = false;                // mail can be sent: /account/email verifies and changes the address
    std::optional<TimePoint> recovery_due;  // the second factors are going to be removed then; POST /account/recovery/cancel
    std::optional<TimePoint> password_changed_at;
    bool password_full_length = true;     // long enough to be enough alone (15 characters)
    bool second_factor_demanded = false;  // by the operator for this person; removing the last is refused then
    std::optional<TimePoint> second_factor_due;  // demanded, and there is none yet: until then sign-in goes on without
    std::vector<FactorItem> factors;             // without backup codes
    FactorOffers offers;
    std::optional<std::int64_t> backup_codes_left;  // absent: never made
    bool backup_codes_low = false;
    std::vector<BrowserItem> browsers;
    std::vector<SessionItem> sessions;
    std::vector<SecurityNotice> happened;  // not yet seen by their owner
    int minimum_length = 15;               // of a password that stands alone
    std::string notice;  // "profile_saved", "password_changed", "factor_added", "factor_removed", "session_ended",
                         // "sessions_ended", "browser_forgotten"
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

// GET /account/factors: which second factor to add. Forms and links as on the account page.
struct ChooseFactorPage {
    FactorOffers offers;
    bool demanded = false;  // as above
    FormErrors errors;
};

// GET /account/factors/sms and …/email. POST …/begin (phone, for sms): sends a code. POST …/confirm: code, return_to.
struct EnrolDeliveredPage {
    std::string kind = "sms";  // or "email"
    std::string to;            // where a code went, safe to print; empty: none yet
    std::string phone;         // as typed
    std::string address;       // e-mail: where the code would go; empty: no address that was verified
    bool counts = true;        // as a second factor where one is demanded
    bool alternative = true;   // SMS: the person has an authenticator app besides
    bool demanded = false;     // as above
    int resend_seconds = 30;
    FormErrors errors;
};

// GET /account/factors/backup-codes; POST makes a new set. Links go on to return_to.
struct BackupCodesPage {
    std::optional<std::int64_t> left;  // absent: never made
    std::int64_t made = 10;            // how many a set has
    bool low = false;
    bool just_enrolled = false;  // the first factor was added a moment ago
    FormErrors errors;
};

// The answer to that POST, and to the code that confirmed the first factor: the only page that ever shows the codes. POST …/download:
// codes.
struct BackupCodesShownPage {
    std::string username;
    std::vector<std::string> codes;
    TimePoint made_at;
    bool just_enrolled = false;  // with the first factor
    std::string on_href;         // a path of ours to go on to
};

}  // namespace zephyr::pages
