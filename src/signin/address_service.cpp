#include "zephyr/signin/address_service.h"

#include "zephyr/audit/codes.h"

namespace zephyr::signin {

using audit::Actor;
using storage::Transaction;

namespace {

messages::Message mail(UserId const& user, std::string to, std::string_view what, std::string_view language, std::string link, TimePoint until) {
    return {.channel = messages::Channel::email,
            .user = user,
            .to = std::move(to),
            .what = std::string{what},
            .words = {{"link", std::move(link)}, {"minutes", std::to_string(MailLinks::lifetime.count())}},
            .language = std::string{language},
            .until = until};
}

// Whoever changes a password shuts out who was in before, and the change of address they asked for with it.
bool outlived(Rooms const& rooms, MailLinks::Link const& link) {
    auto const password = rooms.passwords.state(link.user);
    return password && password->changed_at >= link.created_at;
}

}  // namespace

void AddressService::record(Transaction& tx, std::string_view code, UserId const& user, audit::Origin const& origin, std::string_view address) {
    audit::Event event{.code = code, .actor = Actor::user(user), .subject = user, .origin = origin};
    if (!address.empty()) event.personal = {{"email", std::string{address}}};
    rooms_.audit.append(tx, event);
}

Result<void> AddressService::send_verification(UserId const& id, audit::Origin const& origin, std::string_view language) {
    return rooms_.database.write([&](Transaction& tx) -> Result<void> {
        ZEPHYR_TRY(auto const user, rooms_.users.find(tx, id));
        if (!user.email) return errors::no_address;
        if (user.email_verified()) return errors::address_verified_already;
        ZEPHYR_TRY(auto link, links_.issue(tx, id, LinkPurpose::verify_email, *user.canonical_email));
        outbox_.withdraw(tx, id, "verify_email");
        outbox_.enqueue(tx, mail(id, *user.email, "verify_email", language, std::move(link), rooms_.clock.now() + MailLinks::lifetime));
        record(tx, audit::codes::auth_address_link_sent, id, origin, *user.email);
        return success();
    });
}

Result<void> AddressService::begin_change(SessionRef const& ref, std::string_view address, audit::Origin const& origin,
                                          std::string_view language) {
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (session.pending == errors::change_required.id) return errors::change_required;
    if (!session.pending.empty()) return errors::mfa_required;
    ZEPHYR_TRY(auto const proof, sign_in_.require_fresh(session));
    bool const demanded = sign_in_.mfa_demanded(session.user);
    if (address.empty()) {
        return rooms_.database.write([&](Transaction& tx) -> Result<void> {
            ZEPHYR_TRY(auto const user, rooms_.users.find(tx, proof.user()));
            return change_in(tx, user, {.address = {}, .by = ref, .demanded = demanded}, origin);
        });
    }
    ZEPHYR_TRY(auto const wanted, users::parse_email(address));
    return rooms_.database.write([&](Transaction& tx) -> Result<void> {
        ZEPHYR_TRY(auto const user, rooms_.users.find(tx, proof.user()));
        // Applications behind us know people by their username: an address alone doesn't change it.
        if (user.canonical_email && *user.canonical_email == user.canonical_username) return users::errors::email_is_username;
        if (user.email_verified() && user.canonical_email == wanted.canonical) return errors::address_verified_already;
        if (user.canonical_email != wanted.canonical) ZEPHYR_CHECK(sign_in_.may_lose_mail_factors(user.id, demanded));
        // Whether somebody else has it is told at the end, to the reader of that mail.
        ZEPHYR_TRY(auto link, links_.issue(tx, user.id, LinkPurpose::change_email, wanted.shown));
        outbox_.withdraw(tx, user.id, "change_email");
        // While there is time to do something about it.
        rooms_.notices.post(tx, user.id, "email_change_asked");
        outbox_.enqueue(tx, mail(user.id, wanted.shown, "change_email", language, std::move(link), rooms_.clock.now() + MailLinks::lifetime));
        record(tx, audit::codes::auth_address_change_asked, user.id, origin, wanted.shown);
        return success();
    });
}

Result<AddressService::Question> AddressService::look(std::string_view token) {
    return rooms_.database.read([&](Transaction& tx) -> Result<Question> {
        auto link = links_.look(tx, LinkPurpose::verify_email, token);
        bool const change = !link.ok();
        if (change) link = links_.look(tx, LinkPurpose::change_email, token);
        if (!link.ok()) return link.error();
        auto const user = rooms_.users.find(tx, link.value().user);
        if (change && outlived(rooms_, link.value())) return errors::link_gone;
        if (!user.ok() || (!change && user.value().canonical_email != link.value().address)) return errors::link_gone;
        return Question{user.value().username, change ? link.value().address : user.value().email.value_or(""), change};
    });
}

Result<AddressService::Question> AddressService::confirm(std::string_view token, audit::Origin const& origin) {
    std::optional<UserId> whose;
    bool demanded = false;
    if (auto const link = rooms_.database.read([&](Transaction& tx) { return links_.look(tx, LinkPurpose::change_email, token); }); link.ok()) {
        whose = link.value().user;
        demanded = sign_in_.mfa_demanded(*whose);
    }
    auto confirmed = [&]() -> Result<Question> {
        try {
            return rooms_.database.write([&](Transaction& tx) -> Result<Question> {
                return confirm_in(tx, token, demanded, origin);
            });
        } catch (storage::UniqueViolation const&) {  // somebody else took it in the same moment
            return errors::address_refused;
        }
    }();
    if (!confirmed.ok()) {
        rooms_.audit.append({.code = audit::codes::auth_link_refused,
                             .actor = Actor::anonymous(),
                             .subject = whose,
                             .outcome = audit::Outcome::failure,
                             .reason = std::string{confirmed.error().id()},
                             .origin = origin,
                             .details = {{"purpose", "address"}}});
    }
    return confirmed;
}

Result<AddressService::Question> AddressService::confirm_in(Transaction& tx, std::string_view token, bool demanded, audit::Origin const& origin) {
    if (auto const link = links_.use(tx, LinkPurpose::verify_email, token); link.ok()) {
        auto const user = rooms_.users.find(tx, link.value().user);
        if (!user.ok() || !rooms_.users.mark_email_verified(tx, link.value().user, link.value().address).ok()) return errors::link_gone;
        record(tx, audit::codes::auth_address_verified, user.value().id, origin, *user.value().email);
        return Question{user.value().username, *user.value().email, false};
    }
    ZEPHYR_TRY(auto const link, links_.use(tx, LinkPurpose::change_email, token));
    auto const user = rooms_.users.find(tx, link.user);
    if (!user.ok() || !users::check_active(user.value(), rooms_.clock.now()).ok()) return errors::link_gone;
    if (outlived(rooms_, link)) return errors::link_gone;
    ZEPHYR_CHECK(change_in(tx, user.value(), {.address = link.address, .by = std::nullopt, .demanded = demanded}, origin));
    return Question{user.value().username, link.address, true};
}

Result<void> AddressService::change_in(Transaction& tx, users::User const& before, Wanted const& wanted, audit::Origin const& origin) {
    // First, while the old address is the account's: whoever reads its mail must hear of the change that shuts them out.
    rooms_.notices.post(tx, before.id, "email_changed");
    auto const changed = rooms_.users.update_profile(before.id, {.email = wanted.address}, Actor::user(before.id), origin);
    if (!changed.ok()) {
        if (changed.error() == users::errors::email_taken) return errors::address_refused;
        return changed.error();
    }
    if (auto const& canonical = changed.value().canonical_email) ZEPHYR_CHECK(rooms_.users.mark_email_verified(tx, before.id, *canonical));
    // What went to the old address opens nothing any more.
    for (auto const purpose : {LinkPurpose::verify_email, LinkPurpose::reset_password, LinkPurpose::recovery}) links_.end(tx, before.id, purpose);
    if (before.canonical_email != changed.value().canonical_email)
        ZEPHYR_CHECK(sign_in_.take_mail_factors(tx, before.id, wanted.by, wanted.demanded, origin));
    record(tx, audit::codes::auth_address_changed, before.id, origin, wanted.address);
    return success();
}

}  // namespace zephyr::signin
