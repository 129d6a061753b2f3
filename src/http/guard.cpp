#include "zephyr/http/guard.h"

#include <algorithm>

#include "zephyr/foundation/fault.h"

namespace zephyr::http {

namespace {

std::string with_age(std::string_view word, std::string_view name, std::chrono::seconds within) {
    std::string out{word};
    std::string inside{name};
    if (within.count() > 0) inside += (inside.empty() ? "" : ", ") + std::to_string(within.count()) + "s";
    return inside.empty() ? out : out + "(" + inside + ")";
}

std::string print_children(std::vector<Demand> const& children, std::string_view separator) {
    std::string out;
    for (auto const& child : children) {
        if (!out.empty()) out += separator;
        out += child.print();
    }
    return out;
}

}  // namespace

std::string Demand::print() const {
    switch (what) {
        case What::all: return children.empty() ? "nothing" : print_children(children, " | ");
        case What::any: return "any_of(" + print_children(children, ", ") + ")";
        case What::open: return "open (" + name + ")";
        case What::session: return "session";
        case What::login: return "login";
        case What::mfa: return with_age("mfa", "", within);
        case What::role: return "role(" + name + ")";
        case What::permission: return "permission(" + name + ")";
        case What::factor: return with_age("factor", name, within);
        case What::custom: return "rule(" + name + ")";
    }
    return "nothing";
}

namespace detail {

Demand named(Demand::What what, std::string_view name, std::chrono::seconds within) {
    bool const clean = std::all_of(name.begin(), name.end(), [](char c) {
        return c > ' ' && c != 0x7f && std::string_view{"|,()"}.find(c) == std::string_view::npos;
    });
    if (name.empty() || !clean)
        throw Fault{"a guard's name is empty or holds a character of the route table: \"" + std::string{name} + "\""};
    if (within < std::chrono::seconds{0}) throw Fault{"a guard's freshness is negative"};
    bool const nameless = what == Demand::What::mfa;
    if (nameless && within.count() == 0) throw Fault{"require_mfa_within needs a time: require_mfa accepts any age"};
    return Demand{what, nameless ? std::string{} : std::string{name}, within, {}};
}

Demand both(Demand left, Demand right) {
    Demand all{Demand::What::all, {}, {}, {}};
    for (auto* side : {&left, &right}) {
        if (side->what == Demand::What::all) {
            all.children.insert(all.children.end(), side->children.begin(), side->children.end());
        } else {
            all.children.push_back(std::move(*side));
        }
    }
    return all;
}

void an_open_route_must_say_why_at_some_length() {
    throw Fault{"an open route must say why"};
}

}  // namespace detail

}  // namespace zephyr::http
