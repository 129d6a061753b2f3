#include "zephyr/middleware/security_headers.h"

#include <algorithm>
#include <array>
#include <memory>

#include "middleware/random_block.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/problem.h"

namespace zephyr::middleware {

namespace {

// What a program reads: no browser makes a page of it, so it needs no nonce, and may load, show and run nothing at all.
constexpr std::string_view no_page_policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

// Anything that might be a page counts as one, and so does a problem that App will show as a page to a client that wants one.
bool may_become_a_page(http::Request const& request, http::Response const& response) {
    if (http::is_problem(response)) return request.wants_html();
    auto const value = response.headers.get("Content-Type");
    if (!value) return response.headers.count("Content-Type") > 0 || !response.body.empty();
    auto const type = trim(value->substr(0, value->find(';')));
    return !equals_ignoring_case(type, "application/json") && !equals_ignoring_case(type, "text/plain");
}

std::vector<http::Header> constant_headers() {
    return {{"Cross-Origin-Opener-Policy", "same-origin"},
            {"Cross-Origin-Embedder-Policy", "require-corp"},
            {"Cross-Origin-Resource-Policy", "same-origin"},
            // Not no-referrer: under it a browser sends `Origin: null` with our own forms (Fetch 3.2), which the CSRF
            // rules refuse.
            {"Referrer-Policy", "same-origin"},
            {"X-Content-Type-Options", "nosniff"},
            {"X-Frame-Options", "DENY"},
            {"Permissions-Policy",
             "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), "
             "publickey-credentials-create=(self), publickey-credentials-get=(self)"},
            {"Cache-Control", "no-store"}};
}

std::string hsts_value(SecurityHeaderSettings const& settings) {
    return "max-age=" + std::to_string(settings.hsts_max_age.count()) + (settings.hsts_include_subdomains ? "; includeSubDomains" : "");
}

std::string new_nonce(Random& random) {
    std::array<std::byte, 16> bytes{};
    random.fill(bytes);
    return encoding::base64url_encode(bytes);
}

// What the handler set stays: it knows its own page.
bool is_missing(http::Response const& response, std::string_view name) { return response.headers.count(name) == 0; }

}  // namespace

std::string content_security_policy(std::string_view nonce, std::vector<std::string> const& form_targets) {
    std::string const carried = " 'nonce-" + std::string{nonce} + "'";
    std::string forms = "'self'";
    for (auto const& target : form_targets) forms += " " + target;
    return "default-src 'none'; script-src 'self'" + carried + "; style-src 'self'" + carried +
           "; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action " +
           forms + "; frame-ancestors 'none'; "
           "base-uri 'none'";
}

http::Middleware security_headers(Random& random, SecurityHeaderSettings settings) {
    auto const block = std::make_shared<RandomBlock>(random);
    return {"security_headers", [block, settings, constant = constant_headers(), hsts = hsts_value(settings)](
                                    http::Request& request, http::Next const& next) {
                request.csp_nonce = new_nonce(*block);
                auto response = next(request);
                if (is_missing(response, "Content-Security-Policy")) {
                    if (may_become_a_page(request, response))
                        response.with_header("Content-Security-Policy", content_security_policy(request.csp_nonce, settings.form_targets));
                    else
                        response.headers.add("Content-Security-Policy", no_page_policy);
                }
                for (auto const& [name, value] : constant) {
                    if (is_missing(response, name)) response.headers.add(name, value);
                }
                if (request.scheme == "https" && settings.hsts_max_age.count() > 0 && is_missing(response, "Strict-Transport-Security"))
                    response.headers.add("Strict-Transport-Security", hsts);
                return response;
            }};
}

}  // namespace zephyr::middleware
