// Pages for adding and removing an authenticator app.
#include "zephyr/encoding/qr.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/account_view.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using guards::origin_of;
using http::Principal;
using http::Request;
using http::Response;

namespace {

constexpr std::string_view default_device_name = "Authenticator app";

class FactorPages {
public:
    FactorPages(AccountRooms rooms, Web const& web) : rooms_{rooms}, web_{web} {}

    Response begin(Request const& request, Principal const& who) const {
        auto const name = some(form_text(request, "device_name")).value_or(std::string{default_device_name});
        auto const begun = rooms_.account.begin_totp(who.session, name, origin_of(request, who));
        if (begun.ok()) return Response::see_other("/account/factors/totp");
        return refused_on_account(request, who, begun.error(), "/account");
    }

    Response enrolment(Request const& request, Principal const& who) const {
        auto view = enrolment_page(who);
        if (!view) return Response::see_other("/account");
        // The secret is on this page: it is shown to whoever could begin now, not to a session that proved itself long ago.
        auto const session = rooms_.sessions.find(who.session);
        if (!session.ok() || !rooms_.sign_in.require_fresh(session.value()).ok()) {
            return Response::see_other("/account/verify?return_to=/account/factors/totp");
        }
        return web_.page(request, *view, who);
    }

    Response confirm(Request const& request, Principal const& who) const {
        auto view = enrolment_page(who);
        auto const refused = [&](Error const& error) {
            if (error == signin::errors::step_up_required) return Response::see_other("/account/verify?return_to=/account/factors/totp");
            if (!view) return refused_on_account(request, who, error, "/account");
            view->errors = form_errors(error);
            return web_.refused(request, *view, error, who);
        };
        auto const accepted = rooms_.sign_in.verify_code(who.session, form_text(request, "code"), origin_of(request, who),
                                                          signin::SignInService::Purpose::enrol);
        if (!accepted.ok()) {
            view = enrolment_page(who);  // gone after too many wrong codes
            if (view) view->device_name = some(form_text(request, "device_name")).value_or(view->device_name);
            return refused(accepted.error());
        }
        if (accepted.value().enrolled) name_device(request, who);
        return web_.signed_in(Response::see_other(web_.return_to(request, "/account?notice=factor_added")), accepted.value().issued);
    }

    Response remove(Request const& request, Principal const& who) const {
        auto const device = FactorId::parse(request.parameter("id"));
        auto const removed = [&]() -> Result<void> {
            if (!device) return mfa::errors::device_not_found;
            std::optional<signin::AccountService::LongerPassword> longer;
            if (auto next = form_secret(request, "new_password"); !next.empty()) {
                longer.emplace(form_secret(request, "current_password"), std::move(next));
            }
            return rooms_.account.remove_totp(who.session, *device, longer, origin_of(request, who));
        }();
        if (removed.ok()) return Response::see_other("/account?notice=factor_removed");
        return refused_on_account(request, who, removed.error(), "/account");
    }

private:
    std::optional<pages::EnrolTotpPage> enrolment_page(Principal const& who) const {
        auto const user = rooms_.users.find(who.user);
        if (!user.ok()) return std::nullopt;
        auto const pending = rooms_.totp.pending(who.user, who.session, user.value().email.value_or(user.value().username));
        if (!pending) return std::nullopt;
        return pages::EnrolTotpPage{.qr_svg = encoding::qr_svg(pending->enrolment.otpauth_uri),
                                    .secret = pending->enrolment.secret_base32,
                                    .otpauth_uri = pending->enrolment.otpauth_uri,
                                    .device_name = pending->name,
                                    .demanded = rooms_.sign_in.mfa_demanded(who.user) && !rooms_.sign_in.has_second_factor(who.user)};
    }

    // The name typed beside the code: the newest device is the one just confirmed.
    void name_device(Request const& request, Principal const& who) const {
        auto const name = form_text(request, "device_name");
        auto const devices = rooms_.totp.list(who.user);
        if (name.empty() || devices.empty() || devices.back().name == name) return;
        // A name that is no name costs nobody their new factor: it keeps the one it began with.
        (void)rooms_.totp.rename(who.user, devices.back().id, name, audit::Actor::user(who.user), origin_of(request, who)).ok();
    }

    Response refused_on_account(Request const& request, Principal const& who, Error const& error, std::string_view after) const {
        if (error == signin::errors::step_up_required) return Response::see_other("/account/verify?return_to=" + std::string{after});
        auto view = account_view(rooms_, who);
        if (!view.ok()) return refuse(view.error(), request);
        view.value().errors = pages::FormErrors::of(error);
        return web_.refused(request, view.value(), error, who);
    }

    AccountRooms rooms_;
    Web const& web_;
};

}  // namespace

void mount_factor_pages(http::App& app, AccountRooms rooms, Web const& web) {
    if (!web.settings().mfa_enabled) return;
    using http::require_login;
    auto const factors = std::make_shared<FactorPages>(rooms, web);
    app.post("/account/factors/totp/begin", require_login,
             [factors](Request const& request, Principal const& who) { return factors->begin(request, who); });
    app.get("/account/factors/totp", require_login,
            [factors](Request const& request, Principal const& who) { return factors->enrolment(request, who); });
    app.post("/account/factors/totp/confirm", require_login,
             [factors](Request const& request, Principal const& who) { return factors->confirm(request, who); }, {.rate_class = "factor"});
    app.post("/account/factors/{id}/remove", require_login,
             [factors](Request const& request, Principal const& who) { return factors->remove(request, who); });
}

}  // namespace zephyr::routes
