// Pages of one's own account: profile, password, sessions, proving again who one is.
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/account_view.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using guards::origin_of;
using http::Principal;
using http::Request;
using http::Response;
using http::SessionHolder;

namespace {

class AccountPages {
public:
    AccountPages(AccountRooms rooms, Web const& web) : rooms_{rooms}, web_{web} {}

    Response show(Request const& request, Principal const& who) const {
        auto view = account_view(rooms_, who);
        if (!view.ok()) return refuse(view.error(), request);
        view.value().notice = request.query("notice").value_or("");
        return web_.page(request, view.value(), who);
    }

    Response save_profile(Request const& request, Principal const& who) const {
        auto const display_name = form_text(request, "display_name");
        auto const email = form_text(request, "email");
        // An e-mail address is a name to sign in with: changing it is changing a credential.
        if (auto const user = rooms_.users.find(who.user); user.ok() && user.value().email.value_or("") != email) {
            auto const session = rooms_.sessions.find(who.session);
            if (!session.ok() || !rooms_.sign_in.require_fresh(session.value()).ok()) return Response::see_other("/account/verify");
        }
        auto const saved = rooms_.users.update_profile(who.user, {.email = email, .display_name = display_name},
                                                       audit::Actor::user(who.user), origin_of(request, who));
        if (saved.ok()) return Response::see_other("/account?notice=profile_saved");
        auto view = account_view(rooms_, who);
        if (!view.ok()) return refuse(view.error(), request);
        view.value().display_name = display_name;
        view.value().email = email;
        // Whose an e-mail address is, nobody learns here.
        auto const error = saved.error() == users::errors::email_taken ? Error{users::errors::email_malformed} : saved.error();
        view.value().errors = form_errors(error);
        return web_.refused(request, view.value(), error, who);
    }

    Response password_form(Request const& request, SessionHolder const& who) const {
        if (who.pending == signin::errors::mfa_required.id) return Response::see_other("/sign-in/factor");
        return web_.page(request, password_page(who), who);
    }

    Response change_password(Request const& request, SessionHolder const& who) const {
        auto const changed = [&]() -> Result<sessions::IssuedSession> {
            ZEPHYR_TRY(auto const wanted, new_password(request));
            return rooms_.account.change_password(who.session, form_secret(request, "current_password"), wanted, origin_of(request, who));
        }();
        if (!changed.ok()) {
            if (changed.error() == signin::errors::step_up_required) return Response::see_other("/account/verify?return_to=/account/password");
            auto view = password_page(who);
            view.errors = form_errors(changed.error());
            return web_.refused(request, view, changed.error(), who);
        }
        auto const to = who.pending.empty() ? "/account?notice=password_changed" : web_.return_to(request, "/account?notice=password_changed");
        return web_.signed_in(Response::see_other(to), changed.value());
    }

    Response revoke(Request const& request, Principal const& who) const {
        auto const ref = SessionRef::parse(request.parameter("ref"));
        // Another person's session is as unknown as one that never was.
        auto const found = ref ? rooms_.sessions.find(*ref) : Result<sessions::Session>{sessions::errors::not_found};
        if (!found.ok() || found.value().user != who.user) return refuse(sessions::errors::not_found, request);
        auto const ended = rooms_.sessions.end(*ref, audit::Actor::user(who.user), origin_of(request, who), "revoked_by_owner");
        if (!ended.ok()) return refuse(ended.error(), request);
        if (*ref == who.session) return web_.signed_out(Response::see_other("/sign-in?notice=signed_out"));
        return Response::see_other("/account?notice=session_ended");
    }

    Response revoke_others(Request const& request, Principal const& who) const {
        rooms_.sessions.end_all(who.user, who.session, audit::Actor::user(who.user), origin_of(request, who), "revoked_by_owner");
        return Response::see_other("/account?notice=sessions_ended");
    }

    Response dismiss_notices(Request const& request, Principal const& who) const {
        rooms_.account.dismiss_notices(who.user, origin_of(request, who));
        return Response::see_other("/account");
    }

    Response verify_form(Request const& request, Principal const& who) const { return web_.page(request, reauth_page(who), who); }

    Response verify(Request const& request, Principal const& who) const {
        auto const code = form_text(request, "code");
        auto const origin = origin_of(request, who);
        auto const proved = [&]() -> Result<sessions::IssuedSession> {
            if (code.empty()) return rooms_.sign_in.verify_password(who.session, form_secret(request, "password"), origin);
            ZEPHYR_TRY(auto accepted, rooms_.sign_in.verify_code(who.session, code, origin, signin::SignInService::Purpose::prove));
            return std::move(accepted.issued);
        }();
        if (proved.ok()) return web_.signed_in(Response::see_other(web_.return_to(request)), proved.value());
        auto view = reauth_page(who);
        view.errors = form_errors(proved.error());
        return web_.refused(request, view, proved.error(), who);
    }

private:
    pages::ChangePasswordPage password_page(SessionHolder const& who) const {
        bool const second = rooms_.sign_in.has_second_factor(who.user);
        return {.username = who.username,
                .must_change = !who.pending.empty(),
                .why = who.pending,
                .minimum_length = second ? web_.settings().least_password_length_with_factor : web_.settings().least_password_length};
    }

    // Asks for what require_fresh wants: the second factor of whoever has one, the password of whoever has not.
    pages::ReauthPage reauth_page(Principal const& who) const {
        pages::ReauthPage view;
        view.ask_code = rooms_.sign_in.has_second_factor(who.user);
        view.ask_password = !view.ask_code;
        for (auto const& device : rooms_.totp.list(who.user)) view.device_names.push_back(device.name);
        return view;
    }

    AccountRooms rooms_;
    Web const& web_;
};

}  // namespace

void mount_account_pages(http::App& app, AccountRooms rooms, Web const& web) {
    using http::require_login, http::require_session;
    auto const account = std::make_shared<AccountPages>(rooms, web);

    app.get("/account", require_login, [account](Request const& request, Principal const& who) { return account->show(request, who); });
    app.post("/account/profile", require_login,
             [account](Request const& request, Principal const& who) { return account->save_profile(request, who); }, {.rate_class = "factor"});
    // A pending sign-in may come here when a new password is what it waits for.
    app.get("/account/password", require_session,
            [account](Request const& request, SessionHolder const& who) { return account->password_form(request, who); });
    app.post("/account/password", require_session,
             [account](Request const& request, SessionHolder const& who) { return account->change_password(request, who); },
             {.rate_class = "sign-in"});
    app.post("/account/sessions/revoke-others", require_login,
             [account](Request const& request, Principal const& who) { return account->revoke_others(request, who); });
    app.post("/account/sessions/{ref}/revoke", require_login,
             [account](Request const& request, Principal const& who) { return account->revoke(request, who); });
    app.post("/account/notices/dismiss", require_login,
             [account](Request const& request, Principal const& who) { return account->dismiss_notices(request, who); });
    app.get("/account/verify", require_login,
            [account](Request const& request, Principal const& who) { return account->verify_form(request, who); });
    app.post("/account/verify", require_login,
             [account](Request const& request, Principal const& who) { return account->verify(request, who); }, {.rate_class = "factor"});
}

}  // namespace zephyr::routes
