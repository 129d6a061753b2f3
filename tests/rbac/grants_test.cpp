// Giving roles and taking them away, to people and to groups, for a time.
#include "rbac/roles_fixture.h"

namespace zephyr::rbac {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class GrantsTest : public RolesTest {};

TEST_F(GrantsTest, a_revoked_role_is_gone_at_once_although_it_was_remembered) {
    role("reader", {"docs.read"});
    auto const alice = add("alice");
    give(alice, "reader");
    EXPECT_TRUE(may(alice, "docs.read"));
    ASSERT_TRUE(roles.revoke(Subject::user(alice.id), "reader", by_operator).ok());
    EXPECT_FALSE(may(alice, "docs.read"));
    EXPECT_TRUE(roles.revoke(Subject::user(alice.id), "reader", by_operator).ok()) << "twice is once";
}

TEST_F(GrantsTest, an_assignment_ends_at_its_millisecond_although_it_was_remembered) {
    role("oncall", {"pager.answer"});
    auto const alice = add("alice");
    give(alice, "oncall", clock.now() + 1s);
    EXPECT_TRUE(may(alice, "pager.answer"));
    clock.advance(999ms);
    EXPECT_TRUE(may(alice, "pager.answer"));
    clock.advance(1ms);
    EXPECT_FALSE(may(alice, "pager.answer"));
    EXPECT_FALSE(is(alice, "oncall"));
}

TEST_F(GrantsTest, an_assignment_of_a_group_ends_for_its_members) {
    role("oncall", {"pager.answer"});
    auto const alice = add("alice");
    auto const team = add_group("team");
    join(team, alice);
    give(team, "oncall", clock.now() + 1s);
    EXPECT_TRUE(may(alice, "pager.answer"));
    clock.advance(1s);
    EXPECT_FALSE(may(alice, "pager.answer"));
}

TEST_F(GrantsTest, refuses_an_assignment_that_ends_before_it_begins) {
    auto const alice = add("alice");
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "auditor", clock.now(), by_operator).error(), errors::expiry_past);
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "auditor", clock.now() - 1h, by_operator).error(), errors::expiry_past);
    EXPECT_THAT(roles.assignments_of(Subject::user(alice.id)), IsEmpty());
}

TEST_F(GrantsTest, granting_again_moves_the_end) {
    auto const alice = add("alice");
    give(alice, "auditor", clock.now() + 1s);
    give(alice, "auditor");
    clock.advance(1h);
    EXPECT_TRUE(is(alice, "auditor"));
    give(alice, "auditor", clock.now() + 1s);
    clock.advance(1s);
    EXPECT_FALSE(is(alice, "auditor"));
    EXPECT_THAT(roles.assignments_of(Subject::user(alice.id)), SizeIs(1));
}

TEST_F(GrantsTest, purging_deletes_what_ran_out_and_nothing_else) {
    auto const alice = add("alice");
    auto const bob = add("bob");
    give(alice, "auditor", clock.now() + 1s);
    give(bob, "auditor");
    clock.advance(1h);
    EXPECT_EQ(roles.purge_expired(clock.now()), 1);
    EXPECT_EQ(roles.purge_expired(clock.now()), 0);
    EXPECT_THAT(roles.holders("auditor"), SizeIs(1));
}

TEST_F(GrantsTest, roles_of_a_group_are_held_by_members_of_every_group_inside) {
    role("reader", {"docs.read"});
    auto const alice = add("alice");
    auto const company = add_group("company");
    auto const staff = add_group("staff");
    auto const team = add_group("team");
    nest(company, staff);
    nest(staff, team);
    join(team, alice);
    give(company, "reader");
    EXPECT_TRUE(may(alice, "docs.read"));

    ASSERT_TRUE(groups.remove_group(company.id, staff.id, by_operator).ok());
    EXPECT_FALSE(may(alice, "docs.read"));
    nest(company, staff);
    EXPECT_TRUE(may(alice, "docs.read"));
    ASSERT_TRUE(groups.remove_member(team.id, alice.id, by_operator).ok());
    EXPECT_FALSE(may(alice, "docs.read"));
    // Not the other way: what the inner group holds, members of the outer one do not.
    give(team, "auditor");
    join(company, alice);
    EXPECT_FALSE(is(alice, "auditor"));
    EXPECT_TRUE(may(alice, "docs.read"));
}

TEST_F(GrantsTest, a_removed_group_leaves_no_roles_behind) {
    role("reader", {"docs.read"});
    auto const alice = add("alice");
    auto const staff = add_group("staff");
    join(staff, alice);
    give(staff, "reader");
    EXPECT_TRUE(may(alice, "docs.read"));
    ASSERT_TRUE(groups.remove(staff.id, by_operator).ok());
    EXPECT_FALSE(may(alice, "docs.read"));
    EXPECT_EQ(rows("role_assignment"), 0);
}

}  // namespace
}  // namespace zephyr::rbac
