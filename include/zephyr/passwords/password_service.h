// Passwords of accounts: set, verified, throttled, rehashed.
//
// Owns: tables password_credential, password_lane. Emits: passwords.* audit events.
// Not here: who an account is or whether it is disabled (users), the answer to a failed sign-in (signin).
//
// A password is normalised (NFC), keyed with the pepper (HMAC-SHA-256), hashed with Argon2id and the PHC string sealed
// under the master key for its row. Hashing always passes the HashGate and never runs inside a transaction.
//
// Failures are counted in lanes: one for each browser that is known to the account, one for each of its sessions, and one ("") that everybody
// else shares. What happens in one throttles or locks no other, so a stranger who knows a name cannot shut its owner out. Limits hold in
// each lane; docs/security.md, "Lock-out that a stranger can't use", says what that deviates from.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/event.h"
#include "zephyr/crypto/password_hash.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/passwords/hash_gate.h"
#include "zephyr/passwords/password_policy.h"
#include "zephyr/storage/database.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::passwords {

struct Credential;

namespace errors {
// Also for an unknown user and for one without a password: nobody outside may tell these apart.
inline constexpr Failure wrong_password{Kind::unauthenticated, "passwords.wrong_password"};
// Too many failures of late; the right password is refused too until the time has passed.
inline constexpr Failure throttled{Kind::limited, "passwords.throttled"};
// 100 failures in a row (NIST SP 800-63B-4, 3.2.2): only a reset or a new password opens it again.
inline constexpr Failure locked_out{Kind::limited, "passwords.locked_out"};
inline constexpr Failure no_password{Kind::not_found, "passwords.no_password"};
inline constexpr Failure same_as_before{Kind::invalid, "passwords.same_as_before"};
// Somebody else changed it between the check of the old password and the change.
inline constexpr Failure changed_meanwhile{Kind::conflict, "passwords.changed_meanwhile"};
// A foreign hash of an unknown kind, or one that would cost more time or memory than we allow.
inline constexpr Failure import_refused{Kind::invalid, "passwords.import_refused"};
}  // namespace errors

struct PasswordSettings {
    crypto::Argon2Parameters argon2;
    std::int64_t failures_before_throttle = 5;
    std::chrono::milliseconds first_delay = 1s;  // doubles with each further failure
    std::chrono::milliseconds longest_delay = 15min;
    std::int64_t failures_until_locked_out = 100;
};

// Proof that an account's password was presented; only PasswordService makes one.
class VerifiedPassword {
public:
    UserId const& user() const { return user_; }
    TimePoint at() const { return at_; }
    std::string_view amr() const { return "pwd"; }  // RFC 8176
    bool must_change() const { return must_change_; }
    // Long enough to be the only factor.
    bool full_length() const { return full_length_; }

private:
    friend class PasswordService;
    VerifiedPassword(UserId user, TimePoint at, bool must_change, bool full_length)
        : user_{std::move(user)}, at_{at}, must_change_{must_change}, full_length_{full_length} {}
    UserId user_;
    TimePoint at_;
    bool must_change_;
    bool full_length_;
};

// An accepted password, hashed and ready to be stored inside a transaction.
class PreparedPassword {
public:
    bool full_length() const { return full_length_; }

private:
    friend class PasswordService;
    PreparedPassword(std::string phc, std::string pepper_key_id, bool full_length)
        : phc_{std::move(phc)}, pepper_key_id_{std::move(pepper_key_id)}, full_length_{full_length} {}
    std::string phc_;
    std::string pepper_key_id_;
    bool full_length_;
};

enum class MustChange { no, yes };

// What others may know of an account's password. Failures, throttle and lock-out are those of the worst lane.
struct PasswordState {
    bool full_length = false;
    bool must_change = false;
    std::int64_t failures = 0;
    std::optional<TimePoint> throttled_until;  // only while it lies ahead
    bool locked_out = false;
    TimePoint changed_at;
};

// Whose password it is, and in which lane a failure counts: empty for a stranger, else the id of a browser known to this person or of a
// session of theirs. Only what was looked up may stand here, never what a client sent.
struct Claimant {
    Claimant(UserId id) : user{std::move(id)} {}  // NOLINT: whoever has only a person is in the lane of strangers
    Claimant(UserId id, std::string its_lane) : user{std::move(id)}, lane{std::move(its_lane)} {}
    UserId user;
    std::string lane;
};

class PasswordService {
public:
    // References must outlive the service. Makes one Argon2 hash, for the dummy work. Throws Fault for Argon2
    // parameters the library refuses.
    PasswordService(storage::Database&, audit::AuditLog&, crypto::Sealer const&, HashGate&, PasswordPolicy const&,
                    Clock const&, Random&, PasswordSettings);

    // Checks a password. Without a user, for a user without one, while throttled and when locked out it does the same
    // work as for a wrong one: one read, one Argon2, one write, one audit event. Rehashes after success when the
    // parameters or the pepper have changed since. An imported hash is computed first, and then one Argon2 whatever came
    // out: so it is never answered sooner than an unknown user, only later if the foreign scheme is slow. Never call it inside a transaction. Errors: wrong_password,
    // throttled, locked_out, too_long (before any work), busy (not counted as a failure).
    Result<VerifiedPassword> verify(std::optional<Claimant> const& claimant, SecretText const& password,
                                    audit::Origin const& origin = {});
    // The same for a caller that has a name: `whose` looks it up, and its lane, in the transaction that reads the password, one round
    // trip for both. Called once.
    using Whose = std::function<std::optional<Claimant>(storage::Transaction&)>;
    Result<VerifiedPassword> verify(Whose const& whose, SecretText const& password, audit::Origin const& origin = {});

    // Judges and hashes; stores nothing. For a caller that creates the account in the same transaction.
    // Errors: those of PasswordPolicy::check, busy. Don't call inside a transaction.
    Result<PreparedPassword> prepare(SecretText const& password, PolicyContext const& context);
    // Stores it, clears failures and the lock-out.
    void store(storage::Transaction& tx, UserId const& user, PreparedPassword const& prepared, MustChange must_change,
               audit::Actor const& actor, audit::Origin const& origin = {});
    // prepare and store, for an operator or after a reset: the old password is not asked for.
    // `along` runs in the same transaction: what must not be left undone if the process dies in between.
    using Along = std::function<void(storage::Transaction&)>;
    Result<void> set(UserId const& user, SecretText const& password, PolicyContext const& context,
                     audit::Actor const& actor, audit::Origin const& origin = {},
                     MustChange must_change = MustChange::no, Along const& along = {});
    // By the person: verifies the old one first, with all its limits.
    // Errors: those of verify and prepare, same_as_before, changed_meanwhile.
    Result<void> change(Claimant const& claimant, SecretText const& old_password, SecretText const& new_password,
                        PolicyContext const& context, audit::Origin const& origin = {}, Along const& along = {});
    // Whether this is the password the account has now. Counts nothing and heeds no throttle, so ask it only on behalf of
    // somebody who proved that password in the same session. Errors: too_long, malformed, busy.
    Result<bool> is_current(UserId const& user, SecretText const& password);

    // Takes over a hash made elsewhere (crypto/foreign_hash.h), without pepper. It is kept sealed and replaced by one of ours at
    // the next sign-in; one of bcrypt stays while the password typed is longer than the 72 bytes it looks at. The cost
    // must be within the bounds of ForeignHash and of the gate. prepare_import computes nothing and may be called inside a
    // transaction; store() then stores it. Errors: import_refused, with the reason.
    Result<PreparedPassword> prepare_import(std::string_view foreign_hash) const;
    Result<void> import_hash(UserId const& user, std::string_view foreign_hash, audit::Actor const& actor,
                             audit::Origin const& origin = {});

    // These four join the caller's transaction when called inside one.
    std::optional<PasswordState> state(UserId const& user);
    // At the next sign-in a new one must be chosen: after evidence of compromise, or when the last second factor goes
    // and the password is too short to stand alone. Errors: no_password.
    Result<void> require_change(UserId const& user, std::string_view reason, audit::Actor const& actor,
                                audit::Origin const& origin = {});
    // Clears the count of failures, the throttle and the lock-out, in every lane. Errors: no_password.
    Result<void> reset_failures(UserId const& user, audit::Actor const& actor, audit::Origin const& origin = {});
    // Takes the password away: the account can then not sign in by password. Errors: no_password.
    Result<void> remove(UserId const& user, audit::Actor const& actor, audit::Origin const& origin = {});

    // Deletes lanes that count nothing, and those in which nothing happened for longer than any browser stays known. For a periodic job;
    // rows deleted.
    std::int64_t purge();

    bool has_password(UserId const& user) { return state(user).has_value(); }
    // False for an account without a password.
    bool is_full_length(UserId const& user);

private:
    enum class Check { match, outdated, no_match };
    // An accepted password and the sealed hash it was compared with: the hash tells whether it changed meanwhile.
    struct Seen {
        VerifiedPassword proof;
        Bytes phc;
    };

    Result<Seen> verify_and_see(Whose const&, SecretText const&, audit::Origin const&);
    // What was typed, as it came and as we hash it.
    struct Typed {
        std::string_view raw;
        std::string_view normalised;
    };
    // Against the dummy hash without a credential.
    Result<Check> compare(UserId const&, Credential const*, Typed const&);
    Result<Check> compare_imported(std::string_view foreign_hash, Typed const&);
    std::string open_phc(UserId const&, Credential const&) const;
    // Nothing when throttled, locked out or changed since it was read.
    std::optional<Credential> accept(Claimant const&, Credential const& compared);
    // One write: counts the failure if `compared` with the real hash, and records it.
    Failure refuse(std::optional<Claimant> const&, bool compared, audit::Origin const&);
    Failure refuse_in(storage::Transaction&, std::optional<Claimant> const&, bool compared, audit::Origin const&);
    // Returns the sealed hash that is in the table now.
    Bytes rehash(UserId const&, Credential const& old, AcceptedPassword const&, audit::Origin const&);
    bool is_closed(Credential const&, TimePoint now) const;
    std::chrono::milliseconds delay_after(std::int64_t failures) const;

    SecretBytes pepper(std::string const& key_id) const;
    static SecretBytes keyed(std::string_view normalised, SecretBytes const& pepper);
    Result<std::string> hash(std::string_view normalised, SecretBytes const& pepper);
    Bytes seal(UserId const&, std::string_view phc) const;
    Result<PreparedPassword> prepare_for(UserId const&, SecretText const&, PolicyContext const&, audit::Actor const&,
                                         audit::Origin const&);
    void put(storage::Transaction&, UserId const&, PreparedPassword const&, MustChange);
    void record(storage::Transaction&, std::string_view code, std::optional<UserId> const&, audit::Actor const&,
                audit::Origin const&, std::string_view reason = {});

    storage::Database& database_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    HashGate& gate_;
    PasswordPolicy const& policy_;
    Clock const& clock_;
    Random& random_;
    PasswordSettings settings_;
    std::string dummy_phc_;
};

}  // namespace zephyr::passwords
