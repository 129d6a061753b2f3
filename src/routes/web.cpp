#include "zephyr/routes/web.h"

#include "zephyr/crypto/constant_time.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/challenge.h"
#include "zephyr/rbac/role.h"
#include "zephyr/signin/errors.h"

namespace zephyr::routes {

using http::Request;
using http::Response;

namespace {

// RFC 6265bis 5.5: browsers keep no cookie longer than this.
constexpr std::chrono::hours device_cookie_lifetime{400 * 24};

}  // namespace

pages::PageContext Web::context(Request const& request, std::optional<http::SessionHolder> const& who) const {
    auto context = pages_.context_for(request);
    context.csrf_token = request.csrf_token;
    // Someone who is still to prove a factor sees no menus.
    if (who && who->pending.empty()) {
        bool const admin = who->has_role(rbac::admin_role);
        context.who = pages::SignedIn{who->username, who->display_name, admin, !admin && who->has_role("auditor")};
    }
    return context;
}

Response Web::finish(Request const& request, std::string html, int status) const {
    auto response = Response::html(status, std::move(html));
    if (auto const cookie = pages_.language_cookie(request)) response.with_cookie(*cookie);
    return response;
}

Response Web::with_challenge(Response response, Error const& error) {
    if (error.kind() == Kind::unauthenticated) response.with_header("WWW-Authenticate", http::BearerChallenge{.realm = "zephyr"}.header());
    if (error.kind() == Kind::limited || error.kind() == Kind::unavailable) response.with_header("Retry-After", "2");
    return response;
}

Response Web::signed_in(Response response, sessions::IssuedSession const& issued, std::optional<SecretText> const& device_cookie) const {
    http::Cookie cookie{.name = settings_.session_cookie, .value = issued.token.reveal(), .secure = settings_.secure_cookies};
    if (issued.session.remembered) cookie.max_age = settings_.remember;
    response.with_cookie(cookie);
    if (device_cookie) {
        response.with_cookie({.name = settings_.device_cookie,
                              .value = device_cookie->reveal(),
                              .secure = settings_.secure_cookies,
                              .max_age = device_cookie_lifetime});
    }
    return response;
}

std::string Web::device_cookie(Request const& request) const { return request.cookie(settings_.device_cookie).value_or(""); }

Response Web::signed_out(Response response) const {
    response.with_cookie({.name = settings_.session_cookie, .value = "", .secure = settings_.secure_cookies, .max_age = std::chrono::seconds{0}});
    // What a shared browser kept of the account goes too. Not "cookies": it would take the cookie of known browsers along, and with it the
    // owner's own count of failures (language and theme, too). The session's cookie is expired above.
    response.with_header("Clear-Site-Data", "\"cache\", \"storage\"");
    return response;
}

std::string Web::return_to(Request const& request, std::string_view otherwise) const {
    auto const asked = request.form("return_to");
    return pages::safe_return_to(asked ? *asked : std::string{}, otherwise);
}

std::string json_text(Request const& request, std::string_view name) { return request.json.string_at(name).value_or(""); }

SecretText json_secret(Request const& request, std::string_view name) { return SecretText{json_text(request, name)}; }

bool json_flag(Request const& request, std::string_view name) {
    auto const* value = request.json.find(name);
    return value != nullptr && value->boolean().value_or(false);
}

std::string form_text(Request const& request, std::string_view name) {
    auto const value = request.form(name);
    return value ? std::string{trim(*value)} : std::string{};
}

SecretText form_secret(Request const& request, std::string_view name) {
    auto value = request.form(name);
    return value ? SecretText{*std::move(value)} : SecretText{};
}

std::optional<std::string> some(std::string text) {
    if (text.empty()) return std::nullopt;
    return text;
}

Result<SecretText> new_password(Request const& request) {
    auto password = form_secret(request, "password");
    // The field is hidden from people who can look at what they type; then it is not sent, or sent empty.
    auto const again = form_secret(request, "password_again");
    if (!again.empty() && !crypto::equal_constant_time(password.reveal(), again.reveal())) return errors::passwords_differ;
    return password;
}

pages::FormErrors form_errors(Error const& error) {
    struct Field {
        std::string_view prefix;
        std::string_view field;
    };
    static constexpr Field fields[] = {
        {"users.name_", "username"},          {"users.email_", "email"},         {"users.display_name_", "display_name"},
        {"passwords.wrong_password", "current_password"}, {"passwords.too_", "password"}, {"passwords.breached", "password"},
        {"passwords.malformed", "password"},  {"passwords.same_", "password"},   {"passwords.differ", "password_again"},
        {"mfa.totp_", "code"},                {"mfa.device_name_", "device_name"},
        {"mfa.wrong_code", "code"},           {"mfa.code_", "code"},             {"mfa.number_", "phone"},
    };
    for (auto const& candidate : fields) {
        if (error.id().starts_with(candidate.prefix)) return pages::FormErrors::of(std::string{candidate.field}, error);
    }
    return pages::FormErrors::of(error);
}

Response refuse(Error const& error, Request const& request) {
    auto response = http::render(error, request.request_id);
    if (error == signin::errors::step_up_required) {
        response.with_header("WWW-Authenticate", http::step_up_challenge({}, std::chrono::minutes{15}));
    } else if (error.kind() == Kind::unauthenticated) {
        response.with_header("WWW-Authenticate", http::BearerChallenge{.realm = "zephyr"}.header());
    }
    return response;
}

}  // namespace zephyr::routes
