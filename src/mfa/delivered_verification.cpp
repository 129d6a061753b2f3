// Checking codes that were sent: the part where order and races matter. Everything about one code happens in the caller's one write, so the
// limits hold for parallel guesses too.
#include "mfa/delivered_delivery.h"
#include "mfa/delivered_tables.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/mfa/totp.h"
#include "zephyr/mfa/totp_service.h"

namespace zephyr::mfa {

struct DeliveredCodes::Match {
    enum class What { none, used, late, live } what = What::none;
    std::optional<CodeRow> row = std::nullopt;
};

//= NIST SP 800-63B-4, 3.1.3.2: "Verifiers SHALL accept a given authentication secret as valid only once during the validity period"
Result<VerifiedFactor> DeliveredCodes::verify(storage::Transaction& tx, Presented const& presented) {
    auto const now = clock_.now();
    auto const actor = audit::Actor::user(presented.user);
    auto const refuse = [&](std::string_view code, Failure failure, std::optional<FactorId> const& channel) {
        record(tx, code, presented.user, actor, presented.origin, channel, failure.id);
        return failure;
    };
    if (auto closed = attempts_.blocked(tx, presented, kind())) return std::move(*closed);
    if (delivered_tables::confirmed(tx, presented.user, kind_->name).empty())
        return refuse(audit::codes::mfa_refused, errors::not_enrolled, std::nullopt);

    auto const match = find_match(tx, presented, purpose_prove, now);
    if (match.what == Match::What::live && delivered_tables::use_code(tx, match.row->id, now)) {
        // Removed meanwhile: its codes went with it, so this is a race lost.
        if (!delivered_tables::touch(tx, match.row->channel, now))
            return refuse(audit::codes::mfa_refused, errors::not_enrolled, match.row->channel);
        attempts_.passed(tx, presented, kind());
        record(tx, audit::codes::mfa_verified, presented.user, actor, presented.origin, match.row->channel);
        return proof(presented.user, match.row->channel, now);
    }
    switch (match.what) {
        // Only whoever typed the right code learns of these, so they tell a guesser nothing; no guess, so nothing is counted.
        case Match::What::live:
        case Match::What::used: return refuse(audit::codes::mfa_code_reused, errors::code_reused, match.row->channel);
        case Match::What::late: return refuse(audit::codes::mfa_refused, errors::code_expired, match.row->channel);
        case Match::What::none: break;
    }
    attempts_.failed(tx, presented, kind());
    return refuse(audit::codes::mfa_refused, errors::wrong_code, std::nullopt);
}

// Unlike an authenticator app's secret, this code is not known to whoever enrols: it shows that the number is theirs. So wrong ones are
// guesses, and count as everywhere; the right one clears no count.
Result<VerifiedFactor> DeliveredCodes::confirm(storage::Transaction& tx, Presented const& presented) {
    auto const now = clock_.now();
    auto const& user = presented.user;
    auto const actor = audit::Actor::user(user);
    if (auto closed = attempts_.blocked(tx, presented, kind())) return std::move(*closed);
    auto const channel = delivered_tables::pending(tx, user, kind_->name, presented.session);
    auto const refuse = [&](Failure failure) {
        record(tx, audit::codes::mfa_enrolment_refused, user, actor, presented.origin, channel ? std::optional{channel->id} : std::nullopt,
               failure.id);
        return failure;
    };
    if (!channel) return refuse(errors::no_enrolment);
    if (now >= channel->created_at + settings_.enrolment_lifetime) {
        delivered_tables::delete_pending(tx, user, kind_->name, presented.session);
        return refuse(errors::enrolment_expired);
    }
    auto const match = find_match(tx, presented, purpose_enrol, now);
    switch (match.what) {
        case Match::What::none:
            attempts_.failed(tx, presented, kind());
            return refuse(errors::wrong_code);
        case Match::What::used: return refuse(errors::code_reused);
        case Match::What::late: return refuse(errors::code_expired);
        case Match::What::live: break;
    }
    if (match.row->channel != channel->id) return refuse(errors::code_expired);
    auto const own = delivered_tables::confirmed(tx, user, kind_->name);
    if (own.size() >= settings_.most_channels) return refuse(errors::device_limit);
    // Two sessions may have enrolled it side by side.
    for (auto const& one : own) {
        if (open_destination(one) == open_destination(*channel)) return refuse(errors::already_enrolled);
    }
    if (!delivered_tables::use_code(tx, match.row->id, now)) return refuse(errors::code_reused);
    if (!delivered_tables::confirm(tx, channel->id, now)) return refuse(errors::no_enrolment);
    record(tx, audit::codes::mfa_enrolled, user, actor, presented.origin, channel->id);
    return proof(user, channel->id, now);
}

// All codes of the session are looked at, so that the time says nothing about which one fits.
DeliveredCodes::Match DeliveredCodes::find_match(storage::Transaction& tx, Presented const& presented, std::string_view purpose,
                                                 TimePoint now) const {
    Match match;
    auto const typed = normalise_code(presented.code, settings_.digits);
    if (!typed) return match;
    for (auto& row : delivered_tables::codes(tx, presented.user, presented.session, kind_->name, purpose)) {
        auto const opened = sealer_.open({.table = "mfa_code", .row = row.id, .column = "code"}, row.code);
        // A code whose key is gone, or that somebody tampered with, is nobody's.
        if (!opened.ok()) continue;
        auto const expected = bound(*typed, presented.user, presented.session, purpose, row.channel);
        if (!crypto::equal_constant_time(opened.value().reveal(), as_bytes(expected))) continue;
        auto const what = row.used                              ? Match::What::used
                          : row.ended || now >= row.expires_at ? Match::What::late
                                                               : Match::What::live;
        if (match.what == Match::What::none || what == Match::What::live) match = {what, std::move(row)};
    }
    return match;
}

}  // namespace zephyr::mfa
