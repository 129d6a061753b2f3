// Decides guards: who is asking, what they proved in this session, what they may.
//
// Owns: no table. Emits: rbac.access_refused, once per refusal of somebody known. A stranger's refusal is counted, not recorded: else
// anybody could fill the audit log.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/audit/audit_log.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/guards/holder_cache.h"
#include "zephyr/http/bearer.h"
#include "zephyr/http/guard.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/tokens/token_service.h"
#include "zephyr/users/user_service.h"

namespace zephyr::guards {

struct GatekeeperSettings {
    std::string session_cookie = "__Host-zephyr_session";
    std::string realm = "zephyr";
    std::string sign_in_path = "/sign-in";
    std::string step_up_path = "/account/verify";
};

// A rule of an application's own, named in require("name"): success, or why not.
using Rule = std::function<Result<void>(http::Request const&, std::optional<http::SessionHolder> const&)>;

class Gatekeeper final : public http::GuardJudge {
public:
    Gatekeeper(users::UserService&, rbac::RoleService&, sessions::SessionService&, tokens::TokenService&, audit::AuditLog&, HolderCache&,
               Clock const&, GatekeeperSettings);

    // Once, while wiring. Throws Fault for a name that is taken.
    void add_rule(std::string name, Rule rule);

    http::Decision judge(http::Demand const&, http::Request const&) override;
    std::optional<http::SessionHolder> visitor(http::Request const&) override;
    bool knows_rule(std::string_view name) const override { return rules_.find(name) != rules_.end(); }

    // Who a credential of any kind stands for. `load` asks the stores when memory does not know: it checks the credential and
    // fills Standing::session (live now), and from, until and rests_on where it has them; account and names are filled here. It
    // must find the session through SessionService, so that its end is heard of. Fails as `load` does, or with sessions.none and
    // the account's state as detail. Not inside a transaction. Throws StorageFault.
    using Load = std::function<Result<Standing>()>;
    Result<http::SessionHolder> holder_of(CredentialKey const&, Load const& load);
    // The same if it can be said now from memory, without any question to a store and without recording a use.
    std::optional<http::SessionHolder> at_hand(CredentialKey const&);

    // For requests that another server answers (forward-auth): the same questions without a route, and without a record. Who is asking,
    // or why nobody; and whether they meet a demand, or how a guard would refuse them.
    Result<http::SessionHolder> who(http::Request const&);
    Result<void> meets(http::Demand const&, http::Request const&, std::optional<http::SessionHolder> const&) const;

private:
    struct Asking;  // what is known of one request, looked up once
    struct Facts;   // of it, what demands look at
    Asking look(http::Request const&);
    void look_at_token(Asking&, http::BearerCredentials const&);
    void ask_about(Asking&, CredentialKey const&, Load const& load);
    Result<Standing> standing_of(CredentialKey const&, Load const& load);
    bool in_time(Standing const&, TimePoint now) const;
    std::optional<Standing> remembered(CredentialKey const&, TimePoint now);
    Result<void> check(http::Demand const&, Facts const&) const;
    Result<void> check_one(http::Demand const&, Facts const&) const;
    Result<void> check_proof(http::Demand const&, http::SessionHolder const&) const;
    http::Response refusal(Error const&, http::Demand const&, Asking const&);
    http::Response token_refusal(Error const&, http::Request const&) const;

    users::UserService& users_;
    rbac::RoleService& roles_;
    sessions::SessionService& sessions_;
    tokens::TokenService& tokens_;
    audit::AuditLog& audit_;
    HolderCache& cache_;
    Clock const& clock_;
    GatekeeperSettings settings_;
    std::map<std::string, Rule, std::less<>> rules_;
};

// Where a request came from, for the audit trail.
audit::Origin origin_of(http::Request const& request);
audit::Origin origin_of(http::Request const& request, http::SessionHolder const& holder);

}  // namespace zephyr::guards
