#include "storage/postgres_pool.h"

#include <algorithm>

namespace zephyr::storage {

PostgresPool::PostgresPool(PostgresSettings settings)
    : settings_{std::move(settings)}, free_{std::max<std::size_t>(settings_.connections, 1)} {}

PostgresPool::Lease PostgresPool::begin(Database::Mode mode) {
    Lease lease{*this, take()};
    if (lease.connection_) {
        try {
            lease->begin(mode);
            return lease;
        } catch (StorageFault const&) {
            drop_idle();
        }
    }
    lease.connection_ = std::make_unique<PostgresConnection>(settings_);
    lease->begin(mode);
    return lease;
}

// One place in the pool, with a kept connection or none.
std::unique_ptr<PostgresConnection> PostgresPool::take() {
    std::unique_lock lock{mutex_};
    if (!returned_.wait_for(lock, settings_.patience, [&] { return free_ > 0; })) {
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
