// Questions about groups: lists, members, and who is in what through nesting.
#include <algorithm>
#include <set>

#include "users/rows.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/text.h"
#include "zephyr/users/group_service.h"

namespace zephyr::users {

namespace {

std::vector<GroupId> read_ids(storage::Rows const& rows) {
    std::vector<GroupId> out;
    out.reserve(rows.size());
    for (auto const& row : rows) out.push_back(GroupId::trusted(row.text(0)));
    return out;
}

// Words canonical by themselves, as names are.
std::optional<std::string> canonical_prefix(std::string_view text) {
    std::vector<std::string> words;
    for (auto const word : split(encoding::trim_blanks(text), ' ')) {
        if (word.empty()) continue;
        auto folded = encoding::canonical_name(word);
        if (!folded) return std::nullopt;
        words.push_back(std::move(*folded));
    }
    return join(words, " ");
}

}  // namespace

Result<GroupList> GroupService::list(GroupQuery const& query) const {
    auto const limit = std::clamp<std::size_t>(query.limit, 1, 200);
    if (!encoding::is_valid_utf8(query.after) || query.after.size() > 300 || query.after.find('\0') != std::string::npos) {
        return group_errors::cursor_malformed;
    }
    auto const prefix = canonical_prefix(query.prefix.value_or(""));
    if (!prefix) return GroupList{};
    std::string sql = "SELECT " + std::string{group_columns} + " FROM user_group WHERE canonical_name " + behind(query.after, *prefix) + " $1";
    storage::Values values{storage::bind(std::max(query.after, *prefix)), storage::bind(static_cast<std::int64_t>(limit + 1))};
    if (!prefix->empty()) {
        sql += " AND canonical_name < $3";
        values.push_back(storage::bind(end_of_prefix(*prefix)));
    }
    sql += " ORDER BY canonical_name LIMIT $2";
    return database_.read([&](storage::Transaction& tx) -> Result<GroupList> {
        GroupList out;
        for (auto const& row : tx.query(sql, values)) out.groups.push_back(read_group(row));
        if (out.groups.size() > limit) {
            out.groups.pop_back();
            out.next = out.groups.back().canonical_name;
        }
        return out;
    });
}

Result<MemberList> GroupService::members(GroupId const& group, std::string const& after, std::size_t wanted) const {
    auto const limit = std::clamp<std::size_t>(wanted, 1, 200);
    if (!after.empty() && !is_uuid(after)) return group_errors::cursor_malformed;
    return database_.read([&](storage::Transaction& tx) -> Result<MemberList> {
        ZEPHYR_CHECK(find(tx, group));
        MemberList out;
        auto const sql = "SELECT " + std::string{user_columns} +
                         " FROM group_member JOIN app_user ON app_user.id = group_member.user_id"
                         " WHERE group_member.group_id = $1 AND group_member.user_id > $2 ORDER BY group_member.user_id LIMIT $3";
        for (auto const& row : tx.rows(sql, group.str(), after, static_cast<std::int64_t>(limit + 1))) out.users.push_back(read_user(row));
        if (out.users.size() > limit) {
            out.users.pop_back();
            out.next = out.users.back().id.str();
        }
        return out;
    });
}

std::vector<Group> GroupService::children(GroupId const& group) const {
    return database_.read([&](storage::Transaction& tx) {
        std::vector<Group> out;
        auto const sql = "SELECT " + std::string{group_columns} +
                         " FROM group_child JOIN user_group ON user_group.id = group_child.child_id"
                         " WHERE group_child.parent_id = $1 ORDER BY canonical_name";
        for (auto const& row : tx.rows(sql, group.str())) out.push_back(read_group(row));
        return out;
    });
}

std::vector<GroupId> GroupService::groups_of(UserId const& user) const {
    return database_.read([&](storage::Transaction& tx) { return groups_of(tx, user); });
}

std::vector<GroupId> GroupService::groups_of(storage::Transaction& tx, UserId const& user) const {
    return read_ids(
        tx.rows("WITH RECURSIVE up(id) AS (SELECT group_id FROM group_member WHERE user_id = $1"
                " UNION SELECT group_child.parent_id FROM group_child JOIN up ON group_child.child_id = up.id)"
                " SELECT id FROM up ORDER BY id",
                user.str()));
}

std::vector<std::string> GroupService::names_of(UserId const& user) const {
    return database_.read([&](storage::Transaction& tx) {
        std::vector<std::string> names;
        for (auto const& row : tx.rows("WITH RECURSIVE up(id) AS (SELECT group_id FROM group_member WHERE user_id = $1"
                                       " UNION SELECT group_child.parent_id FROM group_child JOIN up ON group_child.child_id = up.id)"
                                       " SELECT name FROM user_group JOIN up ON user_group.id = up.id ORDER BY canonical_name",
                                       user.str())) {
            names.push_back(row.text(0));
        }
        return names;
    });
}

std::vector<GroupId> GroupService::with_parents(storage::Transaction& tx, GroupId const& group) const {
    return read_ids(
        tx.rows("WITH RECURSIVE up(id) AS (SELECT id FROM user_group WHERE id = $1"
                " UNION SELECT group_child.parent_id FROM group_child JOIN up ON group_child.child_id = up.id)"
                " SELECT id FROM up ORDER BY id",
                group.str()));
}

std::vector<GroupService::Step> GroupService::membership_steps(storage::Transaction& tx, UserId const& user) const {
    std::vector<Step> out;
    std::set<GroupId> seen;
    std::vector<GroupId> level;
    for (auto const& id : read_ids(tx.rows("SELECT group_id FROM group_member WHERE user_id = $1 ORDER BY group_id", user.str()))) {
        out.push_back({std::nullopt, id});
        if (seen.insert(id).second) level.push_back(id);
    }
    while (!level.empty()) {
        std::vector<GroupId> next;
        for (auto const& from : level) {
            for (auto const& into :
                 read_ids(tx.rows("SELECT parent_id FROM group_child WHERE child_id = $1 ORDER BY parent_id", from.str()))) {
                out.push_back({from, into});
                if (seen.insert(into).second) next.push_back(into);
            }
        }
        level = std::move(next);
    }
    return out;
}

bool GroupService::any_active_member(storage::Transaction& tx, std::vector<GroupId> const& groups,
                                     UserService::Lasting lasting) const {
    constexpr std::size_t at_once = 200;
    for (std::size_t start = 0; start < groups.size(); start += at_once) {
        auto const count = std::min(at_once, groups.size() - start);
        storage::Values values{storage::bind(clock_.now())};
        for (std::size_t i = 0; i < count; ++i) values.push_back(storage::bind(groups[start + i].str()));
        auto const sql = "WITH RECURSIVE down(id) AS (SELECT id FROM user_group WHERE id IN (" + placeholders(2, count) +
                         ") UNION SELECT group_child.child_id FROM group_child JOIN down ON group_child.parent_id = down.id)"
                         " SELECT 1 FROM down JOIN group_member ON group_member.group_id = down.id"
                         " JOIN app_user ON app_user.id = group_member.user_id WHERE " +
                         active_condition(lasting, "$1") + " LIMIT 1";
        if (!tx.query(sql, values).empty()) return true;
    }
    return false;
}

}  // namespace zephyr::users
