// What people hold, and how long that may be remembered.
#include <algorithm>

#include "rbac/state.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::rbac {

namespace {

void raise_to(std::atomic<std::int64_t>& value, std::int64_t to) {
    auto seen = value.load();
    while (seen < to && !value.compare_exchange_weak(seen, to)) {
    }
}

void lower_to(TimePoint* value, std::optional<TimePoint> const& to, TimePoint now) {
    if (value != nullptr && to && *to > now) *value = std::min(*value, *to);
}

std::string_view kind_of(Moved what) { return what == Moved::roles ? "roles" : "grants"; }

}  // namespace

std::string placeholders(std::size_t first, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) out += ", ";
        out += "$" + std::to_string(first + i);
    }
    return out;
}

Versions RoleService::State::read_versions(storage::Transaction& tx) const {
    Versions out;
    for (auto const& row : tx.rows("SELECT kind, version FROM rbac_version")) {
        (row.text(0) == kind_of(Moved::roles) ? out.roles : out.grants) = row.integer(1);
    }
    return out;
}

void RoleService::State::learn(Versions const& versions) {
    // Only ever upwards: a slow reader must not bring back what a newer change has outdated.
    raise_to(roles_version, versions.roles);
    raise_to(grants_version, versions.grants);
}

void RoleService::State::look_at_versions() {
    auto const now = clock.monotonic().time_since_epoch().count();
    auto const interval = std::chrono::microseconds{settings.version_check}.count();
    auto seen = looked_at.load();
    if (seen >= 0 && now - seen < interval) return;
    // One thread looks, the others go on with what was known a moment ago; but not without ever having looked.
    if (seen >= 0 && interval > 0 && !looked_at.compare_exchange_strong(seen, now)) return;
    try {
        learn(database.read([&](storage::Transaction& tx) { return read_versions(tx); }));
    } catch (...) {
        looked_at.store(seen);  // not looked: the next question tries again
        throw;
    }
    looked_at.store(now);
}

void RoleService::State::move(storage::Transaction& tx, Moved what) {
    auto const row = tx.row("UPDATE rbac_version SET version = version + 1 WHERE kind = $1 RETURNING version", kind_of(what));
    if (!row) throw Fault{"rbac_version has lost a row"};
    tx.after_commit([this, what, version = row->integer(0)] { raise_to(what == Moved::roles ? roles_version : grants_version, version); });
}

std::shared_ptr<Graph const> RoleService::State::graph(storage::Transaction& tx, bool remember) {
    auto const version = read_versions(tx).roles;
    {
        std::lock_guard const lock{graph_mutex};
        if (last_graph != nullptr && last_graph->version == version) return last_graph;
    }
    auto loaded = std::make_shared<Graph const>(load_graph(tx, version));
    if (remember) {
        std::lock_guard const lock{graph_mutex};
        if (last_graph == nullptr || last_graph->version < version) last_graph = loaded;
    }
    return loaded;
}

std::vector<std::string> RoleService::State::given_to_groups(storage::Transaction& tx, std::vector<GroupId> const& groups, TimePoint at,
                                                             TimePoint* valid_until) const {
    constexpr std::size_t at_once = 200;
    std::vector<std::string> out;
    for (std::size_t start = 0; start < groups.size(); start += at_once) {
        auto const count = std::min(at_once, groups.size() - start);
        storage::Values values;
        for (std::size_t i = 0; i < count; ++i) values.push_back(storage::bind(groups[start + i].str()));
        auto const sql = "SELECT role, expires_at FROM role_assignment WHERE subject_type = 'group' AND subject_id IN (" +
                         placeholders(1, count) + ")";
        for (auto const& row : tx.query(sql, values)) {
            auto const expires_at = row.optional_time(1);
            lower_to(valid_until, expires_at, at);
            if (!expires_at || at < *expires_at) out.push_back(row.text(0));
        }
    }
    return out;
}

std::vector<std::string> RoleService::State::given(storage::Transaction& tx, UserId const& user, TimePoint at,
                                                   TimePoint* valid_until) const {
    auto out = given_to_groups(tx, directory.groups.groups_of(tx, user), at, valid_until);
    for (auto const& row :
         tx.rows("SELECT role, expires_at FROM role_assignment WHERE subject_type = 'user' AND subject_id = $1", user.str())) {
        auto const expires_at = row.optional_time(1);
        lower_to(valid_until, expires_at, at);
        if (!expires_at || at < *expires_at) out.push_back(row.text(0));
    }
    return out;
}

EffectiveRoles RoleService::State::amount(storage::Transaction& tx, UserId const& user, TimePoint at) {
    return graph(tx)->closure(given(tx, user, at));
}

std::shared_ptr<EffectiveRoles const> RoleService::State::effective(UserId const& user) {
    look_at_versions();
    auto const now = clock.now();
    if (auto found = held.find(user, known(), now)) return found;

    // Versions and rows from one snapshot, so that an entry is never older than it says.
    auto fresh = database.read([&](storage::Transaction& tx) {
        Held out{read_versions(tx), TimePoint::max(), nullptr};
        auto const account = directory.users.find(tx, user);
        EffectiveRoles roles;
        if (account.ok()) {
            lower_to(&out.valid_until, account.value().expires_at, now);
            lower_to(&out.valid_until, account.value().locked_until, now);
            if (users::check_active(account.value(), now).ok()) {
                roles = graph(tx, true)->closure(given(tx, user, now, &out.valid_until));
            }
        }
        out.roles = std::make_shared<EffectiveRoles const>(std::move(roles));
        return std::pair{std::move(out), account.ok()};
    });
    learn(fresh.first.versions);
    auto answer = fresh.first.roles;
    // Ids that name nobody are not remembered: anybody can make up any number of them.
    if (fresh.second) held.keep(user, std::move(fresh.first));
    return answer;
}

}  // namespace zephyr::rbac
