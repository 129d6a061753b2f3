// A plain Boost.Beast server, one thread per connection, whose handlers stand behind Zephyr's guards; the rest of its paths are Zephyr's.
#include <zephyr/bridges/beast.h>
#include <zephyr/zephyr.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <iostream>
#include <thread>

using namespace zephyr;
using http::require_login, http::require_role;
using bridges::BeastRequest, bridges::BeastResponse, bridges::BeastHandler;
using tcp = boost::asio::ip::tcp;

namespace {

BeastResponse text(unsigned status, std::string body) {
    BeastResponse response;
    response.result(status);
    response.set("Content-Type", "text/plain");
    response.body() = std::move(body);
    return response;
}

// Reads requests and writes what `handle` answers, until the other side has enough.
void talk(tcp::socket socket, BeastHandler const& handle, std::uint64_t max_body) {
    boost::system::error_code failed;
    auto const peer = socket.remote_endpoint(failed).address().to_string();
    boost::beast::flat_buffer buffer;
    while (!failed) {
        boost::beast::http::request_parser<boost::beast::http::string_body> parser;
        parser.body_limit(max_body);
        boost::beast::http::read(socket, buffer, parser, failed);
        if (failed) break;
        auto const response = handle(parser.get(), peer);
        boost::beast::http::write(socket, response, failed);
        if (!response.keep_alive()) break;
    }
    socket.shutdown(tcp::socket::shutdown_send, failed);
}

}  // namespace

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

    bridges::BeastBridge const bridge{node.value()->app()};
    auto const hello = bridge.guard("/hello", require_login, [](BeastRequest const&, http::Principal const& who) {
        return text(200, "Hello, " + who.username + ".\n");
    });
    auto const reports = bridge.guard("/reports", require_login | require_role("admin"),
                                      [](BeastRequest const&) { return text(200, "Secret figures.\n"); });
    auto const notes = bridge.guard("/notes", require_login, [](BeastRequest const& in, http::Principal const& who) {
        return text(201, who.username + " noted " + in.body() + "\n");
    });
    BeastHandler const dispatch = [&](BeastRequest const& in, std::string const& peer) {
        using boost::beast::http::verb;
        bool const reads = in.method() == verb::get || in.method() == verb::head;
        if (reads && in.target() == "/hello") return hello(in, peer);
        if (reads && in.target() == "/reports") return reports(in, peer);
        if (in.method() == verb::post && in.target() == "/notes") return notes(in, peer);
        return bridge(in, peer);
    };

    auto const& settings = node.value()->settings().server;
    boost::asio::io_context context;
    tcp::acceptor acceptor{context, {boost::asio::ip::make_address(settings.listen.host), settings.listen.port}};
    auto const max_body = static_cast<std::uint64_t>(settings.max_body_bytes);
    std::thread{[&] {
        for (;;) {
            boost::system::error_code failed;
            auto socket = acceptor.accept(failed);
            if (!failed) std::thread{talk, std::move(socket), std::cref(dispatch), max_body}.detach();
        }
    }}.detach();
    auto const code = node.value()->serve({.on_listening = [](auto const& url, auto const&) { std::cout << url << "\nCtrl-C stops it." << std::endl; },
                                           .listen = false});
    std::_Exit(code);  // connections may still be waiting for their next request
}
