// The seed's /auth/mfa paths for programs: which factors there are, enrol an authenticator app, give a code, remove a factor.
#include "routes/code_answer.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/qr.h"
#include "zephyr/guards/gatekeeper.h"
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

Result<Response> set_up(Request const& request, SessionHolder const& who, signin::AccountService& account) {
    auto const name = request.json.string_at("name").value_or("Authenticator app");
    ZEPHYR_TRY(auto const enrolment, account.begin_totp(who.session, name, origin_of(request, who)));
    return Response::json(200, Json::object({{"secret", enrolment.secret_base32},
                                             {"otpauth_uri", enrolment.otpauth_uri},
                                             {"qr_code", qr_data_uri(enrolment.otpauth_uri)},
                                             {"expires_at", to_rfc3339(enrolment.expires_at)}}));
}

Result<Response> verify(Request const& request, SessionHolder const& who, CodeRooms const& rooms) {
    return answer_code(request, who, {.code = json_text(request, "code"), .trust_device = json_flag(request, "trust_device")}, rooms);
}

// For a sign-in that waits: what may be asked for, and nothing else of the account. Where a code would go is shown, so that people know where
// to look for it.
Json askable_factors(SessionHolder const& who, signin::SignInService& sign_in, mfa::MFAManager& manager) {
    Json factors = Json::array();
    for (auto const& factor : manager.list(who.user)) {
        if (!sign_in.completes_sign_in(who.user, *factor.kind) || !manager.provider(factor.kind->name)->available()) continue;
        auto one = Json::object({{"kind", std::string{factor.kind->name}}, {"delivered", factor.kind->delivered}});
        if (factor.kind->delivered) one.set("shown", factor.shown);
        factors.push(std::move(one));
    }
    return factors;
}

Json own_factors(SessionHolder const& who, signin::SignInService& sign_in, mfa::MFAManager& manager) {
    Json factors = Json::array();
    for (auto const& factor : manager.list(who.user)) {
        auto one = Json::object({{"id", factor.id.str()},
                                 {"kind", std::string{factor.kind->name}},
                                 {"shown", factor.shown},
                                 {"added_at", to_rfc3339(factor.confirmed_at)},
                                 {"counts", sign_in.counts(*factor.kind)},
                                 {"restricted", factor.kind->restricted},
                                 {"delivered", factor.kind->delivered}});
        if (factor.last_used_at) one.set("last_used_at", to_rfc3339(*factor.last_used_at));
        factors.push(std::move(one));
    }
    return factors;
}

// What this person has, and what they could add. A sign-in that waits for a factor asks this to know what to ask for.
Response list_factors(SessionHolder const& who, signin::SignInService& sign_in, mfa::MFAManager& manager) {
    auto factors = who.pending.empty() ? own_factors(who, sign_in, manager) : askable_factors(who, sign_in, manager);
    std::vector<std::string> offered;
    for (auto* provider : manager.providers()) {
        if (provider->kind().stands_alone && provider->available()) offered.emplace_back(provider->kind().name);
    }
    auto answer = Json::object({{"factors", std::move(factors)}, {"offered", Json::strings(offered)}, {"demanded", sign_in.mfa_demanded(who.user)}});
    if (auto const left = manager.backup_codes().left(who.user); left && who.pending.empty()) answer.set("backup_codes_left", *left);
    return Response::json(200, answer);
}

Result<Response> remove(Request const& request, Principal const& who, signin::AccountService& account) {
    auto const factor = FactorId::parse(request.parameter("id"));
    if (!factor) return mfa::errors::device_not_found;
    std::optional<signin::AccountService::LongerPassword> longer;
    if (auto next = json_secret(request, "new_password"); !next.empty()) longer.emplace(json_secret(request, "current_password"), std::move(next));
    ZEPHYR_CHECK(account.remove_factor(who.session, *factor, longer, origin_of(request, who)));
    return Response::json(200, Json::object({{"status", "removed"}}));
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
        .refusals = {signin::errors::step_up_required, signin::errors::mfa_required, signin::errors::mfa_disabled,
                     mfa::errors::stronger_proof_required, mfa::errors::device_limit, mfa::errors::device_name_malformed}};
}

http::RouteOptions list_options() {
    return {.summary = "The second factors of the account",
            .description = "Also while a sign-in waits for one: its kind says which path takes the code, `delivered` that one must be sent first. "
                           "Then nothing else is told, but where a code would go, and only of factors that complete the sign-in.",
            .answers = {{.description = "What there is, and what may be added.",
                         .fields = {{.name = "factors",
                                     .type = Field::Type::objects,
                                     .required = true,
                                     .fields = {{.name = "id"},
                                                {.name = "kind", .required = true, .example = "totp"},
                                                {.name = "shown", .description = "Fit to be shown.", .example = "+49 … 42"},
                                                {.name = "added_at", .type = Field::Type::time},
                                                {.name = "last_used_at", .type = Field::Type::time},
                                                {.name = "counts",
                                                 .type = Field::Type::flag,
                                                 .description = "Where a second factor is demanded."},
                                                {.name = "restricted",
                                                 .type = Field::Type::flag,
                                                 .description = "NIST SP 800-63B-4, 3.1.3.3: offer another beside it."},
                                                {.name = "delivered", .type = Field::Type::flag, .required = true}}},
                                    {.name = "offered", .type = Field::Type::list, .required = true, .description = "Kinds that may be added."},
                                    {.name = "demanded", .type = Field::Type::flag, .required = true, .description = "By the operator."},
                                    {.name = "backup_codes_left", .type = Field::Type::integer, .description = "Absent without a set."}}}}};
}

http::RouteOptions remove_options() {
    return {.summary = "Remove a second factor",
            .description = "Needs a proof of the last minutes, at least as strong as what is removed. Ends every other session. When it is the "
                           "last one and the password is too short to stand alone, both passwords come along.",
            .body = http::BodySchema{.fields = {{.name = "current_password", .type = Field::Type::secret, .longest = 4096},
                                                {.name = "new_password", .type = Field::Type::secret, .longest = 4096}},
                                     .optional = true},
            .answers = {{.description = "Removed.", .fields = {{.name = "status", .required = true, .one_of = {"removed"}}}}},
            .refusals = {mfa::errors::device_not_found, signin::errors::step_up_required, mfa::errors::stronger_proof_required,
                         signin::errors::mfa_demanded, signin::errors::longer_password_required, passwords::errors::wrong_password,
                         passwords::errors::throttled, passwords::errors::too_short, passwords::errors::too_common, passwords::errors::busy}};
}

http::RouteOptions verify_options() {
    return {
        .rate_class = "factor",
        .summary = "Give a one-time code",
        .description =
            "Finishes the enrolment this session began, or proves the second factor. The session gets a new cookie; a client with "
            "an access token gets new tokens in the answer instead.",
        .body =
            http::BodySchema{.fields = {{.name = "code", .type = Field::Type::secret, .required = true, .description = "Six digits."},
                                        {.name = "trust_device",
                                         .type = Field::Type::flag,
                                         .description = "Ask no factor in this browser for a while, where the operator allows that."}}},
        .answers = {{.description = "The code was right.", .fields = code_answer_fields()}},
        .refusals = {mfa::errors::totp_wrong_code, mfa::errors::totp_code_reused, mfa::errors::totp_not_enrolled,
                     mfa::errors::enrolment_expired, mfa::errors::too_many_attempts, mfa::errors::locked_out, mfa::errors::device_limit,
                     signin::errors::mfa_disabled, signin::errors::step_up_required, sessions::errors::limit_reached}};
}

}  // namespace

void mount_mfa_routes(http::App& app, signin::SignInService& sign_in, signin::AccountService& account, signin::BearerService& bearer,
                      mfa::MFAManager& manager, Web const& web) {
    app.get(
        "/auth/mfa", http::require_session,
        [&](Request const&, SessionHolder const& who) { return list_factors(who, sign_in, manager); }, list_options());

    app.post(
        "/auth/mfa/factors/{id}/remove", http::require_login,
        [&](Request const& request, Principal const& who) -> Response {
            auto removed = remove(request, who, account);
            return removed.ok() ? std::move(removed).value() : refuse(removed.error(), request);
        },
        remove_options());

    // Also for sessions that wait for a factor by policy: the service looks at what they wait for.
    app.post(
        "/auth/mfa/totp/setup", http::require_session,
        [&](Request const& request, SessionHolder const& who) -> Response {
            auto begun = set_up(request, who, account);
            return begun.ok() ? std::move(begun).value() : refuse(begun.error(), request);
        },
        set_up_options());

    app.post(
        "/auth/mfa/totp/verify", http::require_session,
        [&](Request const& request, SessionHolder const& who) -> Response {
            auto verified = verify(request, who, {sign_in, bearer, web});
            return verified.ok() ? std::move(verified).value() : refuse(verified.error(), request);
        },
        verify_options());
}

}  // namespace zephyr::routes
