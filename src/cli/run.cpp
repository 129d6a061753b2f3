#include "zephyr/cli/run.h"

#include <sstream>

#include "cli/command.h"
#include "server/control_socket.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::cli {

namespace {

constexpr char const* description = "Zephyr Security: sign-in, sessions, second factors and an audit trail for your services.";

// Parses into `context`; an exit code when there is nothing more to do (help, or a mistake).
std::optional<int> parse(std::vector<std::string> arguments, Context& context, Console& console) {
    CLI::App app{description, "zephyr"};
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string{"zephyr " ZEPHYR_VERSION});
    add_serve_command(app, context);
    add_user_commands(app, context);
    add_role_commands(app, context);
    add_group_commands(app, context);
    add_session_commands(app, context);
    add_mfa_commands(app, context);
    add_key_commands(app, context);
    add_config_commands(app, context);
    add_audit_commands(app, context);
    add_witness_commands(app, context);
    add_small_commands(app, context);
    try {
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
        app.parse(std::move(arguments));
    } catch (CLI::ParseError const& outcome) {
        return app.exit(outcome, console.out, console.err) == 0 ? exit_code::done : exit_code::usage;
    }
    if (!context.choice.local && !context.choice.on_stack && !context.choice.in_parts) {
        console.err << app.help();
        return exit_code::usage;
    }
    return std::nullopt;
}

int no_answer(std::filesystem::path const& data, Console& console) {
    console.err << "zephyr: another process holds " << data.string() << " and does not answer on its control socket.\n";
    return exit_code::unavailable;
}

// Over our own stack if the folder is free, else over that of the server that holds it.
int run_on_folder(std::vector<std::string> const& arguments, Context& context, Console& console) {
    auto loaded = load(context.common, console);
    if (!loaded) return exit_code::settings;
    std::filesystem::path const data = loaded->settings.storage.data;
    auto node = server::Node::open(std::move(loaded->settings), context.outside);
    auto const& in_parts = context.choice.in_parts;
    if (node.ok()) {
        auto& stack = node.value()->stack();
        if (!in_parts) return context.choice.on_stack(stack, console);
        return in_parts([&](auto const& part) { return std::optional{run_on(stack, part)}; }, console);
    }
    if (!(node.error() == server::errors::folder_in_use)) return refuse(console, node.error());
    if (in_parts) return in_parts([&](auto const& part) { return server::ask_running_server(data, part); }, console);

    server::ControlRequest request{arguments, {}};
    // Only a command that says so reads standard input; another must not wait for a terminal.
    if (std::find(arguments.begin(), arguments.end(), "--password-stdin") != arguments.end()) std::getline(console.in, request.input);
    auto const answer = server::ask_running_server(data, request);
    if (!answer) return no_answer(data, console);
    console.out << answer->output;
    console.err << answer->errors;
    return answer->exit_code;
}

}  // namespace

int run(std::vector<std::string> const& arguments, Console console, server::Outside outside) {
    Common common;
    Choice choice;
    Context context{common, choice, outside};
    try {
        if (auto const code = parse(arguments, context, console)) return *code;
        if (choice.local) return choice.local(console);
        return run_on_folder(arguments, context, console);
    } catch (StorageFault const& fault) {
        console.err << "zephyr: the database does not answer: " << fault.what() << "\n";
        return exit_code::unavailable;
    } catch (std::exception const& fault) {
        console.err << "zephyr: " << fault.what() << "\n";
        return exit_code::fault;
    }
}

server::ControlAnswer run_on(Stack& stack, server::ControlRequest const& request) {
    std::istringstream in{request.input};
    std::ostringstream out, err;
    Console console{in, out, err};
    Common common;
    Choice choice;
    Context context{common, choice, {stack.clock, stack.random, stack.log}};
    auto code = parse(request.arguments, context, console);
    if (!code && !choice.on_stack) {
        err << "zephyr: this command does not run in a server.\n";
        code = exit_code::usage;
    }
    if (!code) code = choice.on_stack(stack, console);
    return {.exit_code = *code, .output = out.str(), .errors = err.str()};
}

}  // namespace zephyr::cli
