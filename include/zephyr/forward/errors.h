// Why somebody who asks through a proxy is refused. All of them are 403 but the first three below the line: nginx's
// auth_request passes 401 and 403 on and takes every other status for a fault of its own.
#pragma once

#include "zephyr/foundation/result.h"

namespace zephyr::forward::errors {

// A line of forward_auth.rules cannot be read. The reason quotes it.
inline constexpr Failure rule_malformed{Kind::invalid, "forward.rule_malformed"};

// The one who asks is not among server.trusted_proxies, so nothing it says about a request is believed.
inline constexpr Failure proxy_untrusted{Kind::denied, "forward.proxy_untrusted"};
// The proxy does not say which request it asks about, or says it in a way nobody can read.
inline constexpr Failure request_unknown{Kind::denied, "forward.request_unknown"};
// A header that names the request stands twice, or two families of headers name one each: the client sent one of them.
inline constexpr Failure request_ambiguous{Kind::denied, "forward.request_ambiguous"};
// No rule names this host.
inline constexpr Failure host_unlisted{Kind::denied, "forward.host_unlisted"};
// The host has rules, none of them for this path.
inline constexpr Failure path_unlisted{Kind::denied, "forward.path_unlisted"};
// The path could be read in two ways, and the host's rules depend on it.
inline constexpr Failure path_ambiguous{Kind::denied, "forward.path_ambiguous"};
// People sign in over https here; over http their cookie would travel readable.
inline constexpr Failure https_required{Kind::denied, "forward.https_required"};
// The person's groups and roles do not fit into headers.
inline constexpr Failure identity_too_large{Kind::denied, "forward.identity_too_large"};
// The link from a protected host is damaged or too old: open the page again.
inline constexpr Failure link_stale{Kind::denied, "forward.link_stale"};
// The one-time ticket was used, ran out, never was, belongs to another host, or another browser began. One answer for all.
inline constexpr Failure ticket_refused{Kind::denied, "forward.ticket_refused"};
// No sign-in at this host stands behind the cookie.
inline constexpr Failure no_session{Kind::unauthenticated, "forward.no_session"};

}  // namespace zephyr::forward::errors
