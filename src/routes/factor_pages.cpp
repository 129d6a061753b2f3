// Pages for adding and removing second factors: the choice, authenticator apps, codes by SMS and e-mail.
#include "zephyr/encoding/qr.h"
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

constexpr std::string_view default_device_name = "Authenticator app";
constexpr std::string_view choice_path = "/account/factors";
constexpr std::string_view totp_path = "/account/factors/totp";
constexpr std::string_view backup_codes_path = "/account/factors/backup-codes";

// One kind of code that is sent.
struct Delivered {
    std::string_view kind;
    std::string_view path;
};
constexpr Delivered by_sms{"sms", "/account/factors/sms"};
constexpr Delivered by_email{"email", "/account/factors/email"};

bool must_enrol(SessionHolder const& who) { return who.pending == signin::errors::mfa_enrolment_required.id; }

class FactorPages {
public:
    FactorPages(AccountRooms rooms, Web const& web) : rooms_{rooms}, web_{web} {}

    Response choice(Request const& request, SessionHolder const& who) const {
        return web_.page(request, pages::ChooseFactorPage{.offers = offers(who), .demanded = must_enrol(who)}, who);
    }

    // --- Authenticator apps ---

    Response begin(Request const& request, SessionHolder const& who) const {
        auto const name = some(form_text(request, "device_name")).value_or(std::string{default_device_name});
        auto const begun = rooms_.account.begin_totp(who.session, name, origin_of(request, who));
        if (begun.ok()) return Response::see_other(with_return_path(std::string{totp_path}, request));
        return refused(request, who, begun.error(), must_enrol(who) ? choice_path : "/account");
    }

    Response enrolment(Request const& request, SessionHolder const& who) const {
        auto view = enrolment_page(who);
        if (!view) return Response::see_other(must_enrol(who) ? std::string{choice_path} : "/account");
        // The secret is on this page: it is shown to whoever could begin now, not to a session that proved itself long ago.
        if (auto const proof = fresh(who); !proof.ok()) return step_up(request, who, proof.error(), totp_path);
        return web_.page(request, *view, who);
    }

    Response confirm(Request const& request, SessionHolder const& who) const {
        auto accepted = confirm_code(request, who, "totp");
        if (accepted.ok()) {
            if (accepted.value().enrolled) name_device(request, who);
            return added(request, accepted.value());
        }
        auto const& error = accepted.error();
        if (asks_for_proof(error)) return step_up(request, who, error, totp_path);
        auto view = enrolment_page(who);
        if (!view) return refused(request, who, error, "/account");  // gone after too many wrong codes
        view->device_name = some(form_text(request, "device_name")).value_or(view->device_name);
        view->errors = form_errors(error);
        return web_.refused(request, *view, error, who);
    }

    // --- Codes that are sent ---

    Response delivered(Request const& request, SessionHolder const& who, Delivered const& what) const {
        if (auto const proof = fresh(who); !proof.ok()) return step_up(request, who, proof.error(), what.path);
        bool const again = request.query("number").has_value();
        return web_.page(request, delivered_page(who, what, again), who);
    }

    Response begin_delivered(Request const& request, SessionHolder const& who, Delivered const& what) const {
        auto const origin = origin_of(request, who);
        auto const phone = form_text(request, "phone");
        auto const sent = what.kind == by_sms.kind ? rooms_.account.begin_sms(who.session, phone, origin)
                                                   : rooms_.account.begin_email(who.session, origin);
        if (sent.ok()) return Response::see_other(with_return_path(std::string{what.path}, request));
        auto const& error = sent.error();
        if (asks_for_proof(error)) return step_up(request, who, error, what.path);
        // Whoever typed a number again sees it again, with what was wrong with it; a code that is on its way can still be typed.
        bool const number = what.kind == by_sms.kind && error != mfa::errors::sending_limited;
        auto view = delivered_page(who, what, number);
        view.phone = phone;
        view.errors = form_errors(error);
        return web_.refused(request, view, error, who);
    }

    Response confirm_delivered(Request const& request, SessionHolder const& who, Delivered const& what) const {
        auto accepted = confirm_code(request, who, what.kind);
        if (accepted.ok()) return added(request, accepted.value());
        auto const& error = accepted.error();
        if (asks_for_proof(error)) return step_up(request, who, error, what.path);
        auto view = delivered_page(who, what, false);
        view.errors = form_errors(error);
        return web_.refused(request, view, error, who);
    }

    // --- Removing ---

    Response remove(Request const& request, Principal const& who) const {
        auto const factor = FactorId::parse(request.parameter("id"));
        auto const removed = [&]() -> Result<void> {
            if (!factor) return mfa::errors::device_not_found;
            std::optional<signin::AccountService::LongerPassword> longer;
            if (auto next = form_secret(request, "new_password"); !next.empty()) {
                longer.emplace(form_secret(request, "current_password"), std::move(next));
            }
            return rooms_.account.remove_factor(who.session, *factor, longer, origin_of(request, who));
        }();
        if (removed.ok()) return Response::see_other("/account?notice=factor_removed");
        return refused(request, who, removed.error(), "/account");
    }

    Response forget(Request const& request, Principal const& who) const {
        auto const forgotten = rooms_.account.forget_device(who.session, request.parameter("id"), origin_of(request, who));
        if (forgotten.ok()) return Response::see_other("/account?notice=browser_forgotten");
        return refused(request, who, forgotten.error(), "/account");
    }

private:
    Result<mfa::FreshProof> fresh(SessionHolder const& who) const {
        ZEPHYR_TRY(auto const session, rooms_.sessions.find(who.session));
        return rooms_.sign_in.require_fresh(session);
    }

    pages::FactorOffers offers(SessionHolder const& who) const {
        auto const user = rooms_.users.find(who.user);
        return user.ok() ? factor_offers(rooms_, user.value()) : pages::FactorOffers{};
    }

    // Sign-in goes no further: not for somebody in their grace, who came here early.
    bool demanded_now(SessionHolder const& who) const {
        if (must_enrol(who)) return true;
        return !rooms_.sign_in.has_counting_factor(who.user) && rooms_.policy.demanded(who.user).what == signin::MfaDemand::What::now;
    }

    std::optional<pages::EnrolTotpPage> enrolment_page(SessionHolder const& who) const {
        auto const user = rooms_.users.find(who.user);
        if (!user.ok()) return std::nullopt;
        auto const pending = rooms_.mfa.totp().pending(who.user, who.session, user.value().email.value_or(user.value().username));
        if (!pending) return std::nullopt;
        return pages::EnrolTotpPage{.qr_svg = encoding::qr_svg(pending->enrolment.otpauth_uri),
                                    .secret = pending->enrolment.secret_base32,
                                    .otpauth_uri = pending->enrolment.otpauth_uri,
                                    .device_name = pending->name,
                                    .demanded = demanded_now(who)};
    }

    // `start`: begin anew, though a code may be on its way.
    pages::EnrolDeliveredPage delivered_page(SessionHolder const& who, Delivered const& what, bool start) const {
        bool const sms = what.kind == by_sms.kind;
        auto* const codes = sms ? rooms_.mfa.sms() : rooms_.mfa.email();
        auto const known = offers(who);
        pages::EnrolDeliveredPage view{.kind = std::string{what.kind}, .address = known.email_address};
        if (codes != nullptr && !start) view.to = codes->pending(who.user, who.session).value_or("");
        view.counts = sms || known.email_counts;
        view.alternative = rooms_.mfa.totp().has_confirmed(who.user);
        view.demanded = must_enrol(who);
        return view;
    }

    Result<signin::CodeAccepted> confirm_code(Request const& request, SessionHolder const& who, std::string_view kind) const {
        signin::GivenCode const given{.kind = std::string{kind},
                                      .code = form_text(request, "code"),
                                      .device_cookie = web_.device_cookie(request),
                                      .make_backup_codes = false};
        return rooms_.sign_in.verify_code(who.session, given, origin_of(request, who), signin::SignInService::Purpose::enrol);
    }

    // On to what comes next: after the first factor that codes can stand in for, codes for the day it is lost.
    Response added(Request const& request, signin::CodeAccepted const& accepted) const {
        auto const& session = accepted.issued.session;
        auto to = web_.return_to(request, "/account?notice=factor_added");
        if (session.pending == signin::errors::change_required.id) {
            to = "/account/password";
        } else if (!session.pending.empty()) {
            to = choice_path;  // an e-mail address where only what counts will do
        } else if (accepted.enrolled && rooms_.sign_in.has_second_factor(session.user) && !rooms_.mfa.backup_codes().left(session.user)) {
            to = std::string{backup_codes_path} + "?" + encoding::build_form({{"added", "first"}, {"return_to", to}});
        }
        return web_.signed_in(Response::see_other(std::move(to)), accepted.issued, accepted.device_cookie);
    }

    // The name typed beside the code: the newest device is the one just confirmed.
    void name_device(Request const& request, SessionHolder const& who) const {
        auto const name = form_text(request, "device_name");
        auto const devices = rooms_.mfa.totp().list(who.user);
        if (name.empty() || devices.empty() || devices.back().name == name) return;
        // A name that is no name costs nobody their new factor: it keeps the one it began with.
        (void)rooms_.mfa.totp().rename(who.user, devices.back().id, name, audit::Actor::user(who.user), origin_of(request, who)).ok();
    }

    // A sign-in that waits for a factor can't prove itself again: it begins anew.
    Response step_up(Request const& request, SessionHolder const& who, Error const& error, std::string_view after) const {
        if (!must_enrol(who)) return to_step_up(error, with_return_path(std::string{after}, request));
        if (auto const out = rooms_.sign_in.sign_out(who.session, origin_of(request, who)); !out.ok()) return refuse(out.error(), request);
        return web_.signed_out(Response::see_other("/sign-in?notice=session_expired"));
    }

    Response refused(Request const& request, SessionHolder const& who, Error const& error, std::string_view after) const {
        if (asks_for_proof(error)) return step_up(request, who, error, after);
        if (!who.pending.empty()) {
            pages::ChooseFactorPage view{.offers = offers(who), .demanded = true, .errors = pages::FormErrors::of(error)};
            return web_.refused(request, view, error, who);
        }
        auto view = account_view(rooms_, who);
        if (!view.ok()) return refuse(view.error(), request);
        view.value().errors = pages::FormErrors::of(error);
        return web_.refused(request, view.value(), error, who);
    }

    AccountRooms rooms_;
    Web const& web_;
};

using Shown = std::shared_ptr<FactorPages const>;

// Whole sessions, and those that wait for a factor by policy: adding one is what they wait for.
template <class Handler>
auto enrolling(Handler handler) {
    return [handler](Request const& request, SessionHolder const& who) -> Response {
        if (who.pending.empty() || must_enrol(who)) return handler(request, who);
        bool const password = who.pending == signin::errors::change_required.id;
        return refuse(password ? Error{signin::errors::change_required} : Error{signin::errors::mfa_required}, request);
    };
}

void mount_delivered(http::App& app, Shown const& pages, Delivered const& what) {
    std::string const path{what.path};
    app.get(path, http::require_session,
            enrolling([pages, what](Request const& request, SessionHolder const& who) { return pages->delivered(request, who, what); }));
    app.post(path + "/begin", http::require_session,
             enrolling([pages, what](Request const& request, SessionHolder const& who) { return pages->begin_delivered(request, who, what); }),
             {.rate_class = "factor"});
    app.post(path + "/confirm", http::require_session,
             enrolling([pages, what](Request const& request, SessionHolder const& who) { return pages->confirm_delivered(request, who, what); }),
             {.rate_class = "factor"});
}

}  // namespace

void mount_factor_pages(http::App& app, AccountRooms rooms, Web const& web) {
    if (!web.settings().mfa_enabled) return;
    using http::require_login, http::require_session;
    Shown const pages = std::make_shared<FactorPages>(rooms, web);

    app.get("/account/factors", require_session,
            enrolling([pages](Request const& request, SessionHolder const& who) { return pages->choice(request, who); }));
    app.post("/account/factors/totp/begin", require_session,
             enrolling([pages](Request const& request, SessionHolder const& who) { return pages->begin(request, who); }));
    app.get("/account/factors/totp", require_session,
            enrolling([pages](Request const& request, SessionHolder const& who) { return pages->enrolment(request, who); }));
    app.post("/account/factors/totp/confirm", require_session,
             enrolling([pages](Request const& request, SessionHolder const& who) { return pages->confirm(request, who); }),
             {.rate_class = "factor"});
    auto const available = [](auto const* provider) { return provider != nullptr && provider->available(); };
    if (available(rooms.mfa.sms())) mount_delivered(app, pages, by_sms);
    if (available(rooms.mfa.email())) mount_delivered(app, pages, by_email);
    app.post("/account/factors/{id}/remove", require_login,
             [pages](Request const& request, Principal const& who) { return pages->remove(request, who); }, {.rate_class = "factor"});
    app.post("/account/browsers/{id}/forget", require_login,
             [pages](Request const& request, Principal const& who) { return pages->forget(request, who); });
}

}  // namespace zephyr::routes
