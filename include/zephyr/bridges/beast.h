// Our guards before the handlers of a plain Boost.Beast server (Boost 1.81).
//
// Beast has no router and no handlers: a server reads a request, makes a response and writes it. So a guarded handler is a function from
// one to the other, which the server's own dispatch calls:
//
//   bridges::BeastBridge bridge{node.app()};
//   auto const reports = bridge.guard("/reports", require_login | require_role("admin"),
//                                     [](bridges::BeastRequest const&, http::Principal const& who) { return BeastResponse{…}; });
//   …
//   auto const response = request.target() == "/reports" ? reports(request, peer) : bridge(request, peer);
//
// A handler takes (BeastRequest const&) and then, if it wants to, whom its guard proves; without that proof it does not compile. What the
// server's dispatch answers without a bridge is not guarded. Bodies are strings: set parser.body_limit.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <functional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zephyr/bridges/answer.h"
#include "zephyr/http/app.h"

namespace zephyr::bridges {

using BeastRequest = boost::beast::http::request<boost::beast::http::string_body>;
using BeastResponse = boost::beast::http::response<boost::beast::http::string_body>;
// `peer` is the address of the socket's other end, "192.0.2.7" or "2001:db8::7".
using BeastHandler = std::function<BeastResponse(BeastRequest const& request, std::string const& peer)>;

class BeastBridge {
public:
    // `scheme` is what clients speak with this server: "https" over a TLS stream. `app` must outlive what guard() returns.
    explicit BeastBridge(http::App& app, std::string scheme = "http") : app_{app}, scheme_{std::move(scheme)} {}

    // `name` is what logs, metrics and App::outside_table() call it. Throws Fault as App::get does.
    template <class G, class H>
    BeastHandler guard(std::string_view name, G const& guard, H handler, http::RouteOptions options = {},
                       std::source_location where = std::source_location::current()) const {
        auto door = app_.outside<BeastRequest const&>(name, guard, std::move(handler), std::move(options), where);
        return [door = std::move(door), scheme = scheme_](BeastRequest const& in, std::string const& peer) {
            auto const answer = [](BeastResponse&& out) { return answer_of(static_cast<int>(out.result_int()), Fields{out}, std::move(out.body())); };
            return write(door(read(in, peer, scheme), answer, in), in);
        };
    }

    // What Zephyr serves itself: sign-in, /auth/*, styles, and its 404.
    BeastResponse operator()(BeastRequest const& in, std::string const& peer) const {
        return write(app_.dispatch(read(in, peer, scheme_)), in);
    }

private:
    // Beast's fields as pairs of texts.
    struct Fields {
        explicit Fields(BeastResponse const& from) {
            for (auto const& field : from) all.emplace_back(field.name_string(), field.value());
        }
        auto begin() const { return all.begin(); }
        auto end() const { return all.end(); }
        std::vector<std::pair<std::string, std::string>> all;
    };

    static http::Request read(BeastRequest const& in, std::string const& peer, std::string const& scheme) {
        http::Request request{.method = http::method_from(std::string{in.method_string()}), .target = std::string{in.target()}};
        for (auto const& field : in) request.headers.add(std::string{field.name_string()}, std::string{field.value()});
        request.body = in.body();
        request.peer_address = peer;
        request.scheme = scheme;
        return request;
    }

    static BeastResponse write(http::Response&& answer, BeastRequest const& in) {
        BeastResponse out;
        out.version(in.version());
        out.result(static_cast<unsigned>(answer.status));
        auto const length = put_fields(answer, [&out](std::string const& name, std::string const& value) { out.insert(name, value); });
        out.body() = std::move(answer.body);
        out.keep_alive(in.keep_alive());
        if (length) out.content_length(*length);
        else out.prepare_payload();
        return out;
    }

    http::App& app_;
    std::string scheme_;
};

}  // namespace zephyr::bridges
