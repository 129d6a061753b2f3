// Nobody grants above themselves, and somebody always administers.
#include <thread>

#include "rbac/roles_fixture.h"

namespace zephyr::rbac {
namespace {

using audit::Actor;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Pair;

class CeilingTest : public RolesTest {
protected:
    CeilingTest() {
        role("reader", {"docs.read"});
        role("helpdesk", {"users.write", "docs.*"}, {"reader"});
        give(boss, "admin");
        give(helper, "helpdesk");
    }
    void expect_refusal_recorded(std::string_view reason) {
        auto const event = last_event();
        EXPECT_EQ(event.name, "rbac.change_refused");
        EXPECT_EQ(event.reason, reason);
        EXPECT_EQ(event.outcome, audit::Outcome::denied);
    }

    users::User boss = add("boss");
    users::User helper = add("helper");
    users::User alice = add("alice");
};

TEST_F(CeilingTest, one_may_grant_what_one_holds_by_name_and_by_permissions) {
    EXPECT_TRUE(roles.grant(Subject::user(alice.id), "reader", as(helper)).ok());
    EXPECT_TRUE(roles.grant(Subject::user(alice.id), "helpdesk", as(helper)).ok());
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "admin", as(helper)).error(), errors::above_actor);
    expect_refusal_recorded("rbac.above_actor");
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "auditor", as(helper)).error(), errors::above_actor);
    EXPECT_FALSE(is(alice, "admin"));
}

TEST_F(CeilingTest, nobody_grants_themselves_more) {
    EXPECT_EQ(roles.grant(Subject::user(helper.id), "admin", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "reader", as(alice)).error(), errors::above_actor);
}

TEST_F(CeilingTest, a_role_with_the_same_permissions_but_another_name_is_still_above) {
    role("vip", {"docs.read"});
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "vip", as(helper)).error(), errors::above_actor);
}

TEST_F(CeilingTest, an_admin_may_grant_everything) {
    EXPECT_TRUE(roles.grant(Subject::user(alice.id), "auditor", as(boss)).ok());
    EXPECT_TRUE(roles.grant(Subject::user(alice.id), "admin", as(boss)).ok());
}

TEST_F(CeilingTest, operators_and_the_system_are_exempt_and_audited_as_such) {
    EXPECT_TRUE(roles.grant(Subject::user(alice.id), "auditor", Actor::system()).ok());
    EXPECT_TRUE(roles.grant(Subject::user(alice.id), "admin", Actor::operator_cli()).ok());
    EXPECT_EQ(last_event().actor.type, Actor::Type::operator_cli);
    EXPECT_EQ(roles.assignments_of(Subject::user(alice.id))[0].granted_by, "operator");
}

TEST_F(CeilingTest, an_unknown_forged_or_anonymous_actor_may_nothing) {
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "reader", Actor::anonymous()).error(), errors::above_actor);
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "reader", Actor::user(UserId::make(clock.now(), random))).error(), errors::above_actor);
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "reader", {Actor::Type::user, "operator"}).error(), errors::above_actor);
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "reader", {Actor::Type::anonymous, boss.id.str()}).error(), errors::above_actor);
    EXPECT_EQ(roles.create({.name = "x"}, Actor::anonymous()).error(), errors::above_actor);
    EXPECT_EQ(roles.remove("reader", Actor::anonymous()).error(), errors::above_actor);
}

TEST_F(CeilingTest, an_actor_who_is_disabled_or_whose_role_ran_out_may_no_longer_grant) {
    give(helper, "helpdesk", clock.now() + 1s);
    EXPECT_TRUE(roles.grant(Subject::user(alice.id), "reader", as(helper)).ok());
    clock.advance(1s);
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "reader", as(helper)).error(), errors::above_actor);
    give(helper, "helpdesk");
    ASSERT_TRUE(users.set_state(helper.id, users::UserState::disabled, by_operator).ok());
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "reader", as(helper)).error(), errors::above_actor);
}

TEST_F(CeilingTest, what_is_lent_for_an_hour_cannot_be_made_ones_own_within_it) {
    give(helper, "helpdesk", clock.now() + 1h);
    EXPECT_EQ(roles.grant(Subject::user(helper.id), "helpdesk", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.grant(Subject::user(helper.id), "helpdesk", clock.now() + 1h + 1ms, as(helper)).error(), errors::above_actor);
    EXPECT_TRUE(roles.grant(Subject::user(helper.id), "helpdesk", clock.now() + 1h, as(helper)).ok());
    EXPECT_TRUE(roles.grant(Subject::user(helper.id), "reader", clock.now() + 1min, as(helper)).ok());
}

TEST_F(CeilingTest, nobody_takes_away_what_they_do_not_hold) {
    give(add("second"), "admin");
    EXPECT_EQ(roles.revoke(Subject::user(boss.id), "admin", as(helper)).error(), errors::above_actor);
    expect_refusal_recorded("rbac.above_actor");
    EXPECT_TRUE(is(boss, "admin"));
    give(alice, "reader");
    EXPECT_TRUE(roles.revoke(Subject::user(alice.id), "reader", as(helper)).ok());
}

TEST_F(CeilingTest, nobody_puts_into_a_role_what_they_do_not_hold) {
    EXPECT_EQ(roles.add_permission("helpdesk", "keys.rotate", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.add_permission("helpdesk", "*", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.add_permission("helpdesk", "users.*", as(helper)).error(), errors::above_actor);
    EXPECT_TRUE(roles.add_permission("reader", "docs.list", as(helper)).ok());
    EXPECT_EQ(roles.include("helpdesk", "admin", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.include("reader", "auditor", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.create({.name = "mine", .permissions = {"keys.rotate"}}, as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.create({.name = "mine", .includes = {"auditor"}}, as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.find("mine").error(), errors::role_not_found);
    EXPECT_TRUE(roles.create({.name = "mine", .permissions = {"docs.print"}, .includes = {"reader"}}, as(helper)).ok());
}

TEST_F(CeilingTest, nobody_changes_a_role_above_them_not_even_downwards) {
    role("security", {"keys.rotate"});
    EXPECT_EQ(roles.remove_permission("security", "keys.rotate", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.remove("security", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.describe("security", "harmless", as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.add_permission("security", "docs.read", as(helper)).error(), errors::above_actor);
}

TEST_F(CeilingTest, groups_are_no_way_around) {
    auto const admins = add_group("admins");
    auto const outer = add_group("outer");
    auto const staff = add_group("staff");
    give(outer, "admin");
    nest(outer, admins);
    // Joining a group whose parent carries the role is joining the role.
    EXPECT_EQ(groups.add_member(admins.id, helper.id, as(helper)).error(), errors::above_actor);
    EXPECT_EQ(last_event().name, "groups.change_refused");
    EXPECT_EQ(groups.add_member(outer.id, alice.id, as(helper)).error(), errors::above_actor);
    join(staff, helper);
    EXPECT_EQ(groups.add_group(admins.id, staff.id, as(helper)).error(), errors::above_actor);
    EXPECT_EQ(roles.grant(Subject::group(staff.id), "admin", as(helper)).error(), errors::above_actor);
    EXPECT_FALSE(is(helper, "admin"));
    EXPECT_TRUE(groups.add_member(admins.id, alice.id, as(boss)).ok());
    EXPECT_TRUE(groups.add_member(staff.id, alice.id, as(helper)).ok());
    EXPECT_EQ(groups.add_member(admins.id, alice.id, Actor::anonymous()).error(), errors::above_actor);
}

TEST_F(CeilingTest, accounts_above_ones_own_cannot_be_taken_over_or_closed) {
    give(add("second"), "admin");
    EXPECT_EQ(users.update_profile(boss.id, {.email = "helper@example.com"}, as(helper)).error(), errors::above_actor);
    EXPECT_EQ(users.set_state(boss.id, users::UserState::disabled, as(helper)).error(), errors::above_actor);
    EXPECT_EQ(users.remove(boss.id, data, as(helper)).error(), errors::above_actor);
    EXPECT_EQ(last_event().name, "users.change_refused");
    EXPECT_EQ(roles.require_not_above(as(helper), boss.id).error(), errors::above_actor);
    EXPECT_TRUE(roles.require_not_above(as(helper), alice.id).ok());
    EXPECT_TRUE(roles.require_not_above(as(boss), helper.id).ok());
    EXPECT_TRUE(roles.require_not_above(as(helper), helper.id).ok());
    EXPECT_TRUE(roles.require_not_above(Actor::operator_cli(), boss.id).ok());
    EXPECT_EQ(roles.require_not_above(Actor::anonymous(), boss.id).error(), errors::above_actor);
    EXPECT_TRUE(users.set_state(alice.id, users::UserState::disabled, as(helper)).ok());
}

TEST_F(CeilingTest, an_account_above_stays_above_while_it_is_closed) {
    give(add("second"), "admin");
    ASSERT_TRUE(users.set_state(boss.id, users::UserState::disabled, by_operator).ok());
    EXPECT_EQ(roles.require_not_above(as(helper), boss.id).error(), errors::above_actor);
    EXPECT_EQ(users.set_state(boss.id, users::UserState::active, as(helper)).error(), errors::above_actor);
}

class LastAdminTest : public CeilingTest {};

TEST_F(LastAdminTest, cannot_be_taken_away_in_any_of_the_ways_there_are) {
    EXPECT_EQ(roles.revoke(Subject::user(boss.id), "admin", as(boss)).error(), errors::last_admin);
    expect_refusal_recorded("rbac.last_admin");
    EXPECT_EQ(users.set_state(boss.id, users::UserState::disabled, as(boss)).error(), errors::last_admin);
    EXPECT_EQ(users.set_state(boss.id, users::UserState::locked, Actor::system()).error(), errors::last_admin);
    EXPECT_EQ(users.lock_until(boss.id, clock.now() + 1h, as(boss)).error(), errors::last_admin);
    EXPECT_EQ(users.set_expiry(boss.id, clock.now() - 1s, as(boss)).error(), errors::last_admin);
    EXPECT_EQ(users.remove(boss.id, data, as(boss)).error(), errors::last_admin);
    EXPECT_TRUE(is(boss, "admin"));
    EXPECT_TRUE(users.find(boss.id).ok());
}

TEST_F(LastAdminTest, may_go_when_there_is_another) {
    auto const second = add("second");
    give(second, "admin");
    EXPECT_TRUE(roles.revoke(Subject::user(boss.id), "admin", as(boss)).ok());
    EXPECT_EQ(roles.revoke(Subject::user(second.id), "admin", as(second)).error(), errors::last_admin);
}

TEST_F(LastAdminTest, another_who_is_not_active_does_not_count) {
    auto const second = add("second");
    give(second, "admin");
    ASSERT_TRUE(users.set_state(second.id, users::UserState::disabled, as(boss)).ok());
    EXPECT_EQ(roles.revoke(Subject::user(boss.id), "admin", as(boss)).error(), errors::last_admin);
}

TEST_F(LastAdminTest, another_who_is_one_only_until_tomorrow_does_not_count) {
    auto const second = add("second");
    give(second, "admin", clock.now() + 24h);
    EXPECT_EQ(roles.revoke(Subject::user(boss.id), "admin", as(boss)).error(), errors::last_admin);
    EXPECT_EQ(roles.grant(Subject::user(boss.id), "admin", clock.now() + 24h, as(boss)).error(), errors::last_admin);
    EXPECT_EQ(users.set_expiry(boss.id, clock.now() + 24h, as(boss)).error(), errors::last_admin);
}

TEST_F(LastAdminTest, through_groups_and_included_roles_is_protected_as_well) {
    auto const outer = add_group("outer");
    auto const inner = add_group("inner");
    role("root", {}, {"admin"});
    nest(outer, inner);
    join(inner, boss);
    give(outer, "root");
    ASSERT_TRUE(roles.revoke(Subject::user(boss.id), "admin", as(boss)).ok());
    EXPECT_TRUE(is(boss, "admin"));

    EXPECT_EQ(groups.remove_member(inner.id, boss.id, as(boss)).error(), errors::last_admin);
    EXPECT_EQ(groups.remove_group(outer.id, inner.id, as(boss)).error(), errors::last_admin);
    EXPECT_EQ(groups.remove(inner.id, as(boss)).error(), errors::last_admin);
    EXPECT_EQ(groups.remove(outer.id, as(boss)).error(), errors::last_admin);
    EXPECT_EQ(roles.exclude("root", "admin", as(boss)).error(), errors::last_admin);
    EXPECT_EQ(roles.remove("root", as(boss)).error(), errors::last_admin);
    EXPECT_EQ(roles.revoke(Subject::group(outer.id), "root", as(boss)).error(), errors::last_admin);
    EXPECT_TRUE(is(boss, "admin"));
}

TEST_F(LastAdminTest, may_be_taken_away_by_an_operator_at_the_machine) {
    EXPECT_TRUE(roles.revoke(Subject::user(boss.id), "admin", by_operator).ok());
    EXPECT_FALSE(roles.has_admin());
    // And without any there is nothing to protect.
    EXPECT_TRUE(users.set_state(boss.id, users::UserState::disabled, Actor::system()).ok());
}

TEST_F(LastAdminTest, of_two_admins_removing_each_other_one_stays) {
    for (int round = 0; round < 20; ++round) {
        auto const second = add("second" + std::to_string(round));
        give(boss, "admin");
        give(second, "admin");
        std::vector<std::jthread> threads;
        std::atomic<int> removed{0};
        threads.emplace_back([&] { removed += roles.revoke(Subject::user(second.id), "admin", as(boss)).ok() ? 1 : 0; });
        threads.emplace_back([&] { removed += users.set_state(boss.id, users::UserState::disabled, as(second)).ok() ? 1 : 0; });
        threads.clear();
        EXPECT_EQ(removed, 1);
        EXPECT_TRUE(roles.has_admin());
        ASSERT_TRUE(users.set_state(boss.id, users::UserState::active, by_operator).ok());
        give(boss, "admin");
        ASSERT_TRUE(roles.revoke(Subject::user(second.id), "admin", by_operator).ok());
    }
}

}  // namespace
}  // namespace zephyr::rbac
