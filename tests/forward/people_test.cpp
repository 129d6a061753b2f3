#include "zephyr/forward/people.h"

#include <thread>

#include "users/directory_fixture.h"

namespace zephyr::forward {
namespace {

class PeopleTest : public users::DirectoryTest {
protected:
    std::int64_t statements() { return database->counts().statements; }
    std::vector<std::string> groups_of(People& people, users::User const& user) { return people.find(user.id)->groups; }
};

TEST_F(PeopleTest, tells_email_and_every_group_through_nesting) {
    People people{*database, users, groups, clock};
    auto const ada = add("ada", "ada@example.test");
    auto const staff = add_group("Staff"), editors = add_group("editors"), all = add_group("All Hands");
    ASSERT_TRUE(groups.add_member(editors.id, ada.id, by_operator).ok());
    ASSERT_TRUE(groups.add_group(staff.id, editors.id, by_operator).ok());
    ASSERT_TRUE(groups.add_group(all.id, staff.id, by_operator).ok());
    auto const contact = people.find(ada.id);
    EXPECT_EQ(contact->email, "ada@example.test");
    EXPECT_EQ(contact->groups, (std::vector<std::string>{"All Hands", "editors", "Staff"}));
    EXPECT_EQ(people.find(UserId::make(clock.now(), random))->groups.size(), 0u);
}

TEST_F(PeopleTest, asks_once_and_forgets_with_every_change_it_rests_on) {
    People people{*database, users, groups, clock};
    auto const ada = add("ada"), bob = add("bob");
    auto const staff = add_group("Staff");
    groups_of(people, ada);
    groups_of(people, bob);
    auto const before = statements();
    for (int i = 0; i < 10; ++i) groups_of(people, ada);
    EXPECT_EQ(statements(), before);

    ASSERT_TRUE(groups.add_member(staff.id, ada.id, by_operator).ok());
    EXPECT_EQ(groups_of(people, ada), std::vector<std::string>{"Staff"});
    ASSERT_TRUE(groups.rename(staff.id, "Crew", by_operator).ok());
    EXPECT_EQ(groups_of(people, ada), std::vector<std::string>{"Crew"});
    ASSERT_TRUE(groups.remove_member(staff.id, ada.id, by_operator).ok());
    EXPECT_TRUE(groups_of(people, ada).empty());
    ASSERT_TRUE(groups.add_member(staff.id, ada.id, by_operator).ok());
    EXPECT_EQ(groups_of(people, ada).size(), 1u);
    ASSERT_TRUE(groups.remove(staff.id, by_operator).ok());
    EXPECT_TRUE(groups_of(people, ada).empty());

    ASSERT_TRUE(users.update_profile(ada.id, {.email = "new@example.test"}, by_operator).ok());
    EXPECT_EQ(people.find(ada.id)->email, "new@example.test");
    groups_of(people, bob);
    auto const after = statements();
    ASSERT_NE(people.remembered(bob.id), nullptr);
    EXPECT_EQ(statements(), after);
}

TEST_F(PeopleTest, forgets_a_person_who_was_erased) {
    People people{*database, users, groups, clock};
    auto const ada = add("ada", "ada@example.test");
    EXPECT_EQ(people.find(ada.id)->email, "ada@example.test");
    users::UsersPersonalData data;
    database->write([&](storage::Transaction& tx) { data.erase(tx, ada.id); });
    EXPECT_EQ(people.find(ada.id)->email, "");
}

TEST_F(PeopleTest, believes_nothing_while_it_cannot_hear_everything) {
    bool hears = false;
    People people{*database, users, groups, clock, {.hears_everything = [&] { return hears; }}};
    auto const ada = add("ada");
    people.find(ada.id);
    EXPECT_EQ(people.remembered(ada.id), nullptr);
    hears = true;
    EXPECT_EQ(people.remembered(ada.id), nullptr);
    people.find(ada.id);
    EXPECT_NE(people.remembered(ada.id), nullptr);
    hears = false;
    EXPECT_EQ(people.remembered(ada.id), nullptr);
}

TEST_F(PeopleTest, hears_of_another_nodes_change_and_believes_nothing_longer_than_agreed) {
    People people{*database, users, groups, clock, {.longest = 1s}};
    auto const ada = add("ada");
    people.find(ada.id);
    people.forget({{"user", add("bob").id.str()}});
    EXPECT_NE(people.remembered(ada.id), nullptr);
    people.forget({{"user", ada.id.str()}});
    EXPECT_EQ(people.remembered(ada.id), nullptr);
    people.find(ada.id);
    clock.advance(999ms);
    EXPECT_NE(people.remembered(ada.id), nullptr);
    clock.advance(1ms);
    EXPECT_EQ(people.remembered(ada.id), nullptr);
}

TEST_F(PeopleTest, holds_no_more_than_it_may) {
    People people{*database, users, groups, clock, {.entries = 3}};
    std::vector<users::User> everyone;
    for (auto const* name : {"a", "b", "c", "d", "e"}) everyone.push_back(add(name));
    for (auto const& user : everyone) people.find(user.id);
    auto const held =
        std::count_if(everyone.begin(), everyone.end(), [&](auto const& user) { return people.remembered(user.id) != nullptr; });
    EXPECT_GT(held, 0);
    EXPECT_LE(held, 3);
}

// A reading that began before a change and ends after it must not be kept. Many rounds of both at once; in each, once the change
// is acknowledged nobody may see what was before.
TEST_F(PeopleTest, never_tells_the_past_after_a_change_was_acknowledged) {
    People people{*database, users, groups, clock};
    auto const ada = add("ada");
    auto const staff = add_group("Staff");
    std::atomic<bool> done{false};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            while (!done) people.find(ada.id);
        });
    }
    for (int round = 0; round < 40; ++round) {
        ASSERT_TRUE(groups.add_member(staff.id, ada.id, by_operator).ok());
        ASSERT_EQ(people.find(ada.id)->groups.size(), 1u) << round;
        ASSERT_TRUE(groups.remove_member(staff.id, ada.id, by_operator).ok());
        ASSERT_EQ(people.find(ada.id)->groups.size(), 0u) << round;
    }
    done = true;
    for (auto& reader : readers) reader.join();
}

}  // namespace
}  // namespace zephyr::forward
