// Which route a path means. Knows nothing of guards: it returns the index that App filed the route under.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/http/request.h"

namespace zephyr::http::detail {

class Router {
public:
    Router();
    ~Router();

    // Throws Fault for a malformed pattern, a method that pattern has already, or a pattern that some path would match
    // together with another without either being the more specific one.
    void add(Method method, std::string_view pattern, std::size_t index);

    struct Match {
        std::string const* pattern = nullptr;  // null: no route has this path
        std::vector<std::pair<Method, std::size_t>> const* methods = nullptr;
        std::map<std::string, std::string, std::less<>> parameters;

        // The index for the method, GET's for HEAD; nothing when the path has no such method.
        std::size_t const* find(Method method) const;
        // "GET, HEAD, OPTIONS, POST", for Allow.
        std::string allow() const;
    };
    // The path must have passed the URL firewall.
    Match match(std::string_view path) const;

private:
    struct Node;
    Node const* descend(Node const& node, std::string_view rest) const;

    std::unique_ptr<Node> root_;
    std::vector<std::vector<std::string>> patterns_;  // distinct ones, cut at '/'
};

}  // namespace zephyr::http::detail
