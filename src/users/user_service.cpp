#include "zephyr/users/user_service.h"

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

// A username with '@' is the account's own e-mail or nothing: so no username can be somebody else's e-mail.
Result<void> check_names(std::string const& canonical_username, std::optional<std::string> const& canonical_email) {
    if (canonical_username.find('@') == std::string::npos || canonical_username == canonical_email) return success();
    return Error{errors::name_malformed}.with_reason("A username with '@' must be the account's own e-mail address.");
}

Result<void> check_free(storage::Transaction& tx, User const& user) {
    if (tx.row("SELECT 1 FROM app_user WHERE canonical_username = $1 AND id <> $2", user.canonical_username, user.id.str())) {
        return errors::name_taken;
    }
    if (user.canonical_email &&
        tx.row("SELECT 1 FROM app_user WHERE canonical_email = $1 AND id <> $2", *user.canonical_email, user.id.str())) {
        return errors::email_taken;
    }
    return success();
}

Result<void> set_email(User& user, std::string const& text) {
    bool const username_is_email = user.canonical_email && *user.canonical_email == user.canonical_username;
    if (text.empty()) {
        user.email.reset();
        user.canonical_email.reset();
        return success();
    }
    ZEPHYR_TRY(auto email, parse_email(text));
    user.email = email.shown;
    user.canonical_email = email.canonical;
    // Whoever signs in by e-mail goes on doing so.
    if (username_is_email) {
        user.username = std::move(email.shown);
        user.canonical_username = std::move(email.canonical);
    }
    return success();
}

// Reasons are words of ours in the plain column; what somebody typed may name people and is sealed.
void give_reason(audit::Event& event, std::string const& reason) {
    bool const stable = std::all_of(reason.begin(), reason.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
    if (stable) {
        event.reason = reason;
    } else {
        event.personal.emplace_back("reason", reason);
    }
}

Result<User> make_user(NewUser const& wanted, UserId id, TimePoint now) {
    ZEPHYR_TRY(auto name, parse_username(wanted.username));
    User user{.id = std::move(id),
              .username = std::move(name.shown),
              .canonical_username = std::move(name.canonical),
              .email = {},
              .canonical_email = {},
              .display_name = {},
              .state = wanted.state,
              .expires_at = wanted.expires_at,
              .locked_until = {},
              .created_at = now,
              .updated_at = now};
    if (wanted.email && !wanted.email->empty()) {
        ZEPHYR_TRY(auto email, parse_email(*wanted.email));
        user.email = std::move(email.shown);
        user.canonical_email = std::move(email.canonical);
    }
    ZEPHYR_CHECK(check_names(user.canonical_username, user.canonical_email));
    ZEPHYR_TRY(user.display_name, parse_display_name(wanted.display_name));
    if (user.display_name.empty()) user.display_name = user.username;
    return user;
}

}  // namespace

Result<void> check_new(NewUser const& wanted) {
    ZEPHYR_CHECK(make_user(wanted, UserId::trusted("00000000-0000-0000-0000-000000000000"), {}));
    return success();
}

// What one change does to an account, between reading and storing it.
struct UserService::Change {
    std::string_view code;
    // Changes the user and adds to the event; false when there is nothing to do.
    std::function<Result<bool>(storage::Transaction&, User&, audit::Event&)> apply;
    // May the change take access away, or give it back?
    bool moves_access = false;
};

UserService::UserService(storage::Database& database, audit::AuditLog& audit, Clock const& clock, Random& random)
    : database_{database}, audit_{audit}, clock_{clock}, random_{random} {}

Result<User> UserService::create(NewUser const& wanted, audit::Actor const& actor, audit::Origin const& origin) {
    return write_once_more(database_, [&](storage::Transaction& tx) { return create(tx, wanted, actor, origin); });
}

Result<User> UserService::create(storage::Transaction& tx, NewUser const& wanted, audit::Actor const& actor,
                                 audit::Origin const& origin) {
    auto const now = clock_.now();
    ZEPHYR_TRY(auto user, make_user(wanted, UserId::make(now, random_), now));
    // The insert decides; the look behind it only says which name it was.
    auto const added = tx.run(
        "INSERT INTO app_user (id, username, canonical_username, email, canonical_email, display_name, state, expires_at,"
        " locked_until, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, $9, $10, $11)"
        " ON CONFLICT DO NOTHING",
        user.id.str(), user.username, user.canonical_username, user.email, user.canonical_email, user.display_name,
        state_name(user.state), user.expires_at, user.created_at, user.updated_at, user.version);
    if (added == 0) {
        ZEPHYR_CHECK(check_free(tx, user));
        throw Fault{"app_user refused an account for no name of it"};
    }
    audit::Event event{.code = codes::user_created, .actor = actor, .subject = user.id, .origin = origin};
    event.details = {{"state", std::string{state_name(user.state)}}};
    event.personal = {{"username", user.username}};
    if (user.email) event.personal.emplace_back("email", *user.email);
    audit_.append(tx, event);
    return user;
}

Result<User> UserService::find(UserId const& id) const {
    return database_.read([&](storage::Transaction& tx) { return find(tx, id); });
}

Result<User> UserService::find(storage::Transaction& tx, UserId const& id) const {
    auto const row = tx.row("SELECT " + std::string{user_columns} + " FROM app_user WHERE id = $1", id.str());
    if (!row) return errors::not_found;
    return read_user(*row);
}

Result<User> UserService::find_by_login(std::string_view username_or_email) const {
    auto const canonical = encoding::canonical_name(username_or_email);
    if (!canonical) return errors::not_found;
    // A username with '@' is its account's e-mail, so one column answers either way.
    auto const column = canonical->find('@') == canonical->npos ? "canonical_username" : "canonical_email";
    return database_.read([&](storage::Transaction& tx) -> Result<User> {
        auto const row = tx.row("SELECT " + std::string{user_columns} + " FROM app_user WHERE " + column + " = $1", *canonical);
        if (!row) return errors::not_found;
        return read_user(*row);
    });
}

Result<User> UserService::change(UserId const& id, Change const& change, audit::Actor const& actor, audit::Origin const& origin) {
    bool refused_by_rules = false;
    auto const body = [&](storage::Transaction& tx) -> Result<User> {
        refused_by_rules = false;
        ZEPHYR_TRY(auto user, find(tx, id));
        auto const read_version = user.version;
        auto const read_email = user.canonical_email;
        audit::Event event{.code = change.code, .actor = actor, .subject = id, .origin = origin};
        ZEPHYR_TRY(bool const changed, change.apply(tx, user, event));
        if (!changed) return user;
        if (rules_ != nullptr) {
            auto const allowed = rules_->may_change(tx, actor, id);
            refused_by_rules = !allowed.ok();
            ZEPHYR_CHECK(allowed);
        }
        // Whoever wrote the new address down has not shown that it is theirs.
        if (user.canonical_email != read_email) user.email_verified_at.reset();
        user.updated_at = clock_.now();
        ++user.version;
        auto const store = [&]() -> Result<void> {
            ZEPHYR_CHECK(check_free(tx, user));
            auto const stored = tx.run(
                "UPDATE app_user SET username = $2, canonical_username = $3, email = $4, canonical_email = $5, display_name = $6,"
                " state = $7, expires_at = $8, locked_until = $9, updated_at = $10, version = $11, email_verified_at = $12"
                " WHERE id = $1 AND version = $13",
                id.str(), user.username, user.canonical_username, user.email, user.canonical_email, user.display_name,
                state_name(user.state), user.expires_at, user.locked_until, user.updated_at, user.version, user.email_verified_at,
                read_version);
            tx.announce("user", id.str());
            return stored == 1 ? success() : Result<void>{errors::version_changed};
        };
        if (rules_ != nullptr && change.moves_access) {
            auto const outcome = rules_->around(tx, actor, store);
            refused_by_rules = !outcome.ok();
            ZEPHYR_CHECK(outcome);
            rules_->changed(tx);
        } else {
            ZEPHYR_CHECK(store());
        }
        audit_.append(tx, event);
        return user;
    };
    auto outcome = write_once_more(database_, body);
    if (refused_by_rules) {
        audit_.append({.code = codes::user_change_refused,
                       .actor = actor,
                       .subject = id,
                       .outcome = audit::Outcome::denied,
                       .reason = std::string{outcome.error().id()},
                       .origin = origin,
                       .details = {{"change", std::string{audit::find_code(change.code)->name}}}});
    }
    return outcome;
}

Result<User> UserService::update_profile(UserId const& id, ProfileChange const& wanted, audit::Actor const& actor,
                                         audit::Origin const& origin) {
    auto const apply = [&](storage::Transaction&, User& user, audit::Event& event) -> Result<bool> {
        if (wanted.expected_version && *wanted.expected_version != user.version) return errors::version_changed;
        auto const before = user;
        if (wanted.email) ZEPHYR_CHECK(set_email(user, *wanted.email));
        // Applications behind us know people by their username: nobody takes another by writing it down as an address.
        bool const by_themselves = actor.type == audit::Actor::Type::user && actor.ref == id.str();
        if (by_themselves && !wanted.username && user.canonical_username != before.canonical_username) return errors::email_is_username;
        if (wanted.username) {
            ZEPHYR_TRY(auto name, parse_username(*wanted.username));
            user.username = std::move(name.shown);
            user.canonical_username = std::move(name.canonical);
        }
        ZEPHYR_CHECK(check_names(user.canonical_username, user.canonical_email));
        if (wanted.display_name) {
            ZEPHYR_TRY(user.display_name, parse_display_name(*wanted.display_name));
            if (user.display_name.empty()) user.display_name = user.username;
        }
        std::vector<std::string> fields;
        if (user.username != before.username) {
            fields.emplace_back("username");
            event.personal.emplace_back("username_before", before.username);
            event.personal.emplace_back("username", user.username);
        }
        if (user.email != before.email) {
            fields.emplace_back("email");
            event.personal.emplace_back("email_before", before.email.value_or(""));
            event.personal.emplace_back("email", user.email.value_or(""));
        }
        if (user.display_name != before.display_name) {
            fields.emplace_back("display_name");
            event.personal.emplace_back("display_name", user.display_name);
        }
        event.details = {{"fields", join(fields, " ")}};
        return !fields.empty();
    };
    return change(id, {codes::user_updated, apply}, actor, origin);
}

Result<void> UserService::mark_email_verified(storage::Transaction& tx, UserId const& id, std::string_view canonical_email) {
    ZEPHYR_TRY(auto const user, find(tx, id));
    if (user.canonical_email != canonical_email) return errors::email_changed;
    if (user.email_verified_at) return success();
    tx.run("UPDATE app_user SET email_verified_at = $2 WHERE id = $1 AND canonical_email = $3", id.str(), clock_.now(), canonical_email);
    tx.announce("user", id.str());
    return success();
}

Result<void> UserService::set_state(UserId const& id, UserState state, audit::Actor const& actor, audit::Origin const& origin,
                                    std::string const& reason) {
    auto const apply = [&](storage::Transaction&, User& user, audit::Event& event) -> Result<bool> {
        if (user.state == state && !user.locked_until) return false;
        give_reason(event, reason);
        event.details = {{"before", std::string{state_name(user.state)}}, {"state", std::string{state_name(state)}}};
        user.state = state;
        user.locked_until.reset();
        return true;
    };
    ZEPHYR_CHECK(change(id, {codes::user_state_changed, apply, true}, actor, origin));
    return success();
}

Result<void> UserService::lock_until(UserId const& id, TimePoint until, audit::Actor const& actor, audit::Origin const& origin,
                                     std::string const& reason) {
    auto const apply = [&](storage::Transaction&, User& user, audit::Event& event) -> Result<bool> {
        // A temporary lock is the weakest of the closed states: it must not open one of the others when it ends.
        auto const now = effective_state(user, clock_.now());
        if (now != UserState::active && !(now == UserState::locked && user.locked_until)) return false;
        give_reason(event, reason);
        event.details = {{"before", std::string{state_name(user.state)}}, {"state", "locked"}, {"until", to_rfc3339(until)}};
        user.state = UserState::locked;
        user.locked_until = until;
        return true;
    };
    ZEPHYR_CHECK(change(id, {codes::user_state_changed, apply, true}, actor, origin));
    return success();
}

Result<void> UserService::set_expiry(UserId const& id, std::optional<TimePoint> expires_at, audit::Actor const& actor,
                                     audit::Origin const& origin) {
    auto const apply = [&](storage::Transaction&, User& user, audit::Event& event) -> Result<bool> {
        if (user.expires_at == expires_at) return false;
        user.expires_at = expires_at;
        event.details = {{"fields", "expires_at"}, {"expires_at", expires_at ? to_rfc3339(*expires_at) : "never"}};
        return true;
    };
    ZEPHYR_CHECK(change(id, {codes::user_updated, apply, true}, actor, origin));
    return success();
}

Result<void> UserService::remove(UserId const& id, privacy::PersonalData const& data, audit::Actor const& actor,
                                 audit::Origin const& origin, std::string const& reason) {
    bool refused_by_rules = false;
    auto outcome = database_.write([&](storage::Transaction& tx) -> Result<void> {
        refused_by_rules = false;
        ZEPHYR_CHECK(find(tx, id));
        auto const erase = [&]() -> Result<void> {
            data.erase(tx, id);
            if (find(tx, id).ok()) throw Fault{"erasing left the account: no source erased app_user"};
            return success();
        };
        auto const guarded_erase = [&]() -> Result<void> {
            if (rules_ == nullptr) return erase();
            ZEPHYR_CHECK(rules_->may_change(tx, actor, id));
            return rules_->around(tx, actor, erase);
        };
        auto const erased = guarded_erase();
        refused_by_rules = !erased.ok();
        ZEPHYR_CHECK(erased);
        if (rules_ != nullptr) rules_->changed(tx);
        // Written behind the erasure: what it says about whoever did it stays, unless that is the person who left.
        audit::Event event{.code = codes::user_deleted, .actor = actor, .subject = id, .origin = origin};
        give_reason(event, reason);
        event.personal.clear();  // a sentence about the person would outlive them
        if (actor.type == audit::Actor::Type::user && actor.ref == id.str()) {
            event.origin.address.clear();
            event.origin.user_agent.clear();
        }
        audit_.append(tx, event);
        return success();
    });
    if (refused_by_rules) {
        audit_.append({.code = codes::user_change_refused,
                       .actor = actor,
                       .subject = id,
                       .outcome = audit::Outcome::denied,
                       .reason = std::string{outcome.error().id()},
                       .origin = origin,
                       .details = {{"change", std::string{audit::find_code(codes::user_deleted)->name}}}});
    }
    return outcome;
}

Result<encoding::Json> UserService::export_data(UserId const& id, privacy::PersonalData const& data, audit::Actor const& actor,
                                                audit::Origin const& origin) {
    auto outcome = database_.read([&](storage::Transaction& tx) -> Result<encoding::Json> {
        ZEPHYR_CHECK(find(tx, id));
        if (rules_ != nullptr) ZEPHYR_CHECK(rules_->may_change(tx, actor, id));
        return data.export_for(tx, id);
    });
    if (outcome.ok()) audit_.append({.code = codes::user_exported, .actor = actor, .subject = id, .origin = origin});
    return outcome;
}

bool UserService::any_active(storage::Transaction& tx, std::vector<UserId> const& ids, Lasting lasting) const {
    constexpr std::size_t at_once = 200;
    for (std::size_t start = 0; start < ids.size(); start += at_once) {
        auto const count = std::min(at_once, ids.size() - start);
        storage::Values values{storage::bind(clock_.now())};
        for (std::size_t i = 0; i < count; ++i) values.push_back(storage::bind(ids[start + i].str()));
        auto const sql = "SELECT 1 FROM app_user WHERE " + active_condition(lasting, "$1") + " AND id IN (" + placeholders(2, count) + ") LIMIT 1";
        if (!tx.query(sql, values).empty()) return true;
    }
    return false;
}

std::int64_t UserService::count(std::int64_t at_most) const {
    return database_.read([&](storage::Transaction& tx) {
        return tx.row("SELECT count(*) FROM (SELECT 1 FROM app_user LIMIT $1) AS counted", at_most)->integer(0);
    });
}

}  // namespace zephyr::users
