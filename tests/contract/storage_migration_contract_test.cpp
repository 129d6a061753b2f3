// Schema changes, the same on every store.
#include <algorithm>

#include "contract/stores.h"

namespace zephyr::storage::contract {

class MigrationContract : public StoreTest {
protected:
    using Files = std::vector<std::pair<std::string_view, std::string_view>>;
    static constexpr std::string_view users =
        "CREATE TABLE person (id TEXT NOT NULL PRIMARY KEY, born {int}) {strict};\n";
    static constexpr std::string_view photos =
        "CREATE TABLE photo (id {serial}, person TEXT NOT NULL, content {blob} NOT NULL) {strict};\n"
        "CREATE INDEX photo_person ON photo (person);\n";

    Result<MigrationReport> apply(Files const& files) { return migrate(db(), make_migrations(files), clock_); }
};

TEST_P(MigrationContract, an_empty_database_has_version_0_and_asking_changes_nothing) {
    EXPECT_EQ(schema_version(db()), 0);
    EXPECT_TRUE(list_columns(db()).empty());
    EXPECT_THROW(db().read([](Transaction& tx) { tx.rows("SELECT * FROM schema_migration"); }), Fault);
}

TEST_P(MigrationContract, applies_in_order_and_once) {
    auto const first = apply({{"migrations/0002_photos.sql", photos}, {"migrations/0001_users.sql", users}});
    ASSERT_TRUE(first.ok()) << first.error();
    EXPECT_EQ(first.value().applied, (std::vector<std::string>{"0001_users", "0002_photos"}));
    EXPECT_EQ(first.value().version, 2);
    EXPECT_EQ(schema_version(db()), 2);
    auto const second = apply({{"0001_users.sql", users}, {"0002_photos.sql", photos}});
    ASSERT_TRUE(second.ok()) << second.error();
    EXPECT_TRUE(second.value().applied.empty());
    EXPECT_EQ(second.value().version, 2);
}

TEST_P(MigrationContract, records_the_time_of_its_clock) {
    ASSERT_TRUE(apply({{"0001_users.sql", users}}).ok());
    auto const row = db().read([](Transaction& tx) { return tx.row("SELECT name, applied_at FROM schema_migration"); });
    EXPECT_EQ(row->text(0), "0001_users");
    EXPECT_EQ(row->time(1), clock_.now());
}

TEST_P(MigrationContract, a_serial_column_numbers_rows_by_itself) {
    ASSERT_TRUE(apply({{"0002_photos.sql", photos}}).ok());
    auto const insert = [&] {
        return db().write([](Transaction& tx) {
            return tx.row("INSERT INTO photo (person, content) VALUES ($1, $2) RETURNING id", "a", Bytes{})->integer(0);
        });
    };
    auto const first = insert();
    EXPECT_GT(insert(), first);
}

TEST_P(MigrationContract, resumes_after_a_migration_that_failed) {
    std::string_view const broken = "CREATE TABLE half (n {int}) {strict};\nINSERT INTO nowhere (n) VALUES (1);\n";
    try {
        static_cast<void>(apply({{"0001_users.sql", users}, {"0002_broken.sql", broken}, {"0003_photos.sql", photos}}));
        ADD_FAILURE() << "a wrong migration passed";
    } catch (Fault const& fault) {
        EXPECT_NE(std::string{fault.what()}.find("0002_broken"), std::string::npos) << fault.what();
    }
    EXPECT_EQ(schema_version(db()), 1);
    // Nothing of the broken one is left, not even its first table, so the mended one passes.
    auto const mended = apply({{"0001_users.sql", users},
                               {"0002_broken.sql", "CREATE TABLE half (n {int}) {strict};\n"},
                               {"0003_photos.sql", photos}});
    ASSERT_TRUE(mended.ok()) << mended.error();
    EXPECT_EQ(mended.value().applied, (std::vector<std::string>{"0002_broken", "0003_photos"}));
}

TEST_P(MigrationContract, refuses_a_database_of_a_newer_binary) {
    ASSERT_TRUE(apply({{"0001_users.sql", users}, {"0002_photos.sql", photos}}).ok());
    auto const older = apply({{"0001_users.sql", users}});
    ASSERT_FALSE(older.ok());
    EXPECT_EQ(older.error(), errors::schema_too_new);
    EXPECT_EQ(older.error().detail(), "the database has migration 0002_photos");
    EXPECT_EQ(schema_version(db()), 2);
}

TEST_P(MigrationContract, refuses_an_applied_migration_with_another_text) {
    ASSERT_TRUE(apply({{"0001_users.sql", users}}).ok());
    auto const edited = apply({{"0001_users.sql", photos}, {"0002_users.sql", users}});
    ASSERT_FALSE(edited.ok());
    EXPECT_EQ(edited.error(), errors::schema_edited);
    EXPECT_EQ(schema_version(db()), 1);
}

TEST_P(MigrationContract, refuses_when_an_applied_migration_is_missing) {
    ASSERT_TRUE(apply({{"0001_users.sql", users}}).ok());
    auto const without = apply({{"0002_photos.sql", photos}});
    ASSERT_FALSE(without.ok());
    EXPECT_EQ(without.error(), errors::schema_edited);
}

TEST_P(MigrationContract, other_line_ends_are_no_edit) {
    ASSERT_TRUE(apply({{"0001_users.sql", users}}).ok());
    std::string with_returns{users};
    with_returns.insert(with_returns.size() - 1, "\r");
    EXPECT_TRUE(apply({{"0001_users.sql", with_returns}}).ok());
}

TEST_P(MigrationContract, of_two_nodes_that_start_together_each_migration_is_applied_by_one) {
    auto const migrations = make_migrations({{"0001_users.sql", users}, {"0002_photos.sql", photos}});
    std::unique_ptr<Database> other;
    if (!is_memory()) other = open();
    std::vector<MigrationReport> reports(2);
    on_threads(2, [&](int i) {
        auto& node = i == 1 && other ? *other : db();
        auto report = migrate(node, migrations, clock_);
        ASSERT_TRUE(report.ok()) << report.error();
        reports[static_cast<std::size_t>(i)] = report.value();
    });
    EXPECT_EQ(reports[0].applied.size() + reports[1].applied.size(), 2u);
    EXPECT_EQ(reports[0].version, 2);
    EXPECT_EQ(reports[1].version, 2);
}

TEST_P(MigrationContract, lists_the_same_columns_on_every_store) {
    ASSERT_TRUE(apply({{"0001_users.sql", users}, {"0002_photos.sql", photos}}).ok());
    EXPECT_EQ(list_columns(db()),
              (std::vector<Column>{
                  {"person", "born"}, {"person", "id"}, {"photo", "content"}, {"photo", "id"}, {"photo", "person"}}));
}

// The product's own migrations, word for word as shipped.
TEST_P(MigrationContract, the_source_trees_migrations_apply_and_give_the_columns_sqlite_has) {
    testing::apply_source_migrations(db());
    auto const reference = testing::memory_database();
    EXPECT_EQ(list_columns(db()), list_columns(*reference));
    EXPECT_EQ(schema_version(db()), schema_version(*reference));
}

INSTANTIATE_TEST_SUITE_P(stores, MigrationContract, every_store(), name_of);

}  // namespace zephyr::storage::contract
