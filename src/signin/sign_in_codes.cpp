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
    bool enrolled = false;       // by this code
    bool first_factor = false;   // the account had none before
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
    // One transaction: a code is used up with all that it opens, or not at all.
    auto accepted = rooms_.database.write([&](Transaction& tx) { return Kept{verify_code_in(tx, checking)}; }).answer;
    if (!accepted.ok() || !accepted.value().enrolled || !checking.first_factor || !given.make_backup_codes) return accepted;
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
    ZEPHYR_TRY(checking.session, rooms_.sessions.find(ref));
    auto const& session = checking.session;
    if (session.user != checking.presented.user) return errors::invalid_credentials;
    bool const may_enrol = session.pending.empty() || session.pending == errors::mfa_enrolment_required.id;
    if (checking.purpose == Purpose::enrol && !may_enrol) return errors::mfa_required;
    checking.enrolling = checking.purpose == Purpose::enrol || (checking.purpose == Purpose::either && may_enrol &&
                                                                checking.provider.has_pending(tx, session.user, ref));
    auto const before = rooms_.mfa.list(session.user);
    auto const device = rooms_.devices.find(tx, session.user, checking.given.device_cookie);
    checking.presented.lane = device ? device->id : std::string{};

    ZEPHYR_TRY(auto const factor, check_code(tx, checking));
    // A stolen proof of somebody else would be worth nothing here.
    if (factor.user() != session.user) return errors::invalid_credentials;
    checking.enrolled = checking.enrolling &&
                        std::none_of(before.begin(), before.end(), [&](auto const& held) { return held.id == factor.factor(); });
    auto const stands = [](auto const& held) { return held.kind->stands_alone; };
    checking.first_factor = std::none_of(before.begin(), before.end(), stands);
    // Sessions that never proved what the account can prove now.
    bool const stronger = std::none_of(before.begin(), before.end(),
                                       [&](auto const& held) { return stands(held) && (held.kind->aal2 || !kind.aal2); });

    auto const actor = Actor::user(session.user);
    if (checking.enrolled) {
        if (stronger) rooms_.sessions.end_all(session.user, ref, actor, origin, "first_factor_added");
        rooms_.devices.end_trust(tx, session.user, actor, origin, "factor_added");
        rooms_.notices.post(tx, session.user, "factor_added");
    }
    sessions::Change change{.proved = Factor{std::string{kind.proves}, factor.at(), counts(kind)}, .pending = {}};
    bool const completes = session.pending == errors::mfa_required.id ||
                           (session.pending == errors::mfa_enrolment_required.id && checking.enrolled && counts(kind));
    if (completes) change.pending = pending_after_code(tx, checking);
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
    auto confirmed = checking.provider.confirm(tx, checking.presented);
    if (confirmed.ok() || checking.purpose != Purpose::either || checking.provider.list(tx, checking.session.user).empty()) return confirmed;
    return checking.provider.verify(tx, checking.presented);
}

std::string SignInService::pending_after_code(Transaction& tx, Checking const& checking) const {
    auto const state = rooms_.passwords.state(checking.session.user);
    if (state && state->must_change) return std::string{errors::change_required.id};
    return pending_by_policy(tx, checking.session.user, checking.rules);
}

std::string SignInService::pending_by_policy(Transaction& tx, UserId const& user, MfaPolicy::Applying const& rules) const {
    if (!rules.any() || has_counting_factor(user)) return {};
    return rooms_.policy.begin(tx, user, rules).sign_in_waits ? std::string{errors::mfa_enrolment_required.id} : std::string{};
}

void SignInService::tell_of_backup_codes(Transaction& tx, UserId const& user) {
    auto const left = rooms_.mfa.backup_codes().left(tx, user);
    if (left && *left <= rooms_.mfa.backup_codes().settings().low) rooms_.notices.post(tx, user, "backup_codes_low");
}

Result<mfa::SentCode> SignInService::send_code(SessionRef const& ref, std::string_view kind, audit::Origin const& origin) {
    if (!settings_.mfa_enabled) return errors::mfa_disabled;
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (session.pending == errors::change_required.id) return errors::change_required;
    return rooms_.mfa.send(kind, session.user, ref, origin);
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
    return settings_.email_satisfies_mfa ? has_factor(user) : has_second_factor(user);
}

}  // namespace zephyr::signin
