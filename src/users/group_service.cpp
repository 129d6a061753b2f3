#include "zephyr/users/group_service.h"

#include <algorithm>
#include <functional>

#include "users/rows.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::users {

namespace codes = audit::codes;

namespace {

constexpr std::size_t max_name_points = 64;

// Group names are for people and may hold blanks; every word of one is canonical by itself.
Result<Name> parse_group_name(std::string_view text) {
    auto const composed = encoding::nfc(text);
    if (!composed) return group_errors::name_malformed;
    std::vector<std::string> shown;
    std::vector<std::string> canonical;
    for (auto const word : split(encoding::trim_blanks(*composed), ' ')) {
        if (word.empty()) continue;
        auto folded = encoding::canonical_name(word);
        if (!folded) return group_errors::name_malformed;
        shown.emplace_back(word);
        canonical.push_back(std::move(*folded));
    }
    Name name{join(shown, " "), join(canonical, " ")};
    if (name.canonical.empty() || encoding::code_points(name.canonical) > max_name_points) return group_errors::name_malformed;
    return name;
}

// How many groups stand on the longest chain from this one, itself counted: upwards along parents, or down.
std::int64_t longest_chain(storage::Transaction& tx, GroupId const& group, std::string_view from, std::string_view to) {
    auto const sql = "WITH RECURSIVE chain(id, depth) AS (SELECT id, 1 FROM user_group WHERE id = $1"
                     " UNION SELECT group_child." + std::string{to} + ", chain.depth + 1 FROM group_child JOIN chain ON group_child." +
                     std::string{from} + " = chain.id WHERE chain.depth <= " + std::to_string(max_group_depth) +
                     ") SELECT max(depth) FROM chain";
    return tx.row(sql, group.str())->optional_integer(0).value_or(0);
}

Result<void> check_nesting(storage::Transaction& tx, GroupId const& parent, GroupId const& child,
                           std::vector<GroupId> const& above_parent) {
    if (std::find(above_parent.begin(), above_parent.end(), child) != above_parent.end()) return group_errors::cycle;
    auto const above = longest_chain(tx, parent, "child_id", "parent_id");
    auto const below = longest_chain(tx, child, "parent_id", "child_id");
    if (above + below > max_group_depth) return group_errors::too_deep;
    return success();
}

}  // namespace

// What a change to a group needs around it.
struct GroupService::Change {
    std::string_view code;
    GroupId group;
    std::optional<UserId> subject = std::nullopt;  // who joins or leaves
    std::optional<GroupId> child = std::nullopt;
    enum class Effect { nothing, lets_in, takes_away } effect = Effect::nothing;
    // Does it; false when there was nothing to do.
    std::function<Result<bool>(storage::Transaction&)> apply;
};

GroupService::GroupService(storage::Database& database, audit::AuditLog& audit, Clock const& clock, Random& random)
    : database_{database}, audit_{audit}, clock_{clock}, random_{random} {}

Result<void> GroupService::change(Change const& change, audit::Actor const& actor, audit::Origin const& origin) {
    bool refused_by_rules = false;
    audit::Event event{.code = change.code, .actor = actor, .subject = change.subject, .origin = origin};
    event.details = {{"group", change.group.str()}};
    if (change.child) event.details.emplace_back("child", change.child->str());

    auto outcome = write_once_more(database_, [&](storage::Transaction& tx) -> Result<void> {
        refused_by_rules = false;
        ZEPHYR_CHECK(find(tx, change.group));
        bool changed = false;
        auto const apply = [&]() -> Result<void> {
            ZEPHYR_TRY(changed, change.apply(tx));
            return success();
        };
        if (rules_ == nullptr || change.effect == Change::Effect::nothing) {
            ZEPHYR_CHECK(apply());
        } else if (change.effect == Change::Effect::takes_away) {
            auto const done = rules_->around(tx, actor, apply);
            refused_by_rules = !done.ok();
            ZEPHYR_CHECK(done);
        } else {
            // Asked before the write: whoever lets themselves in must not be judged by what they would then hold.
            auto const allowed = rules_->may_join(tx, actor, change.group);
            refused_by_rules = !allowed.ok();
            ZEPHYR_CHECK(allowed);
            ZEPHYR_CHECK(apply());
        }
        if (!changed) return success();
        tx.announce("groups", "");
        if (rules_ != nullptr && change.effect != Change::Effect::nothing) rules_->changed(tx);
        audit_.append(tx, event);
        return success();
    });
    if (refused_by_rules) {
        event.details.emplace_back("change", audit::find_code(change.code)->name);
        event.code = codes::group_change_refused;
        event.outcome = audit::Outcome::denied;
        event.reason = outcome.error().id();
        audit_.append(event);
    }
    return outcome;
}

Result<Group> GroupService::create(std::string_view text, audit::Actor const& actor, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const name, parse_group_name(text));
    return database_.write([&](storage::Transaction& tx) -> Result<Group> {
        auto const now = clock_.now();
        Group group{GroupId::make(now, random_), name.shown, name.canonical, now, now};
        auto const added = tx.run("INSERT INTO user_group (id, name, canonical_name, created_at, updated_at, version)"
                                  " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                                  group.id.str(), group.name, group.canonical_name, now, now, group.version);
        if (added == 0) return group_errors::name_taken;
        audit_.append(tx, {.code = codes::group_created,
                           .actor = actor,
                           .origin = origin,
                           .details = {{"group", group.id.str()}, {"name", group.name}}});
        return group;
    });
}

Result<Group> GroupService::find(GroupId const& id) const {
    return database_.read([&](storage::Transaction& tx) { return find(tx, id); });
}

Result<Group> GroupService::find(storage::Transaction& tx, GroupId const& id) const {
    auto const row = tx.row("SELECT " + std::string{group_columns} + " FROM user_group WHERE id = $1", id.str());
    if (!row) return group_errors::not_found;
    return read_group(*row);
}

Result<Group> GroupService::find_by_name(std::string_view text) const {
    auto const name = parse_group_name(text);
    if (!name.ok()) return group_errors::not_found;
    return database_.read([&](storage::Transaction& tx) -> Result<Group> {
        auto const row = tx.row("SELECT " + std::string{group_columns} + " FROM user_group WHERE canonical_name = $1",
                                name.value().canonical);
        if (!row) return group_errors::not_found;
        return read_group(*row);
    });
}

Result<Group> GroupService::rename(GroupId const& id, std::string_view text, audit::Actor const& actor,
                                   audit::Origin const& origin) {
    ZEPHYR_TRY(auto const name, parse_group_name(text));
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        ZEPHYR_TRY(auto const group, find(tx, id));
        if (group.name == name.shown) return false;
        if (tx.row("SELECT 1 FROM user_group WHERE canonical_name = $1 AND id <> $2", name.canonical, id.str())) {
            return group_errors::name_taken;
        }
        tx.run("UPDATE user_group SET name = $2, canonical_name = $3, updated_at = $4, version = version + 1 WHERE id = $1",
               id.str(), name.shown, name.canonical, clock_.now());
        return true;
    };
    ZEPHYR_CHECK(change({.code = codes::group_renamed, .group = id, .apply = apply}, actor, origin));
    return find(id);
}

Result<void> GroupService::remove(GroupId const& id, audit::Actor const& actor, audit::Origin const& origin) {
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        if (rules_ != nullptr) rules_->group_removed(tx, id);
        tx.run("DELETE FROM group_child WHERE parent_id = $1 OR child_id = $1", id.str());
        tx.run("DELETE FROM group_member WHERE group_id = $1", id.str());
        return tx.run("DELETE FROM user_group WHERE id = $1", id.str()) == 1;
    };
    return change({.code = codes::group_deleted, .group = id, .effect = Change::Effect::takes_away, .apply = apply}, actor, origin);
}

Result<void> GroupService::add_member(GroupId const& group, UserId const& user, audit::Actor const& actor,
                                      audit::Origin const& origin) {
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        if (!tx.row("SELECT 1 FROM app_user WHERE id = $1", user.str())) return errors::not_found;
        return tx.run("INSERT INTO group_member (group_id, user_id, added_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                      group.str(), user.str(), clock_.now()) == 1;
    };
    return change({.code = codes::group_member_added, .group = group, .subject = user, .effect = Change::Effect::lets_in, .apply = apply},
                  actor, origin);
}

Result<void> GroupService::remove_member(GroupId const& group, UserId const& user, audit::Actor const& actor,
                                         audit::Origin const& origin) {
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        return tx.run("DELETE FROM group_member WHERE group_id = $1 AND user_id = $2", group.str(), user.str()) == 1;
    };
    return change({.code = codes::group_member_removed, .group = group, .subject = user, .effect = Change::Effect::takes_away, .apply = apply},
                  actor, origin);
}

Result<void> GroupService::add_group(GroupId const& parent, GroupId const& child, audit::Actor const& actor,
                                     audit::Origin const& origin) {
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        ZEPHYR_CHECK(find(tx, child));
        // Looked at inside the write: of two nestings that together close a circle, the second sees the first.
        ZEPHYR_CHECK(check_nesting(tx, parent, child, with_parents(tx, parent)));
        return tx.run("INSERT INTO group_child (parent_id, child_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", parent.str(),
                      child.str()) == 1;
    };
    return change({.code = codes::group_nested, .group = parent, .child = child, .effect = Change::Effect::lets_in, .apply = apply},
                  actor, origin);
}

Result<void> GroupService::remove_group(GroupId const& parent, GroupId const& child, audit::Actor const& actor,
                                        audit::Origin const& origin) {
    auto const apply = [&](storage::Transaction& tx) -> Result<bool> {
        return tx.run("DELETE FROM group_child WHERE parent_id = $1 AND child_id = $2", parent.str(), child.str()) == 1;
    };
    return change({.code = codes::group_unnested, .group = parent, .child = child, .effect = Change::Effect::takes_away, .apply = apply},
                  actor, origin);
}

}  // namespace zephyr::users
