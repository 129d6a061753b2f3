// Guards: what a route demands, as data. Decided by a GuardJudge (guards::Gatekeeper), printed by `zephyr routes`.
//
//   require_login | require_mfa | require_role("admin")     all, left to right; the first refusal answers
//   require_login | any_of(require_role("a"), require_role("b"))   at least one
//
// `|` reads "and then". `||` and `&&` do not compile. A guard proves things to the compiler: a handler that takes a
// Principal compiles only behind a guard that proves one.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "zephyr/foundation/result.h"
#include "zephyr/http/principal.h"
#include "zephyr/http/response.h"

namespace zephyr::http {

// One demand. `all` and `any` hold children; the others stand for themselves.
struct Demand {
    enum class What { all, any, open, session, login, mfa, role, permission, factor, custom };
    What what = What::all;
    std::string name;                // role, permission, factor, rule or the reason a route is open
    std::chrono::seconds within{0};  // freshness for mfa and factor; 0: any age
    std::vector<Demand> children;

    // The words of the access matrix: "login | mfa | role(admin)", "session", "open (load balancers probe it)",
    // "login | any_of(role(admin), role(auditor))", "factor(pwd, 300s)", "mfa(43200s)", "permission(users.write)",
    // "rule(name)".
    std::string print() const;
};

// What passing a guard proves, as bits: a Principal is also a SessionHolder.
enum class Proves : unsigned { nothing = 0, session = 1, principal = 3 };
constexpr Proves operator|(Proves a, Proves b) {
    return static_cast<Proves>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Proves operator&(Proves a, Proves b) {
    return static_cast<Proves>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr bool includes(Proves all, Proves wanted) {
    return (all & wanted) == wanted;
}

namespace detail {
struct GuardMaker;
}

// A demand, and in its type what it proves. Made by the functions below only.
template <Proves P>
class Guard {
public:
    static constexpr Proves proves = P;
    Demand const& demand() const { return demand_; }

private:
    friend struct detail::GuardMaker;
    explicit Guard(Demand demand) : demand_{std::move(demand)} {}
    Demand demand_;
};

// A demand without arguments, made at compile time: require_login and its like.
template <Proves P, Demand::What W>
struct GuardTag {
    static constexpr Proves proves = P;
    Demand demand() const { return Demand{W, {}, {}, {}}; }
};

// Stands alone: neither `|` nor any_of accepts it.
class OpenGuard {
public:
    static constexpr Proves proves = Proves::nothing;
    Demand const& demand() const { return demand_; }

private:
    friend struct detail::GuardMaker;
    explicit OpenGuard(Demand demand) : demand_{std::move(demand)} {}
    Demand demand_;
};

namespace detail {
// Rooms above http make guards of their own kinds with this; a route file never does.
struct GuardMaker {
    template <Proves P>
    static Guard<P> make(Demand demand) {
        return Guard<P>{std::move(demand)};
    }
    static OpenGuard open(std::string_view reason) {
        return OpenGuard{Demand{Demand::What::open, std::string{reason}, {}, {}}};
    }
};
template <class T>
struct IsGuard : std::false_type {};
template <Proves P>
struct IsGuard<Guard<P>> : std::true_type {};
template <Proves P, Demand::What W>
struct IsGuard<GuardTag<P, W>> : std::true_type {};
template <class T>
inline constexpr bool never = false;
// Both Throw Fault for an empty name or one with blanks, control characters, '|', ',', '(' or ')'.
Demand named(Demand::What what, std::string_view name, std::chrono::seconds within = std::chrono::seconds{0});
Demand both(Demand left, Demand right);
// Not constexpr on purpose: reached at compile time it stops the compiler, and its name is the message.
void an_open_route_must_say_why_at_some_length();
}  // namespace detail

// Guards that `|` and any_of take; and what a route takes.
template <class T>
concept CombinableGuard = detail::IsGuard<T>::value;
template <class T>
concept AnyGuard = CombinableGuard<T> || std::is_same_v<T, OpenGuard>;

// Someone who has proved every demanded factor. Proves a Principal.
inline constexpr GuardTag<Proves::principal, Demand::What::login> require_login;
// Someone with a session, even a pending sign-in. Proves a SessionHolder. For factor routes and logout.
inline constexpr GuardTag<Proves::session, Demand::What::session> require_session;
// A second factor proved in this session, at any time. Like the ones below it says nothing about who: put require_login
// before it.
inline constexpr GuardTag<Proves::nothing, Demand::What::mfa> require_mfa;

inline Guard<Proves::nothing> require_mfa_within(std::chrono::seconds within) {
    return detail::GuardMaker::make<Proves::nothing>(detail::named(Demand::What::mfa, "mfa", within));
}
inline Guard<Proves::nothing> require_role(std::string_view role) {
    return detail::GuardMaker::make<Proves::nothing>(detail::named(Demand::What::role, role));
}
inline Guard<Proves::nothing> require_permission(std::string_view permission) {
    return detail::GuardMaker::make<Proves::nothing>(detail::named(Demand::What::permission, permission));
}
// A factor ("pwd", "otp": RFC 8176 names) proved at most `within` ago; without `within`, at any time in this session.
inline Guard<Proves::nothing> require_factor(std::string_view factor,
                                             std::chrono::seconds within = std::chrono::seconds{0}) {
    return detail::GuardMaker::make<Proves::nothing>(detail::named(Demand::What::factor, factor, within));
}
// A rule registered with the judge by that name. App throws Fault at start when the judge does not know it.
inline Guard<Proves::nothing> require(std::string_view rule) {
    return detail::GuardMaker::make<Proves::nothing>(detail::named(Demand::What::custom, rule));
}

// Why a route is open: a literal of at least ten characters, checked by the compiler.
class Reason {
public:
    template <std::size_t N>
    consteval Reason(char const (&text)[N]) : text_{text, N - 1} {
        std::size_t letters = 0;
        for (char const c : text_) letters += c > ' ';
        if (letters < 8) detail::an_open_route_must_say_why_at_some_length();
    }
    constexpr std::string_view text() const { return text_; }

private:
    std::string_view text_;
};
// Anybody may pass, and this is why. The reason stands in the route table.
inline OpenGuard open_to_all(Reason reason) {
    return detail::GuardMaker::open(reason.text());
}

// "And then": both must pass, the left one first. Proves the union.
template <class A, class B>
    requires(AnyGuard<A> || AnyGuard<B>)
auto operator|(A const& left, B const& right) {
    static_assert(!std::is_same_v<A, OpenGuard> && !std::is_same_v<B, OpenGuard>,
                  "an open route demands nothing: open_to_all stands alone");
    static_assert(CombinableGuard<A> && CombinableGuard<B>, "`|` joins two guards");
    return detail::GuardMaker::make<A::proves | B::proves>(detail::both(left.demand(), right.demand()));
}
template <class A, class B>
    requires(AnyGuard<A> || AnyGuard<B>)
void operator||(A const&, B const&) {
    static_assert(detail::never<A>, "guards have no ||: write any_of(a, b) for alternatives, a | b for both");
}
template <class A, class B>
    requires(AnyGuard<A> || AnyGuard<B>)
void operator&&(A const&, B const&) {
    static_assert(detail::never<A>, "guards have no &&: write a | b for both");
}

// At least one must pass, tried left to right. Proves only what all of them prove.
template <class... G>
auto any_of(G const&... guards) {
    static_assert(sizeof...(G) > 0, "any_of needs at least one guard: an empty choice would refuse everybody");
    static_assert((CombinableGuard<G> && ...),
                  "any_of takes guards, and open_to_all is no alternative: it would open the route");
    constexpr Proves common = (Proves::principal & ... & G::proves);
    return detail::GuardMaker::make<common>(Demand{Demand::What::any, {}, {}, {guards.demand()...}});
}

// What a judge answers. Refusals are ready-made responses so that challenges (WWW-Authenticate, RFC 9470) stay with the
// judge.
struct Admitted {
    std::optional<SessionHolder> holder;  // absent behind an open guard
    bool principal = false;               // the holder has proved every demanded factor
};
using Decision = std::variant<Admitted, Response>;

// Decides demands. Must refuse whatever it does not know, and an `all` or `any` without children.
// mfa, role, permission and factor speak about the session's holder: without one they answer 401.
class GuardJudge {
public:
    virtual ~GuardJudge() = default;
    virtual Decision judge(Demand const& demand, Request const& request) = 0;
    // Who this is, if anybody, for open pages that look different when signed in. Decides nothing. Asked only for
    // handlers that take `std::optional<SessionHolder> const&`.
    virtual std::optional<SessionHolder> visitor(Request const& request) = 0;
    // Whether require("rule") names a rule of this judge.
    virtual bool knows_rule(std::string_view) const { return false; }
};

}  // namespace zephyr::http
