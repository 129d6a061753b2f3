// Why somebody may or may not: the shortest way from the person to what was asked, or what is missing.
#include <map>
#include <set>

#include "rbac/state.h"

namespace zephyr::rbac {

namespace {

using What = Explanation::Link::What;
using Link = Explanation::Link;

// A place on the way: the person (no id), a group by id, or a role by name.
struct Place {
    What what;
    std::string id;
    auto operator<=>(Place const&) const = default;
};

// Everything reachable from a person, breadth first, so that the first way found is a shortest one.
class Ways {
public:
    void add(Place const& from, Place const& to) { edges_[from].push_back(to); }

    // The places from the person to the first one that `wanted` accepts; empty when there is none.
    template <class Wanted>
    std::vector<Place> shortest(Wanted const& wanted) const {
        Place const start{What::user, ""};
        std::map<Place, Place> came_from;
        std::set<Place> seen{start};
        std::vector<Place> open{start};
        for (std::size_t i = 0; i < open.size(); ++i) {
            auto const here = open[i];
            if (wanted(here)) return walk_back(came_from, here);
            auto const next = edges_.find(here);
            if (next == edges_.end()) continue;
            for (auto const& to : next->second) {
                if (!seen.insert(to).second) continue;
                came_from.emplace(to, here);
                open.push_back(to);
            }
        }
        return {};
    }

private:
    static std::vector<Place> walk_back(std::map<Place, Place> const& came_from, Place here) {
        std::vector<Place> out{here};
        for (auto step = came_from.find(here); step != came_from.end(); step = came_from.find(step->second)) {
            out.insert(out.begin(), step->second);
        }
        return out;
    }

    std::map<Place, std::vector<Place>> edges_;
};

std::vector<Assignment> all_assignments(storage::Transaction& tx, Subject const& subject) {
    std::vector<Assignment> out;
    for (auto const& row : tx.rows("SELECT role, expires_at FROM role_assignment WHERE subject_type = $1 AND subject_id = $2 ORDER BY role",
                                   subject.type == Subject::Type::user ? "user" : "group", subject.id)) {
        out.push_back({subject, row.text(0), {}, {}, row.optional_time(1)});
    }
    return out;
}

// The ways that count now, and the ways that would if nothing had run out.
struct BothWays {
    Ways now;
    Ways ever;
    std::map<Place, std::map<std::string, TimePoint>> ran_out;  // who held which role, and until when
};

BothWays find_ways(storage::Transaction& tx, users::GroupService const& groups, Graph const& graph, UserId const& user, TimePoint at) {
    BothWays out;
    Place const person{What::user, ""};
    std::map<Place, Subject> holders{{person, Subject::user(user)}};
    for (auto const& step : groups.membership_steps(tx, user)) {
        auto const from = step.from ? Place{What::group, step.from->str()} : person;
        Place const into{What::group, step.into.str()};
        out.now.add(from, into);
        out.ever.add(from, into);
        holders.emplace(into, Subject::group(step.into));
    }
    for (auto const& [place, subject] : holders) {
        for (auto const& assignment : all_assignments(tx, subject)) {
            Place const role{What::role, assignment.role};
            out.ever.add(place, role);
            if (assignment.expires_at && at >= *assignment.expires_at) {
                out.ran_out[place].emplace(assignment.role, *assignment.expires_at);
            } else {
                out.now.add(place, role);
            }
        }
    }
    for (auto const& [name, node] : graph.roles) {
        for (auto const& included : node.includes) {
            out.now.add({What::role, name}, {What::role, included});
            out.ever.add({What::role, name}, {What::role, included});
        }
    }
    return out;
}

std::string_view word(What what) {
    switch (what) {
        case What::user: return "user";
        case What::group: return "group";
        case What::role: return "role";
        case What::permission: return "permission";
    }
    return "";
}

std::string tell(std::vector<Link> const& chain) {
    std::string out;
    for (auto const& link : chain) {
        if (link.what == What::user) continue;
        if (!out.empty()) out += " → ";
        out += std::string{word(link.what)} + " " + link.name;
    }
    return out;
}

std::string when_it_ran_out(BothWays const& ways, std::vector<Place> const& lost) {
    for (std::size_t i = 0; i + 1 < lost.size(); ++i) {
        auto const place = ways.ran_out.find(lost[i]);
        if (place == ways.ran_out.end()) continue;
        if (auto const role = place->second.find(lost[i + 1].id); role != place->second.end()) {
            return "The role " + role->first + " would grant it, but ran out at " + to_rfc3339(role->second) + ".";
        }
    }
    return {};
}

template <class Wanted>
Explanation explain(storage::Transaction& tx, Directory const& directory, Graph const& graph, UserId const& user, TimePoint now,
                    Wanted const& wanted) {
    Explanation out;
    auto const account = directory.users.find(tx, user);
    if (!account.ok()) return {.why = "There is no such account."};
    auto const state = users::effective_state(account.value(), now);
    if (state != users::UserState::active) {
        return {.why = "The account is " + std::string{users::state_name(state)} + ", so it holds nothing."};
    }
    auto const ways = find_ways(tx, directory.groups, graph, user, now);
    auto const way = ways.now.shortest(wanted);
    if (way.empty()) {
        out.why = when_it_ran_out(ways, ways.ever.shortest(wanted));
        if (out.why.empty()) out.why = "No role of the account or of its groups grants it.";
        return out;
    }
    out.allowed = true;
    for (auto const& place : way) {
        auto name = place.id;
        if (place.what == What::user) name = user.str();
        if (place.what == What::group) {
            auto const group = directory.groups.find(tx, GroupId::trusted(place.id));
            if (group.ok()) name = group.value().name;
        }
        out.chain.push_back({place.what, std::move(name)});
    }
    return out;
}

}  // namespace

Explanation RoleService::explain_role(UserId const& user, std::string_view role) const {
    return state_->database.read([&](storage::Transaction& tx) -> Explanation {
        auto const graph = state_->graph(tx);
        if (!graph->roles.contains(role)) return {.why = "There is no such role."};
        auto out = explain(tx, state_->directory, *graph, user, state_->clock.now(),
                           [&](Place const& place) { return place.what == What::role && place.id == role; });
        if (out.allowed) out.why = "Held through " + tell(out.chain) + ".";
        return out;
    });
}

Explanation RoleService::explain_permission(UserId const& user, std::string_view permission) const {
    if (!is_permission(permission)) return {.why = "That is no permission: words of a-z 0-9 _ - joined by dots."};
    return state_->database.read([&](storage::Transaction& tx) -> Explanation {
        auto const graph = state_->graph(tx);
        auto const pattern_of = [&](Place const& place) -> std::string const* {
            auto const node = place.what == What::role ? graph->roles.find(place.id) : graph->roles.end();
            if (node == graph->roles.end()) return nullptr;
            for (auto const& pattern : node->second.permissions) {
                if (covers(pattern, permission)) return &pattern;
            }
            return nullptr;
        };
        auto out = explain(tx, state_->directory, *graph, user, state_->clock.now(),
                           [&](Place const& place) { return pattern_of(place) != nullptr; });
        if (!out.allowed) return out;
        out.chain.push_back({What::permission, *pattern_of({What::role, out.chain.back().name})});
        out.why = "Held through " + tell(out.chain) + ".";
        return out;
    });
}

}  // namespace zephyr::rbac
