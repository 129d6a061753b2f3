// Names and texts of migrations; what they do to a database is in tests/contract.
#include <gtest/gtest.h>

#include "testing/databases.h"
#include "testing/manual_clock.h"

namespace zephyr::storage {

namespace {
Result<MigrationReport> apply(std::string_view sql) {
    auto const database = open_sqlite({.path = ":memory:"});
    return migrate(*database, make_migrations({{"0001_test.sql", sql}}), zephyr::testing::ManualClock{});
}

std::string reason_against(std::string_view sql) {
    try {
        static_cast<void>(apply(sql));
    } catch (Fault const& fault) {
        return fault.what();
    }
    return "none";
}
}  // namespace

TEST(Migrations, refuses_malformed_file_names) {
    for (std::string_view const name : {"1_users.sql", "0000_users.sql", "abcd_users.sql", "0001users.sql", "0001_.sql",
                                        "0001_users.txt", "-001_users.sql", "", "0001", "migrations/users.sql"}) {
        EXPECT_THROW(make_migrations({{name, "SELECT 1;\n"}}), Fault) << name;
    }
}

TEST(Migrations, refuses_a_number_used_twice) {
    EXPECT_THROW(make_migrations({{"0001_a.sql", ""}, {"0001_b.sql", ""}}), Fault);
}

TEST(Migrations, sorts_by_number) {
    auto const migrations = make_migrations({{"0010_c.sql", ""}, {"0002_b.sql", ""}, {"migrations/0001_a.sql", ""}});
    ASSERT_EQ(migrations.size(), 3u);
    EXPECT_EQ(migrations[0].name, "0001_a");
    EXPECT_EQ(migrations[1].name, "0002_b");
    EXPECT_EQ(migrations[2].number, 10);
}

TEST(Migrations, comments_and_semicolons_inside_a_line_are_no_ends) {
    EXPECT_TRUE(apply("-- A table; really.\n"
                      "CREATE TABLE a (\n"
                      "    id {int} PRIMARY KEY,  -- the id; an INTEGER\n"
                      "    text TEXT DEFAULT 'x; -- y'\n"
                      ") {strict};  -- done\n"
                      "\n"
                      "INSERT INTO a (id) VALUES (1);\n"
                      "-- the end\n")
                    .ok());
}

TEST(Migrations, refuses_a_last_statement_without_its_end) {
    EXPECT_NE(reason_against("CREATE TABLE a (id {int}) {strict}\n").find("';'"), std::string::npos);
}

TEST(Migrations, refuses_an_unknown_placeholder_but_not_braces_in_a_value) {
    EXPECT_NE(reason_against("CREATE TABLE a (id {integer});\n").find("{integer}"), std::string::npos);
    EXPECT_TRUE(apply("CREATE TABLE a (json TEXT DEFAULT '{}', more TEXT DEFAULT '{\"a\": 1}') {strict};\n").ok());
}

TEST(Migrations, refuses_the_words_placeholders_stand_for) {
    for (std::string const word : {"INTEGER", "BIGINT", "BLOB", "BYTEA"}) {
        EXPECT_NE(reason_against("CREATE TABLE a (id " + word + ");\n").find(word), std::string::npos);
    }
    EXPECT_TRUE(apply("CREATE TABLE a (blob_id {int}) {strict};\n").ok());
}

TEST(Migrations, a_fault_names_the_migration) {
    EXPECT_NE(reason_against("CREATE TABLE a (id {int} NOPE) {strict};\n").find("0001_test"), std::string::npos);
}

TEST(Migrations, those_of_the_source_tree_are_well_formed) {
    EXPECT_NO_THROW(zephyr::testing::memory_database());
}

}  // namespace zephyr::storage
