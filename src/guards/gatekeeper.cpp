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
    for (auto const& factor : session.factors) uses.push_back({factor.name, factor.at});
    return uses;
}

// A pending session names the failure that stands in its way; anything else in that column opens nothing.
Failure pending_failure(std::string const& pending) {
    return pending == failures::change_required.id ? failures::change_required : failures::mfa_required;
}

std::optional<std::chrono::seconds> freshness_of(Demand const& demand) {
    if (demand.within.count() > 0) return demand.within;
    for (auto const& child : demand.children) {
        if (auto const found = freshness_of(child)) return found;
    }
    return std::nullopt;
}

}  // namespace

struct Gatekeeper::Asking {
    Request const& request;
    std::optional<SessionHolder> holder;
    Error why_nobody{sessions::errors::none};
};

Gatekeeper::Gatekeeper(users::UserService& users, rbac::RoleService& roles, sessions::SessionService& sessions, audit::AuditLog& audit,
                       Clock const& clock, GatekeeperSettings settings)
    : users_{users}, roles_{roles}, sessions_{sessions}, audit_{audit}, clock_{clock}, settings_{std::move(settings)} {}

void Gatekeeper::add_rule(std::string name, Rule rule) {
    if (!rules_.emplace(name, std::move(rule)).second) throw Fault{"guards: two rules are named " + name};
}

Gatekeeper::Asking Gatekeeper::look(Request const& request) {
    Asking asking{request, std::nullopt, Error{sessions::errors::none}};
    auto const cookie = request.cookie(settings_.session_cookie);
    if (!cookie) return asking;
    auto session = sessions_.find(SecretText{*cookie});
    if (!session.ok()) {
        asking.why_nobody = session.error();
        return asking;
    }
    // A session never outranks its account: a disabled, locked or expired one is nobody from this request on.
    auto const user = users_.find(session.value().user);
    if (!user.ok()) return asking;
    if (auto const active = users::check_active(user.value(), clock_.now()); !active.ok()) {
        asking.why_nobody = Error{sessions::errors::none, std::string{active.error().id()}};
        return asking;
    }
    SessionHolder holder{.user = user.value().id,
                         .username = user.value().username,
                         .display_name = user.value().display_name,
                         .session = session.value().ref,
                         .factors = uses_of(session.value()),
                         .pending = session.value().pending,
                         .roles = roles_.effective_now(user.value().id)->roles};
    asking.holder = std::move(holder);
    return asking;
}

Result<void> Gatekeeper::check(Demand const& demand, Asking const& asking) const {
    switch (demand.what) {
        case Demand::What::all:
            if (demand.children.empty()) return rbac::errors::denied;
            for (auto const& child : demand.children) ZEPHYR_CHECK(check(child, asking));
            return success();
        case Demand::What::any: {
            Result<void> first = rbac::errors::denied;
            bool tried = false;
            for (auto const& child : demand.children) {
                auto outcome = check(child, asking);
                if (outcome.ok()) return success();
                if (!tried) first = std::move(outcome);
                tried = true;
            }
            return first;
        }
        default: return check_one(demand, asking);
    }
}

Result<void> Gatekeeper::check_one(Demand const& demand, Asking const& asking) const {
    if (demand.what == Demand::What::open) return success();
    if (demand.what == Demand::What::custom) {
        auto const rule = rules_.find(demand.name);
        if (rule == rules_.end()) return Error{rbac::errors::denied, "unknown rule " + demand.name};
        return rule->second(asking.request, asking.holder);
    }
    if (!asking.holder) return asking.why_nobody;
    auto const& holder = *asking.holder;
    switch (demand.what) {
        case Demand::What::session: return success();
        case Demand::What::login:
            if (!holder.pending.empty()) return pending_failure(holder.pending);
            return success();
        case Demand::What::mfa:
        case Demand::What::factor: return check_proof(demand, holder);
        // Asked again of the room, not of the copy in the holder: there, what expired a moment ago is gone.
        case Demand::What::role: return roles_.require_role(holder.user, demand.name);
        case Demand::What::permission: return roles_.require_permission(holder.user, demand.name);
        default: return rbac::errors::denied;
    }
}

Result<void> Gatekeeper::check_proof(Demand const& demand, SessionHolder const& holder) const {
    bool const second = demand.what == Demand::What::mfa;
    std::optional<TimePoint> latest;
    for (auto const& use : holder.factors) {
        bool const counts = second ? use.factor != "pwd" : use.factor == demand.name;
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
    if (auto const outcome = check(demand, asking); !outcome.ok()) return refusal(outcome.error(), demand, asking);
    bool const principal = asking.holder && asking.holder->pending.empty();
    return http::Admitted{std::move(asking.holder), principal};
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
    bool const stepping_up = error == failures::step_up_required;
    // A person is led to where they can prove what is missing; a program gets the status and the challenge.
    if (request.wants_html() && error.kind() == Kind::unauthenticated) {
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
