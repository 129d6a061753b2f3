#include "zephyr/server/key_records.h"

#include <algorithm>
#include <array>
#include <utility>

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
constexpr std::array<SealedColumn, 13> sealed_columns{{
    {"audit_subject_key", "id", "secret"},  // the first: it may stand in a file of its own
    {"signing_key", "kid", "secret"},
    {"totp_device", "id", "secret"},
    {"mfa_channel", "id", "destination"},
    {"mfa_code", "id", "code"},
    {"backup_code", "id", "secret"},
    {"known_device", "id", "user_agent"},
    {"message", "id", "content"},
    {"password_credential", "user_id", "phc"},
    {"session", "ref", "sealed"},
    {"mail_link", "selector", "address"},
    {"mfa_recovery", "id", "reason"},
    {"forward_ticket", "id", "return_to"},
}};

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

namespace {

bool begins_rotation(std::vector<KeyRecord> const& known, crypto::Keyring const& keyring) {
    auto const& active = keyring.active().id();
    bool const is_new = std::none_of(known.begin(), known.end(), [&](auto const& record) { return record.id == active; });
    return is_new && std::all_of(known.begin(), known.end(), [&](auto const& r) { return keyring.find(r.id) != nullptr; });
}

crypto::DatabaseKeys keys_of(std::vector<KeyRecord> const& known) {
    crypto::DatabaseKeys database;
    for (auto const& record : known) {
        if (record.active) database.active_id = record.id;
        database.needed_ids.push_back(record.id);
    }
    return database;
}

}  // namespace

Result<void> KeyRecords::check(crypto::Keyring const& keyring) {
    auto const known = list();
    if (known.empty() || begins_rotation(known, keyring)) return success();
    return crypto::check_database_keys(keyring, keys_of(known));
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
        auto const database = keys_of(known);
        if (!begins_rotation(known, keyring)) return crypto::check_database_keys(keyring, database);
        tx.run("UPDATE master_key SET active = 0");
        remember(active, true);
        audit.append(tx, {.code = audit::codes::key_rotated,
                          .actor = audit::Actor::system(),
                          .details = {{"from", database.active_id}, {"to", active}}});
        return success();
    });
}

// A sealed value begins with its version and its key's id (see crypto::Sealer); rows whose first bytes differ from a fresh seal's are
// the ones to do. Reading them all and looking is simple, bounded by `rows`, and leaves that format to its room.
Resealer::Progress Resealer::next(std::size_t rows) {
    auto const& at = sealed_columns.at(column_);
    std::string const table{at.table}, key{at.key}, column{at.column};
    auto const select = "SELECT " + key + ", " + column + " FROM " + table + " WHERE " + column + " IS NOT NULL AND " + key +
                        " > $1 ORDER BY " + key + " LIMIT $2";
    auto const found = database_.read([&](Transaction& tx) { return tx.rows(select, after_, static_cast<std::int64_t>(rows)); });

    struct Renewed {
        std::string key;
        Bytes before;
        Bytes after;
    };
    std::vector<Renewed> renewed;
    for (auto const& row : found) {
        auto const& old = row.blob(1);
        if (!sealer_.needs_reseal(old)) continue;
        crypto::Place const place{at.table, row.text(0), at.column};
        auto const opened = sealer_.open(place, old);
        if (!opened.ok()) continue;  // its key is gone: nothing to save, and nothing to lose either
        renewed.push_back({row.text(0), old, sealer_.seal(place, opened.value())});
    }
    // Only where nobody changed it meanwhile.
    auto const update = "UPDATE " + table + " SET " + column + " = $2 WHERE " + key + " = $1 AND " + column + " = $3";
    std::size_t sealed = 0;
    for (std::size_t start = 0; start < renewed.size(); start += at_once) {
        auto const end = std::min(start + at_once, renewed.size());
        sealed += static_cast<std::size_t>(database_.write([&](Transaction& tx) {
            std::int64_t changed = 0;
            for (std::size_t i = start; i < end; ++i) changed += tx.run(update, renewed[i].key, renewed[i].after, renewed[i].before);
            return changed;
        }));
    }
    in_this_pass_ += renewed.size();
    // Behind the writes: what failed is done again.
    if (!found.empty()) after_ = found.back().text(0);
    if (found.size() < rows) begin_next_column();
    return {sealed, finished_};
}

void Resealer::begin_next_column() {
    after_.clear();
    if (++column_ < (subject_keys_alone_ ? 1 : sealed_columns.size())) return;
    // Somebody may have sealed under an older key behind us: another node that has not heard of the new one. So the end is a pass that
    // finds nothing to do.
    column_ = 0;
    finished_ = std::exchange(in_this_pass_, 0) == 0;
}

}  // namespace zephyr::server
