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
    std::string notice;  // "signed_out", "session_expired", "password_changed", "account_created"; others are not shown
    FormErrors errors;
};

// POST /sign-in/factor: code, return_to.
struct SecondFactorPage {
    std::vector<std::string> device_names;
    FormErrors errors;
};

// POST /account/verify: password and/or code, return_to.
struct ReauthPage {
    bool ask_password = true;
    bool ask_code = false;
    std::vector<std::string> device_names;
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
