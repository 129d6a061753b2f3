#include "routes/forward_request.h"

#include <array>

#include "zephyr/forward/errors.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::routes {

namespace errors = forward::errors;
using http::Request;

namespace {

constexpr std::string_view envoy_prefix = "/auth/forward?path=";

enum class Family { x_forwarded, x_original, target };

// The value of a header that must stand exactly once, and say something.
Result<std::string_view> only(Request const& request, std::string_view name) {
    auto const count = request.headers.count(name);
    if (count == 0) return Error{errors::request_unknown, std::string{name}};
    if (count > 1) return Error{errors::request_ambiguous, std::string{name}};
    auto const value = trim(*request.headers.get(name));
    if (value.empty()) return Error{errors::request_unknown, std::string{name}};
    return value;
}

Result<Family> family_of(Request const& request) {
    auto const& headers = request.headers;
    std::array<bool, 3> const there{headers.count("X-Forwarded-Uri") + headers.count("X-Forwarded-Method") > 0,
                                    headers.count("X-Original-URL") + headers.count("X-Original-Method") > 0,
                                    request.target.starts_with(envoy_prefix)};
    if (there[0] + there[1] + there[2] > 1) return Error{errors::request_ambiguous, "two families"};
    if (there[0]) return Family::x_forwarded;
    if (there[1]) return Family::x_original;
    if (there[2]) return Family::target;
    return Error{errors::request_unknown, "no family"};
}

Result<Asked> make(forward::RuleBook const& rules, std::string_view scheme, std::string_view authority,
                   std::string_view target, std::string_view method) {
    auto origin = rules.origin_of(scheme, authority);
    if (!origin) return Error{errors::request_unknown, "host"};
    return Asked{
        .origin = *std::move(origin), .target = std::string{target}, .safe = method == "GET" || method == "HEAD"};
}

Result<Asked> read_x_forwarded(Request const& request, forward::RuleBook const& rules) {
    ZEPHYR_TRY(auto const scheme, only(request, "X-Forwarded-Proto"));
    ZEPHYR_TRY(auto const host, only(request, "X-Forwarded-Host"));
    ZEPHYR_TRY(auto const target, only(request, "X-Forwarded-Uri"));
    ZEPHYR_TRY(auto const method, only(request, "X-Forwarded-Method"));
    return make(rules, scheme, host, target, method);
}

Result<Asked> read_x_original(Request const& request, forward::RuleBook const& rules) {
    ZEPHYR_TRY(auto const url, only(request, "X-Original-URL"));
    ZEPHYR_TRY(auto const method, only(request, "X-Original-Method"));
    auto const scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return Error{errors::request_unknown, "X-Original-URL"};
    auto const rest = url.substr(scheme_end + 3);
    auto const slash = rest.find('/');
    if (slash == std::string_view::npos) return Error{errors::request_unknown, "X-Original-URL"};
    ZEPHYR_TRY(auto asked, make(rules, url.substr(0, scheme_end), rest.substr(0, slash), rest.substr(slash), method));
    asked.passes_redirects = false;
    return asked;
}

// Envoy hands Host on as it came. A client's X-Forwarded-Host must not stand in for it.
Result<Asked> read_target(Request const& request, forward::RuleBook const& rules) {
    ZEPHYR_TRY(auto const scheme, only(request, "X-Forwarded-Proto"));
    ZEPHYR_TRY(auto const host, only(request, "Host"));
    if (request.headers.count("X-Forwarded-Host") > 0) return Error{errors::request_ambiguous, "X-Forwarded-Host"};
    return make(rules, scheme, host, std::string_view{request.target}.substr(envoy_prefix.size()),
                to_string(request.method));
}

}  // namespace

std::optional<std::string> readable_path(std::string_view target) {
    auto checked = http::check_target(target.substr(0, target.find('?')));
    if (!checked.ok()) return std::nullopt;
    return std::move(checked).value().path;
}

Result<void> check_proxy(Request const& request, http::TrustedProxies const& proxies) {
    return proxies.trusts(request.peer_address) ? success() : Result<void>{errors::proxy_untrusted};
}

Result<Asked> read_asked(Request const& request, forward::RuleBook const& rules) {
    ZEPHYR_TRY(auto const family, family_of(request));
    switch (family) {
        case Family::x_forwarded: return read_x_forwarded(request, rules);
        case Family::x_original: return read_x_original(request, rules);
        case Family::target: return read_target(request, rules);
    }
    return errors::request_unknown;
}

Result<encoding::Origin> read_origin(Request const& request) {
    auto origin = forward::origin_of(request.scheme, request.host);
    if (!origin) return Error{errors::request_unknown, "host"};
    return *std::move(origin);
}

bool navigates(Request const& request) {
    if (!request.wants_html()) return false;
    auto const mode = request.headers.get("Sec-Fetch-Mode");
    return !mode || *mode == "navigate";
}

}  // namespace zephyr::routes
