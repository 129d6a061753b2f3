#include <set>

#include "users/directory_fixture.h"

namespace zephyr::users {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class UserListTest : public DirectoryTest {
protected:
    std::vector<std::string> all_pages(UserQuery query) {
        std::vector<std::string> out;
        for (int pages = 0; pages < 100; ++pages) {
            auto const page = users.list(query);
            EXPECT_TRUE(page.ok());
            EXPECT_LE(page.value().users.size(), query.limit);
            for (auto const& user : page.value().users) out.push_back(user.username);
            if (!page.value().next) return out;
            query.after = *page.value().next;
        }
        ADD_FAILURE() << "the pages never end";
        return out;
    }
};

TEST_F(UserListTest, pages_in_the_order_of_canonical_names_whatever_was_typed) {
    for (auto const* name : {"delta", "Alpha", "charlie", "BRAVO", "écho"}) add(name);
    for (std::size_t const limit : {1u, 2u, 3u, 5u, 200u}) {
        EXPECT_THAT(all_pages({.limit = limit}), ElementsAre("Alpha", "BRAVO", "charlie", "delta", "écho")) << limit;
    }
}

TEST_F(UserListTest, says_there_is_more_only_when_there_is) {
    for (auto const* name : {"a", "b"}) add(name);
    EXPECT_EQ(users.list({.limit = 2}).value().next, std::nullopt);
    EXPECT_NE(users.list({.limit = 1}).value().next, std::nullopt);
}

TEST_F(UserListTest, keeps_its_place_when_accounts_come_and_go_between_pages) {
    for (auto const* name : {"b", "d", "f"}) add(name);
    auto const first = users.list({.limit = 2}).value();
    add("a");
    add("c");
    add("e");
    auto const second = users.list({.after = *first.next, .limit = 10}).value();
    ASSERT_THAT(second.users, SizeIs(2));
    EXPECT_EQ(second.users[0].username, "e");
    EXPECT_EQ(second.users[1].username, "f");
}

TEST_F(UserListTest, gives_at_most_two_hundred_at_once_and_at_least_one) {
    database->write([&](storage::Transaction& tx) {
        for (int i = 0; i < 201; ++i) ASSERT_TRUE(users.create(tx, {.username = "u" + std::to_string(i)}, by_operator).ok());
    });
    EXPECT_THAT(users.list({.limit = 100'000}).value().users, SizeIs(200));
    EXPECT_THAT(users.list({.limit = 0}).value().users, SizeIs(1));
    EXPECT_THAT(all_pages({.limit = 200}), SizeIs(201));
}

TEST_F(UserListTest, finds_by_the_start_of_the_username_or_of_the_email_each_account_once) {
    add("anna", "zoe@example.com");
    add("annika", "annika@example.com");
    add("bert", "Anne@example.com");
    add("carl", "carl@example.com");
    add("an", "x@example.com");
    for (std::size_t const limit : {1u, 2u, 50u}) {
        EXPECT_THAT(all_pages({.limit = limit, .prefix = "ann"}), ElementsAre("anna", "annika", "bert")) << limit;
        EXPECT_THAT(all_pages({.limit = limit, .prefix = "ＡNN"}), ElementsAre("anna", "annika", "bert")) << limit;
    }
    EXPECT_THAT(all_pages({.limit = 10, .prefix = "anne@ex"}), ElementsAre("bert"));
    EXPECT_THAT(all_pages({.limit = 10, .prefix = ""}), SizeIs(5));
    EXPECT_THAT(all_pages({.limit = 10, .prefix = "nobody"}), IsEmpty());
}

TEST_F(UserListTest, a_prefix_that_is_a_whole_name_finds_that_name_first) {
    for (auto const* name : {"ann", "anna", "am"}) add(name, std::string{"x"} + name + "@example.com");
    for (std::size_t const limit : {1u, 2u}) EXPECT_THAT(all_pages({.limit = limit, .prefix = "ann"}), ElementsAre("ann", "anna"));
    EXPECT_THAT(all_pages({.limit = 1, .prefix = "xam"}), ElementsAre("am"));
    // A cursor of another search, in front of the prefix or behind it.
    EXPECT_THAT(all_pages({.after = "a", .limit = 5, .prefix = "ann"}), ElementsAre("ann", "anna"));
    EXPECT_THAT(all_pages({.after = "zzz", .limit = 5, .prefix = "ann"}), IsEmpty());
}

TEST_F(UserListTest, finds_no_more_for_wildcards_quotes_or_hidden_characters) {
    add("anna");
    for (std::string const prefix : {"%", "_", "a%", "a*", "' OR '1'='1", "\\", "a\u202e", "\xff"}) {
        EXPECT_THAT(users.list({.prefix = prefix}).value().users, IsEmpty()) << prefix;
    }
}

TEST_F(UserListTest, a_prefix_of_letters_beyond_the_first_plane_has_an_end) {
    add("\U0001F600a");
    add("\U0001F601b");
    add("\U0001F9D1c");
    EXPECT_THAT(all_pages({.limit = 10, .prefix = "\U0001F600"}), ElementsAre("\U0001F600a"));
}

TEST_F(UserListTest, a_forged_cursor_finds_at_most_what_an_honest_one_finds) {
    for (auto const* name : {"a", "b"}) add(name, std::string{name} + "@example.com");
    for (std::string const cursor : {"' OR 1=1 --", "zzz", "\U0010ffff", "mail", "%"}) {
        auto const page = users.list({.after = cursor, .limit = 10});
        ASSERT_TRUE(page.ok()) << cursor;
        EXPECT_LE(page.value().users.size(), 2u) << cursor;
    }
    EXPECT_EQ(users.list({.after = "mail a@example.com"}).error(), errors::cursor_malformed);
    EXPECT_EQ(users.list({.after = "\xff"}).error(), errors::cursor_malformed);
    EXPECT_EQ(users.list({.after = std::string{"a\0b", 3}}).error(), errors::cursor_malformed);
    EXPECT_EQ(users.list({.after = std::string(10'000, 'a')}).error(), errors::cursor_malformed);
}

TEST_F(UserListTest, asks_the_database_at_most_twice_for_a_page) {
    for (auto const* name : {"anna", "annika", "bert"}) add(name);
    for (UserQuery const& query : {UserQuery{}, UserQuery{.prefix = "ann"}, UserQuery{.state = UserState::active}}) {
        auto const before = database->counts().statements;
        ASSERT_TRUE(users.list(query).ok());
        EXPECT_LE(database->counts().statements - before, 2);
    }
}

}  // namespace
}  // namespace zephyr::users
