// Refuses what another site makes a browser send with our cookies.
//
// For methods other than GET, HEAD and OPTIONS, unless the route says why it is exempt or a bearer token decides alone:
//   1. Sec-Fetch-Site, when present, must be same-origin. `none`, which a person's own navigation carries, is for safe
//   methods only.
//   2. Without it, Origin must equal the issuer's; `null` is refused.
//   3. With neither, only a body of application/json passes: no form and no simple cross-site request can have one.
//   4. A form body (urlencoded, multipart, text/plain) always carries the token too: field `csrf_token` or header
//   X-CSRF-Token.
// The method is the request line's: no header or field overrides it. Sign-in and sign-up are covered like the rest.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/foundation/log.h"
#include "zephyr/http/csrf_tokens.h"
#include "zephyr/http/middleware.h"

namespace zephyr::middleware {

inline constexpr std::string_view csrf_field = "csrf_token";
inline constexpr std::string_view csrf_header = "X-CSRF-Token";

// `issuer_origin` is "https://id.example.com": scheme, host and port (unless the scheme's own), no path. Throws Fault
// when it is not. For a client that wants pages it sets request.csrf_token and, when the browser has no cookie to bind
// it to, a visitor cookie.
http::Middleware csrf(http::CsrfTokens& tokens, std::string issuer_origin, Log& log);

}  // namespace zephyr::middleware
