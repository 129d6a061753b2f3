// Who is told what changed, when, and how often; the same on every store.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>

#include "contract/stores.h"

namespace zephyr::storage::contract {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {
constexpr Failure refused{Kind::denied, "test.refused"};
constexpr int threads = 32;
struct Boom {};
}  // namespace

class ChangesContract : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        migrate_to({{"0001_contract.sql",
                     "CREATE TABLE item (id {int} NOT NULL PRIMARY KEY, label TEXT) {strict};\n"
                     "CREATE TABLE counter (id {int} NOT NULL PRIMARY KEY, n {int} NOT NULL) {strict};\n"
                     "INSERT INTO counter (id, n) VALUES (1, 0);\n"}});
    }

    // What one transaction announced, as "topic:key topic:key".
    static std::string print(std::vector<Change> const& changes) {
        std::string out;
        for (auto const& change : changes) out += (out.empty() ? "" : " ") + change.topic + ":" + change.key;
        return out;
    }
    [[nodiscard]] ChangeRegistration listen(Database& database) {
        return database.on_change([this](std::vector<Change> const& changes) {
            std::lock_guard const lock{mutex_};
            heard_.push_back(print(changes));
        });
    }
    std::vector<std::string> heard() {
        std::lock_guard const lock{mutex_};
        return heard_;
    }
    static void insert(Transaction& tx, int id) { tx.run("INSERT INTO item (id) VALUES ($1)", id); }
    std::int64_t items() {
        return db().read([](Transaction& tx) { return tx.row("SELECT count(*) FROM item")->integer(0); });
    }

    std::mutex mutex_;
    std::vector<std::string> heard_;
};

TEST_P(ChangesContract, changes_are_told_once_when_others_can_see_them_and_before_the_writer_goes_on) {
    std::int64_t visible = 0;
    auto const listening = listen(db());
    auto const looking = db().on_change([&](std::vector<Change> const&) { visible = items(); });
    db().write([&](Transaction& tx) {
        insert(tx, 1);
        tx.announce("session", "b");
        db().write([&](Transaction& inner) {
            insert(inner, 2);
            inner.announce("session", "a");
            inner.announce("session", "b");
        });
        tx.announce("user", "a");
        EXPECT_THAT(heard(), IsEmpty());
    });
    EXPECT_THAT(heard(), ElementsAre("session:a session:b user:a"));
    EXPECT_EQ(visible, 2);
}

TEST_P(ChangesContract, what_was_undone_is_not_told) {
    auto const listening = listen(db());
    EXPECT_THROW(db().write([&](Transaction& tx) {
        tx.announce("session", "thrown");
        throw Boom{};
    }),
                 Boom);
    static_cast<void>(db().write([&](Transaction& tx) -> Result<void> {
        tx.announce("session", "refused");
        return refused;
    }));
    EXPECT_THAT(heard(), IsEmpty());
    db().write([&](Transaction& tx) {
        tx.announce("session", "kept");
        static_cast<void>(db().write([&](Transaction& inner) -> Result<void> {
            inner.announce("session", "inner");
            return refused;
        }));
    });
    EXPECT_THAT(heard(), ElementsAre("session:kept"));
}

TEST_P(ChangesContract, a_write_that_announces_nothing_tells_nobody) {
    auto const listening = listen(db());
    db().write([&](Transaction& tx) { insert(tx, 1); });
    EXPECT_THAT(heard(), IsEmpty());
}

TEST_P(ChangesContract, a_read_announces_nothing) {
    EXPECT_THROW(db().read([](Transaction& tx) { tx.announce("session", "a"); }), Fault);
}

TEST_P(ChangesContract, changes_are_told_before_the_after_commit_actions_run) {
    auto const listening = listen(db());
    std::size_t told = 0;
    db().write([&](Transaction& tx) {
        tx.after_commit([&] { told = heard().size(); });
        tx.announce("session", "a");
    });
    EXPECT_EQ(told, 1u);
}

// Group commits on SQLite, closures run again on PostgreSQL: each acknowledged write is told exactly once, by the time it
// is acknowledged.
TEST_P(ChangesContract, every_acknowledged_write_of_many_threads_is_told_exactly_once) {
    std::mutex mutex;
    std::map<std::string, int> told;
    auto const listening = db().on_change([&](std::vector<Change> const& changes) {
        std::lock_guard const lock{mutex};
        for (auto const& change : changes) ++told[change.key];
    });
    auto const times = [&](std::string const& key) {
        std::lock_guard const lock{mutex};
        auto const found = told.find(key);
        return found == told.end() ? 0 : found->second;
    };
    std::atomic<int> runs{0};
    on_threads(threads, [&](int i) {
        for (int round = 0; round < 4; ++round) {
            auto const key = std::to_string(i * 10 + round);
            auto const outcome = db().write([&](Transaction& tx) -> Result<void> {
                ++runs;
                // A row everybody wants: on PostgreSQL most closures run more than once.
                auto const n = tx.row("SELECT n FROM counter WHERE id = 1")->integer(0);
                tx.run("UPDATE counter SET n = $1 WHERE id = 1", n + 1);
                tx.announce("session", key);
                tx.announce("session", key);
                if (round == 3) return refused;
                return success();
            });
            EXPECT_EQ(times(key), outcome.ok() ? 1 : 0) << key;
        }
    });
    EXPECT_EQ(told.size(), threads * 3u);
    if (GetParam() == Store::postgresql) {
        EXPECT_GT(runs, threads * 4) << "no closure ran again, so the test shows less";
    }
}

TEST_P(ChangesContract, a_handler_may_read_but_not_write) {
    auto const writing = db().on_change([&](std::vector<Change> const&) {
        db().write([&](Transaction& tx) { insert(tx, 2); });
    });
    EXPECT_THROW(db().write([&](Transaction& tx) {
        insert(tx, 1);
        tx.announce("session", "a");
    }),
                 Fault);
    EXPECT_EQ(items(), 1);
}

TEST_P(ChangesContract, what_a_handler_throws_keeps_nobody_else_from_hearing) {
    auto const throwing = db().on_change([](std::vector<Change> const&) { throw Boom{}; });
    auto const listening = listen(db());
    int actions = 0;
    EXPECT_THROW(db().write([&](Transaction& tx) {
        insert(tx, 1);
        tx.announce("session", "a");
        tx.after_commit([&] { ++actions; });
    }),
                 Boom);
    EXPECT_THAT(heard(), ElementsAre("session:a"));
    EXPECT_EQ(actions, 1);
    EXPECT_EQ(items(), 1);
}

TEST_P(ChangesContract, nobody_hears_anything_after_leaving) {
    auto const announce = [&](std::string const& key) { db().write([&](Transaction& tx) { tx.announce("session", key); }); };
    auto listening = listen(db());
    announce("a");
    auto moved = std::move(listening);
    announce("b");
    moved = ChangeRegistration{};
    announce("c");
    EXPECT_THAT(heard(), ElementsAre("session:a", "session:b"));
}

TEST_P(ChangesContract, leaving_waits_for_a_handler_that_runs) {
    std::promise<void> entered;
    std::promise<void> may_leave;
    std::atomic<bool> finished{false};
    auto listening = db().on_change([&, wait = may_leave.get_future().share()](std::vector<Change> const&) {
        entered.set_value();
        wait.wait();
        finished = true;
    });
    auto writing = std::async(std::launch::async, [&] { db().write([](Transaction& tx) { tx.announce("session", "a"); }); });
    entered.get_future().wait();
    auto leaving = std::async(std::launch::async, [&] { listening = ChangeRegistration{}; });
    EXPECT_EQ(leaving.wait_for(50ms), std::future_status::timeout);
    may_leave.set_value();
    leaving.get();
    EXPECT_TRUE(finished);
    writing.get();
}

TEST_P(ChangesContract, a_registration_may_outlive_its_database) {
    ChangeRegistration listening;
    {
        auto const other = open_sqlite({.path = ":memory:"});
        listening = listen(*other);
    }
    listening = ChangeRegistration{};
    EXPECT_THAT(heard(), IsEmpty());
}

// Nobody can know whether a commit that failed has happened. Whoever remembers must forget.
TEST_P(ChangesContract, changes_are_told_when_the_commit_itself_fails) {
    migrate_to({{"0001_contract.sql",
                 "CREATE TABLE item (id {int} NOT NULL PRIMARY KEY, label TEXT) {strict};\n"
                 "CREATE TABLE counter (id {int} NOT NULL PRIMARY KEY, n {int} NOT NULL) {strict};\n"
                 "INSERT INTO counter (id, n) VALUES (1, 0);\n"},
                {"0002_child.sql",
                 "CREATE TABLE child (id {int} NOT NULL PRIMARY KEY, item_id {int} NOT NULL REFERENCES item (id) "
                 "DEFERRABLE INITIALLY DEFERRED) {strict};\n"}});
    auto const listening = listen(db());
    EXPECT_THROW(db().write([&](Transaction& tx) {
        tx.announce("session", "a");
        tx.run("INSERT INTO child (id, item_id) VALUES (1, 99)");
    }),
                 Fault);
    EXPECT_THAT(heard(), ElementsAre("session:a"));
    EXPECT_EQ(db().read([](Transaction& tx) { return tx.row("SELECT count(*) FROM child")->integer(0); }), 0);
}

INSTANTIATE_TEST_SUITE_P(stores, ChangesContract, every_store(), name_of);

}  // namespace zephyr::storage::contract
