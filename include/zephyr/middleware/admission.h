// How many requests of costly kinds may be under way at once. A sign-in waits for a password hash; without a bound a flood of them would hold
// every worker, and people who are signed in would wait behind strangers.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "zephyr/http/middleware.h"

namespace zephyr::middleware {

namespace errors {
inline constexpr Failure too_busy{Kind::unavailable, "server.too_busy"};
}

struct AdmissionSettings {
    std::vector<std::string> classes;  // RouteOptions::rate_class of the costly routes; they share the places
    std::size_t places = 32;           // at most half the workers, so that the other half always serves the rest
};

// Beyond the places it answers 503 with Retry-After at once: nothing queues here.
http::Middleware admission(AdmissionSettings settings);

}  // namespace zephyr::middleware
