// Forward-auth: what a proxy is answered about a request to a host that another application serves, and the pages by which a
// browser signs in there.
#include <unordered_map>

#include "routes/forward_request.h"
#include "zephyr/forward/identity.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/bearer.h"
#include "zephyr/http/challenge.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using guards::origin_of;
using http::Principal;
using http::Request;
using http::Response;
using http::SessionHolder;
namespace failures = forward::errors;

namespace {

constexpr std::string_view start_path = "/auth/forward/start";
constexpr std::string_view begin_path = "/auth/forward/begin";
constexpr std::string_view callback_path = "/auth/forward/callback";
constexpr std::string_view sign_in_header = "X-Zephyr-Sign-In";

// What the answer depends on; it must not be kept in any case.
constexpr char const* varies = "Authorization, Cookie, Accept, Host, X-Forwarded-Host, X-Forwarded-Uri, X-Original-URL";

http::Demand as_guard(forward::Rule const& rule) {
    using What = http::Demand::What;
    http::Demand all{What::all, {}, {}, {http::Demand{What::login, {}, {}, {}}}};
    for (auto const& demand : rule.demands) {
        switch (demand.what) {
            case forward::Demand::What::role: all.children.push_back({What::role, demand.name, {}, {}}); break;
            case forward::Demand::What::permission: all.children.push_back({What::permission, demand.name, {}, {}}); break;
            case forward::Demand::What::mfa: all.children.push_back({What::mfa, "mfa", demand.within, {}}); break;
        }
    }
    return all;
}

std::string with_return_to(std::string_view path, std::string_view return_to) {
    return std::string{path} + "?return_to=" + encoding::percent_encode(return_to);
}

class ForwardDesk {
public:
    ForwardDesk(ForwardRooms rooms, Web const& web) : rooms_{std::move(rooms)}, web_{web} {
        auto const& settings = web.settings();
        cookie_ = settings.secure_cookies ? "__Host-zephyr_forward" : "zephyr_forward";
        state_cookie_ = settings.secure_cookies ? "__Host-zephyr_forward_state" : "zephyr_forward_state";
        for (auto const* rule : rooms_.forward.rules().all()) demands_.emplace(rule, as_guard(*rule));
    }

    Response decide(Request const& request) const { return kept_nowhere(decided(request)); }

    // See RouteOptions::from_memory. The peer is not yet known to be one of our proxies, so that is left to what it gives.
    std::optional<http::Ready> from_memory(Request const& request) const {
        http::Ready const refusal = [this](Request const& checked) { return decide(checked); };
        auto const asked = read_asked(request, rooms_.forward.rules());
        if (!asked.ok()) return refusal;
        auto const& origin = asked.value().origin;
        auto const rule = match(origin, asked.value().target);
        if (!rule.ok() || rule.value()->open || !check_host(origin).ok()) return refusal;
        auto const key = key_of(request, origin);
        if (!key) return refusal;
        auto const holder = rooms_.gatekeeper.at_hand(*key);
        if (!holder || !holder->pending.empty()) return std::nullopt;
        auto const contact = rooms_.people.remembered(holder->user);
        // The line about somebody who is refused is a write.
        if (!contact || !rooms_.gatekeeper.meets(demands_.at(rule.value()), request, holder).ok()) return std::nullopt;
        auto headers = identity(*holder, *contact);
        if (!headers.ok()) return std::nullopt;
        return [this, headers = std::move(headers).value()](Request const& checked) {
            return check_proxy(checked, rooms_.proxies).ok() ? kept_nowhere(admitted(headers)) : decide(checked);
        };
    }

    // At a protected host: this browser gets a secret to know it again by, and goes to our sign-in.
    Response begin(Request const& request) const {
        auto const here = origin_here(request);
        if (!here.ok()) return refused(request, here.error());
        auto const return_to = request.query("return_to").value_or("/");
        if (is_ours(here.value())) return Response::see_other(with_return_to("/sign-in", pages::safe_return_to(return_to)));
        if (auto const fine = check_host(here.value()); !fine.ok()) return refused(request, fine.error());
        auto const known = request.cookie(state_cookie_);
        auto const begun = rooms_.forward.begin({here.value(), return_to}, known ? std::optional{SecretText{*known}} : std::nullopt);
        return Response::see_other(rooms_.public_origin.str() + std::string{start_path} + "?request=" + begun.request)
            .with_cookie({.name = state_cookie_,
                          .value = begun.state.reveal(),
                          .secure = web_.settings().secure_cookies,
                          .max_age = rooms_.forward.settings().link});
    }

    // At our own address, signed in: back with a ticket, or first to where the rule's demand can be met.
    Response start(Request const& request, Principal const& who) const {
        auto const wanted = rooms_.forward.read(request.query("request").value_or(""));
        if (!wanted.ok()) return refuse(wanted.error(), request);
        auto const& destination = wanted.value().destination;
        auto const rule = match(destination.origin, destination.return_to);
        if (!rule.ok()) return refuse(rule.error(), request);
        if (rule.value()->open) return Response::see_other(destination.origin.str() + destination.return_to);
        if (auto const met = rooms_.gatekeeper.meets(demands_.at(rule.value()), request, who); !met.ok()) {
            if (met.error() == signin::errors::step_up_required) {
                return Response::see_other(with_return_to("/account/verify", request.target));
            }
            record(request, destination.origin, who, met.error());
            return refuse(met.error(), request);
        }
        auto const ticket = rooms_.forward.issue(who.session, wanted.value(), origin_of(request, who));
        if (!ticket.ok()) return refuse(ticket.error(), request);
        return Response::see_other(destination.origin.str() + std::string{callback_path} + "?ticket=" + ticket.value().reveal())
            .with_header("Referrer-Policy", "no-referrer");
    }

    // At the protected host again: ticket and browser's secret against a cookie of this host.
    Response callback(Request const& request) const {
        auto const here = origin_here(request);
        if (!here.ok()) return refused(request, here.error());
        if (auto const fine = check_host(here.value()); !fine.ok()) return refused(request, fine.error());
        auto const done = rooms_.forward.redeem(SecretText{request.query("ticket").value_or("")}, here.value(),
                                                SecretText{request.cookie(state_cookie_).value_or("")}, origin_of(request));
        if (!done.ok()) return shown(request, http::render(done.error(), request.request_id), done.error());
        http::Cookie cookie{.name = cookie_, .value = done.value().token.reveal(), .secure = web_.settings().secure_cookies};
        auto const& session = done.value().session;
        if (session.remembered) cookie.max_age = std::chrono::duration_cast<std::chrono::seconds>(session.expires_at - rooms_.clock.now());
        return Response::see_other(done.value().return_to).with_cookie(cookie).with_header("Referrer-Policy", "no-referrer");
    }

private:
    Response decided(Request const& request) const {
        if (auto const believed = check_proxy(request, rooms_.proxies); !believed.ok()) return refused(request, believed.error());
        auto const asked = read_asked(request, rooms_.forward.rules());
        if (!asked.ok()) return refused(request, asked.error());
        auto const rule = match(asked.value().origin, asked.value().target);
        if (!rule.ok()) return refused(request, rule.error());
        if (rule.value()->open) return admitted(forward::headers_of_nobody());
        auto const& origin = asked.value().origin;
        if (auto const fine = check_host(origin); !fine.ok()) return refused(request, fine.error());

        auto found = who(request, origin);
        if (!found.ok()) return ask_to_sign_in(request, asked.value(), found.error());
        auto const holder = std::optional{std::move(found).value()};
        // A sign-in that waits for its second factor goes on where it waits.
        if (!holder->pending.empty()) return ask_to_sign_in(request, asked.value(), failures::no_session);
        if (auto const met = rooms_.gatekeeper.meets(demands_.at(rule.value()), request, holder); !met.ok()) {
            if (met.error().kind() == Kind::unauthenticated) return ask_to_sign_in(request, asked.value(), met.error());
            record(request, origin, *holder, met.error());
            return shown(request, refuse(met.error(), request), met.error());
        }
        auto const headers = identity(*holder, *rooms_.people.find(holder->user));
        if (!headers.ok()) {
            record(request, origin, *holder, headers.error());
            return shown(request, http::render(headers.error(), request.request_id), headers.error());
        }
        return admitted(headers.value());
    }

    // It depends on who asks and may not be kept in any case.
    static Response kept_nowhere(Response response) {
        response.with_header("Cache-Control", "no-store").with_header("Vary", varies);
        return response;
    }

    Result<forward::IdentityHeaders> identity(SessionHolder const& holder, forward::Contact const& contact) const {
        return forward::headers_of({.user = holder.username,
                                    .name = holder.display_name,
                                    .email = rooms_.send_email ? contact.email : std::string{},
                                    .groups = contact.groups,
                                    .roles = holder.roles});
    }

    Result<forward::Rule const*> match(encoding::Origin const& origin, std::string_view target) const {
        auto const& rules = rooms_.forward.rules();
        return rules.match(origin.host, rules.minds_paths(origin.host) ? readable_path(target) : std::nullopt);
    }
    Result<encoding::Origin> origin_here(Request const& request) const {
        ZEPHYR_CHECK(check_proxy(request, rooms_.proxies));
        return read_origin(request);
    }
    bool is_ours(encoding::Origin const& origin) const { return origin.host == rooms_.public_origin.host; }

    Result<void> check_host(encoding::Origin const& origin) const {
        if (!rooms_.forward.rules().lists(origin.host)) return failures::host_unlisted;
        if (web_.settings().secure_cookies && origin.scheme != "https") return failures::https_required;
        return success();
    }

    // What the request is judged by; nothing when it brings nothing. A bearer token decides alone. At our own host it is the
    // session's cookie, at every other one that host's own: the session's cookie, should somebody bring it there, is none.
    std::optional<guards::CredentialKey> key_of(Request const& request, encoding::Origin const& origin) const {
        using guards::Credential, guards::CredentialKey;
        if (auto const bearer = http::bearer_credentials(request); bearer.decides())
            return CredentialKey::of(Credential::access_token, {bearer.token});
        if (is_ours(origin)) {
            auto const cookie = request.cookie(web_.settings().session_cookie);
            return cookie ? std::optional{CredentialKey::of(Credential::session_cookie, {*cookie})} : std::nullopt;
        }
        auto const cookie = request.cookie(cookie_);
        return cookie ? std::optional{CredentialKey::of(Credential::forward_cookie, {origin.host, *cookie})} : std::nullopt;
    }

    Result<SessionHolder> who(Request const& request, encoding::Origin const& origin) const {
        if (http::bearer_credentials(request).decides() || is_ours(origin)) return rooms_.gatekeeper.who(request);
        auto const cookie = request.cookie(cookie_);
        if (!cookie) return failures::no_session;
        auto const key = guards::CredentialKey::of(guards::Credential::forward_cookie, {origin.host, *cookie});
        return rooms_.gatekeeper.holder_of(key, [&]() -> Result<guards::Standing> {
            ZEPHYR_TRY(auto found, rooms_.forward.find(origin.host, SecretText{*cookie}));
            guards::Standing standing;
            standing.session = std::move(found.session);
            standing.rests_on = {{"forward", std::move(found.ref)}};
            return standing;
        });
    }

    Response admitted(forward::IdentityHeaders const& headers) const {
        rooms_.forward.admitted();
        Response response{200, {}, {}};
        for (auto const& [name, value] : headers) response.headers.add(name, value);  // visible ASCII, see headers_of
        return response;
    }

    // People are led to the sign-in, programs get 401 and a challenge. nginx takes no redirect from us but can make one.
    Response ask_to_sign_in(Request const& request, Asked const& asked, Error const& why) const {
        rooms_.forward.refused(std::nullopt, asked.origin.host, why, {});
        bool const by_token = http::bearer_credentials(request).decides();
        bool const led = asked.safe && !by_token && navigates(request);
        auto const to = led ? sign_in_address(asked, why) : std::string{};
        if (led && asked.passes_redirects) return Response::see_other(to);
        // Whatever is wrong with a token, proxies understand 401; only a store that is down is something else.
        auto const said = why.kind() == Kind::unavailable || why.kind() == Kind::unauthenticated ? why : Error{failures::no_session};
        auto response = refuse(said, request);
        if (by_token && said.kind() == Kind::unauthenticated && !(said == signin::errors::step_up_required)) {
            response.headers.remove("WWW-Authenticate");
            response.with_header("WWW-Authenticate", http::BearerChallenge{.realm = "zephyr", .error = "invalid_token"}.header());
        }
        if (!led) return response;
        return shown(request, std::move(response), said).with_header(sign_in_header, to);
    }

    std::string sign_in_address(Asked const& asked, Error const& why) const {
        if (!is_ours(asked.origin)) return asked.origin.str() + with_return_to(begin_path, asked.target);
        bool const stepping_up = why == signin::errors::step_up_required;
        return rooms_.public_origin.str() + with_return_to(stepping_up ? "/account/verify" : "/sign-in", asked.target);
    }

    Response refused(Request const& request, Error const& why) const {
        rooms_.forward.refused(std::nullopt, {}, why, {});
        return shown(request, http::render(why, request.request_id), why);
    }

    void record(Request const& request, encoding::Origin const& origin, SessionHolder const& holder, Error const& why) const {
        rooms_.forward.refused(forward::Known{holder.user, holder.session}, origin.host, why, origin_of(request, holder));
    }

    // Our pages need our styles, and this answer may be shown at a host that has none of them: people get a plain sentence.
    static Response shown(Request const& request, Response response, Error const& why) {
        if (!request.wants_html()) return response;
        auto text =
            Response::text(response.status, std::to_string(response.status) + " " + std::string{http::reason_phrase(response.status)} +
                                                "\n\n" + std::string{why.id()} + "\nRequest " + request.request_id + "\n");
        for (auto const& challenge : response.headers.all()) {
            if (challenge.name == "WWW-Authenticate" || challenge.name == "Retry-After") text.headers.add(challenge.name, challenge.value);
        }
        return text;
    }

    ForwardRooms rooms_;
    Web const& web_;
    std::string cookie_;
    std::string state_cookie_;
    std::unordered_map<forward::Rule const*, http::Demand> demands_;
};

// For /openapi.json; one method is enough.
http::RouteOptions documented(http::RouteOptions options) {
    options.summary = "May this request to another host pass?";
    options.description = "For reverse proxies (forward-auth), with the headers of the request they ask about.";
    options.answers = {{.description = "It may; the headers say who asks.", .content_type = ""},
                       {.status = 303, .description = "A browser is led to the sign-in.", .content_type = ""}};
    options.refusals = {failures::no_session,        failures::proxy_untrusted,    failures::request_unknown,
                        failures::request_ambiguous, failures::host_unlisted,      failures::path_unlisted,
                        failures::path_ambiguous,    failures::https_required,     failures::identity_too_large,
                        rbac::errors::denied,        signin::errors::mfa_required, signin::errors::step_up_required};
    return options;
}

}  // namespace

void mount_forward_routes(http::App& app, ForwardRooms rooms, Web const& web) {
    auto const desk = std::make_shared<ForwardDesk>(std::move(rooms), web);
    auto const asking = http::open_to_all("listed proxies ask here; the answer is the guard of the host they ask about");
    auto const decide = [desk](Request const& request) { return desk->decide(request); };
    http::RouteOptions const options{
        .from_memory = [desk](Request const& request) { return desk->from_memory(request); },
        .csrf_exempt_reason = "asked by a proxy, with the method and headers of a request to another host; changes nothing",
        .rate_class = "forward",
    };
    // Most proxies ask with GET; Envoy with the method of the request it asks about.
    app.get("/auth/forward", asking, decide, documented(options));
    app.post("/auth/forward", asking, decide, options);
    app.put("/auth/forward", asking, decide, options);
    app.patch("/auth/forward", asking, decide, options);
    app.del("/auth/forward", asking, decide, options);
    app.options("/auth/forward", asking, decide, options);

    http::RouteOptions const page{.csrf_exempt_reason = "a redirect without a form, shown at another host"};
    app.get(
        begin_path, http::open_to_all("people come here from a protected host to sign in"),
        [desk](Request const& request) { return desk->begin(request); }, page);
    app.get(start_path, http::require_login, [desk](Request const& request, Principal const& who) { return desk->start(request, who); });
    app.get(
        callback_path, http::open_to_all("the one-time ticket is the proof"),
        [desk](Request const& request) { return desk->callback(request); }, page);
}

}  // namespace zephyr::routes
