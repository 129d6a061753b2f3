// Who may change what: nobody above themselves, and never without an administrator.
#include <algorithm>

#include "rbac/state.h"
#include "zephyr/audit/codes.h"

namespace zephyr::rbac {

namespace {

using Lasting = users::UserService::Lasting;
using Type = audit::Actor::Type;

bool is_exempt(audit::Actor const& actor) { return actor.type == Type::operator_cli || actor.type == Type::system; }

}  // namespace

Result<void> RoleService::State::check_holds(storage::Transaction& tx, audit::Actor const& actor, EffectiveRoles const& wanted,
                                             TimePoint at) {
    if (is_exempt(actor)) return success();
    auto const id = actor.type == Type::user ? UserId::parse(actor.ref) : std::nullopt;
    if (!id) return Error{errors::above_actor, "nobody is known to ask"};
    auto const account = directory.users.find(tx, *id);
    if (!account.ok() || !users::check_active(account.value(), clock.now()).ok()) {
        return Error{errors::above_actor, "the actor's account is not active"};
    }
    if (amount(tx, *id, at).holds(wanted)) return success();
    return Error{errors::above_actor, "the actor does not hold all of it"};
}

Result<void> RoleService::State::check_not_above(storage::Transaction& tx, audit::Actor const& actor, UserId const& target) {
    if (is_exempt(actor)) return success();
    if (actor.type == Type::user && actor.ref == target.str()) return success();
    // Whatever the state of that account: it may be opened again.
    auto const wanted = amount(tx, target, clock.now());
    if (wanted.roles.empty()) return success();
    return check_holds(tx, actor, wanted, clock.now());
}

bool RoleService::State::has_admin(storage::Transaction& tx, Lasting lasting) {
    auto const names = graph(tx)->containing(admin_role);
    auto const now = clock.now();
    storage::Values values;
    for (auto const& name : names) values.push_back(storage::bind(name));
    std::vector<UserId> people;
    std::vector<GroupId> groups;
    for (auto const& row : tx.query("SELECT subject_type, subject_id, expires_at FROM role_assignment WHERE role IN (" +
                                        placeholders(1, names.size()) + ")",
                                    values)) {
        auto const expires_at = row.optional_time(2);
        if (expires_at && (lasting == Lasting::for_good || now >= *expires_at)) continue;
        if (row.text(0) == "user") {
            people.push_back(UserId::trusted(row.text(1)));
        } else {
            groups.push_back(GroupId::trusted(row.text(1)));
        }
    }
    return directory.users.any_active(tx, people, lasting) || directory.groups.any_active_member(tx, groups, lasting);
}

Result<void> RoleService::State::keep_an_admin(storage::Transaction& tx, audit::Actor const& actor,
                                               std::function<Result<void>()> const& change) {
    if (actor.type == Type::operator_cli) return change();
    bool const one_now = has_admin(tx, Lasting::now);
    bool const one_for_good = one_now && has_admin(tx, Lasting::for_good);
    ZEPHYR_CHECK(change());
    // An admin until tomorrow is no admin the day after: the last one for good is protected like the last one.
    if ((one_now && !has_admin(tx, Lasting::now)) || (one_for_good && !has_admin(tx, Lasting::for_good))) return errors::last_admin;
    return success();
}

Result<void> RoleService::State::run(Change const& change, audit::Actor const& actor, audit::Origin const& origin) {
    auto outcome = database.write([&](storage::Transaction& tx) -> Result<void> {
        bool changed = false;
        ZEPHYR_CHECK(keep_an_admin(tx, actor, [&]() -> Result<void> {
            ZEPHYR_TRY(changed, change.apply(tx));
            // Moved before anything looks again, so that the look behind the change does not see a remembered graph.
            if (changed) move(tx, change.moves);
            return success();
        }));
        if (!changed) return success();
        audit.append(tx, {.code = change.code, .actor = actor, .subject = change.subject, .origin = origin, .details = change.details});
        return success();
    });
    if (!outcome.ok() && (outcome.error().kind() == Kind::denied || outcome.error() == errors::last_admin)) {
        auto details = change.details;
        details.emplace_back("refused", audit::find_code(change.code)->name);
        audit.append({.code = audit::codes::role_change_refused,
                      .actor = actor,
                      .subject = change.subject,
                      .outcome = audit::Outcome::denied,
                      .reason = std::string{outcome.error().id()},
                      .origin = origin,
                      .details = std::move(details)});
    }
    return outcome;
}

// --- users::AccessRules

Result<void> RoleService::around(storage::Transaction& tx, audit::Actor const& actor, std::function<Result<void>()> const& change) {
    return state_->keep_an_admin(tx, actor, change);
}

Result<void> RoleService::may_change(storage::Transaction& tx, audit::Actor const& actor, UserId const& user) {
    return state_->check_not_above(tx, actor, user);
}

Result<void> RoleService::may_join(storage::Transaction& tx, audit::Actor const& actor, GroupId const& group) {
    auto const now = state_->clock.now();
    auto const carried = state_->given_to_groups(tx, state_->directory.groups.with_parents(tx, group), now);
    if (carried.empty()) return success();
    return state_->check_holds(tx, actor, state_->graph(tx)->closure(carried), now);
}

void RoleService::changed(storage::Transaction& tx) { state_->move(tx, Moved::grants); }

void RoleService::group_removed(storage::Transaction& tx, GroupId const& group) {
    tx.run("DELETE FROM role_assignment WHERE subject_type = 'group' AND subject_id = $1", group.str());
}

}  // namespace zephyr::rbac
