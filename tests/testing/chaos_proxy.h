// A TCP proxy that misbehaves on demand, between two parts that must survive a bad network: it delays, trickles, splits, corrupts, holds
// back and cuts, each direction for itself, and every switch works while connections are open. One thread; stands on 127.0.0.1.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace zephyr::testing {

enum class Cut { finish, reset };  // FIN after what was sent, or RST at once
enum class Direction { to_server, to_client };
// What becomes of a new connection: served; refused by the kernel; or connected by the kernel and then left waiting.
enum class Welcome { serve, refuse, ignore };

// What happens to the bytes of one direction. The default hands everything on at once.
struct Mischief {
    std::chrono::milliseconds delay{0};  // each byte arrives so much later; order is kept
    std::size_t bytes_per_second = 0;    // 0: as fast as they come
    std::size_t piece_bytes = 0;         // at most so many bytes in one send; 0: as they come
    std::size_t corrupt_every = 0;       // of every so many bytes the last one has its bits turned over; 0: none
    // The first that is set happens to the byte after the next `after` bytes of the connection, counted from set(): with 0, as soon as
    // there is data.
    bool hold = false;  // a black hole: nothing passes. What waited arrives when it ends, as TCP's repeated packets would
    bool finish = false;
    bool reset = false;
    std::size_t after = 0;
};

class ChaosProxy {
public:
    // The real server: a port of 127.0.0.1, or a Unix socket.
    struct Upstream {
        std::uint16_t port = 0;
        std::string unix_socket = {};
    };

    explicit ChaosProxy(Upstream upstream);  // throws Fault when it cannot listen
    ~ChaosProxy();
    ChaosProxy(ChaosProxy const&) = delete;
    ChaosProxy& operator=(ChaosProxy const&) = delete;

    std::uint16_t port() const;

    // For the connections there are and those to come; what was set before for this direction ends.
    void set(Direction direction, Mischief mischief);
    void set_both(Mischief mischief);
    void welcome(Welcome how);
    // Every connection, open ones too, is cut when it has lasted so long. 0: no limit.
    void limit_life(std::chrono::milliseconds life, Cut how = Cut::reset);
    void cut_all(Cut how);
    // New connections go there: a failover.
    void move_to(Upstream upstream);
    // Serves, without any mischief. Connections already cut stay cut.
    void heal();

    struct Stats {
        std::size_t open = 0;
        std::size_t accepted = 0;                   // ever
        std::size_t cut = 0;                        // by mischief, limit_life and cut_all
        std::array<std::size_t, 2> bytes{};         // handed on, by Direction
        std::array<std::size_t, 2> pieces{};        // sends they took
        std::size_t waiting_bytes = 0;              // taken and not yet handed on
    };
    Stats stats() const;

private:
    class Implementation;
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace zephyr::testing
