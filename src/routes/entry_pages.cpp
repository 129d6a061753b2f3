// Pages of people who are not signed in, or not yet all the way: set-up, sign-up, sign-in, second factor, sign-out.
#include "zephyr/encoding/url.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/account_view.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using guards::origin_of;
using http::Request;
using http::Response;
using http::SessionHolder;
using Visitor = std::optional<SessionHolder>;

namespace {

constexpr std::string_view second_factor_path = "/sign-in/factor";
constexpr std::string_view new_password_path = "/account/password";
constexpr std::string_view enrolment_path = "/account/factors/totp";
constexpr std::string_view choice_path = "/account/factors";

// Where somebody belongs who has just come a step further.
std::string next_page(std::string const& pending, std::string wanted) {
    if (pending == signin::errors::mfa_required.id) return std::string{second_factor_path};
    if (pending == signin::errors::mfa_enrolment_required.id) return std::string{choice_path};
    if (!pending.empty()) return std::string{new_password_path};
    return wanted;
}

std::string with_return_to(std::string path, std::string const& return_to) {
    if (return_to != "/account") path += "?return_to=" + encoding::percent_encode(return_to);
    return path;
}

class EntryPages {
public:
    EntryPages(EntryRooms rooms, Web const& web) : rooms_{rooms}, web_{web} {}

    Response home(Visitor const& who) const {
        if (!who) return Response::see_other(rooms_.setup.needed() ? "/setup" : "/sign-in");
        return Response::see_other(next_page(who->pending, who->has_role(rbac::admin_role) ? "/admin" : "/account"));
    }

    Response sign_in_form(Request const& request, Visitor const& who) const {
        if (who) return Response::see_other(next_page(who->pending, pages::safe_return_to(request.query("return_to").value_or(""))));
        pages::SignInPage view{.sign_up_open = web_.settings().sign_up_open,
                                .can_reset = web_.settings().mail,
                                .notice = request.query("notice").value_or("")};
        return web_.page(request, view);
    }

    Response sign_in(Request const& request, Visitor const& who) const {
        pages::SignInPage view{.username = form_text(request, "username"),
                               .remember = request.form("remember").has_value(),
                               .sign_up_open = web_.settings().sign_up_open,
                               .can_reset = web_.settings().mail};
        return enter(request, view, form_secret(request, "password"), who, web_.return_to(request));
    }

    Response sign_out(Request const& request, SessionHolder const& who) const {
        if (auto const out = rooms_.sign_in.sign_out(who.session, origin_of(request, who)); !out.ok()) return refuse(out.error(), request);
        return web_.signed_out(Response::see_other("/sign-in?notice=signed_out"));
    }

    Response factor_form(Request const& request, SessionHolder const& who) const {
        if (who.pending != signin::errors::mfa_required.id) {
            return Response::see_other(next_page(who.pending, pages::safe_return_to(request.query("return_to").value_or(""))));
        }
        return web_.page(request, factor_page(who, request.query("method").value_or(""), request.query("sent").has_value()), who);
    }

    Response send_factor(Request const& request, SessionHolder const& who) const {
        auto const kind = form_text(request, "method");
        if (auto const sent = rooms_.sign_in.send_code(who.session, kind, origin_of(request, who)); !sent.ok()) {
            // A code that is on its way can still be typed.
            auto view = factor_page(who, kind, sent.error() == mfa::errors::sending_limited);
            view.errors = pages::FormErrors::of(sent.error());
            return web_.refused(request, view, sent.error(), who);
        }
        std::string const path = std::string{second_factor_path} + "?" + encoding::build_form({{"method", kind}, {"sent", "1"}});
        return Response::see_other(with_return_path(path, request));
    }

    Response factor(Request const& request, SessionHolder const& who) const {
        auto const kind = some(form_text(request, "method")).value_or(std::string{mfa::totp_kind.name});
        signin::GivenCode const given{.kind = kind,
                                      .code = form_text(request, "code"),
                                      .device_cookie = web_.device_cookie(request),
                                      .trust_device = request.form("trust_device").has_value()};
        auto accepted = rooms_.sign_in.verify_code(who.session, given, origin_of(request, who), signin::SignInService::Purpose::prove);
        if (!accepted.ok()) {
            auto view = factor_page(who, kind, true);
            view.errors = form_errors(accepted.error());
            return web_.refused(request, view, accepted.error(), who);
        }
        auto const& issued = accepted.value().issued;
        return web_.signed_in(Response::see_other(next_page(issued.session.pending, web_.return_to(request))), issued,
                              accepted.value().device_cookie);
    }

    Response sign_up_form(Request const& request) const {
        if (!web_.settings().sign_up_open) return refuse(signin::errors::sign_up_closed, request);
        return web_.page(request, pages::SignUpPage{.minimum_length = web_.settings().least_password_length});
    }

    Response sign_up(Request const& request, Visitor const& who) const {
        pages::SignUpPage view{.username = form_text(request, "username"),
                               .email = form_text(request, "email"),
                               .display_name = form_text(request, "display_name"),
                               .minimum_length = web_.settings().least_password_length};
        auto const password = new_password(request);
        auto const made = [&]() -> Result<users::User> {
            if (!password.ok()) return password.error();
            return rooms_.sign_in.register_user({.username = view.username,
                                                 .email = some(view.email),
                                                 .display_name = view.display_name,
                                                 .password = password.value(),
                                                 .origin = origin_of(request)});
        }();
        if (!made.ok()) {
            view.errors = form_errors(made.error());
            return web_.refused(request, view, made.error());
        }
        return enter(request, pages::SignInPage{.username = view.username}, password.value(), who, "/account");
    }

    Response set_up_form(Request const& request) const {
        auto const token = SecretText{request.parameter("token")};
        if (!rooms_.setup.check(token).ok()) return web_.page(request, pages::SetupGonePage{}, std::nullopt, 410);
        return web_.page(request, pages::SetupPage{.token = token.reveal(), .minimum_length = web_.settings().least_password_length});
    }

    Response set_up(Request const& request, Visitor const& who) const {
        pages::SetupPage view{.token = request.parameter("token"),
                              .username = form_text(request, "username"),
                              .email = form_text(request, "email"),
                              .display_name = form_text(request, "display_name"),
                              .minimum_length = web_.settings().least_password_length};
        auto const password = new_password(request);
        auto const made = [&]() -> Result<users::User> {
            if (!password.ok()) return password.error();
            return rooms_.setup.complete(SecretText{view.token}, {.username = view.username,
                                                                  .email = some(view.email),
                                                                  .display_name = view.display_name,
                                                                  .password = password.value(),
                                                                  .origin = origin_of(request)});
        }();
        if (!made.ok()) {
            if (made.error() == signin::errors::setup_link_gone) return web_.page(request, pages::SetupGonePage{}, std::nullopt, 410);
            view.errors = form_errors(made.error());
            return web_.refused(request, view, made.error());
        }
        return enter(request, pages::SignInPage{.username = view.username}, password.value(), who, "/admin");
    }

private:
    // Signs in, and goes on to whatever is still missing: a code, a new password, an enrolment that the operator demands.
    Response enter(Request const& request, pages::SignInPage view, SecretText const& password, Visitor const& who,
                   std::string const& wanted) const {
        auto const origin = origin_of(request);
        auto signed_in = rooms_.sign_in.sign_in({.login = view.username,
                                                 .password = password,
                                                 .remember = view.remember,
                                                 .origin = origin,
                                                 .replaces = who ? std::optional{who->session} : std::nullopt,
                                                 .device_cookie = web_.device_cookie(request)});
        if (!signed_in.ok()) {
            view.errors = form_errors(signed_in.error());
            return web_.refused(request, view, signed_in.error());
        }
        auto const& done = signed_in.value();
        auto const& session = done.issued.session;
        auto to = session.pending.empty() ? wanted : with_return_to(next_page(session.pending, wanted), wanted);
        // Who may go on without a second factor, but is to add one, or can do nothing else.
        bool const to_enrol = session.pending.empty() ? done.mfa == signin::MfaState::enrolment_required
                                                      : session.pending == signin::errors::mfa_enrolment_required.id;
        if (to_enrol) to = with_return_to(enrolment_page(session, origin), wanted);
        return web_.signed_in(Response::see_other(std::move(to)), done.issued, done.device_cookie);
    }

    // The choice, where there is one; else the one thing there is to add.
    std::string enrolment_page(sessions::Session const& session, audit::Origin const& origin) const {
        auto const available = [](auto const* provider) { return provider != nullptr && provider->available(); };
        bool const choice = available(rooms_.mfa.sms()) || available(rooms_.mfa.email());
        if (choice || !rooms_.account.begin_totp(session.ref, "Authenticator app", origin).ok()) return std::string{choice_path};
        return std::string{enrolment_path};
    }

    pages::SecondFactorPage factor_page(SessionHolder const& who, std::string_view kind, bool sent) const {
        pages::SecondFactorPage view{.ask = factor_ask(rooms_.sign_in, rooms_.mfa, who.user, AskedFor::sign_in, kind, sent)};
        if (web_.settings().recovery_by_mail) view.lost_href = "/sign-in/lost-factor";
        auto const& devices = rooms_.devices.settings();
        if (devices.may_be_trusted && !rooms_.sign_in.mfa_demanded(who.user)) view.trust_days = static_cast<int>(devices.trust / 24h);
        return view;
    }

    EntryRooms rooms_;
    Web const& web_;
};

}  // namespace

void mount_entry_pages(http::App& app, EntryRooms rooms, Web const& web) {
    auto const entry = std::make_shared<EntryPages>(rooms, web);
    auto const anybody = http::open_to_all("people come here before they have proved anything");

    app.get("/", http::open_to_all("leads to the page where one belongs"),
            [entry](Request const&, Visitor const& who) { return entry->home(who); });
    app.get("/sign-in", anybody, [entry](Request const& request, Visitor const& who) { return entry->sign_in_form(request, who); });
    app.post("/sign-in", anybody, [entry](Request const& request, Visitor const& who) { return entry->sign_in(request, who); },
             {.rate_class = "sign-in"});
    app.post("/sign-out", http::require_session,
             [entry](Request const& request, SessionHolder const& who) { return entry->sign_out(request, who); });
    app.get("/sign-up", anybody, [entry](Request const& request) { return entry->sign_up_form(request); });
    app.post("/sign-up", anybody, [entry](Request const& request, Visitor const& who) { return entry->sign_up(request, who); },
             {.rate_class = "register"});

    auto const link = http::open_to_all("the one-time link is the proof; dead once an administrator exists");
    app.get("/setup", http::open_to_all("says where the set-up link is to be found"),
            [&web](Request const& request) { return web.page(request, pages::SetupGonePage{}, std::nullopt, 410); });
    app.get("/setup/{token}", link, [entry](Request const& request) { return entry->set_up_form(request); }, {.rate_class = "sign-in"});
    app.post("/setup/{token}", link, [entry](Request const& request, Visitor const& who) { return entry->set_up(request, who); },
             {.rate_class = "sign-in"});

    if (!web.settings().mfa_enabled) return;
    app.get("/sign-in/factor", http::require_session,
            [entry](Request const& request, SessionHolder const& who) { return entry->factor_form(request, who); });
    app.post("/sign-in/factor", http::require_session,
             [entry](Request const& request, SessionHolder const& who) { return entry->factor(request, who); }, {.rate_class = "factor"});
    app.post("/sign-in/factor/send", http::require_session,
             [entry](Request const& request, SessionHolder const& who) { return entry->send_factor(request, who); }, {.rate_class = "factor"});
}

}  // namespace zephyr::routes
