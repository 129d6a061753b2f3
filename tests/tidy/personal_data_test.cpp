// Every column of the schema is claimed by exactly one room, as personal or as not: a new table cannot be missed by export and erasure.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"

namespace zephyr {
namespace {

// Tables of the machinery, which know nobody.
std::vector<privacy::TableClaim> machinery() {
    return {{.table = "master_key", .personal = {}, .not_personal = {"id", "active", "first_seen_at"}}};
}

TEST(PersonalData, every_column_of_the_schema_is_claimed_exactly_once) {
    testing::TestApp app;
    auto claims = app.stack.personal_data.claims();
    for (auto& claim : machinery()) claims.push_back(std::move(claim));
    auto const wrong = privacy::unclaimed_columns(storage::list_columns(*app.stack.database), claims);
    EXPECT_TRUE(wrong.empty()) << ::testing::PrintToString(wrong);
}

TEST(PersonalData, a_new_column_that_nobody_claims_is_found) {
    testing::TestApp app;
    app.stack.database->write([](storage::Transaction& tx) { tx.run("ALTER TABLE app_user ADD COLUMN shoe_size INTEGER"); });
    auto claims = app.stack.personal_data.claims();
    for (auto& claim : machinery()) claims.push_back(std::move(claim));
    auto const wrong = privacy::unclaimed_columns(storage::list_columns(*app.stack.database), claims);
    ASSERT_EQ(wrong.size(), 1u);
    EXPECT_NE(wrong.front().find("shoe_size"), std::string::npos);
}

}  // namespace
}  // namespace zephyr
