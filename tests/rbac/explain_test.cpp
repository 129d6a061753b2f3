#include "rbac/roles_fixture.h"

namespace zephyr::rbac {
namespace {

using What = Explanation::Link::What;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ExplainTest : public RolesTest {
protected:
    static std::vector<std::pair<What, std::string>> chain(Explanation const& explanation) {
        std::vector<std::pair<What, std::string>> out;
        for (auto const& link : explanation.chain) out.emplace_back(link.what, link.name);
        return out;
    }
    users::User alice = add("alice");
};

TEST_F(ExplainTest, shows_the_way_from_person_through_groups_and_roles_to_the_permission) {
    role("reader", {"docs.*"});
    role("writer", {"pens.use"}, {"reader"});
    auto const staff = add_group("Staff");
    auto const team = add_group("Team");
    nest(staff, team);
    join(team, alice);
    give(staff, "writer");
    auto const why = roles.explain_permission(alice.id, "docs.read");
    EXPECT_TRUE(why.allowed);
    EXPECT_THAT(chain(why), ElementsAre(std::pair{What::user, alice.id.str()}, std::pair{What::group, std::string{"Team"}},
                                        std::pair{What::group, std::string{"Staff"}}, std::pair{What::role, std::string{"writer"}},
                                        std::pair{What::role, std::string{"reader"}}, std::pair{What::permission, std::string{"docs.*"}}));
    EXPECT_EQ(why.why, "Held through group Team → group Staff → role writer → role reader → permission docs.*.");
    EXPECT_EQ(roles.explain_role(alice.id, "reader").why, "Held through group Team → group Staff → role writer → role reader.");
}

TEST_F(ExplainTest, shows_the_shortest_of_several_ways) {
    role("reader", {"docs.read"});
    role("writer", {}, {"reader"});
    give(alice, "writer");
    EXPECT_EQ(roles.explain_role(alice.id, "reader").chain.size(), 3u);
    give(alice, "reader");
    EXPECT_EQ(roles.explain_role(alice.id, "reader").chain.size(), 2u);
}

TEST_F(ExplainTest, says_what_is_missing) {
    auto const nobody = roles.explain_role(UserId::make(clock.now(), random), "admin");
    EXPECT_FALSE(nobody.allowed);
    EXPECT_EQ(nobody.why, "There is no such account.");
    EXPECT_EQ(roles.explain_role(alice.id, "wizard").why, "There is no such role.");
    EXPECT_EQ(roles.explain_role(alice.id, "admin").why, "No role of the account or of its groups grants it.");
    EXPECT_THAT(roles.explain_role(alice.id, "admin").chain, IsEmpty());
    EXPECT_THAT(roles.explain_permission(alice.id, "*").why, HasSubstr("That is no permission"));
    give(alice, "admin");
    ASSERT_TRUE(users.set_state(alice.id, users::UserState::disabled, by_operator).ok());
    EXPECT_EQ(roles.explain_permission(alice.id, "docs.read").why, "The account is disabled, so it holds nothing.");
}

TEST_F(ExplainTest, says_which_role_ran_out_and_when) {
    role("oncall", {"pager.answer"});
    auto const team = add_group("team");
    join(team, alice);
    auto const end = clock.now() + 1h;
    give(team, "oncall", end);
    EXPECT_TRUE(roles.explain_permission(alice.id, "pager.answer").allowed);
    clock.advance(1h);
    auto const why = roles.explain_permission(alice.id, "pager.answer");
    EXPECT_FALSE(why.allowed);
    EXPECT_EQ(why.why, "The role oncall would grant it, but ran out at " + to_rfc3339(end) + ".");
}

}  // namespace
}  // namespace zephyr::rbac
