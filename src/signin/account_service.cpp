#include "zephyr/signin/account_service.h"

#include <algorithm>

#include "zephyr/audit/codes.h"

namespace zephyr::signin {

using audit::Actor;
using storage::Transaction;

Result<sessions::Session> AccountService::whole(SessionRef const& ref) {
    ZEPHYR_TRY(auto session, rooms_.sessions.find(ref));
    if (session.pending == errors::mfa_required.id) return errors::mfa_required;
    if (!session.pending.empty()) return errors::change_required;
    return session;
}

Result<sessions::IssuedSession> AccountService::change_password(SessionRef const& ref, SecretText const& old_password,
                                                                SecretText const& new_password, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (session.pending == errors::mfa_required.id) return errors::mfa_required;
    ZEPHYR_TRY(auto const user, rooms_.users.find(session.user));
    auto const context = policy_context(user, sign_in_.has_second_factor(user.id));
    auto const actor = Actor::user(user.id);
    bool const demanded = session.pending == errors::change_required.id;
    // In the transaction of the new password: whoever holds the new one holds no old session beside it, and the session that asked has
    // its new token or nothing has changed.
    Result<sessions::IssuedSession> rotated = sessions::errors::none;
    auto const along = [&](Transaction& tx) {
        rooms_.sessions.end_all(user.id, ref, actor, origin, "password_changed");
        notices_.post(tx, user.id, "password_changed");
        sessions::Change change{.proved = sessions::Factor{"pwd", rooms_.clock.now()}, .pending = {}};
        if (demanded) change.pending = std::string{};
        rotated = rooms_.sessions.rotate(ref, change, origin);
    };
    if (demanded) {
        // The password that has to go must not come back as its own successor.
        ZEPHYR_TRY(bool const same, rooms_.passwords.is_current(user.id, new_password));
        if (same) return Error{passwords::errors::same_as_before}.with_reason("It is the password you have now.");
        ZEPHYR_CHECK(rooms_.passwords.set(user.id, new_password, context, actor, origin, passwords::MustChange::no, along));
    } else {
        if (sign_in_.has_second_factor(user.id)) ZEPHYR_CHECK(sign_in_.require_fresh(session));
        ZEPHYR_CHECK(rooms_.passwords.change(user.id, old_password, new_password, context, origin, along));
    }
    return rotated;
}

Result<mfa::TotpEnrolment> AccountService::begin_totp(SessionRef const& ref, std::string_view device_name, audit::Origin const& origin) {
    if (!sign_in_.settings().mfa_enabled) return errors::mfa_disabled;
    ZEPHYR_TRY(auto const session, whole(ref));
    ZEPHYR_CHECK(sign_in_.require_fresh(session));
    ZEPHYR_TRY(auto const user, rooms_.users.find(session.user));
    return rooms_.totp.begin(user.id, ref, user.email.value_or(user.username), device_name, origin);
}

Result<void> AccountService::remove_totp(SessionRef const& ref, FactorId const& device, std::optional<LongerPassword> const& longer,
                                         audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, whole(ref));
    ZEPHYR_CHECK(sign_in_.require_fresh(session));
    ZEPHYR_TRY(auto const user, rooms_.users.find(session.user));
    auto const actor = Actor::user(user.id);

    std::optional<passwords::PreparedPassword> prepared;
    if (longer && !rooms_.passwords.is_full_length(user.id)) {
        // A session in somebody else's hands must not set a password: only who knows the old one chooses the new one.
        ZEPHYR_CHECK(rooms_.passwords.verify(user.id, longer->current, origin));
        ZEPHYR_TRY(auto made, rooms_.passwords.prepare(longer->next, policy_context(user, false)));
        prepared = std::move(made);
    }
    bool const demanded = sign_in_.mfa_demanded(user.id);
    // Counting and removing are one step, so that two removals at once can't both be "not the last".
    return rooms_.database.write([&](Transaction& tx) -> Result<void> {
        auto const devices = rooms_.totp.list(user.id);
        bool const held = std::any_of(devices.begin(), devices.end(), [&](auto const& found) { return found.id == device; });
        bool const last = held && devices.size() == 1;
        bool const too_short = last && !rooms_.passwords.is_full_length(user.id);
        if (last && demanded) return errors::mfa_demanded;
        if (too_short && !prepared) return errors::longer_password_required;
        ZEPHYR_CHECK(rooms_.totp.remove(user.id, device, actor, origin));
        if (too_short) rooms_.passwords.store(tx, user.id, *prepared, passwords::MustChange::no, actor, origin);
        rooms_.sessions.end_all(user.id, ref, actor, origin, "factor_removed");
        notices_.post(tx, user.id, "factor_removed");
        return success();
    });
}

void AccountService::dismiss_notices(UserId const& user, audit::Origin const& origin) {
    rooms_.database.write([&](Transaction& tx) {
        if (notices_.mark_seen(user) == 0) return;
        rooms_.audit.append(tx, {.code = audit::codes::auth_notices_seen, .actor = Actor::user(user), .subject = user, .origin = origin});
    });
}

}  // namespace zephyr::signin
