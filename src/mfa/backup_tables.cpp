#include "mfa/backup_tables.h"

namespace zephyr::mfa::backup_tables {

namespace {

std::optional<CodeRow> read(std::optional<storage::Row> const& row) {
    if (!row) return std::nullopt;
    return CodeRow{.id = row->text(0), .set = FactorId::trusted(row->text(1)), .secret = row->blob(2), .used_at = row->optional_time(3)};
}

}  // namespace

std::optional<CodeRow> find(storage::Transaction& tx, UserId const& user, std::string_view selector) {
    return read(
        tx.row("SELECT id, set_id, secret, used_at FROM backup_code WHERE user_id = $1 AND selector = $2", user.str(), selector));
}

std::optional<CodeRow> find_by_id(storage::Transaction& tx, UserId const& user, std::string_view id) {
    return read(tx.row("SELECT id, set_id, secret, used_at FROM backup_code WHERE id = $1 AND user_id = $2", id, user.str()));
}

std::optional<SetRow> set_of(storage::Transaction& tx, UserId const& user) {
    auto const row = tx.row(
        "SELECT set_id, MIN(created_at), COUNT(*), COUNT(*) - COUNT(used_at), MAX(used_at) FROM backup_code WHERE user_id = $1 "
        "GROUP BY set_id",
        user.str());
    if (!row) return std::nullopt;
    return SetRow{.id = FactorId::trusted(row->text(0)),
                  .created_at = row->time(1),
                  .codes = row->integer(2),
                  .left = row->integer(3),
                  .last_used_at = row->optional_time(4)};
}

void insert(storage::Transaction& tx, UserId const& user, FactorId const& set, std::string_view id, std::string_view selector,
            Bytes const& secret, TimePoint now) {
    tx.run("INSERT INTO backup_code (id, user_id, set_id, selector, secret, created_at) VALUES ($1, $2, $3, $4, $5, $6)", id, user.str(),
           set.str(), selector, secret, now);
}

bool use(storage::Transaction& tx, std::string_view id, TimePoint now) {
    return tx.run("UPDATE backup_code SET used_at = $2 WHERE id = $1 AND used_at IS NULL", id, now) == 1;
}

std::int64_t remove_set(storage::Transaction& tx, UserId const& user, FactorId const& set) {
    return tx.run("DELETE FROM backup_code WHERE user_id = $1 AND set_id = $2", user.str(), set.str());
}

std::int64_t remove_all(storage::Transaction& tx, UserId const& user) {
    return tx.run("DELETE FROM backup_code WHERE user_id = $1", user.str());
}

}  // namespace zephyr::mfa::backup_tables
