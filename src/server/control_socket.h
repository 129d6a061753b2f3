// Commands for a running server, from the same user on the same machine: a Unix socket in the data folder, 0600.
//
// One request and one answer per connection, each a JSON object behind its length (four bytes, big-endian).
#pragma once

#include <filesystem>
#include <functional>
#include <thread>

#include "zephyr/foundation/log.h"
#include "zephyr/server/node.h"

namespace zephyr::server {

class ControlSocket {
public:
    // Replaces a socket file that an earlier process left: the caller holds the folder's lock. Throws Fault when it can't listen.
    ControlSocket(std::filesystem::path path, Log& log, std::function<ControlAnswer(ControlRequest const&)> handler);
    ~ControlSocket();
    ControlSocket(ControlSocket const&) = delete;
    ControlSocket& operator=(ControlSocket const&) = delete;

private:
    void accept_loop();
    void answer(int connection);

    std::filesystem::path path_;
    Log& log_;
    std::function<ControlAnswer(ControlRequest const&)> handler_;
    int listener_ = -1;
    int wake_[2] = {-1, -1};
    std::thread thread_;
};

// Asks the server that holds this data folder. Nothing when nobody listens there.
std::optional<ControlAnswer> ask_running_server(std::filesystem::path const& data, ControlRequest const& request);

}  // namespace zephyr::server
