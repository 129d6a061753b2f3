// Our guards before the handlers of a cpp-httplib server (Debian: libcpp-httplib-dev 0.11).
//
//   httplib::Server server;
//   bridges::HttplibBridge bridge{node.app()};
//   server.Get("/reports", bridge.guard("/reports", require_login | require_role("admin"),
//                                       [](httplib::Request const&, httplib::Response& out, http::Principal const& who) {…}));
//   bridge.serve_rest(server);   // sign-in, /auth/*, styles: whatever Zephyr serves itself
//
// A handler takes (Request const&, Response&) and then, if it wants to, whom its guard proves; without that proof it does not compile.
// It answers with a whole body: content providers are refused. What is mounted on the server without guard() is not guarded, and neither
// are the server's mount points. Set server.set_payload_max_length: cpp-httplib itself bounds no body.
// What cpp-httplib does to a request before anybody sees it: src/bridges/README.md.
#pragma once

#include <httplib.h>

#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "zephyr/bridges/answer.h"
#include "zephyr/http/app.h"

namespace zephyr::bridges {

class HttplibBridge {
public:
    // `scheme` is what clients speak with this server: "https" for an SSLServer. `app` must outlive the server.
    explicit HttplibBridge(http::App& app, std::string scheme = "http") : app_{app}, scheme_{std::move(scheme)} {}

    // A handler for server.Get and its like. `name` is what logs, metrics and App::outside_table() call it. Throws Fault as App::get does.
    template <class G, class H>
    ::httplib::Server::Handler guard(std::string_view name, G const& guard, H handler, http::RouteOptions options = {},
                                     std::source_location where = std::source_location::current()) const {
        auto door = app_.outside<::httplib::Request const&, ::httplib::Response&>(name, guard, std::move(handler), std::move(options), where);
        return [door = std::move(door), scheme = scheme_](::httplib::Request const& in, ::httplib::Response& out) {
            // The handler fills a response of its own: a middleware may still put another in its place.
            auto filled = out;
            auto const answer = [&filled] {
                if (filled.content_provider_) throw Fault{"a bridged handler answers with a whole body, not with a content provider"};
                return answer_of(filled.status == -1 ? 200 : filled.status, filled.headers, std::move(filled.body));
            };
            write(door(read(in, scheme), answer, in, filled), out);
        };
    }

    // Hands every path that no earlier handler took to Zephyr. Call it last: cpp-httplib asks handlers in the order they were added.
    void serve_rest(::httplib::Server& server) const {
        constexpr auto* any = "[\\s\\S]*";  // a dot would leave out line breaks
        ::httplib::Server::Handler const rest = [&app = app_, scheme = scheme_](::httplib::Request const& in, ::httplib::Response& out) {
            write(app.dispatch(read(in, scheme)), out);
        };
        server.Get(any, rest).Post(any, rest).Put(any, rest).Patch(any, rest).Delete(any, rest).Options(any, rest);
    }

private:
    static http::Request read(::httplib::Request const& in, std::string const& scheme) {
        http::Request request{.method = http::method_from(in.method), .target = in.target};
        for (auto const& [name, value] : in.headers) request.headers.add(name, value);
        request.body = in.body;
        request.peer_address = in.remote_addr;
        request.scheme = scheme;
        return request;
    }

    static void write(http::Response&& answer, ::httplib::Response& out) {
        out.status = answer.status;
        out.headers.clear();  // the server's default headers among them: the answer went through our middleware with its own
        auto const length = put_fields(answer, [&out](std::string const& name, std::string const& value) { out.headers.emplace(name, value); });
        if (length) out.headers.emplace("Content-Length", std::to_string(*length));
        out.body = std::move(answer.body);
    }

    http::App& app_;
    std::string scheme_;
};

}  // namespace zephyr::bridges
