// Who is asking, as a guard proved it. Handlers take these by reference; only a GuardJudge makes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"

namespace zephyr::http {

// A factor proved in this session: "pwd", "otp", "sms", "email", "backup".
struct FactorUse {
    std::string factor;
    TimePoint at;
    bool second = false;  // counts as the second factor that require_mfa asks for
};

// Someone with a session that may still be pending: the password was right, but a demanded factor (or a new password)
// is missing. Only factor routes and logout accept it.
struct SessionHolder {
    UserId user;
    std::string username;
    std::string display_name;
    SessionRef session;
    std::vector<FactorUse> factors;
    std::string
        pending;  // empty, or the failure id that require_login answers: "mfa.required", "passwords.change_required"
    std::string csrf_token;          // what a form of this session must carry
    std::vector<std::string> roles;  // effective, sorted

    std::optional<TimePoint> proved(std::string_view factor) const;
    bool has_second_factor() const;
    bool has_role(std::string_view role) const;
};

// Someone who has proved every demanded factor.
struct Principal : SessionHolder {};

}  // namespace zephyr::http
