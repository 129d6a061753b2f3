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

struct RouteOptions {
    bool run_inline = false;  // only reads memory: the porch's loop runs it without a worker
    std::string csrf_exempt_reason =
        {};                       // set: CSRF rules do not apply, and this is why (clients with tokens, not cookies)
    std::string rate_class = {};  // class of the rate limiter; empty: the default one
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

    // "POST /auth/mfa/totp/setup  login", and "  csrf exempt (reason)" where one is.
    std::string print() const;
};

namespace detail {
// Who a handler hears about, beside the request.
enum class Hears { nobody, visitor, holder, principal, wrong };

template <class H>
consteval Hears hears() {
    if constexpr (std::is_invocable_v<H const&, Request const&, std::nullopt_t>)
        return Hears::visitor;
    else if constexpr (std::is_invocable_v<H const&, Request const&>)
        return Hears::nobody;
    else if constexpr (std::is_invocable_v<H const&, Request const&, SessionHolder const&>)
        return Hears::holder;
    else if constexpr (std::is_invocable_v<H const&, Request const&, Principal const&>)
        return Hears::principal;
    else
        return Hears::wrong;
}

Response answer(Request const& request, Response response);
Response answer(Request const& request, Result<Response> result);
SessionHolder const& holder_of(Admitted const& admitted);  // throws Fault when the judge broke its word
Principal principal_of(Admitted const& admitted);
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

    // Wraps everything, 404s and refusals too. The first one added is the outermost.
    void use(Middleware middleware);
    // Whose forwarding headers count. Without it: nobody's.
    void trust(TrustedProxies proxies);
    // Renders a problem as a page for a client that wants HTML. Body and headers come from the page; status and the
    // headers that middleware set (unless the page sets them too) stay.
    void on_problem(ProblemPage page);

    // The route table in the order of mounting.
    std::vector<RouteInfo> table() const;

    bool runs_inline(Request const& request) const override;
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
        static_assert(AnyGuard<G>, "a route needs a guard before its handler: require_login, or open_to_all(\"why\")");
        constexpr auto hears = detail::hears<H>();
        static_assert(hears != detail::Hears::wrong,
                      "a handler takes (Request const&), and then maybe SessionHolder const&, Principal const& or "
                      "std::optional<SessionHolder> const&");
        if constexpr (AnyGuard<G> && hears != detail::Hears::wrong) {
            static_assert(hears != detail::Hears::principal || includes(G::proves, Proves::principal),
                          "this handler takes a Principal, so its guard must prove one: add require_login");
            static_assert(hears != detail::Hears::holder || includes(G::proves, Proves::session),
                          "this handler takes a SessionHolder, so its guard must prove one: add require_session or "
                          "require_login");
            mount(method, pattern, guard.demand(), endpoint<hears>(std::move(handler)), hears == detail::Hears::visitor,
                  std::move(options), where);
        }
    }

    template <detail::Hears hears, class H>
    static Endpoint endpoint(H handler) {
        return [handler = std::move(handler)](Request const& request, Admitted const& admitted) -> Response {
            if constexpr (hears == detail::Hears::nobody)
                return detail::answer(request, handler(request));
            else if constexpr (hears == detail::Hears::visitor)
                return detail::answer(request, handler(request, admitted.holder));
            else if constexpr (hears == detail::Hears::holder)
                return detail::answer(request, handler(request, detail::holder_of(admitted)));
            else
                return detail::answer(request, handler(request, detail::principal_of(admitted)));
        };
    }

    void mount(Method method, std::string_view pattern, Demand demand, Endpoint endpoint, bool wants_visitor,
               RouteOptions options, std::source_location where);

    std::unique_ptr<State> state_;
};

}  // namespace zephyr::http
