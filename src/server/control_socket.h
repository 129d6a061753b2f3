// Commands for a running server, from the same user on the same machine: a Unix socket in the data folder, 0600.
//
// One request and one answer per connection, each a JSON object behind its length (four bytes, big-endian). Commands run one
// after another; each connection has a thread of its own, so that whoever sends or reads slowly keeps nobody else waiting.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/result.h"
#include "zephyr/server/node.h"

namespace zephyr::server {

namespace errors {
// There can be no control socket in this data folder: its path is too long, or the folder is not writable.
inline constexpr Failure no_control_socket{Kind::invalid, "server.no_control_socket"};
}  // namespace errors

class ControlSocket {
public:
    // Listens at `path`, replacing a socket file that an earlier process left: the caller holds the folder's lock. Fails with
    // no_control_socket and a sentence for the operator.
    static Result<std::unique_ptr<ControlSocket>> open(std::filesystem::path path, Clock const& clock, Log& log,
                                                       std::function<ControlAnswer(ControlRequest const&)> handler);
    // Lets a command that runs finish, and gives answers under way a second to be read.
    ~ControlSocket();
    ControlSocket(ControlSocket const&) = delete;
    ControlSocket& operator=(ControlSocket const&) = delete;

private:
    struct Client {
        int connection;
        bool done = false;  // guarded by mutex_
        std::thread thread{};
    };

    ControlSocket(std::filesystem::path path, Clock const& clock, Log& log, std::function<ControlAnswer(ControlRequest const&)> handler);
    Result<void> listen();
    void accept_loop();
    void admit(int connection);
    void serve(int connection);
    ControlAnswer run(ControlRequest const& request);
    void reap();
    void hang_up(int how);

    std::filesystem::path path_;
    Clock const& clock_;
    Log& log_;
    std::function<ControlAnswer(ControlRequest const&)> handler_;
    int listener_ = -1;
    int wake_[2] = {-1, -1};
    std::mutex commands_;  // held by the one command that runs
    std::mutex mutex_;
    std::condition_variable left_;
    std::list<Client> clients_;
    std::thread thread_;
};

// Asks the server that holds this data folder. Nothing when nobody listens there; an answer that says so when the server is
// there but the conversation failed.
std::optional<ControlAnswer> ask_running_server(std::filesystem::path const& data, ControlRequest const& request);

}  // namespace zephyr::server
