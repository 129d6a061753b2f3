// Lost second factors. Whatever way is taken, all that happens in the end is that factors are removed: none is enrolled and no session is
// opened; the password is asked for at the next sign-in as ever.
//
// Owns: table mfa_recovery. Emits: auth.recovery_*; and LifecycleService's events when one takes effect.
//   An administrator asks with a reason: it takes effect after a delay, or at once when a second administrator approves.
//   The person asks (where the operator allows it): password, then a link to the verified address, then a wait.
// Until then every whole session of the person, and every administrator, can cancel it. It comes to nothing by itself, approved or due, when
// whoever asked may no longer ask, or when a factor was used or added since: it is not lost then. One begun by mail also when the password
// changed since.
// Not here: break-glass (LifecycleService::reset_mfa, `zephyr mfa reset --now`), which waits for nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/log.h"
#include "zephyr/messages/outbox.h"
#include "zephyr/signin/lifecycle_service.h"
#include "zephyr/signin/mail_links.h"
#include "zephyr/signin/sign_in_service.h"

namespace zephyr::signin {

namespace errors {
// The operator has not allowed recovery by mail (recovery.self_service).
inline constexpr Failure recovery_disabled{Kind::unsupported, "recovery.disabled"};
// None is open: it took effect, was cancelled, or never was.
inline constexpr Failure recovery_not_found{Kind::not_found, "recovery.not_found"};
// One is open already.
inline constexpr Failure recovery_open{Kind::conflict, "recovery.open"};
// The approver is who asked, or whose factors they are.
inline constexpr Failure recovery_same_person{Kind::denied, "recovery.same_person"};
inline constexpr Failure recovery_reason_missing{Kind::invalid, "recovery.reason_missing"};
// There is nothing to remove.
inline constexpr Failure recovery_no_factor{Kind::conflict, "recovery.no_factor"};
// The password was chosen through a mailed link in the last 14 days: another mail would prove nothing more.
inline constexpr Failure recovery_after_reset{Kind::denied, "recovery.after_reset"};
}  // namespace errors

struct RecoverySettings {
    bool self_service = false;
    std::chrono::seconds wait = 24h;         // self-service: 1 hour to 14 days
    std::chrono::seconds reset_delay = 24h;  // asked by an administrator: 1 hour to 14 days
};

struct Recovery {
    enum class Kind { admin, self };
    std::string id;
    UserId user;
    Kind kind = Kind::admin;
    std::string requested_by;  // a user's id; empty for an operator, and for an administrator whose account is gone
    bool by_operator = false;  // at the terminal
    std::string reason;        // as typed; "(unreadable)" when its key is gone or it was changed
    TimePoint requested_at;
    TimePoint due_at;
};

// What is kept of a person's recoveries.
class RecoveryPersonalData final : public privacy::PersonalDataSource {
public:
    explicit RecoveryPersonalData(crypto::Sealer const& sealer) : sealer_{sealer} {}
    std::string name() const override { return "recovery"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

private:
    crypto::Sealer const& sealer_;
};

class RecoveryService {
public:
    // References must outlive the service. Throws Fault for settings out of range.
    RecoveryService(Rooms rooms, LifecycleService& lifecycle, MailLinks& links, messages::Outbox& outbox, crypto::Sealer const& sealer,
                    Random& random, Log& log, RecoverySettings settings);

    // --- By administrators and operators. Each fails with rbac.above_actor or rbac.denied, and the person's own account is refused with
    // own_account (ask) or recovery_same_person (approve).
    // Tells the person. Fails with recovery_reason_missing, recovery_open, recovery_no_factor.
    Result<Recovery> ask(UserId const&, audit::Actor const&, audit::Origin const&, std::string const& reason);
    // A second administrator: takes effect at once. Of many callers exactly one succeeds. Fails with recovery_not_found (also when it
    // came to nothing), recovery_same_person. Only what an administrator asked for can be approved.
    Result<void> approve(UserId const&, audit::Actor const&, audit::Origin const&);
    Result<void> cancel(UserId const&, audit::Actor const&, audit::Origin const&);

    // --- By the person.
    // From a sign-in that waits for the second factor: sends a link to the verified address. Success says nothing about whether there is
    // one. Fails with recovery_disabled, and with mfa_required for a session that waits for nothing.
    Result<void> send_link(SessionRef const&, audit::Origin const&, std::string_view language);
    // What the link would begin. Changes nothing. Fails with recovery_disabled, link_gone.
    struct Question {
        std::string username;
        std::chrono::seconds wait{};
    };
    Result<Question> look(std::string_view token);
    // Once: the wait begins. When it ends. Fails with recovery_disabled, link_gone, recovery_open.
    Result<TimePoint> begin(std::string_view token, audit::Origin const&);
    // From any whole session. Fails with recovery_not_found, mfa_required, change_required.
    Result<void> cancel_own(SessionRef const&, audit::Origin const&);

    // --- Both.
    std::optional<Recovery> open_for(UserId const&);
    std::vector<Recovery> open(std::size_t most = 200);  // soonest first
    // Carries out what is due; part of the periodic job. How many were decided, either way. One that fails is logged, left for the next
    // round, and stops no other.
    std::size_t carry_out_due();
    std::int64_t purge();  // decided ones, after 90 days
    RecoverySettings const& settings() const { return settings_; }

private:
    Result<void> require_admin(audit::Actor const&, UserId const& target) const;
    std::optional<Recovery> open_in(storage::Transaction&, UserId const&) const;
    Result<Recovery> insert(storage::Transaction&, UserId const&, Recovery::Kind, audit::Actor const&, std::string const& reason,
                    std::chrono::seconds wait);
    bool decide(storage::Transaction&, Recovery const&, std::string_view state, audit::Actor const&);
    void tell(storage::Transaction&, Recovery const&);
    Result<void> cancel_open(UserId const&, audit::Actor const&, audit::Origin const&, std::string_view reason);
    Result<void> asker_may_ask(Recovery const&) const;
    Result<users::User> owner(storage::Transaction&, MailLinks::Link const&);
    Result<void> link_allowed(storage::Transaction&, users::User const&);
    // Why a due one comes to nothing; empty when it takes effect.
    std::string hindrance(storage::Transaction&, Recovery const&);
    std::vector<Recovery> due();
    void take(storage::Transaction&, Recovery const&, audit::Actor const&, audit::Origin const&);
    void carry_out(Recovery const&);
    void record(storage::Transaction&, std::string_view code, Recovery const&, audit::Actor const&, audit::Origin const&,
                std::string_view reason = {});
    Error refused(std::string_view step, UserId const&, audit::Actor const&, audit::Origin const&, Error);

    Rooms rooms_;
    LifecycleService& lifecycle_;
    MailLinks& links_;
    messages::Outbox& outbox_;
    crypto::Sealer const& sealer_;
    Random& random_;
    Log& log_;
    RecoverySettings settings_;
};

}  // namespace zephyr::signin
