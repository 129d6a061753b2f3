// One running Zephyr: a data folder held, its keys and database opened and checked, and the stack over them. The server, the offline
// command line and programs that embed Zephyr all begin here:
//
//   auto node = zephyr::server::Node::open(settings, outside);
//   node.value()->app().get("/reports", require_login | require_mfa, …);
//   return node.value()->serve();
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/config/settings.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/http/app.h"
#include "zephyr/server/data_folder.h"

namespace zephyr {
struct Stack;
}

namespace zephyr::server {

// The world: real in main, virtual in tests.
struct Outside {
    Clock const& clock;
    Random& random;
    Log& log;
};

// A command that came through the control socket: arguments and standard input in, what to print and the exit code out.
struct ControlRequest {
    std::vector<std::string> arguments;
    std::string input;
};
struct ControlAnswer {
    int exit_code = 0;
    std::string output;
    std::string errors;
};
using ControlHandler = std::function<ControlAnswer(Stack&, ControlRequest const&)>;

class Node {
public:
    // Fails with server.folder_*, crypto.key_file_*, crypto.master_key_mismatch, storage.schema_*; each with a reason for the operator.
    // Throws StorageFault when the database can't be reached.
    static Result<std::unique_ptr<Node>> open(config::Settings settings, Outside outside);
    ~Node();
    Node(Node const&) = delete;
    Node& operator=(Node const&) = delete;

    Stack& stack() { return *stack_; }
    http::App& app();
    config::Settings const& settings() const;  // with the port that was chosen

    struct ServeOptions {
        // Told where to go once the server listens: its address, and the set-up link while there is no administrator. Never logged.
        std::function<void(std::string const& url, std::optional<std::string> const& setup_link)> on_listening = {};
        ControlHandler on_command = {};      // absent: no control socket
        std::function<bool()> until = {};    // asked often; true stops. Absent: SIGINT or SIGTERM
        // False: another server listens at settings().server.listen and hands requests to app() (bridges/). The rest of a node goes on
        // here: background work, the control socket, the record of start and stop.
        bool listen = true;
    };
    // Serves until told to stop, then drains. 0, or 1 when the listener can't be opened (the log says why).
    int serve(ServeOptions const& options);
    int serve() { return serve(ServeOptions{}); }

private:
    Node(DataFolder folder, std::unique_ptr<Stack> stack, Outside outside);

    DataFolder folder_;
    Outside outside_;
    std::unique_ptr<Stack> stack_;
};

// Settings for a program that embeds Zephyr: defaults, then the file of "--config", the environment, then these flags ("--data", "--listen",
// …), as `zephyr serve` reads them. The problems, one a line, when they are wrong.
struct Loading {
    std::optional<config::Settings> settings;
    std::string problems;
};
Loading load_settings(int argc, char const* const* argv);

}  // namespace zephyr::server
