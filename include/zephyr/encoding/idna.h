// Host names with other letters than ASCII's, in the one form that DNS, browsers and Host headers use.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zephyr::encoding {

// "Bücher.example" is "xn--bcher-kva.example": UTS #46 without transitional processing, as browsers do it (WHATWG URL 3.3),
// lower case. Nothing for what no browser would look up: an A-label that encodes nothing or something that is not mapped
// to itself, a label with joiners or of mixed direction that UTS #46 refuses, more than 253 bytes.
std::optional<std::string> ascii_domain(std::string_view name);

}  // namespace zephyr::encoding
