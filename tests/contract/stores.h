// The stores every contract runs on: a SQLite file, in-memory SQLite and PostgreSQL, each with the tables of the test.
#pragma once

#include <gtest/gtest.h>

#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "testing/databases.h"
#include "testing/manual_clock.h"

namespace zephyr::storage::contract {

enum class Store { sqlite_file, sqlite_memory, postgresql };

inline std::string name_of(::testing::TestParamInfo<Store> const& info) {
    switch (info.param) {
        case Store::sqlite_file: return "sqlite_file";
        case Store::sqlite_memory: return "sqlite_memory";
        case Store::postgresql: break;
    }
    return "postgresql";
}

class StoreTest : public ::testing::TestWithParam<Store> {
protected:
    void SetUp() override {
        if (GetParam() == Store::postgresql) uri_ = testing::PostgresServer::instance().fresh_database();
        database_ = open();
    }

    // Another set of connections to the same database, as another node would have. Not for memory.
    std::unique_ptr<Database> open() {
        switch (GetParam()) {
            case Store::sqlite_file: return open_sqlite({.path = (folder_.path() / "test.db").string()});
            case Store::sqlite_memory: return open_sqlite({.path = ":memory:"});
            case Store::postgresql: break;
        }
        return open_postgres({.uri = uri_});
    }

    Database& db() { return *database_; }
    bool is_memory() const { return GetParam() == Store::sqlite_memory; }

    void migrate_to(std::vector<std::pair<std::string_view, std::string_view>> const& files) {
        auto const report = migrate(db(), make_migrations(files), clock_);
        ASSERT_TRUE(report.ok()) << report.error();
    }

    testing::ManualClock clock_;
    testing::TemporaryFolder folder_;
    std::string uri_;
    std::unique_ptr<Database> database_;
};

// Runs `work(i)` on that many threads that start together; waits for all.
template <class F>
void on_threads(int count, F work) {
    std::latch start{count};
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
            start.arrive_and_wait();
            work(i);
        });
    }
    for (auto& thread : threads) thread.join();
}

inline auto every_store() {
    return ::testing::Values(Store::sqlite_file, Store::sqlite_memory, Store::postgresql);
}

}  // namespace zephyr::storage::contract
