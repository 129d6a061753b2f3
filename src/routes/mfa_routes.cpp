// The seed's /auth/mfa paths for programs: enrol an authenticator app, give a code.
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/qr.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using guards::origin_of;
using http::Principal;
using http::Request;
using http::Response;
using http::SessionHolder;

namespace {

// An image a page can show as it is: <img src="…">.
std::string qr_data_uri(std::string_view text) {
    return "data:image/svg+xml;base64," + encoding::base64_encode(as_bytes(encoding::qr_svg(text)));
}

Result<Response> set_up(Request const& request, Principal const& who, signin::AccountService& account) {
    std::string name = "Authenticator app";
    if (!request.body.empty()) {
        ZEPHYR_TRY(auto const body, json_body(request));
        name = body.string_at("name").value_or(name);
    }
    ZEPHYR_TRY(auto const enrolment, account.begin_totp(who.session, name, origin_of(request, who)));
    return Response::json(200, Json::object({{"secret", enrolment.secret_base32},
                                             {"otpauth_uri", enrolment.otpauth_uri},
                                             {"qr_code", qr_data_uri(enrolment.otpauth_uri)},
                                             {"expires_at", to_rfc3339(enrolment.expires_at)}}));
}

Result<Response> verify(Request const& request, SessionHolder const& who, signin::SignInService& sign_in, Web const& web) {
    ZEPHYR_TRY(auto const body, json_body(request));
    ZEPHYR_TRY(auto const code, text_field(body, "code"));
    ZEPHYR_TRY(auto const accepted, sign_in.verify_code(who.session, code, origin_of(request, who), signin::SignInService::Purpose::either));
    auto answer = Json::object({{"status", accepted.enrolled ? "enabled" : "verified"}});
    if (!accepted.issued.session.pending.empty()) answer.set("pending", accepted.issued.session.pending);
    return web.signed_in(Response::json(200, answer), accepted.issued);
}

}  // namespace

void mount_mfa_routes(http::App& app, signin::SignInService& sign_in, signin::AccountService& account, Web const& web) {
    app.post("/auth/mfa/totp/setup", http::require_login, [&](Request const& request, Principal const& who) -> Response {
        auto begun = set_up(request, who, account);
        return begun.ok() ? std::move(begun).value() : refuse(begun.error(), request);
    });

    app.post("/auth/mfa/totp/verify", http::require_session,
             [&](Request const& request, SessionHolder const& who) -> Response {
                 auto verified = verify(request, who, sign_in, web);
                 return verified.ok() ? std::move(verified).value() : refuse(verified.error(), request);
             },
             {.rate_class = "factor"});
}

}  // namespace zephyr::routes
