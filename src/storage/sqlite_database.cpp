// SQLite behind the Database interface: the writer thread and a pool of reading connections.
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "storage/open_transaction.h"
#include "storage/sqlite_connection.h"
#include "storage/sqlite_writer.h"

namespace zephyr::storage {

namespace {

class SqliteReaders {
public:
    explicit SqliteReaders(SqliteSettings const& settings)
        : settings_{settings}, free_{std::max<std::size_t>(settings.readers, 1)} {}

    class Lease {
    public:
        Lease(SqliteReaders& pool, std::unique_ptr<SqliteConnection> connection)
            : pool_{pool}, connection_{std::move(connection)} {}
        ~Lease() { pool_.give_back(std::move(connection_)); }
        Lease(Lease const&) = delete;
        Lease& operator=(Lease const&) = delete;
        SqliteConnection& connection() { return *connection_; }

    private:
        SqliteReaders& pool_;
        std::unique_ptr<SqliteConnection> connection_;
    };

    Lease take() {
        std::unique_ptr<SqliteConnection> connection;
        {
            std::unique_lock lock{mutex_};
            if (!returned_.wait_for(lock, settings_.patience, [&] { return free_ > 0; })) {
                throw StorageFault{"storage: no SQLite reader became free in time"};
            }
            --free_;
            if (!idle_.empty()) {
                connection = std::move(idle_.back());
                idle_.pop_back();
            }
        }
        try {
            if (!connection) connection = std::make_unique<SqliteConnection>(settings_, SqliteConnection::Use::read);
        } catch (...) {
            give_back(nullptr);
            throw;
        }
        return Lease{*this, std::move(connection)};
    }

private:
    void give_back(std::unique_ptr<SqliteConnection> connection) {
        bool const keep = connection && !connection->suspect() && connection->lost();  // lost: no transaction is open
        {
            std::lock_guard const lock{mutex_};
            ++free_;
            if (keep) idle_.push_back(std::move(connection));
        }
        returned_.notify_one();
    }

    SqliteSettings settings_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::size_t free_;
    std::vector<std::unique_ptr<SqliteConnection>> idle_;
};

class SqliteDatabase final : public Database {
public:
    explicit SqliteDatabase(SqliteSettings const& settings)
        : settings_{settings}, writer_{*this, settings, counters_, bus_}, readers_{settings} {}

    Engine engine() const override { return Engine::sqlite; }
    StatementCounts counts() const override { return counters_.snapshot(); }

    void ping() override {
        // An open file answers even after somebody has deleted it.
        if (!writer_.shared_connection() && ::access(settings_.path.c_str(), R_OK | W_OK) != 0) {
            throw StorageFault{"storage: the SQLite file is gone or may not be written"};
        }
        read([](Transaction& tx) { tx.rows("SELECT 1 FROM sqlite_schema LIMIT 1"); });
    }

    // Every write takes SQLite's one write lock before it looks at anything; nothing more is needed.
    void with_schema_lock(std::function<void()> const& body) override { body(); }

    bool scrub() override {
        if (writer_.shared_connection()) return true;  // in memory
        SqliteConnection connection{settings_, SqliteConnection::Use::write};
        // Waits for writers and readers for lock_wait; then says that they were in the way.
        auto const outcome = connection.query("PRAGMA wal_checkpoint(TRUNCATE)", {});
        return !outcome.empty() && outcome.front().integer(0) == 0;
    }

    ChangeRegistration on_change(ChangeHandler handler) override { return bus_.add(std::move(handler)); }

protected:
    void run(Mode mode, Body const& body) override {
        if (auto* open = OpenTransaction::of_this_thread(*this)) {
            open->join(mode, body);
        } else if (mode == Mode::write) {
            refuse_write_after_commit(*this);
            ++counters_.writes;
            writer_.write(body);
        } else {
            ++counters_.reads;
            run_read(body);
        }
    }

private:
    void run_read(Body const& body) {
        if (auto* shared = writer_.shared_connection()) {
            std::lock_guard const sharing{writer_.sharing()};
            QueryOnly const guard{*shared};
            read_on(*shared, body);
        } else {
            auto lease = readers_.take();
            read_on(lease.connection(), body);
        }
    }

    void read_on(SqliteConnection& connection, Body const& body) {
        connection.control("BEGIN");
        try {
            OpenTransaction transaction{*this, Mode::read, connection, counters_};
            transaction.run(body);
            if (!connection.lost()) connection.control("COMMIT");
        } catch (...) {
            auto const original = std::current_exception();
            try {
                if (!connection.lost()) connection.control("ROLLBACK");
            } catch (std::exception const&) {
                // The pool drops a connection that still has a transaction open.
            }
            std::rethrow_exception(original);
        }
    }

    struct QueryOnly {
        explicit QueryOnly(SqliteConnection& shared) : connection{shared} { connection.set_query_only(true); }
        ~QueryOnly() { connection.set_query_only(false); }
        SqliteConnection& connection;
    };

    SqliteSettings settings_;
    Counters counters_;
    ChangeBus bus_;
    SqliteWriter writer_;
    SqliteReaders readers_;  // after the writer: the last connection to close tidies the WAL, and must be able to write
};

}  // namespace

std::unique_ptr<Database> open_sqlite(SqliteSettings settings) {
    return std::make_unique<SqliteDatabase>(settings);
}

}  // namespace zephyr::storage
