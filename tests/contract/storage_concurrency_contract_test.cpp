// Many callers at once, the same on every store.
#include <atomic>
#include <future>

#include "contract/stores.h"

namespace zephyr::storage::contract {

namespace {
constexpr Failure refused{Kind::denied, "test.refused"};
constexpr int threads = 64;
}  // namespace

class ConcurrencyContract : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        migrate_to({{"0001_contract.sql",
                     "CREATE TABLE item (id {int} NOT NULL PRIMARY KEY, label TEXT) {strict};\n"
                     "CREATE TABLE counter (id {int} NOT NULL PRIMARY KEY, n {int} NOT NULL) {strict};\n"
                     "INSERT INTO counter (id, n) VALUES (1, 0);\n"}});
    }

    std::int64_t number(std::string_view sql) {
        return db().read([&](Transaction& tx) { return tx.row(sql)->integer(0); });
    }
};

TEST_P(ConcurrencyContract, a_read_sees_one_snapshot_whatever_is_written_meanwhile) {
    std::future<void> writing;
    db().read([&](Transaction& tx) {
        EXPECT_EQ(tx.row("SELECT COUNT(*) FROM item")->integer(0), 0);
        writing = std::async(std::launch::async, [&] {
            db().write([](Transaction& other) { other.run("INSERT INTO item (id) VALUES (1)"); });
        });
        // The one connection of an in-memory database makes the writer wait for us instead.
        if (!is_memory()) writing.wait();
        EXPECT_EQ(tx.row("SELECT COUNT(*) FROM item")->integer(0), 0);
        EXPECT_EQ(tx.row("SELECT COUNT(*) FROM counter")->integer(0), 1);
    });
    writing.get();
    EXPECT_EQ(number("SELECT COUNT(*) FROM item"), 1);
}

TEST_P(ConcurrencyContract, every_acknowledged_write_of_64_threads_is_there_and_nothing_of_the_others) {
    std::atomic<int> acknowledged{0};
    std::atomic<int> announced{0};
    std::atomic<int> refusals{0};
    std::atomic<int> violations{0};
    on_threads(threads, [&](int i) {
        for (int round = 0; round < 3; ++round) {
            try {
                auto const outcome = db().write([&](Transaction& tx) -> Result<void> {
                    tx.run("INSERT INTO item (id, label) VALUES ($1, $2)", i * 10 + round, std::to_string(i % 8));
                    tx.after_commit([&] { ++announced; });
                    if (i % 8 == 3) return refused;
                    if (i % 8 == 5) tx.run("INSERT INTO counter (id, n) VALUES (1, 1)");  // a key that is taken
                    return success();
                });
                ++(outcome.ok() ? acknowledged : refusals);
            } catch (UniqueViolation const&) {
                ++violations;
            }
        }
    });
    EXPECT_EQ(acknowledged, 48 * 3);
    EXPECT_EQ(announced, acknowledged);
    EXPECT_EQ(refusals, 8 * 3);
    EXPECT_EQ(violations, 8 * 3);
    EXPECT_EQ(number("SELECT COUNT(*) FROM item"), 48 * 3);
    EXPECT_EQ(number("SELECT COUNT(*) FROM item WHERE label IN ('3', '5')"), 0);
}

TEST_P(ConcurrencyContract, of_64_callers_exactly_one_advances_the_step) {
    db().write([](Transaction& tx) { tx.run("UPDATE counter SET n = 41 WHERE id = 1"); });
    std::atomic<int> winners{0};
    on_threads(threads, [&](int) {
        auto const changed =
            db().write([](Transaction& tx) { return tx.run("UPDATE counter SET n = $1 WHERE id = 1 AND n < $1", 42); });
        if (changed == 1) ++winners;
    });
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(number("SELECT n FROM counter"), 42);
}

TEST_P(ConcurrencyContract, of_64_callers_exactly_one_takes_a_name) {
    std::atomic<int> winners{0};
    std::atomic<int> losers{0};
    on_threads(threads, [&](int i) {
        try {
            db().write([&](Transaction& tx) {
                if (tx.row("SELECT id FROM item WHERE id = 7")) throw UniqueViolation{"seen"};
                tx.run("INSERT INTO item (id, label) VALUES (7, $1)", std::to_string(i));
            });
            ++winners;
        } catch (UniqueViolation const&) {
            ++losers;
        }
    });
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(losers, threads - 1);
}

TEST_P(ConcurrencyContract, reading_and_then_writing_loses_no_update) {
    on_threads(threads, [&](int) {
        db().write([](Transaction& tx) {
            auto const n = tx.row("SELECT n FROM counter WHERE id = 1")->integer(0);
            tx.run("UPDATE counter SET n = $1 WHERE id = 1", n + 1);
        });
    });
    EXPECT_EQ(number("SELECT n FROM counter"), threads);
}

// Write skew: each sees that the other is still there. Of two administrators, one at least must remain.
TEST_P(ConcurrencyContract, two_that_each_rely_on_the_other_cannot_both_leave) {
    for (int round = 0; round < 5; ++round) {
        db().write([](Transaction& tx) {
            tx.run("DELETE FROM item");
            tx.run("INSERT INTO item (id, label) VALUES (1, 'admin'), (2, 'admin')");
        });
        on_threads(2, [&](int i) {
            db().write([&](Transaction& tx) {
                if (tx.row("SELECT COUNT(*) FROM item WHERE label = 'admin'")->integer(0) < 2) return;
                tx.run("UPDATE item SET label = 'gone' WHERE id = $1", i + 1);
            });
        });
        EXPECT_EQ(number("SELECT COUNT(*) FROM item WHERE label = 'admin'"), 1);
    }
}

TEST_P(ConcurrencyContract, readers_and_writers_together_never_see_half_a_transaction) {
    std::atomic<bool> torn{false};
    on_threads(8, [&](int i) {
        for (int round = 0; round < 20; ++round) {
            if (i % 2 == 0) {
                db().write([&](Transaction& tx) {
                    int const id = 1000 + i * 100 + round * 2;
                    tx.run("INSERT INTO item (id) VALUES ($1)", id);
                    tx.run("INSERT INTO item (id) VALUES ($1)", id + 1);
                });
            } else {
                auto const seen = number("SELECT COUNT(*) FROM item");
                if (seen % 2 != 0) torn = true;
            }
        }
    });
    EXPECT_FALSE(torn);
    EXPECT_EQ(number("SELECT COUNT(*) FROM item"), 160);
}

INSTANTIATE_TEST_SUITE_P(stores, ConcurrencyContract, every_store(), name_of);

}  // namespace zephyr::storage::contract
