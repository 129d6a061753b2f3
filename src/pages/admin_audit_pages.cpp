// The pages for auditors: the list of events, and one event with its proof.
#include <algorithm>

#include "pages/items.h"
#include "pages/page_body.h"
#include "pages/user_agent.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/json.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/pages/admin_pages.h"

namespace zephyr::pages {

namespace {

void fill_filter(Fill& fill, AdminAuditPage const& page) {
    auto const& texts = fill.texts();
    for (auto const& [code, name] : page.codes) {
        std::string const key = "event." + name;
        fill_option(fill, "CODE_OPTION", code, texts.has(key) ? texts.text(key) : name, page.code);
    }
    for (std::string const outcome : {"success", "refused", "failure", "denied"})
        fill_option(fill, "OUTCOME_OPTION", outcome, texts.text("outcome." + outcome), page.outcome);
    for (std::string const as : {"about", "by"}) fill_option(fill, "AS_OPTION", as, texts.text("audit.as_" + as), page.as);
    fill.set("USER", page.user_name.empty() ? page.user : page.user_name).set("FROM_DAY", page.from).set("UNTIL_DAY", page.until);
    fill.show_if("FILTERED", !(page.code + page.outcome + page.user + page.from + page.until).empty());
    if (!page.user.empty() && page.errors.empty()) {
        auto const name = page.user_name.empty() ? texts.text("event.erased") : page.user_name;
        fill.add(page.as == "by" ? "BY_USER" : "ABOUT_USER").set("NAME", name);
    }
}

void fill_fields(Fill& page, std::string_view section, std::vector<std::pair<std::string, std::string>> const& fields) {
    if (fields.empty()) return;
    Fill list = page.add(section);
    for (auto const& [name, value] : fields) list.add("FIELD").set("NAME", name).set("VALUE", value);
}

std::string browser_words(Catalogue const& texts, std::string const& user_agent) {
    auto const device = describe_device(user_agent);
    if (device.browser.empty() || device.system.empty()) return user_agent;
    return texts.text("device.browser_on_system", {{"browser", device.browser}, {"system", device.system}});
}

void fill_people(Fill& fill, AdminEventPage const& page) {
    auto const& event = page.event;
    auto const& texts = fill.texts();
    fill.set("ACTOR", actor_words(texts, event));
    if (!page.actor_id.empty()) {
        fill.add("ACTOR_ID")
            .set("ACTOR_ID", page.actor_id)
            .set("ACTOR_HREF", "/admin/audit?" + encoding::build_form({{"user", page.actor_id}, {"as", "by"}}));
    }
    if (event.subject_id.empty()) {
        fill.show_if("NO_SUBJECT", true);
        return;
    }
    fill.add("SUBJECT_ID")
        .set("SUBJECT_ID", event.subject_id)
        .set("SUBJECT", event.subject_name.empty() ? texts.text("event.erased") : event.subject_name)
        .set("SUBJECT_HREF", "/admin/audit?" + encoding::build_form({{"user", event.subject_id}}));
}

void fill_facts(Fill& fill, AdminEventPage const& page) {
    auto const& event = page.event;
    auto const& texts = fill.texts();
    fill.set("WHAT", event_words(texts, event)).set("NAME", event.name).set("CODE", event.code).set("ID", event.id);
    std::string const outcome = "outcome." + event.outcome;
    fill.add("OUTCOME")
        .set("OUTCOME", texts.has(outcome) ? texts.text(outcome) : event.outcome)
        .set("OUTCOME_CLASS", event.outcome == "success" ? "success" : "danger");
    std::string const meaning = "meaning." + event.name;
    fill.set("MEANING", texts.has(meaning) ? texts.text(meaning) : page.meaning).set_if("WHY", reason_words(texts, event));
    fill.time("AT", event.time).set("AT_EXACT", to_rfc3339(event.time));
    fill_people(fill, page);
    fill.set_if("FROM", event.address).show_if("NO_FROM", event.address.empty());
    if (!page.user_agent.empty()) fill.set_if("USER_AGENT", browser_words(texts, page.user_agent));
    fill_fields(fill, "FIELDS", event.details);
    fill_fields(fill, "PERSONAL_FIELDS", page.personal);
    fill.show_if("ERASED", page.erased);
    fill.set_if("REQUEST_ID", page.request_id).set_if("SESSION", page.session).set_if("NODE", page.node);
    std::string const kept = "kept." + page.retention;
    fill.set("KEPT", texts.has(kept) ? texts.text(kept) : page.retention);
}

// What to type to check the same on another machine.
std::vector<std::string> commands(AdminEventPage const& page) {
    return {"zephyr audit prove " + page.event.id + " > event.tlog-proof",
            "zephyr audit show " + page.event.id + " --stored > event.json",
            "zephyr audit verify-proof event.tlog-proof event.json --vkey '" + page.vkey + "'"};
}

void fill_proof(Fill& fill, AdminEventPage const& page) {
    if (!page.unprovable.empty()) {
        auto const why = fill.texts().text("proof." + page.unprovable, {{"node", page.node}});
        fill.set_if(page.unprovable == "row_differs" ? "ROW_DIFFERS" : "UNPROVABLE", why);
        return;
    }
    // Twice: for the attributes of the section, and for what it holds. One value each.
    fill.show_if("PROVABLE", true);
    fill.set("OUTCOME_WORD", page.event.outcome).set("REASON_WORD", page.event.reason);
    auto details = encoding::Json::object();
    for (auto const& [name, value] : page.event.details) details.set(name, value);
    fill.set("DETAILS_JSON", details.dump()).set("REQUEST_WORD", page.request_id).set("SESSION_WORD", page.session);
    fill.set("PROOF_URL", path_of("/audit/proofs", page.event.id));
    fill.set("STORED", encoding::base64_encode(as_bytes(page.stored))).set("STORED_TEXT", page.stored);
    fill.set("VKEY", page.vkey);
    for (auto const& line : commands(page)) fill.add("COMMAND").set("LINE", line);
}

}  // namespace

std::string Pages::render(AdminAuditPage const& page, PageContext const& context) const {
    return body_->render("admin_audit.html", context, [&](Fill& fill) {
        auto const& texts = fill.texts();
        fill.show_if("AT_ADMIN", true).show_if("AT_AUDIT", true).errors(page.errors);
        fill_filter(fill, page);
        fill_events(fill, page.events, true, context.who && context.who->admin);
        encoding::FormFields const filters{{"code", page.code}, {"outcome", page.outcome}, {"user", page.user},
                                           {"as", page.as},     {"from", page.from},       {"until", page.until}};
        fill_pager(fill, "/admin/audit", filters, "cursor", page.cursor, page.next_cursor);
        for (auto const& format : page.formats) {
            std::string const key = "audit.format_" + format;
            fill_option(fill, "FORMAT_OPTION", format, texts.has(key) ? texts.text(key) : format, page.format);
        }
        fill.set("EXPORT_FROM", page.export_from).set("EXPORT_UNTIL", page.export_until);
    });
}

std::string Pages::render(AdminEventPage const& page, PageContext const& context) const {
    return body_->render("admin_event.html", context, [&](Fill& fill) {
        fill.show_if("AT_ADMIN", true).show_if("AT_AUDIT", true);
        fill_facts(fill, page);
        fill_proof(fill, page);
    });
}

}  // namespace zephyr::pages
