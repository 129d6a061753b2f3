// Of whom the operator demands a second factor, and from when on.
//
// Owns: table mfa_grace.
// Not here: what a sign-in makes of it (sign_in_service.h), what a request needs (guards).
//
// A rule may give a grace, counted durably from the person's first sign-in under it: leaving the role and coming back starts none anew.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/result.h"
#include "zephyr/privacy/personal_data.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/storage/database.h"
#include "zephyr/users/group_service.h"

namespace zephyr::signin {

// One line of mfa.required_for: "everyone", "role:clinician", "group:Night shift", each with an optional " grace:7d".
struct MfaRule {
    enum class What { everyone, role, group };
    What what = What::everyone;
    std::string name = {};  // of the role or group
    std::optional<std::chrono::seconds> grace = std::nullopt;

    std::string text() const;  // without the grace: what the grace is counted under
    // Nothing for a line that is none. A grace is 1 hour to 365 days, in "h", "d" or "w".
    static std::optional<MfaRule> parse(std::string_view line);
};

struct MfaPolicySettings {
    bool mfa_enabled = true;
    bool required_for_admin = true;
    std::vector<MfaRule> rules = {};
};

struct MfaDemand {
    enum class What { none, in_grace, now };
    What what = What::none;
    std::optional<TimePoint> until = std::nullopt;  // in_grace: when it ends
    // By a rule of mfa.required_for: the session waits for the factor. An administrator by mfa.required_for_admin alone is refused
    // administration and nothing else.
    bool sign_in_waits = false;
};

class MfaPolicy final : public privacy::PersonalDataSource {
public:
    MfaPolicy(storage::Database&, rbac::RoleService&, users::GroupService&, Clock const&, MfaPolicySettings);

    // Which rules speak of this person now. Not for use inside a write (roles are remembered).
    struct Applying {
        std::vector<MfaRule> rules = {};
        bool as_admin = false;
        bool any() const { return as_admin || !rules.empty(); }
    };
    Applying rules_for(UserId const&) const;

    // What they come to now. begin() also starts the grace of rules that the person signs in under for the first time.
    MfaDemand begin(storage::Transaction&, UserId const&, Applying const&);
    MfaDemand demand(storage::Transaction&, UserId const&, Applying const&) const;
    MfaDemand demanded(UserId const&) const;

    MfaPolicySettings const& settings() const { return settings_; }

    std::string name() const override { return "mfa_policy"; }
    std::vector<privacy::TableClaim> claims() const override;
    encoding::Json export_for(storage::Transaction&, UserId const&) override;
    void erase(storage::Transaction&, UserId const&) override;

private:
    storage::Database& database_;
    rbac::RoleService& roles_;
    users::GroupService& groups_;
    Clock const& clock_;
    MfaPolicySettings settings_;
};

}  // namespace zephyr::signin
