#include "zephyr/pages/admin_pages.h"

#include <algorithm>

#include "pages/factor_ask.h"
#include "pages/items.h"
#include "pages/page_body.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"

namespace zephyr::pages {

namespace {

constexpr std::string_view states[] = {"active", "disabled", "locked", "expired", "pending"};

void fill_state(Fill& fill, std::string const& state) {
    std::string const key = "state." + state;
    fill.set("STATE", fill.texts().has(key) ? fill.texts().text(key) : state);
    fill.set("STATE_CLASS", state == "active" ? "success" : state == "pending" ? "" : "danger");
}

// The next round number to end the scale at: 386 -> 400.
std::int64_t scale_end(std::int64_t most) {
    for (std::int64_t power = 1;; power *= 10)
        for (std::int64_t const step : {1, 2, 4, 6, 8})
            if (step * power >= most) return step * power;
}

// Bars of a chart 120 units high, each day 24 wide: accepted below, refused on top.
void fill_chart(Fill& fill, std::vector<DayCount> const& days) {
    std::int64_t most = 0;
    for (auto const& day : days) most = std::max(most, day.accepted + day.refused);
    if (most == 0) {
        fill.show_if("NO_CHART", true);
        return;
    }
    std::int64_t const end = scale_end(most);
    Fill chart = fill.add("CHART");
    chart.number("MAX", end).set("WIDTH", static_cast<std::int64_t>(days.size()) * 24);
    chart.set("FIRST_DAY", day_text(fill.texts(), days.front().day))
        .set("LAST_DAY", day_text(fill.texts(), days.back().day));
    std::int64_t x = 4;
    for (auto const& day : days) {
        // Something that happened is never drawn as nothing.
        auto const height = [end](std::int64_t count) {
            return count == 0 ? 0 : std::max<std::int64_t>(2, count * 120 / end);
        };
        std::int64_t const accepted = height(day.accepted);
        std::int64_t const refused = std::min(height(day.refused), 120 - accepted);
        Fill bar = chart.add("BAR");
        bar.set("X", x).set("ACCEPTED_Y", 120 - accepted).set("ACCEPTED_HEIGHT", accepted);
        bar.set("REFUSED_Y", 120 - accepted - refused).set("REFUSED_HEIGHT", refused);
        bar.set("DAY", day_text(fill.texts(), day.day)).number("ACCEPTED", day.accepted).number("REFUSED", day.refused);
        x += 24;
    }
}

void fill_user_row(Fill& row, UserRow const& user) {
    row.set("HREF", path_of("/admin/users", user.id)).set("USERNAME", user.username);
    row.set_if("DISPLAY_NAME", user.display_name).set_if("EMAIL", user.email);
    fill_state(row, user.state);
    row.show_if("HAS_FACTOR", user.second_factor).show_if("LACKS_FACTOR", !user.second_factor);
    row.set_if("ROLES", join(user.roles, ", ")).show_if("NO_ROLES", user.roles.empty());
    row.time_if("SEEN", user.last_seen_at);
}

void fill_roles(Fill& fill, AdminUserPage const& page) {
    fill.set("ROLES_ACTION", path_of("/admin/users", page.id, "roles"));
    fill.show_if("NO_ROLES", page.roles.empty());
    if (!page.roles.empty()) {
        Fill list = fill.add("ROLES");
        for (auto const& role : page.roles) {
            Fill row = list.add("ROLE");
            row.set("NAME", role.name).show_if("DIRECT", role.through_group.empty());
            if (!role.through_group.empty())
                row.set_if("THROUGH", fill.texts().text("user.role_through", {{"group", role.through_group}}));
            row.time_if("UNTIL", role.expires_at);
        }
    }
    if (!page.grantable_roles.empty()) {
        Fill grant = fill.add("CAN_GRANT");
        for (auto const& role : page.grantable_roles) grant.add("GRANTABLE").set("NAME", role);
    }
    fill.show_if("NO_GROUPS", page.groups.empty());
    if (!page.groups.empty()) {
        Fill list = fill.add("GROUPS");
        for (auto const& group : page.groups) list.add("GROUP").set("NAME", group);
    }
}

void fill_user_actions(Fill& fill, AdminUserPage const& page) {
    fill.set("BASE", path_of("/admin/users", page.id));
    fill.show_if("CAN_ENABLE", page.state != "active");
    fill.show_if("CAN_DISABLE", !page.self && page.state != "disabled");
    fill.show_if("CAN_DELETE", !page.self).show_if("SELF", page.self);
    // Shown twice each: the list of what there is, and the action that ends it.
    fill.show_if("NO_FACTORS", page.factors.empty()).show_if("NO_SESSIONS", page.sessions.empty());
    fill.show_if("CAN_RESET_MFA", !page.factors.empty()).show_if("CAN_END_SESSIONS", !page.sessions.empty());
}

}  // namespace

std::string Pages::render(AdminDashboardPage const& page, PageContext const& context) const {
    return body_->render("admin_dashboard.html", context, [&](Fill& fill) {
        fill.show_if("AT_ADMIN", true).show_if("AT_DASHBOARD", true);
        fill.number("USERS", page.users).number("WITHOUT_FACTOR", page.users_without_second_factor);
        fill.number("SESSIONS", page.sessions).number("REFUSALS", page.refusals);
        fill.show_if("SOME_WITHOUT", page.users_without_second_factor > 0);
        fill_chart(fill, page.sign_ins);
        fill_events(fill, page.events, true);
    });
}

std::string Pages::render(AdminUsersPage const& page, PageContext const& context) const {
    return body_->render("admin_users.html", context, [&](Fill& fill) {
        auto const& texts = fill.texts();
        fill.show_if("AT_ADMIN", true).show_if("AT_USERS", true).notice(page.notice);
        fill.set("Q", page.prefix).show_if("SIGNED_IN", page.signed_in == "yes");
        for (auto const state : states)
            fill_option(fill, "STATE_OPTION", state, texts.text("state." + std::string{state}), page.state);
        fill_option(fill, "FACTOR_OPTION", "some", texts.text("users.factor_some"), page.factor);
        fill_option(fill, "FACTOR_OPTION", "none", texts.text("users.factor_none"), page.factor);
        bool const filtered = !(page.prefix + page.state + page.factor + page.signed_in).empty();
        fill.show_if("FILTERED", filtered).show_if("UNFILTERED", !filtered);
        fill.show_if("NO_USERS", page.users.empty());
        if (!page.users.empty()) {
            Fill table = fill.add("USERS");
            for (auto const& user : page.users) {
                Fill row = table.add("USER");
                fill_user_row(row, user);
            }
        }
        encoding::FormFields const filters{
            {"q", page.prefix}, {"state", page.state}, {"factor", page.factor}, {"signed_in", page.signed_in}};
        fill_pager(fill, "/admin/users", filters, "after", page.after, page.next_after);
    });
}

std::string Pages::render(AdminMfaPage const& page, PageContext const& context) const {
    return body_->render("admin_mfa.html", context, [&](Fill& fill) {
        auto const& texts = fill.texts();
        fill.show_if("AT_ADMIN", true).show_if("AT_MFA", true);
        fill.number("USERS", page.users).number("WITH", page.with_second_factor);
        std::int64_t const without = std::max<std::int64_t>(0, page.users - page.with_second_factor);
        fill.number("WITHOUT", without).show_if("SOME_WITHOUT", without > 0);
        for (auto const& kind : page.kinds) {
            std::string const key = "factor." + kind.kind;
            Fill row = fill.add("KIND_ROW");
            row.set("KIND", texts.text(texts.has(key) ? key : "factor.other")).number("PEOPLE", kind.people);
            std::int64_t const share = page.users == 0 ? 0 : std::min<std::int64_t>(100, kind.people * 100 / page.users);
            row.set("SHARE", share);
            fill_kind_icon(row, kind.kind);
        }
        fill.show_if("NO_MISSING", page.missing.empty() && page.next_after.empty());
        fill.show_if("CUT_SHORT", page.cut_short && !page.next_after.empty());
        if (!page.missing.empty()) {
            Fill table = fill.add("MISSING");
            for (auto const& user : page.missing) {
                Fill row = table.add("USER");
                fill_user_row(row, user);
            }
        }
        fill_pager(fill, "/admin/mfa", {}, "after", page.after, page.next_after);
    });
}

std::string Pages::render(AdminUserPage const& page, PageContext const& context) const {
    return body_->render("admin_user.html", context, [&](Fill& fill) {
        fill.show_if("AT_ADMIN", true).show_if("AT_USERS", true).notice(page.notice).errors(page.errors);
        fill.set("ID", page.id).set("USERNAME", page.username);
        fill.set_if("DISPLAY_NAME", page.display_name).show_if("NO_DISPLAY_NAME", page.display_name.empty());
        fill.set_if("EMAIL", page.email).show_if("NO_EMAIL", page.email.empty());
        fill.time("CREATED", page.created_at).time_if("EXPIRES", page.expires_at).time_if("LOCKED", page.locked_until);
        fill_state(fill, page.state);
        fill_roles(fill, page);
        if (!page.factors.empty()) {
            Fill list = fill.add("FACTORS");
            for (auto const& factor : page.factors) {
                Fill row = list.add("FACTOR");
                fill_factor(row, factor);
            }
        }
        if (page.second_factor_demanded) {
            Fill demanded = fill.add("DEMANDED");
            if (page.second_factor_due) demanded.add("DUE").set("DAY", day_text(fill.texts(), *page.second_factor_due));
        }
        if (page.backup_codes_left) fill.add("HAS_CODES").set("LEFT", *page.backup_codes_left);
        if (page.trusted_browsers > 0) fill.add("TRUSTED_BROWSERS").number("COUNT", static_cast<std::int64_t>(page.trusted_browsers));
        fill.set_if("RECOVERY_HREF", page.recovery_href);
        if (!page.sessions.empty()) {
            Fill list = fill.add("SESSIONS");
            for (auto const& session : page.sessions) {
                Fill row = list.add("SESSION");
                fill_session(row, session);
            }
        }
        fill_user_actions(fill, page);
        fill_events(fill, page.history, false);
        fill.set("AUDIT_HREF", "/admin/audit?" + encoding::build_form({{"user", page.id}}));
    });
}

std::string Pages::render(AdminUserNewPage const& page, PageContext const& context) const {
    return body_->render("admin_user_new.html", context, [&](Fill& fill) {
        fill.show_if("AT_ADMIN", true).show_if("AT_USERS", true);
        fill.set("VALUE_username", page.username)
            .set("VALUE_display_name", page.display_name)
            .set("VALUE_email", page.email);
        fill.set("MINIMUM", page.minimum_length).errors(page.errors).show_if("FRESH", page.errors.empty());
    });
}

}  // namespace zephyr::pages
