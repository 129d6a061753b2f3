// A cpp-httplib server whose handlers stand behind Zephyr's guards; sign-in and second factors come from Zephyr on the same port.
#include <zephyr/bridges/httplib.h>
#include <zephyr/zephyr.h>

#include <iostream>
#include <thread>

using namespace zephyr;
using http::open_to_all, http::require_login, http::require_role;

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

    httplib::Server server;
    bridges::HttplibBridge const bridge{node.value()->app()};
    server.Get("/hello", bridge.guard("/hello", require_login, [](httplib::Request const&, httplib::Response& out, http::Principal const& who) {
        out.set_content("Hello, " + who.username + ".\n", "text/plain");
    }));
    server.Get("/reports", bridge.guard("/reports", require_login | require_role("admin"),
                                        [](httplib::Request const&, httplib::Response& out) { out.set_content("Secret figures.\n", "text/plain"); }));
    server.Post("/notes", bridge.guard("/notes", require_login, [](httplib::Request const& in, httplib::Response& out, http::Principal const& who) {
        out.status = 201;
        out.set_content(who.username + " noted " + in.body + "\n", "text/plain");
    }));
    bridge.serve_rest(server);

    auto const& listen = node.value()->settings().server.listen;
    server.set_payload_max_length(static_cast<std::size_t>(node.value()->settings().server.max_body_bytes));
    if (!server.bind_to_port(listen.host, listen.port)) {
        std::cerr << "cannot listen on " << listen.str() << "\n";
        return 1;
    }
    std::thread listener{[&] { server.listen_after_bind(); }};
    auto const code = node.value()->serve({.on_listening = [](auto const& url, auto const&) { std::cout << url << "\nCtrl-C stops it." << std::endl; },
                                           .listen = false});
    server.stop();
    listener.join();
    return code;
}
