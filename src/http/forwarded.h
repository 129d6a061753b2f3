// The Forwarded header (RFC 7239 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zephyr::http::detail {

struct ForwardedElement {
    std::string for_node;
    std::string proto;
    std::string host;
};

// In header order. Nothing for anything outside the grammar, a parameter given twice in one element, or more than 50
// elements.
std::optional<std::vector<ForwardedElement>> parse_forwarded(std::string_view header);

}  // namespace zephyr::http::detail
