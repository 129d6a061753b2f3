#include "storage/sqlite_connection.h"

#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <charconv>

#include "storage/values.h"

namespace zephyr::storage {

namespace {

// Statement texts are constants in the stores; only lists of a varying length make more of them.
constexpr std::size_t most_prepared = 256;

// Makes the file readable by its owner alone; SQLite gives its -wal and -shm files the same mode. An existing file is
// left as it is, and never opened here: closing it would drop the locks of other connections of this process.
void make_private_file(std::string const& path) {
    int const file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0) ::close(file);
}

int open_flags(SqliteConnection::Use use) {
    // One connection is never used by two threads at once, so SQLite's own mutexes are not needed.
    switch (use) {
        case SqliteConnection::Use::create: return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
        case SqliteConnection::Use::write: return SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
        case SqliteConnection::Use::read: break;
    }
    return SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
}

bool is_store_trouble(int primary, bool writing) {
    switch (primary) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_NOMEM:
        case SQLITE_INTERRUPT:
        case SQLITE_IOERR:
        case SQLITE_CORRUPT:
        case SQLITE_FULL:
        case SQLITE_CANTOPEN:
        case SQLITE_PROTOCOL:
        case SQLITE_PERM:
        case SQLITE_NOTADB: return true;
        case SQLITE_READONLY: return writing;  // in a read it is a closure that tries to write
        default: return false;
    }
}

bool is_suspect(int primary) {
    return primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_CANTOPEN ||
           primary == SQLITE_NOTADB || primary == SQLITE_READONLY || primary == SQLITE_PROTOCOL;
}

Value column_value(sqlite3_stmt* statement, int column, std::string_view sql) {
    switch (sqlite3_column_type(statement, column)) {
        case SQLITE_NULL: return null();
        case SQLITE_INTEGER: return std::int64_t{sqlite3_column_int64(statement, column)};
        case SQLITE_TEXT: {
            auto const* text = reinterpret_cast<char const*>(sqlite3_column_text(statement, column));
            return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
        }
        case SQLITE_BLOB: {
            auto const* bytes = static_cast<std::byte const*>(sqlite3_column_blob(statement, column));
            auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
            return size == 0 ? Bytes{} : Bytes(bytes, bytes + size);  // an empty blob has a null pointer
        }
        default: throw Fault{"storage: a column of floating point type in: " + excerpt(sql)};
    }
}

// The n of a parameter named "$n", from 1; 0 for any other kind.
std::size_t parameter_number(char const* name) {
    std::size_t number = 0;
    if (!name || name[0] != '$') return 0;
    std::string_view const digits{name + 1};
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size() ? number : 0;
}

// SQLite numbers "$2" by where it first appears, so each parameter is matched to its value by name.
std::vector<std::size_t> parameter_order(sqlite3_stmt* statement, std::string_view sql) {
    auto const count = static_cast<std::size_t>(sqlite3_bind_parameter_count(statement));
    std::vector<std::size_t> order;
    std::vector<bool> seen(count, false);
    for (std::size_t i = 1; i <= count; ++i) {
        auto const number = parameter_number(sqlite3_bind_parameter_name(statement, static_cast<int>(i)));
        if (number == 0 || number > count || seen[number - 1]) {
            throw Fault{"storage: parameters must be $1, $2 … without a gap in: " + excerpt(sql)};
        }
        seen[number - 1] = true;
        order.push_back(number - 1);
    }
    return order;
}

struct ResetOnExit {
    sqlite3_stmt* statement;
    ~ResetOnExit() {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
};

}  // namespace

void SqliteConnection::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

SqliteConnection::SqliteConnection(SqliteSettings const& settings, Use use)
    : use_{use}, in_memory_{settings.path == ":memory:"} {
    if (use == Use::create && !in_memory_) make_private_file(settings.path);
    try {
        auto const lock_wait = static_cast<int>(settings.lock_wait.count());
        database_ = std::make_unique<SQLite::Database>(settings.path, open_flags(use), lock_wait);
        configure();
    } catch (SQLite::Exception const& error) {
        throw StorageFault{std::string{"storage: cannot open the SQLite database: "} + error.what()};
    }
}

SqliteConnection::~SqliteConnection() = default;

void SqliteConnection::pragma(std::string const& text) {
    database_->exec("PRAGMA " + text);
}

void SqliteConnection::configure() {
    auto* handle = database_->getHandle();
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // A misspelt "column" is an error and not a string, as on PostgreSQL.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    pragma("trusted_schema = OFF");
    pragma("temp_store = MEMORY");  // no copies of rows in temporary files
    pragma("cell_size_check = ON");
    pragma("case_sensitive_like = ON");
    pragma("foreign_keys = ON");
    if (use_ == Use::read) return;
    pragma("secure_delete = ON");
    if (!in_memory_) {
        auto const mode = query("PRAGMA journal_mode = WAL", {});
        if (mode.empty() || mode.front().text(0) != "wal") {
            throw StorageFault{"storage: this file system cannot hold a SQLite database in WAL mode"};
        }
        pragma("synchronous = FULL");  // the WAL is synced at each commit: acknowledged is durable
        pragma("journal_size_limit = 67108864");
    }
}

Rows SqliteConnection::query(std::string_view sql, Values const& values) {
    auto& prepared = prepare(sql);
    ResetOnExit const reset{prepared.statement.get()};
    bind(prepared, values, sql);
    Rows rows;
    auto const columns = sqlite3_column_count(prepared.statement.get());
    step_through(prepared, sql, [&] {
        Values row;
        row.reserve(static_cast<std::size_t>(columns));
        for (int i = 0; i < columns; ++i) row.push_back(column_value(prepared.statement.get(), i, sql));
        rows.emplace_back(std::move(row));
    });
    return rows;
}

std::int64_t SqliteConnection::execute(std::string_view sql, Values const& values) {
    auto& prepared = prepare(sql);
    ResetOnExit const reset{prepared.statement.get()};
    bind(prepared, values, sql);
    step_through(prepared, sql, [] {});
    return prepared.changes ? sqlite3_changes64(database_->getHandle()) : 0;
}

void SqliteConnection::control(std::string const& sql) {
    execute(sql, {});
}

bool SqliteConnection::lost() const {
    return sqlite3_get_autocommit(database_->getHandle()) != 0;
}

void SqliteConnection::set_query_only(bool on) {
    control(on ? "PRAGMA query_only = ON" : "PRAGMA query_only = OFF");
    query_only_ = on;
}

SqliteConnection::Prepared& SqliteConnection::prepare(std::string_view sql) {
    std::string key{sql};
    if (auto const found = prepared_.find(key); found != prepared_.end()) return found->second;
    if (prepared_.size() >= most_prepared) prepared_.clear();

    sqlite3_stmt* raw_statement = nullptr;
    char const* tail = nullptr;
    int const code = sqlite3_prepare_v3(database_->getHandle(), key.c_str(), static_cast<int>(key.size()) + 1,
                                        SQLITE_PREPARE_PERSISTENT, &raw_statement, &tail);
    Prepared prepared;
    prepared.statement.reset(raw_statement);
    if (code != SQLITE_OK) fail(code, sql);
    if (!raw_statement) throw Fault{"storage: an empty statement"};
    // SQLite would silently leave out a second statement.
    if (!first_word(tail).empty()) throw Fault{"storage: more than one statement in: " + excerpt(sql)};
    prepared.order = parameter_order(raw_statement, sql);
    prepared.changes = changes_rows(sql) && sqlite3_stmt_readonly(raw_statement) == 0;
    return prepared_.emplace(std::move(key), std::move(prepared)).first->second;
}

void SqliteConnection::bind(Prepared const& prepared, Values const& values, std::string_view sql) {
    if (values.size() != prepared.order.size()) {
        throw Fault{"storage: " + std::to_string(values.size()) + " values for " +
                    std::to_string(prepared.order.size()) + " parameters in: " + excerpt(sql)};
    }
    for (std::size_t i = 0; i < prepared.order.size(); ++i) {
        auto const& value = values[prepared.order[i]];
        auto* statement = prepared.statement.get();
        int const index = static_cast<int>(i) + 1;
        int code = SQLITE_OK;
        // The values outlive the call, and ResetOnExit clears the bindings: no copies.
        if (auto const* number = std::get_if<std::int64_t>(&value)) {
            code = sqlite3_bind_int64(statement, index, *number);
        } else if (auto const* text = std::get_if<std::string>(&value)) {
            code = sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
        } else if (auto const* bytes = std::get_if<Bytes>(&value)) {
            // A null pointer would bind NULL.
            code = bytes->empty() ? sqlite3_bind_zeroblob(statement, index, 0)
                                  : sqlite3_bind_blob64(statement, index, bytes->data(), bytes->size(), SQLITE_STATIC);
        } else {
            code = sqlite3_bind_null(statement, index);
        }
        if (code != SQLITE_OK) fail(code, sql);
    }
}

template <class F>
void SqliteConnection::step_through(Prepared const& prepared, std::string_view sql, F&& on_row) {
    for (;;) {
        int const code = sqlite3_step(prepared.statement.get());
        if (code == SQLITE_DONE) return;
        if (code != SQLITE_ROW) fail(code, sql);
        on_row();
    }
}

void SqliteConnection::fail(int code, std::string_view sql) {
    auto* handle = database_->getHandle();
    int const extended = code == SQLITE_TOOBIG || code == SQLITE_RANGE ? code : sqlite3_extended_errcode(handle);
    int const primary = extended & 0xff;
    // SQLite's messages name tables and columns, never values.
    auto const text =
        "storage: SQLite " + std::to_string(extended) + " (" + sqlite3_errmsg(handle) + ") in: " + excerpt(sql);
    if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
        extended == SQLITE_CONSTRAINT_ROWID) {
        throw UniqueViolation{text};
    }
    bool const writing = use_ != Use::read && !query_only_;
    if (is_store_trouble(primary, writing)) {
        suspect_ = suspect_ || (is_suspect(primary) && !in_memory_);
        throw StorageFault{text};
    }
    throw Fault{text};
}

}  // namespace zephyr::storage
