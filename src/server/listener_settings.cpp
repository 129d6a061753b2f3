#include "server/listener_settings.h"

namespace zephyr::server {

http::server::ServerSettings listener_settings(config::Settings const& settings) {
    auto const& from = settings.server;
    http::server::ServerSettings to;
    to.host = from.listen.host;
    to.port = from.listen.port;
    to.loops = static_cast<std::size_t>(from.io_threads);
    to.workers = static_cast<std::size_t>(from.workers);
    to.queue = static_cast<std::size_t>(from.queue);
    to.max_connections = static_cast<std::size_t>(from.max_connections);
    to.header_bytes = static_cast<std::size_t>(from.max_header_bytes);
    to.body_bytes = static_cast<std::size_t>(from.max_body_bytes);
    to.timeouts.handshake = from.handshake_timeout;
    to.timeouts.header = from.header_timeout;
    to.timeouts.body = from.body_timeout;
    to.timeouts.write = from.write_timeout;
    to.timeouts.idle = from.idle_timeout;
    to.drain = from.drain;
    to.tls_certificate = from.tls_certificate;
    to.tls_key = from.tls_key;
    to.trusted_proxies = from.trusted_proxies;
    return to;
}

}  // namespace zephyr::server
