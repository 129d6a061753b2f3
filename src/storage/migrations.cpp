#include "zephyr/storage/migrations.h"

#include <algorithm>
#include <array>
#include <map>

#include "zephyr/foundation/text.h"

namespace zephyr::storage {

namespace {

struct Placeholder {
    std::string_view name;
    std::string_view sqlite;
    std::string_view postgresql;
};
constexpr std::array placeholders{
    Placeholder{"blob", "BLOB", "BYTEA"},
    Placeholder{"strict", "STRICT", ""},
    Placeholder{"serial", "INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
    Placeholder{"int", "INTEGER", "BIGINT"},
    Placeholder{"binary", "", "COLLATE \"C\""},
};
constexpr std::array<std::string_view, 4> engine_words{"INTEGER", "BIGINT", "BLOB", "BYTEA"};

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_word(char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// FNV-1a, 64 bits: enough to notice an edit, and this room has no cryptography.
std::string fingerprint(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (char const c : text) {
        if (c == '\r') continue;  // a checkout with other line ends is the same migration
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    }
    std::string out;
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(hash >> shift) & 0xf];
    return out;
}

// Cuts "-- …" off a line, unless it stands in a literal.
std::string_view without_comment(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\'') quoted = !quoted;
        if (!quoted && line.substr(i, 2) == "--") return line.substr(0, i);
    }
    return line;
}

void refuse_engine_words(std::string_view line, std::string const& name) {
    std::size_t start = 0;
    while (start < line.size()) {
        auto end = start;
        while (end < line.size() && is_word(line[end])) ++end;
        auto const word = line.substr(start, end - start);
        if (std::find(engine_words.begin(), engine_words.end(), word) != engine_words.end()) {
            throw Fault{"migration " + name + ": say {int} or {blob} instead of " + std::string{word}};
        }
        start = std::max(end, start + 1);
    }
}

std::vector<std::string> statements_of(Migration const& migration) {
    std::vector<std::string> statements;
    std::string current;
    for (auto const raw_line : split(migration.sql, '\n')) {
        auto const line = without_comment(raw_line);
        refuse_engine_words(line, migration.name);
        if (trim(line).empty()) continue;
        current += std::string{line} + "\n";
        if (!trim(line).ends_with(';')) continue;
        statements.push_back(std::move(current));
        current.clear();
    }
    if (!current.empty()) throw Fault{"migration " + migration.name + ": its last statement has no ';'"};
    return statements;
}

// Replaces {name}; braces around anything but lower-case letters, such as '{}', are left alone.
std::string expand(std::string_view sql, Engine engine, std::string const& migration) {
    std::string out;
    while (!sql.empty()) {
        auto const open = std::min(sql.find('{'), sql.size());
        out += sql.substr(0, open);
        sql.remove_prefix(open);
        if (sql.empty()) break;
        auto const close = sql.find('}');
        auto const name = close == std::string_view::npos ? std::string_view{} : sql.substr(1, close - 1);
        if (name.empty() || !std::all_of(name.begin(), name.end(), is_lower)) {
            out += '{';
            sql.remove_prefix(1);
            continue;
        }
        auto const known = std::find_if(placeholders.begin(), placeholders.end(),
                                        [&](Placeholder const& p) { return p.name == name; });
        if (known == placeholders.end()) {
            throw Fault{"migration " + migration + ": unknown placeholder {" + std::string{name} + "}"};
        }
        out += engine == Engine::sqlite ? known->sqlite : known->postgresql;
        sql.remove_prefix(close + 1);
    }
    return out;
}

bool has_record_table(Transaction& tx, Engine engine) {
    return tx
        .row(engine == Engine::sqlite
                 ? "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'"
                 : "SELECT table_name FROM information_schema.tables"
                   " WHERE table_schema = current_schema() AND table_name = 'schema_migration'")
        .has_value();
}

void make_record_table(Database& database) {
    std::string const text =
        "CREATE TABLE IF NOT EXISTS schema_migration ("
        "number {int} NOT NULL PRIMARY KEY, name TEXT NOT NULL, fingerprint TEXT NOT NULL, "
        "applied_at {int} NOT NULL) {strict}";
    auto const sql = expand(text, database.engine(), "schema_migration");
    database.write([&](Transaction& tx) {
        if (!has_record_table(tx, database.engine())) tx.run(sql);
    });
}

struct Record {
    std::string name;
    std::string fingerprint;
};

// Compares what is applied with what this binary knows.
Result<void> check_records(std::map<std::int64_t, Record> const& records, std::vector<Migration> const& migrations) {
    auto const newest = migrations.empty() ? 0 : migrations.back().number;
    if (!records.empty() && records.rbegin()->first > newest) {
        return Error{errors::schema_too_new, "the database has migration " + records.rbegin()->second.name};
    }
    for (auto const& [number, record] : records) {
        auto const known = std::find_if(migrations.begin(), migrations.end(),
                                        [n = number](Migration const& m) { return m.number == n; });
        if (known == migrations.end() || fingerprint(known->sql) != record.fingerprint) {
            return Error{errors::schema_edited, "the database has another migration " + record.name};
        }
    }
    return success();
}

// False when another node was first. The race is decided inside the transaction.
bool apply(Database& database, Migration const& migration, Clock const& clock) {
    auto const statements = statements_of(migration);
    try {
        return database.write([&](Transaction& tx) {
            // A big table takes longer to change than a request may wait.
            if (database.engine() == Engine::postgresql) tx.run("SET LOCAL statement_timeout = 0");
            if (tx.row("SELECT number FROM schema_migration WHERE number = $1", migration.number)) return false;
            for (auto const& statement : statements) tx.run(expand(statement, database.engine(), migration.name));
            tx.run("INSERT INTO schema_migration (number, name, fingerprint, applied_at) VALUES ($1, $2, $3, $4)",
                   migration.number, migration.name, fingerprint(migration.sql), clock.now());
            return true;
        });
    } catch (StorageFault const&) {
        throw;
    } catch (Fault const& fault) {
        throw Fault{"migration " + migration.name + ": " + fault.what()};
    }
}

Result<MigrationReport> migrate_locked(Database& database, std::vector<Migration> const& migrations,
                                       Clock const& clock) {
    make_record_table(database);
    auto const records = database.read([](Transaction& tx) {
        std::map<std::int64_t, Record> found;
        for (auto const& row : tx.rows("SELECT number, name, fingerprint FROM schema_migration")) {
            found.emplace(row.integer(0), Record{row.text(1), row.text(2)});
        }
        return found;
    });
    ZEPHYR_CHECK(check_records(records, migrations));
    MigrationReport report;
    for (auto const& migration : migrations) {
        if (records.contains(migration.number)) continue;
        if (apply(database, migration, clock)) report.applied.push_back(migration.name);
    }
    report.version = schema_version(database);
    return report;
}

}  // namespace

std::vector<Migration> make_migrations(std::vector<std::pair<std::string_view, std::string_view>> const& files) {
    std::vector<Migration> migrations;
    for (auto const& [path, text] : files) {
        auto const slash = path.rfind('/');
        auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
        auto const number = parse_integer(name.substr(0, 4));
        if (!name.ends_with(".sql") || name.size() < 10 || name[4] != '_' || !number || *number < 1) {
            throw Fault{"migrations: " + std::string{path} + " is not named NNNN_room_what.sql"};
        }
        name.remove_suffix(4);
        migrations.push_back({*number, std::string{name}, std::string{text}});
    }
    std::sort(migrations.begin(), migrations.end(),
              [](Migration const& a, Migration const& b) { return a.number < b.number; });
    for (std::size_t i = 1; i < migrations.size(); ++i) {
        if (migrations[i].number == migrations[i - 1].number) {
            throw Fault{"migrations: " + migrations[i - 1].name + " and " + migrations[i].name + " share a number"};
        }
    }
    return migrations;
}

Result<MigrationReport> migrate(Database& database, std::vector<Migration> const& migrations, Clock const& clock) {
    Result<MigrationReport> outcome{MigrationReport{}};
    database.with_schema_lock([&] { outcome = migrate_locked(database, migrations, clock); });
    return outcome;
}

std::int64_t schema_version(Database& database) {
    return database.read([&](Transaction& tx) -> std::int64_t {
        if (!has_record_table(tx, database.engine())) return 0;
        auto const newest = tx.row("SELECT MAX(number) FROM schema_migration");
        return newest->optional_integer(0).value_or(0);
    });
}

std::vector<Column> list_columns(Database& database) {
    auto const sql = database.engine() == Engine::sqlite
                         ? "SELECT t.name, c.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c"
                           " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'schema_migration'"
                         : "SELECT table_name, column_name FROM information_schema.columns"
                           " WHERE table_schema = current_schema() AND table_name <> 'schema_migration'";
    auto columns = database.read([&](Transaction& tx) {
        std::vector<Column> found;
        for (auto const& row : tx.rows(sql)) found.push_back({row.text(0), row.text(1)});
        return found;
    });
    std::sort(columns.begin(), columns.end());
    return columns;
}

}  // namespace zephyr::storage
