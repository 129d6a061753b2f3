// Administration: the dashboard (page and JSON), lists of people.
#include "routes/audit_reading.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/mfa/coverage.h"
#include "zephyr/routes/event_rows.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using http::Principal;
using http::Request;
using http::Response;

namespace {

constexpr std::size_t users_per_page = 50;
constexpr std::int64_t counted_at_most = 1'000'000;
constexpr int days_shown = 7;
// A filter that no index serves looks at so many people for one page, then offers to go on.
constexpr std::size_t looked_at_for_one_page = 1000;

struct Numbers {
    std::int64_t users = 0;
    std::int64_t without_second_factor = 0;
    std::int64_t sessions = 0;
    std::int64_t refusals = 0;
    std::vector<pages::DayCount> days;
};

class AdminPages {
public:
    AdminPages(AdminRooms rooms, Web const& web) : rooms_{rooms}, web_{web} {}

    Response dashboard_json(Principal const& who) const {
        auto const numbers = count();
        return Response::json(200, Json::object({{"users", numbers.users},
                                                 {"users_without_second_factor", numbers.without_second_factor},
                                                 {"sessions", numbers.sessions},
                                                 {"refusals_last_24h", numbers.refusals},
                                                 {"signed_in_as", who.username}}));
    }

    Response dashboard(Request const& request, Principal const& who) const {
        auto numbers = count();
        pages::AdminDashboardPage view{.users = numbers.users,
                                       .users_without_second_factor = numbers.without_second_factor,
                                       .sessions = numbers.sessions,
                                       .refusals = numbers.refusals,
                                       .sign_ins = std::move(numbers.days)};
        // Each look leaves an event: a list that showed them would soon show nothing else.
        auto const events = rooms_.audit.query({.but_code = std::string{audit::codes::audit_read}, .limit = 10});
        record_reading(rooms_.audit, request, who, {}, {{"filter", "dashboard"}, {"records", std::to_string(events.size())}});
        view.events = EventRows{rooms_.users}.rows(events);
        return web_.page(request, view, who);
    }

    Response users(Request const& request, Principal const& who) const {
        pages::AdminUsersPage view{.prefix = std::string{trim(request.query("q").value_or(""))},
                                   .state = request.query("state").value_or(""),
                                   .factor = request.query("factor").value_or(""),
                                   .signed_in = request.query("signed_in").value_or(""),
                                   .after = request.query("after").value_or(""),
                                   .notice = request.query("notice").value_or("")};
        users::UserQuery query{.after = view.after, .limit = users_per_page, .prefix = some(view.prefix), .state = users::parse_state(view.state)};
        for (std::size_t looked_at = 0; looked_at < looked_at_for_one_page;) {
            query.limit = users_per_page - view.users.size();
            auto const list = rooms_.users.list(query);
            if (!list.ok()) return refuse(list.error(), request);
            for (auto const& user : list.value().users) {
                auto row = row_of(user);
                if (matches(row, view)) view.users.push_back(std::move(row));
            }
            looked_at += list.value().users.size();
            view.next_after = list.value().next.value_or("");
            if (view.next_after.empty() || view.users.size() >= users_per_page) break;
            query.after = view.next_after;
        }
        return web_.page(request, view, who);
    }

private:
    Numbers count() const {
        auto const now = rooms_.clock.now();
        auto const today = std::chrono::floor<std::chrono::days>(now);
        Numbers numbers{.users = rooms_.users.count(counted_at_most)};
        numbers.without_second_factor = std::max<std::int64_t>(0, numbers.users - mfa::coverage(rooms_.database).second_factor);
        numbers.sessions = static_cast<std::int64_t>(rooms_.sessions.count());
        numbers.refusals = rooms_.audit.count(audit::codes::auth_refused, now - 24h, now + 1ms);
        for (int ago = days_shown - 1; ago >= 0; --ago) {
            TimePoint const day = today - std::chrono::days{ago};
            TimePoint const next = day + std::chrono::days{1};
            numbers.days.push_back({.day = day,
                                    .accepted = rooms_.audit.count(audit::codes::auth_signed_in, day, next),
                                    .refused = rooms_.audit.count(audit::codes::auth_refused, day, next)});
        }
        return numbers;
    }

    pages::UserRow row_of(users::User const& user) const {
        pages::UserRow row{.id = user.id.str(),
                           .username = user.username,
                           .display_name = user.display_name,
                           .email = user.email.value_or(""),
                           .state = std::string{users::state_name(users::effective_state(user, rooms_.clock.now()))},
                           .second_factor = rooms_.sign_in.has_counting_factor(user.id),
                           .roles = rooms_.roles.effective(user.id).roles};
        if (auto const held = rooms_.sessions.list(user.id); !held.empty()) row.last_seen_at = held.front().last_seen_at;
        return row;
    }

    static bool matches(pages::UserRow const& row, pages::AdminUsersPage const& wanted) {
        if (wanted.factor == "none" && row.second_factor) return false;
        if (wanted.factor == "some" && !row.second_factor) return false;
        return wanted.signed_in != "yes" || row.last_seen_at;
    }

    AdminRooms rooms_;
    Web const& web_;
};

}  // namespace

void mount_admin_pages(http::App& app, AdminRooms rooms, Web const& web) {
    auto const admin = std::make_shared<AdminPages>(rooms, web);
    auto const admins = admin_guard(rooms.sign_in.admin_needs_factor());

    app.get("/admin/dashboard", admins, [admin](Request const& request, Principal const& who) {
        return request.wants_html() ? admin->dashboard(request, who) : admin->dashboard_json(who);
    });
    app.get("/admin", admins, [admin](Request const& request, Principal const& who) { return admin->dashboard(request, who); });
    app.get("/admin/users", admins, [admin](Request const& request, Principal const& who) { return admin->users(request, who); });
}

}  // namespace zephyr::routes
