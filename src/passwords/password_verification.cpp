// Checking a password: the part of PasswordService where time, order and races matter.
#include <algorithm>

#include "passwords/credential_table.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/foreign_hash.h"
#include "zephyr/crypto/hmac.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/passwords/password_service.h"

namespace zephyr::passwords {

namespace {

// Stands for "no user", so that an unknown one costs the same read.
Claimant const& nobody() {
    static Claimant const claimant{UserId::trusted("00000000-0000-0000-0000-000000000000")};
    return claimant;
}

// A password that keeps changing while it is checked is given up on.
constexpr int most_rounds = 3;

}  // namespace

Result<VerifiedPassword> PasswordService::verify(std::optional<Claimant> const& claimant, SecretText const& password,
                                                 audit::Origin const& origin) {
    return verify([&](storage::Transaction&) { return claimant; }, password, origin);
}

Result<VerifiedPassword> PasswordService::verify(Whose const& whose, SecretText const& password, audit::Origin const& origin) {
    ZEPHYR_TRY(auto seen, verify_and_see(whose, password, origin));
    return std::move(seen.proof);
}

// Hashing takes long, so it is not done in a transaction, and many guesses can be under way for one account. What
// counts is the order in which their outcomes are committed: a wrong one is counted, and a right one accepted, only if
// the lane is not throttled or locked out *at that moment*. So no number of parallel guesses learns more than
// the same guesses one after the other.
Result<PasswordService::Seen> PasswordService::verify_and_see(Whose const& whose, SecretText const& password,
                                                              audit::Origin const& origin) {
    auto const typed = policy_.normalise(password);
    if (!typed.ok() && typed.error() == errors::too_long) return typed.error();
    // What is no text matches nothing, after the same work.
    std::string_view const normalised =
        typed.ok() ? std::string_view{typed.value().normalised.reveal()} : std::string_view{};

    std::optional<Claimant> claimant;
    for (int round = 0; round < most_rounds; ++round) {
        auto const credential = database_.read([&](storage::Transaction& tx) {
            if (round == 0) claimant = whose(tx);
            auto const& asked = claimant ? *claimant : nobody();
            return credential_table::find(tx, asked.user, asked.lane);
        });
        auto const& user = claimant ? claimant->user : nobody().user;
        bool const compared = credential && !is_closed(*credential, clock_.now());
        // An account without a password has no hash to match, an empty one least of all.
        auto const check =
            compare(user, compared && typed.ok() ? &*credential : nullptr, {password.reveal(), normalised});
        if (!check.ok()) return check.error();
        if (check.value() == Check::no_match) return refuse(claimant, compared, origin);

        auto const accepted = accept(*claimant, *credential);
        if (!accepted) continue;  // changed since it was read, or closed by another guess: look again
        auto phc = check.value() == Check::outdated ? rehash(user, *accepted, typed.value(), origin) : accepted->phc;
        return Seen{.proof = VerifiedPassword{user, clock_.now(), accepted->must_change, typed.value().full_length},
                    .phc = std::move(phc)};
    }
    return refuse(claimant, false, origin);
}

bool PasswordService::is_closed(Credential const& credential, TimePoint now) const {
    return credential.throttled_until > now || credential.failures >= settings_.failures_until_locked_out;
}

std::string PasswordService::open_phc(UserId const& user, Credential const& credential) const {
    auto const opened =
        sealer_.open({.table = "password_credential", .row = user.str(), .column = "phc"}, credential.phc);
    if (!opened.ok()) throw Fault{"a password hash cannot be opened: " + std::string{opened.error().id()}};
    return to_text(opened.value().reveal());
}

Result<PasswordService::Check> PasswordService::compare(UserId const& user, Credential const* credential,
                                                        Typed const& typed) {
    auto const phc = credential == nullptr ? dummy_phc_ : open_phc(user, *credential);
    if (credential != nullptr && credential->imported) return compare_imported(phc, typed);

    auto const key_id = credential == nullptr ? sealer_.active_key_id() : credential->pepper_key_id;
    auto const secret = keyed(typed.normalised, pepper(key_id));
    auto const parameters = crypto::argon2id_parameters(phc);
    if (!parameters.ok()) throw Fault{"a stored password hash is malformed"};
    ZEPHYR_TRY(auto permit, gate_.enter(parameters.value().memory_kib, parameters.value().weight()));
    auto const match = crypto::argon2id_verify(secret.reveal(), phc, settings_.argon2);
    if (!match.ok()) throw Fault{"a stored password hash is malformed"};
    if (credential == nullptr || match.value() == crypto::PasswordMatch::no) return Check::no_match;
    bool const current = key_id == sealer_.active_key_id() && !sealer_.needs_reseal(credential->phc) &&
                         match.value() == crypto::PasswordMatch::yes;
    return current ? Check::match : Check::outdated;
}

// The password as it was typed: other systems hash what the browser sends, whatever its normal form.
Result<PasswordService::Check> PasswordService::compare_imported(std::string_view foreign_hash, Typed const& typed) {
    auto const hash = crypto::ForeignHash::parse(foreign_hash);
    if (!hash.ok()) throw Fault{"a stored password hash is malformed"};
    auto const match = [&]() -> Result<crypto::ForeignMatch> {
        ZEPHYR_TRY(auto permit, gate_.enter(hash.value().memory_kib(), hash.value().weight(typed.raw.size())));
        return hash.value().matches(as_bytes(typed.raw));
    }();
    if (!match.ok()) return match.error();
    switch (match.value()) {
        case crypto::ForeignMatch::yes: return Check::outdated;
        // Hashing what was typed would make its unchecked end part of the password.
        case crypto::ForeignMatch::yes_in_part: return Check::match;
        case crypto::ForeignMatch::no: break;
    }
    // After a match comes the rehash; so that a miss takes as long, and no less than one for an unknown user. Without room
    // for it the miss stands all the same: it must be counted.
    if (auto const dummy = compare(nobody().user, nullptr, typed); !dummy.ok() && dummy.error() != errors::busy)
        return dummy.error();
    return Check::no_match;
}

// A success clears its own lane alone. Were it to clear the strangers' too, each sign-in of the owner would give a patient guesser a new
// hundred; were a stranger's to clear a known browser's, whoever got in would wipe out the trace. A new password or an operator clears all.
std::optional<Credential> PasswordService::accept(Claimant const& who, Credential const& compared) {
    auto const now = clock_.now();
    auto const current =
        database_.read([&](storage::Transaction& tx) { return credential_table::find(tx, who.user, who.lane); });
    if (!current || current->phc != compared.phc || is_closed(*current, now)) return std::nullopt;
    if (current->failures == 0) return current;
    bool const cleared = database_.write([&](storage::Transaction& tx) {
        return credential_table::clear_after_success(tx, who.user, who.lane, compared.phc, now, settings_.failures_until_locked_out);
    });
    return cleared ? current : std::nullopt;
}

Failure PasswordService::refuse(std::optional<Claimant> const& claimant, bool compared, audit::Origin const& origin) {
    // A value, not a Result: a refusal must not roll its own count back.
    return database_.write([&](storage::Transaction& tx) { return refuse_in(tx, claimant, compared, origin); });
}

Failure PasswordService::refuse_in(storage::Transaction& tx, std::optional<Claimant> const& claimant, bool compared,
                                   audit::Origin const& origin) {
    auto const now = clock_.now();
    auto const& who = claimant ? *claimant : nobody();
    auto const user = claimant ? std::optional{claimant->user} : std::nullopt;
    auto const record_refusal = [&](std::string_view code, Failure failure) {
        record(tx, code, user, audit::Actor::anonymous(), origin, failure.id);
        return failure;
    };
    auto const limit = settings_.failures_until_locked_out;
    if (compared) {
        if (auto const failures = credential_table::count_failure(tx, who.user, who.lane, now, limit)) {
            if (*failures >= settings_.failures_before_throttle)
                credential_table::throttle(tx, who.user, who.lane, now + delay_after(*failures));
            //= NIST SP 800-63B-4, 3.2.2
            // # the verifier SHALL limit consecutive failed authentication attempts using a specific authenticator on a
            // # single subscriber account to no more than 100 by disabling that authenticator.
            // Here: in one lane. docs/security.md says why.
            if (*failures >= limit) record_refusal(audit::codes::password_throttled, errors::locked_out);
            return record_refusal(audit::codes::password_wrong, errors::wrong_password);
        }
    }
    auto const credential = credential_table::find(tx, who.user, who.lane);
    if (!credential) {
        record(tx, audit::codes::password_wrong, user, audit::Actor::anonymous(), origin, errors::no_password.id);
        return errors::wrong_password;
    }
    auto const closed = credential->failures >= limit ? errors::locked_out : errors::throttled;
    return record_refusal(audit::codes::password_throttled, closed);
}

std::chrono::milliseconds PasswordService::delay_after(std::int64_t failures) const {
    auto delay = settings_.first_delay;
    for (auto i = settings_.failures_before_throttle; i < failures && delay < settings_.longest_delay; ++i) delay *= 2;
    return std::min(delay, settings_.longest_delay);
}

Bytes PasswordService::rehash(UserId const& user, Credential const& old, AcceptedPassword const& password,
                              audit::Origin const& origin) {
    Credential next = old;
    next.imported = false;
    next.pepper_key_id = sealer_.active_key_id();
    next.full_length = password.full_length;
    auto const phc = hash(password.normalised.reveal(), pepper(next.pepper_key_id));
    if (!phc.ok()) return old.phc;  // the gate is full: the old hash still serves, the next sign-in tries again
    next.phc = seal(user, phc.value());
    bool const replaced = database_.write([&](storage::Transaction& tx) {
        bool const done = credential_table::replace_hash(tx, user, old.phc, next);
        if (done) record(tx, audit::codes::password_rehashed, user, audit::Actor::system(), origin);
        return done;
    });
    return replaced ? next.phc : old.phc;
}

// NIST SP 800-63B-4, 3.1.1.2: beside the salted hash, a keyed one with a key kept apart from the hashes. The key comes
// from the master key, which the database and its backups do not hold.
SecretBytes PasswordService::pepper(std::string const& key_id) const {
    auto derived = sealer_.derive_from(key_id, "password pepper");
    if (!derived.ok()) throw Fault{"the pepper of key " + key_id + " is missing: " + std::string{derived.error().id()}};
    return std::move(derived).value();
}

SecretBytes PasswordService::keyed(std::string_view normalised, SecretBytes const& pepper) {
    return SecretBytes{crypto::hmac_sha256(pepper.reveal(), as_bytes(normalised))};
}

}  // namespace zephyr::passwords
