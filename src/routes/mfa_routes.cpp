// The seed's /auth/mfa paths for programs: enrol an authenticator app, give a code.
#include "routes/token_answer.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/qr.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/http/bearer.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using guards::origin_of;
using http::Field;
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
    auto const name = request.json.string_at("name").value_or("Authenticator app");
    ZEPHYR_TRY(auto const enrolment, account.begin_totp(who.session, name, origin_of(request, who)));
    return Response::json(200, Json::object({{"secret", enrolment.secret_base32},
                                             {"otpauth_uri", enrolment.otpauth_uri},
                                             {"qr_code", qr_data_uri(enrolment.otpauth_uri)},
                                             {"expires_at", to_rfc3339(enrolment.expires_at)}}));
}

// A client with a token gets new tokens in the answer, and no cookie.
Result<Response> verify_by_token(Request const& request, SessionHolder const& who, std::string const& code,
                                 signin::BearerService& bearer) {
    ZEPHYR_TRY(auto const accepted,
               bearer.verify_code(who.session, code, origin_of(request, who), signin::SignInService::Purpose::either));
    auto answer = describe_tokens(accepted.tokens);
    answer.set("status", accepted.enrolled ? "enabled" : "verified");
    return Response::json(200, answer);
}

Result<Response> verify(Request const& request, SessionHolder const& who, signin::SignInService& sign_in, signin::BearerService& bearer,
                        Web const& web) {
    auto const code = json_text(request, "code");
    if (http::bearer_credentials(request).decides()) return verify_by_token(request, who, code, bearer);
    ZEPHYR_TRY(auto const accepted,
               sign_in.verify_code(who.session, code, origin_of(request, who), signin::SignInService::Purpose::either));
    auto answer = Json::object({{"status", accepted.enrolled ? "enabled" : "verified"}});
    if (!accepted.issued.session.pending.empty()) answer.set("pending", accepted.issued.session.pending);
    return web.signed_in(Response::json(200, answer), accepted.issued);
}

http::RouteOptions set_up_options() {
    constexpr std::size_t longest_picture = 64 * 1024;
    return {
        .summary = "Begin to enrol an authenticator app",
        .description = "Show the code to the person, then finish with POST /auth/mfa/totp/verify. Needs a proof of the last minutes.",
        .body =
            http::BodySchema{
                .fields = {{.name = "name", .description = "What the person calls the device.", .longest = 64, .example = "Phone"}},
                .optional = true},
        .answers = {{.description = "The secret, in three forms.",
                     .fields = {{.name = "secret", .type = Field::Type::secret, .required = true, .description = "Base32."},
                                {.name = "otpauth_uri", .type = Field::Type::secret, .required = true},
                                {.name = "qr_code",
                                 .type = Field::Type::secret,
                                 .required = true,
                                 .description = "The URI as an image: a data: URI of SVG.",
                                 .longest = longest_picture},
                                {.name = "expires_at", .type = Field::Type::time, .required = true}}}},
        .refusals = {signin::errors::step_up_required, signin::errors::mfa_disabled, mfa::errors::device_limit,
                     mfa::errors::device_name_malformed}};
}

http::RouteOptions verify_options() {
    std::vector<Field> fields{{.name = "status", .required = true, .one_of = {"enabled", "verified"}}};
    // With a token come its successors, with a cookie a new one and nothing of these.
    for (auto field : token_fields()) {
        field.required = false;
        fields.push_back(std::move(field));
    }
    return {
        .rate_class = "factor",
        .summary = "Give a one-time code",
        .description =
            "Finishes the enrolment this session began, or proves the second factor. The session gets a new cookie; a client with "
            "an access token gets new tokens in the answer instead.",
        .body =
            http::BodySchema{.fields = {{.name = "code", .type = Field::Type::secret, .required = true, .description = "Six digits."}}},
        .answers = {{.description = "The code was right.", .fields = std::move(fields)}},
        .refusals = {mfa::errors::totp_wrong_code, mfa::errors::totp_code_reused, mfa::errors::totp_not_enrolled,
                     mfa::errors::enrolment_expired, mfa::errors::too_many_attempts, mfa::errors::locked_out, mfa::errors::device_limit,
                     signin::errors::mfa_disabled, signin::errors::step_up_required}};
}

}  // namespace

void mount_mfa_routes(http::App& app, signin::SignInService& sign_in, signin::AccountService& account, signin::BearerService& bearer,
                      Web const& web) {
    app.post(
        "/auth/mfa/totp/setup", http::require_login,
        [&](Request const& request, Principal const& who) -> Response {
            auto begun = set_up(request, who, account);
            return begun.ok() ? std::move(begun).value() : refuse(begun.error(), request);
        },
        set_up_options());

    app.post(
        "/auth/mfa/totp/verify", http::require_session,
        [&](Request const& request, SessionHolder const& who) -> Response {
            auto verified = verify(request, who, sign_in, bearer, web);
            return verified.ok() ? std::move(verified).value() : refuse(verified.error(), request);
        },
        verify_options());
}

}  // namespace zephyr::routes
