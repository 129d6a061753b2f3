// zbench: an HTTP load generator for whole flows, with send times fixed by the rate alone.
//
//   zbench --rate 2000 --seconds 5 --connections 32 --flow forward-auth http://127.0.0.1:8080
//
// Prints one JSON object. Exit code 0 when every answer was right, 1 when some were not, 2 for a wrong command line or a failed set-up.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>

#include "zbench/runner.h"

namespace {

std::string flow_help() {
    std::string out = "What a visitor does:";
    for (auto const& flow : zbench::flow_names()) out += "\n  " + std::string{flow.name} + ": " + std::string{flow.help};
    return out;
}

std::vector<std::pair<std::string, std::string>> split(std::vector<std::string> const& headers) {
    std::vector<std::pair<std::string, std::string>> out;
    for (auto const& header : headers) {
        auto const colon = header.find(':');
        if (colon == std::string::npos) throw CLI::ValidationError{"--header", "\"" + header + "\" is no NAME: VALUE"};
        auto const value = header.find_first_not_of(' ', colon + 1);
        out.emplace_back(header.substr(0, colon), value == std::string::npos ? "" : header.substr(value));
    }
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    zbench::RunOptions options;
    zbench::FlowOptions flow_options;
    std::string address, flow_name = "get", ca_file, json_file;
    double seconds = 5, warm_up = 0, patience = 10;
    bool new_connections = false;
    std::vector<std::string> headers;

    CLI::App app{"zbench: load for whole flows. Open loop with --rate, else closed."};
    app.add_option("url", address, "http:// or https://, with the path for the flows that use one")->required();
    app.add_option("--flow", flow_name, flow_help())->capture_default_str();
    app.add_option("--rate", options.rate, "Flows per second, sent when they are due whatever the server does. 0: closed loop")
        ->check(CLI::Range(0.0, 1e6))->capture_default_str();
    app.add_option("--seconds", seconds, "How long, after the warm-up")->check(CLI::Range(0.05, 86'400.0))->capture_default_str();
    app.add_option("--warm-up", warm_up, "Seconds before that are not recorded")->check(CLI::Range(0.0, 3600.0))->capture_default_str();
    app.add_option("--timeout", patience, "Seconds until a request is given up")->check(CLI::Range(0.05, 600.0))->capture_default_str();
    app.add_option("--connections", options.connections, "Each with a visitor of its own")
        ->check(CLI::Range(1, 20'000))->capture_default_str();
    app.add_flag("--new-connections", new_connections, "A new connection for every request");
    app.add_option("--header", headers, "NAME: VALUE for every request; may stand several times");
    app.add_option("--users", flow_options.users, "Users u0 to u(N-1) sign in")->check(CLI::Range(1, 100'000'000))->capture_default_str();
    app.add_option("--user-prefix", flow_options.user_prefix, "Their names before the number")->capture_default_str();
    app.add_option("--password", flow_options.password, "Their password")->capture_default_str();
    app.add_option("--status", flow_options.status, "The status that get and forward-auth expect")->capture_default_str();
    app.add_option("--expect", flow_options.expect, "Text that the body must hold (get)");
    app.add_option("--ca", ca_file, "PEM file that the server's certificate must lead to. Without it, it is not checked");
    app.add_option("--json", json_file, "Write the result there instead of to standard output");
    zbench::Url url;
    try {
        app.parse(argc, argv);
        flow_options.headers = split(headers);
        if (!zbench::Url::parse(address, url)) throw CLI::ValidationError{"url", "\"" + address + "\" is no http:// or https:// URL"};
    } catch (CLI::ParseError const& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    flow_options.path = url.path;
    flow_options.host = url.authority();
    auto const flow = zbench::make_flow(flow_name, flow_options);
    if (!flow) {
        std::fprintf(stderr, "zbench: no flow \"%s\"\n", flow_name.c_str());
        return 2;
    }
    auto const milliseconds = [](double value) { return std::chrono::milliseconds{static_cast<std::int64_t>(value * 1000)}; };
    options.length = milliseconds(seconds);
    options.warm_up = milliseconds(warm_up);
    options.patience = milliseconds(patience);
    options.keep_alive = !new_connections;
    ::signal(SIGPIPE, SIG_IGN);
    try {
        zbench::Target const target{url, ca_file};
        auto const report = zbench::run(target, *flow, options);
        auto const json = zbench::to_json(report, options, flow_name, address);
        if (json_file.empty()) std::printf("%s\n", json.c_str());
        else std::ofstream{json_file} << json << "\n";
        return report.failed() == 0 ? 0 : 1;
    } catch (std::exception const& trouble) {
        std::fprintf(stderr, "zbench: %s\n", trouble.what());
        return 2;
    }
}
