#include "zephyr/http/guard.h"

#include <gtest/gtest.h>

#include "zephyr/foundation/fault.h"

namespace zephyr::http {
namespace {

using namespace std::chrono_literals;

TEST(Guard, prints_the_words_of_the_access_matrix) {
    EXPECT_EQ(require_login.demand().print(), "login");
    EXPECT_EQ(require_session.demand().print(), "session");
    EXPECT_EQ((require_login | require_mfa | require_role("admin")).demand().print(), "login | mfa | role(admin)");
    EXPECT_EQ((require_login | require_mfa_within(12h)).demand().print(), "login | mfa(43200s)");
    EXPECT_EQ(require_permission("users.write").demand().print(), "permission(users.write)");
    EXPECT_EQ(require_factor("pwd", 5min).demand().print(), "factor(pwd, 300s)");
    EXPECT_EQ(require_factor("otp").demand().print(), "factor(otp)");
    EXPECT_EQ(require("office-hours").demand().print(), "rule(office-hours)");
    EXPECT_EQ(open_to_all("load balancers probe it").demand().print(), "open (load balancers probe it)");
    EXPECT_EQ((require_login | any_of(require_role("admin"), require_role("auditor"))).demand().print(),
              "login | any_of(role(admin), role(auditor))");
    EXPECT_EQ(any_of(require_session, require_login | require_mfa).demand().print(), "any_of(session, login | mfa)");
}

TEST(Guard, keeps_demands_in_the_order_they_are_written_and_flat) {
    auto const guard = require_login | (require_mfa | require_role("admin")) | require_permission("users.write");
    ASSERT_EQ(guard.demand().what, Demand::What::all);
    ASSERT_EQ(guard.demand().children.size(), 4u);
    EXPECT_EQ(guard.demand().children[0].what, Demand::What::login);
    EXPECT_EQ(guard.demand().children[3].name, "users.write");
}

// What a guard proves is in its type: the compiler checks these.
template <class G>
constexpr Proves proved_by(G const&) {
    return G::proves;
}

TEST(Guard, proves_the_union_of_both_sides_of_a_bar) {
    static_assert(decltype(require_login)::proves == Proves::principal);
    static_assert(decltype(require_login | require_mfa)::proves == Proves::principal);
    static_assert(decltype(require_session | require_factor("pwd"))::proves == Proves::session);
    static_assert(decltype(require_session | require_login)::proves == Proves::principal);
    EXPECT_EQ(proved_by(require_role("admin") | require_permission("x")), Proves::nothing);
    EXPECT_EQ(proved_by(open_to_all("anybody may read this")), Proves::nothing);
}

TEST(Guard, proves_only_what_every_alternative_proves) {
    EXPECT_EQ(proved_by(any_of(require_login)), Proves::principal);
    EXPECT_EQ(proved_by(any_of(require_login, require_session)), Proves::session);
    EXPECT_EQ(proved_by(any_of(require_login, require_role("admin"))), Proves::nothing);
    EXPECT_EQ(proved_by(require_login | any_of(require_role("a"), require_role("b"))), Proves::principal);
}

TEST(Guard, refuses_names_that_could_forge_a_line_of_the_route_table) {
    for (std::string_view const name : {"", " ", "a b", "admin) | open (", "a,b", "a|b", "line\nbreak", "tab\t"}) {
        EXPECT_THROW(static_cast<void>(require_role(name)), Fault) << name;
        EXPECT_THROW(static_cast<void>(require_permission(name)), Fault) << name;
        EXPECT_THROW(static_cast<void>(require(name)), Fault) << name;
    }
}

TEST(Guard, refuses_freshness_that_means_nothing) {
    EXPECT_THROW(static_cast<void>(require_mfa_within(0s)), Fault);
    EXPECT_THROW(static_cast<void>(require_factor("pwd", -1s)), Fault);
}

TEST(SessionHolder, knows_the_latest_proof_of_each_factor) {
    SessionHolder holder{UserId::trusted("u"), "ada", "Ada", SessionRef::trusted("s"), {}, {}, {}, {}};
    EXPECT_FALSE(holder.has_second_factor());
    EXPECT_EQ(holder.proved("pwd"), std::nullopt);
    holder.factors = {{"pwd", from_millis(5)}, {"pwd", from_millis(9)}, {"pwd", from_millis(7)}};
    EXPECT_EQ(holder.proved("pwd"), from_millis(9));
    EXPECT_FALSE(holder.has_second_factor());
    holder.factors.push_back({"otp", from_millis(3), true});
    EXPECT_TRUE(holder.has_second_factor());
}

}  // namespace
}  // namespace zephyr::http
