// The one thread that writes a SQLite database. It takes all closures that wait, runs each in a savepoint of one
// transaction and answers when that is durable, so a sync of the disk is shared by everyone who waited for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/open_transaction.h"
#include "storage/sqlite_connection.h"

namespace zephyr::storage {

class SqliteWriter {
public:
    // Opens the file at once, and so throws StorageFault at once.
    SqliteWriter(Database const& owner, SqliteSettings const& settings, Counters& counters, ChangeBus const& bus);
    // Finishes what already waits.
    ~SqliteWriter();

    // Blocks until the body's changes are durable, or throws what it threw; StorageFault when the queue is full.
    void write(Database::Body const& body);

    // An in-memory database has this one connection; reads borrow it. Null for a file.
    SqliteConnection* shared_connection() { return in_memory_ ? connection_.get() : nullptr; }
    std::mutex& sharing() { return sharing_; }

private:
    struct Waiting {
        Database::Body const* body;
        OpenTransaction::Aftermath aftermath{};
        std::exception_ptr failure{};
        bool done = false;  // guarded by mutex_, as is all of this once it is set
        std::condition_variable answered{};
    };
    using Batch = std::vector<Waiting*>;

    void loop();
    // One transaction over the batch from `first`; returns where the next one starts.
    std::size_t run_group(Batch const& batch, std::size_t first);
    std::string commit_group(Batch const& batch, std::size_t first, std::size_t& end);
    void run_one(SqliteConnection& connection, Waiting& waiting);
    SqliteConnection& usable_connection();
    void clean_up_after_trouble();
    void settle(Waiting& waiting, std::string const& trouble);

    Database const& owner_;
    SqliteSettings settings_;
    bool in_memory_;
    Counters& counters_;
    ChangeBus const& bus_;
    std::unique_ptr<SqliteConnection> connection_;
    std::mutex sharing_;  // held while the connection of an in-memory database is in use

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Waiting*> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace zephyr::storage
