// The command line: `zephyr COMMAND …`. One file per command in src/cli/.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "zephyr/server/node.h"

namespace zephyr::cli {

struct Console {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
};

// Exit codes, documented in docs/reference/cli.md.
namespace exit_code {
inline constexpr int done = 0;
inline constexpr int refused = 1;
inline constexpr int usage = 2;        // the command or a value in it is wrong
inline constexpr int not_found = 3;
inline constexpr int conflict = 4;     // it exists already, or is in use
inline constexpr int unavailable = 5;  // a store or server does not answer now
inline constexpr int fault = 70;       // a defect of ours, or of the machine
inline constexpr int settings = 78;    // the settings are wrong
}  // namespace exit_code

// Runs one command; `arguments` without the program's name. Never throws.
int run(std::vector<std::string> const& arguments, Console console, server::Outside outside);

// The same for a command that came through the control socket of a running server: over its stack, not over the folder.
server::ControlAnswer run_on(Stack& stack, server::ControlRequest const& request);

}  // namespace zephyr::cli
