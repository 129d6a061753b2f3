// What a transaction keeps and what it undoes, the same on every store.
#include "contract/stores.h"

namespace zephyr::storage::contract {

namespace {
constexpr Failure refused{Kind::denied, "test.refused"};
struct Boom {};
}  // namespace

class TransactionContract : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        migrate_to(
            {{"0001_contract.sql", "CREATE TABLE item (id {int} NOT NULL PRIMARY KEY, label TEXT) {strict};\n"}});
    }

    static void insert(Transaction& tx, int id) { tx.run("INSERT INTO item (id) VALUES ($1)", id); }

    // The ids stored, in order, joined by blanks.
    std::string stored() {
        return db().read([](Transaction& tx) {
            std::string out;
            for (auto const& row : tx.rows("SELECT id FROM item ORDER BY id")) {
                out += (out.empty() ? "" : " ") + std::to_string(row.integer(0));
            }
            return out;
        });
    }
};

TEST_P(TransactionContract, an_exception_undoes_everything_and_reaches_the_caller) {
    EXPECT_THROW(db().write([&](Transaction& tx) {
        insert(tx, 1);
        throw Boom{};
    }),
                 Boom);
    EXPECT_EQ(stored(), "");
}

TEST_P(TransactionContract, a_refusal_undoes_everything_and_reaches_the_caller) {
    auto const outcome = db().write([&](Transaction& tx) -> Result<int> {
        insert(tx, 1);
        return refused;
    });
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error(), refused);
    EXPECT_EQ(stored(), "");
}

TEST_P(TransactionContract, a_result_that_holds_a_value_commits) {
    auto const outcome = db().write([&](Transaction& tx) -> Result<int> {
        insert(tx, 1);
        return 7;
    });
    EXPECT_EQ(outcome.value(), 7);
    EXPECT_EQ(stored(), "1");
}

TEST_P(TransactionContract, a_write_inside_a_write_joins_it) {
    db().write([&](Transaction& outer) {
        insert(outer, 1);
        db().write([&](Transaction& inner) { insert(inner, 2); });
        EXPECT_EQ(outer.rows("SELECT id FROM item").size(), 2u);
    });
    EXPECT_EQ(stored(), "1 2");
    EXPECT_THROW(db().write([&](Transaction&) {
        db().write([&](Transaction& inner) { insert(inner, 3); });
        throw Boom{};
    }),
                 Boom);
    EXPECT_EQ(stored(), "1 2");
}

TEST_P(TransactionContract, a_read_inside_a_write_sees_what_is_not_committed_yet) {
    db().write([&](Transaction& tx) {
        insert(tx, 1);
        EXPECT_EQ(stored(), "1");
    });
}

TEST_P(TransactionContract, an_inner_refusal_undoes_exactly_the_inner_part) {
    db().write([&](Transaction& outer) {
        insert(outer, 1);
        auto const inner_outcome = db().write([&](Transaction& inner) -> Result<void> {
            insert(inner, 2);
            db().write([&](Transaction& innermost) { insert(innermost, 3); });
            return refused;
        });
        EXPECT_FALSE(inner_outcome.ok());
        insert(outer, 4);
    });
    EXPECT_EQ(stored(), "1 4");
}

TEST_P(TransactionContract, an_inner_exception_caught_outside_undoes_exactly_the_inner_part) {
    db().write([&](Transaction& outer) {
        insert(outer, 1);
        EXPECT_THROW(db().write([&](Transaction& inner) {
            insert(inner, 2);
            insert(inner, 1);
        }),
                     UniqueViolation);
        insert(outer, 3);
    });
    EXPECT_EQ(stored(), "1 3");
}

TEST_P(TransactionContract, a_failed_statement_spoils_its_transaction) {
    db().write([&](Transaction& tx) { insert(tx, 1); });
    EXPECT_THROW(db().write([&](Transaction& tx) {
        insert(tx, 2);
        EXPECT_THROW(insert(tx, 1), UniqueViolation);
        EXPECT_THROW(insert(tx, 3), Fault);
    }),
                 Fault);
    EXPECT_EQ(stored(), "1");
}

TEST_P(TransactionContract, a_unique_violation_may_be_turned_into_a_refusal_inside) {
    db().write([&](Transaction& tx) { insert(tx, 1); });
    auto const outcome = db().write([&](Transaction& tx) -> Result<void> {
        insert(tx, 2);
        try {
            insert(tx, 1);
        } catch (UniqueViolation const&) {
            return refused;
        }
        return success();
    });
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(stored(), "1");
}

TEST_P(TransactionContract, try_run_says_false_to_a_taken_key_and_goes_on) {
    db().write([&](Transaction& tx) {
        insert(tx, 1);
        EXPECT_FALSE(tx.try_run("INSERT INTO item (id) VALUES ($1)", 1));
        EXPECT_TRUE(tx.try_run("INSERT INTO item (id) VALUES ($1)", 2));
        EXPECT_FALSE(tx.try_run("INSERT INTO item (id) VALUES ($1), ($2)", 3, 2));
        insert(tx, 4);
    });
    EXPECT_EQ(stored(), "1 2 4");
}

TEST_P(TransactionContract, try_run_lets_other_faults_through) {
    EXPECT_THROW(db().write([&](Transaction& tx) { tx.try_run("INSERT INTO nowhere (id) VALUES ($1)", 1); }), Fault);
}

TEST_P(TransactionContract, a_write_inside_a_read_is_a_fault) {
    EXPECT_THROW(db().read([&](Transaction&) { db().write([&](Transaction& tx) { insert(tx, 1); }); }), Fault);
    EXPECT_EQ(stored(), "");
}

TEST_P(TransactionContract, a_read_that_changes_rows_is_a_fault_and_not_the_stores) {
    try {
        db().read([&](Transaction& tx) { insert(tx, 1); });
        ADD_FAILURE() << "a read wrote";
    } catch (StorageFault const& fault) {
        ADD_FAILURE() << fault.what();
    } catch (Fault const&) {
    }
    EXPECT_EQ(stored(), "");
    db().write([&](Transaction& tx) { insert(tx, 2); });  // and the connection is as good as before
    EXPECT_EQ(stored(), "2");
}

TEST_P(TransactionContract, a_read_of_one_database_inside_a_write_of_another_does_not_join) {
    auto other = open_sqlite({.path = ":memory:"});
    other->write([](Transaction& tx) { tx.run("CREATE TABLE item (id INTEGER PRIMARY KEY) STRICT"); });
    db().write([&](Transaction& tx) {
        insert(tx, 1);
        other->write([&](Transaction& there) { insert(there, 99); });
        EXPECT_EQ(stored(), "1");
    });
    EXPECT_EQ(other->read([](Transaction& tx) { return tx.rows("SELECT id FROM item").size(); }), 1u);
}

TEST_P(TransactionContract, after_commit_runs_once_when_others_can_see_the_change) {
    int runs = 0;
    std::string seen;
    db().write([&](Transaction& tx) {
        insert(tx, 1);
        db().write([&](Transaction& inner) {
            insert(inner, 2);
            inner.after_commit([&] {
                ++runs;
                seen = stored();
            });
        });
        EXPECT_EQ(runs, 0);
    });
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(seen, "1 2");
}

TEST_P(TransactionContract, after_commit_does_not_run_for_what_was_undone) {
    int runs = 0;
    auto const count = [&](Transaction& tx) { tx.after_commit([&] { ++runs; }); };
    EXPECT_THROW(db().write([&](Transaction& tx) {
        count(tx);
        throw Boom{};
    }),
                 Boom);
    static_cast<void>(db().write([&](Transaction& tx) -> Result<void> {
        count(tx);
        return refused;
    }));
    EXPECT_EQ(runs, 0);
    db().write([&](Transaction& tx) {
        static_cast<void>(db().write([&](Transaction& inner) -> Result<void> {
            count(inner);
            return refused;
        }));
        insert(tx, 1);
    });
    EXPECT_EQ(runs, 0);
}

TEST_P(TransactionContract, an_after_commit_action_may_not_write) {
    EXPECT_THROW(db().write([&](Transaction& tx) {
        insert(tx, 1);
        tx.after_commit([&] { db().write([&](Transaction& late) { insert(late, 2); }); });
    }),
                 Fault);
    EXPECT_EQ(stored(), "1");
    EXPECT_THROW(db().read([](Transaction& tx) { tx.after_commit([] {}); }), Fault);
}

TEST_P(TransactionContract, what_an_after_commit_action_throws_reaches_the_caller_after_the_others_ran) {
    int runs = 0;
    EXPECT_THROW(db().write([&](Transaction& tx) {
        insert(tx, 1);
        tx.after_commit([] { throw Boom{}; });
        tx.after_commit([&] { ++runs; });
    }),
                 Boom);
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(stored(), "1");
}

TEST_P(TransactionContract, counts_statements_reads_and_writes_exactly) {
    auto const before = db().counts();
    db().write([&](Transaction& tx) {
        insert(tx, 1);
        tx.try_run("INSERT INTO item (id) VALUES ($1)", 1);
        db().write([&](Transaction& inner) { insert(inner, 2); });
        db().read([&](Transaction& inner) { inner.rows("SELECT id FROM item"); });
    });
    db().read([](Transaction& tx) {
        tx.rows("SELECT id FROM item");
        tx.row("SELECT id FROM item WHERE id = $1", 1);
    });
    auto const after = db().counts();
    EXPECT_EQ(after.statements - before.statements, 6);
    EXPECT_EQ(after.writes - before.writes, 1);
    EXPECT_EQ(after.reads - before.reads, 1);
}

TEST_P(TransactionContract, ping_answers) {
    EXPECT_NO_THROW(db().ping());
}

INSTANTIATE_TEST_SUITE_P(stores, TransactionContract, every_store(), name_of);

}  // namespace zephyr::storage::contract
