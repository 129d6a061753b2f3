// Acknowledged is durable: a process killed at a random moment loses nothing it has answered for.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "testing/databases.h"
#include "testing/scripted_random.h"

namespace zephyr::storage {

namespace {

constexpr int writers = 4;

// Writes until killed, and tells each number down the pipe after its write was acknowledged.
[[noreturn]] void write_until_killed(SqliteSettings const& settings, int round, int pipe) {
    auto const database = open_sqlite(settings);
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
        threads.emplace_back([&, writer] {
            for (std::int64_t i = 0;; ++i) {
                std::int64_t const id = (round * writers + writer) * std::int64_t{1'000'000} + i;
                database->write([&](Transaction& tx) {
                    tx.run("INSERT INTO item (id) VALUES ($1)", id);
                    tx.run("UPDATE total SET n = n + 1");
                });
                if (::write(pipe, &id, sizeof id) != sizeof id) ::_exit(1);
            }
        });
    }
    for (;;) ::pause();
}

}  // namespace

TEST(SqliteKill, loses_no_acknowledged_write_and_keeps_no_half_of_one) {
    zephyr::testing::TemporaryFolder const folder;
    SqliteSettings const settings{.path = (folder.path() / "zephyr.db").string()};
    open_sqlite(settings)->write([](Transaction& tx) {
        tx.run("CREATE TABLE item (id INTEGER PRIMARY KEY) STRICT");
        tx.run("CREATE TABLE total (n INTEGER) STRICT");
        tx.run("INSERT INTO total (n) VALUES (0)");
    });
    zephyr::testing::ScriptedRandom random{2026};
    std::set<std::int64_t> acknowledged;
    for (int round = 0; round < 10; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        pid_t const child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(ends[0]);
            write_until_killed(settings, round, ends[1]);
        }
        ::close(ends[1]);
        auto const before_the_kill = 1 + std::to_integer<int>(random.bytes(1).front()) % 100;
        std::int64_t id = 0;
        for (int heard = 0; ::read(ends[0], &id, sizeof id) == sizeof id; ++heard) {
            acknowledged.insert(id);
            if (heard == before_the_kill) ::kill(child, SIGKILL);
        }
        ::close(ends[0]);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended by itself";

        auto const database = open_sqlite(settings);
        std::set<std::int64_t> stored;
        auto const total = database->read([&](Transaction& tx) {
            for (auto const& row : tx.rows("SELECT id FROM item")) stored.insert(row.integer(0));
            return tx.row("SELECT n FROM total")->integer(0);
        });
        for (auto const one : acknowledged) ASSERT_TRUE(stored.contains(one)) << one << " in round " << round;
        EXPECT_EQ(total, static_cast<std::int64_t>(stored.size()));
        database->read([](Transaction& tx) { EXPECT_EQ(tx.row("PRAGMA integrity_check")->text(0), "ok"); });
    }
    EXPECT_GE(acknowledged.size(), 10u);
}

}  // namespace zephyr::storage
