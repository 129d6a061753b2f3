// A bounded number of PostgreSQL connections, opened when first needed and thrown away when broken.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/postgres_connection.h"

namespace zephyr::storage {

class PostgresPool {
public:
    PostgresPool(PostgresSettings settings, AnswerDeadlines& deadlines);

    class Lease {
    public:
        Lease(PostgresPool& pool, std::unique_ptr<PostgresConnection> connection)
            : pool_{&pool}, connection_{std::move(connection)} {}
        Lease(Lease&& other) noexcept
            : pool_{std::exchange(other.pool_, nullptr)}, connection_{std::move(other.connection_)} {}
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (pool_) pool_->give_back(std::move(connection_));
        }
        PostgresConnection& operator*() { return *connection_; }
        PostgresConnection* operator->() { return connection_.get(); }

    private:
        friend class PostgresPool;
        PostgresPool* pool_;
        std::unique_ptr<PostgresConnection> connection_;
    };

    // A connection with a transaction begun on it. If the one we kept proves dead (the server was restarted), all kept
    // ones are dropped and a new one is tried, once: nothing of the transaction has been sent by then. Throws
    // StorageFault when all are in use for longer than the settings' patience, or the server is not there.
    //
    // A server that keeps us waiting is worse than one that refuses: every caller would wait. So after one has waited in vain, one
    // caller now and then tries, and the others are refused at once, until the server answers or refuses quickly.
    Lease begin(Database::Mode mode);

private:
    std::unique_ptr<PostgresConnection> take(bool& on_trial);
    void give_back(std::unique_ptr<PostgresConnection> connection);
    void drop_idle();
    void begin_on(Lease& lease, Database::Mode mode);

    PostgresSettings settings_;
    AnswerDeadlines& deadlines_;
    SystemClock clock_;  // only to tell a slow failure from a quick one
    bool silent_ = false;  // somebody has waited in vain
    bool trying_ = false;  // and one caller is finding out whether that is over
    MonotonicTime next_trial_{};
    std::mutex mutex_;
    std::condition_variable returned_;
    std::size_t free_;
    std::vector<std::unique_ptr<PostgresConnection>> idle_;
};

}  // namespace zephyr::storage
