// Tokens that a form must carry, bound to the browser that got the form.
//
// token = mask || (mask xor HMAC-SHA-256(key, binding)), fresh mask per token (BREACH). The binding is the session
// cookie's value, or before sign-in that of a random visitor cookie: checking needs no store, and a token dies with its
// session.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/http/request.h"
#include "zephyr/http/response.h"

namespace zephyr::http {

namespace errors {
// A form came without its token, or with two.
inline constexpr Failure csrf_token_missing{Kind::denied, "csrf.token_missing"};
// The token belongs to another session, or is none of ours: load the page again.
inline constexpr Failure csrf_token_wrong{Kind::denied, "csrf.token_wrong"};
// Another site made the browser send this.
inline constexpr Failure csrf_cross_site{Kind::denied, "csrf.cross_site"};
// Neither Sec-Fetch-Site nor Origin, and the body is no application/json.
inline constexpr Failure csrf_origin_missing{Kind::denied, "csrf.origin_missing"};
}  // namespace errors

struct CsrfCookies {
    std::string session = "__Host-zephyr_session";
    std::string visitor = "__Host-zephyr_visitor";
    bool secure = true;
};

class CsrfTokens {
public:
    // `key` comes from Sealer::derive("csrf tokens"), at least 32 bytes; throws Fault when shorter.
    CsrfTokens(SecretBytes key, Random& random, CsrfCookies cookies = {});

    struct Issued {
        std::string token;             // base64url, 86 characters
        std::optional<Cookie> cookie;  // to be set with the answer when the browser has neither cookie
    };
    Issued issue(Request const& request);
    // Fails with csrf_token_missing or csrf_token_wrong. Constant time in the token's content.
    Result<void> check(Request const& request, std::string_view token) const;

private:
    std::optional<std::string> binding(Request const& request) const;
    Bytes mac(std::string_view binding) const;

    SecretBytes key_;
    Random& random_;
    CsrfCookies cookies_;
};

}  // namespace zephyr::http
