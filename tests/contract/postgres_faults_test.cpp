// What a failing PostgreSQL looks like from above: StorageFault at once, and good again without a restart of ours.
#include <atomic>
#include <chrono>

#include "contract/stores.h"

namespace zephyr::storage::contract {

namespace {

class PostgresFaults : public ::testing::Test {
protected:
    void SetUp() override {
        settings_.uri = server().fresh_database();
        settings_.patience = 200ms;
        reopen();
        db().write([](Transaction& tx) { tx.run("CREATE TABLE item (id BIGINT PRIMARY KEY)"); });
    }
    void TearDown() override { server().start(); }

    static testing::PostgresServer& server() { return testing::PostgresServer::instance(); }
    void reopen() { database_ = open_postgres(settings_); }
    Database& db() { return *database_; }
    void insert(int id) {
        db().write([&](Transaction& tx) { tx.run("INSERT INTO item (id) VALUES ($1)", id); });
    }
    std::int64_t count() {
        return db().read([](Transaction& tx) { return tx.row("SELECT COUNT(*) FROM item")->integer(0); });
    }

    PostgresSettings settings_;
    std::unique_ptr<Database> database_;
};

template <class F>
std::chrono::milliseconds duration_of(F work) {
    auto const start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

}  // namespace

TEST_F(PostgresFaults, a_server_that_is_killed_and_started_again_is_found_again) {
    // Several connections are kept, and all of them are dead afterwards.
    on_threads(4, [&](int i) { insert(i); });
    server().kill();
    EXPECT_THROW(insert(100), StorageFault);
    EXPECT_THROW(count(), StorageFault);
    EXPECT_THROW(db().ping(), StorageFault);
    server().start();
    EXPECT_NO_THROW(db().ping());
    insert(101);
    EXPECT_EQ(count(), 5);
    on_threads(8, [&](int i) { insert(200 + i); });
    EXPECT_EQ(count(), 13);
}

TEST_F(PostgresFaults, a_restart_between_two_calls_is_not_even_noticed) {
    on_threads(4, [&](int i) { insert(i); });
    server().stop();
    server().start();
    EXPECT_NO_THROW(insert(100));
    EXPECT_EQ(count(), 5);
}

TEST_F(PostgresFaults, a_server_killed_in_the_middle_of_a_write_leaves_nothing_of_it) {
    EXPECT_THROW(db().write([&](Transaction& tx) {
        tx.run("INSERT INTO item (id) VALUES (1)");
        server().kill();
        tx.run("INSERT INTO item (id) VALUES (2)");
    }),
                 StorageFault);
    server().start();
    EXPECT_EQ(count(), 0);
}

TEST_F(PostgresFaults, a_closure_that_swallows_the_loss_of_its_connection_commits_nothing) {
    EXPECT_THROW(db().write([&](Transaction& tx) {
        tx.run("INSERT INTO item (id) VALUES (1)");
        server().kill();
        EXPECT_THROW(tx.run("INSERT INTO item (id) VALUES (2)"), StorageFault);
    }),
                 Fault);
    server().start();
    EXPECT_EQ(count(), 0);
}

TEST_F(PostgresFaults, acknowledged_writes_survive_a_kill_under_load) {
    std::atomic<int> acknowledged{0};
    on_threads(5, [&](int i) {
        for (int round = 0; i < 4 && round < 200; ++round) {
            try {
                insert(i * 1000 + round);
                ++acknowledged;
            } catch (StorageFault const&) {
            }
        }
        if (i < 4) return;
        while (acknowledged < 50) std::this_thread::yield();
        server().kill();
    });
    server().start();
    EXPECT_GE(acknowledged, 50);
    // One more per thread may be stored without our having heard of it.
    EXPECT_GE(count(), acknowledged);
    EXPECT_LE(count(), acknowledged + 4);
}

TEST_F(PostgresFaults, an_exhausted_pool_refuses_within_the_patience) {
    settings_.connections = 2;
    reopen();
    EXPECT_LE(PostgresSettings{}.patience, 1s);
    std::latch held{2};
    std::latch release{1};
    on_threads(3, [&](int i) {
        if (i < 2) {
            db().read([&](Transaction&) {
                held.count_down();
                release.wait();
            });
            return;
        }
        held.wait();
        EXPECT_LT(duration_of([&] { EXPECT_THROW(count(), StorageFault); }), 1s);
        release.count_down();
    });
    EXPECT_EQ(count(), 0);
}

TEST_F(PostgresFaults, a_statement_that_takes_too_long_is_cut_off_and_the_store_goes_on) {
    settings_.statement_timeout = 100ms;
    reopen();
    EXPECT_THROW(db().read([](Transaction& tx) { tx.rows("SELECT pg_sleep(30)"); }), StorageFault);
    EXPECT_THROW(db().write([](Transaction& tx) { tx.rows("SELECT pg_sleep(30)"); }), StorageFault);
    insert(1);
    EXPECT_EQ(count(), 1);
}

TEST_F(PostgresFaults, a_fault_does_not_tell_the_password_of_the_connection_string) {
    settings_.uri = "postgresql://zephyr:hunter2@127.0.0.1:1/zephyr";
    reopen();
    try {
        db().ping();
        ADD_FAILURE() << "something answers on port 1";
    } catch (StorageFault const& fault) {
        EXPECT_EQ(std::string{fault.what()}.find("hunter2"), std::string::npos) << fault.what();
    }
}

TEST_F(PostgresFaults, a_table_changed_under_a_prepared_statement_heals_by_itself) {
    insert(1);
    settings_.connections = 1;
    reopen();
    auto const read_all = [&] {
        return db().read([](Transaction& tx) { return tx.rows("SELECT * FROM item").size(); });
    };
    EXPECT_EQ(read_all(), 1u);
    auto const other_node = open_postgres({.uri = settings_.uri});
    other_node->write([](Transaction& tx) { tx.run("ALTER TABLE item ADD COLUMN label TEXT"); });
    EXPECT_THROW(read_all(), StorageFault);
    EXPECT_EQ(read_all(), 1u);
}

}  // namespace zephyr::storage::contract
