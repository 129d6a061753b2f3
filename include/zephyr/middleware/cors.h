// Cross-origin reads by scripts of named origins. Without settings there are none.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "zephyr/http/middleware.h"

namespace zephyr::middleware {

struct CorsSettings {
    std::vector<std::string> origins;  // exact: "https://app.example.com". "*" alone: anybody, without credentials
    bool credentials = false;          // cookies too; refused together with "*"
    std::vector<std::string> methods{"GET", "POST"};
    std::vector<std::string> headers{"Authorization", "Content-Type"};
    std::chrono::seconds max_age{600};
};

// Throws Fault at start for "*" with credentials, "*" beside others, "null", and anything that is not
// scheme://host[:port] as a browser writes it (lower case, no default port, no path): such an entry would never match,
// or match too much.
http::Middleware cors(CorsSettings settings);

}  // namespace zephyr::middleware
