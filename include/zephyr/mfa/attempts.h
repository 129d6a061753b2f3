// Wrong codes, counted: per session, and per account in lanes; over all kinds of factors that are AAL2 together, and over those that are not
// (FactorKind::aal2) apart. Neither side's failures close the other, and neither side's success clears the other.
//
// Owns: tables mfa_attempt, mfa_challenge. Every provider asks `blocked` first and says `failed` or `passed` after, in the transaction of
// its check, so that the limits hold for parallel guesses too and a new code resets nothing (NIST SP 800-63B-4, 3.1.3.2).
//
// A lane is the device a person signed in from before, or "" for everybody else: strangers who guess slow down strangers, never the owner
// at a device that is known (OWASP device cookies). The limit of 100 failures in a row (NIST 3.2.2) holds in each lane; known devices are
// few and each was made by a complete sign-in: docs/security.md says what that deviates from.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/result.h"
#include "zephyr/mfa/factor.h"
#include "zephyr/storage/database.h"

namespace zephyr::mfa {

namespace errors {
// Five wrong codes in this session (sign in again), or too many for the account of late (wait).
inline constexpr Failure too_many_attempts{Kind::limited, "mfa.too_many_attempts"};
// 100 failures in a row (NIST SP 800-63B-4, 3.2.2): an operator must reset the second factor.
inline constexpr Failure locked_out{Kind::limited, "mfa.locked_out"};
}  // namespace errors

struct AttemptSettings {
    std::int64_t failures_per_challenge = 5;
    std::int64_t failures_per_account = 10;       // in a row, in one lane and of one worth; then it waits
    std::chrono::milliseconds first_block = 30s;  // doubles with each further failure
    std::chrono::milliseconds longest_block = 15min;
    std::int64_t failures_until_locked_out = 100;
};

class Attempts {
public:
    Attempts(audit::AuditLog&, Clock const&, AttemptSettings);  // throws Fault for settings out of range

    // Why no code is looked at now, if so; recorded as mfa.throttled. Its detail says "account" or "session".
    std::optional<Error> blocked(storage::Transaction&, Presented const&, FactorKind const&) const;
    void failed(storage::Transaction&, Presented const&, FactorKind const&) const;
    void passed(storage::Transaction&, Presented const&, FactorKind const&) const;

    // Clears every count of a person: resets, an account made active again.
    void clear(storage::Transaction&, UserId const&) const;
    // Failures in a row in the worst lane.
    std::int64_t failures(storage::Transaction&, UserId const&) const;
    std::int64_t purge(storage::Transaction&) const;

    AttemptSettings const& settings() const { return settings_; }

private:
    audit::AuditLog& audit_;
    Clock const& clock_;
    AttemptSettings settings_;
};

}  // namespace zephyr::mfa
