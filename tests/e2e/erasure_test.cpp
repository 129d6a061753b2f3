// Export and erasure through every room at once.
#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "zephyr/audit/codes.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::TestApp;

TEST(Erasure, takes_every_word_about_a_person_and_leaves_what_happened) {
    TestApp app;
    auto const canary = app.stack.users
                            .create({.username = "canaryname", .email = "canary@mail.test", .display_name = "Canary Display"},
                                    audit::Actor::system())
                            .value();
    passwords::PolicyContext const context{.words = {}};
    app.stack.passwords.set(canary.id, SecretText{"a long enough pass phrase"}, context, audit::Actor::system()).value();
    app.enrol(canary);
    Client browser{app};
    browser.log_in("canaryname", "a long enough pass phrase");
    browser.log_in("canaryname", "not the right one at all");
    app.stack.groups.create("readers", audit::Actor::system()).value();
    auto const group = app.stack.groups.find_by_name("readers").value();
    app.stack.groups.add_member(group.id, canary.id, audit::Actor::system()).value();

    auto const exported = app.stack.lifecycle.export_data(canary.id, audit::Actor::operator_cli(), {}).value().dump();
    for (auto const* word : {"canaryname", "canary@mail.test", "Canary Display", "192.0.2.10", "readers"}) {
        EXPECT_NE(exported.find(word), std::string::npos) << "the export lacks " << word;
    }
    auto const events_before = app.stack.audit.query({.subject = canary.id, .limit = 1000}).size();
    ASSERT_GT(events_before, 5u);

    ASSERT_TRUE(app.stack.lifecycle.remove(canary.id, audit::Actor::operator_cli(), {}, "asked for it").ok());
    EXPECT_EQ(app.stack.users.find(canary.id).error(), users::errors::not_found);
    EXPECT_EQ(browser.get("/auth/me").status(), 401);

    // Every text and blob of every table: no column keeps a word of theirs.
    auto const columns = storage::list_columns(*app.stack.database);
    app.stack.database->read([&](storage::Transaction& tx) {
        for (auto const& [table, column] : columns) {
            for (auto const* word : {"canary", "Canary", "192.0.2.10"}) {
                auto const found = tx.row("SELECT count(*) FROM " + table + " WHERE CAST(" + column + " AS TEXT) LIKE $1",
                                          "%" + std::string{word} + "%");
                EXPECT_EQ(found->integer(0), 0) << table << "." << column << " still says " << word;
            }
        }
    });
    auto const events = app.stack.audit.query({.subject = canary.id, .limit = 1000});
    EXPECT_GE(events.size(), events_before) << "what happened stays";
    for (auto const& event : events) {
        EXPECT_EQ(event.address, "") << event.code;
        EXPECT_TRUE(event.personal.empty()) << event.code;
    }
}

TEST(Erasure, of_the_last_administrator_is_refused_to_everybody_but_the_operator) {
    TestApp app;
    auto const root = app.add_user("root", "admin");
    auto const other = app.add_user("other", "admin");
    ASSERT_TRUE(app.stack.roles.revoke(rbac::Subject::user(other.id), "admin", audit::Actor::operator_cli()).ok());
    EXPECT_FALSE(app.stack.lifecycle.remove(root.id, audit::Actor::user(other.id), {}).ok());
    EXPECT_EQ(app.stack.roles.revoke(rbac::Subject::user(root.id), "admin", audit::Actor::user(root.id)).error(), rbac::errors::last_admin);
    EXPECT_TRUE(app.stack.users.find(root.id).ok());
    EXPECT_TRUE(app.stack.lifecycle.remove(root.id, audit::Actor::operator_cli(), {}, "the machine's owner may").ok());
}

}  // namespace
}  // namespace zephyr
