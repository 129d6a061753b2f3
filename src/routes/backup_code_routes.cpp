// /auth/mfa/backup-codes for programs: how many are left, a new set, giving one.
#include "routes/code_answer.h"
#include "routes/token_answer.h"
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

constexpr std::string_view path = "/auth/mfa/backup-codes";

Result<Response> make(Request const& request, Principal const& who, signin::AccountService& account) {
    ZEPHYR_TRY(auto const codes, account.new_backup_codes(who.session, origin_of(request, who)));
    return Response::json(200, Json::object({{"backup_codes", backup_code_list(codes)}}));
}

Result<Response> verify(Request const& request, SessionHolder const& who, signin::SignInService& sign_in, signin::BearerService& bearer,
                        mfa::BackupCodes& codes, Web const& web) {
    using Purpose = signin::SignInService::Purpose;
    auto const origin = origin_of(request, who);
    signin::GivenCode given{.kind = std::string{mfa::backup_code_kind.name}, .code = json_text(request, "code")};
    auto const describe = [&](Json answer, std::string const& pending) {
        answer.set("status", "verified");
        answer.set("left", codes.left(who.user).value_or(0));
        if (!pending.empty()) answer.set("pending", pending);
        return Response::json(200, answer);
    };
    // A client with a token gets new tokens in the answer, and no cookie.
    if (http::bearer_credentials(request).decides()) {
        given.remember_browser = false;
        ZEPHYR_TRY(auto const accepted, bearer.verify_code(who.session, given, origin, Purpose::prove));
        return describe(describe_tokens(accepted.tokens), accepted.tokens.session.pending);
    }
    given.device_cookie = web.device_cookie(request);
    ZEPHYR_TRY(auto const accepted, sign_in.verify_code(who.session, given, origin, Purpose::prove));
    return web.signed_in(describe(Json::object({}), accepted.issued.session.pending), accepted.issued, accepted.device_cookie);
}

http::RouteOptions count_options() {
    return {.summary = "How many backup codes are left",
            .answers = {{.description = "None for whoever never made any.",
                         .fields = {{.name = "left", .type = Field::Type::integer, .required = true, .description = "Not used yet."},
                                    {.name = "count",
                                     .type = Field::Type::integer,
                                     .required = true,
                                     .description = "So many a new set has."}}}}};
}

http::RouteOptions make_options() {
    return {.rate_class = "factor",
            .summary = "Make new backup codes",
            .description = "In place of those there were, which end with it. Shown this once. Needs a proof of the last minutes, and another "
                           "second factor.",
            .body = http::BodySchema{.fields = {}, .optional = true},
            .answers = {{.description = "The codes.",
                         .fields = {{.name = "backup_codes", .type = Field::Type::list, .required = true, .longest = 32}}}},
            .refusals = {signin::errors::step_up_required, signin::errors::mfa_disabled, mfa::errors::backup_codes_too_early,
                         mfa::errors::stronger_proof_required, passwords::errors::busy}};
}

http::RouteOptions verify_options() {
    std::vector<Field> fields{{.name = "status", .required = true, .one_of = {"verified"}},
                              {.name = "left", .type = Field::Type::integer, .required = true, .description = "Codes not used yet."}};
    // With a token come its successors, with a cookie a new one and nothing of these.
    for (auto field : token_fields()) {
        field.required = false;
        fields.push_back(std::move(field));
    }
    return {.rate_class = "factor",
            .summary = "Give a backup code",
            .description = "It stands in for any other second factor, once. Case, blanks and hyphens don't matter.",
            .body = http::BodySchema{.fields = {{.name = "code",
                                                 .type = Field::Type::secret,
                                                 .required = true,
                                                 .description = "Sixteen characters, such as ABCD-EFGH-JKMN-PQRS."}}},
            .answers = {{.description = "The code was right, and is used up.", .fields = std::move(fields)}},
            .refusals = {mfa::errors::wrong_code, mfa::errors::code_reused, mfa::errors::not_enrolled, mfa::errors::too_many_attempts,
                         mfa::errors::locked_out, signin::errors::mfa_disabled, passwords::errors::busy}};
}

}  // namespace

void mount_backup_code_routes(http::App& app, signin::SignInService& sign_in, signin::AccountService& account,
                              signin::BearerService& bearer, mfa::BackupCodes& codes, Web const& web) {
    app.get(
        std::string{path}, http::require_login,
        [&](Request const&, Principal const& who) {
            return Response::json(200, Json::object({{"left", codes.left(who.user).value_or(0)}, {"count", codes.settings().count}}));
        },
        count_options());

    app.post(
        std::string{path}, http::require_login,
        [&](Request const& request, Principal const& who) -> Response {
            auto made = make(request, who, account);
            return made.ok() ? std::move(made).value() : refuse(made.error(), request);
        },
        make_options());

    app.post(
        std::string{path} + "/verify", http::require_session,
        [&](Request const& request, SessionHolder const& who) -> Response {
            auto verified = verify(request, who, sign_in, bearer, codes, web);
            return verified.ok() ? std::move(verified).value() : refuse(verified.error(), request);
        },
        verify_options());
}

}  // namespace zephyr::routes
