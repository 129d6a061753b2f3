// Headers that tell a browser to be careful, on every answer, and the nonce that our own inline styles and scripts
// carry.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/random.h"
#include "zephyr/http/middleware.h"

namespace zephyr::middleware {

struct SecurityHeaderSettings {
    // Strict-Transport-Security, sent over https only. Zero: not sent.
    std::chrono::seconds hsts_max_age{std::chrono::hours{24 * 365}};
    bool hsts_include_subdomains = false;
    // Sources (CSP 2.3.1) beside our own where a form may lead: browsers look at every redirect that follows it.
    std::vector<std::string> form_targets = {};
};

// The policy of pages: nothing but our own styles, images and forms, and scripts that carry the nonce.
std::string content_security_policy(std::string_view nonce, std::vector<std::string> const& form_targets = {});

// Sets request.csp_nonce (128 random bits, base64url). An answer that is plainly no page (no content, JSON, plain text) has a policy
// that allows nothing, every other one the policy above. A header that the handler set itself stays, Cache-Control among them; without
// one an answer is no-store.
http::Middleware security_headers(Random& random, SecurityHeaderSettings settings = {});

}  // namespace zephyr::middleware
