#include "zephyr/passwords/password_service.h"

#include "passwords/credential_table.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/foreign_hash.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::passwords {

namespace {

// Longer than a browser stays known without a complete sign-in, and than any session lives. Before that, a lane's success clears it.
constexpr std::chrono::hours lane_lifetime{400 * 24};

}  // namespace

PasswordService::PasswordService(storage::Database& database, audit::AuditLog& audit, crypto::Sealer const& sealer,
                                 HashGate& gate, PasswordPolicy const& policy, Clock const& clock, Random& random,
                                 PasswordSettings settings)
    : database_{database},
      audit_{audit},
      sealer_{sealer},
      gate_{gate},
      policy_{policy},
      clock_{clock},
      random_{random},
      settings_{settings},
      dummy_phc_{crypto::argon2id_hash(random.bytes(32), settings.argon2, random)} {}

Result<PreparedPassword> PasswordService::prepare(SecretText const& password, PolicyContext const& context) {
    ZEPHYR_TRY(auto accepted, policy_.check(password, context));
    auto key_id = sealer_.active_key_id();
    ZEPHYR_TRY(auto phc, hash(accepted.normalised.reveal(), pepper(key_id)));
    return PreparedPassword{std::move(phc), std::move(key_id), accepted.full_length};
}

Result<PreparedPassword> PasswordService::prepare_for(UserId const& user, SecretText const& password,
                                                      PolicyContext const& context, audit::Actor const& actor,
                                                      audit::Origin const& origin) {
    auto prepared = prepare(password, context);
    if (!prepared.ok()) {
        auto const code =
            prepared.error() == errors::busy ? audit::codes::password_busy : audit::codes::password_refused_by_policy;
        database_.write(
            [&](storage::Transaction& tx) { record(tx, code, user, actor, origin, prepared.error().id()); });
    }
    return prepared;
}

void PasswordService::put(storage::Transaction& tx, UserId const& user, PreparedPassword const& prepared,
                          MustChange must_change) {
    credential_table::put(tx, user,
                          {.phc = seal(user, prepared.phc_),
                           .imported = prepared.pepper_key_id_.empty(),
                           .pepper_key_id = prepared.pepper_key_id_,
                           .full_length = prepared.full_length_,
                           .must_change = must_change == MustChange::yes,
                           .failures = 0,
                           .throttled_until = {},
                           .changed_at = clock_.now()});
}

void PasswordService::store(storage::Transaction& tx, UserId const& user, PreparedPassword const& prepared,
                            MustChange must_change, audit::Actor const& actor, audit::Origin const& origin) {
    put(tx, user, prepared, must_change);
    auto const how = prepared.pepper_key_id_.empty() ? "imported" : must_change == MustChange::yes ? "must_change" : "";
    record(tx, audit::codes::password_set, user, actor, origin, how);
}

Result<void> PasswordService::set(UserId const& user, SecretText const& password, PolicyContext const& context,
                                  audit::Actor const& actor, audit::Origin const& origin, MustChange must_change,
                                  Along const& along) {
    ZEPHYR_TRY(auto prepared, prepare_for(user, password, context, actor, origin));
    database_.write([&](storage::Transaction& tx) {
        store(tx, user, prepared, must_change, actor, origin);
        if (along) along(tx);
    });
    return success();
}

Result<void> PasswordService::change(Claimant const& claimant, SecretText const& old_password, SecretText const& new_password,
                                     PolicyContext const& context, audit::Origin const& origin, Along const& along) {
    auto const& user = claimant.user;
    ZEPHYR_TRY(auto seen, verify_and_see([&](storage::Transaction&) { return std::optional{claimant}; }, old_password, origin));
    auto const actor = audit::Actor::user(user);
    auto const normalised_old = policy_.normalise(old_password);
    auto const normalised_new = policy_.normalise(new_password);
    if (normalised_old.ok() && normalised_new.ok() &&
        normalised_old.value().normalised.reveal() == normalised_new.value().normalised.reveal()) {
        // Both were typed by the same person just now: no secret to learn from the time this takes.
        return Error{errors::same_as_before}.with_reason("It is the password you have now.");
    }
    ZEPHYR_TRY(auto prepared, prepare_for(user, new_password, context, actor, origin));
    return database_.write([&](storage::Transaction& tx) -> Result<void> {
        auto const credential = credential_table::find(tx, user);
        if (!credential || credential->phc != seen.phc) return errors::changed_meanwhile;
        put(tx, user, prepared, MustChange::no);
        record(tx, audit::codes::password_changed, user, actor, origin);
        if (along) along(tx);
        return success();
    });
}

Result<bool> PasswordService::is_current(UserId const& user, SecretText const& password) {
    ZEPHYR_TRY(auto const typed, policy_.normalise(password));
    auto const credential = database_.read([&](storage::Transaction& tx) { return credential_table::find(tx, user); });
    if (!credential) return false;
    ZEPHYR_TRY(auto const check, compare(user, &*credential, {password.reveal(), typed.normalised.reveal()}));
    return check != Check::no_match;
}

Result<PreparedPassword> PasswordService::prepare_import(std::string_view foreign_hash) const {
    auto const hash = crypto::ForeignHash::parse(foreign_hash);
    if (!hash.ok()) {
        return Error{errors::import_refused, std::string{hash.error().id()}}.with_reason(
            std::string{hash.error().reason()});
    }
    if (hash.value().memory_kib() > gate_.memory_budget_kib()) {
        return Error{errors::import_refused}.with_reason(
            "The hash needs more memory than all hashing together may take (passwords.hash_memory).");
    }
    // Its length is learned when it is first typed.
    return PreparedPassword{std::string{foreign_hash}, {}, false};
}

Result<void> PasswordService::import_hash(UserId const& user, std::string_view foreign_hash, audit::Actor const& actor,
                                          audit::Origin const& origin) {
    ZEPHYR_TRY(auto const prepared, prepare_import(foreign_hash));
    database_.write([&](storage::Transaction& tx) { store(tx, user, prepared, MustChange::no, actor, origin); });
    return success();
}

std::optional<PasswordState> PasswordService::state(UserId const& user) {
    auto const credential = database_.read([&](storage::Transaction& tx) { return credential_table::find_worst(tx, user); });
    if (!credential) return std::nullopt;
    PasswordState out{.full_length = credential->full_length,
                      .must_change = credential->must_change,
                      .failures = credential->failures,
                      .throttled_until = std::nullopt,
                      .locked_out = credential->failures >= settings_.failures_until_locked_out,
                      .changed_at = credential->changed_at};
    if (credential->throttled_until > clock_.now()) out.throttled_until = credential->throttled_until;
    return out;
}

bool PasswordService::is_full_length(UserId const& user) {
    auto const found = state(user);
    return found && found->full_length;
}

Result<void> PasswordService::require_change(UserId const& user, std::string_view reason, audit::Actor const& actor,
                                             audit::Origin const& origin) {
    return database_.write([&](storage::Transaction& tx) -> Result<void> {
        if (!credential_table::set_must_change(tx, user)) return errors::no_password;
        record(tx, audit::codes::password_must_change, user, actor, origin, reason);
        return success();
    });
}

Result<void> PasswordService::reset_failures(UserId const& user, audit::Actor const& actor,
                                             audit::Origin const& origin) {
    return database_.write([&](storage::Transaction& tx) -> Result<void> {
        if (!credential_table::clear_failures(tx, user)) return errors::no_password;
        credential_table::clear_lanes(tx, user);
        record(tx, audit::codes::break_glass_used, user, actor, origin, "passwords.reset_failures");
        return success();
    });
}

Result<void> PasswordService::remove(UserId const& user, audit::Actor const& actor, audit::Origin const& origin) {
    return database_.write([&](storage::Transaction& tx) -> Result<void> {
        if (!credential_table::remove(tx, user)) return errors::no_password;
        record(tx, audit::codes::password_removed, user, actor, origin);
        return success();
    });
}

std::int64_t PasswordService::purge() {
    return database_.write([&](storage::Transaction& tx) { return credential_table::purge_lanes(tx, clock_.now() - lane_lifetime); });
}

Result<std::string> PasswordService::hash(std::string_view normalised, SecretBytes const& pepper) {
    ZEPHYR_TRY(auto permit, gate_.enter(settings_.argon2.memory_kib, settings_.argon2.weight()));
    return crypto::argon2id_hash(keyed(normalised, pepper).reveal(), settings_.argon2, random_);
}

Bytes PasswordService::seal(UserId const& user, std::string_view phc) const {
    return sealer_.seal({.table = "password_credential", .row = user.str(), .column = "phc"}, as_bytes(phc));
}

void PasswordService::record(storage::Transaction& tx, std::string_view code, std::optional<UserId> const& user,
                             audit::Actor const& actor, audit::Origin const& origin, std::string_view reason) {
    bool const refusal = code == audit::codes::password_wrong || code == audit::codes::password_throttled ||
                         code == audit::codes::password_busy || code == audit::codes::password_refused_by_policy;
    audit_.append(tx, audit::Event{.code = code,
                                   .actor = actor,
                                   .subject = user,
                                   .outcome = refusal ? audit::Outcome::failure : audit::Outcome::success,
                                   .reason = std::string{reason},
                                   .origin = origin,
                                   .details = {},
                                   .personal = {}});
}

}  // namespace zephyr::passwords
