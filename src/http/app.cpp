#include "zephyr/http/app.h"

#include <exception>

#include "http/router.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/bearer.h"
#include "zephyr/http/problem.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::http {

namespace {

// "src/routes/mfa_routes.cpp", whatever folder the compiler was called in.
std::string short_source(std::string_view file) {
    std::size_t start = 0;
    for (std::string_view const folder : {"src/", "tests/", "examples/"}) {
        for (auto at = file.rfind(folder); at != std::string_view::npos && at > 0; at = file.rfind(folder, at - 1)) {
            if (file[at - 1] == '/') {
                start = std::max(start, at);
                break;
            }
        }
    }
    return std::string{file.substr(start)};
}

// Throws Fault for a guard that the judge could not decide, or that demands nothing.
void check_demand(Demand const& demand, GuardJudge const& judge, std::string const& where) {
    using What = Demand::What;
    if ((demand.what == What::all || demand.what == What::any) && demand.children.empty()) {
        throw Fault{where + ": its guard demands nothing; open_to_all(\"why\") opens a route"};
    }
    if (demand.what == What::custom && !judge.knows_rule(demand.name))
        throw Fault{where + ": nobody knows the rule " + demand.name};
    for (auto const& child : demand.children) {
        if (child.what == What::open) throw Fault{where + ": an open demand stands alone"};
        check_demand(child, judge, where);
    }
}

}  // namespace

std::string RouteInfo::print() const {
    auto line = method + " " + pattern + "  " + guard;
    if (!csrf_exempt_reason.empty()) line += "  csrf exempt (" + csrf_exempt_reason + ")";
    return line;
}

namespace detail {

Response answer(Request const&, Response response) {
    return response;
}

Response answer(Request const& request, Result<Response> result) {
    if (!result.ok()) return render(result.error(), request.request_id);
    return std::move(result).value();
}

SessionHolder const& holder_of(Admitted const& admitted) {
    if (!admitted.holder) throw Fault{"the judge admitted a request without the session its guard proves"};
    return *admitted.holder;
}

Principal principal_of(Admitted const& admitted) {
    if (!admitted.principal) throw Fault{"the judge admitted a request without the principal its guard proves"};
    return Principal{holder_of(admitted)};
}

}  // namespace detail

struct App::State {
    struct Route {
        Demand demand;
        Endpoint endpoint;
        bool wants_visitor;
        RouteOptions options;
        RouteInfo info;
    };
    // What a request is going to meet behind the middleware, decided once: no middleware can move it elsewhere.
    struct Plan {
        Route const* route = nullptr;
        Endpoint const* handler = nullptr;  // in place of the route's own, for one request
        Ready const* ready = nullptr;       // the same
        // Without a route: the answer to OPTIONS (204), or a refusal (400, 404, 405, 414).
        int status = 204;
        std::string id = {};
        std::string allow = {};
    };

    GuardJudge& judge;
    Log& log;
    detail::Router router;
    std::vector<std::unique_ptr<Route>> routes;
    std::vector<std::unique_ptr<Route>> outside;
    std::vector<Middleware> middleware;
    TrustedProxies proxies;
    ProblemPage problem_page;

    template <class MakePlan>
    Response answer(Request& request, MakePlan const& make_plan) const;
    bool answers_inline(Request const& request, Ready& ready) const;
    Plan plan(Request& request) const;
    Plan plan_outside(Request& request, Route const& route, Endpoint const& handler) const;
    std::optional<Plan> refuse(Request& request) const;
    static void take_on(Request& request, Route const& route);
    std::unique_ptr<Route> make_route(std::string_view method, std::string_view pattern, Demand demand, Endpoint endpoint,
                                      bool wants_visitor, RouteOptions options, std::source_location where) const;
    Result<void> derive(Request& request) const;
    Response run(std::size_t index, Request& request, Plan const& plan) const;
    Response admit(Request& request, Plan const& plan) const;
    Response fault(Request const& request, Failure failure, int status, std::string_view what) const;
    void show_page(Request const& request, Response& response) const;

    // Runs one layer; what it throws becomes an answer here, so that the layers outside still do their work on it.
    template <class Layer>
    Response contained(Request const& request, Layer const& layer) const {
        try {
            return layer();
        } catch (StorageFault const& problem) {
            return fault(request, {Kind::unavailable, problem.failure_id()}, 503, problem.what());
        } catch (std::exception const& problem) {
            return fault(request, errors::internal, 500, problem.what());
        } catch (...) {
            return fault(request, errors::internal, 500, "not a std::exception");
        }
    }
};

App::App(GuardJudge& judge, Log& log) : state_{new State{judge, log, {}, {}, {}, {}, {}, {}}} {}
App::~App() = default;

std::unique_ptr<App::State::Route> App::State::make_route(std::string_view method, std::string_view pattern, Demand demand,
                                                          Endpoint endpoint, bool wants_visitor, RouteOptions options,
                                                          std::source_location where) const {
    RouteInfo info{std::string{method},
                   std::string{pattern},
                   demand.print(),
                   short_source(where.file_name()),
                   options.run_inline,
                   options.csrf_exempt_reason,
                   options.rate_class,
                   demand,
                   options.summary,
                   options.description,
                   options.body,
                   options.answers,
                   options.refusals};
    check_demand(demand, judge, info.method + " " + info.pattern);
    return std::make_unique<Route>(
        Route{std::move(demand), std::move(endpoint), wants_visitor, std::move(options), std::move(info)});
}

void App::mount(Method method, std::string_view pattern, Demand demand, Endpoint endpoint, bool wants_visitor,
                RouteOptions options, std::source_location where) {
    auto route = state_->make_route(to_string(method), pattern, std::move(demand), std::move(endpoint), wants_visitor,
                                    std::move(options), where);
    state_->router.add(method, pattern, state_->routes.size());
    state_->routes.push_back(std::move(route));
}

std::size_t App::mount_outside(std::string_view name, Demand demand, bool wants_visitor, RouteOptions options,
                               std::source_location where) {
    state_->outside.push_back(
        state_->make_route("outside", name, std::move(demand), {}, wants_visitor, std::move(options), where));
    return state_->outside.size() - 1;
}

void App::use(Middleware middleware) {
    state_->middleware.push_back(std::move(middleware));
}
void App::trust(TrustedProxies proxies) {
    state_->proxies = std::move(proxies);
}
void App::on_problem(ProblemPage page) {
    state_->problem_page = std::move(page);
}

std::vector<RouteInfo> App::table() const {
    std::vector<RouteInfo> lines;
    for (auto const& route : state_->routes) lines.push_back(route->info);
    return lines;
}

std::vector<RouteInfo> App::outside_table() const {
    std::vector<RouteInfo> lines;
    for (auto const& route : state_->outside) lines.push_back(route->info);
    return lines;
}

// `ready` is filled for a route that says how: State::plan() finds the same one, by the same target.
bool App::State::answers_inline(Request const& request, Ready& ready) const {
    auto const target = check_target(request.target);
    if (!target.ok()) return true;  // a refusal reads nothing
    auto const match = router.match(target.value().path);
    auto const* index = match.find(request.method);
    if (index == nullptr) return true;
    auto const& options = routes[*index]->options;
    if (options.run_inline) return true;
    if (!options.from_memory) return false;
    try {
        auto known = options.from_memory(request);
        if (known) ready = *std::move(known);
        return known.has_value();
    } catch (...) {
        // Here nobody stands around it: no middleware, no log. A worker asks again where they do.
        return false;
    }
}

bool App::runs_inline(Request const& request) const {
    Ready unused;
    return state_->answers_inline(request, unused);
}

std::optional<Response> App::dispatch_inline(Request& request) {
    Ready ready;
    if (!state_->answers_inline(request, ready)) return std::nullopt;
    return state_->answer(request, [&](Request& derived) {
        auto plan = state_->plan(derived);
        if (ready) plan.ready = &ready;
        return plan;
    });
}

Response App::dispatch(Request&& request) {
    return state_->answer(request, [this](Request& derived) { return state_->plan(derived); });
}

Response App::dispatch_outside(Request&& request, std::size_t index, Endpoint const& handler) {
    auto const& route = *state_->outside.at(index);
    return state_->answer(request, [&](Request& derived) { return state_->plan_outside(derived, route, handler); });
}

template <class MakePlan>
Response App::State::answer(Request& request, MakePlan const& make_plan) const {
    auto response = contained(request, [&] {
        auto const plan = make_plan(request);
        return run(0, request, plan);
    });
    show_page(request, response);
    if (request.method == Method::head) {
        // RFC 9110 8.6: Content-Length in an answer to HEAD is what GET would have had, or absent.
        bool const may_have_content = response.status != 204 && response.status != 304;
        if (may_have_content) response.headers.set("Content-Length", std::to_string(response.body.size()));
        response.body.clear();
    }
    return response;
}

// Everything about the request that is derived rather than received.
Result<void> App::State::derive(Request& request) const {
    ZEPHYR_CHECK(check_headers(request.headers));
    ZEPHYR_TRY(auto facts, client_facts(request.peer_address, request.scheme, request.headers, proxies));
    request.client_address = std::move(facts.address);
    request.scheme = std::move(facts.scheme);
    request.host = std::move(facts.host);
    ZEPHYR_TRY(auto target, check_target(request.target));
    request.path = std::move(target.path);
    if (request.has_form_body()) ZEPHYR_CHECK(encoding::parse_form(request.body));
    return success();
}

// What the target or the headers forbid, whatever route they mean.
std::optional<App::State::Plan> App::State::refuse(Request& request) const {
    // None of these may come from outside this class and the middleware.
    request.path.clear();
    request.path_parameters.clear();
    request.request_id.clear();
    request.rate_class.clear();
    request.csrf_exempt = false;
    request.json = {};
    request.client_address = request.peer_address;
    if (auto const derived = derive(request); !derived.ok()) {
        log.debug("http.refused", {{"id", derived.error().id()}, {"why", derived.error().detail()}});
        request.route = "refused";
        return Plan{.status = derived.error() == errors::target_too_long ? 414 : 400,
                    .id = std::string{derived.error().id()}};
    }
    return std::nullopt;
}

void App::State::take_on(Request& request, Route const& route) {
    request.route = route.info.pattern;
    request.rate_class = route.options.rate_class;
    // CSRF is about what a browser sends by itself. On a guarded route a bearer token decides alone (guards), and no page of another
    // site makes a browser send one. An open route may set a cookie, such as sign-in: there the rules stay.
    bool const by_token = route.demand.what != Demand::What::open &&
                          bearer_credentials(request).form == BearerCredentials::Form::present;
    request.csrf_exempt = by_token || !route.options.csrf_exempt_reason.empty();
}

App::State::Plan App::State::plan_outside(Request& request, Route const& route, Endpoint const& handler) const {
    if (auto refusal = refuse(request)) return *std::move(refusal);
    take_on(request, route);
    return Plan{.route = &route, .handler = &handler};
}

App::State::Plan App::State::plan(Request& request) const {
    if (auto refusal = refuse(request)) return *std::move(refusal);
    auto match = router.match(request.path);
    if (match.pattern == nullptr) {
        request.route = "unmatched";
        return Plan{.status = 404, .id = std::string{errors::not_found.id}};
    }
    request.route = *match.pattern;
    auto const* index = match.find(request.method);
    if (index == nullptr && request.method == Method::options) return Plan{.allow = match.allow()};
    if (index == nullptr) return Plan{.status = 405, .id = std::string{errors::method_not_allowed.id}, .allow = match.allow()};
    auto const& route = *routes[*index];
    request.path_parameters = std::move(match.parameters);
    take_on(request, route);
    return Plan{.route = &route};
}

Response App::State::run(std::size_t index, Request& request, Plan const& plan) const {
    if (index == middleware.size()) return contained(request, [&] { return admit(request, plan); });
    struct Frame {
        State const& state;
        std::size_t next;
        Plan const& plan;
    } const frame{*this, index + 1, plan};
    Next const next = [&frame](Request& inner) { return frame.state.run(frame.next, inner, frame.plan); };
    return contained(request, [&] { return middleware[index].run(request, next); });
}

Response App::State::admit(Request& request, Plan const& plan) const {
    if (plan.route == nullptr) {
        auto response =
            plan.status == 204 ? Response::no_content() : problem(plan.status, plan.id, {}, request.request_id);
        if (!plan.allow.empty()) response.with_header("Allow", plan.allow);
        return response;
    }
    auto const& route = *plan.route;
    auto decision = judge.judge(route.demand, request);
    if (auto* refusal = std::get_if<Response>(&decision)) return std::move(*refusal);
    auto admitted = std::move(std::get<Admitted>(decision));
    if (route.wants_visitor && !admitted.holder) admitted.holder = judge.visitor(request);
    if (route.options.body) {
        auto body = read_body(request, *route.options.body);
        if (!body.ok()) return render(body.error(), request.request_id);
        request.json = std::move(body).value();
    }
    if (plan.ready != nullptr) return (*plan.ready)(request);
    return plan.handler != nullptr ? (*plan.handler)(request, admitted) : route.endpoint(request, admitted);
}

Response App::State::fault(Request const& request, Failure failure, int status, std::string_view what) const {
    log.error("http.fault",
              {{"incident", request.request_id}, {"id", failure.id}, {"route", request.route}, {"what", what}});
    auto response = problem(status, failure.id, {}, request.request_id);
    if (status == 503) response.with_header("Retry-After", "1");
    return response;
}

void App::State::show_page(Request const& request, Response& response) const {
    if (!problem_page || !is_problem(response) || !request.wants_html()) return;
    try {
        auto page = problem_page(request, response);
        response.body = std::move(page.body);
        for (auto const& header : page.headers.all()) {
            if (header.name == "Set-Cookie")
                response.headers.add(header.name, header.value);
            else
                response.headers.set(header.name, header.value);
        }
    } catch (std::exception const& problem) {
        // The problem itself is still a good answer.
        log.error("http.problem_page_fault", {{"incident", request.request_id}, {"what", problem.what()}});
    }
}

}  // namespace zephyr::http
