#include "pages/items.h"

#include "pages/factor_ask.h"
#include "pages/user_agent.h"
#include "zephyr/encoding/url.h"

namespace zephyr::pages {

namespace {

std::string device_words(Catalogue const& texts, Device const& device) {
    if (device.browser.empty() && device.system.empty()) return texts.text("device.unknown");
    if (device.browser.empty()) return device.system;
    if (device.system.empty()) return device.browser;
    return texts.text("device.browser_on_system", {{"browser", device.browser}, {"system", device.system}});
}

// "role: admin · factor: totp". Field names and values are stable words, the same in every language.
std::string detail_words(EventRow const& event) {
    std::string out;
    for (auto const& [field, value] : event.details) {
        if (!out.empty()) out += " · ";
        out += field + ": " + value;
    }
    return out;
}

void fill_event(Fill& row, EventRow const& event, bool with_subject, bool may_see_people) {
    auto const& texts = row.texts();
    row.time("AT", event.time).set("ACTOR", actor_words(texts, event));
    auto const what = event_words(texts, event);
    if (event.id.empty()) row.set_if("WHAT", what);
    else row.add("WHAT_LINK").set("WHAT", what).set("EVENT_HREF", path_of("/admin/audit", event.id));
    if (event.outcome == "failure" || event.outcome == "denied") {
        row.add("OUTCOME").set("OUTCOME", texts.text("outcome." + event.outcome)).set("OUTCOME_CLASS", "danger");
    }
    row.set_if("WHY", reason_words(texts, event));
    row.set_if("DETAILS", detail_words(event));
    row.set_if("FROM", event.address).show_if("NO_FROM", event.address.empty());
    if (!with_subject) return;
    if (event.subject_id.empty()) {
        row.show_if("NO_SUBJECT", true);
        return;
    }
    Fill subject = row.add("SUBJECT");
    subject.set("SUBJECT", event.subject_name.empty() ? texts.text("event.erased") : event.subject_name);
    // An erased person has no page, and not everybody who reads the log may open those of people.
    bool const has_page = may_see_people && !event.subject_name.empty();
    subject.set("SUBJECT_HREF", has_page ? path_of("/admin/users", event.subject_id)
                                         : "/admin/audit?" + encoding::build_form({{"user", event.subject_id}}));
}

}  // namespace

std::string event_words(Catalogue const& texts, EventRow const& event) {
    std::string const key = "event." + event.name;
    return texts.has(key) ? texts.text(key) : event.name.empty() ? event.code : event.name;
}

std::string actor_words(Catalogue const& texts, EventRow const& event) {
    if (!event.actor_name.empty()) return event.actor_name;
    std::string const key = "actor." + event.actor_type;
    return texts.text(texts.has(key) ? key : "actor.anonymous");
}

std::string reason_words(Catalogue const& texts, EventRow const& event) {
    std::string const key = "reason." + event.reason;
    return texts.has(key) ? texts.text(key) : event.reason;
}

std::string path_of(std::string_view folder, std::string_view id, std::string_view action) {
    std::string out = std::string{folder} + "/" + encoding::percent_encode(id);
    if (!action.empty()) out.append("/").append(action);
    return out;
}

void fill_factor(Fill& row, FactorItem const& factor) {
    std::string const key = "factor." + factor.kind;
    std::string const kind = row.texts().text(row.texts().has(key) ? key : "factor.other");
    row.set("NAME", factor.name.empty() ? kind : factor.name).set("KIND", kind);
    row.time("ADDED", factor.added_at).time_if("USED", factor.last_used_at);
    fill_kind_icon(row, factor.kind);
}

void fill_browser(Fill& row, BrowserItem const& browser) {
    auto const device = describe_device(browser.user_agent);
    row.set("DEVICE_TEXT", device_words(row.texts(), device));
    row.show_if("DEVICE_PHONE", device.phone).show_if("DEVICE_DESK", !device.phone).show_if("CURRENT", browser.current);
    row.time("SINCE", browser.first_seen_at).time("SEEN", browser.last_seen_at).time_if("TRUSTED", browser.trusted_until);
}

void fill_session(Fill& row, SessionItem const& session) {
    auto const device = describe_device(session.user_agent);
    row.set("DEVICE_TEXT", device_words(row.texts(), device));
    row.show_if("DEVICE_PHONE", device.phone).show_if("DEVICE_DESK", !device.phone);
    row.set_if("ADDRESS", session.address).time("SINCE", session.created_at).time("SEEN", session.last_seen_at);
    row.show_if("CURRENT", session.current)
        .show_if("REMEMBERED", session.remembered)
        .show_if("PROVED", session.second_factor);
}

void fill_events(Fill& page, std::vector<EventRow> const& events, bool with_subject, bool may_see_people) {
    if (events.empty()) {
        page.show_if("NO_EVENTS", true);
        return;
    }
    Fill table = page.add("EVENTS");
    table.show_if("WITH_SUBJECT", with_subject);
    for (auto const& event : events) {
        Fill row = table.add("EVENT");
        row.show_if("WITH_SUBJECT", with_subject);
        fill_event(row, event, with_subject, may_see_people);
    }
}

void fill_option(Fill& page, std::string_view name, std::string_view value, std::string_view text,
                 std::string_view chosen) {
    page.add(name).set("VALUE", value).set("TEXT", text).show_if("SELECTED", value == chosen);
}

void fill_pager(Fill& fill, std::string_view path, encoding::FormFields fields, std::string_view cursor,
                std::string const& here, std::string const& next) {
    std::erase_if(fields, [](auto const& field) { return field.second.empty(); });
    if (here.empty() && next.empty()) return;
    Fill pager = fill.add("PAGER");
    auto const with_query = [&](encoding::FormFields const& all) {
        return all.empty() ? std::string{path} : std::string{path} + "?" + encoding::build_form(all);
    };
    if (!here.empty()) pager.set_if("FIRST_HREF", with_query(fields));
    if (next.empty()) return;
    fields.emplace_back(cursor, next);
    pager.set_if("NEXT_HREF", with_query(fields));
}

void fill_devices(Fill& page, std::vector<std::string> const& names) {
    if (names.empty()) return;
    Fill devices = page.add("DEVICES");
    for (auto const& name : names) devices.add("DEVICE").set("NAME", name);
}

}  // namespace zephyr::pages
