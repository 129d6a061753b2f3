#include "zephyr/http/server.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <mutex>
#include <thread>
#include <utility>

#include "http/server/loop.h"

namespace zephyr::http::server {

namespace {

std::size_t loops_for(ServerSettings const& settings) {
    if (settings.loops > 0) return settings.loops;
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 2);
}

Error unavailable(ServerSettings const& settings, boost::system::error_code const& error) {
    auto const where = "port " + std::to_string(settings.port) + " of " + settings.host;
    std::string sentence = "cannot listen on " + where + ": " + error.message();
    if (error.value() == EADDRINUSE) sentence = where + " is already in use by another program";
    if (error.value() == EACCES) sentence = "no right to listen on " + where + ": ports below 1024 need the capability CAP_NET_BIND_SERVICE";
    if (error.value() == EADDRNOTAVAIL) sentence = settings.host + " is no address of this machine";
    return Error{errors::address_unavailable, error.message()}.with_reason(std::move(sentence));
}

// SO_REUSEPORT would let a second server of the same user share the port in silence; a socket without it finds out.
boost::system::error_code probe(Tcp::endpoint const& endpoint) {
    asio::io_context context;
    Tcp::acceptor acceptor{context};
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address{true}, error);
    if (!error) acceptor.bind(endpoint, error);
    return error;
}

}  // namespace

class Server::Implementation {
public:
    Implementation(ServerSettings settings, Dispatcher& dispatcher, Clock const& clock, Log& log)
        : shared{std::move(settings), dispatcher, clock, log} {}

    ~Implementation() { stop(); }

    Result<void> start() {
        std::lock_guard const lock{mutex};
        if (state != State::fresh) return errors::already_started;
        ZEPHYR_TRY(shared.trusted, TrustedProxies::parse(shared.settings.trusted_proxies));
        ZEPHYR_CHECK(reload_tls());
        ZEPHYR_TRY(auto const endpoint, parse_endpoint());
        if (auto const result = listen(endpoint); !result.ok()) {
            loops.clear();
            return result;
        }
        state = State::running;
        for (auto& loop : loops) loop->start();
        shared.log.info("http.listening", {{"host", shared.settings.host}, {"port", static_cast<long long>(port)}});
        return success();
    }

    void stop() {
        std::lock_guard const lock{mutex};
        if (state != State::running) return;
        state = State::stopped;
        shared.draining = true;
        for (auto& loop : loops) loop->drain();
        if (!shared.wait_until_empty(shared.settings.drain)) {
            auto const left = static_cast<long long>(shared.counters.connections.load());
            shared.log.warning("http.drain_cut_short", {{"connections", left}});
        }
        for (auto& loop : loops) loop->halt();
        shared.pool.stop();  // before the loops go: workers hand their answers to them
        for (auto& loop : loops) loop->join();
        loops.clear();
        shared.log.info("http.stopped");
    }

    Result<void> reload_tls() {
        auto const& settings = shared.settings;
        if (settings.tls_certificate.empty() && settings.tls_key.empty()) return success();
        if (settings.tls_certificate.empty() || settings.tls_key.empty())
            return Error{errors::certificate_unusable}.with_reason("TLS needs both a certificate file and a key file");
        ZEPHYR_TRY(auto context, TlsContext::load(settings.tls_certificate, settings.tls_key));
        shared.set_tls(std::move(context));
        return success();
    }

    Shared shared;
    std::atomic<std::uint16_t> port{0};

private:
    enum class State { fresh, running, stopped };

    Result<Tcp::endpoint> parse_endpoint() const {
        boost::system::error_code error;
        auto const& host = shared.settings.host;
        auto const address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
        if (error) return Error{errors::address_malformed, host}.with_reason("\"" + host + "\" is no IPv4 or IPv6 address");
        return Tcp::endpoint{address, shared.settings.port};
    }

    // Every socket before the first connection: a server that half starts is worse than one that does not.
    Result<void> listen(Tcp::endpoint endpoint) {
        if (endpoint.port() != 0) {
            if (auto const error = probe(endpoint)) return unavailable(shared.settings, error);
        }
        for (std::size_t i = 0; i < loops_for(shared.settings); ++i) {
            loops.push_back(std::make_unique<Loop>(shared));
            if (auto const error = loops.back()->listen(endpoint)) return unavailable(shared.settings, error);
            endpoint.port(loops.back()->local_endpoint().port());
        }
        port = endpoint.port();
        return success();
    }

    std::mutex mutex;
    State state = State::fresh;
    std::vector<std::unique_ptr<Loop>> loops;
};

Server::Server(ServerSettings settings, Dispatcher& dispatcher, Clock const& clock, Log& log)
    : implementation_{std::make_unique<Implementation>(std::move(settings), dispatcher, clock, log)} {}

Server::~Server() = default;

Result<void> Server::start() { return implementation_->start(); }

void Server::retire() { implementation_->shared.retiring = true; }

void Server::stop() { implementation_->stop(); }

Result<void> Server::reload_tls() {
    ZEPHYR_CHECK(implementation_->reload_tls());
    return success();
}

std::uint16_t Server::port() const { return implementation_->port; }

ServerStats Server::stats() const {
    auto const& counters = implementation_->shared.counters;
    auto const& pool = implementation_->shared.pool;
    ServerStats stats;
    stats.connections = counters.connections;
    stats.in_flight = counters.in_flight;
    stats.queue_depth = pool.depth();
    stats.body_memory_bytes = counters.body_memory;
    stats.accepted = counters.accepted;
    stats.refused_connections = counters.refused_connections;
    stats.requests = counters.requests;
    stats.refused_requests = counters.refused_requests;
    stats.shed = counters.shed;
    stats.timeouts = counters.timeouts;
    stats.tls_failures = counters.tls_failures;
    stats.faults = counters.faults;
    pool.add_waits(stats);
    return stats;
}

}  // namespace zephyr::http::server
