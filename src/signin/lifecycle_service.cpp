#include "zephyr/signin/lifecycle_service.h"

#include "zephyr/audit/codes.h"
#include "zephyr/audit/trail.h"
#include "zephyr/signin/mail_links.h"

namespace zephyr::signin {

using audit::Actor;
using storage::Transaction;
using users::UserState;

Result<users::User> LifecycleService::reachable(UserId const& id, Actor const& actor) {
    ZEPHYR_TRY(auto user, rooms_.users.find(id));
    ZEPHYR_CHECK(rooms_.roles.require_not_above(actor, id));
    return user;
}

Result<users::User> LifecycleService::other(UserId const& id, Actor const& actor) {
    if (actor.type == Actor::Type::user && actor.ref == id.str()) return errors::own_account;
    return reachable(id, actor);
}

Result<void> LifecycleService::disable(UserId const& id, Actor const& actor, audit::Origin const& origin, std::string const& reason) {
    ZEPHYR_CHECK(other(id, actor));
    return rooms_.database.write([&](Transaction& tx) -> Result<void> {
        ZEPHYR_CHECK(rooms_.users.set_state(id, UserState::disabled, actor, origin, reason));
        rooms_.sessions.end_all(id, std::nullopt, actor, origin, "account_disabled");
        rooms_.devices.end_trust(tx, id, actor, origin, "account_disabled");
        return success();
    });
}

Result<void> LifecycleService::enable(UserId const& id, Actor const& actor, audit::Origin const& origin, std::string const& reason) {
    ZEPHYR_CHECK(reachable(id, actor));
    return rooms_.database.write([&](Transaction& tx) -> Result<void> {
        ZEPHYR_CHECK(rooms_.users.set_state(id, UserState::active, actor, origin, reason));
        if (rooms_.passwords.has_password(id)) ZEPHYR_CHECK(rooms_.passwords.reset_failures(id, actor, origin));
        rooms_.mfa.clear_failures(tx, id);
        return success();
    });
}

Result<void> LifecycleService::set_password(UserId const& id, SecretText const& password, passwords::MustChange must_change,
                                            Actor const& actor, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const user, reachable(id, actor));
    bool const second = rooms_.mfa.has_second_factor(id);
    return rooms_.passwords.set(id, password, policy_context(user, second), actor, origin, must_change, [&](Transaction& tx) {
        rooms_.sessions.end_all(id, std::nullopt, actor, origin, "password_set_by_operator");
        rooms_.devices.forget_others(tx, id, {}, actor, origin, "password_set_by_operator");
        notices_.post(tx, id, "password_changed");
    });
}

Result<void> LifecycleService::remove(UserId const& id, Actor const& actor, audit::Origin const& origin, std::string const& reason) {
    ZEPHYR_CHECK(other(id, actor));
    auto removed = rooms_.users.remove(id, personal_data_, actor, origin, reason);
    if (!removed.ok()) return removed;
    // Nothing of the person is left when we say so. Should this fail, it is done later: the account is gone either way.
    try {
        rooms_.audit.carry_out_erasures();
    } catch (StorageFault const&) {
        return removed;
    }
    return removed;
}

Result<std::int64_t> LifecycleService::reset_mfa(UserId const& id, Actor const& actor, audit::Origin const& origin,
                                                 std::string const& reason) {
    ZEPHYR_CHECK(other(id, actor));
    return rooms_.database.write([&](Transaction& tx) -> Result<std::int64_t> {
        ZEPHYR_TRY(auto const removed, take_factors(tx, id, actor, origin));
        if (actor.type == Actor::Type::operator_cli) {
            rooms_.audit.append(tx, {.code = audit::codes::break_glass_used,
                                     .actor = actor,
                                     .subject = id,
                                     .reason = reason,
                                     .origin = origin,
                                     .details = {{"command", "reset-mfa"}}});
        }
        return removed;
    });
}

Result<std::int64_t> LifecycleService::take_factors(Transaction& tx, UserId const& id, Actor const& actor, audit::Origin const& origin) {
    auto const removed = rooms_.mfa.reset_all(id, actor, origin);
    // NIST SP 800-63B-4 3.1.1.2: a password that was only ever one of two factors may be too short to be the only one.
    if (rooms_.passwords.has_password(id) && !rooms_.passwords.is_full_length(id)) {
        ZEPHYR_CHECK(rooms_.passwords.require_change(id, "last_factor_removed", actor, origin));
    }
    rooms_.sessions.end_all(id, std::nullopt, actor, origin, "factors_reset");
    rooms_.devices.forget_others(tx, id, {}, actor, origin, "factors_reset");
    end_links(tx, id, LinkPurpose::change_email, rooms_.clock.now());
    notices_.post(tx, id, "factors_reset");
    return removed;
}

Result<std::size_t> LifecycleService::end_sessions(UserId const& id, Actor const& actor, audit::Origin const& origin,
                                                   std::string const& reason) {
    ZEPHYR_CHECK(reachable(id, actor));
    return rooms_.database.write([&](Transaction& tx) {
        end_links(tx, id, LinkPurpose::change_email, rooms_.clock.now());
        return rooms_.sessions.end_all(id, std::nullopt, actor, origin, reason.empty() ? "ended_by_administrator" : reason);
    });
}

Result<encoding::Json> LifecycleService::export_data(UserId const& id, Actor const& actor, audit::Origin const& origin) {
    ZEPHYR_CHECK(reachable(id, actor));
    if (auto* trail = rooms_.audit.trail()) trail->catch_up();  // what only the log has yet belongs to it
    auto data = rooms_.database.read([&](Transaction& tx) { return personal_data_.export_for(tx, id); });
    rooms_.audit.append({.code = audit::codes::user_exported, .actor = actor, .subject = id, .origin = origin});
    return data;
}

}  // namespace zephyr::signin
