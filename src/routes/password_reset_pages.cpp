// A forgotten password: asking for the link and using it, for people and for programs.
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using guards::origin_of;
using http::Field;
using http::Request;
using http::Response;

namespace {

constexpr std::size_t longest_name = 254;
constexpr std::size_t longest_token = 128;
constexpr std::size_t longest_password = 4096;

class PasswordResetPages {
public:
    PasswordResetPages(signin::PasswordResetService& service, Web const& web) : service_{service}, web_{web} {}

    Response ask_form(Request const& request) const { return web_.page(request, pages::ForgotPasswordPage{}); }

    Response ask(Request const& request) const {
        send(request, form_text(request, "login"));
        return web_.page(request, pages::ForgotPasswordPage{.sent = true});
    }

    Response ask_by_program(Request const& request) const {
        send(request, json_text(request, "login"));
        return Response::json(200, Json::object({{"status", "sent"}}));
    }

    Response form(Request const& request) const {
        auto view = page_of(request);
        return view.ok() ? web_.page(request, view.value()) : gone(request);
    }

    Response set(Request const& request) const {
        auto const token = request.parameter("token");
        auto const done = [&]() -> Result<void> {
            ZEPHYR_TRY(auto const password, new_password(request));
            return service_.complete(token, password, origin_of(request), web_.device_cookie(request));
        }();
        if (done.ok()) return Response::see_other("/sign-in?notice=password_reset");
        auto view = page_of(request);
        if (done.error() == signin::errors::link_gone || !view.ok()) return gone(request);
        view.value().errors = form_errors(done.error());
        return web_.refused(request, view.value(), done.error());
    }

    Response set_by_program(Request const& request) const {
        auto const done = service_.complete(json_text(request, "token"), json_secret(request, "password"), origin_of(request),
                                            web_.device_cookie(request));
        if (!done.ok()) return refuse(done.error(), request);
        return Response::json(200, Json::object({{"status", "password_set"}}));
    }

private:
    void send(Request const& request, std::string const& login) const {
        service_.request(std::string_view{login}.substr(0, longest_name), origin_of(request), web_.pages().language_for(request));
    }
    Response gone(Request const& request) const { return web_.page(request, pages::LinkGonePage{}, std::nullopt, 410); }
    Result<pages::ResetPasswordPage> page_of(Request const& request) const {
        auto const token = request.parameter("token");
        ZEPHYR_TRY(auto const target, service_.look(token));
        auto const& lengths = web_.settings();
        return pages::ResetPasswordPage{
            .token = token,
            .username = target.username,
            .minimum_length = target.second_factor ? lengths.least_password_length_with_factor : lengths.least_password_length,
            .second_factor = target.second_factor};
    }

    signin::PasswordResetService& service_;
    Web const& web_;
};

http::RouteOptions forgot_options() {
    return {.rate_class = "register",
            .summary = "Say that a password is forgotten",
            .description = "A link goes to the verified address, if the account has one. The answer is the same for every name.",
            .body = http::BodySchema{.fields = {{.name = "login",
                                                 .required = true,
                                                 .description = "Username or e-mail address.",
                                                 .example = "alice"}}},
            .answers = {{.description = "Whatever the name.", .fields = {{.name = "status", .required = true, .one_of = {"sent"}}}}}};
}

http::RouteOptions reset_options() {
    return {.rate_class = "sign-in",
            .summary = "Set a new password by a mailed link",
            .description = "Every session ends, and none begins: sign in afterwards, with the second factor as ever.",
            .body = http::BodySchema{.fields = {{.name = "token",
                                                 .type = Field::Type::secret,
                                                 .required = true,
                                                 .description = "What stands behind the last slash of the link.",
                                                 .longest = longest_token},
                                                {.name = "password", .type = Field::Type::secret, .required = true, .longest = longest_password}}},
            .answers = {{.description = "Set.", .fields = {{.name = "status", .required = true, .one_of = {"password_set"}}}}},
            .refusals = {signin::errors::link_gone, passwords::errors::too_short, passwords::errors::too_long, passwords::errors::malformed,
                         passwords::errors::too_common, passwords::errors::breached, passwords::errors::too_guessable,
                         passwords::errors::busy}};
}

}  // namespace

void mount_password_reset_pages(http::App& app, signin::PasswordResetService& service, Web const& web) {
    auto const pages = std::make_shared<PasswordResetPages>(service, web);
    auto const anybody = http::open_to_all("whoever forgot their password can't sign in");
    auto const link = http::open_to_all("the one-time link is the proof");

    app.get("/forgot-password", anybody, [pages](Request const& request) { return pages->ask_form(request); });
    app.post("/forgot-password", anybody, [pages](Request const& request) { return pages->ask(request); }, {.rate_class = "register"});
    app.get("/reset-password/{token}", link, [pages](Request const& request) { return pages->form(request); }, {.rate_class = "sign-in"});
    app.post("/reset-password/{token}", link, [pages](Request const& request) { return pages->set(request); }, {.rate_class = "sign-in"});

    app.post("/auth/password/forgot", anybody, [pages](Request const& request) { return pages->ask_by_program(request); }, forgot_options());
    app.post("/auth/password/reset", link, [pages](Request const& request) { return pages->set_by_program(request); }, reset_options());
}

}  // namespace zephyr::routes
