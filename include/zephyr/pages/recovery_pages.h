// Pages of what goes by mail: a forgotten password, an address to be verified or changed; and of lost second factors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/pages/view.h"

namespace zephyr::pages {

// POST /forgot-password: login. `sent`: the answer, the same for every name.
struct ForgotPasswordPage {
    bool sent = false;
    FormErrors errors;
};

// POST /reset-password/<token>: password, password_again (see SetupPage).
struct ResetPasswordPage {
    std::string token;
    std::string username;
    int minimum_length = 15;
    bool second_factor = false;  // will be asked for at sign-in as ever
    FormErrors errors;
};

// A mailed link that was used, replaced, is too old, or never was.
struct LinkGonePage {};

// POST /verify-email/<token>. Nothing happens before.
struct ConfirmAddressPage {
    std::string token;
    std::string username;
    std::string address;
    bool change = false;  // of the account's address to this one
    bool done = false;
    FormErrors errors;
};

// GET /account/email. POST /account/email/verify; POST /account/email/change: email.
struct AccountEmailPage {
    std::string address;  // empty: none
    bool verified = false;
    std::string email;   // the new one, as typed
    std::string notice;  // "link_sent"
    FormErrors errors;
};

// POST /sign-in/lost-factor. `sent`: the answer, the same for everybody.
struct LostFactorPage {
    bool sent = false;
    std::int64_t hours = 24;  // of the wait
    FormErrors errors;
};

// POST /recover/<token>: the wait begins.
struct RecoverPage {
    std::string token;
    std::string username;
    std::int64_t hours = 24;
    std::optional<TimePoint> due;  // begun
    FormErrors errors;
};

struct RecoveryItem {
    std::string user_id;
    std::string username;
    bool self = false;         // asked by the person, by mail; else by an administrator
    std::string requested_by;  // their username; empty: at the terminal, or no longer here
    std::string reason;
    TimePoint requested_at;
    TimePoint due_at;
};

// GET /admin/users/<id>/recovery. POST there: reason; POST …/approve, …/cancel.
struct AdminRecoveryPage {
    std::string user_id;
    std::string username;
    bool has_factor = true;
    std::int64_t hours = 24;  // until a request takes effect by itself
    std::optional<RecoveryItem> open;
    bool may_approve = false;  // the viewer is neither who asked nor whose factors they are
    std::string reason;        // as typed
    std::string notice;        // "recovery_asked", "recovery_cancelled"
    FormErrors errors;
};

// GET /admin/recoveries: those that are open, soonest first.
struct AdminRecoveriesPage {
    std::vector<RecoveryItem> open;
};

}  // namespace zephyr::pages
