// Administration of one person: look, create, disable, reset, end sessions, roles, delete.
#include <algorithm>

#include "routes/audit_reading.h"
#include "zephyr/audit/codes.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/account_view.h"
#include "zephyr/routes/event_rows.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using audit::Actor;
using guards::origin_of;
using http::Principal;
using http::Request;
using http::Response;

namespace {

constexpr std::size_t history_shown = 50;

class AdminUserPages {
public:
    AdminUserPages(AdminRooms rooms, Web const& web) : rooms_{rooms}, web_{web} {}

    Response show(Request const& request, Principal const& who) const {
        return answer(request, who, request.query("notice").value_or(""), nullptr);
    }

    Response new_form(Request const& request, Principal const& who) const {
        return web_.page(request, pages::AdminUserNewPage{.minimum_length = web_.settings().least_password_length}, who);
    }

    Response create(Request const& request, Principal const& who) const {
        pages::AdminUserNewPage view{.username = form_text(request, "username"),
                                     .email = form_text(request, "email"),
                                     .display_name = form_text(request, "display_name"),
                                     .minimum_length = web_.settings().least_password_length};
        auto const made = create_from(request, who, view);
        if (made.ok()) return Response::see_other("/admin/users/" + made.value().id.str() + "?notice=user_created");
        view.errors = form_errors(made.error());
        return web_.refused(request, view, made.error(), who);
    }

    // One change to one person: back to their page, with what was done or why not.
    template <class Change>
    Response change(Request const& request, Principal const& who, std::string_view notice, Change&& change) const {
        auto const id = UserId::parse(request.parameter("id"));
        if (!id) return refuse(users::errors::not_found, request);
        Result<void> const done = change(*id, Actor::user(who.user), origin_of(request, who));
        if (done.ok()) return Response::see_other("/admin/users/" + id->str() + "?notice=" + std::string{notice});
        return answer(request, who, "", &done.error());
    }

    Response remove(Request const& request, Principal const& who) const {
        auto const id = UserId::parse(request.parameter("id"));
        auto const user = id ? rooms_.users.find(*id) : Result<users::User>{users::errors::not_found};
        if (!user.ok()) return refuse(user.error(), request);
        auto const done = [&]() -> Result<void> {
            if (form_text(request, "confirm") != user.value().username) return errors::confirmation_wrong;
            return rooms_.lifecycle.remove(*id, Actor::user(who.user), origin_of(request, who), "deleted_by_administrator");
        }();
        if (done.ok()) return Response::see_other("/admin/users?notice=user_deleted");
        return answer(request, who, "", &done.error());
    }

    AdminRooms const& rooms() const { return rooms_; }

private:
    Result<users::User> create_from(Request const& request, Principal const& who, pages::AdminUserNewPage const& form) const {
        ZEPHYR_TRY(auto const password, new_password(request));
        users::NewUser const wanted{.username = form.username, .email = some(form.email), .display_name = form.display_name};
        auto const actor = Actor::user(who.user);
        auto const origin = origin_of(request, who);
        if (password.empty()) return rooms_.users.create(wanted, actor, origin);
        passwords::PolicyContext context{.has_second_factor = false, .words = {form.username, form.display_name, form.email}};
        ZEPHYR_TRY(auto const prepared, rooms_.passwords.prepare(password, context));
        return rooms_.database.write([&](storage::Transaction& tx) -> Result<users::User> {
            ZEPHYR_TRY(auto user, rooms_.users.create(wanted, actor, origin));
            // Somebody else chose it, so its owner chooses another at the first sign-in.
            rooms_.passwords.store(tx, user.id, prepared, passwords::MustChange::yes, actor, origin);
            return user;
        });
    }

    Response answer(Request const& request, Principal const& who, std::string notice, Error const* error) const {
        auto const id = UserId::parse(request.parameter("id"));
        auto const user = id ? rooms_.users.find(*id) : Result<users::User>{users::errors::not_found};
        if (!user.ok()) return refuse(user.error(), request);
        auto view = view_of(user.value(), who);
        record_reading(rooms_.audit, request, who, {.subject = id->str()}, {{"records", std::to_string(view.history.size())}});
        view.notice = std::move(notice);
        if (error == nullptr) return web_.page(request, view, who);
        view.errors = *error == errors::confirmation_wrong ? pages::FormErrors::of("confirm", *error) : pages::FormErrors::of(*error);
        return web_.refused(request, view, *error, who);
    }

    pages::AdminUserPage view_of(users::User const& user, Principal const& who) const {
        pages::AdminUserPage view{.id = user.id.str(),
                                  .username = user.username,
                                  .display_name = user.display_name,
                                  .email = user.email.value_or(""),
                                  .state = std::string{users::state_name(users::effective_state(user, rooms_.clock.now()))},
                                  .expires_at = user.expires_at,
                                  .locked_until = user.locked_until,
                                  .created_at = user.created_at,
                                  .self = user.id == who.user};
        std::vector<std::string> direct;
        for (auto const& assignment : rooms_.roles.assignments_of(rbac::Subject::user(user.id))) {
            view.roles.push_back({.name = assignment.role, .expires_at = assignment.expires_at});
            direct.push_back(assignment.role);
        }
        for (auto const& group : rooms_.groups.groups_of(user.id)) {
            auto const found = rooms_.groups.find(group);
            if (!found.ok()) continue;
            view.groups.push_back(found.value().name);
            for (auto const& assignment : rooms_.roles.assignments_of(rbac::Subject::group(group))) {
                view.roles.push_back({.name = assignment.role, .through_group = found.value().name, .expires_at = assignment.expires_at});
            }
        }
        for (auto const& role : rooms_.roles.list()) {
            if (std::find(direct.begin(), direct.end(), role.name) == direct.end()) view.grantable_roles.push_back(role.name);
        }
        view.factors = factor_items(rooms_.sign_in, rooms_.mfa, user.id);
        view.backup_codes_left = rooms_.mfa.backup_codes().left(user.id);
        view.second_factor_demanded = rooms_.sign_in.mfa_demanded(user.id) && !rooms_.sign_in.has_counting_factor(user.id);
        if (view.second_factor_demanded) view.second_factor_due = rooms_.policy.demanded(user.id).until;
        for (auto const& device : rooms_.devices.list(user.id))
            if (device.trusted_until && *device.trusted_until > rooms_.clock.now()) ++view.trusted_browsers;
        view.sessions = session_items(rooms_.sessions, user.id, who.session);
        // Without those that say who looked here: this page would soon show nothing else. The pages for auditors have them.
        view.history = EventRows{rooms_.users}.rows(
            rooms_.audit.query({.subject = user.id, .but_code = std::string{audit::codes::audit_read}, .limit = history_shown}));
        return view;
    }

    AdminRooms rooms_;
    Web const& web_;
};

using Pages = std::shared_ptr<AdminUserPages const>;

Response change_role(Pages const& pages, Request const& request, Principal const& who) {
    bool const granting = form_text(request, "change") == "grant";
    return pages->change(request, who, granting ? "role_granted" : "role_revoked",
                         [&](UserId const& id, Actor const& actor, audit::Origin const& origin) -> Result<void> {
                             auto const role = form_text(request, "role");
                             auto& roles = pages->rooms().roles;
                             return granting ? roles.grant(rbac::Subject::user(id), role, actor, origin)
                                             : roles.revoke(rbac::Subject::user(id), role, actor, origin);
                         });
}

}  // namespace

void mount_admin_user_pages(http::App& app, AdminRooms rooms, Web const& web) {
    Pages const pages = std::make_shared<AdminUserPages>(rooms, web);
    auto const admins = admin_guard(rooms.sign_in.admin_needs_factor());
    // What cannot be taken back, or takes somebody's access, asks for a proof of now: of the second factor, if there is one.
    auto const freshly = admins | http::require("fresh_proof");

    app.get("/admin/users/new", admins, [pages](Request const& request, Principal const& who) { return pages->new_form(request, who); });
    app.post("/admin/users/new", freshly, [pages](Request const& request, Principal const& who) { return pages->create(request, who); });
    app.get("/admin/users/{id}", admins, [pages](Request const& request, Principal const& who) { return pages->show(request, who); });

    app.post("/admin/users/{id}/disable", freshly, [pages](Request const& request, Principal const& who) {
        return pages->change(request, who, "user_disabled", [&](auto const& id, auto const& actor, auto const& origin) {
            return pages->rooms().lifecycle.disable(id, actor, origin, "disabled_by_administrator");
        });
    });
    app.post("/admin/users/{id}/enable", freshly, [pages](Request const& request, Principal const& who) {
        return pages->change(request, who, "user_enabled", [&](auto const& id, auto const& actor, auto const& origin) {
            return pages->rooms().lifecycle.enable(id, actor, origin, "enabled_by_administrator");
        });
    });
    app.post("/admin/users/{id}/end-sessions", freshly, [pages](Request const& request, Principal const& who) {
        return pages->change(request, who, "user_sessions_ended", [&](auto const& id, auto const& actor, auto const& origin) -> Result<void> {
            ZEPHYR_CHECK(pages->rooms().lifecycle.end_sessions(id, actor, origin));
            return success();
        });
    });
    app.post("/admin/users/{id}/roles", freshly,
             [pages](Request const& request, Principal const& who) { return change_role(pages, request, who); });
    app.post("/admin/users/{id}/delete", freshly, [pages](Request const& request, Principal const& who) { return pages->remove(request, who); });
}

}  // namespace zephyr::routes
