#include "audit/log_state.h"
#include "zephyr/audit/codes.h"

namespace zephyr::audit {

namespace {
constexpr std::chrono::hours kept_after{24};
constexpr std::string_view waits_for_hold = "hold";
constexpr std::string_view waits_for_scrub = "scrub";  // the event is written, and the keys are destroyed
}  // namespace

// Where one person did something to another, each has a part of their own in the event, so an administrator can't wipe what they did to
// others by having themselves erased.
std::int64_t replace_person(storage::Transaction& tx, std::string const& person, std::string const& ref) {
    auto const about = tx.run("UPDATE audit_event SET subject = $2, actor_ref = CASE WHEN actor_type = 'user' AND actor_ref = $1 THEN $2"
                              " ELSE actor_ref END WHERE subject = $1",
                              person, ref);
    // The condition repeats the partial index audit_event_actor word for word, or no engine would use it.
    return about + tx.run("UPDATE audit_event SET actor_ref = $2 WHERE actor_ref = $1"
                          " AND actor_type = 'user' AND (subject IS NULL OR subject <> actor_ref)",
                          person, ref);
}

std::int64_t AuditLog::erase_personal(storage::Transaction& tx, UserId const& user) {
    auto const& held = state_->held;
    auto const who = state_->pseudonym_of(user, &tx);
    bool const waits = held && held(tx, user);
    auto const changed = waits ? 0 : replace_person(tx, user.str(), who.ref);
    if (who.erased) return changed;
    bool const now = !waits && state_->keys.lives_in(state_->database);
    std::optional<TimePoint> done;
    if (now) {
        state_->keys.destroy(user);
        done = state_->clock.now();
    }
    tx.run("INSERT INTO audit_erasure (person, ref, requested_at, done_at, waiting) VALUES ($1, $2, $3, $4, $5)"
           " ON CONFLICT (person) DO UPDATE SET waiting = excluded.waiting",
           user.str(), who.ref, state_->clock.now(), done, waits ? waits_for_hold : std::string_view{});
    // Behind the row, which makes it bear the pseudonym.
    if (now) append(tx, {.code = codes::audit_subject_erased, .actor = Actor::system(), .subject = user});
    return changed;
}

// In this order: a log that can't be written destroys nothing, a crash anywhere leaves the row to be carried out again, and a hold that was
// acknowledged meanwhile protects. False: not now.
bool AuditLog::carry_out_erasure(storage::Transaction& tx, std::string const& person) {
    auto const row = tx.row("SELECT ref, waiting FROM audit_erasure WHERE person = $1 AND done_at IS NULL", person);
    if (!row) return false;
    auto const ref = row->text(0);
    auto const id = UserId::trusted(person);
    if (row->text(1) != waits_for_scrub) {
        // Their events may bear the pseudonym already.
        if (state_->held && (state_->held(tx, id) || state_->held(tx, UserId::trusted(ref)))) return false;
        append(tx, {.code = codes::audit_subject_erased, .actor = Actor::system(), .subject = id});
    }
    // Again: an event may have come while the keys were still there.
    replace_person(tx, person, ref);
    tx.run("UPDATE audit_erasure SET waiting = $2 WHERE person = $1", person, waits_for_scrub);
    state_->keys.destroy(id);
    return true;
}

std::size_t AuditLog::carry_out_erasures() {
    auto& database = state_->database;
    auto const waiting = database.read([&](storage::Transaction& tx) {
        std::vector<std::string> found;
        for (auto const& row : tx.rows("SELECT person FROM audit_erasure WHERE done_at IS NULL ORDER BY requested_at LIMIT 1000")) {
            found.push_back(row.text(0));
        }
        return found;
    });
    std::vector<std::string> destroyed;
    for (auto const& person : waiting) {
        if (database.write([&](storage::Transaction& tx) { return carry_out_erasure(tx, person); })) destroyed.push_back(person);
    }
    if (!destroyed.empty()) {
        // Not done before nothing is left of what was deleted: after a crash here, that is done again.
        if (!state_->keys.lives_in(database) && !state_->keys.database().scrub()) return 0;
        if (!database.scrub()) return 0;
    }
    auto const now = state_->clock.now();
    bool const old_rows = database.read([&](storage::Transaction& tx) {
        return tx.row("SELECT person FROM audit_erasure WHERE done_at < $1 LIMIT 1", now - kept_after).has_value();
    });
    if (destroyed.empty() && !old_rows) return 0;
    database.write([&](storage::Transaction& tx) {
        for (auto const& person : destroyed) {
            tx.run("UPDATE audit_erasure SET done_at = $2, waiting = '' WHERE person = $1", person, now);
        }
        // The last time that anything knows who the pseudonym was: what named them since gives way too.
        for (auto const& row : tx.rows("SELECT person, ref FROM audit_erasure WHERE done_at < $1", now - kept_after)) {
            replace_person(tx, row.text(0), row.text(1));
        }
        tx.run("DELETE FROM audit_erasure WHERE done_at < $1", now - kept_after);
    });
    return destroyed.size();
}

}  // namespace zephyr::audit
