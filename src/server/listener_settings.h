// The porch's settings from the file's.
#pragma once

#include "zephyr/config/settings.h"
#include "zephyr/http/server.h"

namespace zephyr::server {

http::server::ServerSettings listener_settings(config::Settings const& settings);

}  // namespace zephyr::server
