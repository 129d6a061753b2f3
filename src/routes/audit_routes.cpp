// The audit log for programs: events, proofs, the checkpoint and the tiles of this node's log.
#include "routes/audit_reading.h"
#include "routes/tile_path.h"
#include "zephyr/audit/evidence.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/foundation/text.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/event_rows.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using http::Field;
using http::Principal;
using http::Request;
using http::Response;

namespace {

constexpr std::size_t events_at_once = 100;
constexpr std::int64_t most_events_at_once = 1000;
// How many elements a tile's path may have: 10^12 tiles and a width.
constexpr std::size_t most_elements = 5;

Json pairs(std::vector<std::pair<std::string, std::string>> const& fields) {
    Json object = Json::object();
    for (auto const& [name, value] : fields) object.set(name, value);
    return object;
}

Json describe(audit::StoredEvent const& event) {
    auto json = Json::object({{"id", event.id}, {"time", to_rfc3339(event.time)}, {"code", event.code}, {"name", event.name}});
    if (auto const* info = audit::find_code(event.code)) {
        json.set("meaning", info->meaning);
        json.set("severity", audit::severity_name(info->severity));
    }
    json.set("outcome", outcome_word(event.outcome));
    json.set("reason", event.reason);
    json.set("actor", Json::object({{"type", actor_word(event.actor.type)}, {"id", event.actor.ref}}));
    if (event.subject) json.set("subject", event.subject->str());
    json.set("request_id", event.request_id);
    json.set("session", event.session_ref);
    json.set("details", pairs(event.details));
    json.set("address", event.address);
    json.set("user_agent", event.user_agent);
    json.set("personal", pairs(event.personal));
    if (event.log_index) {
        json.set("node", event.node);
        json.set("index", *event.log_index);
    }
    return json;
}

std::vector<Field> event_fields() {
    using Type = Field::Type;
    return {{.name = "id", .required = true, .example = "01919f3c-7a10-7c55-8a4e-52b1f2a9d0c3"},
            {.name = "time", .type = Type::time, .required = true},
            {.name = "code", .required = true, .description = "Stable; docs/reference/audit-events.md lists them.", .example = "ZAUTH01I"},
            {.name = "name", .required = true, .example = "auth.signed_in"},
            {.name = "meaning", .description = "One sentence."},
            {.name = "severity", .one_of = {"information", "warning", "error"}},
            {.name = "outcome", .required = true, .one_of = {"success", "failure", "denied"}},
            {.name = "reason", .required = true, .description = "A stable word, or empty."},
            {.name = "actor",
             .type = Type::object,
             .required = true,
             .fields = {{.name = "type", .required = true, .one_of = {"user", "operator_cli", "system", "anonymous"}},
                        {.name = "id", .required = true, .description = "Of a person."}}},
            {.name = "subject", .description = "Whose account it concerns."},
            {.name = "request_id", .required = true},
            {.name = "session", .required = true},
            {.name = "details", .type = Type::object, .required = true},
            {.name = "address", .required = true, .description = "Empty when there was none, or once the person was erased."},
            {.name = "user_agent", .required = true},
            {.name = "personal", .type = Type::object, .required = true, .description = "Gone once the person was erased."},
            {.name = "node", .description = "Whose log holds it."},
            {.name = "index", .type = Type::integer, .description = "Its place in that log.", .least = 0}};
}

class AuditRoutes {
public:
    explicit AuditRoutes(AuditRooms rooms) : rooms_{std::move(rooms)} {}

    Result<Response> events(Request const& request, Principal const& who) const {
        auto const filter = audit_filter(request);
        ZEPHYR_TRY(auto query, filter.query());
        auto const limit = parse_integer(request.query("limit").value_or(std::to_string(events_at_once)));
        if (!limit || *limit < 1 || *limit > most_events_at_once) {
            return Error{errors::filter_invalid}.with_reason("limit must be a number from 1 to 1000.");
        }
        query.limit = static_cast<std::size_t>(*limit);
        if (auto const cursor = request.query("cursor")) {
            ZEPHYR_TRY(query.before_sequence, open_cursor(rooms_.sealer, filter, who.user, *cursor));
        }
        auto const found = rooms_.audit.query(query);
        record_reading(rooms_.audit, request, who, filter, {{"records", std::to_string(found.size())}});
        auto events = Json::array();
        for (auto const& event : found) events.push(describe(event));
        auto answer = Json::object({{"events", std::move(events)}});
        if (found.size() == query.limit) answer.set("cursor", seal_cursor(rooms_.sealer, filter, who.user, found.back().sequence));
        return Response::json(200, answer);
    }

    Result<Response> event(Request const& request, Principal const& who) const {
        ZEPHYR_TRY(auto const event, rooms_.evidence.find(request.parameter("id")));
        auto answer = describe(event);
        // The event is readable, whatever is the matter with its log.
        auto const proved = rooms_.evidence.prove(event);
        if (proved.ok()) answer.set("stored", encoding::base64_encode(proved.value().stored));
        else answer.set("unproved", std::string{proved.error().id()});
        record_reading(rooms_.audit, request, who, {}, {{"event", event.id}});
        return Response::json(200, answer);
    }

    Result<Response> proof(Request const& request) const {
        ZEPHYR_TRY(auto const event, rooms_.evidence.find(request.parameter("id")));
        ZEPHYR_TRY(auto const proved, rooms_.evidence.prove(event));
        return Response::text(200, proved.proof.str());
    }

    Result<Response> checkpoint() const {
        ZEPHYR_TRY(auto const signed_checkpoint, rooms_.evidence.checkpoint());
        return Response::text(200, signed_checkpoint.note.str());
    }

    Result<Response> tile(Request const& request, Principal const& who, std::size_t elements) const {
        std::vector<std::string_view> names;
        for (std::size_t i = 1; i <= elements; ++i) names.emplace_back(request.parameter(element_name(i)));
        auto const path = parse_tile_path(request.parameter("level"), names);
        auto const* log = rooms_.evidence.log().reader;
        if (!path || log == nullptr) return errors::not_found;
        ZEPHYR_TRY(auto const bytes, path->level ? log->tile(*path->level, path->index, path->width) : bundle(*log, *path));
        if (!path->level) record_reading(rooms_.audit, request, who, {}, {{"entries_from", std::to_string(path->index * TilePath::full_width)}});
        Response response{200, {}, to_text(bytes)};
        response.with_header("Content-Type", "application/octet-stream");
        return response;
    }

    static std::string element_name(std::size_t number) { return "n" + std::to_string(number); }

private:
    // "Entry bundles are sequences of big-endian uint16 length-prefixed log entries" (C2SP tlog-tiles).
    static Result<Bytes> bundle(tlog::LogReader const& log, TilePath const& path) {
        auto const first = path.index * TilePath::full_width;
        if (first + path.width > log.size()) return tlog::errors::proof_out_of_range;
        Bytes out;
        bool fits = true;
        ZEPHYR_CHECK(log.each(first, first + path.width, [&](std::uint64_t, ByteView entry) {
            fits = fits && entry.size() <= 0xffff;
            out.push_back(static_cast<std::byte>(entry.size() >> 8));
            out.push_back(static_cast<std::byte>(entry.size() & 0xff));
            out.insert(out.end(), entry.begin(), entry.end());
            return fits;
        }));
        if (!fits) return tlog::errors::entry_too_large;
        return out;
    }

    AuditRooms rooms_;
};

// A tile that is not there is not there, whether its place is beyond the log or no place at all.
Response answered(Result<Response> result, Request const& request) {
    if (result.ok()) return std::move(result).value();
    if (result.error() == tlog::errors::proof_out_of_range) return refuse(errors::not_found, request);
    return refuse(result.error(), request);
}

http::RouteOptions events_options() {
    return {.summary = "What happened",
            .description = "Newest first. Query: code (a code or a name), subject and actor (ids of people), outcome (success, failure, denied, "
                           "refused), from and until (a day or RFC 3339), limit (up to 1000), cursor (from the answer before; it is good for "
                           "the same filter and the same person alone). Each call is itself recorded.",
            .answers = {{.description = "Events.",
                         .fields = {{.name = "events", .type = Field::Type::objects, .required = true, .most_items = 1000, .fields = event_fields()},
                                    {.name = "cursor", .description = "For the next page; absent on the last."}}}},
            .refusals = {errors::cursor_wrong, errors::filter_invalid}};
}

http::RouteOptions event_options() {
    auto fields = event_fields();
    fields.push_back({.name = "stored", .description = "Its bytes in the log, base64: what is hashed.", .longest = 90'000});
    fields.push_back({.name = "unproved",
                      .description = "Why there are none: the id of an error, as /audit/proofs/{id} gives it. audit.row_differs means that the "
                                     "log says something else than this answer.",
                      .example = "audit.not_logged"});
    return {.summary = "One event",
            .description = "The call is itself recorded.",
            .answers = {{.description = "The event.", .fields = std::move(fields)}},
            .refusals = {audit::errors::event_unknown}};
}

void mount_tiles(http::App& app, std::shared_ptr<AuditRoutes> const& routes, http::Guard<http::Proves::principal> const& readers) {
    http::RouteOptions const described{
        .summary = "A tile of the log",
        .description = "C2SP tlog-tiles: tile/<L>/<N>[.p/<W>] and tile/entries/<N>[.p/<W>], where N has an element for every three digits. Reading "
                       "entries is itself recorded.",
        .answers = {{.description = "Hashes, or entries each behind its length.", .content_type = "application/octet-stream"}},
        .refusals = {errors::not_found, tlog::errors::entry_gone}};
    std::string pattern = "/audit/tile/{level}";
    for (std::size_t elements = 1; elements <= most_elements; ++elements) {
        pattern += "/{" + AuditRoutes::element_name(elements) + "}";
        app.get(pattern, readers,
                [routes, elements](Request const& request, Principal const& who) {
                    return answered(routes->tile(request, who, elements), request);
                },
                described);
    }
}

}  // namespace

http::Guard<http::Proves::principal> audit_guard(bool second_factor) {
    auto const readers = http::require_login | http::require_permission("audit.read");
    return second_factor ? readers | http::require_mfa : readers;
}

void mount_audit_routes(http::App& app, AuditRooms rooms) {
    auto const readers = audit_guard(rooms.second_factor);
    auto const routes = std::make_shared<AuditRoutes>(std::move(rooms));
    app.get("/audit/events", readers,
            [routes](Request const& request, Principal const& who) { return answered(routes->events(request, who), request); }, events_options());
    app.get("/audit/events/{id}", readers,
            [routes](Request const& request, Principal const& who) { return answered(routes->event(request, who), request); }, event_options());
    app.get("/audit/proofs/{id}", readers, [routes](Request const& request) { return answered(routes->proof(request), request); },
            {.summary = "The proof that an event stands in the log",
             .description = "C2SP tlog-proof. Only the node that holds the event has it.",
             .answers = {{.description = "A .tlog-proof.", .content_type = "text/plain"}},
             .refusals = {audit::errors::event_unknown, audit::errors::other_node, audit::errors::not_logged, audit::errors::row_differs,
                          audit::errors::not_yet_signed, tlog::errors::entry_gone}});
    app.get("/audit/checkpoint", readers, [routes](Request const& request) { return answered(routes->checkpoint(), request); },
            {.summary = "The newest signed checkpoint of this node's log",
             .description = "C2SP tlog-checkpoint.",
             .answers = {{.description = "A signed note.", .content_type = "text/plain"}},
             .refusals = {audit::errors::not_logged}});
    mount_tiles(app, routes, readers);
}

}  // namespace zephyr::routes
