// The one place where the order of middleware stands, outermost first.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "zephyr/http/app.h"

namespace zephyr::middleware {

inline constexpr std::array<std::string_view, 8> order{
    "request_id",        // everything below may name the request
    "metrics",           // counts every answer, refusals by the layers below too
    "access_log",        // so does the log
    "security_headers",  // on every answer, and the nonce before a page needs it
    "rate_limit",        // cheap refusal before any work
    "admission",         // costly requests beyond their places end here, so that they hold no worker
    "cors",              // answers preflights, which carry no credentials and reach no handler
    "csrf",              // the last word before the guard
};

// Adds them to the app in that order, whatever order they come in. Throws Fault for a name not in the list or given
// twice.
void install(http::App& app, std::vector<http::Middleware> pieces);

}  // namespace zephyr::middleware
