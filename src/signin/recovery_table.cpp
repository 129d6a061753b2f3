// How recoveries stand in their table, and what a person's export holds of them.
#include "zephyr/signin/recovery_service.h"

namespace zephyr::signin {

using encoding::Json;
using storage::Transaction;

namespace {
crypto::Place place_of(std::string_view id) { return {"mfa_recovery", id, "reason"}; }
constexpr std::string_view unreadable = "(unreadable)";
constexpr std::string_view operators = "operator";  // no id of a person looks like it

Recovery read(crypto::Sealer const& sealer, storage::Row const& row) {
    auto const reason = sealer.open(place_of(row.text(0)), row.blob(4));
    bool const by_operator = row.text(3) == operators;
    return {.id = row.text(0),
            .user = UserId::trusted(row.text(1)),
            .kind = row.text(2) == "self" ? Recovery::Kind::self : Recovery::Kind::admin,
            .requested_by = by_operator ? std::string{} : row.text(3),
            .by_operator = by_operator,
            // What cannot be read any more must not keep the rest from being done.
            .reason = reason.ok() ? to_text(reason.value().reveal()) : std::string{unreadable},
            .requested_at = row.time(5),
            .due_at = row.time(6)};
}

}  // namespace

std::optional<Recovery> RecoveryService::open_in(Transaction& tx, UserId const& user) const {
    auto const row = tx.row("SELECT id, user_id, kind, requested_by, reason, requested_at, due_at FROM mfa_recovery"
                            " WHERE user_id = $1 AND state = 'waiting'",
                            user.str());
    if (!row) return std::nullopt;
    return read(sealer_, *row);
}

std::optional<Recovery> RecoveryService::open_for(UserId const& user) {
    return rooms_.database.read([&](Transaction& tx) { return open_in(tx, user); });
}

std::vector<Recovery> RecoveryService::open(std::size_t most) {
    return rooms_.database.read([&](Transaction& tx) {
        std::vector<Recovery> found;
        for (auto const& row : tx.rows("SELECT id, user_id, kind, requested_by, reason, requested_at, due_at FROM mfa_recovery"
                                       " WHERE state = 'waiting' ORDER BY due_at, id LIMIT $1",
                                       static_cast<std::int64_t>(most))) {
            found.push_back(read(sealer_, row));
        }
        return found;
    });
}

Result<Recovery> RecoveryService::insert(Transaction& tx, UserId const& user, Recovery::Kind kind, audit::Actor const& actor,
                                         std::string const& reason, std::chrono::seconds wait) {
    auto const now = rooms_.clock.now();
    bool const by_operator = actor.type == audit::Actor::Type::operator_cli;
    Recovery recovery{.id = make_uuid_v7(now, random_),
                      .user = user,
                      .kind = kind,
                      .requested_by = by_operator ? std::string{} : actor.ref,
                      .by_operator = by_operator,
                      .reason = reason,
                      .requested_at = now,
                      .due_at = now + wait};
    auto const added = tx.run("INSERT INTO mfa_recovery (id, user_id, kind, state, requested_by, reason, requested_at, due_at, decided_by)"
                              " VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, '') ON CONFLICT DO NOTHING",
                              recovery.id, user.str(), kind == Recovery::Kind::self ? "self" : "admin",
                              by_operator ? std::string{operators} : actor.ref, sealer_.seal(place_of(recovery.id), as_bytes(reason)), now,
                              recovery.due_at);
    if (added == 0) return errors::recovery_open;
    return recovery;
}

std::vector<Recovery> RecoveryService::due() {
    return rooms_.database.read([&](Transaction& tx) {
        std::vector<Recovery> found;
        for (auto const& row : tx.rows("SELECT id, user_id, kind, requested_by, reason, requested_at, due_at FROM mfa_recovery"
                                       " WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at LIMIT 50",
                                       rooms_.clock.now())) {
            found.push_back(read(sealer_, row));
        }
        return found;
    });
}

std::int64_t RecoveryService::purge() {
    return rooms_.database.write([&](Transaction& tx) {
        return tx.run("DELETE FROM mfa_recovery WHERE id IN (SELECT id FROM mfa_recovery WHERE state <> 'waiting' AND decided_at < $1 LIMIT 500)",
                      rooms_.clock.now() - 90 * 24h);
    });
}

std::vector<privacy::TableClaim> RecoveryPersonalData::claims() const {
    return {{.table = "mfa_recovery",
             .personal = {"user_id", "kind", "state", "requested_by", "reason", "requested_at", "due_at", "decided_by", "decided_at"},
             .not_personal = {"id"}}};
}

Json RecoveryPersonalData::export_for(Transaction& tx, UserId const& user) {
    Json out = Json::array();
    for (auto const& row : tx.rows("SELECT id, user_id, kind, requested_by, reason, requested_at, due_at, state, decided_at FROM mfa_recovery"
                                   " WHERE user_id = $1 ORDER BY id",
                                   user.str())) {
        auto const recovery = read(sealer_, row);
        auto const decided = row.optional_time(8);
        out.push(Json::object({{"kind", row.text(2)},
                               {"state", row.text(7)},
                               {"by_the_person", recovery.requested_by == user.str()},
                               {"reason", recovery.reason},
                               {"requested_at", to_rfc3339(recovery.requested_at)},
                               {"due_at", to_rfc3339(recovery.due_at)},
                               {"decided_at", decided ? Json{to_rfc3339(*decided)} : Json{}}}));
    }
    return out;
}

// Of an administrator who leaves, their name goes from what they asked for; what still waits comes to nothing, for nobody stands behind it.
void RecoveryPersonalData::erase(Transaction& tx, UserId const& user) {
    tx.run("DELETE FROM mfa_recovery WHERE user_id = $1", user.str());
    tx.run("UPDATE mfa_recovery SET requested_by = '' WHERE requested_by = $1", user.str());
    tx.run("UPDATE mfa_recovery SET decided_by = '' WHERE decided_by = $1", user.str());
}

}  // namespace zephyr::signin
