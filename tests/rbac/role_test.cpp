#include "zephyr/rbac/role.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "rbac/graph.h"

namespace zephyr::rbac {
namespace {

TEST(RoleName, is_small_ascii_so_that_no_two_look_alike) {
    for (auto const* good : {"admin", "a", "0", "team-1.lead_x"}) EXPECT_TRUE(is_role_name(good)) << good;
    for (std::string const bad : {"", "Admin", "a b", " a", "a\n", "аdmin" /* Cyrillic */, "-a", ".a", "a*", "a/b"}) EXPECT_FALSE(is_role_name(bad)) << bad;
    EXPECT_TRUE(is_role_name(std::string(64, 'a')));
    EXPECT_FALSE(is_role_name(std::string(65, 'a')));
    EXPECT_FALSE(is_role_name(std::string_view{"a\0", 2}));
}

TEST(Permission, is_words_joined_by_dots) {
    for (auto const* good : {"users", "users.read", "a.b.c-d_e.0"}) {
        EXPECT_TRUE(is_permission(good)) << good;
        EXPECT_TRUE(is_permission_pattern(good)) << good;
    }
    for (auto const* bad : {"", ".", "a.", ".a", "a..b", "A.b", "a b", "a.b\n", "a.ß"}) {
        EXPECT_FALSE(is_permission(bad)) << bad;
        EXPECT_FALSE(is_permission_pattern(bad)) << bad;
    }
    EXPECT_TRUE(is_permission(std::string(128, 'a')));
    EXPECT_FALSE(is_permission(std::string(129, 'a')));
}

TEST(Permission, has_wildcards_only_in_patterns_and_only_at_the_end) {
    for (auto const* good : {"*", "users.*", "a.b.*"}) {
        EXPECT_TRUE(is_permission_pattern(good)) << good;
        EXPECT_FALSE(is_permission(good)) << good;
    }
    for (auto const* bad : {"*.read", "users.*.read", "users*", "**", "*.*", ".*", "users.**", "u*.read", "users.r*"}) {
        EXPECT_FALSE(is_permission_pattern(bad)) << bad;
    }
}

TEST(Covers, reaches_below_the_dot_and_nowhere_else) {
    EXPECT_TRUE(covers("users.read", "users.read"));
    EXPECT_TRUE(covers("users.*", "users.read"));
    EXPECT_TRUE(covers("users.*", "users.read.all"));
    EXPECT_TRUE(covers("users.*", "users.read.*"));
    EXPECT_TRUE(covers("users.*", "users.*"));
    EXPECT_TRUE(covers("*", "anything.at.all"));
    EXPECT_TRUE(covers("*", "*"));
    EXPECT_TRUE(covers("*", "users.*"));

    EXPECT_FALSE(covers("users.*", "users"));
    EXPECT_FALSE(covers("users.*", "users2.read"));
    EXPECT_FALSE(covers("users.*", "usersread"));
    EXPECT_FALSE(covers("users.read", "users.read.all"));
    EXPECT_FALSE(covers("users.read", "users.*"));
    EXPECT_FALSE(covers("users.*", "*"));
    EXPECT_FALSE(covers("a.b.*", "a.*"));
}

TEST(EffectiveRolesValue, answers_like_asking_each_pattern) {
    std::vector<std::string> const texts{"*", "a", "a.*", "a.b", "a.b.*", "a.b.c", "ab", "ab.*", "b", "b.c"};
    for (unsigned held = 0; held < (1u << texts.size()); held += 7) {
        EffectiveRoles roles;
        for (std::size_t i = 0; i < texts.size(); ++i) {
            if (held & (1u << i)) roles.permissions.push_back(texts[i]);
        }
        std::sort(roles.permissions.begin(), roles.permissions.end());
        for (auto const& wanted : texts) {
            bool covered = false;
            for (auto const& pattern : roles.permissions) covered = covered || covers(pattern, wanted);
            EXPECT_EQ(roles.allows(wanted), covered && is_permission(wanted)) << wanted;
            EXPECT_EQ(roles.holds({{}, {wanted}}), covered) << wanted;
        }
    }
}

TEST(EffectiveRolesValue, holds_others_by_roles_and_by_permissions) {
    EffectiveRoles const editor{{"editor"}, {"docs.*"}};
    EXPECT_TRUE(editor.holds({{"editor"}, {"docs.read"}}));
    EXPECT_TRUE(editor.holds({}));
    EXPECT_FALSE(editor.holds({{"auditor"}, {}}));
    EXPECT_FALSE(editor.holds({{"editor"}, {"docs.*", "users.read"}}));
    EXPECT_TRUE((EffectiveRoles{{"root"}, {"*"}}).holds({{"anything"}, {"*"}}));
    EXPECT_FALSE((EffectiveRoles{}).holds({{"editor"}, {}}));
    EXPECT_FALSE((EffectiveRoles{}).allows("docs.read"));
}

TEST(Graph, works_out_everything_included_once_and_drops_what_is_covered) {
    Graph graph;
    graph.roles["top"] = {.permissions = {"a.read"}, .includes = {"left", "right"}};
    graph.roles["left"] = {.permissions = {"a.*"}, .includes = {"bottom"}};
    graph.roles["right"] = {.permissions = {"b.c.d", "b.c.*"}, .includes = {"bottom"}};
    graph.roles["bottom"] = {.permissions = {"z"}, .includes = {}};
    graph.roles["other"] = {.permissions = {"q"}, .includes = {"top"}};
    auto const held = graph.closure({"top", "unknown"});
    EXPECT_EQ(held.roles, (std::vector<std::string>{"bottom", "left", "right", "top"}));
    EXPECT_EQ(held.permissions, (std::vector<std::string>{"a.*", "b.c.*", "z"}));
    EXPECT_EQ(graph.containing("bottom"), (std::vector<std::string>{"bottom", "left", "other", "right", "top"}));
    EXPECT_EQ(graph.depth_below("other"), 4);
    EXPECT_EQ(graph.depth_above("bottom"), 4);
    EXPECT_EQ(graph.depth_below("bottom"), 1);
}

}  // namespace
}  // namespace zephyr::rbac
