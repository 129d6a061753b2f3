// Backup codes: look-up secrets for the day the phone is lost (NIST SP 800-63B-4, 3.1.2).
//
// Owns: table backup_code. A code is a selector, which finds its row, and a secret, of which a salted hash is kept: one try costs one hash,
// through the gate. Single use, also in a race; a new set kills the old. Emits: mfa.backup_codes_made, mfa.backup_code_used,
// mfa.backup_codes_low, and what every provider emits.
// Not here: whether a person may have them yet (MFAManager), who may ask for new ones (signin).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/crypto/password_hash.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/mfa/attempts.h"
#include "zephyr/mfa/factor.h"
#include "zephyr/passwords/hash_gate.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::mfa {

namespace errors {
// Only after another factor was confirmed: else they would be the only one.
inline constexpr Failure backup_codes_too_early{Kind::conflict, "mfa.backup_codes_too_early"};
}  // namespace errors

struct BackupCodeSettings {
    std::int64_t count = 10;
    std::int64_t low = 3;  // so few left: the person is told to make new ones
    crypto::Argon2Parameters argon2;
};

// 16 characters of 5 bits: 20 that find the row, 60 that prove it.
inline constexpr std::size_t selector_characters = 4;
inline constexpr std::size_t secret_characters = 12;

// A code as a person may have typed it, as 16 characters of Crockford's base32 (0-9, A-Z without I, L, O, U): case, blanks and hyphens
// don't matter, full-width letters and digits are read as plain ones, O is 0, I and L are 1. Nothing for anything else; at most 256 bytes
// are looked at.
std::optional<SecretText> normalise_backup_code(std::string_view typed);

inline constexpr FactorKind backup_code_kind{.name = "backup_code", .proves = "backup", .amr = "otp", .strength = strength::totp,
                                             .stands_alone = false};

class BackupCodes final : public FactorProvider {
public:
    // References must outlive the object. Makes one Argon2 hash, for the dummy work. Throws Fault for settings out of range.
    BackupCodes(storage::Database&, audit::AuditLog&, crypto::Sealer const&, Attempts const&, passwords::HashGate&, Clock const&, Random&,
                BackupCodeSettings);

    FactorKind const& kind() const override { return backup_code_kind; }
    std::vector<FactorSummary> list(storage::Transaction&, UserId const&) override;
    Result<void> prepare(Presented&) override;
    Result<VerifiedFactor> verify(storage::Transaction&, Presented const&) override;
    Result<void> remove(storage::Transaction&, UserId const&, FactorId const&, audit::Actor const&, audit::Origin const&) override;
    std::int64_t remove_all(storage::Transaction&, UserId const&) override;

    // A new set, hashed and ready to be stored: do it outside any transaction. Fails with passwords.busy. It takes as many hashes as there
    // are codes, one after the other.
    struct Set {
        std::vector<SecretText> codes;  // "ABCD-EFGH-JKMN-PQRS" and the like: shown once
        struct Row {
            std::string id;
            std::string selector;
            Bytes sealed_hash;
        };
        std::vector<Row> rows;
        FactorId id;
    };
    Result<Set> make(UserId const&);
    // Stores it in place of the old set.
    void store(storage::Transaction&, UserId const&, Set const&, audit::Actor const&, audit::Origin const&);
    // Codes not used yet; absent: the person never had a set.
    std::optional<std::int64_t> left(storage::Transaction&, UserId const&);
    std::optional<std::int64_t> left(UserId const&);
    BackupCodeSettings const& settings() const { return settings_; }

private:
    void record(storage::Transaction&, std::string_view code, UserId const&, audit::Actor const&, audit::Origin const&,
                std::string_view reason = {}, std::vector<std::pair<std::string, std::string>> details = {}) const;

    storage::Database& database_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    Attempts const& attempts_;
    passwords::HashGate& gate_;
    Clock const& clock_;
    Random& random_;
    BackupCodeSettings settings_;
    std::string dummy_phc_;  // compared with when no row fits, so that time tells nothing
};

}  // namespace zephyr::mfa
