#include "server/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zephyr/foundation/fault.h"

namespace zephyr::server {

std::uint16_t free_port(config::Endpoint const& endpoint) {
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    four.sin_family = AF_INET;
    bool const is_six = ::inet_pton(AF_INET6, endpoint.host.c_str(), &six.sin6_addr) == 1;
    if (!is_six && ::inet_pton(AF_INET, endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host.c_str(), &four.sin_addr) != 1) {
        throw Fault{"no address: " + endpoint.host};
    }
    auto* address = is_six ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    socklen_t size = is_six ? sizeof six : sizeof four;
    int const probe = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool const found = probe >= 0 && ::bind(probe, address, size) == 0 && ::getsockname(probe, address, &size) == 0;
    if (probe >= 0) ::close(probe);
    if (!found) throw Fault{"no free port on " + endpoint.host};
    return ntohs(is_six ? six.sin6_port : four.sin_port);
}

}  // namespace zephyr::server
