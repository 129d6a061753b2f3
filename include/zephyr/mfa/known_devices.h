// Browsers a person signed in from before: they have a lane of their own when codes and passwords are guessed, and may be trusted to skip
// the second factor for a while where the operator allows it.
//
// Owns: table known_device. Emits: mfa.device_trusted, mfa.device_forgotten, mfa.trust_ended.
// The cookie holds 256 random bits, we keep their SHA-256. Trust is of one account in one browser; it never adds a factor to a session.
// Not here: who may be trusted at all and what trust skips (signin), the cookie's name and age (routes).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/privacy/personal_data.h"
#include "zephyr/storage/database.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::mfa {

struct KnownDeviceSettings {
    bool may_be_trusted = false;
    std::chrono::seconds trust = 30 * 24h;
    std::chrono::seconds remember = 365 * 24h;  // since the last complete sign-in
    std::size_t most_per_user = 20;             // the oldest goes
};

struct KnownDevice {
    std::string id;  // the lane: names the row, is no credential
    UserId user;
    std::string user_agent;
    TimePoint first_seen_at;
    TimePoint last_seen_at;
    std::optional<TimePoint> trusted_until;
};

class KnownDevices final : public privacy::PersonalDataSource {
public:
    // References must outlive the object. Throws Fault for settings out of range.
    KnownDevices(storage::Database&, audit::AuditLog&, crypto::Sealer const&, Clock const&, Random&, KnownDeviceSettings);

    // The device of this cookie for this person; nothing for a cookie of somebody else, a forged one, or one too old. The cookie may hold
    // anything at all.
    std::optional<KnownDevice> find(storage::Transaction&, UserId const&, std::string_view cookie);
    std::optional<KnownDevice> find(UserId const&, std::string_view cookie);
    // After a complete sign-in: makes this browser known to this account, or renews it, and trusts it when asked to and allowed (ask only
    // when a second factor was proved in this sign-in). The cookie to set: the one that came when it is known to this account, else a new
    // one, so that nobody can make a browser carry a cookie they know. Other accounts of the same browser move along, without their trust.
    SecretText remember(storage::Transaction&, UserId const&, std::string_view cookie, bool trust, audit::Origin const&);
    bool trusted(storage::Transaction&, UserId const&, std::string_view cookie);

    // Ends all trust: a factor changed, an account was disabled. Known lanes stay.
    void end_trust(storage::Transaction&, UserId const&, audit::Actor const&, audit::Origin const&, std::string_view reason);
    // Ends all trust and forgets every browser but the one of `keep`, if this account knows it: the first factor came, the password changed,
    // a reset. Browsers were made known by proving less, or by whoever held the old password: their lanes must not outlive it.
    void forget_others(storage::Transaction&, UserId const&, std::string_view keep, audit::Actor const&, audit::Origin const&,
                       std::string_view reason);
    std::vector<KnownDevice> list(UserId const&);  // latest first
    bool forget(storage::Transaction&, UserId const&, std::string_view id, audit::Actor const&, audit::Origin const&);
    std::int64_t purge();

    std::string name() const override { return "known_devices"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

    KnownDeviceSettings const& settings() const { return settings_; }

private:
    KnownDevice read(storage::Row const&) const;
    void record(storage::Transaction&, std::string_view code, UserId const&, audit::Actor const&, audit::Origin const&,
                std::string_view device, std::string_view reason = {}, std::int64_t count = 0);

    storage::Database& database_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    Clock const& clock_;
    Random& random_;
    KnownDeviceSettings settings_;
};

}  // namespace zephyr::mfa
