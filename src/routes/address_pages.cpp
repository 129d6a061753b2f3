// The e-mail address of one's own account: verifying and changing it.
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using guards::origin_of;
using http::Principal;
using http::Request;
using http::Response;
using http::SessionHolder;
using Visitor = std::optional<SessionHolder>;

namespace {

class AddressPages {
public:
    AddressPages(signin::AddressService& service, users::UserService& users, Web const& web) : service_{service}, users_{users}, web_{web} {}

    Response show(Request const& request, Principal const& who) const {
        auto view = page_of(who);
        if (!view.ok()) return refuse(view.error(), request);
        view.value().notice = request.query("notice").value_or("");
        return web_.page(request, view.value(), who);
    }

    Response send(Request const& request, Principal const& who) const {
        return answer(request, who, {}, service_.send_verification(who.user, origin_of(request, who), web_.pages().language_for(request)));
    }

    Response change(Request const& request, Principal const& who) const {
        auto const wanted = form_text(request, "email");
        auto const asked = service_.begin_change(who.session, wanted, origin_of(request, who), web_.pages().language_for(request));
        if (!asked.ok() && asked.error() == signin::errors::step_up_required) {
            return Response::see_other("/account/verify?return_to=/account/email");
        }
        return answer(request, who, wanted, asked);
    }

    Response send_by_program(Request const& request, Principal const& who) const {
        auto const sent = service_.send_verification(who.user, origin_of(request, who), web_.pages().language_for(request));
        if (!sent.ok()) return refuse(sent.error(), request);
        return Response::json(200, Json::object({{"status", "sent"}}));
    }

    // Whoever is signed in here may be somebody else: the link says whose address it is.
    Response question(Request const& request, Visitor const& who) const {
        auto const asked = service_.look(request.parameter("token"));
        if (!asked.ok()) return gone(request, who);
        return web_.page(request, view_of(request, asked.value(), false), who);
    }

    Response confirm(Request const& request, Visitor const& who) const {
        auto const confirmed = service_.confirm(request.parameter("token"), origin_of(request));
        if (confirmed.ok()) return web_.page(request, view_of(request, confirmed.value(), true), who);
        auto const asked = service_.look(request.parameter("token"));
        if (confirmed.error() == signin::errors::link_gone || !asked.ok()) return gone(request, who);
        auto view = view_of(request, asked.value(), false);
        view.errors = form_errors(confirmed.error());
        return web_.refused(request, view, confirmed.error(), who);
    }

private:
    Response gone(Request const& request, Visitor const& who) const { return web_.page(request, pages::LinkGonePage{}, who, 410); }
    pages::ConfirmAddressPage view_of(Request const& request, signin::AddressService::Question const& asked, bool done) const {
        return {.token = request.parameter("token"), .username = asked.username, .address = asked.address, .change = asked.change, .done = done};
    }
    Result<pages::AccountEmailPage> page_of(Principal const& who) const {
        ZEPHYR_TRY(auto const user, users_.find(who.user));
        return pages::AccountEmailPage{.address = user.email.value_or(""), .verified = user.email_verified()};
    }
    Response answer(Request const& request, Principal const& who, std::string const& typed, Result<void> const& done) const {
        if (done.ok()) return Response::see_other("/account/email?notice=link_sent");
        auto view = page_of(who);
        if (!view.ok()) return refuse(view.error(), request);
        view.value().email = typed;
        view.value().errors = form_errors(done.error());
        return web_.refused(request, view.value(), done.error(), who);
    }

    signin::AddressService& service_;
    users::UserService& users_;
    Web const& web_;
};

}  // namespace

void mount_address_pages(http::App& app, signin::AddressService& service, users::UserService& users, Web const& web) {
    using http::require_login;
    auto const pages = std::make_shared<AddressPages>(service, users, web);
    auto const link = http::open_to_all("the one-time link is the proof");

    app.get("/account/email", require_login, [pages](Request const& request, Principal const& who) { return pages->show(request, who); });
    app.post("/account/email/verify", require_login, [pages](Request const& request, Principal const& who) { return pages->send(request, who); },
             {.rate_class = "register"});
    app.post("/account/email/change", require_login, [pages](Request const& request, Principal const& who) { return pages->change(request, who); },
             {.rate_class = "register"});
    app.get("/verify-email/{token}", link, [pages](Request const& request, Visitor const& who) { return pages->question(request, who); },
            {.rate_class = "sign-in"});
    app.post("/verify-email/{token}", link, [pages](Request const& request, Visitor const& who) { return pages->confirm(request, who); },
             {.rate_class = "sign-in"});
    app.post("/auth/email/verify/send", require_login,
             [pages](Request const& request, Principal const& who) { return pages->send_by_program(request, who); },
             {.rate_class = "register",
              .summary = "Send a link that verifies the account's e-mail address",
              .body = http::BodySchema{.fields = {}, .optional = true},
              .answers = {{.description = "On its way.", .fields = {{.name = "status", .required = true, .one_of = {"sent"}}}}},
              .refusals = {signin::errors::no_address, signin::errors::address_verified_already, signin::errors::mail_limited}});
}

}  // namespace zephyr::routes
