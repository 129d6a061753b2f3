#include "rbac/graph.h"

#include <algorithm>
#include <set>

namespace zephyr::rbac {

namespace {

using Edges = std::map<std::string_view, std::vector<std::string_view>>;

Edges downwards(Graph const& graph) {
    Edges out;
    for (auto const& [name, node] : graph.roles) out[name].assign(node.includes.begin(), node.includes.end());
    return out;
}

Edges upwards(Graph const& graph) {
    Edges out;
    for (auto const& [name, node] : graph.roles) {
        for (auto const& included : node.includes) out[included].push_back(name);
    }
    return out;
}

// Depth first with memory: each role once. The graph has no cycles, `include` sees to that.
int longest(Edges const& edges, std::string_view from, std::map<std::string_view, int>& known) {
    if (auto const found = known.find(from); found != known.end()) return found->second;
    int deepest = 0;
    if (auto const next = edges.find(from); next != edges.end()) {
        for (auto const to : next->second) deepest = std::max(deepest, longest(edges, to, known));
    }
    return known[from] = deepest + 1;
}

std::set<std::string_view> reachable(Edges const& edges, std::string_view from) {
    std::set<std::string_view> seen{from};
    std::vector<std::string_view> open{from};
    while (!open.empty()) {
        auto const next = edges.find(open.back());
        open.pop_back();
        if (next == edges.end()) continue;
        for (auto const to : next->second) {
            if (seen.insert(to).second) open.push_back(to);
        }
    }
    return seen;
}

// Without those another one covers.
std::vector<std::string> minimal(std::set<std::string> const& patterns) {
    std::vector<std::string> out;
    if (patterns.contains("*")) return {"*"};
    for (auto const& pattern : patterns) {
        bool covered = false;
        for (auto dot = pattern.find('.'); dot != pattern.npos && !covered; dot = pattern.find('.', dot + 1)) {
            auto const stem = pattern.substr(0, dot) + ".*";
            covered = stem != pattern && patterns.contains(stem);
        }
        if (!covered) out.push_back(pattern);
    }
    return out;
}

}  // namespace

EffectiveRoles Graph::closure(std::vector<std::string> const& names) const {
    std::set<std::string> held;
    std::set<std::string> patterns;
    std::vector<std::string_view> open{names.begin(), names.end()};
    while (!open.empty()) {
        auto const node = roles.find(open.back());
        open.pop_back();
        if (node == roles.end() || !held.insert(node->first).second) continue;
        patterns.insert(node->second.permissions.begin(), node->second.permissions.end());
        open.insert(open.end(), node->second.includes.begin(), node->second.includes.end());
    }
    return {{held.begin(), held.end()}, minimal(patterns)};
}

std::vector<std::string> Graph::containing(std::string_view role) const {
    auto const edges = upwards(*this);
    std::vector<std::string> out;
    for (auto const name : reachable(edges, role)) out.emplace_back(name);
    return out;
}

int Graph::depth_below(std::string_view role) const {
    auto const edges = downwards(*this);
    std::map<std::string_view, int> known;
    return longest(edges, role, known);
}

int Graph::depth_above(std::string_view role) const {
    auto const edges = upwards(*this);
    std::map<std::string_view, int> known;
    return longest(edges, role, known);
}

Graph load_graph(storage::Transaction& tx, std::int64_t version) {
    Graph graph;
    graph.version = version;
    for (auto const& row : tx.rows("SELECT name, built_in FROM role")) graph.roles[row.text(0)].built_in = row.flag(1);
    for (auto const& row : tx.rows("SELECT role, permission FROM role_permission ORDER BY role, permission")) {
        if (auto const node = graph.roles.find(row.text(0)); node != graph.roles.end()) node->second.permissions.push_back(row.text(1));
    }
    for (auto const& row : tx.rows("SELECT role, included FROM role_include ORDER BY role, included")) {
        if (auto const node = graph.roles.find(row.text(0)); node != graph.roles.end()) node->second.includes.push_back(row.text(1));
    }
    return graph;
}

}  // namespace zephyr::rbac
