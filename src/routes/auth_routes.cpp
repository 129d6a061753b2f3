// The seed's /auth paths for programs: sign up, sign in, sign out, who am I.
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

// Room passwords has the last word, in bytes; this only keeps nonsense away.
constexpr std::size_t longest_password = 4096;

Json describe(users::User const& user) {
    return Json::object({{"id", user.id.str()},
                         {"username", user.username},
                         {"email", user.email ? Json{*user.email} : Json{}},
                         {"display_name", user.display_name}});
}

// What describe() writes.
std::vector<Field> account_fields() {
    return {{.name = "id", .required = true},
            {.name = "username", .required = true},
            {.name = "email", .description = "Null without one."},
            {.name = "display_name", .required = true}};
}

Result<Response> register_account(Request const& request, signin::SignInService& sign_in) {
    ZEPHYR_TRY(auto const user, sign_in.register_user({.username = json_text(request, "username"),
                                                       .email = request.json.string_at("email"),
                                                       .display_name = json_text(request, "display_name"),
                                                       .password = json_secret(request, "password"),
                                                       .origin = origin_of(request)}));
    return Response::json(201, describe(user));
}

Result<Response> log_in(Request const& request, std::optional<SessionHolder> const& visitor, signin::SignInService& sign_in,
                        Web const& web) {
    ZEPHYR_TRY(auto const signed_in, sign_in.sign_in({.login = json_text(request, "username"),
                                                      .password = json_secret(request, "password"),
                                                      .remember = json_flag(request, "remember"),
                                                      .origin = origin_of(request),
                                                      .replaces = visitor ? std::optional{visitor->session} : std::nullopt,
                                                      .device_cookie = web.device_cookie(request)}));
    auto const& session = signed_in.issued.session;
    auto answer = Json::object({{"mfa", signin::to_string(signed_in.mfa)}, {"expires_at", to_rfc3339(session.expires_at)}});
    // Until every factor is proved, nothing about the account is told.
    if (session.pending.empty())
        answer.set("user", describe(signed_in.user));
    else
        answer.set("pending", session.pending);
    return web.signed_in(Response::json(200, answer), signed_in.issued, signed_in.device_cookie);
}

Response who_am_i(Principal const& who, users::UserService& users) {
    auto const user = users.find(who.user);
    if (!user.ok()) return http::render(user.error());
    auto answer = describe(user.value());
    Json factors = Json::array();
    for (auto const& use : who.factors) factors.push(Json::object({{"factor", use.factor}, {"at", to_rfc3339(use.at)}}));
    answer.set("roles", Json::strings(who.roles));
    answer.set("session", who.session.str());
    answer.set("factors", std::move(factors));
    answer.set("mfa", who.has_second_factor());
    return Response::json(200, answer);
}

http::RouteOptions register_options() {
    return {
        .rate_class = "register",
        .summary = "Make an account of one's own",
        .description = "Only where the operator opened signing up. Sign in with it afterwards.",
        .body =
            http::BodySchema{.fields = {{.name = "username", .required = true, .example = "alice"},
                                        {.name = "password",
                                         .type = Field::Type::secret,
                                         .required = true,
                                         .description = "Long, not common and in no list of leaked ones.",
                                         .longest = longest_password},
                                        {.name = "email", .description = "May be signed in with too.", .example = "alice@example.com"},
                                        {.name = "display_name", .description = "How pages address the person.", .example = "Alice"}}},
        .answers = {{.status = 201, .description = "The account.", .fields = account_fields()}},
        .refusals = {signin::errors::sign_up_closed, signin::errors::registration_refused, users::errors::name_malformed,
                     users::errors::email_malformed, users::errors::display_name_malformed, passwords::errors::too_short,
                     passwords::errors::too_long, passwords::errors::malformed, passwords::errors::too_common,
                     passwords::errors::breached, passwords::errors::too_guessable, passwords::errors::busy}};
}

http::RouteOptions log_in_options() {
    return {.rate_class = "sign-in",
            .summary = "Sign in for a session cookie",
            .description =
                "The cookie comes in Set-Cookie. While a second factor is still to be proved, the session opens factor routes alone.",
            .body =
                http::BodySchema{
                    .fields = {{.name = "username", .required = true, .description = "Or the e-mail address.", .example = "alice"},
                               {.name = "password", .type = Field::Type::secret, .required = true, .longest = longest_password},
                               {.name = "remember",
                                .type = Field::Type::flag,
                                .description = "Keep the session when the browser closes."}}},
            .answers = {{.description = "Signed in, perhaps with a factor to come.",
                         .fields = {{.name = "mfa", .required = true, .one_of = {"none", "required", "enrolment_required"}},
                                    {.name = "expires_at", .type = Field::Type::time, .required = true},
                                    {.name = "user",
                                     .type = Field::Type::object,
                                     .description = "Once every demanded factor is proved.",
                                     .fields = account_fields()},
                                    {.name = "pending",
                                     .description = "What is missing until then.",
                                     .one_of = {"mfa.required", "mfa.enrolment_required", "passwords.change_required"}}}}},
            .refusals = {signin::errors::invalid_credentials, passwords::errors::busy, sessions::errors::limit_reached}};
}

http::RouteOptions log_out_options() {
    return {.summary = "End the session, and with it every token of it",
            .description = "By cookie, and without an Origin of ours, the request needs a body of application/json: {} will do.",
            .body = http::BodySchema{.fields = {}, .optional = true},
            .answers = {{.description = "Signed out.", .fields = {{.name = "status", .required = true, .one_of = {"signed_out"}}}}}};
}

http::RouteOptions who_am_i_options() {
    auto fields = account_fields();
    fields.push_back({.name = "roles",
                      .type = Field::Type::list,
                      .required = true,
                      .description = "Effective now, through groups and roles too.",
                      .most_items = 1000});
    fields.push_back({.name = "session", .required = true});
    fields.push_back({.name = "factors",
                      .type = Field::Type::objects,
                      .required = true,
                      .description = "What was proved in this session (names of RFC 8176), and when.",
                      .fields = {{.name = "factor", .required = true}, {.name = "at", .type = Field::Type::time, .required = true}}});
    fields.push_back({.name = "mfa", .type = Field::Type::flag, .required = true, .description = "A second factor was proved."});
    return {.summary = "Who am I?", .answers = {{.description = "The account and what was proved.", .fields = std::move(fields)}}};
}

}  // namespace

http::Guard<http::Proves::principal> admin_guard(bool second_factor) {
    using http::require_login, http::require_mfa, http::require_role;
    if (second_factor) return require_login | require_role(rbac::admin_role) | require_mfa;
    return require_login | require_role(rbac::admin_role);
}

void mount_auth_routes(http::App& app, signin::SignInService& sign_in, signin::BearerService& bearer, users::UserService& users,
                       Web const& web) {
    app.post(
        "/auth/register", http::open_to_all("signing up; closed unless the operator opens it"),
        [&](Request const& request) -> Response {
            auto made = register_account(request, sign_in);
            return made.ok() ? std::move(made).value() : refuse(made.error(), request);
        },
        register_options());

    app.post(
        "/auth/login", http::open_to_all("signing in is how people prove who they are"),
        [&](Request const& request, std::optional<SessionHolder> const& visitor) -> Response {
            auto done = log_in(request, visitor, sign_in, web);
            return done.ok() ? std::move(done).value() : refuse(done.error(), request);
        },
        log_in_options());

    app.post(
        "/auth/logout", http::require_session,
        [&](Request const& request, SessionHolder const& who) -> Response {
            if (auto const out = bearer.sign_out(who.session, origin_of(request, who)); !out.ok()) return refuse(out.error(), request);
            auto answer = Response::json(200, Json::object({{"status", "signed_out"}}));
            // A cookie that came along with a token belongs to another session, which goes on.
            return http::bearer_credentials(request).decides() ? answer : web.signed_out(std::move(answer));
        },
        log_out_options());

    app.get(
        "/auth/me", http::require_login, [&](Request const&, Principal const& who) { return who_am_i(who, users); },
        who_am_i_options());
}

}  // namespace zephyr::routes
