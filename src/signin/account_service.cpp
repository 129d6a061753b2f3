#include "zephyr/signin/account_service.h"

#include <algorithm>

#include "zephyr/audit/codes.h"
#include "zephyr/signin/mail_links.h"

namespace zephyr::signin {

using audit::Actor;
using storage::Transaction;

Result<sessions::Session> AccountService::whole(SessionRef const& ref) {
    ZEPHYR_TRY(auto session, rooms_.sessions.find(ref));
    if (session.pending == errors::change_required.id) return errors::change_required;
    if (session.pending == errors::mfa_enrolment_required.id) return errors::mfa_enrolment_required;
    if (!session.pending.empty()) return errors::mfa_required;
    return session;
}

Result<sessions::IssuedSession> AccountService::change_password(SessionRef const& ref, SecretText const& old_password,
                                                                SecretText const& new_password, audit::Origin const& origin,
                                                                std::string_view device_cookie) {
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (!session.pending.empty() && session.pending != errors::change_required.id) ZEPHYR_CHECK(whole(ref));
    ZEPHYR_TRY(auto const user, rooms_.users.find(session.user));
    auto const context = policy_context(user, sign_in_.has_second_factor(user.id));
    auto const actor = Actor::user(user.id);
    bool const demanded = session.pending == errors::change_required.id;
    // In the transaction of the new password: whoever holds the new one holds no old session beside it, and the session that asked has
    // its new token or nothing has changed.
    Result<sessions::IssuedSession> rotated = sessions::errors::none;
    auto const rules = demanded ? rooms_.policy.rules_for(user.id) : MfaPolicy::Applying{};
    auto const along = [&](Transaction& tx) {
        rooms_.sessions.end_all(user.id, ref, actor, origin, "password_changed");
        rooms_.devices.forget_others(tx, user.id, device_cookie, actor, origin, "password_changed");
        for (auto const purpose : {LinkPurpose::change_email, LinkPurpose::reset_password}) {
            end_links(tx, user.id, purpose, rooms_.clock.now());
        }
        notices_.post(tx, user.id, "password_changed");
        sessions::Change change{.proved = sessions::Factor{"pwd", rooms_.clock.now()}, .pending = {}};
        if (demanded) {
            auto next = sign_in_.by_policy(tx, user.id, rules);
            change.pending = std::move(next.pending);
            change.until = next.until;
        }
        rotated = rooms_.sessions.rotate(ref, change, origin);
    };
    if (demanded) {
        // The password that has to go must not come back as its own successor.
        ZEPHYR_TRY(bool const same, rooms_.passwords.is_current(user.id, new_password));
        if (same) return Error{passwords::errors::same_as_before}.with_reason("It is the password you have now.");
        ZEPHYR_CHECK(rooms_.passwords.set(user.id, new_password, context, actor, origin, passwords::MustChange::no, along));
    } else {
        if (sign_in_.has_factor(user.id)) ZEPHYR_CHECK(sign_in_.require_fresh(session));
        ZEPHYR_CHECK(rooms_.passwords.change({user.id, ref.str()}, old_password, new_password, context, origin, along));
    }
    return rotated;
}

Result<mfa::FreshProof> AccountService::enrolling(SessionRef const& ref) {
    if (!sign_in_.settings().mfa_enabled) return errors::mfa_disabled;
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    // A session that waits for a factor by policy has proved all that the account can prove: adding one is what it waits for.
    if (session.pending != errors::mfa_enrolment_required.id) ZEPHYR_CHECK(whole(ref));
    return sign_in_.require_fresh(session);
}

Result<mfa::TotpEnrolment> AccountService::begin_totp(SessionRef const& ref, std::string_view device_name, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const proof, enrolling(ref));
    ZEPHYR_TRY(auto const user, rooms_.users.find(proof.user()));
    return rooms_.mfa.generate_totp_secret(proof, user.email.value_or(user.username), device_name, origin);
}

Result<mfa::SentCode> AccountService::begin_sms(SessionRef const& ref, std::string_view number, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const proof, enrolling(ref));
    auto* const sms = rooms_.mfa.sms();
    if (sms == nullptr || !sms->available()) return mfa::errors::unknown_factor;
    ZEPHYR_CHECK(rooms_.mfa.may_add(proof, sms->kind()));
    return sms->begin(proof, number, origin);
}

Result<mfa::SentCode> AccountService::begin_email(SessionRef const& ref, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const proof, enrolling(ref));
    auto* const email = rooms_.mfa.email();
    if (email == nullptr || !email->available()) return mfa::errors::unknown_factor;
    ZEPHYR_TRY(auto const user, rooms_.users.find(proof.user()));
    if (!user.email_verified()) return mfa::errors::no_verified_email;
    ZEPHYR_CHECK(rooms_.mfa.may_add(proof, email->kind()));
    return email->begin(proof, *user.email, origin);
}

Result<users::User> AccountService::change_profile(SessionRef const& ref, users::ProfileChange const& wanted, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, whole(ref));
    ZEPHYR_TRY(auto const before, rooms_.users.find(session.user));
    // An address is a name to sign in with: changing it is changing a credential.
    if (wanted.email && *wanted.email != before.email.value_or("")) ZEPHYR_CHECK(sign_in_.require_fresh(session));
    bool const demanded = sign_in_.mfa_demanded(session.user);
    return rooms_.database.write([&](Transaction& tx) -> Result<users::User> {
        ZEPHYR_TRY(auto const current, rooms_.users.find(tx, session.user));
        ZEPHYR_TRY(auto changed, rooms_.users.update_profile(session.user, wanted, Actor::user(session.user), origin));
        if (changed.canonical_email != current.canonical_email)
            ZEPHYR_CHECK(sign_in_.take_mail_factors(tx, session.user, ref, demanded, origin));
        return changed;
    });
}

Result<void> AccountService::remove_factor(SessionRef const& ref, FactorId const& factor, std::optional<LongerPassword> const& longer,
                                           audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, whole(ref));
    ZEPHYR_TRY(auto const proof, sign_in_.require_fresh(session));
    ZEPHYR_TRY(auto const user, rooms_.users.find(session.user));

    std::optional<passwords::PreparedPassword> prepared;
    if (longer && !rooms_.passwords.is_full_length(user.id)) {
        // A session in somebody else's hands must not set a password: only who knows the old one chooses the new one.
        ZEPHYR_CHECK(rooms_.passwords.verify(passwords::Claimant{user.id, ref.str()}, longer->current, origin));
        ZEPHYR_TRY(auto made, rooms_.passwords.prepare(longer->next, policy_context(user, false)));
        prepared = std::move(made);
    }
    bool const demanded = sign_in_.mfa_demanded(user.id);
    // Counting and removing are one step, so that two removals at once can't both be "not the last".
    return rooms_.database.write([&](Transaction& tx) -> Result<void> {
        auto const held = rooms_.mfa.list(user.id);
        // Of those that `matters` picks: is this one of them, and the only one?
        auto const last_that = [&](auto const& matters) {
            auto const others = [&](auto const& one) { return one.id != factor && one.kind->stands_alone && matters(*one.kind); };
            auto const it = [&](auto const& one) { return one.id == factor && one.kind->stands_alone && matters(*one.kind); };
            return std::any_of(held.begin(), held.end(), it) && std::none_of(held.begin(), held.end(), others);
        };
        if (demanded && last_that([&](auto const& kind) { return sign_in_.counts(kind); })) return errors::mfa_demanded;
        bool const too_short = last_that([](auto const& kind) { return kind.aal2; }) && !rooms_.passwords.is_full_length(user.id);
        if (too_short && !prepared) return errors::longer_password_required;
        ZEPHYR_CHECK(rooms_.mfa.remove(proof, factor, origin));
        if (too_short) rooms_.passwords.store(tx, user.id, *prepared, passwords::MustChange::no, Actor::user(user.id), origin);
        sign_in_.factor_changed(tx, user.id, ref, origin, "factor_removed", "factor_removed");
        return success();
    });
}

Result<std::vector<SecretText>> AccountService::new_backup_codes(SessionRef const& ref, audit::Origin const& origin) {
    if (!sign_in_.settings().mfa_enabled) return errors::mfa_disabled;
    ZEPHYR_TRY(auto const session, whole(ref));
    ZEPHYR_TRY(auto const proof, sign_in_.require_fresh(session));
    return rooms_.mfa.generate_backup_codes(proof, origin, [&](Transaction& tx) {
        rooms_.devices.end_trust(tx, session.user, Actor::user(session.user), origin, "backup_codes_made");
        notices_.post(tx, session.user, "backup_codes_made");
    });
}

void AccountService::end_other_sessions(SessionRef const& except, UserId const& user, audit::Origin const& origin) {
    rooms_.database.write([&](Transaction& tx) {
        rooms_.sessions.end_all(user, except, Actor::user(user), origin, "revoked_by_owner");
        // Nor does what one of them began go on without it.
        end_links(tx, user, LinkPurpose::change_email, rooms_.clock.now());
    });
}

Result<void> AccountService::forget_device(SessionRef const& ref, std::string_view id, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, whole(ref));
    ZEPHYR_CHECK(sign_in_.require_fresh(session));
    return rooms_.database.write([&](Transaction& tx) -> Result<void> {
        if (!rooms_.devices.forget(tx, session.user, id, Actor::user(session.user), origin)) return mfa::errors::device_not_found;
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
