// A port nobody listens on, for "port 0".
#pragma once

#include <cstdint>

#include "zephyr/config/settings.h"

namespace zephyr::server {

// Throws Fault when the address has none, or is no address of this machine.
std::uint16_t free_port(config::Endpoint const& endpoint);

}  // namespace zephyr::server
