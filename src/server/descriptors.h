// File descriptors: one a connection, and some for everything else.
#pragma once

#include <cstddef>

#include "zephyr/config/settings.h"
#include "zephyr/foundation/log.h"

namespace zephyr::server {

// Raises this process's limit as far as server.max_connections needs and the system allows. How many connections fit: fewer
// than asked, and a warning, when the system allows too little; the database must not be starved by clients.
std::size_t fitting_connections(config::Settings const& settings, Log& log);

}  // namespace zephyr::server
