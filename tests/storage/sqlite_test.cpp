// What is SQLite's own: its file, its limits and its faults. What it shares with PostgreSQL is in tests/contract.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <latch>
#include <thread>

#include "testing/databases.h"

namespace zephyr::storage {

namespace {

class SqliteFile : public ::testing::Test {
protected:
    void SetUp() override { settings_.path = (folder_.path() / "zephyr.db").string(); }

    std::unique_ptr<Database> make() {
        auto database = open_sqlite(settings_);
        database->write(
            [](Transaction& tx) { tx.run("CREATE TABLE item (id INTEGER PRIMARY KEY, data BLOB) STRICT"); });
        return database;
    }
    static void insert(Database& database, std::int64_t id, std::size_t size = 10) {
        database.write([&](Transaction& tx) {
            tx.run("INSERT INTO item (id, data) VALUES ($1, $2)", id, Bytes(size, std::byte{7}));
        });
    }
    static std::int64_t count(Database& database) {
        return database.read([](Transaction& tx) { return tx.row("SELECT COUNT(*) FROM item")->integer(0); });
    }
    static std::string text(Database& database, std::string_view sql) {
        return database.read([&](Transaction& tx) {
            auto const row = tx.row(sql);
            return row ? row->text(0) : std::string{};
        });
    }

    // Writes 64 KiB at a time until the store refuses three times in a row (after the first refusal it may find room by
    // emptying its WAL); returns how many writes were acknowledged.
    static std::int64_t fill(Database& database, std::int64_t first_id) {
        std::int64_t acknowledged = 0;
        int refusals = 0;
        for (std::int64_t id = first_id; refusals < 3; ++id) {
            if (id == first_id + 1000) throw Fault{"the store never filled up"};
            try {
                insert(database, id, 65536);
                ++acknowledged;
                refusals = 0;
            } catch (StorageFault const&) {
                ++refusals;
            }
        }
        return acknowledged;
    }

    zephyr::testing::TemporaryFolder folder_;
    SqliteSettings settings_;
};

}  // namespace

TEST_F(SqliteFile, is_kept_when_opened_again) {
    insert(*make(), 1);
    auto const again = open_sqlite(settings_);
    EXPECT_EQ(count(*again), 1);
}

TEST_F(SqliteFile, and_its_companions_are_readable_by_their_owner_alone) {
    auto const database = make();
    for (auto const* suffix : {"", "-wal", "-shm"}) {
        struct stat status {};
        ASSERT_EQ(::stat((settings_.path + suffix).c_str(), &status), 0) << suffix;
        EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
    }
}

TEST_F(SqliteFile, leaves_no_companions_behind_when_closed) {
    insert(*make(), 1);
    EXPECT_FALSE(std::filesystem::exists(settings_.path + "-wal"));
}

TEST_F(SqliteFile, overwrites_what_is_deleted) {
    std::string const secret = "a-name-that-must-be-gone";
    {
        auto const database = make();
        database->write(
            [&](Transaction& tx) { tx.run("INSERT INTO item (id, data) VALUES (1, $1)", to_bytes(secret)); });
        database->write([](Transaction& tx) { tx.run("DELETE FROM item"); });
    }
    std::ifstream file{settings_.path, std::ios::binary};
    std::string const content{std::istreambuf_iterator<char>{file}, {}};
    ASSERT_FALSE(content.empty());
    EXPECT_EQ(content.find(secret), std::string::npos);
}

TEST_F(SqliteFile, runs_with_the_settings_that_keep_data_safe) {
    auto const database = make();
    EXPECT_EQ(text(*database, "PRAGMA journal_mode"), "wal");
    database->write([](Transaction& tx) {
        EXPECT_EQ(tx.row("PRAGMA synchronous")->integer(0), 2);  // FULL
        EXPECT_EQ(tx.row("PRAGMA secure_delete")->integer(0), 1);
        EXPECT_EQ(tx.row("PRAGMA foreign_keys")->integer(0), 1);
        EXPECT_EQ(tx.row("PRAGMA trusted_schema")->integer(0), 0);
    });
}

TEST_F(SqliteFile, in_a_folder_that_is_not_there_is_a_storage_fault) {
    settings_.path = (folder_.path() / "nowhere" / "zephyr.db").string();
    EXPECT_THROW(open_sqlite(settings_), StorageFault);
}

TEST_F(SqliteFile, that_is_no_database_is_a_storage_fault) {
    std::ofstream{settings_.path} << std::string(4096, 'x');
    EXPECT_THROW(open_sqlite(settings_), StorageFault);
}

TEST_F(SqliteFile, that_was_deleted_is_noticed_by_ping_and_not_made_anew) {
    auto const database = make();
    database->ping();
    std::filesystem::remove(settings_.path);
    EXPECT_THROW(database->ping(), StorageFault);
    EXPECT_FALSE(std::filesystem::exists(settings_.path));
}

TEST_F(SqliteFile, locked_by_somebody_else_is_a_storage_fault_for_writers_while_readers_go_on) {
    settings_.lock_wait = 50ms;
    auto const database = make();
    auto const other = open_sqlite(settings_);
    other->write([&](Transaction& tx) {
        tx.run("INSERT INTO item (id) VALUES (1)");
        EXPECT_THROW(insert(*database, 2), StorageFault);
        EXPECT_EQ(count(*database), 0);
    });
    insert(*database, 3);
    EXPECT_EQ(count(*database), 2);
}

// A file size limit makes writing fail as a broken disk does.
TEST_F(SqliteFile, whose_disk_fails_answers_with_storage_faults_and_heals_without_a_restart) {
    auto const database = make();
    insert(*database, 1);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto const old_handler = ::signal(SIGXFSZ, SIG_IGN);
    rlimit const tight{1024 * 1024, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    auto const acknowledged = fill(*database, 100);
    EXPECT_EQ(count(*database), 1 + acknowledged);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, old_handler);
    insert(*database, 3, 65536);
    EXPECT_EQ(count(*database), 2 + acknowledged);
    EXPECT_EQ(text(*database, "PRAGMA integrity_check"), "ok");
}

TEST_F(SqliteFile, on_a_full_disk_answers_with_storage_faults_and_heals_when_space_returns) {
    auto const disk = folder_.path() / "disk";
    std::filesystem::create_directory(disk);
    if (::mount("none", disk.c_str(), "tmpfs", 0, "size=4m") != 0) {
        GTEST_SKIP() << "mounting a small tmpfs needs root; the test with a file size limit still runs";
    }
    settings_.path = (disk / "zephyr.db").string();
    {
        auto const database = make();
        std::ofstream{disk / "filler"} << std::string(2 * 1024 * 1024, 'x');
        auto const acknowledged = fill(*database, 100);
        EXPECT_GT(acknowledged, 0);
        EXPECT_EQ(count(*database), acknowledged);
        std::filesystem::remove(disk / "filler");
        insert(*database, 2, 65536);
        EXPECT_EQ(count(*database), acknowledged + 1);
        EXPECT_EQ(text(*database, "PRAGMA integrity_check"), "ok");
    }
    EXPECT_EQ(::umount(disk.c_str()), 0);
}

TEST_F(SqliteFile, with_more_writers_waiting_than_allowed_refuses_the_rest_at_once) {
    settings_.waiting_writers = 2;
    auto const database = make();
    std::latch inside{1};
    std::latch release{1};
    std::atomic<int> refused{0};
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
        database->write([&](Transaction&) {
            inside.count_down();
            release.wait();
        });
    });
    inside.wait();
    for (int i = 0; i < 5; ++i) {
        threads.emplace_back([&, i] {
            try {
                insert(*database, i);
            } catch (StorageFault const&) {
                if (++refused == 3) release.count_down();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(refused, 3);
    EXPECT_EQ(count(*database), 2);
}

TEST_F(SqliteFile, with_every_reader_taken_refuses_within_the_patience) {
    EXPECT_LE(SqliteSettings{}.patience, 1s);
    settings_.readers = 1;
    settings_.patience = 100ms;
    auto const database = make();
    std::latch inside{1};
    std::latch release{1};
    std::thread holder{[&] {
        database->read([&](Transaction&) {
            inside.count_down();
            release.wait();
        });
    }};
    inside.wait();
    auto const start = std::chrono::steady_clock::now();
    EXPECT_THROW(count(*database), StorageFault);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
    release.count_down();
    holder.join();
    EXPECT_EQ(count(*database), 0);
}

}  // namespace zephyr::storage
