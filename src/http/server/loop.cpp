#include "http/server/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <new>

#include "http/server/connection.h"
#include "http/server/response_writer.h"

namespace zephyr::http::server {

namespace {

constexpr std::size_t read_size = 32 * 1024;
constexpr int accepts_per_round = 64;
constexpr std::chrono::seconds between_warnings{10};

// Coarse on purpose: a deadline may be missed by one tick, and 10,000 connections cost one short walk per tick.
std::chrono::milliseconds tick_for(Timeouts const& timeouts) {
    auto const shortest = std::min({timeouts.handshake, timeouts.header, timeouts.body, timeouts.write, timeouts.idle, timeouts.linger});
    return std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{250});
}

std::string address_text(sockaddr_storage const& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    } else if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        // A dual-stack socket shows IPv4 clients as ::ffff:192.0.2.1; everyone else knows them as 192.0.2.1.
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) ::inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text.data(), text.size());
        else ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
    return text.data();
}

// Best effort, for a client that there is no room for: no state is kept, and nothing is waited for.
void turn_away(int descriptor, bool encrypted, std::string_view date) {
    if (encrypted) return;
    std::string bytes;
    Framing framing;
    framing.keep_alive = false;
    framing.date = date;
    append_response(bytes, porch_answer(503, errors::overloaded, "Too many connections."), framing);
    std::array<char, 4096> scratch;
    // Unread bytes would turn our close into a reset, which could overtake the answer.
    (void)::recv(descriptor, scratch.data(), scratch.size(), MSG_DONTWAIT);
    (void)::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

Loop::Loop(Shared& shared)
    : in(read_size), shared_{shared}, guard_{context_.get_executor()}, acceptor_{context_.get_executor()},
      timer_{context_.get_executor()}, tick_{tick_for(shared.settings.timeouts)} {}

Loop::~Loop() {
    join();
    for_each_connection([](Connection& connection) { connection.close(); });
}

boost::system::error_code Loop::listen(Tcp::endpoint const& endpoint) {
    boost::system::error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address{true}, error);
    int const on = 1;
    if (!error && ::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        error.assign(errno, boost::system::system_category());
    if (!error && endpoint.address().is_v6()) acceptor_.set_option(asio::ip::v6_only{false}, error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) acceptor_.native_non_blocking(true, error);
    return error;
}

Tcp::endpoint Loop::local_endpoint() const { return acceptor_.local_endpoint(); }

void Loop::start() {
    post([this] { wait_for_accept(); });
    thread_ = std::thread{[this] { run(); }};
}

void Loop::run() {
    for (;;) {
        try {
            context_.run();
            return;
        } catch (std::exception const& fault) {
            count(shared_.counters.faults);
            shared_.log.error("http.loop_fault", {{"what", fault.what()}});
            out.clear();
        }
    }
}

void Loop::join() {
    if (thread_.joinable()) thread_.join();
}

void Loop::wait_for_accept() {
    acceptor_.async_wait(asio::socket_base::wait_read, [this](boost::system::error_code error) {
        if (error || !acceptor_.is_open()) return;
        try {
            accept_some();
        } catch (std::exception const& fault) {
            count(shared_.counters.faults);
            shared_.log.error("http.accept_fault", {{"what", fault.what()}});
        }
        if (!accept_paused_) wait_for_accept();
    });
}

bool Loop::accept_some() {
    for (int i = 0; i < accepts_per_round; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        int const descriptor =
            ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                // The backlog holds newcomers until descriptors are free; asking again at once would only spin. So the next sweep
                // asks, and the log hears of it now and then.
                auto const why = errno;
                auto const now = shared_.clock.monotonic();
                if (now >= warn_again_) {
                    shared_.log.warning("http.accept_paused", {{"error", std::strerror(why)}});
                    warn_again_ = now + between_warnings;
                }
                accept_paused_ = true;
                arm_sweep();
            }
            return false;
        }
        Socket socket{context_.get_executor()};
        boost::system::error_code error;
        socket.assign(address.ss_family == AF_INET6 ? Tcp::v6() : Tcp::v4(), descriptor, error);
        if (error) ::close(descriptor);
        else open(std::move(socket), address_text(address));
    }
    return true;
}

void Loop::open(Socket socket, std::string peer) {
    auto const tls = shared_.tls();
    if (!shared_.admit_connection(peer)) return turn_away(socket.native_handle(), tls != nullptr, date());
    int const on = 1;
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    try {
        auto ssl = tls ? tls->accept_on(socket.native_handle()) : nullptr;
        if (!tls || ssl) return std::make_shared<Connection>(*this, std::move(socket), std::move(ssl), peer)->start();
    } catch (std::bad_alloc const&) {
        // start() does not throw: there was no memory for the connection itself.
    }
    shared_.forget_connection(peer);
}

void Loop::drain() {
    shared_.expect_drain();
    post([this] {
        if (acceptor_.is_open()) {
            // A client whose connection the kernel has already completed would see a reset; so it is served.
            while (!accept_paused_ && accept_some()) {
            }
            boost::system::error_code ignored;
            acceptor_.close(ignored);
        }
        for_each_connection([](Connection& connection) { connection.begin_drain(); });
        shared_.drain_begun();
    });
}

void Loop::halt() {
    post([this] {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        for_each_connection([](Connection& connection) { connection.close(); });
        timer_.cancel();
        guard_.reset();
    });
}

template <class Function>
void Loop::for_each_connection(Function function) {
    for (auto* connection = first_; connection != nullptr;) {
        auto* const next = connection->next;  // `function` may close, and so remove, this one; never another
        function(*connection);
        connection = next;
    }
}

void Loop::add(Connection& connection) {
    connection.next = first_;
    if (first_ != nullptr) first_->previous = &connection;
    first_ = &connection;
    arm_sweep();
}

void Loop::remove(Connection& connection) {
    if (connection.previous != nullptr) connection.previous->next = connection.next;
    else first_ = connection.next;
    if (connection.next != nullptr) connection.next->previous = connection.previous;
    connection.previous = connection.next = nullptr;
}

void Loop::deliver(std::unique_ptr<Completion> completion) noexcept {
    {
        std::lock_guard const lock{finished_mutex_};
        auto* const added = completion.get();
        bool const first = finished_ == nullptr;
        (first ? finished_ : last_finished_->next_finished_) = std::move(completion);
        last_finished_ = added;
        if (!first) return;  // whoever was first has called the loop
    }
    try {
        post([this] { conclude_finished(); });
    } catch (std::exception const&) {
        // No memory for the call: the next sweep comes round to it.
    }
}

void Loop::conclude_finished() {
    std::unique_ptr<Completion> list;
    {
        std::lock_guard const lock{finished_mutex_};
        list = std::move(finished_);
        last_finished_ = nullptr;
    }
    while (list) {
        auto next = std::move(list->next_finished_);
        list->conclude();
        list = std::move(next);
    }
}

void Loop::arm_sweep() {
    if (sweeping_) return;
    sweeping_ = true;
    timer_.expires_after(tick_);
    timer_.async_wait([this](boost::system::error_code error) {
        sweeping_ = false;
        if (!error) sweep();
    });
}

void Loop::sweep() {
    // Armed first: whatever goes wrong below, deadlines go on being kept.
    if (first_ != nullptr) arm_sweep();
    if (accept_paused_ && acceptor_.is_open()) {
        accept_paused_ = false;
        wait_for_accept();
    }
    conclude_finished();
    auto const now = shared_.clock.monotonic();
    for_each_connection([now](Connection& connection) { connection.expire(now); });
}

std::string_view Loop::date() {
    auto const now = shared_.clock.now();
    auto const second = std::chrono::floor<std::chrono::seconds>(now);
    if (second != date_for_ || date_.empty()) {
        date_ = http_date(now);
        date_for_ = second;
    }
    return date_;
}

}  // namespace zephyr::http::server
