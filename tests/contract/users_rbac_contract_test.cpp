// Users, groups and roles on both engines: what the SQL of these rooms must mean on each, and what races may not do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/audit/personal_data.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/rbac/personal_data.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/users/group_service.h"
#include "zephyr/users/personal_data.h"
#include "zephyr/users/user_service.h"

namespace zephyr {
namespace {

using rbac::Subject;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::unique_ptr<storage::Database> open_database(storage::Engine engine) {
    if (engine == storage::Engine::sqlite) return testing::memory_database();
    auto database = storage::open_postgres({.uri = testing::PostgresServer::instance().fresh_database()});
    testing::apply_source_migrations(*database);
    return database;
}

class UsersRbacContract : public ::testing::TestWithParam<storage::Engine> {
protected:
    users::User add(std::string const& name, std::optional<std::string> const& email = std::nullopt) {
        auto user = users.create({.username = name, .email = email}, by_operator);
        EXPECT_TRUE(user.ok()) << user.error();
        return std::move(user).value();
    }
    users::Group add_group(std::string const& name) {
        auto group = groups.create(name, by_operator);
        EXPECT_TRUE(group.ok()) << group.error();
        return std::move(group).value();
    }
    void must(Result<void> const& outcome) { ASSERT_TRUE(outcome.ok()) << outcome.error(); }
    // Runs the job on so many threads at once and counts the successes; every failure must be `failure`.
    int race(int threads, Failure failure, std::function<Result<void>(int)> const& job) {
        std::atomic<int> succeeded{0};
        std::vector<std::jthread> running;
        for (int i = 0; i < threads; ++i) {
            running.emplace_back([&, i] {
                auto const outcome = job(i);
                if (outcome.ok()) {
                    ++succeeded;
                } else {
                    EXPECT_EQ(outcome.error(), failure);
                }
            });
        }
        running.clear();
        return succeeded;
    }
    std::int64_t count(std::string const& from) {
        return database->read([&](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM " + from)->integer(0); });
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = open_database(GetParam());
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    users::UserService users{*database, audit, clock, random};
    users::GroupService groups{*database, audit, clock, random};
    rbac::RoleService roles{*database, audit, clock, {users, groups}};
    audit::AuditPersonalData audit_data{audit};
    users::UsersPersonalData users_data;
    rbac::RbacPersonalData rbac_data{roles};
    privacy::PersonalData data{{&audit_data, &users_data, &rbac_data}};
    audit::Actor const by_operator = audit::Actor::operator_cli();
};

TEST_P(UsersRbacContract, of_64_threads_creating_one_name_exactly_one_succeeds) {
    auto const created = race(64, users::errors::name_taken, [&](int i) -> Result<void> {
        ZEPHYR_CHECK(users.create({.username = i % 2 == 0 ? "alice" : "Ａlice"}, by_operator));
        return success();
    });
    EXPECT_EQ(created, 1);
    EXPECT_EQ(count("app_user"), 1);
    EXPECT_EQ(count("audit_event WHERE code = 'ZUSER01I'"), 1) << "an event without its change, or the other way round";
}

TEST_P(UsersRbacContract, of_16_threads_taking_one_email_by_a_change_exactly_one_succeeds) {
    std::vector<users::User> people;
    for (int i = 0; i < 16; ++i) people.push_back(add("u" + std::to_string(i)));
    auto const changed = race(16, users::errors::email_taken, [&](int i) -> Result<void> {
        ZEPHYR_CHECK(users.update_profile(people[static_cast<std::size_t>(i)].id, {.email = "one@example.com"}, by_operator));
        return success();
    });
    EXPECT_EQ(changed, 1);
    EXPECT_EQ(count("app_user WHERE canonical_email = 'one@example.com'"), 1);
}

TEST_P(UsersRbacContract, of_64_threads_creating_one_role_or_group_exactly_one_succeeds) {
    EXPECT_EQ(race(64, rbac::errors::role_taken,
                   [&](int) -> Result<void> {
                       ZEPHYR_CHECK(roles.create({.name = "editor", .permissions = {"docs.*"}}, by_operator));
                       return success();
                   }),
              1);
    EXPECT_EQ(race(64, users::group_errors::name_taken,
                   [&](int) -> Result<void> {
                       ZEPHYR_CHECK(groups.create("Staff", by_operator));
                       return success();
                   }),
              1);
}

TEST_P(UsersRbacContract, of_two_admins_removing_each_other_one_stays) {
    for (int round = 0; round < 5; ++round) {
        auto const one = add("one" + std::to_string(round));
        auto const two = add("two" + std::to_string(round));
        for (auto const& user : {one, two}) must(roles.grant(Subject::user(user.id), "admin", by_operator));
        std::atomic<int> removed{0};
        {
            std::jthread const first{[&] { removed += roles.revoke(Subject::user(two.id), "admin", audit::Actor::user(one.id)).ok() ? 1 : 0; }};
            std::jthread const second{[&] {
                removed += users.set_state(one.id, users::UserState::disabled, audit::Actor::user(two.id)).ok() ? 1 : 0;
            }};
        }
        EXPECT_EQ(removed, 1);
        EXPECT_TRUE(roles.has_admin());
        for (auto const& user : {one, two}) must(users.remove(user.id, data, by_operator));
    }
}

TEST_P(UsersRbacContract, of_64_threads_revoking_64_admins_one_admin_stays) {
    std::vector<users::User> admins;
    for (int i = 0; i < 64; ++i) {
        admins.push_back(add("admin" + std::to_string(i)));
        must(roles.grant(Subject::user(admins.back().id), "admin", by_operator));
    }
    auto const revoked = race(64, rbac::errors::last_admin, [&](int i) {
        return roles.revoke(Subject::user(admins[static_cast<std::size_t>(i)].id), "admin", audit::Actor::system());
    });
    EXPECT_EQ(revoked, 63);
    EXPECT_TRUE(roles.has_admin());
}

TEST_P(UsersRbacContract, inclusions_and_nestings_that_would_close_a_circle_together_leave_none) {
    constexpr int size = 8;  // each thread adds one side of a ring
    std::vector<users::Group> ring;
    for (int i = 0; i < size; ++i) {
        ASSERT_TRUE(roles.create({.name = "ring" + std::to_string(i)}, by_operator).ok());
        ring.push_back(add_group("ring " + std::to_string(i)));
    }
    EXPECT_EQ(race(size, rbac::errors::cycle,
                   [&](int i) { return roles.include("ring" + std::to_string(i), "ring" + std::to_string((i + 1) % size), by_operator); }),
              size - 1);
    EXPECT_EQ(race(size, users::group_errors::cycle,
                   [&](int i) {
                       return groups.add_group(ring[static_cast<std::size_t>(i)].id, ring[static_cast<std::size_t>((i + 1) % size)].id,
                                               by_operator);
                   }),
              size - 1);
}

TEST_P(UsersRbacContract, an_actor_who_is_demoted_while_granting_either_granted_before_or_not_at_all) {
    for (int round = 0; round < 5; ++round) {
        auto const boss = add("boss" + std::to_string(round));
        auto const eve = add("eve" + std::to_string(round));
        must(roles.grant(Subject::user(boss.id), "auditor", by_operator));
        std::int64_t granted_at_version = 0;
        {
            std::jthread const first{[&] { must(roles.revoke(Subject::user(boss.id), "auditor", by_operator)); }};
            std::jthread const second{[&] {
                granted_at_version = roles.grant(Subject::user(eve.id), "auditor", audit::Actor::user(boss.id)).ok() ? 1 : 0;
            }};
        }
        // Whichever came first, the log tells the same story.
        auto const events = audit.query({.code = std::nullopt, .limit = 10});
        std::int64_t revoked = 0;
        std::int64_t granted = 0;
        for (auto const& event : events) {
            if (event.name == "rbac.revoked" && event.subject == boss.id) revoked = event.sequence;
            if (event.name == "rbac.granted" && event.subject == eve.id) granted = event.sequence;
        }
        EXPECT_EQ(granted != 0, granted_at_version != 0);
        if (granted != 0) { EXPECT_LT(granted, revoked); }
        EXPECT_FALSE(roles.require_role(boss.id, "auditor").ok());
        EXPECT_EQ(roles.require_role(eve.id, "auditor").ok(), granted != 0);
    }
}

TEST_P(UsersRbacContract, pages_and_prefixes_are_those_of_bytes_whatever_the_locale) {
    for (auto const* name : {"b", "a_b", "a-b", "aB", "a.b", "ä", "z", "ab", "a"}) add(name == std::string{"aB"} ? "a2b" : name);
    std::vector<std::string> seen;
    users::UserQuery query{.limit = 2};
    for (;;) {
        auto const page = users.list(query).value();
        for (auto const& user : page.users) seen.push_back(user.canonical_username);
        if (!page.next) break;
        query.after = *page.next;
    }
    EXPECT_THAT(seen, ElementsAre("a", "a-b", "a.b", "a2b", "a_b", "ab", "b", "z", "ä"));
    EXPECT_THAT(users.list({.prefix = "a"}).value().users, SizeIs(6));
    EXPECT_THAT(users.list({.prefix = "a-"}).value().users, SizeIs(1));
}

TEST_P(UsersRbacContract, finds_by_prefix_of_name_or_email_in_every_state) {
    add("anna", "zoe@example.com");
    auto const bert = add("bert", "anne@example.com");
    must(users.lock_until(bert.id, clock.now() + 1h, by_operator));
    EXPECT_THAT(users.list({.prefix = "ann"}).value().users, SizeIs(2));
    EXPECT_THAT(users.list({.prefix = "ann", .state = users::UserState::locked}).value().users, SizeIs(1));
    EXPECT_THAT(users.list({.prefix = "ann", .state = users::UserState::active}).value().users, SizeIs(1));
    EXPECT_THAT(users.list({.state = users::UserState::expired}).value().users, IsEmpty());
    EXPECT_THAT(users.list({.state = users::UserState::pending}).value().users, IsEmpty());
    EXPECT_THAT(users.list({.state = users::UserState::disabled}).value().users, IsEmpty());
    clock.advance(1h);
    EXPECT_THAT(users.list({.prefix = "ann", .state = users::UserState::active}).value().users, SizeIs(2));
    EXPECT_EQ(users.count(1), 1);
}

TEST_P(UsersRbacContract, groups_nest_carry_roles_and_give_them_up) {
    auto const alice = add("alice");
    auto const outer = add_group("Outer");
    auto const inner = add_group("Inner");
    must(groups.add_group(outer.id, inner.id, by_operator));
    must(groups.add_member(inner.id, alice.id, by_operator));
    ASSERT_TRUE(roles.create({.name = "editor", .permissions = {"docs.*"}}, by_operator).ok());
    must(roles.grant(Subject::group(outer.id), "editor", clock.now() + 1h, by_operator));
    EXPECT_TRUE(roles.require_permission(alice.id, "docs.write").ok());
    EXPECT_EQ(roles.explain_permission(alice.id, "docs.write").why,
              "Held through group Inner → group Outer → role editor → permission docs.*.");
    EXPECT_THAT(groups.groups_of(alice.id), SizeIs(2));
    EXPECT_THAT(groups.members(inner.id).value().users, SizeIs(1));
    EXPECT_THAT(groups.children(outer.id), SizeIs(1));
    EXPECT_THAT(groups.list({.prefix = "in"}).value().groups, SizeIs(1));
    EXPECT_EQ(groups.rename(inner.id, "OUTER", by_operator).error(), users::group_errors::name_taken);
    EXPECT_TRUE(groups.rename(inner.id, "Centre", by_operator).ok());
    clock.advance(1h);
    EXPECT_FALSE(roles.require_permission(alice.id, "docs.write").ok());
    EXPECT_EQ(roles.purge_expired(clock.now() + 1ms), 1);
    must(groups.remove(outer.id, by_operator));
    EXPECT_THAT(groups.groups_of(alice.id), SizeIs(1));
}

TEST_P(UsersRbacContract, the_chain_of_groups_ends_at_sixteen) {
    std::vector<users::Group> chain{add_group("g0")};
    for (int i = 1; i < users::max_group_depth; ++i) {
        chain.push_back(add_group("g" + std::to_string(i)));
        must(groups.add_group(chain[chain.size() - 2].id, chain.back().id, by_operator));
    }
    auto const more = add_group("more");
    EXPECT_EQ(groups.add_group(chain.back().id, more.id, by_operator).error(), users::group_errors::too_deep);
    EXPECT_EQ(groups.add_group(chain.back().id, chain.front().id, by_operator).error(), users::group_errors::cycle);
}

TEST_P(UsersRbacContract, an_admin_through_a_group_counts_as_the_last_one) {
    auto const boss = add("boss");
    auto const admins = add_group("admins");
    must(groups.add_member(admins.id, boss.id, by_operator));
    must(roles.grant(Subject::group(admins.id), "admin", by_operator));
    auto const self = audit::Actor::user(boss.id);
    EXPECT_TRUE(roles.has_admin());
    EXPECT_EQ(groups.remove_member(admins.id, boss.id, self).error(), rbac::errors::last_admin);
    EXPECT_EQ(groups.remove(admins.id, self).error(), rbac::errors::last_admin);
    EXPECT_EQ(users.remove(boss.id, data, self).error(), rbac::errors::last_admin);
}

TEST_P(UsersRbacContract, roles_are_made_changed_granted_and_taken_away) {
    auto const alice = add("alice");
    ASSERT_TRUE(roles.create({.name = "reader", .description = "Reads", .permissions = {"docs.read"}}, by_operator).ok());
    ASSERT_TRUE(roles.create({.name = "writer", .includes = {"reader"}}, by_operator).ok());
    must(roles.grant(Subject::user(alice.id), "writer", clock.now() + 1h, by_operator));
    must(roles.grant(Subject::user(alice.id), "writer", by_operator));
    EXPECT_EQ(roles.assignments_of(Subject::user(alice.id)).at(0).expires_at, std::nullopt);
    EXPECT_THAT(roles.effective(alice.id).roles, ElementsAre("reader", "writer"));
    must(roles.add_permission("reader", "docs.*", by_operator));
    must(roles.remove_permission("reader", "docs.read", by_operator));
    EXPECT_THAT(roles.effective(alice.id).permissions, ElementsAre("docs.*"));
    must(roles.describe("reader", "Reads everything", by_operator));
    EXPECT_EQ(roles.find("reader").value().description, "Reads everything");
    EXPECT_THAT(roles.list("b", 10), SizeIs(2));
    EXPECT_THAT(roles.holders("writer"), SizeIs(1));
    must(roles.exclude("writer", "reader", by_operator));
    EXPECT_THAT(roles.effective(alice.id).roles, ElementsAre("writer"));
    must(roles.revoke(Subject::user(alice.id), "writer", by_operator));
    must(roles.remove("writer", by_operator));
    EXPECT_THAT(roles.effective(alice.id).roles, IsEmpty());
}

TEST_P(UsersRbacContract, two_nodes_over_one_database_agree) {
    users::UserService other_users{*database, audit, clock, random};
    users::GroupService other_groups{*database, audit, clock, random};
    rbac::RoleService other{*database, audit, clock, {other_users, other_groups}, {.version_check = 0s}};
    auto const alice = add("alice");
    EXPECT_FALSE(other.require_role(alice.id, "auditor").ok());
    must(roles.grant(Subject::user(alice.id), "auditor", by_operator));
    EXPECT_TRUE(other.require_role(alice.id, "auditor").ok());
    must(users.set_state(alice.id, users::UserState::disabled, by_operator));
    EXPECT_FALSE(other.require_role(alice.id, "auditor").ok());
}

TEST_P(UsersRbacContract, erasing_a_person_leaves_events_and_no_trace_of_names) {
    auto const boss = add("boss");
    must(roles.grant(Subject::user(boss.id), "admin", by_operator));
    auto const alice = add("alice.canary", "alice@canary.test");
    auto const self = audit::Actor::user(alice.id);
    ASSERT_TRUE(users.update_profile(alice.id, {.display_name = "Al Canary"}, self, {"192.0.2.77", "canary/1.0"}).ok());
    must(roles.grant(Subject::user(alice.id), "auditor", audit::Actor::user(boss.id)));
    auto const exported = database->read([&](storage::Transaction& tx) { return data.export_for(tx, alice.id).dump(); });
    EXPECT_NE(exported.find("alice@canary.test"), exported.npos);
    EXPECT_NE(exported.find("auditor"), exported.npos);
    EXPECT_NE(exported.find("192.0.2.77"), exported.npos);
    must(users.remove(alice.id, data, audit::Actor::user(boss.id), {"198.51.100.1", "admin/1.0"}));
    EXPECT_EQ(count("app_user"), 1);
    EXPECT_EQ(count("role_assignment"), 1);
    auto const events = audit.query({.subject = alice.id});
    EXPECT_GE(events.size(), 4u);
    for (auto const& event : events) {
        EXPECT_THAT(event.personal, IsEmpty()) << event.name;
        EXPECT_NE(event.address, "192.0.2.77") << event.name;
    }
    must(roles.require_not_above(audit::Actor::user(boss.id), boss.id));
}

TEST_P(UsersRbacContract, the_rooms_claim_every_column_of_their_tables) {
    std::vector<storage::Column> ours;
    for (auto const& column : storage::list_columns(*database)) {
        for (auto const* table : {"app_user", "user_group", "group_member", "group_child", "role", "role_include", "role_permission",
                                  "role_assignment", "rbac_version", "audit_event", "audit_outbox", "audit_node", "audit_erasure", "audit_subject",
                                  "audit_subject_key", "audit_hold"}) {
            if (column.table == table) ours.push_back(column);
        }
    }
    EXPECT_THAT(privacy::unclaimed_columns(ours, data.claims()), IsEmpty());
}

TEST_P(UsersRbacContract, hostile_text_reaches_the_store_as_text_and_nothing_else) {
    std::string const hostile = "'); DROP TABLE app_user; --";
    EXPECT_EQ(users.find_by_login(hostile).error(), users::errors::not_found);
    EXPECT_EQ(roles.find(hostile).error(), rbac::errors::role_not_found);
    EXPECT_EQ(groups.find_by_name(hostile).error(), users::group_errors::not_found);
    auto const group = add_group("a'; --");
    EXPECT_EQ(groups.find(group.id).value().name, "a'; --");
    audit.append({.code = audit::codes::auth_refused,
                  .actor = {audit::Actor::Type::user, std::string{"a\0b\xff", 4}},
                  .reason = std::string{"\0\xff", 2},
                  .origin = {hostile, std::string{"\0", 1}, "\xff", "x"},
                  .details = {{"k", std::string{"\0\xff", 2}}},
                  .personal = {{"username", hostile}}});
    EXPECT_EQ(audit.query({.limit = 1})[0].personal[0].second, hostile);
}

INSTANTIATE_TEST_SUITE_P(BothEngines, UsersRbacContract, ::testing::Values(storage::Engine::sqlite, storage::Engine::postgresql),
                         [](auto const& each) { return each.param == storage::Engine::sqlite ? "sqlite" : "postgresql"; });

}  // namespace
}  // namespace zephyr
