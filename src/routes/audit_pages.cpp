// The audit log for people: the list with its filters, one event with its proof, and the download.
#include "routes/audit_export.h"
#include "routes/audit_reading.h"
#include "zephyr/audit/times.h"
#include "zephyr/foundation/text.h"
#include "zephyr/routes/event_rows.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using http::Principal;
using http::Request;
using http::Response;

namespace {

constexpr std::size_t events_per_page = 100;

class AuditPages {
public:
    AuditPages(AuditRooms rooms, Web const& web) : rooms_{std::move(rooms)}, web_{web} {}

    Response list(Request const& request, Principal const& who) const {
        auto view = blank(request);
        auto const events = read(request, who, view);
        if (!events.ok()) {
            view.errors = about(events.error(), view);
            return web_.refused(request, view, events.error(), who);
        }
        EventRows reader{rooms_.users};
        view.events = reader.rows(events.value());
        return web_.page(request, view, who);
    }

    Response one(Request const& request, Principal const& who) const {
        auto const found = rooms_.evidence.find(request.parameter("id"));
        if (!found.ok()) return refuse(found.error(), request);
        auto const& event = found.value();
        pages::AdminEventPage view{.actor_id = event.actor.type == audit::Actor::Type::user ? event.actor.ref : "",
                                   .user_agent = event.user_agent,
                                   .request_id = event.request_id,
                                   .session = event.session_ref,
                                   .personal = event.personal,
                                   .erased = is_erased(event),
                                   .node = event.node};
        view.event = EventRows{rooms_.users}.rows({event}).front();
        if (auto const* info = audit::find_code(event.code)) view.meaning = info->meaning;
        view.retention = audit::retention_name(event.retention);
        add_proof(view, event);
        record_reading(rooms_.audit, request, who, {}, {{"event", event.id}});
        return web_.page(request, view, who);
    }

    Response download(Request const& request, Principal const& who) const {
        auto view = blank(request);
        view.format = form_text(request, "format");
        view.export_from = form_text(request, "export_from");
        view.export_until = form_text(request, "export_until");
        auto answer = file(request, who, view);
        if (answer.ok()) return std::move(answer).value();
        view.errors = about(answer.error(), view);
        return web_.refused(request, view, answer.error(), who);
    }

private:
    pages::AdminAuditPage blank(Request const& request) const {
        auto const field = [&](std::string_view name) { return std::string{trim(request.query(name).value_or(""))}; };
        pages::AdminAuditPage view{.code = field("code"),
                                   .outcome = field("outcome"),
                                   .user = field("user"),
                                   .as = field("as"),
                                   .from = field("from"),
                                   .until = field("until"),
                                   .cursor = field("cursor"),
                                   .formats = audit::export_format_names()};
        view.export_from = view.from;
        view.export_until = view.until;
        for (auto const& info : audit::all_codes()) view.codes.emplace_back(std::string{info.code}, std::string{info.name});
        return view;
    }

    // Whom the field means: an account by name or address, or an id, which also finds those who were erased.
    Result<std::string> person(pages::AdminAuditPage& view) const {
        if (view.user.empty()) return std::string{};
        if (auto const id = UserId::parse(view.user)) {
            if (auto const user = rooms_.users.find(*id); user.ok()) view.user_name = user.value().username;
            return view.user;
        }
        if (is_pseudonym(view.user)) return view.user;
        ZEPHYR_TRY(auto const user, rooms_.users.find_by_login(view.user));
        view.user = user.id.str();
        view.user_name = user.username;
        return view.user;
    }

    Result<std::vector<audit::StoredEvent>> read(Request const& request, Principal const& who, pages::AdminAuditPage& view) const {
        AuditFilter filter{.code = view.code, .outcome = view.outcome, .from = view.from, .until = view.until};
        ZEPHYR_TRY((view.as == "by" ? filter.actor : filter.subject), person(view));
        ZEPHYR_TRY(auto query, filter.query());
        query.limit = events_per_page;
        if (!view.cursor.empty()) {
            ZEPHYR_TRY(query.before_sequence, open_cursor(rooms_.sealer, filter, who.user, view.cursor));
        }
        auto events = rooms_.audit.query(query);
        if (events.size() == events_per_page) view.next_cursor = seal_cursor(rooms_.sealer, filter, who.user, events.back().sequence);
        record_reading(rooms_.audit, request, who, filter, {{"records", std::to_string(events.size())}});
        return events;
    }

    // An error stands beside the field that caused it.
    static pages::FormErrors about(Error const& error, pages::AdminAuditPage const& view) {
        if (error == users::errors::not_found) return pages::FormErrors::of("user", error);
        if (!(error == errors::filter_invalid)) return pages::FormErrors::of(error);
        pages::FormErrors all;
        auto const check = [&](std::string const& text, std::string_view field, bool end) {
            if (!text.empty() && !audit::parse_time_bound(text, end)) all.fields.push_back({std::string{field}, {std::string{error.id()}, {}}});
        };
        check(view.from, "from", false);
        check(view.until, "until", true);
        check(view.export_from, "export_from", false);
        check(view.export_until, "export_until", true);
        if (all.fields.empty()) all.summary = pages::Message{std::string{error.id()}, {}};
        return all;
    }

    Result<Response> file(Request const& request, Principal const& who, pages::AdminAuditPage const& view) const {
        auto const format = audit::parse_export_format(view.format);
        if (!format) return errors::filter_invalid;
        AuditFilter const filter{.from = view.export_from, .until = view.export_until};
        ZEPHYR_TRY(auto const query, filter.query());
        bool const personal = form_text(request, "personal") == "yes";
        ZEPHYR_TRY(auto exported, export_events(rooms_.audit, query, *format,
                                                {.host = rooms_.host, .version = ZEPHYR_VERSION, .personal = personal}));
        record_reading(rooms_.audit, request, who, filter,
                       {{"format", view.format}, {"records", std::to_string(exported.events)}, {"personal", personal ? "yes" : "no"}},
                       audit::codes::audit_exported);
        Response response{200, {}, std::move(exported.body)};
        response.with_header("Content-Type", audit::export_media_type(*format));
        response.with_header("Content-Disposition",
                             "attachment; filename=\"audit-events." + std::string{audit::export_file_extension(*format)} + "\"");
        return response;
    }

    void add_proof(pages::AdminEventPage& view, audit::StoredEvent const& event) const {
        auto proved = rooms_.evidence.prove(event);
        if (proved.ok()) {
            view.stored = to_text(proved.value().stored);
            view.vkey = proved.value().vkey;
            return;
        }
        if (proved.error() == audit::errors::other_node) view.unprovable = "other_node";
        else if (proved.error() == tlog::errors::entry_gone) view.unprovable = "gone";
        else if (proved.error() == audit::errors::row_differs) view.unprovable = "row_differs";
        else if (proved.error() == audit::errors::not_yet_signed) view.unprovable = "not_yet_signed";
        else view.unprovable = "not_logged";
    }

    AuditRooms rooms_;
    Web const& web_;
};

}  // namespace

void mount_audit_pages(http::App& app, AuditRooms rooms, Web const& web) {
    auto const readers = audit_guard(rooms.second_factor);
    auto const pages = std::make_shared<AuditPages>(std::move(rooms), web);
    app.get("/admin/audit", readers, [pages](Request const& request, Principal const& who) { return pages->list(request, who); });
    app.get("/admin/audit/{id}", readers, [pages](Request const& request, Principal const& who) { return pages->one(request, who); });
    app.post("/admin/audit/export", readers, [pages](Request const& request, Principal const& who) { return pages->download(request, who); });
}

}  // namespace zephyr::routes
