// What people hold, and how long that may be remembered.
#include <algorithm>
#include <charconv>

#include "rbac/state.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::rbac {

namespace {

void raise_to(std::atomic<std::int64_t>& value, std::int64_t to) {
    auto seen = value.load();
    while (seen < to && !value.compare_exchange_weak(seen, to)) {
    }
}

void split(Span* span, std::optional<TimePoint> const& limit, TimePoint now) {
    if (span != nullptr && limit) span->split(*limit, now);
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

void RoleService::State::hear(std::vector<storage::Change> const& changes) {
    for (auto const& change : changes) {
        if (change.topic != "roles") continue;
        for (auto const what : {Moved::roles, Moved::grants}) {
            auto const kind = kind_of(what);
            if (!change.key.starts_with(kind) || change.key.size() <= kind.size() + 1) continue;
            std::int64_t version = 0;
            auto const digits = std::string_view{change.key}.substr(kind.size() + 1);
            auto const read = std::from_chars(digits.data(), digits.data() + digits.size(), version);
            if (read.ec == std::errc{}) raise_to(what == Moved::roles ? roles_version : grants_version, version);
        }
    }
}

void RoleService::State::look_at_versions() {
    // One process owns a SQLite file, and so hears of every change there is.
    if (database.engine() == storage::Engine::sqlite && looked_at.load() >= 0) return;
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
    // Said with the version, so that whoever hears of it need not ask; this room hears of it too.
    tx.announce("roles", std::string{kind_of(what)} + " " + std::to_string(row->integer(0)));
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
                                                             Span* span) const {
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
            split(span, expires_at, at);
            if (!expires_at || at < *expires_at) out.push_back(row.text(0));
        }
    }
    return out;
}

std::vector<std::string> RoleService::State::given(storage::Transaction& tx, UserId const& user, TimePoint at,
                                                   Span* span) const {
    auto out = given_to_groups(tx, directory.groups.groups_of(tx, user), at, span);
    for (auto const& row :
         tx.rows("SELECT role, expires_at FROM role_assignment WHERE subject_type = 'user' AND subject_id = $1", user.str())) {
        auto const expires_at = row.optional_time(1);
        split(span, expires_at, at);
        if (!expires_at || at < *expires_at) out.push_back(row.text(0));
    }
    return out;
}

EffectiveRoles RoleService::State::amount(storage::Transaction& tx, UserId const& user, TimePoint at) {
    return graph(tx)->closure(given(tx, user, at));
}

bool RoleService::State::remembers(UserId const& user) {
    auto const seen = looked_at.load();
    if (seen < 0) return false;
    auto const interval = std::chrono::microseconds{settings.version_check}.count();
    bool const must_look = database.engine() != storage::Engine::sqlite && clock.monotonic().time_since_epoch().count() - seen >= interval;
    return !must_look && held.find(user, known(), clock.now()) != nullptr;
}

std::shared_ptr<EffectiveRoles const> RoleService::State::effective(UserId const& user) {
    look_at_versions();
    auto const now = clock.now();
    if (auto found = held.find(user, known(), now)) return found;

    // Versions and rows from one snapshot, so that an entry is never older than it says.
    auto fresh = database.read([&](storage::Transaction& tx) {
        Held out{read_versions(tx), {}, nullptr};
        auto const account = directory.users.find(tx, user);
        std::vector<std::string> names;
        if (account.ok()) {
            split(&out.span, account.value().expires_at, now);
            split(&out.span, account.value().locked_until, now);
            if (users::check_active(account.value(), now).ok()) names = given(tx, user, now, &out.span);
        }
        out.roles = closures.find(*graph(tx, true), std::move(names));
        return std::pair{std::move(out), account.ok()};
    });
    learn(fresh.first.versions);
    auto answer = fresh.first.roles;
    // Ids that name nobody are not remembered: anybody can make up any number of them.
    if (fresh.second) held.keep(user, std::move(fresh.first));
    return answer;
}

}  // namespace zephyr::rbac
