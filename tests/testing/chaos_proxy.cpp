#include "testing/chaos_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "zephyr/foundation/fault.h"

namespace zephyr::testing {

namespace {

using SteadyClock = std::chrono::steady_clock;
using Time = SteadyClock::time_point;

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t most_waiting = 1024 * 1024;  // of one direction; then the sender feels it

// A socket that closes itself.
class Descriptor {
public:
    explicit Descriptor(int number = -1) : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor() { close(); }
    operator int() const { return number_; }
    void close() {
        if (number_ >= 0) ::close(number_);
        number_ = -1;
    }
    // RST instead of FIN.
    void reset() {
        linger const now{1, 0};
        ::setsockopt(number_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    // FIN: unread bytes would turn it into RST.
    void finish() {
        ::shutdown(number_, SHUT_WR);
        std::array<char, 4096> rest;
        while (::recv(number_, rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
        }
        close();
    }

private:
    int number_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

Descriptor connect_to(ChaosProxy::Upstream const& upstream) {
    if (!upstream.unix_socket.empty()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, upstream.unix_socket.c_str(), sizeof address.sun_path - 1);
        Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Descriptor{};
        return socket;
    }
    auto address = loopback(upstream.port);
    Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Descriptor{};
    return socket;
}

void prepare(Descriptor const& socket) {
    int const on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // pieces stay pieces; a Unix socket does not mind
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
}

// One direction of one connection.
struct Way {
    struct Piece {
        std::string bytes;
        Time due;
    };
    std::deque<Piece> waiting;
    std::size_t waiting_bytes = 0;
    std::size_t passed = 0;     // since the mischief was set
    std::size_t corrupted = 0;  // position in the cycle of corrupt_every
    Time next_send{};           // for a limited rate
    bool ended = false;         // the sender has finished
    bool end_sent = false;
    bool blocked = false;  // the receiver takes no more for now
};

struct Link {
    Descriptor client, server;
    std::array<Way, 2> ways;
    Time born;
    bool gone = false;

    Descriptor& from(std::size_t way) { return way == 0 ? client : server; }
    Descriptor& to(std::size_t way) { return way == 0 ? server : client; }
};

}  // namespace

class ChaosProxy::Implementation {
public:
    explicit Implementation(Upstream to) : upstream_{std::move(to)}, wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
        listen();
        thread_ = std::thread{[this] { run(); }};
    }
    ~Implementation() {
        change([&] { stopping_ = true; });
        thread_.join();
    }

    template <class F>
    void change(F what) {
        {
            std::lock_guard const lock{mutex_};
            what();
        }
        std::uint64_t const one = 1;
        (void)!::write(wake_, &one, sizeof one);
    }

    void set(std::size_t way, Mischief mischief) {
        mischief_[way] = mischief;
        for (auto& link : links_) {
            link.ways[way].passed = link.ways[way].corrupted = 0;
            // What waited for a delay or a black hole that is over goes now.
            if (mischief.delay.count() == 0) {
                for (auto& piece : link.ways[way].waiting) piece.due = Time{};
            }
            link.ways[way].next_send = Time{};
        }
    }

    void set_welcome(Welcome how) {
        welcome_ = how;
        if (how == Welcome::refuse) listener_.close();
        else if (listener_ < 0) listen();
    }

    void cut(Link& link, Cut how) {
        if (link.gone) return;
        for (auto* end : {&link.client, &link.server}) how == Cut::reset ? end->reset() : end->finish();
        link.gone = true;
        ++cut_;
    }

    void cut_all(Cut how) {
        for (auto& link : links_) cut(link, how);
    }

    Stats stats() const {
        std::lock_guard const lock{mutex_};
        Stats stats{.accepted = accepted_, .cut = cut_, .bytes = bytes_, .pieces = pieces_};
        for (auto const& link : links_) {
            if (link.gone) continue;
            ++stats.open;
            stats.waiting_bytes += link.ways[0].waiting_bytes + link.ways[1].waiting_bytes;
        }
        return stats;
    }

    std::uint16_t port_ = 0;
    Upstream upstream_;
    std::optional<std::pair<std::chrono::milliseconds, Cut>> life_;

private:
    void listen() {
        auto address = loopback(port_);
        Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        int const on = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        socklen_t size = sizeof address;
        if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket, 128) != 0 ||
            ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            throw Fault{std::string{"the proxy cannot listen: "} + std::strerror(errno)};
        }
        port_ = ntohs(address.sin_port);
        listener_ = std::move(socket);
    }

    void run() {
        std::unique_lock lock{mutex_};
        while (!stopping_) {
            auto const now = SteadyClock::now();
            auto wait = work(now);
            std::vector<pollfd> polled{{wake_, POLLIN, 0}};
            if (listener_ >= 0 && welcome_ == Welcome::serve) polled.push_back({listener_, POLLIN, 0});
            for (auto& link : links_) {
                for (std::size_t way = 0; way < 2; ++way) {
                    if (wants_read(link, way)) polled.push_back({link.from(way), POLLIN, 0});
                    if (link.ways[way].blocked) polled.push_back({link.to(way), POLLOUT, 0});
                }
            }
            lock.unlock();
            ::poll(polled.data(), polled.size(), static_cast<int>(wait.count()));
            std::uint64_t ignored = 0;
            (void)!::read(wake_, &ignored, sizeof ignored);
            lock.lock();
        }
    }

    // Everything that can be done now; how long until something may be done without news from a socket.
    std::chrono::milliseconds work(Time now) {
        accept_new(now);
        auto next = now + std::chrono::seconds{10};
        for (auto& link : links_) {
            if (life_ && now >= link.born + life_->first) cut(link, life_->second);
            if (life_) next = std::min(next, link.born + life_->first);
            for (std::size_t way = 0; way < 2 && !link.gone; ++way) {
                take(link, way, now);
                if (!link.gone) hand_on(link, way, now, next);
            }
            if (!link.gone && link.ways[0].end_sent && link.ways[1].end_sent) link.gone = true;
        }
        links_.remove_if([](Link const& link) { return link.gone; });
        auto const wait = std::chrono::ceil<std::chrono::milliseconds>(next - now);
        return std::max(wait, std::chrono::milliseconds{0});
    }

    void accept_new(Time now) {
        while (welcome_ == Welcome::serve && listener_ >= 0) {
            Descriptor client{::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)};
            if (client < 0) return;
            ++accepted_;
            auto server = connect_to(upstream_);
            if (server < 0) {
                client.reset();
                continue;
            }
            prepare(client);
            prepare(server);
            links_.emplace_back().born = now;
            links_.back().client = std::move(client);
            links_.back().server = std::move(server);
        }
    }

    static bool wants_read(Link& link, std::size_t way) {
        auto const& state = link.ways[way];
        return !link.gone && !state.ended && state.waiting_bytes < most_waiting;
    }

    void take(Link& link, std::size_t way, Time now) {
        auto& state = link.ways[way];
        while (wants_read(link, way)) {
            std::string bytes(read_bytes, '\0');
            auto const size = ::recv(link.from(way), bytes.data(), bytes.size(), 0);
            if (size < 0 && errno == EAGAIN) return;
            if (size < 0) {  // reset by its sender: the receiver sees one too
                link.client.reset();
                link.server.reset();
                link.gone = true;
                return;
            }
            if (size == 0) {
                state.ended = true;
                return;
            }
            bytes.resize(static_cast<std::size_t>(size));
            state.waiting_bytes += bytes.size();
            state.waiting.push_back({std::move(bytes), now + mischief_[way].delay});
        }
    }

    // How many of the waiting bytes may go in one send.
    std::size_t allowed(Way const& state, Mischief const& mischief) const {
        auto size = state.waiting.front().bytes.size();
        if (mischief.piece_bytes > 0) size = std::min(size, mischief.piece_bytes);
        if (mischief.bytes_per_second > 0) size = std::min(size, std::max<std::size_t>(1, mischief.bytes_per_second / 100));
        if (mischief.hold || mischief.finish || mischief.reset) {
            size = std::min(size, mischief.after > state.passed ? mischief.after - state.passed : 0);
        }
        return size;
    }

    void hand_on(Link& link, std::size_t way, Time now, Time& next) {
        auto& state = link.ways[way];
        auto const& mischief = mischief_[way];
        state.blocked = false;
        while (!state.waiting.empty()) {
            auto& piece = state.waiting.front();
            auto const due = std::max(piece.due, state.next_send);
            if (due > now) {
                next = std::min(next, due);
                return;
            }
            auto const size = allowed(state, mischief);
            if (size == 0) {
                if (!mischief.hold) cut(link, mischief.finish ? Cut::finish : Cut::reset);
                return;
            }
            auto sent = piece.bytes.substr(0, size);
            auto position = state.corrupted;
            for (auto& byte : sent) {
                if (mischief.corrupt_every > 0 && ++position % mischief.corrupt_every == 0) byte = static_cast<char>(~byte);
            }
            auto const done = ::send(link.to(way), sent.data(), sent.size(), MSG_NOSIGNAL);
            if (done < 0) {
                state.blocked = errno == EAGAIN;
                if (!state.blocked) {  // the receiver is gone: the sender will hear of it at its next byte
                    link.from(way).reset();
                    link.gone = true;
                }
                return;
            }
            auto const count = static_cast<std::size_t>(done);
            if (mischief.corrupt_every > 0) state.corrupted += count;
            state.passed += count;
            state.waiting_bytes -= count;
            bytes_[way] += count;
            ++pieces_[way];
            piece.bytes.erase(0, count);
            if (piece.bytes.empty()) state.waiting.pop_front();
            if (mischief.bytes_per_second > 0) {
                state.next_send = now + std::chrono::nanoseconds{1'000'000'000LL * static_cast<long long>(count) /
                                                                 static_cast<long long>(mischief.bytes_per_second)};
            }
        }
        bool const held = mischief.hold && state.passed >= mischief.after;
        if (state.ended && !state.end_sent && !held) {
            ::shutdown(link.to(way), SHUT_WR);
            state.end_sent = true;
        }
    }

    std::mutex mutable mutex_;
    std::array<Mischief, 2> mischief_{};
    Welcome welcome_ = Welcome::serve;
    bool stopping_ = false;
    std::list<Link> links_;
    std::size_t accepted_ = 0, cut_ = 0;
    std::array<std::size_t, 2> bytes_{}, pieces_{};
    Descriptor listener_;
    Descriptor wake_;
    std::thread thread_;
};

ChaosProxy::ChaosProxy(Upstream upstream) : implementation_{std::make_unique<Implementation>(std::move(upstream))} {}
ChaosProxy::~ChaosProxy() = default;

std::uint16_t ChaosProxy::port() const { return implementation_->port_; }

void ChaosProxy::set(Direction direction, Mischief mischief) {
    implementation_->change([&] { implementation_->set(static_cast<std::size_t>(direction), mischief); });
}

void ChaosProxy::set_both(Mischief mischief) {
    implementation_->change([&] {
        implementation_->set(0, mischief);
        implementation_->set(1, mischief);
    });
}

void ChaosProxy::welcome(Welcome how) {
    implementation_->change([&] { implementation_->set_welcome(how); });
}

void ChaosProxy::limit_life(std::chrono::milliseconds life, Cut how) {
    implementation_->change([&] {
        implementation_->life_.reset();
        if (life.count() > 0) implementation_->life_ = {life, how};
    });
}

void ChaosProxy::cut_all(Cut how) {
    implementation_->change([&] { implementation_->cut_all(how); });
}

void ChaosProxy::move_to(Upstream upstream) {
    implementation_->change([&] { implementation_->upstream_ = std::move(upstream); });
}

void ChaosProxy::heal() {
    implementation_->change([&] {
        implementation_->life_.reset();
        implementation_->set(0, {});
        implementation_->set(1, {});
        implementation_->set_welcome(Welcome::serve);
    });
}

ChaosProxy::Stats ChaosProxy::stats() const { return implementation_->stats(); }

}  // namespace zephyr::testing
