#include "routes/audit_reading.h"

#include <charconv>

#include "zephyr/audit/times.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/json.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"
#include "zephyr/guards/gatekeeper.h"

namespace zephyr::routes {

namespace {

// A table and a column that no table has: nothing sealed elsewhere opens here.
crypto::Place place_of(std::string const& row) { return {"audit cursor", row, "sequence"}; }

std::string row_of(AuditFilter const& filter, UserId const& reader) {
    auto fields = filter.fields();
    fields.emplace_back("reader", reader.str());
    return encoding::build_form(fields);
}

Error invalid(std::string_view field, std::string_view wanted) {
    return Error{errors::filter_invalid}.with_reason(std::string{field} + " must be " + std::string{wanted} + ".");
}

}  // namespace

bool is_pseudonym(std::string_view text) {
    return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_erased(audit::StoredEvent const& event) {
    if (event.body.empty() || !event.address.empty() || !event.user_agent.empty() || !event.personal.empty()) return false;
    auto const record = encoding::parse_json(as_text(event.body), {.bytes = event.body.size(), .depth = 8});
    return record.ok() && record.value().find("sealed") != nullptr;
}

Result<audit::Query> AuditFilter::query() const {
    audit::Query query;
    if (!code.empty()) {
        for (auto const& info : audit::all_codes()) {
            if (code == info.code || code == info.name) query.code = std::string{info.code};
        }
        if (!query.code) return invalid("code", "a code of docs/reference/audit-events.md, such as ZAUTH01I or auth.signed_in");
    }
    if (!subject.empty()) {
        query.subject = is_pseudonym(subject) ? UserId::trusted(subject) : UserId::parse(subject);
        if (!query.subject) return invalid("subject", "a person's id");
    }
    if (!actor.empty()) {
        if (!is_uuid(actor) && !is_pseudonym(actor)) return invalid("actor", "a person's id");
        query.actor = actor;
    }
    if (outcome == "success") query.outcome = audit::Outcome::success;
    else if (outcome == "failure") query.outcome = audit::Outcome::failure;
    else if (outcome == "denied") query.outcome = audit::Outcome::denied;
    else if (outcome == "refused") query.refused = true;
    else if (!outcome.empty()) return invalid("outcome", "success, failure, denied or refused");
    if (!from.empty() && !(query.from = audit::parse_time_bound(from, false))) return invalid("from", "a day or a time of RFC 3339");
    if (!until.empty() && !(query.until = audit::parse_time_bound(until, true))) return invalid("until", "a day or a time of RFC 3339");
    return query;
}

std::vector<std::pair<std::string, std::string>> AuditFilter::fields() const {
    std::vector<std::pair<std::string, std::string>> all{{"code", code},       {"subject", subject}, {"actor", actor},
                                                         {"outcome", outcome}, {"from", from},       {"until", until}};
    std::erase_if(all, [](auto const& field) { return field.second.empty(); });
    return all;
}

AuditFilter audit_filter(http::Request const& request, std::string_view subject) {
    auto const field = [&](std::string_view name) { return std::string{trim(request.query(name).value_or(""))}; };
    return {.code = field("code"),
            .subject = field(subject),
            .actor = field("actor"),
            .outcome = field("outcome"),
            .from = field("from"),
            .until = field("until")};
}

std::string seal_cursor(crypto::Sealer const& sealer, AuditFilter const& filter, UserId const& reader, std::int64_t before_sequence) {
    auto const row = row_of(filter, reader);
    return encoding::base64url_encode(sealer.seal(place_of(row), as_bytes(std::to_string(before_sequence))));
}

Result<std::int64_t> open_cursor(crypto::Sealer const& sealer, AuditFilter const& filter, UserId const& reader, std::string_view cursor) {
    auto const sealed = encoding::base64url_decode(cursor);
    if (!sealed.ok()) return errors::cursor_wrong;
    auto const row = row_of(filter, reader);
    auto const opened = sealer.open(place_of(row), sealed.value());
    if (!opened.ok()) return errors::cursor_wrong;
    auto const sequence = parse_integer(as_text(opened.value().reveal()));
    if (!sequence || *sequence <= 0) return errors::cursor_wrong;
    return *sequence;
}

void record_reading(audit::AuditLog& log, http::Request const& request, http::Principal const& who, AuditFilter const& filter,
                    std::vector<std::pair<std::string, std::string>> what, std::string_view code) {
    audit::Event event{.code = code, .actor = audit::Actor::user(who.user), .origin = guards::origin_of(request, who)};
    event.details = std::move(what);
    // Ids of people stand in events as pseudonyms and sealed, never in the clear.
    for (auto const& [name, value] : filter.fields()) {
        if (is_pseudonym(value)) event.details.emplace_back(name, value);  // nobody's id: it stands in the log anyway
        else if (name == "subject") event.subject = UserId::parse(value);
        else if (name == "actor") event.personal.emplace_back(name, value);
        else event.details.emplace_back(name, value);
    }
    log.append(event);
}

}  // namespace zephyr::routes
