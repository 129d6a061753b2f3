// Creating, changing and deleting roles.
#include <algorithm>

#include "rbac/state.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/unicode.h"

namespace zephyr::rbac {

namespace codes = audit::codes;

namespace {

constexpr std::size_t max_description_bytes = 500;

std::string clean_description(std::string_view text) {
    // For people to read: cut and made valid rather than refused.
    auto out = encoding::to_valid_utf8(text.substr(0, max_description_bytes));
    std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return out;
}

// A role that may be changed: there, and not one that came with the product.
Result<void> check_changeable(Graph const& graph, std::string_view role) {
    auto const node = graph.roles.find(role);
    if (node == graph.roles.end()) return errors::role_not_found;
    if (node->second.built_in) return errors::built_in;
    return success();
}

Result<void> check_inclusion(Graph const& graph, std::string_view role, std::string_view included) {
    if (!graph.roles.contains(included)) return errors::role_not_found;
    if (graph.closure({std::string{included}}).has_role(role)) return errors::cycle;
    if (graph.depth_above(role) + graph.depth_below(included) > max_role_depth) return errors::too_deep;
    return success();
}

}  // namespace

Result<Role> RoleService::create(NewRole const& wanted, audit::Actor const& actor, audit::Origin const& origin) {
    if (!is_role_name(wanted.name)) return errors::role_malformed;
    if (wanted.permissions.size() > max_permissions_per_role || wanted.includes.size() > max_includes_per_role) return errors::too_many;
    for (auto const& pattern : wanted.permissions) {
        if (!is_permission_pattern(pattern)) return errors::permission_malformed;
    }
    auto const now = state_->clock.now();
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        auto const graph = state_->graph(tx);
        for (auto const& included : wanted.includes) {
            if (!graph->roles.contains(included)) return errors::role_not_found;
            if (graph->depth_below(included) + 1 > max_role_depth) return errors::too_deep;
        }
        auto handed_out = graph->closure(wanted.includes);
        handed_out.permissions.insert(handed_out.permissions.end(), wanted.permissions.begin(), wanted.permissions.end());
        ZEPHYR_CHECK(state_->check_holds(tx, actor, handed_out, now));
        if (tx.run("INSERT INTO role (name, description, built_in, created_at) VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING",
                   wanted.name, clean_description(wanted.description), now) == 0) {
            return errors::role_taken;
        }
        for (auto const& pattern : wanted.permissions) {
            tx.run("INSERT INTO role_permission (role, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING", wanted.name, pattern);
        }
        for (auto const& included : wanted.includes) {
            tx.run("INSERT INTO role_include (role, included) VALUES ($1, $2) ON CONFLICT DO NOTHING", wanted.name, included);
        }
        return true;
    };
    ZEPHYR_CHECK(state_->run({.code = codes::role_created, .details = {{"role", wanted.name}}, .apply = apply}, actor, origin));
    return find(wanted.name);
}

Result<void> RoleService::describe(std::string_view role, std::string_view description, audit::Actor const& actor,
                                   audit::Origin const& origin) {
    std::string const name{role};
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        auto const graph = state_->graph(tx);
        if (!graph->roles.contains(name)) return errors::role_not_found;
        ZEPHYR_CHECK(state_->check_holds(tx, actor, graph->closure({name}), state_->clock.now()));
        return tx.run("UPDATE role SET description = $2 WHERE name = $1", name, clean_description(description)) == 1;
    };
    return state_->run({.code = codes::role_changed, .details = {{"role", name}, {"change", "described"}}, .apply = apply}, actor, origin);
}

Result<void> RoleService::remove(std::string_view role, audit::Actor const& actor, audit::Origin const& origin) {
    std::string const name{role};
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        auto const graph = state_->graph(tx);
        ZEPHYR_CHECK(check_changeable(*graph, name));
        ZEPHYR_CHECK(state_->check_holds(tx, actor, graph->closure({name}), state_->clock.now()));
        // Assignments too: a later role of the same name must not find holders waiting for it.
        tx.run("DELETE FROM role_assignment WHERE role = $1", name);
        tx.run("DELETE FROM role_include WHERE role = $1 OR included = $1", name);
        tx.run("DELETE FROM role_permission WHERE role = $1", name);
        tx.run("DELETE FROM role WHERE name = $1", name);
        state_->move(tx, Moved::grants);
        return true;
    };
    return state_->run({.code = codes::role_deleted, .details = {{"role", name}}, .apply = apply}, actor, origin);
}

// A permission or an included role that a role gets or loses: what these changes have in common.
Result<void> RoleService::State::edit(RoleEdit const& wanted, audit::Actor const& actor, audit::Origin const& origin) {
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        // Of two inclusions that together close a circle, the second looks at a graph that holds the first: SQLite has
        // one writer, and PostgreSQL runs the second again, because both move the version.
        auto const now = graph(tx);
        ZEPHYR_CHECK(check_changeable(*now, wanted.role));
        if (wanted.check) ZEPHYR_CHECK(wanted.check(*now, now->roles.find(wanted.role)->second));
        auto touched = now->closure({wanted.role});
        if (wanted.hands_out) wanted.hands_out(*now, touched);
        ZEPHYR_CHECK(check_holds(tx, actor, touched, clock.now()));
        return tx.run(wanted.sql, wanted.role, wanted.value) == 1;
    };
    return run({.code = codes::role_changed,
                .details = {{"role", wanted.role}, {"change", std::string{wanted.change}}, {std::string{wanted.kind}, wanted.value}},
                .apply = apply},
               actor, origin);
}

Result<void> RoleService::add_permission(std::string_view role, std::string_view pattern, audit::Actor const& actor,
                                         audit::Origin const& origin) {
    if (!is_permission_pattern(pattern)) return errors::permission_malformed;
    return state_->edit({.role = std::string{role},
                         .change = "permission_added",
                         .kind = "permission",
                         .value = std::string{pattern},
                         .sql = "INSERT INTO role_permission (role, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                         .check = [](Graph const&, Graph::Node const& node) -> Result<void> {
                             if (node.permissions.size() >= max_permissions_per_role) return errors::too_many;
                             return success();
                         },
                         .hands_out = [&](Graph const&, EffectiveRoles& touched) { touched.permissions.emplace_back(pattern); }},
                        actor, origin);
}

Result<void> RoleService::remove_permission(std::string_view role, std::string_view pattern, audit::Actor const& actor,
                                            audit::Origin const& origin) {
    if (!is_permission_pattern(pattern)) return errors::permission_malformed;
    return state_->edit({.role = std::string{role},
                         .change = "permission_removed",
                         .kind = "permission",
                         .value = std::string{pattern},
                         .sql = "DELETE FROM role_permission WHERE role = $1 AND permission = $2"},
                        actor, origin);
}

Result<void> RoleService::include(std::string_view role, std::string_view included, audit::Actor const& actor,
                                  audit::Origin const& origin) {
    return state_->edit({.role = std::string{role},
                         .change = "role_included",
                         .kind = "included",
                         .value = std::string{included},
                         .sql = "INSERT INTO role_include (role, included) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                         .check = [&](Graph const& graph, Graph::Node const& node) -> Result<void> {
                             if (node.includes.size() >= max_includes_per_role) return errors::too_many;
                             return check_inclusion(graph, role, included);
                         },
                         .hands_out = [&](Graph const& graph, EffectiveRoles& touched) {
                             touched = graph.closure({std::string{role}, std::string{included}});
                         }},
                        actor, origin);
}

Result<void> RoleService::exclude(std::string_view role, std::string_view included, audit::Actor const& actor,
                                  audit::Origin const& origin) {
    return state_->edit({.role = std::string{role},
                         .change = "role_excluded",
                         .kind = "included",
                         .value = std::string{included},
                         .sql = "DELETE FROM role_include WHERE role = $1 AND included = $2"},
                        actor, origin);
}

}  // namespace zephyr::rbac
