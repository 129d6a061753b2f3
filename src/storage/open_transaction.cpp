#include "storage/open_transaction.h"

#include <algorithm>
#include <exception>
#include <string>

#include "storage/values.h"

namespace zephyr::storage {

namespace {
thread_local OpenTransaction* innermost = nullptr;
thread_local Database const* announcing = nullptr;
}  // namespace

OpenTransaction::OpenTransaction(Database const& owner, Mode mode, Connection& connection, Counters& counters)
    : owner_{owner}, mode_{mode}, connection_{connection}, counters_{counters}, outer_{innermost} {
    innermost = this;
}

OpenTransaction::~OpenTransaction() {
    innermost = outer_;
}

OpenTransaction* OpenTransaction::of_this_thread(Database const& database) {
    for (auto* open = innermost; open; open = open->outer_) {
        if (&open->owner_ == &database) return open;
    }
    return nullptr;
}

template <class F>
auto OpenTransaction::guarded(F&& statement) {
    // On PostgreSQL a failed statement spoils its transaction. Doing the same on SQLite shows such a mistake in the
    // fast tests already.
    if (failed_) throw Fault{"storage: a statement after one that failed in the same transaction; see try_run"};
    if (connection_.lost()) throw StorageFault{"storage: the transaction was lost"};
    ++counters_.statements;
    try {
        return statement();
    } catch (...) {
        failed_ = true;
        throw;
    }
}

Rows OpenTransaction::query(std::string_view sql, Values const& values) {
    return guarded([&] {
        check_values(values);
        return connection_.query(sql, values);
    });
}

std::int64_t OpenTransaction::execute(std::string_view sql, Values const& values) {
    return guarded([&] {
        check_values(values);
        return connection_.execute(sql, values);
    });
}

bool OpenTransaction::try_execute(std::string_view sql, Values const& values) {
    try {
        run_in_savepoint([&](Transaction&) {
            execute(sql, values);
            return Ending::commit;
        });
        return true;
    } catch (UniqueViolation const&) {
        return false;
    }
}

void OpenTransaction::after_commit(std::function<void()> action) {
    if (mode_ == Mode::read) throw Fault{"storage: after_commit in a read, which commits nothing"};
    aftermath_.actions.push_back(std::move(action));
}

void OpenTransaction::announce(std::string_view topic, std::string_view key) {
    if (mode_ == Mode::read) throw Fault{"storage: announce in a read, which changes nothing"};
    aftermath_.changes.push_back({std::string{topic}, std::string{key}});
}

void OpenTransaction::join(Mode mode, Body const& body) {
    if (mode == Mode::read) {
        body(*this);
        return;
    }
    if (mode_ == Mode::read) throw Fault{"storage: a write inside a read"};
    run_in_savepoint(body);
}

OpenTransaction::Ending OpenTransaction::run(Body const& body) {
    auto const ending = body(*this);
    if (failed_ && ending == Ending::commit) {
        throw Fault{"storage: a transaction cannot commit after a failed statement; see try_run"};
    }
    return ending;
}

OpenTransaction::Ending OpenTransaction::run_in_savepoint(Body const& body) {
    if (failed_) throw Fault{"storage: a savepoint after a failed statement"};
    auto const savepoint = "zephyr_" + std::to_string(++depth_);
    auto const changes = aftermath_.changes.size();
    auto const actions = aftermath_.actions.size();
    connection_.control("SAVEPOINT " + savepoint);
    try {
        auto const ending = run(body);
        if (ending == Ending::commit) {
            connection_.control("RELEASE SAVEPOINT " + savepoint);
        } else {
            undo_to(savepoint, changes, actions);
        }
        --depth_;
        return ending;
    } catch (...) {
        auto const original = std::current_exception();
        try {
            undo_to(savepoint, changes, actions);
        } catch (std::exception const&) {
            // The connection broke as well: lost() says so to the next statement, and this exception matters more.
            failed_ = true;
        }
        --depth_;
        std::rethrow_exception(original);
    }
}

void OpenTransaction::undo_to(std::string const& savepoint, std::size_t changes, std::size_t actions) {
    aftermath_.changes.resize(changes);
    aftermath_.actions.resize(actions);
    if (connection_.lost()) {
        failed_ = true;
        return;
    }
    connection_.control("ROLLBACK TO SAVEPOINT " + savepoint);
    connection_.control("RELEASE SAVEPOINT " + savepoint);
    failed_ = false;
}

void run_after_commit(Database const& database, ChangeBus const& bus, OpenTransaction::Aftermath aftermath) {
    auto& changes = aftermath.changes;
    std::sort(changes.begin(), changes.end());
    changes.erase(std::unique(changes.begin(), changes.end()), changes.end());

    std::exception_ptr first;
    auto const attempt = [&](auto const& action) {
        try {
            action();
        } catch (...) {
            if (!first) first = std::current_exception();
        }
    };
    auto const* before = std::exchange(announcing, &database);
    attempt([&] { bus.tell(changes); });
    for (auto const& action : aftermath.actions) attempt(action);
    announcing = before;
    if (first) std::rethrow_exception(first);
}

void tell_in_doubt(Database const& database, ChangeBus const& bus, std::vector<Change> const& changes) {
    try {
        run_after_commit(database, bus, {changes, {}});
    } catch (std::exception const&) {
        // Every handler was called; the fault of the commit matters more.
    }
}

void refuse_write_after_commit(Database const& database) {
    if (announcing == &database) throw Fault{"storage: a write inside an after_commit action or a change handler"};
}

}  // namespace zephyr::storage
