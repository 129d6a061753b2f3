// A request as plain values: no socket, no domain. Built by the porch (src/http/server) or by a test.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/encoding/json.h"

namespace zephyr::http {

enum class Method { get, head, post, put, patch, del, options, other };
std::string_view to_string(Method method);
Method method_from(std::string_view text);
// RFC 9110 9.2.1: GET, HEAD, OPTIONS. None of ours changes state.
bool is_safe(Method method);

struct Header {
    std::string name;
    std::string value;
};

// Names compare without case; order is kept.
class Headers {
public:
    Headers() = default;
    Headers(std::initializer_list<Header> list) : list_{list} {}
    void add(std::string name, std::string value) { list_.push_back({std::move(name), std::move(value)}); }
    void set(std::string_view name, std::string value);  // replaces every header of that name
    void remove(std::string_view name);
    // The value of the only header of that name; nothing when absent or repeated (a repeated security header is refused
    // earlier).
    std::optional<std::string_view> get(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    std::vector<Header> const& all() const { return list_; }

private:
    std::vector<Header> list_;
};

struct Request {
    Method method = Method::get;
    // The porch (or a test) fills method, target, headers, body, peer_address and scheme; App derives the rest before
    // anyone looks.
    std::string target;      // as received, "/users/7?tab=a"; App routes by it, nobody else should
    std::string path = "/";  // decoded and checked by the URL firewall: no //, no dot segments, no control characters
    Headers headers;
    std::string body;

    std::string peer_address;     // of the socket
    std::string client_address;   // after the trusted proxies; the peer's unless a listed proxy says otherwise
    std::string scheme = "http";  // as the client used it, after the trusted proxies
    std::string host;             // as the client named it
    std::string request_id;       // ours, never the client's
    std::string csp_nonce;        // set by the security headers middleware, used by pages
    std::string
        csrf_token;  // set by the CSRF middleware for clients that want pages: what each form of the answer must carry
    std::string route;  // pattern of the matched route, "/users/{id}"; "unmatched" or "refused" without one; for logs
                        // and metrics
    std::string rate_class;    // of the matched route (RouteOptions); empty: the default class
    bool csrf_exempt = false;  // the matched route says why (RouteOptions), or a bearer token decides
    encoding::Json json;       // the body as the route's BodySchema allows it; null for a route without one
    std::map<std::string, std::string, std::less<>> path_parameters;

    // The value of the only query or form field of that name; nothing when absent or repeated, so no two readers can
    // take different ones. Lists read `query_all`.
    std::optional<std::string> query(std::string_view name) const;
    std::vector<std::string> query_all(std::string_view name) const;
    std::vector<std::pair<std::string, std::string>> query_fields() const;
    // Fields of an application/x-www-form-urlencoded body; none when it is another type or malformed.
    std::optional<std::string> form(std::string_view name) const;
    std::vector<std::pair<std::string, std::string>> form_fields() const;
    bool has_form_body() const;
    bool has_json_body() const;
    std::optional<std::string> cookie(std::string_view name) const;  // nothing when repeated
    std::string const& parameter(
        std::string_view name) const;  // a path parameter; throws Fault for a name the route has not
    // True when the client prefers a page to JSON (Accept names text/html before application/json).
    bool wants_html() const;
};

}  // namespace zephyr::http
