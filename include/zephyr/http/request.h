// A request as plain values: no socket, no domain. Built by the porch (src/http/server) or by a test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
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

// Good until what it looks at changes.
struct HeaderView {
    std::string_view name;
    std::string_view value;
};

struct Header {
    std::string name;
    std::string value;
    operator HeaderView() const { return {name, value}; }
};

// Names compare without case; order is kept. All of it stands in one text: two strings for each of twenty fields would be most of the
// memory, and of the time, that a small request takes.
class Headers {
public:
    template <class Each>
    class Range;

    Headers() = default;
    Headers(std::initializer_list<HeaderView> list) {
        for (auto const& [name, value] : list) add(name, value);
    }
    void add(std::string_view name, std::string_view value);
    void set(std::string_view name, std::string_view value);  // replaces every header of that name
    void remove(std::string_view name);
    // The value of the only header of that name; nothing when absent or repeated (a repeated security header is refused
    // earlier).
    std::optional<std::string_view> get(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    // Every field, as a copy of its own; and as a view, for those who look at every field of every request.
    Range<Header> all() const;
    Range<HeaderView> views() const;
    // So that adding does not need to ask for memory again and again.
    void reserve(std::size_t fields, std::size_t bytes);

private:
    struct Field {
        std::uint32_t at;  // of the name in text_; the value stands behind it
        std::uint32_t name_size;
        std::uint32_t value_size;
    };
    HeaderView view(Field const& field) const {
        auto const* const name = text_.data() + field.at;
        return {{name, field.name_size}, {name + field.name_size, field.value_size}};
    }

    std::string text_;
    std::vector<Field> fields_;
};

// Good until the Headers change.
template <class Each>
class Headers::Range {
public:
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Each;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = Each;

        Each operator*() const {
            auto const [name, value] = headers_->view(headers_->fields_[at_]);
            return {decltype(Each::name){name}, decltype(Each::value){value}};
        }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        Iterator operator++(int) {
            auto const before = *this;
            ++at_;
            return before;
        }
        bool operator==(Iterator const&) const = default;

    private:
        friend class Range;
        Iterator(Headers const& headers, std::size_t at) : headers_{&headers}, at_{at} {}
        Headers const* headers_;
        std::size_t at_;
    };

    Iterator begin() const { return {*headers_, 0}; }
    Iterator end() const { return {*headers_, size()}; }
    std::size_t size() const { return headers_->fields_.size(); }
    bool empty() const { return headers_->fields_.empty(); }

private:
    friend class Headers;
    explicit Range(Headers const& headers) : headers_{&headers} {}
    Headers const* headers_;
};

inline Headers::Range<Header> Headers::all() const {
    return Range<Header>{*this};
}
inline Headers::Range<HeaderView> Headers::views() const {
    return Range<HeaderView>{*this};
}

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
