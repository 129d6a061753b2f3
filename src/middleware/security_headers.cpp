#include "zephyr/middleware/security_headers.h"

#include "zephyr/encoding/base64url.h"

namespace zephyr::middleware {

namespace {

// What the handler set stays: it knows its own page.
void set_default(http::Response& response, std::string_view name, std::string value) {
    if (response.headers.count(name) == 0) response.with_header(name, std::move(value));
}

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
    return {"security_headers", [&random, settings](http::Request& request, http::Next const& next) {
                request.csp_nonce = encoding::base64url_encode(random.bytes(16));
                auto response = next(request);
                set_default(response, "Content-Security-Policy", content_security_policy(request.csp_nonce, settings.form_targets));
                set_default(response, "Cross-Origin-Opener-Policy", "same-origin");
                set_default(response, "Cross-Origin-Embedder-Policy", "require-corp");
                set_default(response, "Cross-Origin-Resource-Policy", "same-origin");
                // Not no-referrer: under it a browser sends `Origin: null` with our own forms (Fetch 3.2), which the
                // CSRF rules refuse.
                set_default(response, "Referrer-Policy", "same-origin");
                set_default(response, "X-Content-Type-Options", "nosniff");
                set_default(response, "X-Frame-Options", "DENY");
                set_default(response, "Permissions-Policy",
                            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), "
                            "publickey-credentials-create=(self), publickey-credentials-get=(self)");
                set_default(response, "Cache-Control", "no-store");
                if (request.scheme == "https" && settings.hsts_max_age.count() > 0) {
                    set_default(response, "Strict-Transport-Security",
                                "max-age=" + std::to_string(settings.hsts_max_age.count()) +
                                    (settings.hsts_include_subdomains ? "; includeSubDomains" : ""));
                }
                return response;
            }};
}

}  // namespace zephyr::middleware
