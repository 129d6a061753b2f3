#include "zephyr/audit/retention.h"

#include <algorithm>
#include <set>

#include "zephyr/audit/log_keys.h"
#include "zephyr/audit/record.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::audit {

namespace {

constexpr std::size_t rows_at_once = 2000;
constexpr std::uint64_t entries_at_once = 5000;
constexpr std::chrono::hours clock_doubt{48};
constexpr std::string_view first_kept_field = "first_kept";

constexpr RetentionClass all_classes[] = {RetentionClass::auth, RetentionClass::admin, RetentionClass::phi, RetentionClass::http};

template <class T>
T valid(Result<T> result) {
    if (!result.ok()) {
        throw StorageFault{"audit retention: " + std::string{result.error().id()} + " " + std::string{result.error().detail()}};
    }
    return std::move(result).value();
}

std::string detail_of(Record const& record, std::string_view name) {
    auto const found = std::find_if(record.details.begin(), record.details.end(), [&](auto const& field) { return field.first == name; });
    return found == record.details.end() ? std::string{} : found->second;
}

}  // namespace

std::chrono::seconds RetentionPeriods::of(RetentionClass retention) const {
    switch (retention) {
        case RetentionClass::auth: return auth;
        case RetentionClass::admin: return admin;
        case RetentionClass::phi: return phi;
        case RetentionClass::http: return http;
    }
    throw Fault{"an audit class of no known kind"};
}

// What the holds of this moment cover, in the words of the log.
struct Retention::Held {
    std::vector<Hold> holds;
    std::set<std::string> refs;               // pseudonyms of people that a hold names
    std::optional<TimePoint> everything_from;  // the earliest time of a hold over everybody

    std::vector<std::string> ids() const {
        std::vector<std::string> out;
        for (auto const& hold : holds) out.push_back(hold.id);
        return out;
    }
    bool covers(Record const& record) const {
        for (auto const& hold : holds) {
            if (!hold.subject && hold.covers_time(record.time)) return true;
        }
        if (refs.empty()) return false;
        if (record.subject && refs.contains(*record.subject)) return true;
        if (record.actor_type == Actor::Type::user && refs.contains(record.actor_ref)) return true;
        return std::any_of(record.sealed.begin(), record.sealed.end(), [&](SealedPart const& part) { return refs.contains(part.ref); });
    }
};

Retention::Retention(storage::Database& database, AuditLog& audit, SubjectKeys& keys, LegalHolds& holds, tlog::LogWriter* writer,
                     tlog::LogReader* reader, std::string node, Clock const& clock, RetentionPeriods periods)
    : database_{database},
      audit_{audit},
      keys_{keys},
      holds_{holds},
      writer_{writer},
      reader_{reader},
      node_{std::move(node)},
      clock_{clock},
      periods_{periods} {}

Retention::Held Retention::held_now() {
    Held held{.holds = holds_.list(), .refs = {}, .everything_from = {}};
    for (auto const& hold : held.holds) {
        if (!hold.subject) {
            auto const from = hold.from.value_or(TimePoint{});
            held.everything_from = std::min(held.everything_from.value_or(from), from);
        } else if (auto ref = keys_.find_ref(*hold.subject)) {
            // A person's keys are for all their time, so is the hold on them.
            held.refs.insert(*std::move(ref));
        }
    }
    return held;
}

bool Retention::over(RetentionClass retention, TimePoint time, TimePoint now) const { return time + periods_.of(retention) <= now; }

RetentionOutcome Retention::run() {
    RetentionOutcome outcome;
    if (writer_ != nullptr && reader_ != nullptr && !look_at_beginning()) {
        outcome.log_damaged = true;
        outcome.first_index = reader_->first_index();
        return outcome;
    }
    auto const now = clock_.now();
    if (audit_.happened(codes::audit_clock_stepped, now - clock_doubt, now + clock_doubt)) {
        outcome.clock_in_doubt = true;
        return outcome;
    }
    auto const held = held_now();
    if (auto ids = held.ids(); ids != holds_seen_) {
        holds_seen_ = std::move(ids);
        over_below_ = 0;
        rows_seen_ = 0;
    }
    outcome.keys_destroyed = destroy_keys(held, now);
    outcome.more = look_at_rows(outcome, now);
    if (writer_ != nullptr && reader_ != nullptr && look_at_log(held, outcome, now)) outcome.more = true;
    return outcome;
}

std::int64_t Retention::destroy_keys(Held const& held, TimePoint now) {
    std::int64_t destroyed = 0;
    std::vector<std::string> const kept{held.refs.begin(), held.refs.end()};
    for (auto const retention : all_classes) {
        auto before = now - std::chrono::duration_cast<std::chrono::milliseconds>(periods_.of(retention));
        // A key that sealed nothing since then can't open anything the hold covers.
        if (held.everything_from) before = std::min(before, *held.everything_from);
        destroyed += keys_.destroy_expired(retention, before, kept);
    }
    if (destroyed > 0) keys_.database().scrub();  // readers in the way: the next time there is something to destroy
    return destroyed;
}

// Rows that no log holds: from before there was one, or without one.
bool Retention::look_at_rows(RetentionOutcome& outcome, TimePoint now) {
    std::vector<std::string> ids;
    auto const shortest = std::min({periods_.auth, periods_.admin, periods_.phi, periods_.http});
    auto const seen = database_.read([&](storage::Transaction& tx) {
        auto const rows = tx.rows("SELECT sequence, id, time, code, node FROM audit_event WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                                  rows_seen_, static_cast<std::int64_t>(rows_at_once));
        for (auto const& row : rows) {
            auto const* info = find_code(row.text(3));
            if (info != nullptr && row.text(4).empty() && over(info->retention, row.time(2), now)) ids.push_back(row.text(1));
        }
        bool const last = rows.size() < rows_at_once || rows.back().time(2) + shortest > now;
        rows_seen_ = last ? 0 : rows.back().integer(0);
        return !last;
    });
    if (ids.empty()) return seen;
    database_.write([&](storage::Transaction& tx) {
        outcome.rows_deleted = 0;
        for (auto const& id : ids) {
            outcome.rows_deleted += tx.run(
                "DELETE FROM audit_event WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM audit_hold h WHERE (h.person = audit_event.subject"
                " OR h.person = audit_event.actor_ref) OR (h.person IS NULL AND (h.from_time IS NULL OR audit_event.time >= h.from_time)"
                " AND (h.until_time IS NULL OR audit_event.time < h.until_time)))",
                id);
        }
    });
    return seen;
}

bool Retention::look_at_log(Held const& held, RetentionOutcome& outcome, TimePoint now) {
    // Only what the database has seen: after a restore it would otherwise ask for entries that are gone.
    auto const indexed = database_.read([&](storage::Transaction& tx) {
        auto const row = tx.row("SELECT indexed FROM audit_node WHERE node = $1", node_);
        return row ? static_cast<std::uint64_t>(row->integer(0)) : std::uint64_t{0};
    });
    auto const until = std::min(reader_->size(), indexed);
    over_below_ = std::max(over_below_, first_);
    auto const stop = std::min(until, over_below_ + entries_at_once);
    if (over_below_ >= stop) return false;

    std::vector<std::string> ids;
    auto const looked = reader_->each(over_below_, stop, [&](std::uint64_t, ByteView bytes) {
        auto const record = Record::parse(bytes);
        // What we can't read may be anything: it stays.
        if (!record.ok() || !over(record.value().retention, record.value().time, now) || held.covers(record.value())) return false;
        ids.push_back(record.value().id);
        return true;
    });
    if (!looked.ok()) throw StorageFault{"audit retention: " + std::string{looked.error().id()}};
    if (ids.empty()) return false;
    auto const over_below = over_below_ + ids.size();
    auto const kept = valid(writer_->first_after_deletion(over_below));
    bool const some_go = kept > first_;
    if (some_go) announce(kept);
    database_.write([&](storage::Transaction& tx) {
        for (auto const& id : ids) tx.run("DELETE FROM audit_event WHERE id = $1", id);
    });
    outcome.rows_deleted += static_cast<std::int64_t>(ids.size());
    if (some_go) outcome.segments_deleted = valid(writer_->delete_segments_below(kept));
    over_below_ = over_below;
    return over_below_ == stop && stop < until;
}

// Whoever removed a segment file must not get an entry from us that says it was due.
bool Retention::look_at_beginning() {
    auto const first = reader_->first_index();
    auto const size = reader_->size();
    if (first > announced_ && searched_ < size) {
        announced_ = std::max(announced_, valid(announced_first_kept(*reader_, std::max(searched_, first), size, first)));
        searched_ = size;
    }
    log_whole_ = first <= announced_;
    first_ = first;
    return log_whole_;
}

// Before anything goes, and under a signature: killed behind it, the next run goes on.
void Retention::announce(std::uint64_t first_kept) {
    if (announced_ >= first_kept) return;
    // A signature over everything first: what is deleted stays proven by its hash.
    auto const checkpoint = valid(writer_->checkpoint()).checkpoint;
    audit_.append({.code = codes::audit_segments_deleted,
                   .actor = Actor::system(),
                   .details = {{"log", reader_->origin()},
                               {std::string{first_kept_field}, std::to_string(first_kept)},
                               {"size", std::to_string(checkpoint.size)},
                               {"root", encoding::base64_encode(checkpoint.root)}}});
    auto const until = valid(writer_->checkpoint()).checkpoint.size;
    if (valid(announced_first_kept(*reader_, checkpoint.size, until, first_kept)) < first_kept) {
        throw StorageFault{"audit retention: the log does not say yet what is to be deleted"};
    }
    announced_ = first_kept;
}

Result<std::uint64_t> announced_first_kept(tlog::LogReader const& log, std::uint64_t from, std::uint64_t until, std::uint64_t enough) {
    std::uint64_t highest = 0;
    while (until > from && highest < enough) {
        auto const begin = until - std::min(until - from, entries_at_once);
        ZEPHYR_CHECK(log.each(begin, until, [&](std::uint64_t, ByteView entry) {
            auto const kept = kept_from(entry);
            if (kept && detail_of(Record::parse(entry).value(), "log") == log.origin()) highest = std::max(highest, *kept);
            return true;
        }));
        until = begin;
    }
    return highest;
}

}  // namespace zephyr::audit
