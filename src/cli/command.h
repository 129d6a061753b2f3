// What a command file needs: where its options go, and helpers to print and to refuse.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/cli/run.h"
#include "zephyr/config/load.h"
#include "zephyr/encoding/json.h"
#include "zephyr/stack.h"

namespace zephyr::cli {

// Options every command has.
struct Common {
    std::string data;    // --data; empty: as the settings say
    std::string config;  // --config
    bool json = false;   // --json

    std::vector<config::FlagValue> flags;  // of `serve`: any setting
};

// Runs a command of its own over the stack, ours or that of the running server; nothing when the server does not answer.
using RunPart = std::function<std::optional<server::ControlAnswer>(server::ControlRequest const&)>;

// What the parsed command line asks for: exactly one of the three is set.
struct Choice {
    // Needs the database: runs over a stack, our own or that of the running server.
    std::function<int(Stack&, Console&)> on_stack;
    // Too much for one message to the server: does its work by commands of bounded size.
    std::function<int(RunPart const&, Console&)> in_parts;
    // Needs none.
    std::function<int(Console&)> local;
};

struct Context {
    Common& common;
    Choice& choice;
    server::Outside outside;
};

// A subcommand with --data and --config (and --json for a listing).
enum class Prints { text, listing };
CLI::App* add_command(CLI::App& parent, Context& context, std::string const& name, std::string const& help, Prints prints = Prints::text);

void add_serve_command(CLI::App&, Context&);
void add_user_commands(CLI::App&, Context&);
void add_user_import_command(CLI::App& user, Context&);
void add_role_commands(CLI::App&, Context&);
void add_group_commands(CLI::App&, Context&);
void add_session_commands(CLI::App&, Context&);
void add_mfa_commands(CLI::App&, Context&);
void add_key_commands(CLI::App&, Context&);
void add_config_commands(CLI::App&, Context&);
void add_audit_commands(CLI::App&, Context&);
void add_witness_commands(CLI::App&, Context&);
void add_small_commands(CLI::App&, Context&);  // routes, migrate, setup-link, completion, version

// Settings as `serve` would have them. Prints the problems and returns nothing when they are wrong.
std::optional<config::Loaded> load(Common const& common, Console& console);
config::LoadOutcome load_outcome(Common const& common);

// Prints "zephyr: …" and gives the exit code of the error's kind.
int refuse(Console& console, Error const& error);

// What a terminal may be given of words that somebody else chose: each control character and each mark of direction becomes '?'.
std::string printable(std::string_view text);

// Columns as wide as their longest cell; nothing but the head when there are no rows.
void print_table(std::ostream& out, std::vector<std::string> const& head, std::vector<std::vector<std::string>> const& rows);
// One listing, as a table or as a JSON array of objects whose member names are the heads.
void print_listing(Console& console, bool json, std::vector<std::string> const& head, std::vector<std::vector<encoding::Json>> const& rows);

// A user by id, username or e-mail.
Result<users::User> find_user(Stack& stack, std::string const& who);
// The first line of standard input, for --password-stdin. Fails when there is none.
Result<SecretText> read_secret_line(Console& console);

}  // namespace zephyr::cli
