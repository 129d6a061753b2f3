#include "http/server/shared.h"

#include <exception>

#include "http/server/response_writer.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/app.h"

namespace zephyr::http::server {

Shared::Shared(ServerSettings server_settings, Dispatcher& its_dispatcher, Clock const& its_clock, Log& its_log)
    : settings{std::move(server_settings)},
      dispatcher{its_dispatcher},
      clock{its_clock},
      log{its_log},
      pool{settings.workers, settings.queue, its_clock} {}

std::shared_ptr<TlsContext const> Shared::tls() const {
    std::lock_guard const lock{tls_mutex_};
    return tls_;
}

void Shared::set_tls(std::shared_ptr<TlsContext const> context) {
    std::lock_guard const lock{tls_mutex_};
    tls_ = std::move(context);
}

// One person easily has a whole IPv6 /64.
std::string Shared::limit_key(std::string const& address) const {
    if (settings.max_connections_per_address == 0 || trusted.trusts(address)) return {};
    auto const parsed = IpAddress::parse(address);
    if (!parsed) return address;
    return parsed->is_v6() ? parsed->prefix(64).str() : parsed->str();
}

bool Shared::admit_connection(std::string const& address) {
    auto const refuse = [this] {
        counters.connections.fetch_sub(1, std::memory_order_relaxed);
        count(counters.refused_connections);
        return false;
    };
    if (counters.connections.fetch_add(1, std::memory_order_relaxed) >= settings.max_connections) return refuse();
    if (auto const key = limit_key(address); !key.empty()) {
        std::lock_guard const lock{connections_mutex_};
        auto& open = per_address_[key];
        if (open >= settings.max_connections_per_address) return refuse();
        ++open;
    }
    count(counters.accepted);
    return true;
}

void Shared::forget_connection(std::string const& address) {
    if (auto const key = limit_key(address); !key.empty()) {
        std::lock_guard const lock{connections_mutex_};
        auto const found = per_address_.find(key);
        if (found != per_address_.end() && --found->second == 0) per_address_.erase(found);
    }
    if (counters.connections.fetch_sub(1, std::memory_order_relaxed) == 1 && draining) {
        std::lock_guard const lock{connections_mutex_};
        empty_.notify_all();
    }
}

void Shared::expect_drain() {
    std::lock_guard const lock{connections_mutex_};
    ++drains_to_begin_;
}

void Shared::drain_begun() {
    std::lock_guard const lock{connections_mutex_};
    --drains_to_begin_;
    empty_.notify_all();
}

bool Shared::wait_until_empty(std::chrono::milliseconds limit) {
    std::unique_lock lock{connections_mutex_};
    return empty_.wait_for(lock, limit, [this] {
        return drains_to_begin_ == 0 && counters.connections.load(std::memory_order_relaxed) == 0;
    });
}

bool Shared::runs_inline(Request const& request) noexcept {
    try {
        return dispatcher.runs_inline(request);
    } catch (std::exception const& fault) {
        count(counters.faults);
        log.error("http.handler_fault", {{"what", fault.what()}});
        return false;
    }
}

Response Shared::call(Request&& request) noexcept {
    return contained([&] { return dispatcher.dispatch(std::move(request)); });
}

std::optional<Response> Shared::call_inline(Request& request) noexcept {
    return contained([&] { return dispatcher.dispatch_inline(request); });
}

template <class Call>
auto Shared::contained(Call const& call) noexcept -> decltype(call()) {
    int status = 500;
    try {
        return call();
    } catch (StorageFault const& fault) {
        status = 503;
        log.error("http.handler_fault", {{"what", fault.what()}});
    } catch (std::exception const& fault) {
        log.error("http.handler_fault", {{"what", fault.what()}});
    } catch (...) {
        log.error("http.handler_fault", {{"what", "not a std::exception"}});
    }
    count(counters.faults);
    return porch_answer(status, status == 503 ? http::errors::storage_unavailable : http::errors::internal);
}

bool BodyReservation::grow_to(Shared& shared, std::size_t bytes) {
    if (bytes <= bytes_) return true;
    auto const more = bytes - bytes_;
    auto& total = shared.counters.body_memory;
    if (total.fetch_add(more, std::memory_order_relaxed) + more > shared.settings.body_memory_bytes) {
        total.fetch_sub(more, std::memory_order_relaxed);
        return false;
    }
    shared_ = &shared;
    bytes_ = bytes;
    return true;
}

void BodyReservation::release() {
    if (shared_ != nullptr) shared_->counters.body_memory.fetch_sub(bytes_, std::memory_order_relaxed);
    shared_ = nullptr;
    bytes_ = 0;
}

}  // namespace zephyr::http::server
