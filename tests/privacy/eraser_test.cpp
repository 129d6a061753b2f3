#include "zephyr/privacy/eraser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::privacy {
namespace {

using encoding::Json;
using testing::memory_database;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A room with one table about people.
class DiarySource : public PersonalDataSource {
public:
    explicit DiarySource(std::string table, int order = 0) : table_{std::move(table)}, order_{order} {}
    std::string name() const override { return table_; }
    std::vector<TableClaim> claims() const override { return {{table_, {"person", "words"}, {"page"}}}; }
    Json export_for(storage::Transaction& tx, UserId const& user) override {
        auto out = Json::array();
        for (auto const& row : tx.rows("SELECT words FROM " + table_ + " WHERE person = $1 ORDER BY page", user.str())) {
            out.push(row.text(0));
        }
        return out;
    }
    void erase(storage::Transaction& tx, UserId const& user) override {
        tx.run("INSERT INTO erased (room) VALUES ($1)", table_);
        tx.run("DELETE FROM " + table_ + " WHERE person = $1", user.str());
        if (broken) throw Fault{"the pen broke"};
    }
    int erase_order() const override { return order_; }
    bool broken = false;

private:
    std::string table_;
    int order_;
};

class EraserTest : public ::testing::Test {
protected:
    EraserTest() : database{storage::open_sqlite({.path = ":memory:"})} {
        database->write([&](storage::Transaction& tx) {
            tx.run("CREATE TABLE erased (room TEXT NOT NULL)");
            for (auto const* table : {"diary", "letters"}) {
                tx.run("CREATE TABLE " + std::string{table} + " (page INTEGER PRIMARY KEY, person TEXT NOT NULL, words TEXT NOT NULL)");
                tx.run("INSERT INTO " + std::string{table} + " (person, words) VALUES ($1, $2)", alice.str(), "dear " + std::string{table});
                tx.run("INSERT INTO " + std::string{table} + " (person, words) VALUES ($1, $2)", bob.str(), "bob's");
            }
        });
    }
    std::int64_t rows_of(UserId const& user) {
        return database->read([&](storage::Transaction& tx) {
            return tx.row("SELECT (SELECT count(*) FROM diary WHERE person = $1) + (SELECT count(*) FROM letters WHERE person = $1)",
                          user.str())
                ->integer(0);
        });
    }
    std::vector<std::string> order_of_erasing() {
        return database->read([&](storage::Transaction& tx) {
            std::vector<std::string> out;
            for (auto const& row : tx.rows("SELECT room FROM erased ORDER BY rowid")) out.push_back(row.text(0));
            return out;
        });
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
    std::unique_ptr<storage::Database> database;
    DiarySource diary{"diary"};
    DiarySource letters{"letters"};
};

TEST_F(EraserTest, exports_every_source_under_its_name_and_nothing_of_others) {
    PersonalData const data{{&diary, &letters}};
    auto const json = database->read([&](storage::Transaction& tx) { return data.export_for(tx, alice); });
    EXPECT_EQ(json.dump(), R"({"diary":["dear diary"],"letters":["dear letters"]})");
}

TEST_F(EraserTest, erases_one_person_everywhere_and_nobody_else) {
    PersonalData const data{{&diary, &letters}};
    database->write([&](storage::Transaction& tx) { data.erase(tx, alice); });
    EXPECT_EQ(rows_of(alice), 0);
    EXPECT_EQ(rows_of(bob), 2);
}

TEST_F(EraserTest, erases_nothing_when_one_source_fails) {
    letters.broken = true;
    PersonalData const data{{&diary, &letters}};
    EXPECT_THROW(database->write([&](storage::Transaction& tx) { data.erase(tx, alice); }), Fault);
    EXPECT_EQ(rows_of(alice), 2);
}

TEST_F(EraserTest, erases_the_source_with_the_highest_order_last_wherever_it_stands_in_the_list) {
    DiarySource last{"diary", 100};
    PersonalData const data{{&last, &letters}};
    database->write([&](storage::Transaction& tx) { data.erase(tx, alice); });
    EXPECT_THAT(order_of_erasing(), ElementsAre("letters", "diary"));
}

TEST_F(EraserTest, refuses_two_sources_for_one_table) {
    DiarySource again{"diary"};
    EXPECT_THROW((PersonalData{{&diary, &again}}), Fault);
}

TEST(UnclaimedColumns, finds_nothing_when_schema_and_claims_agree) {
    EXPECT_THAT(unclaimed_columns({{"t", "id"}, {"t", "name"}}, {{"t", {"name"}, {"id"}}}), IsEmpty());
}

TEST(UnclaimedColumns, names_a_column_that_nobody_claims) {
    EXPECT_THAT(unclaimed_columns({{"t", "id"}, {"t", "phone"}}, {{"t", {}, {"id"}}}), ElementsAre("t.phone: claimed by nobody"));
}

TEST(UnclaimedColumns, names_a_column_claimed_twice) {
    EXPECT_THAT(unclaimed_columns({{"t", "id"}}, {{"t", {"id"}, {"id"}}}), ElementsAre("t.id: claimed more than once"));
    EXPECT_THAT(unclaimed_columns({{"t", "id"}}, {{"t", {"id"}, {}}, {"t", {}, {"id"}}}), ElementsAre("t.id: claimed more than once"));
}

TEST(UnclaimedColumns, names_a_claim_for_a_column_that_is_gone) {
    EXPECT_THAT(unclaimed_columns({{"t", "id"}}, {{"t", {"nick"}, {"id"}}}), ElementsAre("t.nick: claimed, but not in the schema"));
}

}  // namespace
}  // namespace zephyr::privacy
