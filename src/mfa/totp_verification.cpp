// Checking codes: the part of TotpService where order and races matter. Everything about one code happens in one write,
// so the limits hold for parallel guesses too.
#include <algorithm>

#include "mfa/totp_tables.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/mfa/totp_service.h"

namespace zephyr::mfa {

namespace {

// Not itself a Result, so that the write commits a refusal with its count.
struct Kept {
    Result<VerifiedFactor> answer;
};

}  // namespace

struct TotpService::Match {
    std::optional<std::int64_t> fresh;  // the step, when it is right and not yet used
    bool used = false;                  // right, but used
};

Result<VerifiedFactor> TotpService::verify(UserId const& user, SessionRef const& session, std::string_view code,
                                           audit::Origin const& origin) {
    Presented const presented{.user = user, .session = session, .code = std::string{code}, .origin = origin};
    return database_.write([&](storage::Transaction& tx) { return Kept{verify(tx, presented)}; }).answer;
}

Result<VerifiedFactor> TotpService::confirm(UserId const& user, SessionRef const& session, std::string_view code,
                                            audit::Origin const& origin) {
    Presented const presented{.user = user, .session = session, .code = std::string{code}, .origin = origin};
    return database_.write([&](storage::Transaction& tx) { return Kept{confirm(tx, presented)}; }).answer;
}

//= https://www.rfc-editor.org/rfc/rfc6238#section-5.2
// # The verifier MUST NOT accept the second attempt of the OTP after the successful validation has been issued for the
// # first OTP, which ensures one-time only use of an OTP.
Result<VerifiedFactor> TotpService::verify(storage::Transaction& tx, Presented const& presented) {
    auto const& [user, session, code, lane, origin, work, counted_later] = presented;
    auto const now = clock_.now();
    auto const actor = audit::Actor::user(user);
    if (auto closed = attempts_.blocked(tx, presented, kind())) return std::move(*closed);
    auto const devices = totp_tables::confirmed(tx, user);
    if (devices.empty()) {
        record(tx, audit::codes::mfa_refused, user, actor, origin, std::nullopt, errors::totp_not_enrolled.id);
        return errors::totp_not_enrolled;
    }

    // All devices are looked at, whichever fits, so that the time says nothing about which one did.
    DeviceRow const* used = nullptr;
    DeviceRow const* fresh = nullptr;
    std::int64_t step = 0;
    for (auto const& device : devices) {
        auto const match = find_match(device, code, now);
        if (match.used) used = &device;
        if (match.fresh && fresh == nullptr) {
            fresh = &device;
            step = *match.fresh;
        }
    }
    if (fresh != nullptr && totp_tables::use_step(tx, fresh->id, step, now)) {
        if (sealer_.needs_reseal(fresh->secret))
            totp_tables::replace_secret(tx, fresh->id, seal_secret(fresh->id, open_secret(*fresh).reveal()));
        attempts_.passed(tx, presented, kind());
        record(tx, audit::codes::mfa_verified, user, actor, origin, fresh->id);
        return proof(user, fresh->id, now);
    }
    if (fresh != nullptr || used != nullptr) {
        record(tx, audit::codes::mfa_code_reused, user, actor, origin, (used != nullptr ? used : fresh)->id,
               errors::totp_code_reused.id);
        return errors::totp_code_reused;
    }
    attempts_.failed(tx, presented, kind());
    record(tx, audit::codes::mfa_refused, user, actor, origin, std::nullopt, errors::totp_wrong_code.id);
    return errors::totp_wrong_code;
}

Result<VerifiedFactor> TotpService::confirm(storage::Transaction& tx, Presented const& presented) {
    auto const& [user, session, code, lane, origin, work, counted_later] = presented;
    auto const now = clock_.now();
    auto const actor = audit::Actor::user(user);
    auto const device = totp_tables::pending(tx, user, session);
    auto const refuse = [&](Failure failure) {
        record(tx, audit::codes::mfa_enrolment_refused, user, actor, origin,
               device ? std::optional{device->id} : std::nullopt, failure.id);
        return failure;
    };
    if (!device) return refuse(errors::no_enrolment);
    if (now >= device->created_at + settings_.enrolment_lifetime) {
        totp_tables::delete_pending(tx, user, session);
        return refuse(errors::enrolment_expired);
    }
    auto const match = find_match(*device, code, now);
    if (!match.fresh) {
        // Counted on the enrolment, not on the account: the secret is known to whoever enrols, so this is no guessing.
        if (totp_tables::count_confirm_failure(tx, device->id) < settings_.failures_per_enrolment)
            return refuse(errors::totp_wrong_code);
        totp_tables::delete_pending(tx, user, session);
        return refuse(errors::too_many_attempts);
    }
    if (totp_tables::count(tx, user, "confirmed") >= static_cast<std::int64_t>(settings_.most_devices))
        return refuse(errors::device_limit);
    if (!totp_tables::confirm(tx, device->id, *match.fresh, now)) return refuse(errors::no_enrolment);
    // The counts of wrong codes stay: a new secret resets none (NIST SP 800-63B-4, 3.1.3.2).
    record(tx, audit::codes::mfa_enrolled, user, actor, origin, device->id);
    return proof(user, device->id, now);
}

TotpService::Match TotpService::find_match(DeviceRow const& device, std::string_view typed, TimePoint now) const {
    auto const code = normalise_code(typed, device.digits);
    if (!code) return {};
    auto const secret = open_secret(device);
    auto const current = totp_step(now, device.period);
    Match match;
    for (auto step = current - settings_.drift_steps; step <= current + settings_.drift_steps; ++step) {
        auto const expected = totp_code(secret.reveal(), step, device.digits, device.algorithm);
        if (!crypto::equal_constant_time(*code, expected)) continue;
        if (step > device.last_step) {
            match.fresh = match.fresh.value_or(step);
        } else {
            match.used = true;
        }
    }
    return match;
}

}  // namespace zephyr::mfa
