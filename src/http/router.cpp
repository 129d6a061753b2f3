#include "http/router.h"

#include <algorithm>
#include <set>

#include "http/characters.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::http::detail {

namespace {

bool is_parameter(std::string_view segment) {
    return segment.starts_with('{');
}

std::string_view parameter_name(std::string_view segment) {
    return segment.substr(1, segment.size() - 2);
}

bool is_good_parameter(std::string_view segment) {
    if (!segment.ends_with('}') || segment.size() < 3) return false;
    auto const name = parameter_name(segment);
    return name.front() >= 'a' && name.front() <= 'z' && std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
           });
}

bool is_good_literal(std::string_view segment) {
    return !segment.empty() && segment != "." && segment != ".." &&
           std::all_of(segment.begin(), segment.end(), [](char c) {
               return is_alnum(c) || std::string_view{"-._~"}.find(c) != std::string_view::npos;
           });
}

// "/users/7" -> "users"
std::string_view first_segment(std::string_view path) {
    return path.substr(1, path.find('/', 1) - 1);
}

// "/users/{id}" -> {"users", "{id}"}; "/" -> {""}.
std::vector<std::string> cut(std::string_view pattern) {
    auto const fault = [&](std::string_view why) {
        return Fault{"route \"" + std::string{pattern} + "\": " + std::string{why}};
    };
    if (!pattern.starts_with('/')) throw fault("a pattern begins with '/'");
    std::vector<std::string> out;
    std::set<std::string_view> names;
    for (auto const segment : split(pattern.substr(1), '/')) {
        bool const good =
            pattern == "/" || (is_parameter(segment) ? is_good_parameter(segment) : is_good_literal(segment));
        if (!good) throw fault("segment \"" + std::string{segment} + "\" is neither a literal nor a {name}");
        if (is_parameter(segment) && !names.insert(segment).second) throw fault("one name stands twice");
        out.emplace_back(segment);
    }
    return out;
}

// Whether some path matches both and neither is more specific: one has a literal where the other has a name, and the
// other way round elsewhere; or they differ in nothing but the names.
bool ambiguous(std::vector<std::string> const& a, std::vector<std::string> const& b) {
    if (a.size() != b.size()) return false;
    bool a_narrower = false;
    bool b_narrower = false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        bool const a_names = is_parameter(a[i]);
        bool const b_names = is_parameter(b[i]);
        if (!a_names && !b_names && a[i] != b[i]) return false;
        a_narrower = a_narrower || (!a_names && b_names);
        b_narrower = b_narrower || (a_names && !b_names);
    }
    return a_narrower == b_narrower;
}

}  // namespace

struct Router::Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::string pattern;                                  // of the route that ends here
    std::vector<std::string> segments;                    // the pattern's
    std::vector<std::pair<Method, std::size_t>> methods;  // empty: none ends here
};

Router::Router() : root_{std::make_unique<Node>()} {}
Router::~Router() = default;

void Router::add(Method method, std::string_view pattern, std::size_t index) {
    auto segments = cut(pattern);
    if (std::find(patterns_.begin(), patterns_.end(), segments) == patterns_.end()) {
        for (auto const& other : patterns_) {
            if (ambiguous(segments, other)) {
                throw Fault{"routes \"" + std::string{pattern} + "\" and \"/" + join(other, "/") +
                            "\" match the same paths"};
            }
        }
        patterns_.push_back(segments);
    }
    auto* node = root_.get();
    for (auto const& segment : segments) {
        auto& child = is_parameter(segment) ? node->parameter : node->literals[segment];
        if (!child) child = std::make_unique<Node>();
        node = child.get();
    }
    for (auto const& [known, unused] : node->methods) {
        if (known == method)
            throw Fault{"route \"" + std::string{to_string(method)} + " " + std::string{pattern} + "\" stands twice"};
    }
    node->pattern = pattern;
    node->segments = std::move(segments);
    node->methods.emplace_back(method, index);
}

// A literal first; where it leads nowhere, the name. add() has made sure that the first route found is the only or the
// most specific one.
// `rest` is what stands behind this node: nothing, or '/' and at least one segment, which may be empty.
Router::Node const* Router::descend(Node const& node, std::string_view rest) const {
    if (rest.empty()) return node.methods.empty() ? nullptr : &node;
    auto const segment = first_segment(rest);
    rest.remove_prefix(1 + segment.size());
    if (auto const literal = node.literals.find(segment); literal != node.literals.end()) {
        if (auto const* found = descend(*literal->second, rest)) return found;
    }
    if (!node.parameter || segment.empty()) return nullptr;
    return descend(*node.parameter, rest);
}

Router::Match Router::match(std::string_view path) const {
    Match match;
    if (!path.starts_with('/')) return match;
    auto const* node = descend(*root_, path);
    if (node == nullptr) return match;
    match.pattern = &node->pattern;
    match.methods = &node->methods;
    for (auto const& wanted : node->segments) {
        auto const segment = first_segment(path);
        path.remove_prefix(1 + segment.size());
        if (is_parameter(wanted)) match.parameters.emplace(parameter_name(wanted), segment);
    }
    return match;
}

std::size_t const* Router::Match::find(Method method) const {
    if (methods == nullptr) return nullptr;
    auto const wanted = method == Method::head ? Method::get : method;
    for (auto const& [known, index] : *methods) {
        if (known == wanted) return &index;
    }
    return nullptr;
}

std::string Router::Match::allow() const {
    std::set<std::string> names{"OPTIONS"};
    for (auto const& [method, unused] : *methods) {
        names.emplace(to_string(method));
        if (method == Method::get) names.emplace("HEAD");
    }
    return join({names.begin(), names.end()}, ", ");
}

}  // namespace zephyr::http::detail
