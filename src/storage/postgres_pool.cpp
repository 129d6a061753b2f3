#include "storage/postgres_pool.h"

#include <algorithm>

namespace zephyr::storage {

namespace {

constexpr std::chrono::milliseconds between_trials{500};

}  // namespace

PostgresPool::PostgresPool(PostgresSettings settings, AnswerDeadlines& deadlines)
    : settings_{std::move(settings)}, deadlines_{deadlines}, free_{std::max<std::size_t>(settings_.connections, 1)} {}

PostgresPool::Lease PostgresPool::begin(Database::Mode mode) {
    bool on_trial = false;
    Lease lease{*this, take(on_trial)};
    auto const start = clock_.monotonic();
    auto const found_out = [&](bool answers) {
        auto const now = clock_.monotonic();
        std::lock_guard const lock{mutex_};
        silent_ = !answers && now - start >= settings_.patience;
        if (silent_) next_trial_ = now + between_trials;
        if (on_trial) trying_ = false;
    };
    try {
        begin_on(lease, mode);
    } catch (...) {
        found_out(false);
        throw;
    }
    found_out(true);
    return lease;
}

void PostgresPool::begin_on(Lease& lease, Database::Mode mode) {
    if (lease.connection_) {
        try {
            return lease->begin(mode);
        } catch (StorageFault const&) {
            drop_idle();
            if (lease->timed_out()) throw;
        }
    }
    lease.connection_ = std::make_unique<PostgresConnection>(settings_, deadlines_);
    lease->begin(mode);
}

// One place in the pool, with a kept connection or none.
std::unique_ptr<PostgresConnection> PostgresPool::take(bool& on_trial) {
    std::unique_lock lock{mutex_};
    if (silent_ && (trying_ || clock_.monotonic() < next_trial_)) throw StorageFault{"storage: PostgreSQL does not answer"};
    on_trial = silent_;
    if (on_trial) trying_ = true;
    if (!returned_.wait_for(lock, settings_.patience, [&] { return free_ > 0; })) {
        if (on_trial) trying_ = false;
        throw StorageFault{"storage: no PostgreSQL connection became free in time"};
    }
    --free_;
    if (idle_.empty()) return nullptr;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
}

void PostgresPool::give_back(std::unique_ptr<PostgresConnection> connection) {
    {
        std::lock_guard const lock{mutex_};
        ++free_;
        if (connection && connection->timed_out()) silent_ = true;
        if (connection && connection->reusable()) idle_.push_back(std::move(connection));
    }
    returned_.notify_one();
}

void PostgresPool::drop_idle() {
    std::vector<std::unique_ptr<PostgresConnection>> dropped;
    std::lock_guard const lock{mutex_};
    dropped.swap(idle_);
}

}  // namespace zephyr::storage
