// Of whom a second factor is demanded, and since when.
#include "zephyr/signin/mfa_policy.h"

#include <gtest/gtest.h>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/crypto/keyring.h"

namespace zephyr::signin {
namespace {

using audit::Actor;

TEST(MfaRule, refuses_lines_that_say_nothing_clear) {
    for (auto const* line : {"", " ", "everybody", "role:", "group:", "group: ", "role:Ward Nurse", "clinician", "everyone grace:", "everyone grace:7",
                             "everyone grace:d", "everyone grace:0d", "everyone grace:-1d", "everyone grace:7m", "everyone grace:366d",
                             "everyone grace:53w", "everyone grace:99999999999999999999d", "everyone grace:7d more", "everyone  role:x"}) {
        EXPECT_FALSE(MfaRule::parse(line)) << line;
    }
    EXPECT_FALSE(MfaRule::parse("group:" + std::string(300, 'x')));
}

TEST(MfaRule, reads_who_and_how_long) {
    auto const role = MfaRule::parse(" role:clinician grace:7d ");
    ASSERT_TRUE(role);
    EXPECT_EQ(role->text(), "role:clinician");
    EXPECT_EQ(role->grace, 7 * 24h);
    auto const group = MfaRule::parse("group:Night shift grace:2w");
    ASSERT_TRUE(group);
    EXPECT_EQ(group->text(), "group:Night shift");
    EXPECT_EQ(group->grace, 14 * 24h);
    EXPECT_EQ(MfaRule::parse("everyone")->text(), "everyone");
    EXPECT_FALSE(MfaRule::parse("everyone")->grace);
    EXPECT_EQ(MfaRule::parse("everyone grace:365d")->grace, 365 * 24h);
    EXPECT_EQ(MfaRule::parse("everyone grace:1h")->grace, 1h);
}

class MfaPolicyTest : public ::testing::Test {
protected:
    MfaPolicy with(std::vector<std::string_view> const& lines, bool admins = false) {
        MfaPolicySettings settings{.required_for_admin = admins};
        for (auto const line : lines) settings.rules.push_back(*MfaRule::parse(line));
        return {*database, roles, groups, clock, settings};
    }
    // As a sign-in does.
    MfaDemand sign_in(MfaPolicy& policy) {
        auto const rules = policy.rules_for(ada);
        return database->write([&](storage::Transaction& tx) { return policy.begin(tx, ada, rules); });
    }
    static std::string shown(MfaDemand const& demand) {
        std::string what = demand.what == MfaDemand::What::none ? "none" : demand.what == MfaDemand::What::now ? "now" : "in grace";
        return what + (demand.sign_in_waits ? ", sign-in waits" : "");
    }
    void grant(std::string const& role) { ASSERT_TRUE(roles.grant(rbac::Subject::user(ada), role, Actor::system()).ok()); }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database(clock);
    crypto::MasterKey master = crypto::MasterKey::generate(random);
    crypto::Sealer sealer{crypto::Keyring{master}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    users::UserService users{*database, audit, clock, random};
    users::GroupService groups{*database, audit, clock, random};
    rbac::RoleService roles{*database, audit, clock, {users, groups}, {}};
    UserId ada = users.create({.username = "ada"}, Actor::system()).value().id;
};

TEST_F(MfaPolicyTest, demands_nothing_of_whom_no_rule_speaks) {
    auto policy = with({"role:clinician", "group:Ward"}, true);
    EXPECT_FALSE(policy.rules_for(ada).any());
    EXPECT_EQ(shown(sign_in(policy)), "none");
    EXPECT_EQ(shown(policy.demanded(ada)), "none");
}

TEST_F(MfaPolicyTest, an_administrator_by_the_old_setting_alone_may_sign_in_without) {
    auto policy = with({}, true);
    grant("admin");
    EXPECT_EQ(shown(policy.demanded(ada)), "now");
    auto strict = with({"role:admin"}, true);
    EXPECT_EQ(shown(strict.demanded(ada)), "now, sign-in waits");
}

TEST_F(MfaPolicyTest, follows_groups_through_nesting_and_at_once) {
    auto policy = with({"group:Hospital"});
    auto const hospital = groups.create("Hospital", Actor::system()).value();
    auto const ward = groups.create("Ward", Actor::system()).value();
    ASSERT_TRUE(groups.add_group(hospital.id, ward.id, Actor::system()).ok());
    EXPECT_EQ(shown(policy.demanded(ada)), "none");
    ASSERT_TRUE(groups.add_member(ward.id, ada, Actor::system()).ok());
    EXPECT_EQ(shown(policy.demanded(ada)), "now, sign-in waits");
    ASSERT_TRUE(groups.remove_member(ward.id, ada, Actor::system()).ok());
    EXPECT_EQ(shown(policy.demanded(ada)), "none");
}

TEST_F(MfaPolicyTest, grace_runs_from_the_first_sign_in_and_ends_at_its_moment) {
    auto policy = with({"everyone grace:7d"});
    clock.advance(std::chrono::hours{24 * 300});
    auto const first = sign_in(policy);
    EXPECT_EQ(shown(first), "in grace");
    EXPECT_EQ(first.until, clock.now() + std::chrono::hours{7 * 24});
    clock.advance(std::chrono::hours{7 * 24} - 1ms);
    EXPECT_EQ(shown(sign_in(policy)), "in grace");
    clock.advance(1ms);
    EXPECT_EQ(shown(sign_in(policy)), "now, sign-in waits");
}

TEST_F(MfaPolicyTest, grace_is_kept_by_the_database_and_not_by_the_process) {
    auto policy = with({"everyone grace:1d"});
    sign_in(policy);
    clock.advance(24h);
    auto after_restart = with({"everyone grace:1d"});
    EXPECT_EQ(shown(sign_in(after_restart)), "now, sign-in waits");
    auto longer = with({"everyone grace:2d"});
    EXPECT_EQ(shown(sign_in(longer)), "in grace") << "a longer one counts from the same day";
}

TEST_F(MfaPolicyTest, leaving_and_coming_back_starts_no_new_grace) {
    auto policy = with({"role:auditor grace:1d"});
    grant("auditor");
    sign_in(policy);
    ASSERT_TRUE(roles.revoke(rbac::Subject::user(ada), "auditor", Actor::system()).ok());
    clock.advance(24h);
    EXPECT_EQ(shown(sign_in(policy)), "none");
    grant("auditor");
    EXPECT_EQ(shown(sign_in(policy)), "now, sign-in waits");
}

TEST_F(MfaPolicyTest, of_several_rules_the_strictest_decides) {
    grant("auditor");
    auto policy = with({"everyone grace:30d", "role:auditor grace:1d"});
    EXPECT_EQ(sign_in(policy).until, clock.now() + 24h);
    auto strict = with({"everyone grace:30d", "role:auditor"});
    EXPECT_EQ(shown(sign_in(strict)), "now, sign-in waits");
}

TEST_F(MfaPolicyTest, asks_nothing_where_factors_are_switched_off) {
    MfaPolicy off{*database, roles, groups, clock, {.mfa_enabled = false, .required_for_admin = true, .rules = {*MfaRule::parse("everyone")}}};
    EXPECT_FALSE(off.rules_for(ada).any());
}

TEST_F(MfaPolicyTest, a_persons_graces_are_exported_and_erased) {
    auto policy = with({"everyone grace:1d"});
    sign_in(policy);
    auto const data = database->read([&](storage::Transaction& tx) { return policy.export_for(tx, ada); });
    ASSERT_EQ(data.items()->size(), 1u);
    EXPECT_EQ(data.items()->front().string_at("rule"), "everyone");
    database->write([&](storage::Transaction& tx) { policy.erase(tx, ada); });
    EXPECT_TRUE(database->read([&](storage::Transaction& tx) { return policy.export_for(tx, ada); }).items()->empty());
}

}  // namespace
}  // namespace zephyr::signin
