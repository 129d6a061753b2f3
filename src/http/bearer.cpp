#include "zephyr/http/bearer.h"

#include <algorithm>

#include "http/characters.h"
#include "zephyr/foundation/text.h"

namespace zephyr::http {

namespace {

constexpr std::string_view scheme = "Bearer";

// RFC 6750 2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
bool is_b64token(std::string_view text) {
    auto const end = text.find_last_not_of('=');
    if (end == std::string_view::npos) return false;
    for (char const c : text.substr(0, end + 1)) {
        if (!detail::is_alnum(c) && std::string_view{"-._~+/"}.find(c) == std::string_view::npos) return false;
    }
    return true;
}

// RFC 9110 11.1: "It uses a case-insensitive token to identify the authentication scheme".
bool names_scheme(std::string_view value) {
    if (!equals_ignoring_case(value.substr(0, scheme.size()), scheme)) return false;
    return value.size() == scheme.size() || value[scheme.size()] == ' ' || value[scheme.size()] == '\t' || value[scheme.size()] == ',';
}

}  // namespace

BearerCredentials bearer_credentials(Request const& request) {
    using Form = BearerCredentials::Form;
    auto const count = request.headers.count("Authorization");
    if (count == 0) return {};
    // The firewall refuses a second one; whoever asks without it must not take the first.
    if (count > 1) return {Form::malformed, {}};
    auto const value = trim(*request.headers.get("Authorization"));
    if (!names_scheme(value)) return {};
    auto const behind = value.substr(scheme.size());
    // RFC 6750 2.1: credentials = "Bearer" 1*SP b64token
    auto const token = behind.substr(std::min(behind.find_first_not_of(' '), behind.size()));
    if (!is_b64token(token)) return {Form::malformed, {}};
    return {Form::present, token};
}

}  // namespace zephyr::http
