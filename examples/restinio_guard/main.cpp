// A RESTinio server whose handlers stand behind Zephyr's guards; sign-in and second factors come from Zephyr on the same port.
#include <zephyr/bridges/restinio.h>
#include <zephyr/zephyr.h>

#include <restinio/http_server_run.hpp>
#include <restinio/router/express.hpp>

#include <iostream>

using namespace zephyr;
using http::require_login, http::require_role;
using restinio::request_handle_t;
using Router = restinio::router::express_router_t<>;

struct Traits : restinio::default_traits_t {
    using request_handler_t = Router;
};

int main(int argc, char** argv) {
    SystemClock clock;
    crypto::SystemRandom random;
    auto const log = make_stderr_log(LogLevel::warning, LogFormat::text);
    auto const loading = server::load_settings(argc, argv);  // --data DIR --listen HOST:PORT …
    if (!loading.settings) {
        std::cerr << loading.problems;
        return 78;
    }
    auto node = server::Node::open(*loading.settings, {clock, random, *log});
    if (!node.ok()) {
        std::cerr << node.error().reason() << "\n";
        return 1;
    }

    bridges::RestinioBridge const bridge{node.value()->app()};
    auto router = std::make_unique<Router>();
    auto const hello = bridge.guard("/hello", require_login, [](request_handle_t const&, http::Principal const& who) {
        return http::Response::text(200, "Hello, " + who.username + ".\n");
    });
    auto const reports = bridge.guard("/reports", require_login | require_role("admin"),
                                      [](request_handle_t const&) { return http::Response::text(200, "Secret figures.\n"); });
    router->http_get("/hello", hello);
    router->http_head("/hello", hello);
    router->http_get("/reports", reports);
    router->http_post("/notes", bridge.guard("/notes", require_login, [](request_handle_t const& in, http::Principal const& who) {
        return http::Response::text(201, who.username + " noted " + in->body() + "\n");
    }));
    router->non_matched_request_handler(bridge.rest());

    auto const& settings = node.value()->settings().server;
    auto const server = restinio::run_async(
        restinio::own_io_context(),
        restinio::server_settings_t<Traits>{}
            .address(settings.listen.host)
            .port(settings.listen.port)
            .incoming_http_msg_limits(restinio::incoming_http_msg_limits_t{}.max_body_size(static_cast<std::uint64_t>(settings.max_body_bytes)))
            .request_handler(std::move(router)),
        8);  // threads: a handler keeps one until it is done
    auto const code = node.value()->serve({.on_listening = [](auto const& url, auto const&) { std::cout << url << "\nCtrl-C stops it." << std::endl; },
                                           .listen = false});
    server->stop();
    return code;
}
