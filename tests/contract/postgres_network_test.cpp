// PostgreSQL behind a network that fails: F7 of the fault list. A StorageFault within the deadline, never a wrong outcome, and good again
// by itself. Behind the chaos proxy stands the real server.
#include <atomic>
#include <chrono>

#include "contract/stores.h"
#include "testing/app/test_app.h"
#include "testing/chaos_proxy.h"

namespace zephyr::storage::contract {

namespace {

using testing::ChaosProxy;
using testing::Direction;
using testing::Mischief;
using testing::Welcome;
using SteadyClock = std::chrono::steady_clock;

std::chrono::milliseconds since(SteadyClock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - start);
}

// A database of its own on the one server, reached directly and through a proxy of its own.
struct Reach {
    Reach() : uri{testing::PostgresServer::instance().fresh_database()}, proxy{{.unix_socket = word("host=") + "/.s.PGSQL.5432"}} {
        direct = open_postgres({.uri = uri});
        settings = {.uri = "host=127.0.0.1 port=" + std::to_string(proxy.port()) + " user=postgres dbname=" + word("dbname=") +
                           " sslmode=disable gssencmode=disable",
                    .statement_timeout = 300ms,
                    .patience = 200ms};
        reopen();
    }
    void reopen() { through = open_postgres(settings); }
    void make_table() {
        direct->write([](Transaction& tx) { tx.run("CREATE TABLE item (id BIGINT PRIMARY KEY, used BIGINT NOT NULL)"); });
    }
    // Two rows, together or not at all.
    void insert_pair(int id) {
        through->write([&](Transaction& tx) {
            tx.run("INSERT INTO item (id, used) VALUES ($1, 0)", 2 * id);
            tx.run("INSERT INTO item (id, used) VALUES ($1, 0)", 2 * id + 1);
        });
    }
    std::int64_t count_pair(int id) {
        return direct->read([&](Transaction& tx) {
            return tx.row("SELECT COUNT(*) FROM item WHERE id IN ($1, $2)", 2 * id, 2 * id + 1)->integer(0);
        });
    }
    std::string word(std::string_view key) const {  // of the connection string
        auto const at = uri.find(key) + key.size();
        return uri.substr(at, uri.find(' ', at) - at);
    }

    std::string uri;
    ChaosProxy proxy;
    PostgresSettings settings;
    std::unique_ptr<Database> direct;
    std::unique_ptr<Database> through;
};

class PostgresNetwork : public ::testing::Test {
protected:
    PostgresNetwork() { reach.make_table(); }

    // True when it was acknowledged, false for a StorageFault. Anything else fails the test.
    template <class F>
    static bool acknowledged(F work) {
        try {
            work();
            return true;
        } catch (StorageFault const&) {
            return false;
        }
    }
    bool ping_works() {
        return acknowledged([&] { reach.through->ping(); });
    }
    std::chrono::milliseconds time_to_recover() {
        auto const start = SteadyClock::now();
        while (!ping_works() && since(start) < 20s) std::this_thread::sleep_for(5ms);
        return since(start);
    }

    Reach reach;
};

}  // namespace

TEST_F(PostgresNetwork, slow_split_and_trickling_answers_are_only_slow) {
    for (auto const& mischief : {Mischief{.delay = 10ms}, Mischief{.piece_bytes = 1}, Mischief{.bytes_per_second = 20'000}}) {
        reach.proxy.set_both(mischief);
        static int id = 0;
        EXPECT_NO_THROW(reach.insert_pair(++id));
        EXPECT_EQ(reach.count_pair(id), 2);
        reach.reopen();  // and the beginning of a connection
        EXPECT_NO_THROW(reach.through->ping());
    }
}

TEST_F(PostgresNetwork, a_cut_at_any_byte_leaves_a_write_whole_or_absent_and_an_acknowledged_one_whole) {
    int id = 0, acknowledged_ones = 0, absent = 0, doubtful = 0;
    for (auto const direction : {Direction::to_server, Direction::to_client}) {
        for (std::size_t after = 0; after < 420; after += 7) {
            ++id;
            reach.proxy.heal();
            ASSERT_LE(time_to_recover(), 2s);
            reach.proxy.set(direction, {.finish = id % 2 == 0, .reset = id % 2 != 0, .after = after});
            bool const told = acknowledged([&] { reach.insert_pair(id); });
            reach.proxy.cut_all(testing::Cut::reset);
            // The server may still be at it: PostgreSQL notices a lost client when it answers.
            auto stored = reach.count_pair(id);
            for (int i = 0; i < 50 && !told && stored == 0; ++i) {
                std::this_thread::sleep_for(1ms);
                stored = reach.count_pair(id);
            }
            ASSERT_NE(stored, 1) << "half a write after " << after << " bytes";
            if (told) {
                ASSERT_EQ(stored, 2) << "acknowledged and lost after " << after << " bytes";
            }
            acknowledged_ones += told;
            absent += !told && stored == 0;
            doubtful += !told && stored == 2;
        }
    }
    // The sweep went through all three: before the commit, in doubt, after its answer.
    EXPECT_GT(acknowledged_ones, 0);
    EXPECT_GT(absent, 0);
    EXPECT_GT(doubtful, 0);
}

TEST_F(PostgresNetwork, what_may_be_redeemed_once_is_redeemed_once_however_often_the_caller_must_ask_again) {
    // A code, a ticket, a refresh token: the commit is cut off somewhere, the caller hears 503 and comes again.
    int redeemed = 0, doubtful = 0;
    for (int id = 1; id <= 60; ++id) {
        reach.proxy.heal();
        ASSERT_LE(time_to_recover(), 2s);
        reach.direct->write([&](Transaction& tx) { tx.run("INSERT INTO item (id, used) VALUES ($1, 0)", id); });
        auto const redeem = [&] {
            return reach.through->write(
                [&](Transaction& tx) { return tx.run("UPDATE item SET used = used + 1 WHERE id = $1 AND used = 0", id) == 1; });
        };
        reach.proxy.set(Direction::to_client, {.reset = true, .after = static_cast<std::size_t>(id) * 2});
        int successes = 0, answers = 0;
        for (int attempt = 0; attempt < 50 && answers < 2; ++attempt) {
            try {
                successes += redeem();
                ++answers;
            } catch (StorageFault const&) {
                reach.proxy.heal();
            }
        }
        ASSERT_EQ(answers, 2);
        ASSERT_LE(successes, 1);
        redeemed += successes;
        doubtful += successes == 0;  // the first one was stored, and nobody was told
        auto const used = reach.direct->read(
            [&](Transaction& tx) { return tx.row("SELECT used FROM item WHERE id = $1", id)->integer(0); });
        ASSERT_EQ(used, 1);
    }
    EXPECT_GT(redeemed, 0);
    EXPECT_GT(doubtful, 0);
}

TEST_F(PostgresNetwork, a_black_hole_under_a_statement_is_given_up_after_its_deadline) {
    ASSERT_TRUE(ping_works());
    auto const start = SteadyClock::now();
    EXPECT_THROW(reach.through->read([&](Transaction& tx) {
        reach.proxy.set(Direction::to_client, {.hold = true});
        tx.rows("SELECT 1");
    }),
                 StorageFault);
    EXPECT_GE(since(start), 300ms);  // the server's own time has passed
    EXPECT_LE(since(start), 300ms + 1s + 700ms);
    reach.proxy.heal();
    EXPECT_LE(time_to_recover(), 2s);
}

TEST_F(PostgresNetwork, a_black_hole_is_found_out_by_a_few_and_everyone_else_is_refused_at_once) {
    on_threads(4, [&](int) { reach.through->ping(); });
    reach.proxy.set_both({.hold = true});
    // The first on a kept connection: refused after the patience.
    auto const start = SteadyClock::now();
    EXPECT_FALSE(ping_works());
    EXPECT_LE(since(start), 1s);
    // Now one caller tries to connect now and then, which takes two seconds; nobody waits with him.
    std::atomic<int> quick{0}, slow{0};
    on_threads(12, [&](int) {
        auto const begin = SteadyClock::now();
        EXPECT_FALSE(ping_works());
        ++(since(begin) < 500ms ? quick : slow);
    });
    EXPECT_LE(slow, 1);
    EXPECT_GE(quick, 11);
    // No thread is left behind in the hole: when it ends all is well.
    reach.proxy.heal();
    EXPECT_LE(time_to_recover(), 2s);
    on_threads(16, [&](int i) { reach.insert_pair(i); });
}

TEST_F(PostgresNetwork, a_black_hole_while_connecting_is_given_up_wherever_it_begins) {
    std::atomic<int> refused{0};
    on_threads(6, [&](int i) {
        Reach own;
        constexpr std::size_t places[] = {0, 5, 60, 300, 340, 400};
        own.proxy.set(Direction::to_client, {.hold = true, .after = places[i]});
        auto const start = SteadyClock::now();
        refused += !acknowledged([&] { own.through->ping(); });
        EXPECT_LE(since(start), 2s + 2s + 1s);  // connecting, setting up and the first statement
        own.proxy.heal();
        auto const healed = SteadyClock::now();
        while (!acknowledged([&] { own.through->ping(); }) && since(healed) < 20s) std::this_thread::sleep_for(5ms);
        EXPECT_LE(since(healed), 2s);
    });
    EXPECT_GE(refused, 4);
}

TEST_F(PostgresNetwork, a_server_that_refuses_is_no_black_hole_everyone_may_try) {
    ASSERT_TRUE(ping_works());
    reach.proxy.welcome(Welcome::refuse);
    reach.proxy.cut_all(testing::Cut::reset);
    auto const start = SteadyClock::now();
    on_threads(8, [&](int) { EXPECT_FALSE(ping_works()); });
    EXPECT_LE(since(start), 1s);
    reach.proxy.heal();
    EXPECT_TRUE(ping_works());
}

TEST_F(PostgresNetwork, an_answer_that_trickles_in_too_slowly_is_given_up) {
    ASSERT_TRUE(ping_works());
    reach.proxy.set(Direction::to_client, {.bytes_per_second = 100});
    auto const start = SteadyClock::now();
    EXPECT_THROW(reach.through->read([](Transaction& tx) { tx.rows("SELECT repeat('x', 100000)"); }), StorageFault);
    EXPECT_LE(since(start), 4s);
    reach.proxy.heal();
    EXPECT_LE(time_to_recover(), 2s);
}

TEST_F(PostgresNetwork, corrupted_bytes_end_in_a_fault_and_not_in_a_crash_or_a_hang) {
    // Without TLS nothing tells a changed byte inside a value; whatever breaks the protocol must be survived.
    on_threads(6, [&](int i) {
        Reach own;
        own.make_table();
        for (auto const direction : {Direction::to_client, Direction::to_server}) {
            own.proxy.set(direction, {.corrupt_every = std::vector<std::size_t>{1, 2, 5, 11, 23, 47}[static_cast<std::size_t>(i)]});
            auto const start = SteadyClock::now();
            try {
                own.insert_pair(1);
            } catch (Fault const&) {
            }
            EXPECT_LE(since(start), 8s);
            own.proxy.heal();
            own.proxy.cut_all(testing::Cut::reset);
            auto const healed = SteadyClock::now();
            while (!acknowledged([&] { own.through->ping(); }) && since(healed) < 20s) std::this_thread::sleep_for(5ms);
            EXPECT_LE(since(healed), 2s);
        }
    });
}

TEST_F(PostgresNetwork, connections_that_die_young_lose_no_acknowledged_write) {
    reach.proxy.limit_life(40ms);
    std::atomic<int> told{0}, faults{0};
    on_threads(4, [&](int thread) {
        for (int i = 0; i < 150; ++i) {
            int const id = 1000 * thread + i;
            bool const ok = acknowledged([&] { reach.insert_pair(id); });
            ok ? ++told : ++faults;
            auto const stored = reach.count_pair(id);
            EXPECT_NE(stored, 1);
            if (ok) {
                EXPECT_EQ(stored, 2);
            }
        }
    });
    EXPECT_GT(told, 0);
    EXPECT_GT(reach.proxy.stats().cut, 3u);
}

TEST_F(PostgresNetwork, people_get_503_while_it_lasts_never_401_and_are_still_signed_in_afterwards) {
    Reach own;
    own.settings.statement_timeout = 5s;
    own.settings.patience = 500ms;
    testing::apply_source_migrations(*own.direct);
    own.reopen();
    auto* const database = own.through.get();
    testing::TestApp app{testing::TestApp::settings(), std::move(own.through)};
    app.add_user("ada");
    testing::Client ada{app};
    ASSERT_EQ(ada.log_in("ada").status(), 200);
    ASSERT_EQ(ada.get("/auth/me").status(), 200);
    for (auto const& [welcome, mischief] : {std::pair{Welcome::serve, Mischief{.hold = true}},
                                            std::pair{Welcome::refuse, Mischief{.reset = true}}}) {
        own.proxy.set_both(mischief);
        own.proxy.welcome(welcome);
        for (int i = 0; i < 5; ++i) {
            for (auto const* path : {"/auth/me", "/readyz"}) {
                auto const start = SteadyClock::now();
                auto const answer = ada.get(path);
                EXPECT_EQ(answer.status(), 503) << path << " " << answer.body();
                EXPECT_LE(since(start), 2500ms) << path;
            }
            EXPECT_EQ(ada.log_in("ada").status(), 503);
        }
        EXPECT_EQ(ada.get("/healthz").status(), 200);
        own.proxy.heal();
        auto const healed = SteadyClock::now();
        while (ada.get("/readyz").status() != 200 && since(healed) < 20s) std::this_thread::sleep_for(5ms);
        EXPECT_LE(since(healed), 2s);
        EXPECT_EQ(ada.get("/auth/me").status(), 200);
    }
    EXPECT_EQ(database->engine(), Engine::postgresql);
}

}  // namespace zephyr::storage::contract
