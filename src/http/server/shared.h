// What the loops and workers of one server share. Everything here is safe to use from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "http/server/tls_context.h"
#include "http/server/worker_pool.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/http/dispatcher.h"
#include "zephyr/http/server.h"
#include "zephyr/http/trusted_proxies.h"

namespace zephyr::http::server {

struct Counters {
    std::atomic<std::size_t> connections{0};
    std::atomic<std::size_t> in_flight{0};
    std::atomic<std::size_t> body_memory{0};
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused_connections{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> refused_requests{0};
    std::atomic<std::uint64_t> shed{0};
    std::atomic<std::uint64_t> timeouts{0};
    std::atomic<std::uint64_t> tls_failures{0};
    std::atomic<std::uint64_t> faults{0};
};

template <class T>
void count(std::atomic<T>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
}

class Shared {
public:
    Shared(ServerSettings settings, Dispatcher& dispatcher, Clock const& clock, Log& log);

    ServerSettings const settings;
    Dispatcher& dispatcher;
    Clock const& clock;
    Log& log;
    Counters counters;
    WorkerPool pool;
    std::atomic<bool> retiring{false};  // answers end their connections; all else as always
    std::atomic<bool> draining{false};
    TrustedProxies trusted;  // set before the first connection

    // Null without TLS.
    std::shared_ptr<TlsContext const> tls() const;
    void set_tls(std::shared_ptr<TlsContext const> context);

    // One connection more, or not: the limits over all and per address. A false one has been counted as refused.
    bool admit_connection(std::string const& address);
    void forget_connection(std::string const& address);
    // A loop will begin, or has begun, to let its connections go.
    void expect_drain();
    void drain_begun();
    // True when every loop has begun and the last connection is gone within `limit`.
    bool wait_until_empty(std::chrono::milliseconds limit);

    // False when the dispatcher cannot say.
    bool runs_inline(Request const& request) noexcept;
    // Calls the dispatcher. An exception, which no handler should let out, becomes 500, or 503 when a store is gone.
    Response call(Request&& request) noexcept;
    // The same where it may be answered on the loop; nothing when it may not.
    std::optional<Response> call_inline(Request& request) noexcept;

private:
    template <class Call>
    auto contained(Call const& call) noexcept -> decltype(call());
    std::string limit_key(std::string const& address) const;

    mutable std::mutex tls_mutex_;
    std::shared_ptr<TlsContext const> tls_;
    std::mutex connections_mutex_;
    std::condition_variable empty_;
    std::map<std::string, std::size_t, std::less<>> per_address_;
    std::size_t drains_to_begin_ = 0;
};

// Bytes of request bodies in memory, given back when the request has been answered.
class BodyReservation {
public:
    BodyReservation() = default;
    BodyReservation(BodyReservation&& other) noexcept
        : shared_{std::exchange(other.shared_, nullptr)}, bytes_{std::exchange(other.bytes_, 0)} {}
    BodyReservation& operator=(BodyReservation&& other) noexcept {
        std::swap(shared_, other.shared_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~BodyReservation() { release(); }

    // False when there is no room for more; what was held stays held.
    bool grow_to(Shared& shared, std::size_t bytes);
    void release();

private:
    Shared* shared_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace zephyr::http::server
