// Codes at sign-in, step-up and enrolment: the part of SignInService that talks to second factors.
#include <algorithm>

#include "zephyr/audit/codes.h"
#include "zephyr/signin/sign_in_service.h"

namespace zephyr::signin {

using audit::Actor;
using sessions::Factor;
using storage::Transaction;

namespace {

constexpr std::string_view password_factor = "pwd";

// Not itself a Result, so that a refusal commits its count.
struct Kept {
    Result<CodeAccepted> answer;
};

// What was proved, in the order it was: for the audit trail.
std::string names_of(sessions::Session const& session) {
    std::string names;
    for (auto const& factor : session.factors) names += (names.empty() ? "" : " ") + factor.name;
    return names;
}

audit::Event too_weak(std::string_view code, UserId const& user, mfa::FactorKind const& kind, audit::Origin const& origin) {
    return {.code = code,
            .actor = Actor::user(user),
            .subject = user,
            .outcome = audit::Outcome::failure,
            .reason = std::string{mfa::errors::stronger_proof_required.id},
            .origin = origin,
            .details = {{"factor", std::string{kind.name}}}};
}

}  // namespace

// One code on its way, with what was worked out outside the transaction.
struct SignInService::Checking {
    mfa::FactorProvider& provider;
    mfa::Presented presented;
    GivenCode const& given;
    Purpose purpose;
    MfaPolicy::Applying rules;
    sessions::Session session = {};
    bool enrolling = false;
    bool enrolled = false;      // by this code
    bool first_second = false;  // it is AAL2, and the account had nothing of that worth before
    bool passed = false;        // the provider found it right
};

Result<CodeAccepted> SignInService::verify_code(SessionRef const& ref, GivenCode const& given, audit::Origin const& origin,
                                                Purpose purpose) {
    if (!settings_.mfa_enabled) return errors::mfa_disabled;
    auto* const provider = rooms_.mfa.provider(given.kind);
    if (provider == nullptr) return mfa::errors::unknown_factor;
    ZEPHYR_TRY(auto session, rooms_.sessions.find(ref));
    Checking checking{.provider = *provider,
                      .presented = {.user = session.user, .session = ref, .code = given.code, .origin = origin},
                      .given = given,
                      .purpose = purpose,
                      .rules = rooms_.policy.rules_for(session.user)};
    ZEPHYR_CHECK(provider->prepare(checking.presented));
    // One transaction: a code is used up with all that it opens, or not at all. What the provider refused is counted.
    auto done = rooms_.database.write([&](Transaction& tx) -> Result<Kept> {
        auto answer = verify_code_in(tx, checking);
        if (!answer.ok() && checking.passed) return answer.error();
        return Kept{std::move(answer)};
    });
    if (!done.ok()) return done.error();
    auto accepted = std::move(done).value().answer;
    if (!accepted.ok() || !accepted.value().enrolled || !checking.first_second || !given.make_backup_codes) return accepted;
    // Hashing a set takes its time, so it comes after the commit. Who gets none now can make one on the account page.
    if (auto const proof = require_fresh(accepted.value().issued.session); proof.ok()) {
        if (auto codes = rooms_.mfa.generate_backup_codes(proof.value(), origin); codes.ok())
            accepted.value().backup_codes = std::move(codes).value();
    }
    return accepted;
}

Result<CodeAccepted> SignInService::verify_code_in(Transaction& tx, Checking& checking) {
    auto const& ref = checking.presented.session;
    auto const& origin = checking.presented.origin;
    auto const& kind = checking.provider.kind();
    checking.passed = false;  // the transaction may run again
    ZEPHYR_TRY(checking.session, rooms_.sessions.find(ref));
    auto const& session = checking.session;
    if (session.user != checking.presented.user) return errors::invalid_credentials;
    // Else whoever reads the mail would come in beside the app that the person trusts to keep them out.
    bool const waits = session.pending == errors::mfa_required.id;
    if (waits && !completes_sign_in(session.user, kind)) {
        rooms_.audit.append(tx, too_weak(audit::codes::mfa_refused, session.user, kind, origin));
        return mfa::errors::stronger_proof_required;
    }
    bool const may_enrol = session.pending.empty() || session.pending == errors::mfa_enrolment_required.id;
    if (checking.purpose == Purpose::enrol && !may_enrol) return errors::mfa_required;
    checking.enrolling = checking.purpose == Purpose::enrol || (checking.purpose == Purpose::either && may_enrol &&
                                                                checking.provider.has_pending(tx, session.user, ref));
    auto const before = rooms_.mfa.list(session.user);
    auto const device = rooms_.devices.find(tx, session.user, checking.given.device_cookie);
    checking.presented.lane = device ? device->id : std::string{};

    ZEPHYR_TRY(auto const factor, check_code(tx, checking));
    checking.passed = true;
    // A stolen proof of somebody else would be worth nothing here.
    if (factor.user() != session.user) return errors::invalid_credentials;
    checking.enrolled = checking.enrolling &&
                        std::none_of(before.begin(), before.end(), [&](auto const& held) { return held.id == factor.factor(); });
    // Sessions that never proved what the account can prove now.
    bool const stronger = std::none_of(before.begin(), before.end(), [&](auto const& held) {
        return held.kind->stands_alone && (held.kind->aal2 || !kind.aal2);
    });
    checking.first_second = stronger && kind.aal2;

    auto const actor = Actor::user(session.user);
    if (checking.enrolled) {
        if (stronger) rooms_.sessions.end_all(session.user, ref, actor, origin, "first_factor_added");
        // Browsers that became known by a password alone keep no lane beside a second factor.
        if (stronger) rooms_.devices.forget_others(tx, session.user, checking.given.device_cookie, actor, origin, "first_factor_added");
        else rooms_.devices.end_trust(tx, session.user, actor, origin, "factor_added");
        rooms_.notices.post(tx, session.user, "factor_added");
    }
    sessions::Change change{.proved = Factor{std::string{kind.proves}, factor.at(), counts(kind)}, .pending = {}};
    bool const completes = waits || (session.pending == errors::mfa_enrolment_required.id && checking.enrolled && counts(kind));
    if (completes) {
        auto next = after_code(tx, checking);
        change.pending = std::move(next.pending);
        change.until = next.until;
    }
    ZEPHYR_TRY(auto issued, rooms_.sessions.rotate(ref, change, origin));
    rooms_.audit.append(tx, {.code = completes ? audit::codes::auth_signed_in : audit::codes::auth_step_up,
                             .actor = actor,
                             .subject = session.user,
                             .origin = origin,
                             .details = {{"amr", completes ? names_of(issued.session) : std::string{kind.proves}}}});
    if (kind.name == mfa::backup_code_kind.name) tell_of_backup_codes(tx, session.user);
    CodeAccepted out{.issued = std::move(issued), .enrolled = checking.enrolled};
    if (completes && out.issued.session.pending.empty() && checking.given.remember_browser) {
        bool const trust = checking.given.trust_device && !checking.rules.any();
        out.device_cookie = rooms_.devices.remember(tx, session.user, checking.given.device_cookie, trust, origin);
    }
    return out;
}

Result<mfa::VerifiedFactor> SignInService::check_code(Transaction& tx, Checking& checking) {
    if (!checking.enrolling) return checking.provider.verify(tx, checking.presented);
    // The secret was shown to a session that had just proved itself; using it asks for the same.
    ZEPHYR_TRY(auto const proof, require_fresh(checking.session));
    ZEPHYR_CHECK(rooms_.mfa.may_add(proof, checking.provider.kind()));
    bool const then_verify = checking.purpose == Purpose::either && !checking.provider.list(tx, checking.session.user).empty();
    auto enrolment = checking.presented;
    enrolment.counted_later = then_verify;
    auto confirmed = checking.provider.confirm(tx, enrolment);
    if (confirmed.ok() || !then_verify) return confirmed;
    return checking.provider.verify(tx, checking.presented);
}

SignInService::ByPolicy SignInService::after_code(Transaction& tx, Checking const& checking) const {
    auto const state = rooms_.passwords.state(checking.session.user);
    if (state && state->must_change) return {.pending = std::string{errors::change_required.id}};
    return by_policy(tx, checking.session.user, checking.rules);
}

SignInService::ByPolicy SignInService::by_policy(Transaction& tx, UserId const& user, MfaPolicy::Applying const& rules) const {
    if (!rules.any() || has_counting_factor(user)) return {};
    auto const demand = rooms_.policy.begin(tx, user, rules);
    return {.pending = demand.sign_in_waits ? std::string{errors::mfa_enrolment_required.id} : std::string{}, .until = demand.until};
}

void SignInService::tell_of_backup_codes(Transaction& tx, UserId const& user) {
    auto const left = rooms_.mfa.backup_codes().left(tx, user);
    if (left && *left <= rooms_.mfa.backup_codes().settings().low) rooms_.notices.post(tx, user, "backup_codes_low");
}

Result<mfa::SentCode> SignInService::send_code(SessionRef const& ref, std::string_view kind, audit::Origin const& origin,
                                               std::optional<FactorId> const& factor) {
    if (!settings_.mfa_enabled) return errors::mfa_disabled;
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (session.pending == errors::change_required.id) return errors::change_required;
    auto* const provider = rooms_.mfa.provider(kind);
    if (provider == nullptr) return mfa::errors::unknown_factor;
    if (session.pending == errors::mfa_required.id && !completes_sign_in(session.user, provider->kind())) {
        rooms_.audit.append(too_weak(audit::codes::mfa_sending_refused, session.user, provider->kind(), origin));
        return mfa::errors::stronger_proof_required;
    }
    return rooms_.mfa.send(kind, session.user, ref, origin, factor);
}

Result<mfa::FreshProof> SignInService::require_fresh(sessions::Session const& session) {
    auto const now = rooms_.clock.now();
    bool const second = has_second_factor(session.user);
    bool const any = second || has_factor(session.user);
    Factor const* best = nullptr;
    int best_strength = 0;
    for (auto const& held : session.factors) {
        // A proof from the future (a clock set back) proves nothing about now.
        if (held.at > now || now - held.at >= settings_.fresh) continue;
        auto const* kind = rooms_.mfa.proving(held.name);
        if (kind == nullptr && (any || held.name != password_factor)) continue;
        if (kind != nullptr && second && !kind->aal2) continue;
        auto const strength = kind != nullptr ? kind->strength : mfa::strength::password;
        if (strength > best_strength) {
            best = &held;
            best_strength = strength;
        }
    }
    if (best == nullptr) return errors::step_up_required;
    return mfa::FreshProof{session.user, session.ref, best_strength, best->at};
}

bool SignInService::has_counting_factor(UserId const& user) const {
    if (!settings_.mfa_enabled) return false;
    auto const held = rooms_.mfa.list(user);
    return std::any_of(held.begin(), held.end(), [&](auto const& one) { return one.kind->stands_alone && counts(*one.kind); });
}

// --- Factors that come and go

void SignInService::factor_changed(Transaction& tx, UserId const& user, std::optional<SessionRef> const& except,
                                   audit::Origin const& origin, std::string_view reason, std::string_view notice) {
    auto const actor = Actor::user(user);
    rooms_.sessions.end_all(user, except, actor, origin, reason);
    rooms_.devices.end_trust(tx, user, actor, origin, reason);
    rooms_.notices.post(tx, user, notice);
}

Result<void> SignInService::may_lose_mail_factors(UserId const& user, bool demanded) const {
    if (!demanded || !counts(mfa::email_kind)) return success();
    auto const held = rooms_.mfa.list(user);
    auto const by_mail = [](auto const& one) { return one.kind->name == mfa::email_kind.name; };
    bool const other = std::any_of(held.begin(), held.end(), [&](auto const& one) {
        return !by_mail(one) && one.kind->stands_alone && counts(*one.kind);
    });
    if (!other && std::any_of(held.begin(), held.end(), by_mail)) return errors::mfa_demanded;
    return success();
}

Result<void> SignInService::take_mail_factors(Transaction& tx, UserId const& user, std::optional<SessionRef> const& except, bool demanded,
                                              audit::Origin const& origin) {
    ZEPHYR_CHECK(may_lose_mail_factors(user, demanded));
    auto* const provider = rooms_.mfa.provider(mfa::email_kind.name);
    auto const held = provider != nullptr ? provider->list(tx, user) : std::vector<mfa::FactorSummary>{};
    if (held.empty()) return success();
    auto const actor = Actor::user(user);
    for (auto const& factor : held) ZEPHYR_CHECK(provider->remove(tx, user, factor.id, actor, origin));
    rooms_.mfa.drop_orphans(tx, user, actor, origin);
    factor_changed(tx, user, except, origin, "factor_removed", "factor_removed");
    // NIST SP 800-63B-4 3.1.1.2: a password that was only ever one of two factors may be too short to be the only one.
    if (!rooms_.mfa.has_second_factor(user) && rooms_.passwords.has_password(user) && !rooms_.passwords.is_full_length(user))
        ZEPHYR_CHECK(rooms_.passwords.require_change(user, "last_factor_removed", actor, origin));
    return success();
}

}  // namespace zephyr::signin
