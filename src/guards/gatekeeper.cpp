#include "zephyr/guards/gatekeeper.h"

#include "zephyr/audit/codes.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/challenge.h"
#include "zephyr/signin/errors.h"

namespace zephyr::guards {

using http::Demand;
using http::Request;
using http::Response;
using http::SessionHolder;
namespace failures = signin::errors;

namespace {

// The authentication context a second factor gives, as RFC 9470 challenges name it.
constexpr std::string_view second_factor_acr = "aal2";

std::vector<http::FactorUse> uses_of(sessions::Session const& session) {
    std::vector<http::FactorUse> uses;
    for (auto const& factor : session.factors) uses.push_back({factor.name, factor.at, factor.second});
    return uses;
}

// A pending session names the failure that stands in its way; anything else in that column opens nothing.
Failure pending_failure(std::string const& pending) {
    for (auto const& known : {failures::change_required, failures::mfa_enrolment_required}) {
        if (pending == known.id) return known;
    }
    return failures::mfa_required;
}

std::optional<std::chrono::seconds> freshness_of(Demand const& demand) {
    if (demand.within.count() > 0) return demand.within;
    for (auto const& child : demand.children) {
        if (auto const found = freshness_of(child)) return found;
    }
    return std::nullopt;
}

}  // namespace

struct Gatekeeper::Facts {
    Request const& request;
    std::optional<SessionHolder> const& holder;
    Error const& why_nobody;
    rbac::EffectiveRoles const* held;  // what the holder may, now; there when a holder is
};

struct Gatekeeper::Asking {
    Request const& request;
    std::optional<SessionHolder> holder;
    Error why_nobody{sessions::errors::none};
    bool by_token = false;  // an Authorization: Bearer came, and decides alone
    std::shared_ptr<rbac::EffectiveRoles const> held = nullptr;

    Facts facts() const { return {request, holder, why_nobody, held.get()}; }
};

namespace {

SessionHolder holder_from(Standing standing, std::vector<std::string> roles) {
    auto uses = uses_of(standing.session);
    return {.user = std::move(standing.session.user),
            .username = std::move(standing.username),
            .display_name = std::move(standing.display_name),
            .session = std::move(standing.session.ref),
            .factors = std::move(uses),
            .pending = std::move(standing.session.pending),
            .roles = std::move(roles)};
}

}  // namespace

Gatekeeper::Gatekeeper(users::UserService& users, rbac::RoleService& roles, sessions::SessionService& sessions,
                       tokens::TokenService& tokens, audit::AuditLog& audit, HolderCache& cache, Clock const& clock,
                       GatekeeperSettings settings)
    : users_{users},
      roles_{roles},
      sessions_{sessions},
      tokens_{tokens},
      audit_{audit},
      cache_{cache},
      clock_{clock},
      settings_{std::move(settings)} {}

void Gatekeeper::add_rule(std::string name, Rule rule) {
    if (!rules_.emplace(name, std::move(rule)).second) throw Fault{"guards: two rules are named " + name};
}

Gatekeeper::Asking Gatekeeper::look(Request const& request) {
    Asking asking{.request = request, .holder = std::nullopt};
    if (auto const credentials = http::bearer_credentials(request); credentials.decides()) {
        look_at_token(asking, credentials);
        return asking;
    }
    auto const cookie = request.cookie(settings_.session_cookie);
    if (!cookie) return asking;
    ask_about(asking, CredentialKey::of(Credential::session_cookie, {*cookie}), [&]() -> Result<Standing> {
        Standing standing;
        ZEPHYR_TRY(standing.session, sessions_.find(SecretText{*cookie}));
        return standing;
    });
    return asking;
}

// Never falls back to the cookie: whoever sends a token means to be judged by it, and no page of another site can send one.
void Gatekeeper::look_at_token(Asking& asking, http::BearerCredentials const& credentials) {
    asking.by_token = true;
    if (credentials.form != http::BearerCredentials::Form::present) {
        asking.why_nobody = http::errors::bearer_malformed;
        return;
    }
    ask_about(asking, CredentialKey::of(Credential::access_token, {credentials.token}), [&]() -> Result<Standing> {
        ZEPHYR_TRY(auto const token, tokens_.check(credentials.token));
        Standing standing;
        ZEPHYR_TRY(standing.session, tokens_.find(token));
        standing.from = clock_.now();  // before it, with a clock set back, the token may not be valid yet: check it again
        standing.until = token.expires_at();
        standing.rests_on = {{"signing_keys", ""}};
        return standing;
    });
}

void Gatekeeper::ask_about(Asking& asking, CredentialKey const& key, Load const& load) {
    auto standing = standing_of(key, load);
    if (!standing.ok()) {
        asking.why_nobody = standing.error();
        return;
    }
    // Never remembered beside the standing: room rbac knows at every moment what is held.
    asking.held = roles_.effective_now(standing.value().session.user);
    asking.holder = holder_from(std::move(standing).value(), asking.held->roles);
}

Result<SessionHolder> Gatekeeper::holder_of(CredentialKey const& key, Load const& load) {
    ZEPHYR_TRY(auto standing, standing_of(key, load));
    auto const held = roles_.effective_now(standing.session.user);
    return holder_from(std::move(standing), held->roles);
}

bool Gatekeeper::in_time(Standing const& known, TimePoint now) const {
    return now >= known.from && now < known.until && sessions_.live(known.session, now) && users::check_active(known.account, now).ok();
}

std::optional<SessionHolder> Gatekeeper::at_hand(CredentialKey const& key) {
    auto const now = clock_.now();
    auto known = cache_.find(key);
    if (!known || !in_time(*known, now) || !roles_.remembers(known->session.user)) return std::nullopt;
    if (now - known->session.last_seen_at >= sessions_.record_interval()) return std::nullopt;
    auto const held = roles_.effective_now(known->session.user);
    return holder_from(*std::move(known), held->roles);
}

// What memory knows and the clock agrees with. Anything else is asked of the stores: they give the refusal its reason, and
// may know of a later use.
std::optional<Standing> Gatekeeper::remembered(CredentialKey const& key, TimePoint now) {
    auto known = cache_.find(key);
    if (!known || !in_time(*known, now)) return std::nullopt;
    if (cache_.claim_use(key, now, sessions_.record_interval()) && sessions_.record_use(known->session.ref, now)) {
        cache_.recorded(key, now);
        known->session.last_seen_at = now;
    }
    return known;
}

Result<Standing> Gatekeeper::standing_of(CredentialKey const& key, Load const& load) {
    auto const now = clock_.now();
    if (auto known = remembered(key, now)) return *std::move(known);

    auto const reading = cache_.begin();
    ZEPHYR_TRY(auto standing, load());
    // A session never outranks its account: a disabled, locked or expired one is nobody from this request on.
    auto const user = users_.find(standing.session.user);
    if (!user.ok()) return sessions::errors::none;
    standing.username = user.value().username;
    standing.display_name = user.value().display_name;
    standing.account = users::limits_of(user.value());
    if (auto const active = users::check_active(standing.account, now); !active.ok()) {
        return Error{sessions::errors::none, std::string{active.error().id()}};
    }
    if (reading) cache_.keep(key, standing, *reading);
    return standing;
}

Result<void> Gatekeeper::check(Demand const& demand, Facts const& facts) const {
    switch (demand.what) {
        case Demand::What::all:
            if (demand.children.empty()) return rbac::errors::denied;
            for (auto const& child : demand.children) ZEPHYR_CHECK(check(child, facts));
            return success();
        case Demand::What::any: {
            Result<void> first = rbac::errors::denied;
            bool tried = false;
            for (auto const& child : demand.children) {
                auto outcome = check(child, facts);
                if (outcome.ok()) return success();
                if (!tried) first = std::move(outcome);
                tried = true;
            }
            return first;
        }
        default: return check_one(demand, facts);
    }
}

Result<void> Gatekeeper::check_one(Demand const& demand, Facts const& facts) const {
    if (demand.what == Demand::What::open) return success();
    if (demand.what == Demand::What::custom) {
        auto const rule = rules_.find(demand.name);
        if (rule == rules_.end()) return Error{rbac::errors::denied, "unknown rule " + demand.name};
        return rule->second(facts.request, facts.holder);
    }
    if (!facts.holder) return facts.why_nobody;
    auto const& holder = *facts.holder;
    switch (demand.what) {
        case Demand::What::session: return success();
        case Demand::What::login:
            if (!holder.pending.empty()) return pending_failure(holder.pending);
            return success();
        case Demand::What::mfa:
        case Demand::What::factor: return check_proof(demand, holder);
        case Demand::What::role:
            if (facts.held->has_role(demand.name)) return success();
            return Error{rbac::errors::denied, "does not hold the role " + demand.name};
        case Demand::What::permission:
            if (facts.held->allows(demand.name)) return success();
            return Error{rbac::errors::denied, "does not hold the permission " + demand.name};
        default: return rbac::errors::denied;
    }
}

Result<void> Gatekeeper::check_proof(Demand const& demand, SessionHolder const& holder) const {
    bool const second = demand.what == Demand::What::mfa;
    std::optional<TimePoint> latest;
    for (auto const& use : holder.factors) {
        bool const counts = second ? use.second : use.factor == demand.name;
        if (counts && (!latest || use.at > *latest)) latest = use.at;
    }
    if (!latest || (second && !holder.has_second_factor())) {
        return second ? Result<void>{failures::mfa_required} : Result<void>{failures::step_up_required};
    }
    auto const now = clock_.now();
    // A proof from the future (a clock set back) is no fresh proof.
    if (demand.within.count() > 0 && (*latest > now || now - *latest >= demand.within)) return failures::step_up_required;
    return success();
}

http::Decision Gatekeeper::judge(Demand const& demand, Request const& request) {
    if (demand.what == Demand::What::open) return http::Admitted{};
    auto asking = look(request);
    if (auto const outcome = check(demand, asking.facts()); !outcome.ok()) return refusal(outcome.error(), demand, asking);
    bool const principal = asking.holder && asking.holder->pending.empty();
    return http::Admitted{std::move(asking.holder), principal};
}

Result<SessionHolder> Gatekeeper::who(Request const& request) {
    auto asking = look(request);
    if (!asking.holder) return asking.why_nobody;
    return *std::move(asking.holder);
}

Result<void> Gatekeeper::meets(Demand const& demand, Request const& request, std::optional<SessionHolder> const& holder) const {
    auto const held = holder ? roles_.effective_now(holder->user) : nullptr;
    Error const why_nobody{sessions::errors::none};
    return check(demand, {request, holder, why_nobody, held.get()});
}

std::optional<SessionHolder> Gatekeeper::visitor(Request const& request) { return look(request).holder; }

Response Gatekeeper::refusal(Error const& error, Demand const& demand, Asking const& asking) {
    auto const& request = asking.request;
    if (asking.holder) {
        audit_.append({.code = audit::codes::access_refused,
                       .actor = audit::Actor::user(asking.holder->user),
                       .subject = asking.holder->user,
                       .outcome = audit::Outcome::denied,
                       .reason = std::string{error.id()},
                       .origin = origin_of(request, *asking.holder),
                       .details = {{"route", request.route}, {"demand", demand.print()}}});
    }
    // A rule may speak of a missing session; why there is none, the token knows.
    bool const about_nobody = error.kind() == Kind::unauthenticated || error == asking.why_nobody.failure();
    if (asking.by_token && !asking.holder && about_nobody) return token_refusal(asking.why_nobody, request);
    bool const stepping_up = error == failures::step_up_required;
    // A person is led to where they can prove what is missing; a program gets the status and the challenge.
    if (request.wants_html() && !asking.by_token && error.kind() == Kind::unauthenticated) {
        std::string to = stepping_up ? settings_.step_up_path : settings_.sign_in_path;
        if (http::is_safe(request.method)) to += "?return_to=" + encoding::percent_encode(request.target);
        return Response::see_other(std::move(to));
    }
    auto response = http::render(error, request.request_id);
    if (stepping_up || error == failures::mfa_required) {
        auto const acr = error == failures::mfa_required ? second_factor_acr : std::string_view{};
        response.with_header("WWW-Authenticate", http::step_up_challenge(acr, freshness_of(demand)));
    } else if (error.kind() == Kind::unauthenticated) {
        // RFC 9110 15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate header field".
        response.with_header("WWW-Authenticate", http::BearerChallenge{.realm = settings_.realm}.header());
    }
    return response;
}

// RFC 6750 3: error and error_description tell a client what to do next, and nobody why in detail.
Response Gatekeeper::token_refusal(Error const& error, Request const& request) const {
    bool const refused = error.kind() == Kind::unauthenticated && !(error == tokens::errors::access_expired);
    auto response = http::render(refused ? Error{tokens::errors::access_refused} : error, request.request_id);
    http::BearerChallenge challenge{.realm = settings_.realm, .error = "invalid_token"};
    // RFC 6750 3.1: "The request is missing a required parameter … or is otherwise malformed. The resource server SHOULD respond with the
    // HTTP 400 (Bad Request) status code."
    if (error.kind() == Kind::invalid) {
        challenge.error = "invalid_request";
        challenge.error_description = "The Authorization header holds no single token";
    } else if (error.kind() != Kind::unauthenticated) {
        return response;
    } else {
        challenge.error_description = refused ? "The access token is not valid or its session ended" : "The access token expired";
    }
    response.with_header("WWW-Authenticate", challenge.header());
    return response;
}

audit::Origin origin_of(Request const& request) {
    auto agent = request.headers.get("User-Agent");
    return {.address = request.client_address,
            .user_agent = std::string{agent ? agent->substr(0, 256) : std::string_view{}},
            .request_id = request.request_id};
}

audit::Origin origin_of(Request const& request, SessionHolder const& holder) {
    auto origin = origin_of(request);
    origin.session_ref = holder.session.str();
    return origin;
}

}  // namespace zephyr::guards
