// What a transaction does alike on both engines: it counts, it spoils on a failed statement, it nests by savepoints and
// is found again by a read or write called inside it on the same thread.
#pragma once

#include <atomic>
#include <vector>

#include "storage/change_bus.h"
#include "zephyr/storage/database.h"

namespace zephyr::storage {

// The counters behind StatementCounts.
struct Counters {
    std::atomic<std::int64_t> statements{0};
    std::atomic<std::int64_t> reads{0};
    std::atomic<std::int64_t> writes{0};

    StatementCounts snapshot() const { return {statements.load(), reads.load(), writes.load()}; }
};

// One connection with a transaction open on it.
class Connection {
public:
    virtual ~Connection() = default;
    virtual Rows query(std::string_view sql, Values const& values) = 0;
    virtual std::int64_t execute(std::string_view sql, Values const& values) = 0;
    // Savepoints and the like: no parameters, no rows, not counted.
    virtual void control(std::string const& sql) = 0;
    // The transaction is gone: rolled back by the engine itself, or the connection broke.
    virtual bool lost() const = 0;
};

class OpenTransaction final : public Transaction {
public:
    using Mode = Database::Mode;
    using Ending = Database::Ending;
    using Body = Database::Body;
    using Actions = std::vector<std::function<void()>>;
    // What is still to do once the transaction is durable.
    struct Aftermath {
        std::vector<Change> changes;
        Actions actions;
    };

    OpenTransaction(Database const& owner, Mode mode, Connection& connection, Counters& counters);
    ~OpenTransaction() override;
    OpenTransaction(OpenTransaction const&) = delete;
    OpenTransaction& operator=(OpenTransaction const&) = delete;

    // The innermost transaction this thread has open on that database, or none.
    static OpenTransaction* of_this_thread(Database const& database);

    Rows query(std::string_view sql, Values const& values) override;
    std::int64_t execute(std::string_view sql, Values const& values) override;
    bool try_execute(std::string_view sql, Values const& values) override;
    void after_commit(std::function<void()> action) override;
    void announce(std::string_view topic, std::string_view key) override;

    // A read or write called inside this one.
    void join(Mode mode, Body const& body);
    // Runs the body and throws if it wants to commit after a failed statement.
    Ending run(Body const& body);
    // The same inside a savepoint: unless it commits, all it did is undone and the transaction is good again.
    Ending run_in_savepoint(Body const& body);

    Aftermath take_aftermath() { return std::move(aftermath_); }

private:
    template <class F>
    auto guarded(F&& statement);
    void undo_to(std::string const& savepoint, std::size_t changes, std::size_t actions);

    Database const& owner_;
    Mode mode_;
    Connection& connection_;
    Counters& counters_;
    OpenTransaction* outer_;  // the one open on this thread before, whatever its database
    Aftermath aftermath_;
    int depth_ = 0;
    bool failed_ = false;
};

// Tells of the changes, then runs what was promised for after the commit: all of it, then throws the first exception if
// there was one.
void run_after_commit(Database const& database, ChangeBus const& bus, OpenTransaction::Aftermath aftermath);
// Tells of changes that may have happened or not; swallows what handlers throw, for the caller has a fault to report.
void tell_in_doubt(Database const& database, ChangeBus const& bus, std::vector<Change> const& changes);
// Throws Fault when this thread is running such an action or a handler of that database.
void refuse_write_after_commit(Database const& database);

}  // namespace zephyr::storage
