#include "zephyr/audit/holds.h"

#include <algorithm>

#include "zephyr/audit/codes.h"
#include "zephyr/encoding/unicode.h"

namespace zephyr::audit {

namespace {

constexpr std::size_t max_case_bytes = 128;
constexpr std::size_t max_reason_bytes = 1024;

bool is_case_name(std::string_view text) {
    return !text.empty() && text.size() <= max_case_bytes && text.front() != ' ' && text.back() != ' ' &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Hold read_hold(storage::Row const& row) {
    Hold hold{.id = row.text(0), .case_name = row.text(1)};
    if (auto const person = row.optional_text(2)) hold.subject = UserId::trusted(*person);
    hold.from = row.optional_time(3);
    hold.until = row.optional_time(4);
    hold.reason = row.text(5);
    hold.placed_at = row.time(6);
    return hold;
}

Event describe(std::string_view code, Hold const& hold, Actor const& actor, Origin const& origin) {
    Event event{.code = code, .actor = actor, .subject = hold.subject, .origin = origin};
    event.details = {{"hold", hold.case_name}, {"covers", hold.subject ? "person" : "everything"}};
    if (hold.from) event.details.emplace_back("from", to_rfc3339(*hold.from));
    if (hold.until) event.details.emplace_back("until", to_rfc3339(*hold.until));
    // A sentence that somebody wrote, perhaps about somebody.
    if (!hold.reason.empty()) event.personal = {{"reason", hold.reason}};
    return event;
}

}  // namespace

LegalHolds::LegalHolds(storage::Database& database, AuditLog& audit, Clock const& clock, Random& random)
    : database_{database}, audit_{audit}, clock_{clock}, random_{random} {
    audit_.on_hold_check([this](storage::Transaction& tx, UserId const& person) { return covers(tx, person); });
}

Result<Hold> LegalHolds::place(PlaceHold const& wanted, Actor const& actor, Origin const& origin) {
    if (!is_case_name(wanted.case_name)) return errors::hold_case_malformed;
    if (wanted.from && wanted.until && *wanted.until <= *wanted.from) return errors::hold_range_empty;
    if (wanted.reason.size() > max_reason_bytes || !encoding::is_valid_utf8(wanted.reason) ||
        wanted.reason.find('\0') != std::string::npos) {
        return errors::hold_reason_malformed;
    }
    auto const now = clock_.now();
    Hold const hold{.id = make_uuid_v7(now, random_),
                    .case_name = wanted.case_name,
                    .subject = wanted.subject,
                    .from = wanted.from,
                    .until = wanted.until,
                    .reason = wanted.reason,
                    .placed_at = now};
    database_.write([&](storage::Transaction& tx) {
        std::optional<std::string> person;
        if (hold.subject) person = hold.subject->str();
        tx.run("INSERT INTO audit_hold (id, case_name, person, from_time, until_time, reason, placed_at)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7)",
               hold.id, hold.case_name, person, hold.from, hold.until, hold.reason, now);
        audit_.append(tx, describe(codes::audit_hold_placed, hold, actor, origin));
    });
    return hold;
}

Result<std::size_t> LegalHolds::release(std::string_view case_name, Actor const& actor, Origin const& origin) {
    bool const released = database_.write([&](storage::Transaction& tx) {
        bool any = false;
        for (auto const& hold : list(tx)) {
            if (hold.case_name != case_name) continue;
            if (tx.run("DELETE FROM audit_hold WHERE id = $1", hold.id) != 1) continue;  // another node was quicker
            any = true;
            audit_.append(tx, describe(codes::audit_hold_released, hold, actor, origin));
        }
        return any;
    });
    if (!released) return errors::hold_not_found;
    return audit_.carry_out_erasures();
}

std::vector<Hold> LegalHolds::list() {
    return database_.read([&](storage::Transaction& tx) { return list(tx); });
}

std::vector<Hold> LegalHolds::list(storage::Transaction& tx) {
    std::vector<Hold> out;
    for (auto const& row : tx.rows("SELECT id, case_name, person, from_time, until_time, reason, placed_at FROM audit_hold"
                                   " ORDER BY placed_at, id")) {
        out.push_back(read_hold(row));
    }
    return out;
}

bool LegalHolds::covers(storage::Transaction& tx, UserId const& person) {
    if (tx.row("SELECT id FROM audit_hold WHERE person = $1 LIMIT 1", person.str())) return true;
    // Two questions, not one with OR: each has its index.
    auto const held = [&](std::string_view who) {
        return tx
            .row("SELECT h.id FROM audit_hold h WHERE h.person IS NULL AND EXISTS (SELECT 1 FROM audit_event e WHERE " + std::string{who} +
                     " AND (h.from_time IS NULL OR e.time >= h.from_time) AND (h.until_time IS NULL OR e.time < h.until_time)) LIMIT 1",
                 person.str())
            .has_value();
    };
    // The condition on actors repeats the partial index audit_event_actor word for word, or no engine would use it.
    return held("e.subject = $1") ||
           held("e.actor_ref = $1 AND e.actor_type = 'user' AND (e.subject IS NULL OR e.subject <> e.actor_ref)");
}

}  // namespace zephyr::audit
