// The seed's /auth paths for programs: sign up, sign in, sign out, who am I.
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

Json describe(users::User const& user) {
    return Json::object({{"id", user.id.str()},
                         {"username", user.username},
                         {"email", user.email ? Json{*user.email} : Json{}},
                         {"display_name", user.display_name}});
}

Result<Response> register_account(Request const& request, signin::SignInService& sign_in) {
    ZEPHYR_TRY(auto const body, json_body(request));
    ZEPHYR_TRY(auto username, text_field(body, "username"));
    ZEPHYR_TRY(auto password, text_field(body, "password"));
    ZEPHYR_TRY(auto const user, sign_in.register_user({.username = std::move(username),
                                                       .email = body.string_at("email"),
                                                       .display_name = body.string_at("display_name").value_or(""),
                                                       .password = SecretText{std::move(password)},
                                                       .origin = origin_of(request)}));
    return Response::json(201, describe(user));
}

Result<Response> log_in(Request const& request, std::optional<SessionHolder> const& visitor, signin::SignInService& sign_in, Web const& web) {
    ZEPHYR_TRY(auto const body, json_body(request));
    ZEPHYR_TRY(auto username, text_field(body, "username"));
    ZEPHYR_TRY(auto password, text_field(body, "password"));
    auto const* remember = body.find("remember");
    ZEPHYR_TRY(auto const signed_in,
               sign_in.sign_in({.login = std::move(username),
                                .password = SecretText{std::move(password)},
                                .remember = remember != nullptr && remember->boolean().value_or(false),
                                .origin = origin_of(request),
                                .replaces = visitor ? std::optional{visitor->session} : std::nullopt}));
    auto const& session = signed_in.issued.session;
    auto answer = Json::object({{"mfa", signin::to_string(signed_in.mfa)}, {"expires_at", to_rfc3339(session.expires_at)}});
    // Until every factor is proved, nothing about the account is told.
    if (session.pending.empty()) answer.set("user", describe(signed_in.user));
    else answer.set("pending", session.pending);
    return web.signed_in(Response::json(200, answer), signed_in.issued);
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

}  // namespace

http::Guard<http::Proves::principal> admin_guard(bool second_factor) {
    using http::require_login, http::require_mfa, http::require_role;
    if (second_factor) return require_login | require_role(rbac::admin_role) | require_mfa;
    return require_login | require_role(rbac::admin_role);
}

void mount_auth_routes(http::App& app, signin::SignInService& sign_in, users::UserService& users, Web const& web) {
    app.post("/auth/register", http::open_to_all("signing up; closed unless the operator opens it"),
             [&](Request const& request) -> Response {
                 auto made = register_account(request, sign_in);
                 return made.ok() ? std::move(made).value() : refuse(made.error(), request);
             },
             {.rate_class = "register"});

    app.post("/auth/login", http::open_to_all("signing in is how people prove who they are"),
             [&](Request const& request, std::optional<SessionHolder> const& visitor) -> Response {
                 auto done = log_in(request, visitor, sign_in, web);
                 return done.ok() ? std::move(done).value() : refuse(done.error(), request);
             },
             {.rate_class = "sign-in"});

    app.post("/auth/logout", http::require_session, [&](Request const& request, SessionHolder const& who) -> Response {
        if (auto const out = sign_in.sign_out(who.session, origin_of(request, who)); !out.ok()) return refuse(out.error(), request);
        return web.signed_out(Response::json(200, Json::object({{"status", "signed_out"}})));
    });

    app.get("/auth/me", http::require_login, [&](Request const&, Principal const& who) { return who_am_i(who, users); });
}

}  // namespace zephyr::routes
