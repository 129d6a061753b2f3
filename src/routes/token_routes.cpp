// Tokens for clients that keep no cookies: sign in, refresh, and the keys to check access tokens with.
//
// The answers' Cache-Control is no-store like everybody's (RFC 6749 5.1); only the key set may be kept.
#include "routes/token_answer.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using guards::origin_of;
using http::Field;
using http::Request;
using http::Response;

Json describe_tokens(tokens::IssuedTokens const& tokens) {
    auto answer = Json::object({{"access_token", tokens.access_token.reveal()},
                                {"token_type", "bearer"},
                                {"expires_in", static_cast<std::int64_t>(tokens.expires_in.count())},
                                {"refresh_token", tokens.refresh_token.reveal()}});
    if (!tokens.session.pending.empty()) answer.set("pending", tokens.session.pending);
    return answer;
}

std::vector<Field> token_fields() {
    return {{.name = "access_token",
             .type = Field::Type::secret,
             .required = true,
             .description = "For Authorization: Bearer.",
             .longest = 4096},
            {.name = "token_type", .required = true, .one_of = {"bearer"}},
            {.name = "expires_in", .type = Field::Type::integer, .required = true, .description = "Seconds the access token is good for."},
            {.name = "refresh_token",
             .type = Field::Type::secret,
             .required = true,
             .description = "Good once, for POST /auth/refresh. A lost answer may be asked for again within seconds."},
            {.name = "pending",
             .description = "While the sign-in is not whole: what is missing. The access token then opens factor routes alone.",
             .one_of = {"mfa.required", "mfa.enrolment_required", "passwords.change_required"}}};
}

namespace {

Result<Response> sign_in_by_token(Request const& request, signin::BearerService& bearer) {
    std::optional<signin::GivenCode> given;
    if (auto code = some(json_text(request, "code"))) {
        given.emplace(signin::GivenCode{.kind = some(json_text(request, "factor")).value_or("totp"), .code = *std::move(code)});
    }
    ZEPHYR_TRY(auto const done, bearer.sign_in({.login = json_text(request, "username"),
                                                .password = json_secret(request, "password"),
                                                .remember = json_flag(request, "remember"),
                                                .origin = origin_of(request)},
                                               given));
    auto answer = describe_tokens(done.tokens);
    answer.set("mfa", signin::to_string(done.mfa));
    return Response::json(200, answer);
}

Result<Response> refresh(Request const& request, signin::BearerService& bearer) {
    ZEPHYR_TRY(auto const issued, bearer.refresh(json_secret(request, "refresh_token"), origin_of(request)));
    return Response::json(200, describe_tokens(issued));
}

http::RouteOptions sign_in_options() {
    auto fields = token_fields();
    fields.push_back({.name = "mfa", .required = true, .one_of = {"none", "required", "enrolment_required"}});
    return {.csrf_exempt_reason = "credentials come in the body and tokens go back in it; no cookie is read or set",
            .rate_class = "sign-in",
            .summary = "Sign in for tokens",
            .description = "For clients that keep no cookies. Whoever has a second factor gets a token for factor routes alone, unless the "
                           "code comes along.",
            .body = http::BodySchema{.fields = {{.name = "username", .required = true, .description = "Or the e-mail address."},
                                                {.name = "password", .type = Field::Type::secret, .required = true, .longest = 4096},
                                                {.name = "code", .type = Field::Type::secret, .description = "A one-time code."},
                                                {.name = "factor",
                                                 .description = "What the code is of. Without it: totp.",
                                                 .longest = 64,
                                                 .example = "backup_code"},
                                                {.name = "remember", .type = Field::Type::flag}}},
            .answers = {{.description = "Tokens.", .fields = std::move(fields)}},
            .refusals = {signin::errors::invalid_credentials, passwords::errors::busy, sessions::errors::limit_reached,
                         mfa::errors::totp_wrong_code, mfa::errors::totp_code_reused, mfa::errors::locked_out}};
}

http::RouteOptions refresh_options() {
    return {.csrf_exempt_reason = "the token comes in the body and its successor goes back in it; no cookie is read or set",
            .rate_class = "refresh",
            .summary = "New tokens for a refresh token",
            .description = "Each refresh token is good once. Within seconds the same one gets the same successor again, in case the answer "
                           "was lost; later it ends the session, since two parties hold it.",
            .body = http::BodySchema{.fields = {{.name = "refresh_token", .type = Field::Type::secret, .required = true}}},
            .answers = {{.description = "Tokens.", .fields = token_fields()}},
            .refusals = {tokens::errors::refresh_refused}};
}

}  // namespace

void mount_token_routes(http::App& app, signin::BearerService& bearer, tokens::SigningKeys& keys) {
    app.post("/auth/token", http::open_to_all("signing in is how people prove who they are"),
             [&](Request const& request) -> Response {
                 auto done = sign_in_by_token(request, bearer);
                 return done.ok() ? std::move(done).value() : refuse(done.error(), request);
             },
             sign_in_options());

    app.post("/auth/refresh", http::open_to_all("the refresh token in the body is the proof"),
             [&](Request const& request) -> Response {
                 auto done = refresh(request, bearer);
                 return done.ok() ? std::move(done).value() : refuse(done.error(), request);
             },
             refresh_options());

    // Not inline: the first one who asks makes the keys, and with PostgreSQL the set is asked for again every second.
    app.get("/.well-known/jwks.json", http::open_to_all("services check our tokens with these public keys"),
            [&](Request const&) {
                auto answer = Response::json(200, keys.published().to_json());
                answer.headers.set("Content-Type", "application/jwk-set+json");
                answer.with_header("Cache-Control", "public, max-age=" + std::to_string(keys.settings().jwks_lifetime.count()));
                answer.with_header("Cross-Origin-Resource-Policy", "cross-origin");
                return answer;
            },
            {.summary = "The keys that sign tokens",
             .description = "RFC 7517. May be kept for as long as Cache-Control says.",
             .answers = {{.description = "A key set.",
                          .fields = {{.name = "keys", .type = Field::Type::objects, .required = true}},
                          .content_type = "application/jwk-set+json"}}});
}

}  // namespace zephyr::routes
