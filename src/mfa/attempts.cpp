#include "zephyr/mfa/attempts.h"

#include <algorithm>

#include "zephyr/audit/codes.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::mfa {

namespace {

// Longer than any session lives, so that no session gets a second set of guesses.
constexpr std::chrono::hours challenge_lifetime{31 * 24};
// Longer than a browser stays known.
constexpr std::chrono::hours lane_lifetime{400 * 24};

// Kinds that are no AAL2 are counted apart, in rows of their own: a right code from the mailbox must not give whoever reads it new guesses at
// an authenticator app. Lanes and sessions are ids, and no id holds this mark.
constexpr std::string_view weaker_mark = "~";

std::string counted(std::string_view name, FactorKind const& kind) {
    return std::string{name} + std::string{kind.aal2 ? std::string_view{} : weaker_mark};
}

struct Count {
    std::int64_t failures = 0;
    TimePoint blocked_until;
};

Count count_of(storage::Transaction& tx, Presented const& presented, FactorKind const& kind) {
    auto const row = tx.row("SELECT failures, blocked_until FROM mfa_attempt WHERE user_id = $1 AND lane = $2", presented.user.str(),
                            counted(presented.lane, kind));
    if (!row) return {};
    return {.failures = row->integer(0), .blocked_until = row->time(1)};
}

std::int64_t challenge_failures(storage::Transaction& tx, SessionRef const& session, FactorKind const& kind) {
    auto const row = tx.row("SELECT failures FROM mfa_challenge WHERE session_ref = $1", counted(session.str(), kind));
    return row ? row->integer(0) : 0;
}

void record_throttled(audit::AuditLog& log, storage::Transaction& tx, Presented const& presented, FactorKind const& kind,
                      Error const& why) {
    log.append(tx, {.code = audit::codes::mfa_throttled,
                    .actor = audit::Actor::user(presented.user),
                    .subject = presented.user,
                    .outcome = audit::Outcome::failure,
                    .reason = std::string{why.id()},
                    .origin = presented.origin,
                    .details = {{"factor", std::string{kind.name}}}});
}

}  // namespace

Attempts::Attempts(audit::AuditLog& audit, Clock const& clock, AttemptSettings settings)
    : audit_{audit}, clock_{clock}, settings_{settings} {
    //= NIST SP 800-63B-4, 3.2.2: "Unless otherwise specified in the description of a given authenticator, the verifier SHALL limit
    // consecutive failed authentication attempts using a specific authenticator on a single subscriber account to no more than 100."
    bool const fine = settings.failures_per_challenge > 0 && settings.failures_per_account > 0 && settings.first_block > 0ms &&
                      settings.longest_block >= settings.first_block && settings.failures_until_locked_out > 0 &&
                      settings.failures_until_locked_out <= 100;
    if (!fine) throw Fault{"limits of wrong codes are out of range"};
}

std::optional<Error> Attempts::blocked(storage::Transaction& tx, Presented const& presented, FactorKind const& kind) const {
    auto const account = count_of(tx, presented, kind);
    auto const why = [&]() -> std::optional<Error> {
        if (account.failures >= settings_.failures_until_locked_out) return Error{errors::locked_out};
        if (account.blocked_until > clock_.now()) return Error{errors::too_many_attempts, "account"};
        if (challenge_failures(tx, presented.session, kind) >= settings_.failures_per_challenge)
            return Error{errors::too_many_attempts, "session"};
        return std::nullopt;
    }();
    if (why) record_throttled(audit_, tx, presented, kind, *why);
    return why;
}

void Attempts::failed(storage::Transaction& tx, Presented const& presented, FactorKind const& kind) const {
    if (presented.counted_later) return;
    auto const now = clock_.now();
    auto const lane = counted(presented.lane, kind);
    tx.run("INSERT INTO mfa_challenge (session_ref, user_id, failures, created_at) VALUES ($1, $2, 1, $3) "
           "ON CONFLICT (session_ref) DO UPDATE SET failures = mfa_challenge.failures + 1",
           counted(presented.session.str(), kind), presented.user.str(), now);
    auto const row = tx.row("INSERT INTO mfa_attempt (user_id, lane, failures, blocked_until, failed_at) VALUES ($1, $2, 1, 0, $3) "
                            "ON CONFLICT (user_id, lane) DO UPDATE SET failures = mfa_attempt.failures + 1, failed_at = $3 "
                            "RETURNING failures",
                            presented.user.str(), lane, now);
    auto const failures = row ? row->integer(0) : 1;
    if (failures < settings_.failures_per_account) return;
    auto block = settings_.first_block;
    for (auto i = settings_.failures_per_account; i < failures && block < settings_.longest_block; ++i) block *= 2;
    tx.run("UPDATE mfa_attempt SET blocked_until = $1 WHERE user_id = $2 AND lane = $3", now + std::min(block, settings_.longest_block),
           presented.user.str(), lane);
    bool const out = failures >= settings_.failures_until_locked_out;
    record_throttled(audit_, tx, presented, kind, out ? Error{errors::locked_out} : Error{errors::too_many_attempts});
}

// Only the lane that succeeded, and of that only what was counted against kinds of this worth: a stranger gets no new guesses from the
// owner's sign-ins elsewhere, nor from a mailbox.
void Attempts::passed(storage::Transaction& tx, Presented const& presented, FactorKind const& kind) const {
    tx.run("DELETE FROM mfa_attempt WHERE user_id = $1 AND lane = $2", presented.user.str(), counted(presented.lane, kind));
    tx.run("DELETE FROM mfa_challenge WHERE session_ref = $1", counted(presented.session.str(), kind));
}

void Attempts::clear(storage::Transaction& tx, UserId const& user) const {
    tx.run("DELETE FROM mfa_attempt WHERE user_id = $1", user.str());
    tx.run("DELETE FROM mfa_challenge WHERE user_id = $1", user.str());
}

std::int64_t Attempts::failures(storage::Transaction& tx, UserId const& user) const {
    auto const row = tx.row("SELECT coalesce(max(failures), 0) FROM mfa_attempt WHERE user_id = $1", user.str());
    return row ? row->integer(0) : 0;
}

std::int64_t Attempts::purge(storage::Transaction& tx) const {
    auto const now = clock_.now();
    return tx.run("DELETE FROM mfa_challenge WHERE created_at <= $1", now - challenge_lifetime) +
           tx.run("DELETE FROM mfa_attempt WHERE lane NOT IN ('', $2) AND failed_at <= $1", now - lane_lifetime, weaker_mark);
}

}  // namespace zephyr::mfa
