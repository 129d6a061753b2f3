// One façade over SQLite 3.40 and PostgreSQL 15: one SQL text, `$1` parameters, typed rows.
//
// Portable subset: milliseconds for time, TEXT, blobs, ON CONFLICT … DO UPDATE, RETURNING. Where PostgreSQL cannot tell
// a parameter's type ("$1 IS NULL"), say CAST($1 AS BIGINT) or CAST($1 AS TEXT). Queries are never translated; the few
// words that differ in table definitions are placeholders in migrations (migrations.h).
//
// A write is a closure over a Transaction. It commits when the closure returns and rolls back when it throws or
// returns a Result that holds an Error (so a refusal leaves nothing behind). It may run on another thread (SQLite: the
// one writer thread, which commits several waiting closures together and answers after the commit is durable) and may
// run again (PostgreSQL: serialization failure), so it must do nothing but read and write through its Transaction;
// never hash a password inside. What must happen once, after the commit, goes into Transaction::after_commit.
// A write or read called inside a write of the same Database joins the outer transaction.
//
// Whoever remembers answers in memory hears what became worthless through the change bus: a store says
// Transaction::announce in the transaction that changes its rows, and every handler of Database::on_change is called
// after the commit and before the write returns. So once a revocation is acknowledged, nothing in this process still
// believes what it revoked.
//
// Every method throws StorageFault when the store is down, full or locked beyond its deadline; a broken unique key is
// a UniqueViolation, which the room's store catches and turns into a Result. Wrong SQL or a wrong parameter is a Fault.
//
// A statement that fails spoils its transaction, on both engines alike: nothing more runs in it and it cannot commit.
// So catch UniqueViolation around write(), not inside the closure; to go on after one, use try_run, or better
// INSERT … ON CONFLICT DO NOTHING and the number of rows changed.
//
// Text is valid UTF-8 without NUL, or binding it is a Fault. LIKE minds case and "…" never is a string, on both
// engines.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/result.h"

namespace zephyr::storage {

// A unique or primary key constraint refused the row.
class UniqueViolation : public StorageFault {
public:
    using StorageFault::StorageFault;
};

// What is bound to $1, $2 …
using Value = std::variant<std::monostate, std::int64_t, std::string, Bytes>;
using Values = std::vector<Value>;

inline Value null() {
    return std::monostate{};
}
inline Value bind(std::int64_t number) {
    return number;
}
inline Value bind(int number) {
    return std::int64_t{number};
}
inline Value bind(bool flag) {
    return std::int64_t{flag ? 1 : 0};
}
inline Value bind(std::string_view text) {
    return std::string{text};
}
inline Value bind(std::string text) {
    return text;
}
inline Value bind(char const* text) {
    return std::string{text};
}
inline Value bind(Bytes bytes) {
    return bytes;
}
inline Value bind(ByteView bytes) {
    return to_bytes(bytes);
}
inline Value bind(TimePoint time) {
    return to_millis(time);
}
template <class T>
Value bind(std::optional<T> const& value) {
    return value ? bind(*value) : null();
}

// One row of a result; columns by position, from 0. Reading a column as another type than it holds throws Fault.
class Row {
public:
    explicit Row(Values columns) : columns_{std::move(columns)} {}
    bool is_null(std::size_t column) const { return std::holds_alternative<std::monostate>(columns_.at(column)); }
    std::int64_t integer(std::size_t column) const;
    bool flag(std::size_t column) const { return integer(column) != 0; }
    TimePoint time(std::size_t column) const { return from_millis(integer(column)); }
    std::string const& text(std::size_t column) const;
    Bytes const& blob(std::size_t column) const;
    std::optional<std::string> optional_text(std::size_t column) const;
    std::optional<std::int64_t> optional_integer(std::size_t column) const;
    std::optional<TimePoint> optional_time(std::size_t column) const;
    std::optional<Bytes> optional_blob(std::size_t column) const;

private:
    Values columns_;
};
using Rows = std::vector<Row>;

// What a committed write changed, as its store names it: topic "session" with the session's ref, "user" with the user's
// id, "roles" with the version that room rbac now has ("grants 17"), "signing_keys" with an empty key, "groups" when names or
// members of groups change, "forward" with the forward session's ref.
struct Change {
    std::string topic;
    std::string key;
    auto operator<=>(Change const&) const = default;
};
// Gets the changes of one outermost transaction, each once. Runs on the committing thread; may read, not write, and
// should not throw: the writer would hear of a fault though all is stored. May be called by several threads at once.
using ChangeHandler = std::function<void(std::vector<Change> const&)>;

// Keeps a handler registered while it lives. When its destruction returns, the handler neither runs nor will run; so it
// must not be destroyed by the handler itself.
class [[nodiscard]] ChangeRegistration {
public:
    ChangeRegistration() = default;
    explicit ChangeRegistration(std::function<void()> end) : end_{std::move(end)} {}
    ChangeRegistration(ChangeRegistration&& other) noexcept : end_{std::exchange(other.end_, nullptr)} {}
    ChangeRegistration& operator=(ChangeRegistration&& other) noexcept {
        if (this != &other) {
            if (end_) end_();
            end_ = std::exchange(other.end_, nullptr);
        }
        return *this;
    }
    ~ChangeRegistration() {
        if (end_) end_();
    }

private:
    std::function<void()> end_;
};

class Transaction {
public:
    virtual ~Transaction() = default;
    // Runs one statement and returns its rows (SELECT, or anything with RETURNING).
    virtual Rows query(std::string_view sql, Values const& values) = 0;
    // Runs one statement and returns how many rows it changed.
    virtual std::int64_t execute(std::string_view sql, Values const& values) = 0;
    // Runs one statement; false, with nothing changed and the transaction still good, when a unique key refuses it.
    virtual bool try_execute(std::string_view sql, Values const& values) = 0;
    // Runs `action` on the committing thread once the outermost transaction is durable; not at all if it rolls back.
    // The action may read but not write, and should not throw: the caller would hear of a fault though all is stored.
    virtual void after_commit(std::function<void()> action) = 0;
    // Says that what `topic` and `key` name changed; see Change. Told to the handlers of Database::on_change once the
    // outermost transaction is durable, before the after_commit actions; not at all if it rolls back. Told also when the
    // commit failed and nobody knows whether it happened: forgetting too much is harmless.
    virtual void announce(std::string_view topic, std::string_view key) = 0;

    template <class... T>
    Rows rows(std::string_view sql, T const&... values) {
        return query(sql, Values{bind(values)...});
    }
    template <class... T>
    std::optional<Row> row(std::string_view sql, T const&... values) {
        auto found = query(sql, Values{bind(values)...});
        if (found.empty()) return std::nullopt;
        return std::move(found.front());
    }
    template <class... T>
    std::int64_t run(std::string_view sql, T const&... values) {
        return execute(sql, Values{bind(values)...});
    }
    template <class... T>
    bool try_run(std::string_view sql, T const&... values) {
        return try_execute(sql, Values{bind(values)...});
    }
};

enum class Engine { sqlite, postgresql };

// How often the database was asked, for tests that hold us to a number of round trips. Counted per Database.
struct StatementCounts {
    std::int64_t statements = 0;  // without BEGIN, COMMIT and savepoints; a closure run again counts again
    std::int64_t reads = 0;       // read transactions, joined ones not counted
    std::int64_t writes = 0;      // write transactions, joined ones not counted
};

class Database {
public:
    virtual ~Database() = default;
    virtual Engine engine() const = 0;
    virtual StatementCounts counts() const = 0;
    // Cheap proof that the store answers; throws StorageFault when it does not. For /readyz.
    virtual void ping() = 0;
    // Runs `body` while no other node that asks for this lock runs its own. For migrate().
    virtual void with_schema_lock(std::function<void()> const& body) = 0;
    // Leaves no copy of what was deleted where the store keeps older versions of pages. False when readers were in the way: ask again.
    // SQLite: the write-ahead log is carried over and cut to nothing; deleted cells are overwritten anyway (secure_delete). PostgreSQL:
    // does nothing; dead rows and its own log are the business of vacuum, checkpoints and its archive.
    // Not inside a transaction. Throws StorageFault.
    virtual bool scrub() { return true; }
    // Calls the handler for the announced changes of every write of this Database, and of no other node's.
    virtual ChangeRegistration on_change(ChangeHandler handler) = 0;

    // Reads see one consistent snapshot. A write inside a plain read is a Fault.
    template <class F>
    auto read(F&& body) {
        return run_typed(std::forward<F>(body), Mode::read);
    }
    template <class F>
    auto write(F&& body) {
        return run_typed(std::forward<F>(body), Mode::write);
    }

    enum class Mode { read, write };
    enum class Ending { commit, roll_back };
    using Body = std::function<Ending(Transaction&)>;

protected:
    // Runs the body in a transaction of that mode, joining one already open on this thread.
    virtual void run(Mode mode, Body const& body) = 0;

private:
    template <class T>
    struct IsResult : std::false_type {};
    template <class T>
    struct IsResult<Result<T>> : std::true_type {};

    template <class F>
    auto run_typed(F&& body, Mode mode) {
        using Out = std::invoke_result_t<F&, Transaction&>;
        if constexpr (std::is_void_v<Out>) {
            run(mode, [&](Transaction& tx) {
                body(tx);
                return Ending::commit;
            });
        } else {
            std::optional<Out> out;
            run(mode, [&](Transaction& tx) {
                out.emplace(body(tx));
                if constexpr (IsResult<Out>::value) {
                    if (!out->ok()) return Ending::roll_back;
                }
                return Ending::commit;
            });
            return std::move(*out);
        }
    }
};

// A call that finds every reader, connection or queue place taken for `patience` throws StorageFault.
struct SqliteSettings {
    std::string path;  // ":memory:" for tests: one connection, so a read there holds up every write
    std::size_t readers = 8;
    std::size_t waiting_writers = 4096;
    std::chrono::milliseconds patience = 1s;
    std::chrono::milliseconds lock_wait = 5s;  // for another process that writes the same file
};
struct PostgresSettings {
    std::string uri;  // postgresql://… or a key=value connection string
    std::size_t connections = 16;
    std::chrono::milliseconds connect_timeout = 2s;
    std::chrono::milliseconds statement_timeout = 5s;
    std::chrono::milliseconds patience = 1s;
};

// Opens or makes the file (readable by its owner alone); throws StorageFault when that fails.
std::unique_ptr<Database> open_sqlite(SqliteSettings settings);
// Connects when first used.
std::unique_ptr<Database> open_postgres(PostgresSettings settings);

}  // namespace zephyr::storage
