#include "zephyr/mfa/mfa_manager.h"

#include <algorithm>

#include "zephyr/audit/codes.h"
#include "zephyr/encoding/qr.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/mfa/coverage.h"

namespace zephyr::mfa {

using storage::Transaction;

namespace {

// Not itself a Result, so that the write commits a refusal with its count.
struct Kept {
    Result<VerifiedFactor> answer;
};

bool stands_alone(FactorSummary const& factor) { return factor.kind->stands_alone; }
// What backup codes stand in for. They are AAL2, so whoever has nothing of that worth gains none by them.
bool is_second_factor(FactorSummary const& factor) { return factor.kind->stands_alone && factor.kind->aal2; }

// What a person can prove at best, backup codes aside: they stand in for it.
int strongest(std::vector<FactorSummary> const& factors) {
    int best = strength::password;
    for (auto const& factor : factors) {
        if (stands_alone(factor)) best = std::max(best, factor.kind->strength);
    }
    return best;
}

}  // namespace

MFAManager::MFAManager(storage::Database& database, audit::AuditLog& audit, Attempts const& attempts, Providers providers)
    : database_{database}, audit_{audit}, attempts_{attempts}, builtin_{providers} {
    providers_ = {&builtin_.totp, &builtin_.backup_codes};
    if (builtin_.sms) providers_.push_back(builtin_.sms);
    if (builtin_.email) providers_.push_back(builtin_.email);
    sort();
}

void MFAManager::add(FactorProvider& own) {
    // Two kinds that prove the same would be taken for each other in a session.
    bool const taken = std::any_of(providers_.begin(), providers_.end(), [&](auto* other) {
        return other->kind().name == own.kind().name || other->kind().proves == own.kind().proves;
    });
    if (taken || own.kind().proves == "pwd") throw Fault{"two factor providers have one name: " + std::string{own.kind().name}};
    providers_.push_back(&own);
    sort();
}

void MFAManager::sort() {
    std::stable_sort(providers_.begin(), providers_.end(),
                     [](auto* one, auto* other) { return one->kind().strength > other->kind().strength; });
}

FactorProvider* MFAManager::provider(std::string_view name) const {
    auto const found =
        std::find_if(providers_.begin(), providers_.end(), [&](auto* candidate) { return candidate->kind().name == name; });
    return found == providers_.end() ? nullptr : *found;
}

FactorKind const* MFAManager::proving(std::string_view proves) const {
    auto const found =
        std::find_if(providers_.begin(), providers_.end(), [&](auto* candidate) { return candidate->kind().proves == proves; });
    return found == providers_.end() ? nullptr : &(*found)->kind();
}

std::vector<FactorSummary> MFAManager::list(Transaction& tx, UserId const& user) const {
    std::vector<FactorSummary> out;
    for (auto* provider : providers_) {
        for (auto& factor : provider->list(tx, user)) out.push_back(std::move(factor));
    }
    return out;
}

std::vector<FactorSummary> MFAManager::list(UserId const& user) {
    return database_.read([&](Transaction& tx) { return list(tx, user); });
}

bool MFAManager::has_factor(UserId const& user) {
    return database_.read([&](Transaction& tx) {
        return std::any_of(providers_.begin(), providers_.end(),
                           [&](auto* provider) { return provider->kind().stands_alone && !provider->list(tx, user).empty(); });
    });
}

bool MFAManager::has_second_factor(UserId const& user) {
    return database_.read([&](Transaction& tx) {
        return std::any_of(providers_.begin(), providers_.end(), [&](auto* provider) {
            return provider->kind().stands_alone && provider->kind().aal2 && !provider->list(tx, user).empty();
        });
    });
}

Result<void> MFAManager::prepare(std::string_view kind, Presented& presented) {
    auto* const asked = provider(kind);
    if (asked == nullptr) return errors::unknown_factor;
    return asked->prepare(presented);
}

Result<VerifiedFactor> MFAManager::verify(std::string_view kind, Presented presented) {
    auto* const asked = provider(kind);
    if (asked == nullptr) return errors::unknown_factor;
    if (!presented.work) ZEPHYR_CHECK(asked->prepare(presented));
    return database_.write([&](Transaction& tx) { return Kept{asked->verify(tx, presented)}; }).answer;
}

Result<VerifiedFactor> MFAManager::confirm(std::string_view kind, Presented presented) {
    auto* const asked = provider(kind);
    if (asked == nullptr) return errors::unknown_factor;
    return database_.write([&](Transaction& tx) { return Kept{asked->confirm(tx, presented)}; }).answer;
}

Result<SentCode> MFAManager::send(std::string_view kind, UserId const& user, SessionRef const& session, audit::Origin const& origin,
                                  std::optional<FactorId> const& factor) {
    auto* const asked = provider(kind);
    if (asked == nullptr) return errors::unknown_factor;
    return asked->send(user, session, factor, origin);
}

Result<TotpEnrolment> MFAManager::generate_totp_secret(FreshProof const& proof, std::string_view account_label,
                                                       std::string_view device_name, audit::Origin const& origin) {
    ZEPHYR_CHECK(may_add(proof, totp_kind));
    return builtin_.totp.begin(proof.user(), proof.session(), account_label, device_name, origin);
}

std::string MFAManager::generate_qr_code(TotpEnrolment const& enrolment) const { return encoding::qr_svg(enrolment.otpauth_uri); }

Result<std::vector<SecretText>> MFAManager::generate_backup_codes(FreshProof const& proof, audit::Origin const& origin,
                                                                  Along const& along) {
    ZEPHYR_CHECK(may_add(proof, backup_code_kind));
    if (!has_second_factor(proof.user())) return errors::backup_codes_too_early;
    ZEPHYR_TRY(auto set, builtin_.backup_codes.make(proof.user()));
    ZEPHYR_CHECK(database_.write([&](Transaction& tx) -> Result<void> {
        // The last factor may have gone while the codes were hashed.
        auto const held = list(tx, proof.user());
        if (std::none_of(held.begin(), held.end(), is_second_factor)) return errors::backup_codes_too_early;
        builtin_.backup_codes.store(tx, proof.user(), set, audit::Actor::user(proof.user()), origin);
        if (along) along(tx);
        return success();
    }));
    return std::move(set.codes);
}

bool MFAManager::is_mfa_verified(std::vector<std::string> const& proved) const {
    return std::any_of(providers_.begin(), providers_.end(), [&](auto* provider) {
        return provider->kind().aal2 && std::find(proved.begin(), proved.end(), provider->kind().proves) != proved.end();
    });
}

Result<void> MFAManager::may_add(FreshProof const& proof, FactorKind const& kind) {
    // Else a stolen SMS would make an authenticator app, and that one remove the owner's.
    if (proof.strength() < std::min(kind.strength, strongest(list(proof.user())))) return errors::stronger_proof_required;
    return success();
}

Result<void> MFAManager::remove(FreshProof const& proof, FactorId const& factor, audit::Origin const& origin) {
    auto const& user = proof.user();
    auto const actor = audit::Actor::user(user);
    return database_.write([&](Transaction& tx) -> Result<void> {
        auto const held = list(tx, user);
        auto const found = std::find_if(held.begin(), held.end(), [&](auto const& one) { return one.id == factor; });
        if (found == held.end()) return errors::device_not_found;
        // Backup codes stand in for the strongest there is, so no more than that is asked for.
        if (proof.strength() < std::min(found->kind->strength, strongest(held))) return errors::stronger_proof_required;
        ZEPHYR_CHECK(provider(found->kind->name)->remove(tx, user, factor, actor, origin));
        drop_orphans(tx, user, actor, origin);
        return success();
    });
}

void MFAManager::drop_orphans(Transaction& tx, UserId const& user, audit::Actor const& actor, audit::Origin const& origin) {
    auto const held = list(tx, user);
    if (std::any_of(held.begin(), held.end(), is_second_factor)) return;
    for (auto const& codes : held) {
        if (stands_alone(codes)) continue;
        if (auto const gone = provider(codes.kind->name)->remove(tx, user, codes.id, actor, origin); !gone.ok())
            throw Fault{"a listed factor is not there"};
    }
    builtin_.backup_codes.remove_all(tx, user);  // a set that is used up is listed nowhere
}

std::int64_t MFAManager::reset_all(UserId const& user, audit::Actor const& actor, audit::Origin const& origin) {
    return database_.write([&](Transaction& tx) {
        std::int64_t removed = 0;
        for (auto* provider : providers_) removed += provider->remove_all(tx, user);
        attempts_.clear(tx, user);
        audit_.append(tx, {.code = audit::codes::mfa_reset,
                           .actor = actor,
                           .subject = user,
                           .origin = origin,
                           .details = {{"factors", std::to_string(removed)}}});
        return removed;
    });
}

void MFAManager::clear_failures(Transaction& tx, UserId const& user) { attempts_.clear(tx, user); }

std::int64_t MFAManager::count_enrolled() { return coverage(database_).second_factor; }

std::int64_t MFAManager::purge() {
    std::int64_t removed = 0;
    for (auto* provider : providers_) removed += provider->purge();
    return removed + database_.write([&](Transaction& tx) { return attempts_.purge(tx); });
}

}  // namespace zephyr::mfa
