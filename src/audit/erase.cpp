#include "audit/stored.h"
#include "zephyr/audit/audit_log.h"

namespace zephyr::audit {

namespace {

// Where one person did something to another, the sealed part holds both: the actor's address, the other's names. Each
// of them takes only their own part away, or an administrator could wipe what they did by having themselves erased.
enum class Keep { origin, fields };

std::int64_t keep_part(storage::Transaction& tx, crypto::Sealer const& sealer, storage::Rows const& rows, Keep keep) {
    std::int64_t changed = 0;
    for (auto const& row : rows) {
        auto const& id = row.text(0);
        auto personal = open_personal(sealer, id, row.blob(1));
        if (keep == Keep::origin) {
            personal.fields.clear();
        } else {
            personal.address.clear();
            personal.user_agent.clear();
        }
        std::optional<Bytes> sealed;
        if (!personal.empty()) sealed = seal_personal(sealer, id, personal);
        changed += tx.run("UPDATE audit_event SET sealed = $2 WHERE id = $1", id, sealed);
    }
    return changed;
}

}  // namespace

std::int64_t AuditLog::erase_personal(storage::Transaction& tx, UserId const& user) {
    // Done by themselves, by nobody known, or by the system: all of it is about this person.
    auto changed = tx.run("UPDATE audit_event SET sealed = NULL WHERE subject = $1 AND sealed IS NOT NULL"
                          " AND (actor_type <> 'user' OR actor_ref = $1)",
                          user.str());
    changed += keep_part(tx, sealer_,
                         tx.rows("SELECT id, sealed FROM audit_event WHERE subject = $1 AND sealed IS NOT NULL"
                                 " AND actor_type = 'user' AND actor_ref <> $1",
                                 user.str()),
                         Keep::origin);
    // The condition repeats the partial index audit_event_actor word for word, or no engine would use it.
    changed += keep_part(tx, sealer_,
                         tx.rows("SELECT id, sealed FROM audit_event WHERE actor_ref = $1 AND sealed IS NOT NULL"
                                 " AND actor_type = 'user' AND (subject IS NULL OR subject <> actor_ref)",
                                 user.str()),
                         Keep::fields);
    return changed;
}

}  // namespace zephyr::audit
