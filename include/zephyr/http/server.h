// The porch: an HTTP/1.1 server that turns bytes into Requests, hands them to a Dispatcher and writes the Responses.
//
// One event loop per thread, each with its own listening socket (SO_REUSEPORT). Requests for which the dispatcher says
// runs_inline() are answered on the loop; all others go to a bounded pool of workers. What does not fit is refused with
// 503 and Retry-After before its body is read: nothing here grows with what strangers send.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/result.h"
#include "zephyr/http/dispatcher.h"

namespace zephyr::http::server {

namespace errors {
// start(): the host is no IPv4 or IPv6 address.
inline constexpr Failure address_malformed{Kind::invalid, "http.address_malformed"};
// start(): the port is in use, the address is not this machine's, or there is no right to it.
inline constexpr Failure address_unavailable{Kind::unavailable, "http.address_unavailable"};
// start() and reload_tls(): the certificate or key file cannot be read, or they do not fit each other.
inline constexpr Failure certificate_unusable{Kind::invalid, "http.certificate_unusable"};
// start(): a server starts once.
inline constexpr Failure already_started{Kind::conflict, "http.already_started"};

// The porch's own answers, to requests that never reach the dispatcher; http::errors::target_too_long (414) is another.
// Answered with 400: the bytes are no HTTP/1.1 request.
inline constexpr Failure malformed{Kind::invalid, "http.malformed"};
// Answered with 400: two readers could disagree on where the request ends, as in a smuggling attempt.
inline constexpr Failure ambiguous_length{Kind::invalid, "http.ambiguous_length"};
// Answered with 408: the request did not come whole in its time.
inline constexpr Failure request_timeout{Kind::invalid, "http.request_timeout"};
// Answered with 413.
inline constexpr Failure body_too_large{Kind::invalid, "http.body_too_large"};
// Answered with 417: an Expect header other than 100-continue.
inline constexpr Failure expectation_failed{Kind::invalid, "http.expectation_failed"};
// Answered with 431: too many bytes or too many fields.
inline constexpr Failure headers_too_large{Kind::invalid, "http.headers_too_large"};
// Answered with 501: a Transfer-Encoding other than chunked.
inline constexpr Failure transfer_coding_unsupported{Kind::unsupported, "http.transfer_coding_unsupported"};
// Answered with 503 and Retry-After: no room for the request or the connection now.
inline constexpr Failure overloaded{Kind::unavailable, "http.overloaded"};
// Answered with 505: HTTP, but not version 1.
inline constexpr Failure version_unsupported{Kind::unsupported, "http.version_unsupported"};
}  // namespace errors

// How long each stage of a connection may last. A stage's time is not extended by dribbling bytes.
struct Timeouts {
    std::chrono::milliseconds handshake{10'000};  // TLS, from accept
    std::chrono::milliseconds header{10'000};     // from the first byte of a request to the end of its header section
    std::chrono::milliseconds body{30'000};       // from there to the end of the body
    std::chrono::milliseconds write{30'000};      // to take an answer of up to 1 MiB; longer in proportion
    std::chrono::milliseconds idle{75'000};       // between requests: above the 60 s proxies keep connections open
    std::chrono::milliseconds linger{2'000};      // after the last answer, for the client to read it and close
    std::chrono::milliseconds queue{5'000};       // a request that waited longer for a worker is refused, not run
};

struct ServerSettings {
    std::string host = "127.0.0.1";  // an IPv4 or IPv6 address, or "localhost" (127.0.0.1); "::" takes both families
    std::uint16_t port = 0;          // 0: any free one; port() tells which
    std::size_t loops = 0;           // event loop threads; 0: two, or one on a single core
    std::size_t workers = 64;        // threads for requests that wait for a store; started when first needed
    std::size_t queue = 256;         // requests waiting for a worker
    std::size_t max_connections = 10'000;        // beyond it a new one is answered 503 and closed
    std::size_t max_connections_per_address = 0; // per IPv4 address or IPv6 /64; 0: no limit; trusted proxies are exempt
    std::size_t header_bytes = 16 * 1024;        // request line and header fields together
    std::size_t header_count = 100;
    std::size_t target_bytes = 8 * 1024;
    std::size_t body_bytes = 1024 * 1024;
    std::size_t body_memory_bytes = 64 * 1024 * 1024;  // bodies in memory over all connections; beyond it 503
    Timeouts timeouts;
    std::chrono::milliseconds drain{5'000};      // what stop() gives requests in flight
    std::string tls_certificate;                 // PEM file, chain included; empty: plain HTTP
    std::string tls_key;                         // PEM file
    std::vector<std::string> trusted_proxies;    // addresses or CIDR blocks exempt from the per-address limit; App::trust for the rest
};

// Upper bounds of the pool-wait histogram; the last bucket holds everything slower.
inline constexpr std::array<std::chrono::microseconds, 12> pool_wait_bounds{
    std::chrono::microseconds{50},     std::chrono::microseconds{100},    std::chrono::microseconds{250},
    std::chrono::microseconds{500},    std::chrono::microseconds{1'000},  std::chrono::microseconds{2'500},
    std::chrono::microseconds{5'000},  std::chrono::microseconds{10'000}, std::chrono::microseconds{50'000},
    std::chrono::microseconds{100'000}, std::chrono::microseconds{500'000}, std::chrono::microseconds{2'000'000}};

// A snapshot; the totals only grow.
struct ServerStats {
    std::size_t connections = 0;      // open now
    std::size_t in_flight = 0;        // requests with a handler or waiting for one, now
    std::size_t queue_depth = 0;      // of those, waiting for a worker
    std::size_t body_memory_bytes = 0;
    std::uint64_t accepted = 0;
    std::uint64_t refused_connections = 0;  // over a connection limit
    std::uint64_t requests = 0;             // handed to the dispatcher
    std::uint64_t refused_requests = 0;     // malformed or over a limit, answered by the porch
    std::uint64_t shed = 0;                 // 503: the queue was full, or the wait too long, or bodies filled the memory
    std::uint64_t timeouts = 0;             // connections closed at a deadline
    std::uint64_t tls_failures = 0;
    std::uint64_t faults = 0;               // exceptions that reached the porch
    std::array<std::uint64_t, pool_wait_bounds.size() + 1> pool_wait{};  // counts, not cumulative
    std::chrono::microseconds pool_wait_total{0};
};

// Start once, stop once. `dispatcher`, `clock` and `log` must outlive the server and be safe to use from many threads.
class Server {
public:
    Server(ServerSettings settings, Dispatcher& dispatcher, Clock const& clock, Log& log);
    ~Server();  // stops
    Server(Server const&) = delete;
    Server& operator=(Server const&) = delete;

    // Binds every listening socket before the first connection is served. Fails with address_malformed,
    // address_unavailable (port in use, no right to it), certificate_unusable or already_started; the error's reason()
    // is a sentence for the operator.
    Result<void> start();

    // Goes on serving, but answers every request with `Connection: close`, so that clients and proxies come back on a new connection: to
    // another server, once they have noticed. For the time between telling load balancers and stop().
    void retire();

    // Stops accepting, closes idle connections, lets requests in flight finish for up to `drain`, answering each with
    // `Connection: close`; then closes what is left and joins every thread. Waits for a handler that still runs: a
    // handler bounds itself. Safe to call twice, and from any thread but the server's own.
    void stop();

    // Reads the certificate and key again for new connections. On failure the old pair stays.
    Result<void> reload_tls();

    std::uint16_t port() const;  // 0 before start()
    ServerStats stats() const;

private:
    class Implementation;
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace zephyr::http::server
