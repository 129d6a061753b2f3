// A second factor as the rest of the house sees it: what kinds there are, what a provider of one must do, and the proof that a code was
// right. A new kind of factor is one class behind FactorProvider: docs/guides/add-a-factor.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/audit/event.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/result.h"
#include "zephyr/mfa/fresh_proof.h"
#include "zephyr/storage/database.h"

namespace zephyr::mfa {

namespace errors {
// No provider has this name, or the operator did not set it up.
inline constexpr Failure unknown_factor{Kind::not_found, "mfa.unknown_factor"};
// The person has no confirmed factor of this kind.
inline constexpr Failure not_enrolled{Kind::not_found, "mfa.not_enrolled"};
inline constexpr Failure wrong_code{Kind::invalid, "mfa.wrong_code"};
// Right, but already used.
inline constexpr Failure code_reused{Kind::invalid, "mfa.code_reused"};
// Right, but too late: ask for another.
inline constexpr Failure code_expired{Kind::invalid, "mfa.code_expired"};
// Removing or adding this asks for a proof at least as strong.
inline constexpr Failure stronger_proof_required{Kind::unauthenticated, "mfa.stronger_proof_required"};
}  // namespace errors

// What a kind of factor is worth (NIST SP 800-63B-4, 3.1).
struct FactorKind {
    std::string_view name;    // in paths, settings and the audit trail: "totp", "sms", "email", "backup_code"
    std::string_view proves;  // in a session's list of factors: "otp", "sms", "email", "backup"
    std::string_view amr;     // RFC 8176 where it has a name: "otp", "sms"; else our own
    int strength = 0;         // among others: what may remove what, and which is offered first
    bool aal2 = true;         // counts towards AAL2 beside a password; e-mail does not (3.1.3.1)
    bool restricted = false;  // 3.1.3.3: an alternative must be on offer
    bool delivered = false;   // a code must be sent first
    bool stands_alone = true; // may be somebody's only second factor; backup codes may not
};

// Strengths, so that kinds of different files compare.
namespace strength {
inline constexpr int password = 10;
inline constexpr int email = 20;
inline constexpr int sms = 30;
inline constexpr int totp = 40;  // backup codes too: they stand in for any of these
inline constexpr int passkey = 50;
}  // namespace strength

// Proof that a second factor was checked just now; only a FactorProvider makes one.
class VerifiedFactor {
public:
    UserId const& user() const { return user_; }
    FactorId const& factor() const { return factor_; }
    FactorKind const& kind() const { return *kind_; }
    TimePoint at() const { return at_; }

private:
    friend class FactorProvider;
    VerifiedFactor(UserId user, FactorId factor, FactorKind const& kind, TimePoint at)
        : user_{std::move(user)}, factor_{std::move(factor)}, kind_{&kind}, at_{at} {}
    UserId user_;
    FactorId factor_;
    FactorKind const* kind_;
    TimePoint at_;
};

// A code on its way through a check.
struct Presented {
    UserId user;
    SessionRef session;
    std::string code;  // as typed, at most 256 bytes are looked at
    // Whose count of failures this one joins: empty for a browser nobody knows, else the id of a device this person signed in from.
    std::string lane = {};
    audit::Origin origin = {};
    // What prepare() worked out; private to the provider.
    std::shared_ptr<void const> work = nullptr;
    // Another check of this same code follows if this one refuses it, and counts it: one wrong code is one guess.
    bool counted_later = false;
};

// One confirmed factor, for lists. `shown` is safe to print: "+49 … 42", "j…@example.com", the name of a device.
struct FactorSummary {
    FactorId id;
    FactorKind const* kind;
    std::string shown;
    TimePoint confirmed_at;
    std::optional<TimePoint> last_used_at;
};

struct SentCode {
    std::string to;  // safe to print
    std::chrono::seconds expires_in{};
};

class FactorProvider {
public:
    virtual ~FactorProvider() = default;
    // Lives as long as the provider.
    virtual FactorKind const& kind() const = 0;
    // Whether it can be used at all now. False for what is sent while nobody sends it: people who have such a factor still have it, and are
    // still asked for one; it is offered to nobody.
    virtual bool available() const { return true; }

    // Confirmed factors of a person, oldest first. Backup codes are one summary for the set.
    virtual std::vector<FactorSummary> list(storage::Transaction&, UserId const&) = 0;

    // Sends a code for sign-in or step-up to a confirmed factor (the first one without an id). Bound to person and session. Kinds that
    // deliver nothing answer unknown_factor. Fails with not_enrolled, and the limits of mfa/delivered_codes.h.
    virtual Result<SentCode> send(UserId const&, SessionRef const&, std::optional<FactorId> const&, audit::Origin const&) {
        return errors::unknown_factor;
    }

    // The costly part of a check, outside any transaction: hashing. Fails with passwords.busy; nothing else is a reason to refuse here.
    virtual Result<void> prepare(Presented&) { return success(); }
    // The check, in the caller's transaction: limits, the comparison, the count of a failure, using up what was right, the audit event.
    // The caller commits whatever this answers: a refusal must keep its count. Of callers racing with one code exactly one succeeds.
    virtual Result<VerifiedFactor> verify(storage::Transaction&, Presented const&) = 0;

    // Confirms the enrolment this session began and makes it count; as verify otherwise. Kinds that are not enrolled by a code answer
    // unknown_factor.
    virtual Result<VerifiedFactor> confirm(storage::Transaction&, Presented const&) { return errors::unknown_factor; }
    // Whether this session has an enrolment that can still be confirmed.
    virtual bool has_pending(storage::Transaction&, UserId const&, SessionRef const&) { return false; }

    // Removes one factor. What may be removed is decided before (MFAManager). Fails with mfa.device_not_found.
    virtual Result<void> remove(storage::Transaction&, UserId const&, FactorId const&, audit::Actor const&, audit::Origin const&) = 0;
    // Removes every factor of this kind, pending ones too, and its codes: resets, erasure. How many confirmed ones there were.
    virtual std::int64_t remove_all(storage::Transaction&, UserId const&) = 0;
    // Removes what time has ended; how many rows.
    virtual std::int64_t purge() { return 0; }

protected:
    VerifiedFactor proof(UserId user, FactorId factor, TimePoint at) const { return {std::move(user), std::move(factor), kind(), at}; }
};

}  // namespace zephyr::mfa
