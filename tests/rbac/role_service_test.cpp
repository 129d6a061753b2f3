#include "zephyr/rbac/role_service.h"

#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "rbac/roles_fixture.h"

namespace zephyr::rbac {
namespace {

using audit::Actor;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

class RoleServiceTest : public RolesTest {
protected:
    // Another node over the same database.
    struct Node {
        Node(RoleServiceTest& test, RoleSettings settings)
            : users{*test.database, test.audit, test.clock, test.random},
              groups{*test.database, test.audit, test.clock, test.random},
              roles{*test.database, test.audit, test.clock, {users, groups}, settings} {}
        users::UserService users;
        users::GroupService groups;
        RoleService roles;
    };
};

TEST_F(RoleServiceTest, starts_with_admin_and_auditor_and_nobody_who_holds_them) {
    EXPECT_THAT(roles.find("admin").value().permissions, ElementsAre("*"));
    EXPECT_THAT(roles.find("auditor").value().permissions, ElementsAre("audit.read"));
    EXPECT_TRUE(roles.find("admin").value().built_in);
    EXPECT_FALSE(roles.has_admin());
}

TEST_F(RoleServiceTest, refuses_what_nobody_granted) {
    auto const alice = add("alice");
    EXPECT_EQ(roles.require_role(alice.id, "admin").error(), errors::denied);
    EXPECT_EQ(roles.require_permission(alice.id, "users.read").error(), errors::denied);
    EXPECT_THAT(roles.effective(alice.id).roles, IsEmpty());
    auto const nobody = UserId::make(clock.now(), random);
    EXPECT_EQ(roles.require_role(nobody, "admin").error(), errors::denied);
    EXPECT_EQ(roles.require_permission(nobody, "users.read").error(), errors::denied);
}

TEST_F(RoleServiceTest, a_granted_role_is_held_with_all_it_includes_at_once) {
    role("reader", {"docs.read"});
    role("writer", {"docs.write"}, {"reader"});
    auto const alice = add("alice");
    EXPECT_FALSE(may(alice, "docs.read"));  // remembered as nothing, until it changes
    give(alice, "writer");
    EXPECT_TRUE(is(alice, "writer"));
    EXPECT_TRUE(is(alice, "reader"));
    EXPECT_TRUE(may(alice, "docs.read"));
    EXPECT_TRUE(may(alice, "docs.write"));
    EXPECT_FALSE(may(alice, "docs.delete"));
    EXPECT_FALSE(is(alice, "admin"));
    auto const held = roles.effective(alice.id);
    EXPECT_THAT(held.roles, ElementsAre("reader", "writer"));
    EXPECT_THAT(held.permissions, ElementsAre("docs.read", "docs.write"));
}

TEST_F(RoleServiceTest, an_admin_may_everything_but_is_in_no_role_that_was_not_given) {
    auto const alice = add("alice");
    give(alice, "admin");
    EXPECT_TRUE(may(alice, "anything.at.all"));
    EXPECT_FALSE(may(alice, "*")) << "a pattern is no permission to ask for";
    EXPECT_FALSE(may(alice, "")) << "nor is nothing";
    EXPECT_FALSE(may(alice, "Users.Read"));
    EXPECT_FALSE(is(alice, "auditor"));
    EXPECT_TRUE(roles.has_admin());
}

TEST_F(RoleServiceTest, a_revoked_role_is_gone_at_once_although_it_was_remembered) {
    role("reader", {"docs.read"});
    auto const alice = add("alice");
    give(alice, "reader");
    EXPECT_TRUE(may(alice, "docs.read"));
    ASSERT_TRUE(roles.revoke(Subject::user(alice.id), "reader", by_operator).ok());
    EXPECT_FALSE(may(alice, "docs.read"));
    EXPECT_TRUE(roles.revoke(Subject::user(alice.id), "reader", by_operator).ok()) << "twice is once";
}

TEST_F(RoleServiceTest, every_change_of_the_graph_is_effective_at_once) {
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

TEST_F(RoleServiceTest, an_assignment_ends_at_its_millisecond_although_it_was_remembered) {
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

TEST_F(RoleServiceTest, an_assignment_of_a_group_ends_for_its_members) {
    role("oncall", {"pager.answer"});
    auto const alice = add("alice");
    auto const team = add_group("team");
    join(team, alice);
    give(team, "oncall", clock.now() + 1s);
    EXPECT_TRUE(may(alice, "pager.answer"));
    clock.advance(1s);
    EXPECT_FALSE(may(alice, "pager.answer"));
}

TEST_F(RoleServiceTest, refuses_an_assignment_that_ends_before_it_begins) {
    auto const alice = add("alice");
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "auditor", clock.now(), by_operator).error(), errors::expiry_past);
    EXPECT_EQ(roles.grant(Subject::user(alice.id), "auditor", clock.now() - 1h, by_operator).error(), errors::expiry_past);
    EXPECT_THAT(roles.assignments_of(Subject::user(alice.id)), IsEmpty());
}

TEST_F(RoleServiceTest, granting_again_moves_the_end) {
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

TEST_F(RoleServiceTest, purging_deletes_what_ran_out_and_nothing_else) {
    auto const alice = add("alice");
    auto const bob = add("bob");
    give(alice, "auditor", clock.now() + 1s);
    give(bob, "auditor");
    clock.advance(1h);
    EXPECT_EQ(roles.purge_expired(clock.now()), 1);
    EXPECT_EQ(roles.purge_expired(clock.now()), 0);
    EXPECT_THAT(roles.holders("auditor"), SizeIs(1));
}

TEST_F(RoleServiceTest, roles_of_a_group_are_held_by_members_of_every_group_inside) {
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

TEST_F(RoleServiceTest, a_removed_group_leaves_no_roles_behind) {
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

TEST_F(RoleServiceTest, whoever_is_not_active_holds_nothing_until_they_are_again) {
    auto const alice = add("alice");
    give(alice, "auditor");
    EXPECT_TRUE(is(alice, "auditor"));
    for (auto const state : {users::UserState::disabled, users::UserState::locked, users::UserState::expired, users::UserState::pending}) {
        ASSERT_TRUE(users.set_state(alice.id, state, by_operator).ok());
        EXPECT_FALSE(is(alice, "auditor"));
        EXPECT_FALSE(may(alice, "audit.read"));
        ASSERT_TRUE(users.set_state(alice.id, users::UserState::active, by_operator).ok());
        EXPECT_TRUE(is(alice, "auditor"));
    }
    ASSERT_TRUE(users.lock_until(alice.id, clock.now() + 1s, Actor::system()).ok());
    EXPECT_FALSE(is(alice, "auditor"));
    clock.advance(1s);
    EXPECT_TRUE(is(alice, "auditor"));
    ASSERT_TRUE(users.set_expiry(alice.id, clock.now() + 1s, by_operator).ok());
    EXPECT_TRUE(is(alice, "auditor"));
    clock.advance(1s);
    EXPECT_FALSE(is(alice, "auditor"));
}

TEST_F(RoleServiceTest, a_role_made_again_under_an_old_name_finds_no_holders) {
    role("reader", {"docs.read"});
    role("writer", {}, {"reader"});
    auto const alice = add("alice");
    give(alice, "reader");
    ASSERT_TRUE(roles.remove("reader", by_operator).ok());
    role("reader", {"everything.read"});
    EXPECT_FALSE(is(alice, "reader"));
    EXPECT_THAT(roles.find("writer").value().includes, IsEmpty());
}

TEST_F(RoleServiceTest, refuses_malformed_unknown_and_taken_names) {
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

TEST_F(RoleServiceTest, built_in_roles_stay_as_they_came_even_for_operators) {
    EXPECT_EQ(roles.remove("admin", by_operator).error(), errors::built_in);
    EXPECT_EQ(roles.remove_permission("admin", "*", by_operator).error(), errors::built_in);
    EXPECT_EQ(roles.add_permission("auditor", "*", by_operator).error(), errors::built_in);
    EXPECT_EQ(roles.include("auditor", "admin", by_operator).error(), errors::built_in);
    EXPECT_THAT(roles.find("admin").value().permissions, ElementsAre("*"));
}

TEST_F(RoleServiceTest, refuses_circles_of_any_length_and_chains_without_end) {
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

TEST_F(RoleServiceTest, of_two_inclusions_that_together_close_a_circle_one_is_refused) {
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

TEST_F(RoleServiceTest, writes_an_event_for_every_change_and_none_for_none) {
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

TEST_F(RoleServiceTest, lists_roles_by_name_page_by_page) {
    for (auto const* name : {"c", "a", "b"}) role(name);
    EXPECT_THAT(roles.list(), SizeIs(5));
    auto const page = roles.list("a", 2);
    ASSERT_THAT(page, SizeIs(2));
    EXPECT_EQ(page[0].name, "admin");
    EXPECT_EQ(page[1].name, "auditor");
    EXPECT_THAT(roles.list("zzz"), IsEmpty());
}

TEST_F(RoleServiceTest, answers_from_memory_until_something_changes) {
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

TEST_F(RoleServiceTest, sees_a_change_of_another_node_within_the_agreed_time) {
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

TEST_F(RoleServiceTest, remembers_a_bounded_number_of_people_and_is_right_beyond_it) {
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

// What a list shows, what a check answers, what an explanation says and what plain recursion finds are one thing.
TEST_F(RoleServiceTest, list_check_and_explanation_agree_on_random_graphs) {
    std::mt19937 generator{7};
    auto const pick = [&](int below) { return static_cast<int>(generator() % static_cast<unsigned>(below)); };
    std::vector<std::string> const permissions{"a.x", "a.y", "b.x", "b.y.z"};
    std::vector<std::string> const patterns{"a.x", "a.*", "b.x", "b.y.*", "b.*", "b.y.z"};
    for (int round = 0; round < 8; ++round) {
        auto const name = [&](char kind, int number) { return std::string{kind} + std::to_string(round) + "-" + std::to_string(number); };
        std::map<std::string, std::set<std::string>> includes;
        std::map<std::string, std::set<std::string>> held_patterns;
        std::map<std::string, std::set<std::string>> given;      // of users and groups, by name
        std::map<std::string, std::set<std::string>> member_of;  // of users and groups
        std::vector<users::User> people;
        std::vector<users::Group> circles;
        for (int i = 0; i < 6; ++i) {
            role(name('r', i));
            auto const& pattern = patterns[static_cast<std::size_t>(pick(6))];
            if (pick(2) == 0) {
                ASSERT_TRUE(roles.add_permission(name('r', i), pattern, by_operator).ok());
                held_patterns[name('r', i)].insert(pattern);
            }
            circles.push_back(add_group(name('g', i)));
            people.push_back(add(name('u', i)));
        }
        for (int i = 0; i < 12; ++i) {
            auto const from = name('r', pick(6));
            auto const to = name('r', pick(6));
            if (roles.include(from, to, by_operator).ok()) includes[from].insert(to);
            auto const parent = static_cast<std::size_t>(pick(6));
            auto const child = static_cast<std::size_t>(pick(6));
            if (groups.add_group(circles[parent].id, circles[child].id, by_operator).ok()) member_of[circles[child].name].insert(circles[parent].name);
            auto const person = static_cast<std::size_t>(pick(6));
            if (pick(2) == 0) {
                join(circles[child], people[person]);
                member_of[people[person].username].insert(circles[child].name);
            }
            auto const role_name = name('r', pick(6));
            if (pick(3) == 0) {
                give(people[person], role_name);
                given[people[person].username].insert(role_name);
            } else if (pick(2) == 0) {
                give(circles[parent], role_name);
                given[circles[parent].name].insert(role_name);
            }
        }
        for (auto const& person : people) {
            std::set<std::string> holders;
            std::function<void(std::string const&)> const climb = [&](std::string const& who) {
                if (!holders.insert(who).second) return;
                for (auto const& group : member_of[who]) climb(group);
            };
            climb(person.username);
            std::set<std::string> expected;
            std::function<void(std::string const&)> const take = [&](std::string const& role_name) {
                if (!expected.insert(role_name).second) return;
                for (auto const& included : includes[role_name]) take(included);
            };
            for (auto const& holder : holders) {
                for (auto const& role_name : given[holder]) take(role_name);
            }
            auto const listed = roles.effective(person.id);
            EXPECT_EQ(std::set<std::string>(listed.roles.begin(), listed.roles.end()), expected);
            for (int i = 0; i < 6; ++i) {
                EXPECT_EQ(is(person, name('r', i)), expected.contains(name('r', i)));
                EXPECT_EQ(roles.explain_role(person.id, name('r', i)).allowed, expected.contains(name('r', i)));
            }
            for (auto const& permission : permissions) {
                bool allowed = false;
                for (auto const& role_name : expected) {
                    for (auto const& pattern : held_patterns[role_name]) allowed = allowed || covers(pattern, permission);
                }
                EXPECT_EQ(may(person, permission), allowed);
                EXPECT_EQ(roles.explain_permission(person.id, permission).allowed, allowed);
            }
        }
    }
}

TEST_F(RoleServiceTest, erasing_a_person_takes_their_roles_and_their_name_from_what_they_granted) {
    auto const boss = add("boss");
    auto const alice = add("alice");
    give(boss, "admin");
    give(add("spare"), "admin");
    ASSERT_TRUE(roles.grant(Subject::user(alice.id), "auditor", as(boss)).ok());
    EXPECT_EQ(roles.assignments_of(Subject::user(alice.id))[0].granted_by, boss.id.str());
    auto const text = database->read([&](storage::Transaction& tx) { return rbac_data.export_for(tx, boss.id).dump(); });
    EXPECT_THAT(text, HasSubstr(R"("roles":[{"role":"admin")"));
    EXPECT_THAT(text, HasSubstr(R"("granted_to_others":[{"role":"auditor")"));
    EXPECT_THAT(text, Not(HasSubstr(alice.id.str())));
    ASSERT_TRUE(users.remove(boss.id, data, by_operator).ok());
    EXPECT_THAT(roles.assignments_of(Subject::user(boss.id)), IsEmpty());
    EXPECT_EQ(roles.assignments_of(Subject::user(alice.id))[0].granted_by, "");
    EXPECT_TRUE(is(alice, "auditor"));
    EXPECT_THAT(roles.effective(boss.id).roles, IsEmpty());
}

TEST_F(RoleServiceTest, claims_every_column_of_the_tables_of_this_room) {
    std::vector<storage::Column> ours;
    for (auto const& column : storage::list_columns(*database)) {
        if (column.table.starts_with("role") || column.table.starts_with("rbac")) ours.push_back(column);
    }
    EXPECT_GT(ours.size(), 12u);
    EXPECT_THAT(privacy::unclaimed_columns(ours, rbac_data.claims()), IsEmpty());
}

TEST_F(RoleServiceTest, is_right_while_many_ask_and_one_changes) {
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
