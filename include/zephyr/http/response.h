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
    std::optional<std::chrono::seconds> max_age;  // absent: until the browser closes; zero: delete

    std::string header() const;  // Throws Fault when a part holds a character no cookie may.
};

struct Response {
    int status = 200;
    Headers headers;
    std::string body;

    static Response json(int status, encoding::Json const& value);
    static Response text(int status, std::string body);
    static Response html(int status, std::string body);
    static Response no_content() { return Response{204, {}, {}}; }
    // 303 See Other (never 307: a browser would send the form again). `location` must be a path of ours or an absolute URL we built.
    static Response see_other(std::string location);

    Response& with_header(std::string_view name, std::string value) &;
    Response&& with_header(std::string_view name, std::string value) &&;
    Response& with_cookie(Cookie const& cookie) &;
    Response&& with_cookie(Cookie const& cookie) &&;
};

// The one place where Kind becomes a status: invalid 400, unauthenticated 401, denied 403, not_found 404, conflict 409,
// expired 410, limited 429, unavailable 503, unsupported 501.
int status_of(Kind kind);

// RFC 9457 application/problem+json: {"type","title","status","detail","id","request_id"}; `id` is the failure's id, `detail` only a
// reason meant for the person. 429 and 503 carry Retry-After (seconds).
Response render(Error const& error, std::string_view request_id = {}, std::chrono::seconds retry_after = std::chrono::seconds{1});

}  // namespace zephyr::http
