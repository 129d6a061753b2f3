// Routes and what they demand.
//
//   app.get("/users/{id}", require_login | require_permission("users.read"), [&](Request const& request, Principal
//   const& who) {…});
//
// The guard is a required argument. Handlers return Response or Result<Response>, and take
//   (Request const&)                                      any guard
//   (Request const&, SessionHolder const&)                a guard that proves a session: require_session, require_login
//   (Request const&, Principal const&)                    a guard that proves a principal: require_login
//   (Request const&, std::optional<SessionHolder> const&) any guard; for open pages that look different when signed in
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zephyr/foundation/log.h"
#include "zephyr/foundation/result.h"
#include "zephyr/http/body_schema.h"
#include "zephyr/http/dispatcher.h"
#include "zephyr/http/guard.h"
#include "zephyr/http/middleware.h"
#include "zephyr/http/principal.h"
#include "zephyr/http/request.h"
#include "zephyr/http/response.h"
#include "zephyr/http/trusted_proxies.h"

namespace zephyr::http {

namespace errors {
// No route has this path.
inline constexpr Failure not_found{Kind::not_found, "http.not_found"};
// Answered with 405 and Allow.
inline constexpr Failure method_not_allowed{Kind::unsupported, "http.method_not_allowed"};
// A fault of ours, answered with 500. The log has it under the request id.
inline constexpr Failure internal{Kind::unavailable, "internal"};
// The database cannot be reached.
inline constexpr Failure storage_unavailable{Kind::unavailable, "storage.unavailable"};
}  // namespace errors

// Answers one request in the handler's place, from memory.
using Ready = std::function<Response(Request const&)>;

struct RouteOptions {
    bool run_inline = false;  // only reads memory: the porch's loop runs it without a worker
    // The same for single requests: what memory knows about this one, ready to be answered, or nothing when a worker has to run the
    // handler. Asked in the porch's loop, of a request whose headers nobody has checked yet, so it reads memory only, does nothing, and
    // believes nobody. What it gives is called at once or never, after middleware and guard have let the request pass.
    std::function<std::optional<Ready>(Request const&)> from_memory = {};
    std::string csrf_exempt_reason =
        {};                       // set: CSRF rules do not apply, and this is why (clients with tokens, not cookies)
    std::string rate_class = {};  // class of the rate limiter; empty: the default one
    // What /openapi.json says about the route, and what it enforces. A route without a summary is a page for people and
    // stays out of that document.
    std::string summary = {};
    std::string description = {};
    // Set: App refuses a request whose body does not fit (after the guard), and puts the object into Request::json.
    std::optional<BodySchema> body = {};
    std::vector<Answer> answers = {};
    // Failures of the service behind it; those of guard, body and middleware are known without.
    std::vector<Failure> refusals = {};
};

// One line of the route table.
struct RouteInfo {
    std::string method;
    std::string pattern;
    std::string guard;
    std::string source;  // "src/routes/mfa_routes.cpp"
    bool run_inline = false;
    std::string csrf_exempt_reason;
    std::string rate_class;
    Demand demand;  // what `guard` prints
    std::string summary;
    std::string description;
    std::optional<BodySchema> body;
    std::vector<Answer> answers;
    std::vector<Failure> refusals;

    // "POST /auth/mfa/totp/setup  login", and "  csrf exempt (reason)" where one is.
    std::string print() const;
};

namespace detail {
// Who a handler hears about, beside the request.
enum class Hears { nobody, visitor, holder, principal, wrong };

template <class H, class... Before>
consteval Hears hears() {
    if constexpr (std::is_invocable_v<H const&, Before..., std::nullopt_t>)
        return Hears::visitor;
    else if constexpr (std::is_invocable_v<H const&, Before...>)
        return Hears::nobody;
    else if constexpr (std::is_invocable_v<H const&, Before..., SessionHolder const&>)
        return Hears::holder;
    else if constexpr (std::is_invocable_v<H const&, Before..., Principal const&>)
        return Hears::principal;
    else
        return Hears::wrong;
}

// True when the guard is one and proves what the handler hears about; otherwise it does not compile.
template <class G, Hears H>
consteval bool proved() {
    static_assert(AnyGuard<G>, "a route needs a guard before its handler: require_login, or open_to_all(\"why\")");
    static_assert(H != Hears::wrong,
                  "a handler takes (Request const&), and then maybe SessionHolder const&, Principal const& or "
                  "std::optional<SessionHolder> const&");
    if constexpr (AnyGuard<G> && H != Hears::wrong) {
        static_assert(H != Hears::principal || includes(G::proves, Proves::principal),
                      "this handler takes a Principal, so its guard must prove one: add require_login");
        static_assert(H != Hears::holder || includes(G::proves, Proves::session),
                      "this handler takes a SessionHolder, so its guard must prove one: add require_session or "
                      "require_login");
        return true;
    }
    return false;
}

Response answer(Request const& request, Response response);
Response answer(Request const& request, Result<Response> result);
SessionHolder const& holder_of(Admitted const& admitted);  // throws Fault when the judge broke its word
Principal principal_of(Admitted const& admitted);

// Calls a handler with who was admitted, as far as it wants to hear about them.
template <Hears who, class H, class... Before>
decltype(auto) call(H const& handler, Admitted const& admitted, Before&&... before) {
    if constexpr (who == Hears::nobody)
        return handler(std::forward<Before>(before)...);
    else if constexpr (who == Hears::visitor)
        return handler(std::forward<Before>(before)..., admitted.holder);
    else if constexpr (who == Hears::holder)
        return handler(std::forward<Before>(before)..., holder_of(admitted));
    else
        return handler(std::forward<Before>(before)..., principal_of(admitted));
}
}  // namespace detail

class App : public Dispatcher {
public:
    using ProblemPage = std::function<Response(Request const&, Response const&)>;

    App(GuardJudge& judge, Log& log);
    ~App() override;
    App(App const&) = delete;
    App& operator=(App const&) = delete;

    // Each throws Fault at start for a malformed pattern, a duplicate or ambiguous route, a guard that demands nothing
    // without saying why, or a rule that the judge does not know. Patterns: literal segments and {name}. A literal is
    // more specific than a name: "/users/me" beside "/users/{id}" is clear, "/a/{x}/c" beside "/a/b/{y}" is ambiguous.
    template <class G, class H>
    void get(std::string_view pattern, G const& guard, H handler, RouteOptions options = {},
             std::source_location where = std::source_location::current()) {
        route(Method::get, pattern, guard, std::move(handler), std::move(options), where);
    }
    template <class G, class H>
    void post(std::string_view pattern, G const& guard, H handler, RouteOptions options = {},
              std::source_location where = std::source_location::current()) {
        route(Method::post, pattern, guard, std::move(handler), std::move(options), where);
    }
    template <class G, class H>
    void put(std::string_view pattern, G const& guard, H handler, RouteOptions options = {},
             std::source_location where = std::source_location::current()) {
        route(Method::put, pattern, guard, std::move(handler), std::move(options), where);
    }
    template <class G, class H>
    void patch(std::string_view pattern, G const& guard, H handler, RouteOptions options = {},
               std::source_location where = std::source_location::current()) {
        route(Method::patch, pattern, guard, std::move(handler), std::move(options), where);
    }
    template <class G, class H>
    void del(std::string_view pattern, G const& guard, H handler, RouteOptions options = {},
             std::source_location where = std::source_location::current()) {
        route(Method::del, pattern, guard, std::move(handler), std::move(options), where);
    }
    // OPTIONS is answered by App with 204 and Allow, unless a route asks for it.
    template <class G, class H>
    void options(std::string_view pattern, G const& guard, H handler, RouteOptions options = {},
                 std::source_location where = std::source_location::current()) {
        route(Method::options, pattern, guard, std::move(handler), std::move(options), where);
    }

    // Without a guard there is no route.
    template <class H>
    void get(std::string_view, H const&) {
        refuse_unguarded<H>();
    }
    template <class H>
    void post(std::string_view, H const&) {
        refuse_unguarded<H>();
    }
    template <class H>
    void put(std::string_view, H const&) {
        refuse_unguarded<H>();
    }
    template <class H>
    void patch(std::string_view, H const&) {
        refuse_unguarded<H>();
    }
    template <class H>
    void del(std::string_view, H const&) {
        refuse_unguarded<H>();
    }

    // A guard before a handler that another server's router picks (bridges/): such a handler has no path of ours, and
    // everything else that a route has. `name` is what logs, metrics and outside_table() call it. The handler takes
    // `Before...`, the other server's own types, and then whom the guard proves, as a route's handler does.
    //
    // Returns a function (Request&&, answer, Before...) -> Response: it does what dispatch() does for a route (target
    // and headers checked, middleware, guard), then calls the handler, and `answer` makes a Response of what the
    // handler returned, or of nothing. Throws Fault as get() does.
    template <class... Before, class G, class H>
    auto outside(std::string_view name, G const& guard, H handler, RouteOptions options = {},
                 std::source_location where = std::source_location::current()) {
        constexpr auto hears = detail::hears<H, Before...>();
        if constexpr (detail::proved<G, hears>()) {
            auto const index =
                mount_outside(name, guard.demand(), hears == detail::Hears::visitor, std::move(options), where);
            return [this, index, handler = std::move(handler)](Request&& request, auto const& answer, Before... before) {
                return dispatch_outside(std::move(request), index, [&](Request const&, Admitted const& admitted) -> Response {
                    using Returned = decltype(detail::call<hears>(handler, admitted, std::forward<Before>(before)...));
                    if constexpr (std::is_void_v<Returned>) {
                        detail::call<hears>(handler, admitted, std::forward<Before>(before)...);
                        return answer();
                    } else {
                        return answer(detail::call<hears>(handler, admitted, std::forward<Before>(before)...));
                    }
                });
            };
        }
    }

    template <class... Before, class H>
    void outside(std::string_view, H const&) {
        refuse_unguarded<H>();
    }

    // Wraps everything, 404s and refusals too. The first one added is the outermost.
    void use(Middleware middleware);
    // Whose forwarding headers count. Without it: nobody's.
    void trust(TrustedProxies proxies);
    // Renders a problem as a page for a client that wants HTML. Body and headers come from the page; status and the
    // headers that middleware set (unless the page sets them too) stay.
    void on_problem(ProblemPage page);

    // The route table in the order of mounting.
    std::vector<RouteInfo> table() const;
    // The handlers of other servers, under their names; their method is "outside".
    std::vector<RouteInfo> outside_table() const;

    bool runs_inline(Request const& request) const override;
    std::optional<Response> dispatch_inline(Request& request) override;
    Response dispatch(Request&& request) override;

private:
    using Endpoint = std::function<Response(Request const&, Admitted const&)>;
    struct State;

    template <class H>
    static void refuse_unguarded() {
        static_assert(detail::never<H>,
                      "a route needs a guard before its handler: require_login, or open_to_all(\"why\")");
    }

    template <class G, class H>
    void route(Method method, std::string_view pattern, G const& guard, H handler, RouteOptions options,
               std::source_location where) {
        constexpr auto hears = detail::hears<H, Request const&>();
        if constexpr (detail::proved<G, hears>()) {
            mount(method, pattern, guard.demand(), endpoint<hears>(std::move(handler)), hears == detail::Hears::visitor,
                  std::move(options), where);
        }
    }

    template <detail::Hears hears, class H>
    static Endpoint endpoint(H handler) {
        return [handler = std::move(handler)](Request const& request, Admitted const& admitted) -> Response {
            return detail::answer(request, detail::call<hears>(handler, admitted, request));
        };
    }

    void mount(Method method, std::string_view pattern, Demand demand, Endpoint endpoint, bool wants_visitor,
               RouteOptions options, std::source_location where);
    std::size_t mount_outside(std::string_view name, Demand demand, bool wants_visitor, RouteOptions options,
                              std::source_location where);
    Response dispatch_outside(Request&& request, std::size_t index, Endpoint const& handler);

    std::unique_ptr<State> state_;
};

}  // namespace zephyr::http
