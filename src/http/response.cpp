#include "zephyr/http/response.h"

#include <algorithm>

#include "http/characters.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/problem.h"

namespace zephyr::http {

namespace {

// RFC 6265 4.1.1: cookie-octet = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E
bool is_cookie_octet(char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

void check_prefix_rules(Cookie const& cookie) {
    auto const name = ascii_lower(cookie.name);
    // RFC 6265bis 4.1.3.2: "If a cookie's name begins with a case-sensitive match for the string __Host-, then the
    // cookie will have been set with a Secure attribute, a Path attribute with a value of /, and no Domain attribute."
    // We never set Domain.
    if (name.starts_with("__host-") && (!cookie.secure || cookie.path != "/")) {
        throw Fault{"cookie " + cookie.name + ": __Host- needs Secure and Path=/"};
    }
    if (name.starts_with("__secure-") && !cookie.secure)
        throw Fault{"cookie " + cookie.name + ": __Secure- needs Secure"};
}

bool adds(std::string_view name) {
    return detail::is_same_name(name, "Set-Cookie") || detail::is_same_name(name, "WWW-Authenticate");
}

// Vary: A, then Vary: B, becomes Vary: A, B.
std::string merged_vary(Headers const& headers, std::string_view value) {
    auto const before = headers.get("Vary");
    if (!before || before->empty()) return std::string{value};
    for (auto const field : split(*before, ',')) {
        if (equals_ignoring_case(trim(field), value)) return std::string{*before};
    }
    return std::string{*before}.append(", ").append(value);
}

}  // namespace

std::string Cookie::header() const {
    if (!detail::is_token(name)) throw Fault{"a cookie's name is no token"};
    if (!std::all_of(value.begin(), value.end(), is_cookie_octet))
        throw Fault{"the value of cookie " + name + " needs encoding"};
    if (!path.starts_with('/') || path.find(';') != std::string::npos || !detail::is_field_value(path)) {
        throw Fault{"the path of cookie " + name + " is malformed"};
    }
    if (same_site != "Lax" && same_site != "Strict" && same_site != "None")
        throw Fault{"cookie " + name + ": SameSite is Lax, Strict or None"};
    if (same_site == "None" && !secure) throw Fault{"cookie " + name + ": SameSite=None needs Secure"};
    check_prefix_rules(*this);
    std::string out = name + "=" + value + "; Path=" + path;
    if (max_age) {
        if (*max_age < std::chrono::seconds{0}) throw Fault{"cookie " + name + ": Max-Age is negative"};
        out += "; Max-Age=" + std::to_string(max_age->count());
    }
    if (secure) out += "; Secure";
    if (http_only) out += "; HttpOnly";
    return out + "; SameSite=" + same_site;
}

Response Response::json(int status, encoding::Json const& value) {
    return Response{status, {{"Content-Type", "application/json"}}, value.dump()};
}

Response Response::text(int status, std::string body) {
    return Response{status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)};
}

Response Response::html(int status, std::string body) {
    return Response{status, {{"Content-Type", "text/html; charset=utf-8"}}, std::move(body)};
}

Response Response::see_other(std::string location) {
    bool const path = location.starts_with('/') && !location.starts_with("//");
    bool const url = location.starts_with("https://") || location.starts_with("http://");
    // Browsers read "/\host" as "//host", and skip tabs and line breaks inside a URL.
    bool const plain =
        std::all_of(location.begin(), location.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
    if (!(path || url) || !plain) throw Fault{"a redirect needs a path of ours or an absolute URL"};
    return Response{303, {}, {}}.with_header("Location", std::move(location));
}

Response& Response::with_header(std::string_view name, std::string_view value) & {
    if (!detail::is_token(name)) throw Fault{"a header's name is no token"};
    if (!detail::is_field_value(value))
        throw Fault{"the value of header " + std::string{name} + " holds a control character"};
    if (adds(name)) {
        headers.add(name, value);
    } else if (detail::is_same_name(name, "Vary")) {
        headers.set("Vary", merged_vary(headers, value));
    } else {
        headers.set(name, value);
    }
    return *this;
}

Response&& Response::with_header(std::string_view name, std::string_view value) && {
    with_header(name, value);
    return std::move(*this);
}

Response& Response::with_cookie(Cookie const& cookie) & {
    return with_header("Set-Cookie", cookie.header());
}

Response&& Response::with_cookie(Cookie const& cookie) && {
    with_cookie(cookie);
    return std::move(*this);
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 503: return "Service Unavailable";
        case 505: return "HTTP Version Not Supported";
        default: return "Error";
    }
}

int status_of(Kind kind) {
    switch (kind) {
        case Kind::invalid: return 400;
        case Kind::unauthenticated: return 401;
        case Kind::denied: return 403;
        case Kind::not_found: return 404;
        case Kind::conflict: return 409;
        case Kind::expired: return 410;
        case Kind::limited: return 429;
        case Kind::unavailable: return 503;
        case Kind::unsupported: return 501;
    }
    return 500;
}

Response render(Error const& error, std::string_view request_id, std::chrono::seconds retry_after) {
    auto response = problem(status_of(error.kind()), error.id(), error.reason(), request_id);
    if (error.kind() == Kind::limited || error.kind() == Kind::unavailable) {
        response.with_header("Retry-After",
                             std::to_string(std::max<std::chrono::seconds::rep>(1, retry_after.count())));
    }
    return response;
}

Response problem(int status, std::string_view id, std::string_view detail, std::string_view request_id) {
    encoding::Json body;
    // RFC 9457 4.2.1: about:blank "indicates that the problem has no additional semantics beyond that of the HTTP
    // status code"; what ours mean beyond it is `id`, which docs/reference lists.
    body.set("type", "about:blank").set("title", reason_phrase(status)).set("status", status);
    if (!detail.empty()) body.set("detail", detail);
    body.set("id", id);
    if (!request_id.empty()) body.set("request_id", request_id);
    return Response{status, {{"Content-Type", problem_type}}, body.dump()};
}

bool is_problem(Response const& response) {
    return response.headers.get("Content-Type") == problem_type;
}

}  // namespace zephyr::http
