// Our guards before the handlers of a RESTinio server (Debian: librestinio-dev 0.6).
//
//   bridges::RestinioBridge bridge{node.app()};
//   router->http_get("/reports", bridge.guard("/reports", require_login | require_role("admin"),
//       [](restinio::request_handle_t const&, http::Principal const& who) { return http::Response::text(200, …); }));
//   router->non_matched_request_handler(bridge.rest());   // sign-in, /auth/*, styles: whatever Zephyr serves itself
//
// A handler takes (request_handle_t const&) and then, if it wants to, whom its guard proves; without that proof it does not compile. It
// answers by returning a Response of ours: RESTinio's builders send at once and can't be read, and an answer must pass the middleware.
// Handlers and Zephyr's own routes work until they are done: run the server on a thread pool. What is mounted without guard() is not guarded.
// Set incoming_http_msg_limits: RESTinio itself bounds no body.
#pragma once

#include <restinio/http_server.hpp>

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "zephyr/bridges/answer.h"
#include "zephyr/http/app.h"

namespace zephyr::bridges {

class RestinioBridge {
public:
    // `scheme` is what clients speak with this server: "https" with RESTinio's TLS traits. `app` must outlive the server.
    explicit RestinioBridge(http::App& app, std::string scheme = "http") : app_{app}, scheme_{std::move(scheme)} {}

    // A handler for a server without router, for an express router (whose route parameters stay with it) or an easy-parser router.
    // `name` is what logs, metrics and App::outside_table() call it. Throws Fault as App::get does.
    template <class G, class H>
    auto guard(std::string_view name, G const& guard, H handler, http::RouteOptions options = {},
               std::source_location where = std::source_location::current()) const {
        auto door = app_.outside<restinio::request_handle_t const&>(name, guard, std::move(handler), std::move(options), where);
        return [door = std::move(door), scheme = scheme_](restinio::request_handle_t const& in, auto&&...) {
            auto const answer = [](http::Response out) {
                out.headers.remove("Content-Length");
                return out;
            };
            return write(door(read(*in, scheme), answer, in), *in);
        };
    }

    // A handler for what no other took: all that Zephyr serves itself, and its 404.
    auto rest() const {
        return [&app = app_, scheme = scheme_](restinio::request_handle_t const& in) { return write(app.dispatch(read(*in, scheme)), *in); };
    }

private:
    static http::Request read(restinio::request_t const& in, std::string const& scheme) {
        auto const& head = in.header();
        http::Request request{.method = http::method_from(head.method().c_str()), .target = std::string{head.request_target()}};
        head.for_each_field([&](auto const& field) { request.headers.add(field.name(), field.value()); });
        request.body = in.body();
        request.peer_address = in.remote_endpoint().address().to_string();
        request.scheme = scheme;
        return request;
    }

    static restinio::request_handling_status_t write(http::Response&& answer, restinio::request_t& in) {
        auto out = in.create_response<restinio::user_controlled_output_t>(restinio::http_status_line_t{
            restinio::http_status_code_t{static_cast<std::uint16_t>(answer.status)}, std::string{http::reason_phrase(answer.status)}});
        auto const length = put_fields(answer, [&out](std::string const& name, std::string const& value) { out.append_header(name, value); });
        out.set_content_length(length.value_or(answer.body.size()));
        if (!answer.body.empty()) out.set_body(std::move(answer.body));
        return out.done();
    }

    http::App& app_;
    std::string scheme_;
};

}  // namespace zephyr::bridges
