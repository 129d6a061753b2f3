#include "zephyr/middleware/csrf.h"

#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::middleware {

namespace {

using http::Request;

// Rules 1 to 3: was it our own page, or a program, that sent this?
Result<void> check_sender(Request const& request, std::string_view issuer_origin) {
    if (request.headers.count("Sec-Fetch-Site") > 0) {
        if (request.headers.get("Sec-Fetch-Site") == "same-origin") return success();
        return http::errors::csrf_cross_site;
    }
    if (request.headers.count("Origin") > 0) {
        // Byte for byte: a browser writes its origin in one way only, and `null` equals nothing.
        if (request.headers.get("Origin") == issuer_origin) return success();
        return http::errors::csrf_cross_site;
    }
    if (request.has_json_body()) return success();
    return http::errors::csrf_origin_missing;
}

// The three types a form can send without a script (HTML 4.10.21.5), and what a browser sends when it says nothing.
bool could_be_a_form(Request const& request) {
    if (request.headers.count("Content-Type") == 0) return !request.body.empty();
    auto const value = request.headers.get("Content-Type").value_or("");
    auto const type = ascii_lower(trim(value.substr(0, value.find(';'))));
    return type == "application/x-www-form-urlencoded" || type == "multipart/form-data" || type == "text/plain" ||
           type.empty();
}

std::string token_of(Request const& request) {
    if (auto const header = request.headers.get(csrf_header)) return std::string{*header};
    return request.form(csrf_field).value_or("");
}

Result<void> check(Request const& request, http::CsrfTokens const& tokens, std::string_view issuer_origin) {
    if (is_safe(request.method) || request.csrf_exempt) return success();
    ZEPHYR_CHECK(check_sender(request, issuer_origin));
    if (could_be_a_form(request)) ZEPHYR_CHECK(tokens.check(request, token_of(request)));
    return success();
}

std::string checked_origin(std::string const& origin) {
    auto const parsed = encoding::parse_origin(origin);
    if (!parsed.ok() || parsed.value().str() != origin)
        throw Fault{"\"" + origin + "\" is no origin such as https://id.example.com"};
    return origin;
}

}  // namespace

http::Middleware csrf(http::CsrfTokens& tokens, std::string issuer_origin, Log& log) {
    return {"csrf", [&tokens, &log, origin = checked_origin(issuer_origin)](Request& request, http::Next const& next) {
                std::optional<http::Cookie> cookie;
                // A route without CSRF rules has no forms either, and may be asked by another server for another host.
                if (request.wants_html() && !request.csrf_exempt) {
                    auto issued = tokens.issue(request);
                    request.csrf_token = std::move(issued.token);
                    cookie = std::move(issued.cookie);
                }
                auto response = [&] {
                    auto const checked = check(request, tokens, origin);
                    if (checked.ok()) return next(request);
                    log.info(
                        "csrf.refused",
                        {{"id", checked.error().id()}, {"route", request.route}, {"request_id", request.request_id}});
                    return http::render(checked.error(), request.request_id);
                }();
                if (cookie) response.with_cookie(*cookie);
                return response;
            }};
}

}  // namespace zephyr::middleware
