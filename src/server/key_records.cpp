#include "zephyr/server/key_records.h"

#include <algorithm>
#include <array>

#include "zephyr/audit/codes.h"

namespace zephyr::server {

using storage::Transaction;

namespace {

// Every sealed column: a Place is {table, key, column}.
struct SealedColumn {
    std::string_view table;
    std::string_view key;
    std::string_view column;
};
constexpr std::array<SealedColumn, 4> sealed_columns{{
    {"totp_device", "id", "secret"},
    {"password_credential", "user_id", "phc"},
    {"session", "ref", "sealed"},
    {"audit_event", "id", "sealed"},
}};

// A sealed value begins with its version and its key's id (see crypto::Sealer); rows whose first bytes differ from a fresh seal's are
// the ones to do. Reading them all and looking is simple, bounded by `batch`, and leaves that format to its room.
constexpr std::int64_t batch = 200;

std::size_t reseal_column(storage::Database& database, crypto::Sealer const& sealer, SealedColumn const& at, std::size_t limit) {
    std::string const table{at.table}, key{at.key}, column{at.column};
    auto const select = "SELECT " + key + ", " + column + " FROM " + table + " WHERE " + column + " IS NOT NULL AND " + key +
                        " > $1 ORDER BY " + key + " LIMIT $2";
    auto const update = "UPDATE " + table + " SET " + column + " = $2 WHERE " + key + " = $1 AND " + column + " = $3";
    std::size_t done = 0;
    std::string after;
    while (done < limit) {
        auto const rows = database.read([&](Transaction& tx) { return tx.rows(select, after, batch); });
        if (rows.empty()) break;
        after = rows.back().text(0);
        for (auto const& row : rows) {
            auto const& old = row.blob(1);
            if (!sealer.needs_reseal(old)) continue;
            crypto::Place const place{at.table, row.text(0), at.column};
            auto const opened = sealer.open(place, old);
            if (!opened.ok()) continue;  // its key is gone: nothing to save, and nothing to lose either
            // Only if nobody changed it meanwhile.
            database.write([&](Transaction& tx) { tx.run(update, row.text(0), sealer.seal(place, opened.value()), old); });
            if (++done >= limit) break;
        }
    }
    return done;
}

}  // namespace

std::vector<KeyRecord> KeyRecords::list() {
    return database_.read([&](Transaction& tx) {
        std::vector<KeyRecord> records;
        for (auto const& row : tx.rows("SELECT id, active, first_seen_at FROM master_key ORDER BY first_seen_at, id")) {
            records.push_back({row.text(0), row.flag(1), row.time(2)});
        }
        return records;
    });
}

Result<void> KeyRecords::reconcile(crypto::Keyring const& keyring, audit::AuditLog& audit) {
    return database_.write([&](Transaction& tx) -> Result<void> {
        auto const known = list();
        auto const& active = keyring.active().id();
        auto const remember = [&](std::string const& id, bool is_active) {
            tx.run("INSERT INTO master_key (id, active, first_seen_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET active = "
                   "excluded.active",
                   id, is_active, clock_.now());
        };
        if (known.empty()) {
            for (auto const& id : keyring.ids()) remember(id, id == active);
            audit.append(tx, {.code = audit::codes::key_created, .actor = audit::Actor::system(), .details = {{"key", active}}});
            return success();
        }
        crypto::DatabaseKeys database;
        for (auto const& record : known) {
            if (record.active) database.active_id = record.id;
            database.needed_ids.push_back(record.id);
        }
        bool const is_new = std::none_of(known.begin(), known.end(), [&](auto const& record) { return record.id == active; });
        bool const holds_all = std::all_of(known.begin(), known.end(), [&](auto const& r) { return keyring.find(r.id) != nullptr; });
        if (!is_new || !holds_all) return crypto::check_database_keys(keyring, database);
        tx.run("UPDATE master_key SET active = 0");
        remember(active, true);
        audit.append(tx, {.code = audit::codes::key_rotated,
                          .actor = audit::Actor::system(),
                          .details = {{"from", database.active_id}, {"to", active}}});
        return success();
    });
}

std::size_t reseal(storage::Database& database, crypto::Sealer const& sealer, std::size_t limit) {
    std::size_t done = 0;
    for (auto const& column : sealed_columns) {
        if (done >= limit) break;
        done += reseal_column(database, sealer, column, limit - done);
    }
    return done;
}

}  // namespace zephyr::server
