// What RoleService is made of, for the files of this room.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "rbac/graph.h"
#include "rbac/held_cache.h"
#include "zephyr/rbac/role_service.h"

namespace zephyr::rbac {

enum class Moved { roles, grants };  // which version row a change moves

// One change to roles or assignments.
struct Change {
    std::string_view code;
    std::optional<UserId> subject = std::nullopt;
    std::vector<std::pair<std::string, std::string>> details = {};
    Moved moves = Moved::roles;
    // Does it, after its own checks; false when there was nothing to do.
    std::function<Result<bool>(storage::Transaction&)> apply = {};
};

// A permission or an included role that a role gets or loses.
struct RoleEdit {
    std::string role;
    std::string_view change;  // in the event: "permission_added"
    std::string_view kind;    // in the event: "permission", "included"
    std::string value;
    std::string_view sql;  // $1 the role, $2 the value
    // Besides what every edit asks for.
    std::function<Result<void>(Graph const&, Graph::Node const&)> check = {};
    // Adds what holders of the role get to what they have: the actor must hold all of it.
    std::function<void(Graph const&, EffectiveRoles&)> hands_out = {};
};

struct RoleService::State {
    storage::Database& database;
    audit::AuditLog& audit;
    Clock const& clock;
    Directory directory;
    RoleSettings settings;

    std::atomic<std::int64_t> roles_version{0};
    std::atomic<std::int64_t> grants_version{0};
    std::atomic<std::int64_t> looked_at{-1};  // monotonic microseconds of the last look at the version rows; -1: never
    HeldCache held;
    Closures closures;
    std::mutex graph_mutex;
    std::shared_ptr<Graph const> last_graph;  // only ever of a committed version
    storage::ChangeRegistration listening;    // last: it uses what stands above

    State(storage::Database& db, audit::AuditLog& log, Clock const& now, Directory people, RoleSettings chosen)
        : database{db},
          audit{log},
          clock{now},
          directory{people},
          settings{chosen},
          held{chosen.cached_users},
          listening{db.on_change([this](std::vector<storage::Change> const& changes) { hear(changes); })} {}

    // --- versions (held.cpp)
    Versions known() const { return {roles_version.load(), grants_version.load()}; }
    Versions read_versions(storage::Transaction& tx) const;
    void learn(Versions const& versions);
    void look_at_versions();
    // What move() announced has become durable.
    void hear(std::vector<storage::Change> const& changes);
    void move(storage::Transaction& tx, Moved what);

    // --- what people hold (held.cpp)
    std::shared_ptr<EffectiveRoles const> effective(UserId const& user);
    bool remembers(UserId const& user);
    // The graph of this transaction: the remembered one if it is of the same version. `remember` only in a read.
    std::shared_ptr<Graph const> graph(storage::Transaction& tx, bool remember = false);
    // Roles given to the person, directly and through groups, that are effective at `at`. Narrows `span` to the time in
    // which these are the ones.
    std::vector<std::string> given(storage::Transaction& tx, UserId const& user, TimePoint at, Span* span = nullptr) const;
    std::vector<std::string> given_to_groups(storage::Transaction& tx, std::vector<GroupId> const& groups, TimePoint at,
                                             Span* span = nullptr) const;
    // Everything the roles given to the person amount to, whatever the state of the account.
    EffectiveRoles amount(storage::Transaction& tx, UserId const& user, TimePoint at);

    // --- who may change what (rules.cpp)
    // Success when the actor holds all of `wanted` at `at`; above_actor.
    Result<void> check_holds(storage::Transaction& tx, audit::Actor const& actor, EffectiveRoles const& wanted, TimePoint at);
    Result<void> check_not_above(storage::Transaction& tx, audit::Actor const& actor, UserId const& target);
    Result<void> keep_an_admin(storage::Transaction& tx, audit::Actor const& actor, std::function<Result<void>()> const& change);
    bool has_admin(storage::Transaction& tx, users::UserService::Lasting lasting);
    // Runs the change, moves the version, keeps an admin, writes the event; or records the refusal.
    Result<void> run(Change const& change, audit::Actor const& actor, audit::Origin const& origin);
    Result<void> edit(RoleEdit const& wanted, audit::Actor const& actor, audit::Origin const& origin);  // role_changes.cpp
};

// "$first, $first+1, …"
std::string placeholders(std::size_t first, std::size_t count);

}  // namespace zephyr::rbac
