// Second factor by time-based one-time password (RFC 6238).
//
// Owns: table totp_device. Emits: mfa.* audit events.
// Not here: whether a session has passed its second factor (sessions, signin), which requests need one (guards),
// screens and QR codes (pages).
//
// Enrolment has two phases and belongs to one person in one session: `begin` makes a pending device, `confirm` with a
// code from it makes it count. Each step of a device is accepted once, whatever races for it, and the clock going
// backwards opens none again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/event.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/mfa/attempts.h"
#include "zephyr/mfa/factor.h"
#include "zephyr/mfa/totp.h"
#include "zephyr/storage/database.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::mfa {

struct DeviceRow;

namespace errors {
// The person has no confirmed device.
inline constexpr Failure totp_not_enrolled{Kind::not_found, "mfa.totp_not_enrolled"};
inline constexpr Failure totp_wrong_code{Kind::invalid, "mfa.totp_wrong_code"};
// Right, but already used: wait for the next one.
inline constexpr Failure totp_code_reused{Kind::invalid, "mfa.totp_code_reused"};
// This session began no enrolment.
inline constexpr Failure no_enrolment{Kind::not_found, "mfa.no_enrolment"};
inline constexpr Failure enrolment_expired{Kind::expired, "mfa.enrolment_expired"};
inline constexpr Failure device_limit{Kind::conflict, "mfa.device_limit"};
inline constexpr Failure device_not_found{Kind::not_found, "mfa.device_not_found"};
// Empty, over 64 characters, not UTF-8 or with control characters.
inline constexpr Failure device_name_malformed{Kind::invalid, "mfa.device_name_malformed"};
}  // namespace errors

struct TotpSettings {
    std::string issuer = "Zephyr";                  // shown by the authenticator app
    TotpAlgorithm algorithm = TotpAlgorithm::sha1;  // what every app understands
    int digits = 6;                                 // 6 to 8
    std::chrono::seconds period{30};
    std::int64_t drift_steps = 1;  // accepted before and after the current step
    std::chrono::milliseconds enrolment_lifetime = 10min;
    std::size_t most_devices = 10;          // confirmed, per person
    std::int64_t failures_per_enrolment = 5;  // wrong codes, then it is gone
};

inline constexpr FactorKind totp_kind{.name = "totp", .proves = "otp", .amr = "otp", .strength = strength::totp};

// Shown once, to the person enrolling.
struct TotpEnrolment {
    FactorId device;
    std::string secret_base32;  // 32 characters: 160 bits
    std::string otpauth_uri;
    TimePoint expires_at;
};

// An enrolment under way, to be shown again to the session that began it: after a reload, or a mistyped code.
struct PendingTotp {
    std::string name;
    TotpEnrolment enrolment;
};

struct TotpDevice {
    FactorId id;
    std::string name;
    TimePoint created_at;
    TimePoint confirmed_at;
    std::optional<TimePoint> last_used_at;
};

class TotpService final : public FactorProvider {
public:
    // References must outlive the service. Throws Fault for settings out of range.
    TotpService(storage::Database&, audit::AuditLog&, crypto::Sealer const&, Attempts const&, Clock const&, Random&, TotpSettings);

    // Starts an enrolment, in place of one this session had begun before. Other sessions' are untouched, and confirmed
    // devices go on working. The caller checks that the person may add a factor (step-up).
    // Errors: device_limit, device_name_malformed.
    Result<TotpEnrolment> begin(UserId const& user, SessionRef const& session, std::string_view account_label,
                                std::string_view device_name, audit::Origin const& origin = {});
    // Confirms the enrolment this session began. The code's step is used up by it.
    // Errors: no_enrolment, enrolment_expired, totp_wrong_code; after five wrong ones too_many_attempts, and the
    // enrolment is gone; device_limit. Don't call inside a transaction that a refusal rolls back.
    Result<VerifiedFactor> confirm(UserId const& user, SessionRef const& session, std::string_view code,
                                   audit::Origin const& origin = {});
    // Checks a code against all confirmed devices. Wrong codes are counted (Attempts); reused ones are refused but not
    // counted, for they were no guess. Don't call inside a transaction that a refusal rolls back:
    // the count would go with it.
    // Errors: totp_not_enrolled, totp_wrong_code, totp_code_reused, too_many_attempts, locked_out.
    Result<VerifiedFactor> verify(UserId const& user, SessionRef const& session, std::string_view code,
                                  audit::Origin const& origin = {});

    // True while this session has an enrolment that has not expired.
    bool has_pending(UserId const& user, SessionRef const& session);
    bool has_confirmed(UserId const& user);
    // This session's enrolment, while it has not expired. Nobody else's session can have it.
    std::optional<PendingTotp> pending(UserId const& user, SessionRef const& session, std::string_view account_label);
    // How many people have a confirmed device.
    std::int64_t count_enrolled();
    // Confirmed devices, oldest first.
    std::vector<TotpDevice> list(UserId const& user);

    // These join the caller's transaction when called inside one. A device of another person is device_not_found.
    Result<void> rename(UserId const& user, FactorId const& device, std::string_view name, audit::Actor const& actor,
                        audit::Origin const& origin = {});
    Result<void> remove(UserId const& user, FactorId const& device, audit::Actor const& actor,
                        audit::Origin const& origin = {});
    // Deletes expired enrolments. For a periodic job; returns rows deleted.
    std::int64_t purge() override;

    // --- FactorProvider
    FactorKind const& kind() const override { return totp_kind; }
    std::vector<FactorSummary> list(storage::Transaction&, UserId const&) override;
    Result<VerifiedFactor> verify(storage::Transaction&, Presented const&) override;
    Result<VerifiedFactor> confirm(storage::Transaction&, Presented const&) override;
    bool has_pending(storage::Transaction&, UserId const&, SessionRef const&) override;
    Result<void> remove(storage::Transaction&, UserId const&, FactorId const&, audit::Actor const&, audit::Origin const&) override;
    std::int64_t remove_all(storage::Transaction&, UserId const&) override;

    TotpSettings const& settings() const { return settings_; }

private:
    struct Match;

    Match find_match(DeviceRow const&, std::string_view typed, TimePoint now) const;
    SecretBytes open_secret(DeviceRow const&) const;
    TotpEnrolment describe(DeviceRow const&, ByteView secret, std::string_view account_label) const;
    Bytes seal_secret(FactorId const&, ByteView secret) const;
    void record(storage::Transaction&, std::string_view code, UserId const&, audit::Actor const&, audit::Origin const&,
                std::optional<FactorId> const& device, std::string_view reason = {});

    storage::Database& database_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    Attempts const& attempts_;
    Clock const& clock_;
    Random& random_;
    TotpSettings settings_;
};

}  // namespace zephyr::mfa
