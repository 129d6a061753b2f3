#include "zephyr/users/group_service.h"

#include <thread>

#include "users/directory_fixture.h"

namespace zephyr::users {
namespace {

using audit::Actor;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class GroupServiceTest : public DirectoryTest {
protected:
    // Groups g0 … g(n-1), each inside the one before.
    std::vector<Group> chain(int length) {
        std::vector<Group> out;
        for (int i = 0; i < length; ++i) {
            out.push_back(add_group("g" + std::to_string(rows("user_group"))));
            if (i > 0) {
                auto const nested = groups.add_group(out[out.size() - 2].id, out.back().id, by_operator);
                EXPECT_TRUE(nested.ok()) << nested.error();
            }
        }
        return out;
    }
};

TEST_F(GroupServiceTest, finds_a_group_by_id_and_by_any_spelling_of_its_name) {
    auto const group = add_group("  Human   Resources ");
    EXPECT_EQ(group.name, "Human Resources");
    EXPECT_EQ(groups.find(group.id).value().name, "Human Resources");
    EXPECT_EQ(groups.find_by_name("HUMAN resources").value().id, group.id);
    EXPECT_EQ(groups.find_by_name("human").error(), group_errors::not_found);
    EXPECT_EQ(groups.create("human RESOURCES", by_operator).error(), group_errors::name_taken);
    EXPECT_EQ(rows("user_group"), 1);
}

TEST_F(GroupServiceTest, refuses_malformed_names) {
    for (std::string const bad : {"", "  ", "a\nb", "a\u202eb", "\xff"}) {
        EXPECT_EQ(groups.create(bad, by_operator).error(), group_errors::name_malformed) << bad;
    }
    EXPECT_EQ(groups.create(std::string(65, 'a'), by_operator).error(), group_errors::name_malformed);
}

TEST_F(GroupServiceTest, renames_but_not_to_the_name_of_another) {
    auto const group = add_group("staff");
    add_group("other");
    EXPECT_EQ(groups.rename(group.id, "OTHER", by_operator).error(), group_errors::name_taken);
    auto const renamed = groups.rename(group.id, "Crew", by_operator);
    EXPECT_EQ(renamed.value().name, "Crew");
    EXPECT_EQ(renamed.value().version, 2);
    EXPECT_EQ(groups.rename(group.id, "CREW", by_operator).value().name, "CREW");
    EXPECT_EQ(groups.find_by_name("staff").error(), group_errors::not_found);
    EXPECT_EQ(groups.rename(GroupId::make(clock.now(), random), "x", by_operator).error(), group_errors::not_found);
}

TEST_F(GroupServiceTest, members_come_and_go_with_an_event_each_and_twice_is_once) {
    auto const alice = add("alice");
    auto const staff = add_group("staff");
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(groups.add_member(staff.id, alice.id, by_operator).ok());
    EXPECT_THAT(groups.groups_of(alice.id), ElementsAre(staff.id));
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(groups.remove_member(staff.id, alice.id, by_operator).ok());
    EXPECT_THAT(groups.groups_of(alice.id), IsEmpty());
    EXPECT_THAT(events(), ElementsAre("users.created", "groups.created", "groups.member_added", "groups.member_removed"));
    EXPECT_EQ(last_event().subject, alice.id);
    EXPECT_THAT(last_event().details, ElementsAre(Pair("group", staff.id.str())));
}

TEST_F(GroupServiceTest, refuses_members_and_groups_that_do_not_exist) {
    auto const alice = add("alice");
    auto const staff = add_group("staff");
    auto const no_group = GroupId::make(clock.now(), random);
    auto const no_user = UserId::make(clock.now(), random);
    EXPECT_EQ(groups.add_member(staff.id, no_user, by_operator).error(), errors::not_found);
    EXPECT_EQ(groups.add_member(no_group, alice.id, by_operator).error(), group_errors::not_found);
    EXPECT_EQ(groups.add_group(staff.id, no_group, by_operator).error(), group_errors::not_found);
    EXPECT_EQ(groups.add_group(no_group, staff.id, by_operator).error(), group_errors::not_found);
    EXPECT_EQ(groups.members(no_group).error(), group_errors::not_found);
    EXPECT_EQ(rows("group_member") + rows("group_child"), 0);
}

TEST_F(GroupServiceTest, members_of_a_nested_group_are_members_of_every_group_around_it) {
    auto const alice = add("alice");
    auto const levels = chain(3);
    ASSERT_TRUE(groups.add_member(levels[2].id, alice.id, by_operator).ok());
    EXPECT_THAT(groups.groups_of(alice.id), UnorderedElementsAre(levels[0].id, levels[1].id, levels[2].id));
    ASSERT_TRUE(groups.remove_group(levels[0].id, levels[1].id, by_operator).ok());
    EXPECT_THAT(groups.groups_of(alice.id), UnorderedElementsAre(levels[1].id, levels[2].id));
    // Membership goes up, not down.
    auto const bob = add("bob");
    ASSERT_TRUE(groups.add_member(levels[1].id, bob.id, by_operator).ok());
    EXPECT_THAT(groups.groups_of(bob.id), ElementsAre(levels[1].id));
}

TEST_F(GroupServiceTest, refuses_circles_of_any_length) {
    auto const levels = chain(5);
    EXPECT_EQ(groups.add_group(levels[0].id, levels[0].id, by_operator).error(), group_errors::cycle);
    for (std::size_t i = 1; i < levels.size(); ++i) {
        EXPECT_EQ(groups.add_group(levels[i].id, levels[0].id, by_operator).error(), group_errors::cycle) << i;
    }
    EXPECT_EQ(rows("group_child"), 4);
    // Two ways to one group are no circle.
    EXPECT_TRUE(groups.add_group(levels[0].id, levels[2].id, by_operator).ok());
}

TEST_F(GroupServiceTest, refuses_a_chain_of_more_than_sixteen_groups_wherever_it_is_joined) {
    auto const whole = chain(16);
    auto const one_more = add_group("one more");
    EXPECT_EQ(groups.add_group(whole.back().id, one_more.id, by_operator).error(), group_errors::too_deep);
    EXPECT_EQ(groups.add_group(one_more.id, whole.front().id, by_operator).error(), group_errors::too_deep);
    auto const upper = chain(8);
    auto const lower = chain(9);
    EXPECT_EQ(groups.add_group(upper.back().id, lower.front().id, by_operator).error(), group_errors::too_deep);
    EXPECT_TRUE(groups.add_group(upper[6].id, lower.front().id, by_operator).ok());
}

TEST_F(GroupServiceTest, of_two_nestings_that_together_close_a_circle_one_is_refused) {
    for (int round = 0; round < 20; ++round) {
        auto const a = add_group("a" + std::to_string(round));
        auto const b = add_group("b" + std::to_string(round));
        std::atomic<int> nested{0};
        std::vector<std::jthread> threads;
        threads.emplace_back([&] { nested += groups.add_group(a.id, b.id, by_operator).ok() ? 1 : 0; });
        threads.emplace_back([&] { nested += groups.add_group(b.id, a.id, by_operator).ok() ? 1 : 0; });
        threads.clear();
        EXPECT_EQ(nested, 1);
    }
}

TEST_F(GroupServiceTest, a_removed_group_takes_its_memberships_along_and_leaves_its_children) {
    auto const alice = add("alice");
    auto const levels = chain(3);
    ASSERT_TRUE(groups.add_member(levels[2].id, alice.id, by_operator).ok());
    ASSERT_TRUE(groups.add_member(levels[1].id, alice.id, by_operator).ok());
    ASSERT_TRUE(groups.remove(levels[1].id, by_operator).ok());
    EXPECT_THAT(groups.groups_of(alice.id), ElementsAre(levels[2].id));
    EXPECT_EQ(groups.find(levels[1].id).error(), group_errors::not_found);
    EXPECT_EQ(groups.remove(levels[1].id, by_operator).error(), group_errors::not_found);
    EXPECT_EQ(rows("group_member"), 1);
    EXPECT_EQ(rows("group_child"), 0);
}

TEST_F(GroupServiceTest, lists_groups_members_and_children_page_by_page) {
    for (auto const* name : {"b two", "A one", "b three", "c"}) add_group(name);
    auto const first = groups.list({.limit = 3}).value();
    ASSERT_THAT(first.groups, SizeIs(3));
    EXPECT_EQ(first.groups[0].name, "A one");
    EXPECT_EQ(first.groups[1].name, "b three");
    EXPECT_EQ(groups.list({.after = *first.next}).value().groups[0].name, "c");
    EXPECT_THAT(groups.list({.prefix = "B t"}).value().groups, SizeIs(2));
    EXPECT_EQ(groups.list({.after = "\xff"}).error(), group_errors::cursor_malformed);

    auto const c = groups.find_by_name("c").value();
    for (auto const* name : {"alice", "bob", "carol"}) ASSERT_TRUE(groups.add_member(c.id, add(name).id, by_operator).ok());
    std::vector<std::string> names;
    std::string after;
    for (;;) {
        auto const page = groups.members(c.id, after, 2).value();
        for (auto const& user : page.users) names.push_back(user.username);
        if (!page.next) break;
        after = *page.next;
    }
    EXPECT_THAT(names, UnorderedElementsAre("alice", "bob", "carol"));
    EXPECT_EQ(groups.members(c.id, "not an id").error(), group_errors::cursor_malformed);

    ASSERT_TRUE(groups.add_group(c.id, first.groups[0].id, by_operator).ok());
    EXPECT_THAT(groups.children(c.id), SizeIs(1));
}

TEST_F(GroupServiceTest, knows_whether_anybody_inside_is_active) {
    auto const alice = add("alice");
    auto const levels = chain(3);
    auto const anybody = [&](Group const& group, UserService::Lasting lasting) {
        return database->read([&](storage::Transaction& tx) { return groups.any_active_member(tx, {group.id}, lasting); });
    };
    using enum UserService::Lasting;
    EXPECT_FALSE(anybody(levels[0], now));
    ASSERT_TRUE(groups.add_member(levels[2].id, alice.id, by_operator).ok());
    EXPECT_TRUE(anybody(levels[0], now));
    EXPECT_TRUE(anybody(levels[0], for_good));
    ASSERT_TRUE(users.set_expiry(alice.id, clock.now() + 1s, by_operator).ok());
    EXPECT_TRUE(anybody(levels[0], now));
    EXPECT_FALSE(anybody(levels[0], for_good));
    clock.advance(1s);
    EXPECT_FALSE(anybody(levels[0], now));
}

TEST_F(GroupServiceTest, tells_the_steps_of_membership_nearest_first) {
    auto const alice = add("alice");
    auto const levels = chain(3);
    ASSERT_TRUE(groups.add_member(levels[2].id, alice.id, by_operator).ok());
    auto const steps = database->read([&](storage::Transaction& tx) { return groups.membership_steps(tx, alice.id); });
    ASSERT_THAT(steps, SizeIs(3));
    EXPECT_EQ(steps[0].from, std::nullopt);
    EXPECT_EQ(steps[0].into, levels[2].id);
    EXPECT_EQ(steps[1].from, levels[2].id);
    EXPECT_EQ(steps[2].into, levels[0].id);
}

// Lets nobody in and nobody out.
class ClosedRules : public AccessRules {
public:
    Result<void> around(storage::Transaction&, audit::Actor const&, std::function<Result<void>()> const& change) override {
        ZEPHYR_CHECK(change());
        return refusal;
    }
    Result<void> may_change(storage::Transaction&, audit::Actor const&, UserId const&) override { return success(); }
    Result<void> may_join(storage::Transaction& tx, audit::Actor const&, GroupId const&) override {
        members_when_asked = tx.row("SELECT count(*) FROM group_member")->integer(0);
        return refusal;
    }
    void changed(storage::Transaction&) override {}
    void group_removed(storage::Transaction&, GroupId const&) override {}
    static constexpr Failure refusal{Kind::denied, "test.closed"};
    std::int64_t members_when_asked = -1;
};

TEST_F(GroupServiceTest, the_rules_are_asked_before_anybody_is_in_and_their_refusal_is_recorded) {
    auto const alice = add("alice");
    auto const bob = add("bob");
    auto const staff = add_group("staff");
    auto const crew = add_group("crew");
    ASSERT_TRUE(groups.add_member(crew.id, bob.id, by_operator).ok());
    ClosedRules rules;
    groups.use_rules(rules);
    EXPECT_EQ(groups.add_member(staff.id, alice.id, Actor::user(alice.id)).error(), ClosedRules::refusal);
    EXPECT_EQ(rules.members_when_asked, 1) << "the new member was already there when the rules were asked";
    EXPECT_EQ(last_event().name, "groups.change_refused");
    EXPECT_EQ(last_event().reason, "test.closed");
    EXPECT_EQ(groups.add_group(staff.id, crew.id, Actor::user(alice.id)).error(), ClosedRules::refusal);
    EXPECT_EQ(groups.remove_member(crew.id, bob.id, by_operator).error(), ClosedRules::refusal);
    EXPECT_EQ(groups.remove(crew.id, by_operator).error(), ClosedRules::refusal);
    EXPECT_EQ(rows("group_member"), 1);
    EXPECT_EQ(rows("group_child"), 0);
    EXPECT_EQ(rows("user_group"), 2);
}

}  // namespace
}  // namespace zephyr::users
