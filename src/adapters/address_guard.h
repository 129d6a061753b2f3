// Which addresses a request from inside may reach.
#pragma once

#include <sys/socket.h>

namespace zephyr::adapters {

// Reachable on the Internet at large: not one of the blocks IANA keeps for private networks, the machine itself, links, documentation,
// translation or groups (RFC 6890 and the registries it set up). False for every other family than IPv4 and IPv6.
bool is_public_address(sockaddr const* address);
// 127.0.0.0/8 and ::1.
bool is_loopback_address(sockaddr const* address);

}  // namespace zephyr::adapters
