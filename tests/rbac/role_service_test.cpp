#include "zephyr/rbac/role_service.h"

#include <functional>
#include <map>
#include <random>
#include <set>

#include "rbac/roles_fixture.h"

namespace zephyr::rbac {
namespace {

using audit::Actor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class RoleServiceTest : public RolesTest {};

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

}  // namespace
}  // namespace zephyr::rbac
