// Lost second factors: what people do themselves, and what administrators ask for and approve.
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using audit::Actor;
using guards::origin_of;
using http::Principal;
using http::Request;
using http::Response;
using http::SessionHolder;
using signin::Recovery;

namespace {

std::int64_t in_hours(std::chrono::seconds wait) { return std::chrono::ceil<std::chrono::hours>(wait).count(); }

class RecoveryPages {
public:
    RecoveryPages(RecoveryRooms rooms, Web const& web) : rooms_{rooms}, web_{web} {}

    // --- Of people.

    Response lost_form(Request const& request, SessionHolder const& who) const {
        if (who.pending != signin::errors::mfa_required.id) return Response::see_other("/account");
        return web_.page(request, pages::LostFactorPage{.hours = wait()}, who);
    }

    Response lost(Request const& request, SessionHolder const& who) const {
        auto const sent = rooms_.recovery.send_link(who.session, origin_of(request, who), web_.pages().language_for(request));
        if (!sent.ok()) return refuse(sent.error(), request);
        return web_.page(request, pages::LostFactorPage{.sent = true, .hours = wait()}, who);
    }

    Response question(Request const& request) const {
        auto const asked = rooms_.recovery.look(request.parameter("token"));
        if (!asked.ok()) return gone(request);
        return web_.page(request, view_of(request, asked.value()));
    }

    Response begin(Request const& request) const {
        auto const asked = rooms_.recovery.look(request.parameter("token"));
        auto const begun = rooms_.recovery.begin(request.parameter("token"), origin_of(request));
        if (!asked.ok() || !begun.ok()) return gone(request);
        auto view = view_of(request, asked.value());
        view.due = begun.value();
        return web_.page(request, view);
    }

    Response cancel_own(Request const& request, Principal const& who) const {
        auto const done = rooms_.recovery.cancel_own(who.session, origin_of(request, who));
        // It may have been stopped from another device a moment ago: nothing is left to do either way.
        if (!done.ok() && done.error() != signin::errors::recovery_not_found) return refuse(done.error(), request);
        return Response::see_other("/account?notice=recovery_cancelled");
    }

    // --- Of administrators.

    Response show(Request const& request, Principal const& who) const {
        return answer(request, who, request.query("notice").value_or(""), {}, nullptr);
    }

    Response all(Request const& request, Principal const& who) const {
        pages::AdminRecoveriesPage view;
        for (auto const& recovery : rooms_.recovery.open()) view.open.push_back(item(recovery));
        return web_.page(request, view, who);
    }

    Response ask(Request const& request, Principal const& who) const {
        auto const reason = form_text(request, "reason");
        return change(request, who, "recovery_asked", reason, [&](UserId const& id) -> Result<void> {
            ZEPHYR_CHECK(rooms_.recovery.ask(id, Actor::user(who.user), origin_of(request, who), reason));
            return success();
        });
    }
    Response approve(Request const& request, Principal const& who) const {
        return change(request, who, "factors_reset", {},
                      [&](UserId const& id) { return rooms_.recovery.approve(id, Actor::user(who.user), origin_of(request, who)); });
    }
    Response cancel(Request const& request, Principal const& who) const {
        return change(request, who, "recovery_cancelled", {},
                      [&](UserId const& id) { return rooms_.recovery.cancel(id, Actor::user(who.user), origin_of(request, who)); });
    }

private:
    std::int64_t wait() const { return in_hours(rooms_.recovery.settings().wait); }
    Response gone(Request const& request) const { return web_.page(request, pages::LinkGonePage{}, std::nullopt, 410); }

    pages::RecoverPage view_of(Request const& request, signin::RecoveryService::Question const& asked) const {
        return {.token = request.parameter("token"), .username = asked.username, .hours = in_hours(asked.wait)};
    }

    std::string name_of(std::string const& user) const {
        auto const id = UserId::parse(user);
        auto const found = id ? rooms_.users.find(*id) : Result<users::User>{users::errors::not_found};
        return found.ok() ? found.value().username : std::string{};
    }

    pages::RecoveryItem item(Recovery const& recovery) const {
        bool const self = recovery.kind == Recovery::Kind::self;
        return {.user_id = recovery.user.str(),
                .username = name_of(recovery.user.str()),
                .self = self,
                .requested_by = self ? std::string{} : name_of(recovery.requested_by),
                .reason = recovery.reason,
                .requested_at = recovery.requested_at,
                .due_at = recovery.due_at};
    }

    template <class Change>
    Response change(Request const& request, Principal const& who, std::string_view notice, std::string const& reason, Change&& change) const {
        auto const id = UserId::parse(request.parameter("id"));
        if (!id) return refuse(users::errors::not_found, request);
        Result<void> const done = change(*id);
        if (done.ok()) return Response::see_other("/admin/users/" + id->str() + "/recovery?notice=" + std::string{notice});
        return answer(request, who, {}, reason, &done.error());
    }

    Response answer(Request const& request, Principal const& who, std::string notice, std::string reason, Error const* error) const {
        auto const id = UserId::parse(request.parameter("id"));
        auto const user = id ? rooms_.users.find(*id) : Result<users::User>{users::errors::not_found};
        if (!user.ok()) return refuse(user.error(), request);
        pages::AdminRecoveryPage view{.user_id = id->str(),
                                      .username = user.value().username,
                                      .has_factor = rooms_.mfa.has_factor(*id),
                                      .hours = in_hours(rooms_.recovery.settings().reset_delay),
                                      .reason = std::move(reason),
                                      .notice = std::move(notice)};
        if (auto const open = rooms_.recovery.open_for(*id)) {
            view.open = item(*open);
            view.may_approve = open->requested_by != who.user.str() && *id != who.user;
        }
        if (error == nullptr) return web_.page(request, view, who);
        view.errors = *error == signin::errors::recovery_reason_missing ? pages::FormErrors::of("reason", *error) : form_errors(*error);
        return web_.refused(request, view, *error, who);
    }

    RecoveryRooms rooms_;
    Web const& web_;
};

}  // namespace

void mount_recovery_pages(http::App& app, RecoveryRooms rooms, Web const& web) {
    auto const pages = std::make_shared<RecoveryPages>(rooms, web);
    auto const admins = admin_guard(rooms.admin_second_factor);
    auto const freshly = admins | http::require("fresh_proof");

    app.post("/account/recovery/cancel", http::require_login,
             [pages](Request const& request, Principal const& who) { return pages->cancel_own(request, who); });
    app.get("/admin/recoveries", admins, [pages](Request const& request, Principal const& who) { return pages->all(request, who); });
    app.get("/admin/users/{id}/recovery", admins, [pages](Request const& request, Principal const& who) { return pages->show(request, who); });
    app.post("/admin/users/{id}/recovery", freshly, [pages](Request const& request, Principal const& who) { return pages->ask(request, who); });
    app.post("/admin/users/{id}/recovery/approve", freshly,
             [pages](Request const& request, Principal const& who) { return pages->approve(request, who); });
    app.post("/admin/users/{id}/recovery/cancel", freshly,
             [pages](Request const& request, Principal const& who) { return pages->cancel(request, who); });

    if (!web.settings().recovery_by_mail) return;
    app.get("/sign-in/lost-factor", http::require_session,
            [pages](Request const& request, SessionHolder const& who) { return pages->lost_form(request, who); });
    app.post("/sign-in/lost-factor", http::require_session,
             [pages](Request const& request, SessionHolder const& who) { return pages->lost(request, who); }, {.rate_class = "register"});
    auto const link = http::open_to_all("the one-time link is the proof; it begins a wait and nothing else");
    app.get("/recover/{token}", link, [pages](Request const& request) { return pages->question(request); }, {.rate_class = "sign-in"});
    app.post("/recover/{token}", link, [pages](Request const& request) { return pages->begin(request); }, {.rate_class = "sign-in"});
}

}  // namespace zephyr::routes
