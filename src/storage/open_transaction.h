// What a transaction does alike on both engines: it counts, it spoils on a failed statement, it nests by savepoints and
// is found again by a read or write called inside it on the same thread.
#pragma once

#include <atomic>
#include <vector>

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

    // A read or write called inside this one.
    void join(Mode mode, Body const& body);
    // Runs the body and throws if it wants to commit after a failed statement.
    Ending run(Body const& body);
    // The same inside a savepoint: unless it commits, all it did is undone and the transaction is good again.
    Ending run_in_savepoint(Body const& body);

    Actions take_actions() { return std::move(actions_); }

private:
    template <class F>
    auto guarded(F&& statement);
    void undo_to(std::string const& savepoint, std::size_t actions);

    Database const& owner_;
    Mode mode_;
    Connection& connection_;
    Counters& counters_;
    OpenTransaction* outer_;  // the one open on this thread before, whatever its database
    Actions actions_;
    int depth_ = 0;
    bool failed_ = false;
};

// Runs what was promised for after the commit: all of it, then throws the first exception if there was one.
void run_after_commit(Database const& database, OpenTransaction::Actions actions);
// Throws Fault when this thread is running such an action of that database.
void refuse_write_after_commit(Database const& database);

}  // namespace zephyr::storage
