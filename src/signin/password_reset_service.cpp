#include "zephyr/signin/password_reset_service.h"

#include "zephyr/audit/codes.h"

namespace zephyr::signin {

using audit::Actor;
using storage::Transaction;

namespace {

constexpr std::string_view no_such_account = "unknown";

// Why somebody gets no mail; empty for who does.
std::string why_not(Result<users::User> const& found, bool has_password, TimePoint now) {
    if (!found.ok()) return std::string{no_such_account};
    if (auto const active = users::check_active(found.value(), now); !active.ok()) return std::string{active.error().id()};
    if (!has_password) return "no_password";
    if (!found.value().email_verified()) return "no_verified_email";
    return {};
}

}  // namespace

void PasswordResetService::request(std::string_view login, audit::Origin const& origin, std::string_view language) {
    rooms_.database.write([&](Transaction& tx) {
        auto const found = rooms_.users.find_by_login(login);
        auto const id = found.ok() ? found.value().id : links_.nobody();
        bool const has_password = rooms_.passwords.has_password(id);
        // Of a password there is, its lanes are read too.
        if (!has_password) (void)links_.last_used(tx, id, LinkPurpose::reset_password);
        auto reason = why_not(found, has_password, rooms_.clock.now());
        auto const now = rooms_.clock.now();
        auto link = reason.empty() ? links_.issue(tx, id, LinkPurpose::reset_password, *found.value().canonical_email)
                                   : Result<std::string>{errors::link_gone};
        if (link.ok()) {
            outbox_.withdraw(tx, id, "reset_password");
            outbox_.enqueue(tx, {.channel = messages::Channel::email,
                                 .user = id,
                                 .to = *found.value().email,
                                 .what = "reset_password",
                                 .words = {{"link", std::move(link).value()}, {"minutes", std::to_string(MailLinks::lifetime.count())}},
                                 .language = std::string{language},
                                 .until = now + MailLinks::lifetime});
        } else {
            if (reason.empty()) reason = link.error().id();
            outbox_.withdraw(tx, links_.nobody(), "reset_password");
            // As many rows, hashes and seals as for somebody who gets a mail: whoever measures learns nothing.
            links_.issue_decoy(tx, login, found.ok() && link.error() == errors::mail_limited);
            links_.issue_decoy_message(tx);
        }
        // Without the person: a person's events cost other statements than nobody's. The event of the mail that was sent names them.
        rooms_.audit.append(tx, {.code = audit::codes::auth_reset_asked,
                                 .actor = Actor::anonymous(),
                                 .outcome = reason.empty() ? audit::Outcome::success : audit::Outcome::failure,
                                 .reason = reason,
                                 .origin = origin});
    });
}

Result<users::User> PasswordResetService::owner(Transaction& tx, MailLinks::Link const& link) {
    auto user = rooms_.users.find(tx, link.user);
    if (!user.ok() || !users::check_active(user.value(), rooms_.clock.now()).ok()) return errors::link_gone;
    if (!user.value().email_verified() || user.value().canonical_email != link.address) return errors::link_gone;
    auto const password = rooms_.passwords.state(link.user);
    if (!password || password->changed_at >= link.created_at) return errors::link_gone;
    return user;
}

Result<PasswordResetService::Target> PasswordResetService::look(std::string_view token) {
    ZEPHYR_TRY(auto const user, rooms_.database.read([&](Transaction& tx) -> Result<users::User> {
        ZEPHYR_TRY(auto const link, links_.look(tx, LinkPurpose::reset_password, token));
        return owner(tx, link);
    }));
    return Target{user.username, sign_in_.has_second_factor(user.id)};
}

Result<void> PasswordResetService::complete(std::string_view token, SecretText const& password, audit::Origin const& origin,
                                            std::string_view device_cookie) {
    std::optional<UserId> whose;
    auto const refused = [&](Error error) -> Result<void> {
        rooms_.audit.append({.code = audit::codes::auth_link_refused,
                             .actor = Actor::anonymous(),
                             .subject = whose,
                             .outcome = audit::Outcome::failure,
                             .reason = std::string{error.id()},
                             .origin = origin,
                             .details = {{"purpose", "reset_password"}}});
        return error;
    };
    // Before any hashing: a stranger without the link costs nothing.
    auto const user = rooms_.database.read([&](Transaction& tx) -> Result<users::User> {
        ZEPHYR_TRY(auto const link, links_.look(tx, LinkPurpose::reset_password, token));
        whose = link.user;
        return owner(tx, link);
    });
    if (!user.ok()) return refused(user.error());
    auto const prepared = rooms_.passwords.prepare(password, policy_context(user.value(), sign_in_.has_second_factor(user.value().id)));
    if (!prepared.ok()) return refused(prepared.error());

    auto done = rooms_.database.write([&](Transaction& tx) -> Result<void> {
        ZEPHYR_TRY(auto const link, links_.use(tx, LinkPurpose::reset_password, token));
        ZEPHYR_TRY(auto const account, owner(tx, link));
        auto const actor = Actor::user(account.id);
        // The factor may have gone while the password was hashed: then one that leans on it is too short.
        if (!prepared.value().full_length() && !rooms_.mfa.has_second_factor(account.id)) return errors::link_gone;
        rooms_.passwords.store(tx, account.id, prepared.value(), passwords::MustChange::no, actor, origin);
        rooms_.sessions.end_all(account.id, std::nullopt, actor, origin, "password_reset");
        rooms_.devices.forget_others(tx, account.id, device_cookie, actor, origin, "password_reset");
        links_.end(tx, account.id, LinkPurpose::change_email);
        rooms_.notices.post(tx, account.id, "password_changed");
        rooms_.audit.append(
            tx, {.code = audit::codes::auth_reset_done, .actor = actor, .subject = account.id, .origin = origin});
        return success();
    });
    if (!done.ok()) return refused(done.error());
    return done;
}

}  // namespace zephyr::signin
