// A response as plain values, and cookies with safe defaults.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/result.h"
#include "zephyr/http/request.h"

namespace zephyr::http {

struct Cookie {
    std::string name;
    std::string value;
    std::string path = "/";
    bool secure = true;
    bool http_only = true;
    std::string same_site = "Lax";
    std::optional<std::chrono::seconds> max_age = std::nullopt;  // absent: until the browser closes; zero: delete

    // The Set-Cookie value. Throws Fault when a part holds a character no cookie may, SameSite is no known word,
    // SameSite=None lacks Secure, or the __Host- and __Secure- rules are broken (RFC 6265bis 4.1.3: Secure; for __Host-
    // Path=/ too).
    std::string header() const;
};

struct Response {
    int status = 200;
    Headers headers;
    std::string body;

    static Response json(int status, encoding::Json const& value);
    static Response text(int status, std::string body);
    static Response html(int status, std::string body);
    static Response no_content() { return Response{204, {}, {}}; }
    // 303 See Other (never 307: a browser would send the form again). `location` must be a path of ours or an absolute
    // URL we built.
    static Response see_other(std::string location);

    // Sets a header, replacing an earlier one of that name; Set-Cookie and WWW-Authenticate add, Vary merges. Throws
    // Fault for a name that is no token or a value with CR, LF, NUL or another control character: response splitting is
    // a bug, not an outcome.
    Response& with_header(std::string_view name, std::string_view value) &;
    Response&& with_header(std::string_view name, std::string_view value) &&;
    Response& with_cookie(Cookie const& cookie) &;
    Response&& with_cookie(Cookie const& cookie) &&;
};

// The reason phrase of RFC 9110 15, "Not Found"; "Error" for a status we never send.
std::string_view reason_phrase(int status);

// The one place where Kind becomes a status: invalid 400, unauthenticated 401, denied 403, not_found 404, conflict 409,
// expired 410, limited 429, unavailable 503, unsupported 501.
int status_of(Kind kind);

// RFC 9457 application/problem+json: {"type","title","status","detail","id","request_id"}; `id` is the failure's id,
// `detail` only a reason meant for the person. 429 and 503 carry Retry-After (seconds).
Response render(Error const& error, std::string_view request_id = {},
                std::chrono::seconds retry_after = std::chrono::seconds{1});

}  // namespace zephyr::http
