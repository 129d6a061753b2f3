// The one door to second factors: which kinds there are, who has which, sending and checking codes, adding and removing.
//
// Owns: no table (each provider has its own). Emits: mfa.reset; the rest through providers.
// Not here: whether a session has passed its second factor (sessions, signin), who must have one (signin/mfa_policy.h), screens (pages).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/mfa/attempts.h"
#include "zephyr/mfa/backup_codes.h"
#include "zephyr/mfa/delivered_codes.h"
#include "zephyr/mfa/factor.h"
#include "zephyr/mfa/totp_service.h"

namespace zephyr::mfa {

// The providers this house builds. Null: not built at all (sms, email). Whoever has such a factor keeps it while nobody sends codes, so a
// server builds both in any case: FactorProvider::available says whether they can be used.
struct Providers {
    TotpService& totp;
    BackupCodes& backup_codes;
    DeliveredCodes* sms = nullptr;
    DeliveredCodes* email = nullptr;
};

class MFAManager {
public:
    // References must outlive the manager.
    MFAManager(storage::Database&, audit::AuditLog&, Attempts const&, Providers);
    // A kind of the application's own. Once, while wiring: it must outlive the manager. Throws Fault for a name, or a proof, that is taken.
    void add(FactorProvider& own);

    // Strongest first.
    std::vector<FactorProvider*> const& providers() const { return providers_; }
    FactorProvider* provider(std::string_view name) const;  // null when there is none
    // The kind that puts this name into a session's list of factors; null for "pwd" and the unknown.
    FactorKind const* proving(std::string_view proves) const;
    // Every confirmed factor, strongest kinds first.
    std::vector<FactorSummary> list(UserId const&);
    // Has a factor that is asked for at sign-in: any that stands alone.
    bool has_factor(UserId const&);
    // Has one that counts towards AAL2.
    bool has_second_factor(UserId const&);

    // --- Codes. verify and confirm of a provider with prepare in front, in one write each; they join the caller's transaction when called
    // inside one, and then the caller prepares first.
    Result<void> prepare(std::string_view kind, Presented&);
    Result<VerifiedFactor> verify(std::string_view kind, Presented);
    Result<VerifiedFactor> confirm(std::string_view kind, Presented);
    // To the factor that is named, else to the first one.
    Result<SentCode> send(std::string_view kind, UserId const&, SessionRef const&, audit::Origin const&,
                          std::optional<FactorId> const& factor = std::nullopt);

    // --- The names of the proposal this project came from. A code belongs to a person *and* a session, and a change asks for a proof;
    // otherwise they do what they did there.
    Result<TotpEnrolment> generate_totp_secret(FreshProof const&, std::string_view account_label, std::string_view device_name,
                                               audit::Origin const& = {});
    std::string generate_qr_code(TotpEnrolment const&) const;  // SVG
    // A new set; the old one is dead. Fails with backup_codes_too_early while no factor is confirmed that counts towards AAL2, as they do.
    // `along` runs in the transaction that stores them.
    using Along = std::function<void(storage::Transaction&)>;
    Result<std::vector<SecretText>> generate_backup_codes(FreshProof const&, audit::Origin const& = {}, Along const& along = {});
    Result<VerifiedFactor> verify_totp(Presented presented) { return verify("totp", std::move(presented)); }
    Result<VerifiedFactor> verify_backup_code(Presented presented) { return verify("backup_code", std::move(presented)); }
    Result<SentCode> send_sms_code(UserId const& user, SessionRef const& session, audit::Origin const& origin = {}) {
        return send("sms", user, session, origin);
    }
    Result<VerifiedFactor> verify_sms_code(Presented presented) { return verify("sms", std::move(presented)); }
    Result<SentCode> send_email_code(UserId const& user, SessionRef const& session, audit::Origin const& origin = {}) {
        return send("email", user, session, origin);
    }
    Result<VerifiedFactor> verify_email_code(Presented presented) { return verify("email", std::move(presented)); }
    // Confirms what this session began to enrol.
    Result<VerifiedFactor> enable_mfa(std::string_view kind, Presented presented) { return confirm(kind, std::move(presented)); }
    // Whether a session that proved these (Session::factors) has passed a second factor that counts towards AAL2.
    bool is_mfa_verified(std::vector<std::string> const& proved) const;

    // Whether this proof may add a factor of this kind: nobody makes themselves a stronger one than what they proved, while they have one
    // that is stronger. Fails with stronger_proof_required.
    Result<void> may_add(FreshProof const&, FactorKind const&);

    // --- Changes. Both join the caller's transaction.
    // Asks for a proof at least as strong as what is removed; backup codes go with the last factor they stood in for. The rule of the last
    // factor is the caller's (signin). Fails with device_not_found, stronger_proof_required.
    Result<void> remove(FreshProof const&, FactorId const&, audit::Origin const& = {});
    // Removes backup codes of somebody who has nothing left that counts towards AAL2. For whoever removes factors by other ways.
    void drop_orphans(storage::Transaction&, UserId const&, audit::Actor const&, audit::Origin const&);
    // Break-glass and recovery: every factor of a person and every count. How many confirmed factors there were.
    std::int64_t reset_all(UserId const&, audit::Actor const&, audit::Origin const& = {});
    // Every count of wrong codes of a person, in every lane: an operator says that the guesses were no attack, or that it is over.
    void clear_failures(storage::Transaction&, UserId const&);
    // How many people have a factor that counts.
    std::int64_t count_enrolled();
    std::int64_t purge();

    TotpService& totp() { return builtin_.totp; }
    BackupCodes& backup_codes() { return builtin_.backup_codes; }
    DeliveredCodes* sms() { return builtin_.sms; }
    DeliveredCodes* email() { return builtin_.email; }

private:
    void sort();
    std::vector<FactorSummary> list(storage::Transaction&, UserId const&) const;

    storage::Database& database_;
    audit::AuditLog& audit_;
    Attempts const& attempts_;
    Providers builtin_;
    std::vector<FactorProvider*> providers_;
};

}  // namespace zephyr::mfa
