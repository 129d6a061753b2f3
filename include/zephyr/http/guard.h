// Guards: what a route demands, as data. Decided by a GuardJudge (guards::Gatekeeper), printed by `zephyr routes`.
//
//   require_login | require_mfa | require_role("admin")     all, left to right; the first refusal answers
//   require_login | any_of(require_role("a"), require_role("b"))   at least one
//
// `|` reads "and then". `||` and `&&` do not compile. A guard proves things to the compiler: a handler that takes a Principal
// compiles only behind a guard that proves one.
#pragma once

#include <chrono>
#include <memory>
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

    // "login | mfa | role(admin)", "open (load balancers probe it)": the words of the access matrix.
    std::string print() const;
};

// What passing a guard proves, as bits: a Principal is also a SessionHolder.
enum class Proves : unsigned { nothing = 0, session = 1, principal = 3 };

template <Proves P>
struct Guard {
    static constexpr Proves proves = P;
    Demand demand;
};

// --- the rest is declared by the http room: require_login, require_session, require_mfa, require_role, require_permission,
// require_factor, require (custom rule), any_of, open_to_all; operator|; deleted operator|| and operator&&.

// What a judge answers. Refusals are ready-made responses so that challenges (WWW-Authenticate, RFC 9470) stay with the judge.
struct Admitted {
    std::optional<SessionHolder> holder;  // absent behind an open guard without a session
    bool principal = false;
};
using Decision = std::variant<Admitted, Response>;

class GuardJudge {
public:
    virtual ~GuardJudge() = default;
    virtual Decision judge(Demand const& demand, Request const& request) = 0;
};

}  // namespace zephyr::http
