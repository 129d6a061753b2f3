// Versioned schema changes, embedded in the binary: files NNNN_room_what.sql in order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/storage/database.h"

namespace zephyr::storage {

namespace errors {
// The database was written by a newer Zephyr: this one refuses to touch it.
inline constexpr Failure schema_too_new{Kind::unsupported, "storage.schema_too_new"};
// A migration recorded as applied has another text than the one in this binary.
inline constexpr Failure schema_edited{Kind::conflict, "storage.schema_edited"};
}  // namespace errors

// One file. Statements end with ';' at the end of a line (a "-- comment" may follow). Placeholders: {blob} (BLOB |
// BYTEA), {strict} (STRICT | nothing), {serial} (INTEGER PRIMARY KEY | BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY
// KEY), {int} (INTEGER | BIGINT), {binary} (nothing | COLLATE "C": behind TEXT, for columns whose order or ranges
// matter, so that bytes decide whatever the locale). The words they stand for are refused: a bare INTEGER on PostgreSQL
// is too small for a time.
struct Migration {
    std::int64_t number;
    std::string name;  // "0001_users"
    std::string sql;
};

struct MigrationReport {
    std::int64_t version = 0;          // the newest applied number
    std::vector<std::string> applied;  // by this call, in order
};

// Sorts "migrations/0001_users.sql" style files into Migrations; throws Fault on a malformed or repeated number.
std::vector<Migration> make_migrations(std::vector<std::pair<std::string_view, std::string_view>> const& files);

// Brings the schema up to date. Each migration and its record are one transaction, so a crash resumes where it
// stopped; two nodes starting together wait for each other. A statement that fails is a Fault naming the migration.
Result<MigrationReport> migrate(Database& database, std::vector<Migration> const& migrations, Clock const& clock);
// The newest applied number, 0 for an empty database; changes nothing.
std::int64_t schema_version(Database& database);

// Every column of every table, sorted, but for schema_migration, which is this room's own. For the schema test of room
// privacy.
struct Column {
    std::string table;
    std::string column;
    auto operator<=>(Column const&) const = default;
};
std::vector<Column> list_columns(Database& database);

}  // namespace zephyr::storage
