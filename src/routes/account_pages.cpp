// Pages of one's own account: profile, password, sessions, proving again who one is.
#include "zephyr/encoding/url.h"
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
        auto const saved = save(request, who, display_name, email);
        if (saved.ok()) return Response::see_other("/account?notice=" + saved.value());
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
            return rooms_.account.change_password(who.session, form_secret(request, "current_password"), wanted, origin_of(request, who),
                                                  web_.device_cookie(request));
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
        rooms_.account.end_other_sessions(who.session, who.user, origin_of(request, who));
        return Response::see_other("/account?notice=sessions_ended");
    }

    Response dismiss_notices(Request const& request, Principal const& who) const {
        rooms_.account.dismiss_notices(who.user, origin_of(request, who));
        return Response::see_other("/account");
    }

    Response verify_form(Request const& request, Principal const& who) const {
        auto view = reauth_page(who, request.query("method").value_or(""), request.query("sent").has_value());
        view.stronger = request.query("need").value_or("") == "stronger";
        return web_.page(request, view, who);
    }

    Response send_code(Request const& request, Principal const& who) const {
        auto const kind = form_text(request, "method");
        if (auto const sent = rooms_.sign_in.send_code(who.session, kind, origin_of(request, who)); !sent.ok()) {
            // A code that is on its way can still be typed.
            auto view = reauth_page(who, kind, sent.error() == mfa::errors::sending_limited);
            view.errors = pages::FormErrors::of(sent.error());
            return web_.refused(request, view, sent.error(), who);
        }
        std::string const path = "/account/verify?" + encoding::build_form({{"method", kind}, {"sent", "1"}});
        return Response::see_other(with_return_path(path, request));
    }

    Response verify(Request const& request, Principal const& who) const {
        auto const code = form_text(request, "code");
        auto const kind = some(form_text(request, "method")).value_or(std::string{mfa::totp_kind.name});
        auto const origin = origin_of(request, who);
        auto const proved = [&]() -> Result<sessions::IssuedSession> {
            if (code.empty()) return rooms_.sign_in.verify_password(who.session, form_secret(request, "password"), origin);
            signin::GivenCode const given{.kind = kind, .code = code, .device_cookie = web_.device_cookie(request)};
            ZEPHYR_TRY(auto accepted, rooms_.sign_in.verify_code(who.session, given, origin, signin::SignInService::Purpose::prove));
            return std::move(accepted.issued);
        }();
        if (proved.ok()) return web_.signed_in(Response::see_other(web_.return_to(request)), proved.value());
        auto view = reauth_page(who, kind, true);
        view.errors = form_errors(proved.error());
        return web_.refused(request, view, proved.error(), who);
    }

private:
    // Where mail can be sent, a new address counts once its owner followed the link.
    Result<std::string> save(Request const& request, Principal const& who, std::string const& display_name, std::string const& email) const {
        auto const origin = origin_of(request, who);
        ZEPHYR_TRY(auto const user, rooms_.users.find(who.user));
        bool const by_mail = rooms_.address != nullptr && user.email.value_or("") != email;
        users::ProfileChange change{.display_name = display_name};
        if (!by_mail) change.email = email;
        ZEPHYR_CHECK(rooms_.account.change_profile(who.session, change, origin));
        if (!by_mail) return std::string{"profile_saved"};
        ZEPHYR_CHECK(rooms_.address->begin_change(who.session, email, origin, web_.pages().language_for(request)));
        return std::string{email.empty() ? "profile_saved" : "link_sent"};
    }

    pages::ChangePasswordPage password_page(SessionHolder const& who) const {
        bool const second = rooms_.sign_in.has_second_factor(who.user);
        return {.username = who.username,
                .must_change = !who.pending.empty(),
                .why = who.pending,
                .minimum_length = second ? web_.settings().least_password_length_with_factor : web_.settings().least_password_length};
    }

    // Asks for what require_fresh wants: the second factor of whoever has one, the password of whoever has not.
    pages::ReauthPage reauth_page(Principal const& who, std::string_view kind, bool sent) const {
        pages::ReauthPage view;
        if (rooms_.sign_in.has_factor(who.user)) view.ask = factor_ask(rooms_.sign_in, rooms_.mfa, who.user, AskedFor::step_up, kind, sent);
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
    if (!web.settings().mfa_enabled) return;
    app.post("/account/verify/send", require_login,
             [account](Request const& request, Principal const& who) { return account->send_code(request, who); }, {.rate_class = "factor"});
}

}  // namespace zephyr::routes
