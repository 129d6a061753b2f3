// Who has which second factor, and who should have one and has not.
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/mfa/coverage.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using http::Principal;
using http::Request;
using http::Response;

namespace {

constexpr std::int64_t counted_at_most = 1'000'000;
constexpr std::size_t people_per_page = 50;
// No index knows whom the rules speak of: so many are looked at for one page, then it offers to go on.
constexpr std::size_t looked_at_for_one_page = 1000;

pages::UserRow row_of(AdminRooms const& rooms, users::User const& user) {
    pages::UserRow row{.id = user.id.str(),
                       .username = user.username,
                       .display_name = user.display_name,
                       .email = user.email.value_or(""),
                       .state = std::string{users::state_name(users::effective_state(user, rooms.clock.now()))},
                       .roles = rooms.roles.effective(user.id).roles};
    if (auto const held = rooms.sessions.list(user.id); !held.empty()) row.last_seen_at = held.front().last_seen_at;
    return row;
}

bool lacks_what_is_demanded(AdminRooms const& rooms, users::User const& user) {
    return rooms.sign_in.mfa_demanded(user.id) && !rooms.sign_in.has_counting_factor(user.id);
}

Result<void> fill_missing(AdminRooms const& rooms, pages::AdminMfaPage& view) {
    users::UserQuery query{.after = view.after, .limit = people_per_page};
    for (std::size_t looked_at = 0;;) {
        query.limit = people_per_page - view.missing.size();
        ZEPHYR_TRY(auto const list, rooms.users.list(query));
        for (auto const& user : list.users)
            if (lacks_what_is_demanded(rooms, user)) view.missing.push_back(row_of(rooms, user));
        looked_at += list.users.size();
        view.next_after = list.next.value_or("");
        if (view.next_after.empty() || view.missing.size() >= people_per_page) return success();
        view.cut_short = looked_at >= looked_at_for_one_page;
        if (view.cut_short) return success();
        query.after = view.next_after;
    }
}

Response show(AdminRooms const& rooms, Web const& web, Request const& request, Principal const& who) {
    auto const numbers = mfa::coverage(rooms.database);
    pages::AdminMfaPage view{.users = rooms.users.count(counted_at_most),
                             .with_second_factor = numbers.second_factor,
                             .after = request.query("after").value_or("")};
    for (auto const& kind : numbers.kinds) {
        // What is not set up here and nobody has is not worth a line.
        auto const* provider = rooms.mfa.provider(kind.name);
        if (kind.people > 0 || (provider != nullptr && provider->available())) view.kinds.push_back({std::string{kind.name}, kind.people});
    }
    if (auto const filled = fill_missing(rooms, view); !filled.ok()) return refuse(filled.error(), request);
    return web.page(request, view, who);
}

}  // namespace

void mount_admin_mfa_page(http::App& app, AdminRooms rooms, Web const& web) {
    if (!web.settings().mfa_enabled) return;
    app.get("/admin/mfa", admin_guard(rooms.sign_in.admin_needs_factor()),
            [rooms, &web](Request const& request, Principal const& who) { return show(rooms, web, request, who); });
}

}  // namespace zephyr::routes
