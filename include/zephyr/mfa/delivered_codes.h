// Codes that are sent: by SMS, by e-mail. One class, two kinds.
//
// Owns: tables mfa_channel (a confirmed number or address), mfa_code (codes on their way), mfa_sent and mfa_cap_alert (counts against toll
// fraud).
// Emits: mfa.* audit events, mfa.sms_capped as an alert.
// Not here: the wires (messages, adapters), what the message says (messages).
//
// A code belongs to a person, a purpose and a session; lives 5 minutes (NIST SP 800-63B-4, 3.1.3: at most 10); is used once; a new code
// ends the one before and resets no count.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/random.h"
#include "zephyr/mfa/attempts.h"
#include "zephyr/mfa/factor.h"
#include "zephyr/messages/outbox.h"

namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::mfa {

struct ChannelRow;

namespace errors {
// No E.164 number, or one whose country the operator has not allowed.
inline constexpr Failure number_malformed{Kind::invalid, "mfa.number_malformed"};
inline constexpr Failure number_not_allowed{Kind::denied, "mfa.number_not_allowed"};
// The account has no e-mail address that was verified.
inline constexpr Failure no_verified_email{Kind::conflict, "mfa.no_verified_email"};
// A code was sent moments ago, or too many were: to this number, for this person, to this country, in total.
// Its detail says which cap and how many seconds until it opens: see sending_wait.
inline constexpr Failure sending_limited{Kind::limited, "mfa.sending_limited"};
// This number or address is one of the person's factors already.
inline constexpr Failure already_enrolled{Kind::conflict, "mfa.already_enrolled"};
}  // namespace errors

// How long to wait, for Retry-After; nothing for other errors.
std::optional<std::chrono::seconds> sending_wait(Error const&);

// Each counts over the last hour or day, over all nodes. The wide ones, per prefix and in total, alert the operator when they are reached.
// Codes to a destination that is confirmed and codes to one that is being enrolled are counted apart: those per person and destination, these
// per destination over everybody, with half of the number (rounded up). Enrolments may use half of the wide caps (rounded down, at least one).
struct Caps {
    std::int64_t per_destination_hour = 3;
    std::int64_t per_destination_day = 10;
    std::int64_t per_user_hour = 5;
    std::int64_t per_user_day = 15;
    std::int64_t per_prefix_hour = 100;  // SMS: each entry of the allow-list; 0: no cap
    std::int64_t total_hour = 500;       // 0: no cap
    std::chrono::seconds between = 30s;  // two codes of one session
};

struct DeliveredSettings {
    std::chrono::seconds lifetime = 5min;  // 1 s to 10 min
    int digits = 6;                        // 6 to 8
    std::vector<std::string> prefixes;     // SMS: "+49", "+1", "!+1876": numbers must begin with one, the longest that fits decides, and "!"
                                           // forbids; empty: none may be sent to
    std::size_t most_channels = 3;         // confirmed, per person and kind
    std::chrono::milliseconds enrolment_lifetime = 10min;
    std::string service_name = "Zephyr";   // what the message calls us
    Caps caps;
};

inline constexpr FactorKind sms_kind{.name = "sms", .proves = "sms", .amr = "sms", .strength = strength::sms, .restricted = true,
                                     .delivered = true};
inline constexpr FactorKind email_kind{.name = "email", .proves = "email", .amr = "email", .strength = strength::email, .aal2 = false,
                                       .delivered = true};

class DeliveredCodes final : public FactorProvider {
public:
    // `kind` is sms_kind or email_kind. References must outlive the service. Throws Fault for settings out of range.
    DeliveredCodes(FactorKind const& kind, storage::Database&, audit::AuditLog&, crypto::Sealer const&, Attempts const&, messages::Outbox&,
                   Clock const&, Random&, DeliveredSettings);

    // Begins an enrolment and sends a code to the destination: an E.164 number in any usual spelling, or an address the caller knows to be
    // verified. In place of one this session had begun. Don't call inside a transaction that a refusal rolls back: what it says of caps
    // would go with it. Fails with number_malformed, number_not_allowed, no_verified_email, already_enrolled, sending_limited and
    // device_limit.
    Result<SentCode> begin(FreshProof const&, std::string_view destination, audit::Origin const& = {});
    // Where this session's enrolment sent its code; safe to print.
    std::optional<std::string> pending(UserId const&, SessionRef const&);

    FactorKind const& kind() const override { return *kind_; }
    bool available() const override { return outbox_.can_send(channel()); }
    std::vector<FactorSummary> list(storage::Transaction&, UserId const&) override;
    // As begin, about transactions. Fails with not_enrolled, number_not_allowed, sending_limited.
    Result<SentCode> send(UserId const&, SessionRef const&, std::optional<FactorId> const&, audit::Origin const&) override;
    Result<VerifiedFactor> verify(storage::Transaction&, Presented const&) override;
    Result<VerifiedFactor> confirm(storage::Transaction&, Presented const&) override;
    bool has_pending(storage::Transaction&, UserId const&, SessionRef const&) override;
    Result<void> remove(storage::Transaction&, UserId const&, FactorId const&, audit::Actor const&, audit::Origin const&) override;
    std::int64_t remove_all(storage::Transaction&, UserId const&) override;
    std::int64_t purge() override;
    DeliveredSettings const& settings() const { return settings_; }

private:
    struct Delivery;

    bool by_sms() const { return kind_->name == sms_kind.name; }
    messages::Channel channel() const { return by_sms() ? messages::Channel::sms : messages::Channel::email; }
    // The destination as it is sent to and compared, with the entry of the allow-list it belongs to.
    struct Destination {
        std::string to;
        std::string prefix;
        std::string shown;
    };
    Result<Destination> read_destination(std::string_view typed) const;
    std::string open_destination(ChannelRow const&) const;
    std::string shown(ChannelRow const&) const;
    std::string make_code();
    std::string bound(std::string_view code, UserId const&, SessionRef const&, std::string_view purpose, FactorId const& channel) const;
    std::vector<std::string> pseudonyms(std::string_view destination) const;
    // Sends a code in the caller's write, which commits whatever this answers.
    Result<SentCode> deliver(storage::Transaction&, Delivery const&);
    std::optional<Error> capped(storage::Transaction&, Delivery const&, std::vector<std::string> const& pseudonyms, TimePoint now);
    void alert(storage::Transaction&, Delivery const&, std::string_view cap, std::string_view purpose, TimePoint now);
    // The code of this session and purpose that was typed, and what it is worth.
    struct Match;
    Match find_match(storage::Transaction&, Presented const&, std::string_view purpose, TimePoint now) const;
    void record(storage::Transaction&, std::string_view code, UserId const&, audit::Actor const&, audit::Origin const&,
                std::optional<FactorId> const& channel, std::string_view reason = {},
                std::vector<std::pair<std::string, std::string>> more = {});

    FactorKind const* kind_;
    storage::Database& database_;
    audit::AuditLog& audit_;
    crypto::Sealer const& sealer_;
    Attempts const& attempts_;
    messages::Outbox& outbox_;
    Clock const& clock_;
    Random& random_;
    DeliveredSettings settings_;
};

}  // namespace zephyr::mfa
