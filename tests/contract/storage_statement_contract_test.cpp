// What one statement does, the same on every store: values, parameters, changed rows, refusals.
#include <limits>

#include "contract/stores.h"

namespace zephyr::storage::contract {

class StatementContract : public StoreTest {
protected:
    void SetUp() override {
        StoreTest::SetUp();
        migrate_to({{"0001_contract.sql",
                     "CREATE TABLE item (id {int} NOT NULL PRIMARY KEY, label TEXT, data {blob}, amount {int},\n"
                     "  state TEXT NOT NULL DEFAULT 'new', CHECK (amount < 1000)) {strict};\n"
                     "CREATE UNIQUE INDEX item_label ON item (label);\n"
                     "CREATE TABLE number (n {int}) {strict};\n"}});
    }

    std::int64_t run(std::string_view sql, Values const& values = {}) {
        return db().write([&](Transaction& tx) { return tx.execute(sql, values); });
    }
    Row only_row(std::string_view sql, Values const& values = {}) {
        auto rows = db().read([&](Transaction& tx) { return tx.query(sql, values); });
        if (rows.size() != 1) throw Fault{"not one row"};
        return rows.front();
    }
    std::optional<std::string> stored_label(std::string const& label) {
        run("DELETE FROM item");
        run("INSERT INTO item (id, label) VALUES ($1, $2)", {bind(1), bind(label)});
        return only_row("SELECT label FROM item").optional_text(0);
    }
};

TEST_P(StatementContract, keeps_null_in_every_type_of_column) {
    run("INSERT INTO item (id, label, data, amount) VALUES ($1, $2, $3, $4)", {bind(1), null(), null(), null()});
    auto const row = only_row("SELECT label, data, amount FROM item");
    EXPECT_TRUE(row.is_null(0));
    EXPECT_EQ(row.optional_text(0), std::nullopt);
    EXPECT_EQ(row.optional_blob(1), std::nullopt);
    EXPECT_EQ(row.optional_integer(2), std::nullopt);
    EXPECT_EQ(row.optional_time(2), std::nullopt);
}

TEST_P(StatementContract, keeps_the_limits_of_64_bit_integers) {
    for (auto const number : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0},
                              std::numeric_limits<std::int64_t>::max()}) {
        run("DELETE FROM number");
        run("INSERT INTO number (n) VALUES ($1)", {number});
        EXPECT_EQ(only_row("SELECT n FROM number").integer(0), number);
        EXPECT_EQ(only_row("SELECT COUNT(*) FROM number WHERE n = $1", {number}).integer(0), 1);
    }
}

TEST_P(StatementContract, keeps_times_to_the_millisecond) {
    auto const time = from_millis(1'795'503'567'123);
    run("INSERT INTO number (n) VALUES ($1)", {bind(time)});
    EXPECT_EQ(only_row("SELECT n FROM number").time(0), time);
}

TEST_P(StatementContract, keeps_text_of_any_script_and_the_empty_text) {
    for (std::string const text : {"", "Zoë Müller", "Ελληνικά", "日本語", "👩‍💻", "it's \"quoted\" \\ %_",
                                   "\xef\xbb\xbf"
                                   "bom",
                                   "\xf4\x8f\xbf\xbf", "line\nline\ttab"}) {
        EXPECT_EQ(stored_label(text), text);
    }
}

TEST_P(StatementContract, keeps_bytes_as_they_are_and_the_empty_blob_apart_from_null) {
    Bytes every;
    for (int i = 0; i < 256; ++i) every.push_back(static_cast<std::byte>(i));
    Bytes const large(300'000, std::byte{0xa5});
    for (auto const& bytes : {Bytes{}, every, large}) {
        run("DELETE FROM item");
        run("INSERT INTO item (id, data) VALUES ($1, $2)", {bind(1), bytes});
        auto const row = only_row("SELECT data FROM item");
        EXPECT_FALSE(row.is_null(0));
        EXPECT_EQ(row.blob(0), bytes);
        EXPECT_EQ(only_row("SELECT COUNT(*) FROM item WHERE data = $1", {bytes}).integer(0), 1);
    }
}

TEST_P(StatementContract, refuses_text_that_is_not_utf8_or_holds_a_nul) {
    using namespace std::string_literals;
    for (auto const& text : {"a\0b"s, "\x80"s, "\xc0\xaf"s, "\xc1\xbf"s, "\xe0\x80\x80"s, "\xed\xa0\x80"s,
                             "\xf0\x80\x80\x80"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "cut\xe2\x82"s, "\xff"s}) {
        EXPECT_THROW(stored_label(text), Fault) << ::testing::PrintToString(text);
    }
    EXPECT_EQ(only_row("SELECT COUNT(*) FROM item").integer(0), 0);
}

TEST_P(StatementContract, binds_parameters_by_their_number_wherever_they_stand) {
    run("INSERT INTO item (label, amount, id) VALUES ($3, $1, $2)", {bind(10), bind(7), bind("seven")});
    auto const row = only_row("SELECT id, amount, label FROM item WHERE label = $2 AND id = $1 AND $1 < amount",
                              {bind(7), bind("seven")});
    EXPECT_EQ(row.integer(0), 7);
    EXPECT_EQ(row.integer(1), 10);
    EXPECT_EQ(row.text(2), "seven");
}

TEST_P(StatementContract, binds_more_than_nine_parameters) {
    Values values;
    std::string sql = "INSERT INTO number (n) VALUES ";
    for (int i = 12; i >= 1; --i) sql += "($" + std::to_string(i) + (i > 1 ? ")," : ")");
    for (int i = 1; i <= 12; ++i) values.push_back(bind(i * 100));
    EXPECT_EQ(run(sql, values), 12);
    EXPECT_EQ(only_row("SELECT MIN(n) FROM number").integer(0), 100);
    EXPECT_EQ(only_row("SELECT MAX(n) FROM number").integer(0), 1200);
}

TEST_P(StatementContract, refuses_too_few_and_too_many_values) {
    EXPECT_THROW(run("INSERT INTO number (n) VALUES ($1)"), Fault);
    EXPECT_THROW(run("INSERT INTO number (n) VALUES ($1)", {bind(1), bind(2)}), Fault);
    EXPECT_THROW(run("INSERT INTO number (n) VALUES ($2)", {bind(1), bind(2)}), Fault);
    EXPECT_EQ(only_row("SELECT COUNT(*) FROM number").integer(0), 0);
}

TEST_P(StatementContract, refuses_two_statements_in_one_text) {
    EXPECT_THROW(run("INSERT INTO number (n) VALUES (1); INSERT INTO number (n) VALUES (2)"), Fault);
    EXPECT_EQ(only_row("SELECT COUNT(*) FROM number").integer(0), 0);
}

TEST_P(StatementContract, takes_a_quoted_value_for_data_and_not_for_sql) {
    std::string const hostile = "x'); DROP TABLE number; --";
    EXPECT_EQ(stored_label(hostile), hostile);
    EXPECT_EQ(only_row("SELECT COUNT(*) FROM number").integer(0), 0);
}

TEST_P(StatementContract, a_column_read_as_another_type_is_a_fault) {
    run("INSERT INTO item (id, label, data) VALUES ($1, $2, $3)", {bind(1), bind("one"), Bytes{std::byte{1}}});
    auto const row = only_row("SELECT id, label, data, amount FROM item");
    EXPECT_THROW(row.text(0), Fault);
    EXPECT_THROW(row.integer(1), Fault);
    EXPECT_THROW(row.text(2), Fault);
    EXPECT_THROW(row.integer(3), Fault);  // NULL is no number
    EXPECT_THROW(row.blob(1), Fault);
}

TEST_P(StatementContract, a_fraction_is_a_fault) {
    EXPECT_THROW(only_row("SELECT 1.5"), Fault);
}

TEST_P(StatementContract, a_comparison_and_a_sum_read_as_integers) {
    run("INSERT INTO number (n) VALUES ($1), ($2)", {bind(20), bind(22)});
    EXPECT_TRUE(only_row("SELECT 2 > 1").flag(0));
    EXPECT_FALSE(only_row("SELECT EXISTS (SELECT 1 FROM number WHERE n = 21)").flag(0));
    EXPECT_EQ(only_row("SELECT SUM(n) FROM number").integer(0), 42);
    EXPECT_TRUE(only_row("SELECT SUM(n) FROM number WHERE n > 99").is_null(0));
}

TEST_P(StatementContract, like_minds_case_and_double_quotes_name_columns) {
    run("INSERT INTO item (id, label) VALUES ($1, $2)", {bind(1), bind("Alice")});
    EXPECT_EQ(only_row("SELECT COUNT(*) FROM item WHERE label LIKE $1", {bind("alice%")}).integer(0), 0);
    EXPECT_EQ(only_row("SELECT COUNT(*) FROM item WHERE label LIKE $1", {bind("Al%")}).integer(0), 1);
    EXPECT_THROW(only_row("SELECT COUNT(*) FROM item WHERE label = \"Alice\""), Fault);
}

TEST_P(StatementContract, says_how_many_rows_a_statement_changed) {
    EXPECT_EQ(run("INSERT INTO number (n) VALUES (1), (2), (3)"), 3);
    EXPECT_EQ(run("UPDATE number SET n = n + 10 WHERE n > $1", {bind(1)}), 2);
    EXPECT_EQ(run("UPDATE number SET n = 0 WHERE n > $1", {bind(99)}), 0);
    EXPECT_EQ(run("DELETE FROM number WHERE n = $1", {bind(1)}), 1);
    EXPECT_EQ(run("CREATE INDEX number_n ON number (n)"), 0);
    run("INSERT INTO item (id, label) VALUES (1, 'one')");
    EXPECT_EQ(run("INSERT INTO item (id, label) VALUES (1, 'uno') ON CONFLICT DO NOTHING"), 0);
    EXPECT_EQ(run("INSERT INTO item (id, label) VALUES (1, 'uno')"
                  " ON CONFLICT (id) DO UPDATE SET label = excluded.label"),
              1);
    EXPECT_EQ(only_row("SELECT label FROM item").text(0), "uno");
}

TEST_P(StatementContract, returning_gives_the_rows_a_write_touched) {
    run("INSERT INTO number (n) VALUES (1), (2), (3)");
    auto const rows =
        db().write([](Transaction& tx) { return tx.rows("UPDATE number SET n = n * 10 WHERE n > $1 RETURNING n", 1); });
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].integer(0) + rows[1].integer(0), 50);
    EXPECT_EQ(only_row("SELECT SUM(n) FROM number").integer(0), 51);
}

TEST_P(StatementContract, a_broken_unique_key_is_a_unique_violation) {
    run("INSERT INTO item (id, label) VALUES (1, 'one')");
    EXPECT_THROW(run("INSERT INTO item (id, label) VALUES (1, 'two')"), UniqueViolation);  // primary key
    EXPECT_THROW(run("INSERT INTO item (id, label) VALUES (2, 'one')"), UniqueViolation);  // unique index
    run("INSERT INTO item (id, label) VALUES (2, 'two')");
    EXPECT_THROW(run("UPDATE item SET label = 'one' WHERE id = 2"), UniqueViolation);
    EXPECT_EQ(only_row("SELECT COUNT(*) FROM item").integer(0), 2);
}

TEST_P(StatementContract, another_broken_constraint_or_wrong_sql_is_a_fault_and_not_the_stores) {
    for (auto const* sql :
         {"INSERT INTO item (id, state) VALUES (1, NULL)", "INSERT INTO item (id, amount) VALUES (1, 1000)",
          "INSERT INTO item (id, amount) VALUES (1, 'many')", "INSERT INTO nowhere (id) VALUES (1)", "SELEKT 1"}) {
        try {
            run(sql);
            ADD_FAILURE() << sql;
        } catch (StorageFault const& fault) {
            ADD_FAILURE() << sql << " blames the store: " << fault.what();
        } catch (Fault const&) {
        }
    }
}

TEST_P(StatementContract, a_faults_text_holds_no_values) {
    run("INSERT INTO item (id, label) VALUES ($1, $2)", {bind(1), bind("hunter2")});
    for (auto const& [sql, value] : std::vector<std::pair<std::string, Value>>{
             {"INSERT INTO item (id, label) VALUES (2, $1)", bind("hunter2")},
             {"INSERT INTO item (amount, label, id) VALUES (2000, $1, 3)", bind("hunter2")},
             {"UPDATE item SET amount = $1", bind("hunter2")}}) {
        try {
            run(sql, {value});
            ADD_FAILURE() << sql;
        } catch (Fault const& fault) {
            EXPECT_EQ(std::string{fault.what()}.find("hunter2"), std::string::npos) << fault.what();
        }
    }
}

INSTANTIATE_TEST_SUITE_P(stores, StatementContract, every_store(), name_of);

}  // namespace zephyr::storage::contract
