#include "zephyr/signin/setup_service.h"

#include "zephyr/audit/codes.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/base64url.h"

namespace zephyr::signin {

using audit::Actor;
using storage::Transaction;

namespace {
Bytes hash_of(SecretText const& token) { return crypto::sha256(as_bytes(token.reveal())); }
}  // namespace

std::optional<SecretText> SetupService::issue() {
    SecretText token{encoding::base64url_encode(random_.bytes(32))};
    bool const issued = rooms_.database.write([&](Transaction& tx) {
        if (rooms_.roles.has_admin(tx)) return false;
        tx.run("INSERT INTO setup_link (id, token_hash, expires_at) VALUES (1, $1, $2) "
               "ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at",
               hash_of(token), clock_.now() + lifetime);
        rooms_.audit.append(tx, {.code = audit::codes::setup_link_issued, .actor = Actor::system()});
        return true;
    });
    if (!issued) return std::nullopt;
    return token;
}

Result<void> SetupService::check(SecretText const& token) {
    return rooms_.database.read([&](Transaction& tx) -> Result<void> {
        auto const row =
            tx.row("SELECT id FROM setup_link WHERE token_hash = $1 AND expires_at > $2", hash_of(token), clock_.now());
        if (!row || rooms_.roles.has_admin(tx)) return errors::setup_link_gone;
        return success();
    });
}

Result<users::User> SetupService::complete(SecretText const& token, NewAdmin const& admin) {
    auto const refused = [&](Error error) -> Result<users::User> {
        rooms_.audit.append({.code = audit::codes::setup_link_refused,
                             .outcome = audit::Outcome::denied,
                             .reason = std::string{error.id()},
                             .origin = admin.origin});
        return error;
    };
    // Before any hashing: a stranger without the link costs nothing.
    if (auto const usable = check(token); !usable.ok()) return refused(usable.error());

    passwords::PolicyContext context{.has_second_factor = false, .words = {admin.username, admin.display_name}};
    if (admin.email) context.words.push_back(*admin.email);
    ZEPHYR_TRY(auto const prepared, rooms_.passwords.prepare(admin.password, context));
    auto created = rooms_.database.write([&](Transaction& tx) -> Result<users::User> {
        bool const ours = tx.run("DELETE FROM setup_link WHERE token_hash = $1 AND expires_at > $2", hash_of(token), clock_.now()) == 1;
        if (!ours || rooms_.roles.has_admin(tx)) return errors::setup_link_gone;
        ZEPHYR_TRY(auto user,
                   rooms_.users.create(tx, {.username = admin.username, .email = admin.email, .display_name = admin.display_name},
                                       Actor::system(), admin.origin));
        rooms_.passwords.store(tx, user.id, prepared, passwords::MustChange::no, Actor::user(user.id), admin.origin);
        ZEPHYR_CHECK(rooms_.roles.grant(rbac::Subject::user(user.id), rbac::admin_role, Actor::system(), admin.origin));
        rooms_.audit.append(
            tx, {.code = audit::codes::setup_admin_created, .actor = Actor::user(user.id), .subject = user.id, .origin = admin.origin});
        return user;
    });
    if (!created.ok() && created.error() == errors::setup_link_gone) return refused(created.error());
    return created;
}

}  // namespace zephyr::signin
