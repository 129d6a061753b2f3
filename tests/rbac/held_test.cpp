// What people hold, answered from memory: right at every moment, on every node, for any number of people.
#include <atomic>
#include <thread>

#include "rbac/roles_fixture.h"

namespace zephyr::rbac {
namespace {

class HeldTest : public RolesTest {
protected:
    // Another node over the same database.
    struct Node {
        Node(HeldTest& test, RoleSettings settings)
            : users{*test.database, test.audit, test.clock, test.random},
              groups{*test.database, test.audit, test.clock, test.random},
              roles{*test.database, test.audit, test.clock, {users, groups}, settings} {}
        users::UserService users;
        users::GroupService groups;
        RoleService roles;
    };
};

TEST_F(HeldTest, answers_from_memory_until_something_changes) {
    role("reader", {"docs.read"});
    auto const alice = add("alice");
    give(alice, "reader");
    EXPECT_TRUE(may(alice, "docs.read"));
    auto const before = database->counts();
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(may(alice, "docs.read"));
    EXPECT_EQ(database->counts().statements, before.statements);
    EXPECT_EQ(database->counts().reads, before.reads);
    // Another person costs one read, however many roles there are.
    auto const bob = add("bob");
    give(bob, "reader");
    auto const reads = database->counts().reads;
    EXPECT_TRUE(may(bob, "docs.read"));
    EXPECT_EQ(database->counts().reads - reads, 1);
}

TEST_F(HeldTest, sees_a_change_of_another_node_within_the_agreed_time) {
    Node other_node{*this, {.version_check = 1s}};
    Node strict_node{*this, {.version_check = 0s}};
    role("reader", {"docs.read"});
    auto const alice = add("alice");
    clock.advance(1s);
    EXPECT_FALSE(other_node.roles.require_permission(alice.id, "docs.read").ok());
    EXPECT_FALSE(strict_node.roles.require_permission(alice.id, "docs.read").ok());
    ASSERT_TRUE(roles.grant(Subject::user(alice.id), "reader", by_operator).ok());
    EXPECT_TRUE(strict_node.roles.require_permission(alice.id, "docs.read").ok());
    clock.advance(1s);
    EXPECT_TRUE(other_node.roles.require_permission(alice.id, "docs.read").ok());
    ASSERT_TRUE(roles.revoke(Subject::user(alice.id), "reader", by_operator).ok());
    clock.advance(1s);
    EXPECT_FALSE(other_node.roles.require_permission(alice.id, "docs.read").ok());
    EXPECT_FALSE(strict_node.roles.require_permission(alice.id, "docs.read").ok());
}

TEST_F(HeldTest, remembers_a_bounded_number_of_people_and_is_right_beyond_it) {
    Node small{*this, {.cached_users = 4}};
    role("even", {"numbers.even"});
    std::vector<users::User> people;
    for (int i = 0; i < 20; ++i) {
        people.push_back(add("u" + std::to_string(i)));
        if (i % 2 != 0) continue;
        ASSERT_TRUE(small.roles.grant(Subject::user(people.back().id), "even", by_operator).ok());
    }
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < people.size(); ++i) {
            EXPECT_EQ(small.roles.require_permission(people[i].id, "numbers.even").ok(), i % 2 == 0) << i;
        }
    }
}

TEST_F(HeldTest, is_right_while_many_ask_and_one_changes) {
    role("reader", {"docs.read"});
    auto const alice = add("alice");
    std::atomic<bool> stop{false};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            while (!stop) std::ignore = roles.require_permission(alice.id, "docs.read").ok();
        });
    }
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(roles.grant(Subject::user(alice.id), "reader", by_operator).ok());
        EXPECT_TRUE(may(alice, "docs.read")) << "granted, and not yet seen";
        ASSERT_TRUE(roles.revoke(Subject::user(alice.id), "reader", by_operator).ok());
        EXPECT_FALSE(may(alice, "docs.read")) << "revoked, and still held";
    }
    stop = true;
}

}  // namespace
}  // namespace zephyr::rbac
