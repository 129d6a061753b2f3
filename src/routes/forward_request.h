// What a proxy says about a request it asks about. Three families of headers are understood; exactly one may be there:
//
//   X-Forwarded-{Proto,Host,Uri,Method}   Caddy, Traefik, our HAProxy script
//   X-Original-URL, X-Original-Method     nginx
//   ?path=…, Host, the request's method   Envoy, whose ext_authz puts the path behind a prefix
//
// A client's own headers of these names reach us too when a proxy does not drop them. Two families at once therefore refuse: one
// of them is the client's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "zephyr/encoding/url.h"
#include "zephyr/forward/rule_book.h"
#include "zephyr/foundation/result.h"
#include "zephyr/http/request.h"
#include "zephyr/http/trusted_proxies.h"

namespace zephyr::routes {

struct Asked {
    encoding::Origin origin;       // as the client used it
    std::string target;            // path and query, as received
    bool safe = false;             // GET or HEAD: a browser may be led away from it and back
    bool passes_redirects = true;  // false for nginx's auth_request, which knows 2xx, 401 and 403
};

// Nothing a request says is worth anything until its peer is known to be one of ours. Fails with forward.proxy_untrusted.
Result<void> check_proxy(http::Request const& request, http::TrustedProxies const& proxies);

// What it says, believed or not; `rules` know the hosts that it is likely to be about. Fails with forward.request_unknown or
// request_ambiguous.
Result<Asked> read_asked(http::Request const& request, forward::RuleBook const& rules);

// The path of a target, decoded as the URL firewall does it, the one judge of paths in this house. Nothing for what it refuses; a
// query is the application's own matter.
std::optional<std::string> readable_path(std::string_view target);

// The host that a page under /auth/forward/ was called at. Fails with request_unknown.
Result<encoding::Origin> read_origin(http::Request const& request);

// Is somebody looking at the answer, rather than a script or an image tag?
bool navigates(http::Request const& request);

}  // namespace zephyr::routes
