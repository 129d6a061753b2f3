// One SQLite connection with its settings, its prepared statements and its errors.
#pragma once

#include <SQLiteCpp/Database.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "storage/open_transaction.h"

struct sqlite3_stmt;

namespace zephyr::storage {

class SqliteConnection final : public Connection {
public:
    enum class Use { create, write, read };
    // `create` makes a missing file; the others refuse one, for a file that vanished must not come back empty.
    SqliteConnection(SqliteSettings const& settings, Use use);
    ~SqliteConnection() override;

    Rows query(std::string_view sql, Values const& values) override;
    std::int64_t execute(std::string_view sql, Values const& values) override;
    void control(std::string const& sql) override;
    bool lost() const override;

    // Refuses every change until switched off again: for reads on the one connection of an in-memory database.
    void set_query_only(bool on);
    // A failure after which the connection itself is not to be trusted (I/O error, file gone, malformed).
    bool suspect() const { return suspect_; }

private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    struct Prepared {
        std::unique_ptr<sqlite3_stmt, Finalize> statement;
        std::vector<std::size_t> order;  // which of the values goes to SQLite's n-th parameter
        bool changes = false;
    };
    void configure();
    void pragma(std::string const& text);
    Prepared& prepare(std::string_view sql);
    void bind(Prepared const& prepared, Values const& values, std::string_view sql);
    // Steps through; calls `on_row` for each row.
    template <class F>
    void step_through(Prepared const& prepared, std::string_view sql, F&& on_row);
    [[noreturn]] void fail(int code, std::string_view sql);

    Use use_;
    bool in_memory_;
    bool query_only_ = false;
    bool suspect_ = false;
    std::unique_ptr<SQLite::Database> database_;
    std::unordered_map<std::string, Prepared> prepared_;  // after database_: finalized before it closes
};

}  // namespace zephyr::storage
