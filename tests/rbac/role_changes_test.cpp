// Creating, changing and deleting roles: the graph and its events.
#include <atomic>
#include <thread>

#include "rbac/roles_fixture.h"

namespace zephyr::rbac {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class RoleChangesTest : public RolesTest {};

TEST_F(RoleChangesTest, every_change_of_the_graph_is_effective_at_once) {
    role("reader", {"docs.read"});
    role("writer", {"docs.write"});
    auto const alice = add("alice");
    give(alice, "writer");
    EXPECT_FALSE(may(alice, "docs.read"));
    ASSERT_TRUE(roles.include("writer", "reader", by_operator).ok());
    EXPECT_TRUE(may(alice, "docs.read"));
    ASSERT_TRUE(roles.remove_permission("reader", "docs.read", by_operator).ok());
    EXPECT_FALSE(may(alice, "docs.read"));
    ASSERT_TRUE(roles.add_permission("reader", "docs.*", by_operator).ok());
    EXPECT_TRUE(may(alice, "docs.read"));
    ASSERT_TRUE(roles.exclude("writer", "reader", by_operator).ok());
    EXPECT_FALSE(may(alice, "docs.read"));
    EXPECT_FALSE(is(alice, "reader"));
    ASSERT_TRUE(roles.remove("writer", by_operator).ok());
    EXPECT_FALSE(is(alice, "writer"));
    EXPECT_THAT(roles.effective(alice.id).permissions, IsEmpty());
}

TEST_F(RoleChangesTest, a_role_made_again_under_an_old_name_finds_no_holders) {
    role("reader", {"docs.read"});
    role("writer", {}, {"reader"});
    auto const alice = add("alice");
    give(alice, "reader");
    ASSERT_TRUE(roles.remove("reader", by_operator).ok());
    role("reader", {"everything.read"});
    EXPECT_FALSE(is(alice, "reader"));
    EXPECT_THAT(roles.find("writer").value().includes, IsEmpty());
}

TEST_F(RoleChangesTest, refuses_malformed_unknown_and_taken_names) {
    EXPECT_EQ(roles.create({.name = "Admin"}, by_operator).error(), errors::role_malformed);
    EXPECT_EQ(roles.create({.name = "admin"}, by_operator).error(), errors::role_taken);
    EXPECT_EQ(roles.create({.name = "x", .permissions = {"*.read"}}, by_operator).error(), errors::permission_malformed);
    EXPECT_EQ(roles.create({.name = "x", .includes = {"nothing"}}, by_operator).error(), errors::role_not_found);
    EXPECT_EQ(roles.create({.name = "x", .includes = {"x"}}, by_operator).error(), errors::role_not_found);
    EXPECT_EQ(roles.create({.name = "x", .permissions = std::vector<std::string>(1001, "a")}, by_operator).error(), errors::too_many);
    EXPECT_EQ(roles.find("x").error(), errors::role_not_found);
    EXPECT_EQ(roles.add_permission("x", "a", by_operator).error(), errors::role_not_found);
    EXPECT_EQ(roles.include("x", "admin", by_operator).error(), errors::role_not_found);
    EXPECT_EQ(roles.remove("x", by_operator).error(), errors::role_not_found);
    auto const alice = add("alice");
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "x", by_operator).error(), errors::role_not_found);
    EXPECT_EQ(roles.revoke(Subject::user(alice.id), "x", by_operator).error(), errors::role_not_found);
    EXPECT_EQ(roles.grant(Subject::user(UserId::make(clock.now(), random)), "admin", by_operator).error(), users::errors::not_found);
    EXPECT_EQ(roles.grant(Subject::group(GroupId::make(clock.now(), random)), "admin", by_operator).error(), users::group_errors::not_found);
    EXPECT_EQ(roles.grant({Subject::Type::user, "' OR 1=1 --"}, "admin", by_operator).error(), users::errors::not_found);
    EXPECT_EQ(rows("role_assignment"), 0);
}

TEST_F(RoleChangesTest, built_in_roles_stay_as_they_came_even_for_operators) {
    EXPECT_EQ(roles.remove("admin", by_operator).error(), errors::built_in);
    EXPECT_EQ(roles.remove_permission("admin", "*", by_operator).error(), errors::built_in);
    EXPECT_EQ(roles.add_permission("auditor", "*", by_operator).error(), errors::built_in);
    EXPECT_EQ(roles.include("auditor", "admin", by_operator).error(), errors::built_in);
    EXPECT_THAT(roles.find("admin").value().permissions, ElementsAre("*"));
}

TEST_F(RoleChangesTest, refuses_circles_of_any_length_and_chains_without_end) {
    role("r0");
    EXPECT_EQ(roles.include("r0", "r0", by_operator).error(), errors::cycle);
    for (int i = 1; i < max_role_depth; ++i) role("r" + std::to_string(i), {}, {"r" + std::to_string(i - 1)});
    auto const top = "r" + std::to_string(max_role_depth - 1);
    EXPECT_EQ(roles.include("r0", top, by_operator).error(), errors::cycle);
    EXPECT_EQ(roles.include("r0", "r1", by_operator).error(), errors::cycle);
    EXPECT_EQ(roles.create({.name = "one-more", .includes = {top}}, by_operator).error(), errors::too_deep);
    role("one-more");
    EXPECT_EQ(roles.include("one-more", top, by_operator).error(), errors::too_deep);
    EXPECT_EQ(roles.include("r0", "one-more", by_operator).error(), errors::too_deep);
    EXPECT_TRUE(roles.include("r1", "one-more", by_operator).ok());
}

TEST_F(RoleChangesTest, of_two_inclusions_that_together_close_a_circle_one_is_refused) {
    for (int round = 0; round < 20; ++round) {
        auto const a = "a" + std::to_string(round);
        auto const b = "b" + std::to_string(round);
        role(a);
        role(b);
        std::atomic<int> included{0};
        std::vector<std::jthread> threads;
        threads.emplace_back([&] { included += roles.include(a, b, by_operator).ok() ? 1 : 0; });
        threads.emplace_back([&] { included += roles.include(b, a, by_operator).ok() ? 1 : 0; });
        threads.clear();
        EXPECT_EQ(included, 1);
    }
}

TEST_F(RoleChangesTest, writes_an_event_for_every_change_and_none_for_none) {
    auto const alice = add("alice");
    auto const staff = add_group("staff");
    auto const before = audit.query({}).size();
    role("reader", {"docs.read"});
    give(alice, "reader", clock.now() + 1h);
    give(staff, "reader");
    ASSERT_TRUE(roles.describe("reader", "Reads\ndocuments", by_operator).ok());
    ASSERT_TRUE(roles.add_permission("reader", "docs.list", by_operator).ok());
    ASSERT_TRUE(roles.add_permission("reader", "docs.list", by_operator).ok());
    ASSERT_TRUE(roles.revoke(Subject::user(alice.id), "reader", by_operator).ok());
    ASSERT_TRUE(roles.revoke(Subject::user(alice.id), "reader", by_operator).ok());
    ASSERT_TRUE(roles.remove("reader", by_operator).ok());
    auto all = events();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(before));
    EXPECT_THAT(all, ElementsAre("rbac.role_created", "rbac.granted", "rbac.granted", "rbac.role_changed", "rbac.role_changed",
                                 "rbac.revoked", "rbac.role_deleted"));
    auto const granted = audit.query({.subject = alice.id, .code = std::string{audit::codes::role_granted}});
    ASSERT_THAT(granted, SizeIs(1));
    EXPECT_THAT(granted[0].details, Contains(Pair("role", "reader")));
    EXPECT_THAT(granted[0].details, Contains(Pair("expires_at", to_rfc3339(clock.now() + 1h))));
}

TEST_F(RoleChangesTest, lists_roles_by_name_page_by_page) {
    for (auto const* name : {"c", "a", "b"}) role(name);
    EXPECT_THAT(roles.list(), SizeIs(5));
    auto const page = roles.list("a", 2);
    ASSERT_THAT(page, SizeIs(2));
    EXPECT_EQ(page[0].name, "admin");
    EXPECT_EQ(page[1].name, "auditor");
    EXPECT_THAT(roles.list("zzz"), IsEmpty());
}

}  // namespace
}  // namespace zephyr::rbac
