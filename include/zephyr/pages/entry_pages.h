// Pages of people who are not signed in, or not yet all the way: set-up, sign-up, sign-in, second factor, fresh proof,
// problems.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/pages/view.h"

namespace zephyr::pages {

// First administrator. POST /setup/<token>: username, email, display_name, password (and password_again, shown only
// without JavaScript, where the password can't be looked at: compare when present).
struct SetupPage {
    std::string token;
    std::string username;
    std::string email;
    std::string display_name;
    int minimum_length = 15;  // of the password, in characters
    FormErrors errors;
};

// The set-up link was used, is too old, or never was.
struct SetupGonePage {};

// POST /sign-up: username, email, display_name, password, password_again (see SetupPage).
struct SignUpPage {
    std::string username;
    std::string email;
    std::string display_name;
    int minimum_length = 15;
    FormErrors errors;
};

// POST /sign-in: username, password, remember ("1"), return_to.
struct SignInPage {
    std::string username;
    bool remember = false;
    bool sign_up_open = false;
    bool can_reset = false;  // links to /forgot-password
    std::string notice;  // "signed_out", "session_expired", "password_changed", "password_reset", "account_created"; others are not shown
    FormErrors errors;
};

// A second factor as it is asked for, at sign-in and before something sensitive: one kind now, the others one tap away.
struct FactorAsk {
    std::string kind = "totp";       // asked for now: "totp", "sms", "email", "backup_code"
    std::vector<std::string> kinds;  // everything this person can use, strongest first; fewer than two: no choice is shown
    std::vector<std::string> names;  // of this kind's devices, safe to print; a code that is sent goes to the first
    bool delivered = false;          // a code must be sent first
    bool sent = false;               // it was: the field is shown, and a button to send another
    int resend_seconds = 30;         // before another is sent
};

// POST /sign-in/factor: method, code, trust_device ("1"), return_to; POST /sign-in/factor/send: method, return_to. Links: ?method=<kind>.
struct SecondFactorPage {
    FactorAsk ask;
    int trust_days = 0;     // for which this browser may be trusted; 0: never
    std::string lost_href;  // where people go who lost their device; empty: an administrator helps them
    FormErrors errors;
};

// POST /account/verify: password, or method and code; return_to. POST /account/verify/send: method, return_to.
struct ReauthPage {
    std::optional<FactorAsk> ask;  // absent: the password
    bool stronger = false;         // a proof was given, and what comes next asks for a stronger one
    FormErrors errors;
};

// A refusal or a fault, in plain words. `id` chooses the words, then the status.
struct ErrorPage {
    int status = 500;
    std::string id;          // failure id; may be empty
    std::string reason;      // a reason meant for the person; usually empty
    std::string request_id;  // what to quote to an administrator
};

}  // namespace zephyr::pages
