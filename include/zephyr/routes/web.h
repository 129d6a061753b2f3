// What every route file needs to answer: pages, cookies, JSON fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/http/principal.h"
#include "zephyr/http/request.h"
#include "zephyr/http/response.h"
#include "zephyr/pages/pages.h"
#include "zephyr/sessions/session.h"

namespace zephyr::routes {

namespace errors {
inline constexpr Failure not_found{Kind::not_found, "request.not_found"};
// What was typed to confirm a deletion is not the account's name.
inline constexpr Failure confirmation_wrong{Kind::invalid, "request.confirmation_wrong"};
// The two passwords typed differ.
inline constexpr Failure passwords_differ{Kind::invalid, "passwords.differ"};
}  // namespace errors

struct WebSettings {
    std::string session_cookie = "__Host-zephyr_session";
    std::string device_cookie = "__Host-zephyr_device";  // of known browsers
    bool secure_cookies = true;
    std::chrono::seconds remember = 30 * 24h;
    bool sign_up_open = false;
    bool mfa_enabled = true;
    bool mail = false;              // can be sent: passwords can be reset, addresses verified
    bool recovery_by_mail = false;  // so can second factors
    int least_password_length = 15;
    int least_password_length_with_factor = 8;
};

class Web {
public:
    Web(pages::Pages const& pages, WebSettings settings) : pages_{pages}, settings_{std::move(settings)} {}

    template <class Page>
    http::Response page(http::Request const& request, Page const& view, std::optional<http::SessionHolder> const& who = std::nullopt,
                        int status = 200) const {
        return finish(request, pages_.render(view, context(request, who)), status);
    }
    // A form that was not accepted, with the status of its error.
    template <class Page>
    http::Response refused(http::Request const& request, Page const& view, Error const& error,
                           std::optional<http::SessionHolder> const& who = std::nullopt) const {
        return with_challenge(page(request, view, who, http::status_of(error.kind())), error);
    }

    // Sets the session cookie, and that of known browsers when there is one; clears the session's and what the browser keeps of the
    // account. The browser stays known: else signing out would put its owner among the strangers.
    http::Response signed_in(http::Response response, sessions::IssuedSession const& issued,
                             std::optional<SecretText> const& device_cookie = std::nullopt) const;
    http::Response signed_out(http::Response response) const;
    // What the browser sent as the cookie of known browsers; may hold anything, and is empty when it sent none.
    std::string device_cookie(http::Request const& request) const;

    // The page to go to after a form: its return_to field, if that is a path of ours.
    std::string return_to(http::Request const& request, std::string_view otherwise = "/account") const;

    pages::Pages const& pages() const { return pages_; }
    WebSettings const& settings() const { return settings_; }

private:
    pages::PageContext context(http::Request const& request, std::optional<http::SessionHolder> const& who) const;
    http::Response finish(http::Request const& request, std::string html, int status) const;
    static http::Response with_challenge(http::Response response, Error const& error);

    pages::Pages const& pages_;
    WebSettings settings_;
};

// Members of Request::json, which App has checked against the route's schema; empty (false) when absent.
std::string json_text(http::Request const& request, std::string_view name);
SecretText json_secret(http::Request const& request, std::string_view name);
bool json_flag(http::Request const& request, std::string_view name);

// Fields of a form, trimmed but for secrets; empty when absent.
std::string form_text(http::Request const& request, std::string_view name);
SecretText form_secret(http::Request const& request, std::string_view name);
// Absent instead of empty.
std::optional<std::string> some(std::string text);
// The new password of a form: its repetition, when the form asked for one, must be the same. Fails with passwords_differ.
Result<SecretText> new_password(http::Request const& request);

// Puts an error next to the field it is about, or in the summary.
pages::FormErrors form_errors(Error const& error);

// Problem for an error, and a challenge where the standard asks for one.
http::Response refuse(Error const& error, http::Request const& request);

}  // namespace zephyr::routes
