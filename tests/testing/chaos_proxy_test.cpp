// The proxy does to a connection what it was told, and nothing else. The other end is a server that says back what it hears.
#include "testing/chaos_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace zephyr::testing {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto patience = 10'000ms;  // longer than anything here takes, sanitizers included

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

class Peer {
public:
    explicit Peer(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        auto address = loopback(port);
        error_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
    }
    ~Peer() { ::close(socket_); }
    Peer(Peer const&) = delete;
    Peer& operator=(Peer const&) = delete;

    int error() const { return error_; }
    void send(std::string_view bytes) { (void)!::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    void finish() { ::shutdown(socket_, SHUT_WR); }
    // Up to `size` bytes; fewer when the connection ends or nothing comes for `wait`.
    std::string receive(std::size_t size, std::chrono::milliseconds wait = patience) {
        std::string bytes;
        while (bytes.size() < size) {
            pollfd entry{socket_, POLLIN, 0};
            if (::poll(&entry, 1, static_cast<int>(wait.count())) == 0) break;
            char buffer[16 * 1024];
            auto const got = ::recv(socket_, buffer, std::min(sizeof buffer, size - bytes.size()), 0);
            error_ = got < 0 ? errno : 0;
            ended_ = got <= 0;
            if (ended_) break;
            bytes.append(buffer, static_cast<std::size_t>(got));
        }
        return bytes;
    }
    bool ended() {  // by FIN
        return receive(1).empty() && ended_ && error_ == 0;
    }
    bool was_reset() {
        return receive(1).empty() && error_ == ECONNRESET;
    }
    std::string echo(std::string_view bytes) {
        send(bytes);
        return receive(bytes.size());
    }

private:
    int socket_;
    int error_ = 0;
    bool ended_ = false;
};

// Says back what it hears, until its client has finished.
class EchoServer {
public:
    explicit EchoServer(std::string greeting = {}) : greeting_{std::move(greeting)} {
        auto address = loopback(0);
        socklen_t size = sizeof address;
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(listener_, 64);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread{[this] { accept(); }};
    }
    ~EchoServer() {
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        for (auto& client : clients_) client.join();
        ::close(listener_);
    }
    std::uint16_t port() const { return port_; }
    int resets() const { return resets_; }

private:
    void accept() {
        for (;;) {
            int const client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) return;
            clients_.emplace_back([this, client] { serve(client); });
        }
    }
    void serve(int client) {
        (void)!::send(client, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
        char buffer[16 * 1024];
        ssize_t got = 0;
        while ((got = ::recv(client, buffer, sizeof buffer, 0)) > 0) {
            (void)!::send(client, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL);
        }
        if (got < 0 && errno == ECONNRESET) ++resets_;
        ::close(client);
    }

    std::string greeting_;
    int listener_;
    std::uint16_t port_ = 0;
    std::atomic<int> resets_{0};
    std::vector<std::thread> clients_;
    std::thread acceptor_;
};

class Chaos : public ::testing::Test {
protected:
    Peer peer() { return Peer{proxy.port()}; }
    template <class F>
    static std::chrono::milliseconds duration_of(F work) {
        auto const start = SteadyClock::now();
        work();
        return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - start);
    }
    template <class F>
    static bool eventually(F condition) {
        for (auto const end = SteadyClock::now() + patience; SteadyClock::now() < end; std::this_thread::sleep_for(1ms)) {
            if (condition()) return true;
        }
        return false;
    }

    EchoServer server;
    ChaosProxy proxy{{.port = server.port()}};
};

}  // namespace

TEST_F(Chaos, without_mischief_a_megabyte_passes_both_ways_unchanged) {
    std::string bytes(1'000'000, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
    auto one = peer();
    std::thread sender{[&] { one.send(bytes); }};
    auto const back = one.receive(bytes.size());
    sender.join();
    EXPECT_TRUE(back == bytes);
    EXPECT_EQ(proxy.stats().bytes, (std::array<std::size_t, 2>{bytes.size(), bytes.size()}));
}

TEST_F(Chaos, a_half_close_is_passed_on_and_the_answer_still_comes) {
    auto one = peer();
    one.send("last words");
    one.finish();
    EXPECT_EQ(one.receive(10), "last words");
    EXPECT_TRUE(one.ended());
    EXPECT_TRUE(eventually([&] { return proxy.stats().open == 0; }));
    EXPECT_EQ(proxy.stats().cut, 0u);
}

TEST_F(Chaos, a_delay_holds_for_its_direction_and_keeps_the_order) {
    auto one = peer();
    EXPECT_EQ(one.echo("x"), "x");
    proxy.set(Direction::to_client, {.delay = 80ms});
    EXPECT_GE(duration_of([&] { EXPECT_EQ(one.echo("x"), "x"); }), 80ms);
    proxy.set_both({.delay = 60ms});
    EXPECT_GE(duration_of([&] {
        for (auto const* word : {"a", "b", "c", "d"}) one.send(word);
        EXPECT_EQ(one.receive(4), "abcd");
    }),
              120ms);
}

TEST_F(Chaos, a_trickle_takes_the_time_its_rate_says) {
    auto one = peer();
    proxy.set(Direction::to_server, {.bytes_per_second = 1000});
    std::string const bytes(250, 't');
    EXPECT_GE(duration_of([&] { EXPECT_EQ(one.echo(bytes), bytes); }), 230ms);
    proxy.heal();
    EXPECT_EQ(one.echo("quick again"), "quick again");
}

TEST_F(Chaos, pieces_are_as_small_as_was_asked) {
    auto one = peer();
    proxy.set(Direction::to_server, {.piece_bytes = 3});
    EXPECT_EQ(one.echo("twelve bytes"), "twelve bytes");
    EXPECT_EQ(proxy.stats().pieces[0], 4u);
}

TEST_F(Chaos, corruption_turns_over_every_nth_byte_and_no_other) {
    auto one = peer();
    proxy.set(Direction::to_client, {.corrupt_every = 4});
    std::string expected = "abcdefghijkl";
    for (std::size_t const at : {3u, 7u, 11u}) expected[at] = static_cast<char>(~expected[at]);
    EXPECT_EQ(one.echo("abcdefghijkl"), expected);
    proxy.heal();
    EXPECT_EQ(one.echo("abcdefghijkl"), "abcdefghijkl");
}

TEST_F(Chaos, a_cut_comes_after_exactly_so_many_bytes) {
    for (bool const reset : {false, true}) {
        proxy.heal();
        auto one = peer();
        EXPECT_EQ(one.echo("before"), "before");
        proxy.set(Direction::to_client, {.finish = !reset, .reset = reset, .after = 5});
        one.send("after that");
        EXPECT_EQ(one.receive(5), "after");
        EXPECT_TRUE(reset ? one.was_reset() : one.ended());
    }
    EXPECT_EQ(proxy.stats().cut, 2u);
    EXPECT_TRUE(eventually([&] { return server.resets() == 1; }));
}

TEST_F(Chaos, a_cut_on_data_leaves_a_silent_connection_alone) {
    auto one = peer();
    EXPECT_EQ(one.echo("x"), "x");
    proxy.set(Direction::to_server, {.reset = true});
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(proxy.stats().open, 1u);
    one.send("x");
    EXPECT_TRUE(one.was_reset());
}

TEST_F(Chaos, what_a_black_hole_held_arrives_whole_when_it_ends) {
    auto one = peer();
    proxy.set(Direction::to_server, {.hold = true, .after = 4});
    one.send("four and the rest");
    EXPECT_EQ(one.receive(17, 100ms), "four");
    EXPECT_EQ(proxy.stats().waiting_bytes, 13u);
    proxy.heal();
    EXPECT_EQ(one.receive(13), " and the rest");
    // Even the end of a connection does not get out of one.
    proxy.set(Direction::to_server, {.hold = true});
    one.finish();
    EXPECT_EQ(one.receive(1, 50ms), "");
    EXPECT_EQ(proxy.stats().open, 1u);
    proxy.heal();
    EXPECT_TRUE(one.ended());
}

TEST_F(Chaos, refuses_newcomers_keeps_those_it_has_and_comes_back_at_the_same_port) {
    auto one = peer();
    EXPECT_EQ(one.echo("x"), "x");
    auto const port = proxy.port();
    proxy.welcome(Welcome::refuse);
    EXPECT_TRUE(eventually([&] { return Peer{port}.error() == ECONNREFUSED; }));
    EXPECT_EQ(one.echo("y"), "y");
    proxy.heal();
    EXPECT_EQ(proxy.port(), port);
    EXPECT_EQ(Peer{port}.echo("z"), "z");
}

TEST_F(Chaos, leaves_newcomers_waiting_until_they_are_welcome) {
    proxy.welcome(Welcome::ignore);
    auto one = peer();
    EXPECT_EQ(one.error(), 0);
    one.send("hello");
    EXPECT_EQ(one.receive(5, 50ms), "");
    proxy.welcome(Welcome::serve);
    EXPECT_EQ(one.receive(5), "hello");
}

TEST_F(Chaos, no_connection_outlives_the_limit) {
    proxy.limit_life(200ms);
    auto one = peer();
    EXPECT_EQ(one.echo("x"), "x");
    EXPECT_TRUE(one.was_reset());
    proxy.heal();
    auto other = peer();
    EXPECT_EQ(other.receive(1, 250ms), "");
    EXPECT_EQ(other.echo("x"), "x");
}

TEST_F(Chaos, cuts_all_at_once) {
    auto one = peer();
    auto other = peer();
    EXPECT_EQ(one.echo("x") + other.echo("y"), "xy");
    proxy.cut_all(Cut::finish);
    EXPECT_TRUE(one.ended());
    EXPECT_TRUE(other.ended());
    EXPECT_EQ(proxy.stats().cut, 2u);
}

TEST_F(Chaos, sends_new_connections_elsewhere_and_old_ones_on) {
    EchoServer second{"second"};
    auto one = peer();
    EXPECT_EQ(one.echo("x"), "x");
    proxy.move_to({.port = second.port()});
    EXPECT_EQ(Peer{proxy.port()}.receive(6), "second");
    EXPECT_EQ(one.echo("y"), "y");
}

TEST_F(Chaos, resets_its_client_when_the_server_is_not_there) {
    std::uint16_t gone = 0;
    {
        EchoServer short_lived;
        gone = short_lived.port();
    }
    proxy.move_to({.port = gone});
    EXPECT_TRUE(peer().was_reset());
    proxy.move_to({.port = server.port()});
    EXPECT_EQ(peer().echo("x"), "x");
}

}  // namespace zephyr::testing
