// Pages of accounts: always one or two ranges of an index, never an OFFSET, never a whole table.
#include <algorithm>

#include "users/rows.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/users/user_service.h"

namespace zephyr::users {

namespace {

// Marks a cursor that stands among those found by e-mail. Canonical names hold no blanks, so no name looks like one.
constexpr std::string_view email_mark = "mail ";

// effective_state as SQL, for the time bound to `now`; the test of list compares the two. The bare comparison with the
// stored state lets the partial index answer for the few that are not active.
std::string state_condition(UserState state, std::string const& now) {
    switch (state) {
        case UserState::active: return active_condition(UserService::Lasting::now, now);
        case UserState::disabled: return "state = 'disabled' AND state <> 'active'";
        case UserState::pending: return "state = 'pending' AND state <> 'active'";
        case UserState::locked:
            return "state = 'locked' AND state <> 'active' AND (locked_until IS NULL OR locked_until > " + now +
                   ") AND (expires_at IS NULL OR expires_at > " + now + ")";
        case UserState::expired:
            return "(state = 'expired' OR (state IN ('active', 'locked') AND expires_at IS NOT NULL AND expires_at <= " + now + "))";
    }
    throw Fault{"a user state of no known kind"};
}

bool needs_time(UserState state) { return state != UserState::disabled && state != UserState::pending; }

class Page {
public:
    Page(storage::Transaction& tx, TimePoint now, std::optional<UserState> state, std::size_t wanted)
        : tx_{tx}, now_{now}, state_{state}, wanted_{wanted} {}

    bool full() const { return users_.size() >= wanted_; }
    std::vector<User>& users() { return users_; }

    // Accounts by canonical username, behind `after`.
    void add_by_name(std::optional<std::string> const& prefix, std::string const& after) {
        if (!prefix) return add("canonical_username > $1", {storage::bind(after)}, "canonical_username");
        add("canonical_username " + behind(after, *prefix) + " $1 AND canonical_username < $2",
            {storage::bind(std::max(after, *prefix)), storage::bind(end_of_prefix(*prefix))}, "canonical_username");
    }

    // Accounts by canonical e-mail, behind `after`, but for those whose username starts with the prefix as well.
    void add_by_email(std::string const& prefix, std::string const& after) {
        add("canonical_email " + behind(after, prefix) +
                " $1 AND canonical_email < $2 AND NOT (canonical_username >= $3 AND canonical_username < $2)",
            {storage::bind(std::max(after, prefix)), storage::bind(end_of_prefix(prefix)), storage::bind(prefix)}, "canonical_email");
    }

private:
    void add(std::string const& where, storage::Values values, std::string_view order) {
        auto const next = [&values](storage::Value value) {
            values.push_back(std::move(value));
            return "$" + std::to_string(values.size());
        };
        std::string sql = "SELECT " + std::string{user_columns} + " FROM app_user WHERE " + where;
        if (state_) sql += " AND " + state_condition(*state_, needs_time(*state_) ? next(storage::bind(now_)) : "");
        sql += " ORDER BY " + std::string{order} + " LIMIT " + next(storage::bind(static_cast<std::int64_t>(wanted_ - users_.size())));
        for (auto const& row : tx_.query(sql, values)) users_.push_back(read_user(row));
    }

    storage::Transaction& tx_;
    TimePoint now_;
    std::optional<UserState> state_;
    std::size_t wanted_;
    std::vector<User> users_;
};

// The prefix as it starts canonical names. A prefix of a name need not be a name ("a" and a combining mark to come), so
// one that cannot be canonicalised matches nothing.
std::optional<std::string> canonical_prefix(std::string_view text) {
    if (encoding::trim_blanks(text).empty()) return std::string{};
    return encoding::canonical_name(text);
}

}  // namespace

Result<UserList> UserService::list(UserQuery const& query) const {
    auto const limit = std::clamp<std::size_t>(query.limit, 1, 200);
    std::optional<std::string> prefix;
    if (query.prefix) {
        prefix = canonical_prefix(*query.prefix);
        if (!prefix) return UserList{};
        if (prefix->empty()) prefix.reset();
    }
    bool const among_emails = std::string_view{query.after}.starts_with(email_mark);
    if (!encoding::is_valid_utf8(query.after) || query.after.size() > 300 || query.after.find('\0') != std::string::npos ||
        (among_emails && !prefix)) {
        return errors::cursor_malformed;
    }

    auto users = database_.read([&](storage::Transaction& tx) {
        Page page{tx, clock_.now(), query.state, limit + 1};
        if (!among_emails) page.add_by_name(prefix, query.after);
        if (prefix && !page.full()) page.add_by_email(*prefix, among_emails ? query.after.substr(email_mark.size()) : std::string{});
        return std::move(page.users());
    });

    UserList out;
    if (users.size() > limit) {
        users.pop_back();
        auto const& last = users.back();
        bool const by_name = !prefix || last.canonical_username.starts_with(*prefix);
        out.next = by_name ? last.canonical_username : std::string{email_mark} + last.canonical_email.value_or("");
    }
    out.users = std::move(users);
    return out;
}

}  // namespace zephyr::users
