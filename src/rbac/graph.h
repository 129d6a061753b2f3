// Roles and what they include, as one immutable value. Pure: no table, no clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/rbac/role.h"
#include "zephyr/storage/database.h"

namespace zephyr::rbac {

struct Graph {
    struct Node {
        bool built_in = false;
        std::vector<std::string> permissions;
        std::vector<std::string> includes;
    };
    std::int64_t version = 0;
    std::map<std::string, Node, std::less<>> roles;

    // All of these roles, everything they include, and every permission of them. Unknown names are nothing.
    EffectiveRoles closure(std::vector<std::string> const& names) const;
    // The role and every role that includes it, directly or not; sorted.
    std::vector<std::string> containing(std::string_view role) const;
    // How many roles stand on the longest chain of inclusion downwards from this one, or up to it; itself counted.
    int depth_below(std::string_view role) const;
    int depth_above(std::string_view role) const;
};

// Reads the graph of this transaction.
Graph load_graph(storage::Transaction& tx, std::int64_t version);

}  // namespace zephyr::rbac
