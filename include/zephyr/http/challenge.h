// WWW-Authenticate values: RFC 6750 (Bearer) and RFC 9470 (step-up).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace zephyr::http {

struct BearerChallenge {
    std::string realm = {};
    std::string error = {};  // "invalid_token", "insufficient_scope", "insufficient_user_authentication"; empty when no
                             // credentials came
    std::string error_description = {};
    std::string scope = {};
    std::string acr_values = {};                                 // RFC 9470: blank-separated, in order of preference
    std::optional<std::chrono::seconds> max_age = std::nullopt;  // RFC 9470: how old the authentication may be

    // `Bearer realm="…", error="…"`; a bare `Bearer` when nothing is set. Throws Fault for characters RFC 6750 3 does
    // not allow.
    std::string header() const;
};

// RFC 9470 3: error="insufficient_user_authentication" with what would be sufficient.
std::string step_up_challenge(std::string_view acr_values, std::optional<std::chrono::seconds> max_age = std::nullopt);

}  // namespace zephyr::http
