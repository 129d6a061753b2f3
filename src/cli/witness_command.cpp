// zephyr witness serve|key|add-log|list: on another machine than the log's.
#include <poll.h>

#include <atomic>
#include <csignal>

#include "cli/command.h"
#include "server/witness_folder.h"
#include "server/witness_service.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/server.h"

namespace zephyr::cli {

using encoding::Json;
using server::WitnessFolder;

namespace {

struct WitnessOptions {
    std::string folder = "witness";
    std::string name;
    std::string listen = "127.0.0.1:8470";
    std::string certificate, key;
    std::string vkey;
};

// Set by the handler alone, read by the serving loop.
std::atomic<bool> signalled{false};

void watch_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { signalled.store(true); };
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

std::optional<http::server::ServerSettings> listener(WitnessOptions const& options, Console& console) {
    auto const colon = options.listen.rfind(':');
    auto const port = colon == std::string::npos ? std::nullopt : parse_integer(options.listen.substr(colon + 1));
    if (!port || *port < 0 || *port > 65535) {
        console.err << "zephyr: --listen takes HOST:PORT, such as 127.0.0.1:8470 or [::1]:8470\n";
        return std::nullopt;
    }
    auto host = options.listen.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    return http::server::ServerSettings{.host = std::move(host),
                                        .port = static_cast<std::uint16_t>(*port),
                                        .workers = 8,
                                        .queue = 64,
                                        .max_connections = 1000,
                                        .body_bytes = server::WitnessService::largest_body,
                                        .tls_certificate = options.certificate,
                                        .tls_key = options.key};
}

int serve(WitnessOptions const& options, Console& console, server::Outside outside) {
    auto const settings = listener(options, console);
    if (!settings) return exit_code::usage;
    auto folder = WitnessFolder::open(options.folder, options.name);
    if (!folder.ok()) return refuse(console, folder.error());
    if (auto const locked = folder.value().lock(); !locked.ok()) return refuse(console, locked.error());
    auto logs = folder.value().logs();
    if (!logs.ok()) return refuse(console, logs.error());
    auto const log = make_stderr_log(LogLevel::info, LogFormat::json);
    if (logs.value().empty()) log->warning("witness.no_logs");
    tlog::Witness witness{folder.value().state(), folder.value().signer(), std::move(logs).value(), outside.clock};
    server::WitnessService service{witness, *log};
    http::server::Server server{*settings, service, outside.clock, *log};
    signalled = false;
    watch_signals();
    if (auto const started = server.start(); !started.ok()) return refuse(console, started.error());
    console.out << "witness " << witness.key().vkey() << "\nlistens on port " << server.port() << std::endl;
    while (!signalled.load()) ::poll(nullptr, 0, 1000);  // a signal ends the wait at once
    server.stop();
    return exit_code::done;
}

int print_key(WitnessOptions const& options, Console& console) {
    auto const folder = WitnessFolder::open(options.folder, options.name);
    if (!folder.ok()) return refuse(console, folder.error());
    console.out << folder.value().signer().key().vkey() << "\n";
    return exit_code::done;
}

int add_log(WitnessOptions const& options, Console& console) {
    auto const folder = WitnessFolder::open(options.folder, options.name);
    if (!folder.ok()) return refuse(console, folder.error());
    auto const added = folder.value().add_log(options.vkey);
    if (!added.ok()) return refuse(console, added.error());
    console.out << (added.value() ? "trusted from the witness's next start on\n" : "is trusted already\n");
    return exit_code::done;
}

int list(WitnessOptions const& options, Console& console, bool json, Clock const& clock) {
    auto const folder = WitnessFolder::open(options.folder, options.name);
    if (!folder.ok()) return refuse(console, folder.error());
    auto const logs = folder.value().logs();
    if (!logs.ok()) return refuse(console, logs.error());
    std::error_code none;
    std::map<std::string, tlog::SignedCheckpoint> last;
    if (std::filesystem::exists(folder.value().state(), none)) {
        last = tlog::Witness{folder.value().state(), folder.value().signer(), {}, clock}.last();
    }
    std::vector<std::vector<Json>> rows;
    for (auto const& key : logs.value()) {
        auto const found = last.find(key.name());
        auto const size = found == last.end() ? Json{} : Json{static_cast<std::int64_t>(found->second.checkpoint.size)};
        rows.push_back({key.name(), size, key.vkey()});
    }
    print_listing(console, json, {"log", "signed_size", "key"}, rows);
    return exit_code::done;
}

CLI::App* add_one(CLI::App& group, std::string const& name, std::string const& help, std::shared_ptr<WitnessOptions> const& options) {
    auto* command = group.add_subcommand(name, help);
    command->add_option("--folder", options->folder, "The witness's own folder")->capture_default_str();
    command->add_option("--name", options->name, "Its name, needed the first time: the address it has, such as w1.example.com");
    return command;
}

}  // namespace

void add_witness_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("witness", "A witness for audit logs on other machines (C2SP tlog-witness)");
    group->require_subcommand(1);
    auto const options = std::make_shared<WitnessOptions>();
    auto* served = add_one(*group, "serve", "Sign checkpoints that continue what was signed before, until SIGINT or SIGTERM", options);
    served->add_option("--listen", options->listen, "Where to listen")->capture_default_str();
    auto* certificate = served->add_option("--tls-certificate", options->certificate, "PEM file with the certificate and its chain. Without: plain HTTP");
    served->add_option("--tls-key", options->key, "PEM file with the certificate's private key")->needs(certificate);
    served->callback([&context, options] {
        context.choice.local = [options, outside = context.outside](Console& console) { return serve(*options, console, outside); };
    });
    auto* key = add_one(*group, "key", "Print the witness's public key, for audit.witnesses and for auditors", options);
    key->callback([&context, options] { context.choice.local = [options](Console& console) { return print_key(*options, console); }; });
    auto* added = add_one(*group, "add-log", "Trust a log, by the key that zephyr audit key show prints", options);
    added->add_option("key", options->vkey, "The log's public key")->required();
    added->callback([&context, options] { context.choice.local = [options](Console& console) { return add_log(*options, console); }; });
    auto* listed = add_one(*group, "list", "List the logs it trusts, and how far it has signed each", options);
    listed->add_flag("--json", context.common.json, "As JSON");
    listed->callback([&context, options] {
        context.choice.local = [options, &context](Console& console) {
            return list(*options, console, context.common.json, context.outside.clock);
        };
    });
}

}  // namespace zephyr::cli
