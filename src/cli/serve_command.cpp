// zephyr serve: the server, until SIGINT or SIGTERM.
#include "cli/command.h"
#include "zephyr/config/reference.h"
#include "zephyr/encoding/qr.h"

namespace zephyr::cli {

namespace {

int serve(Common const& common, Console& console, server::Outside outside) {
    auto loaded = load(common, console);
    if (!loaded) return exit_code::settings;
    for (auto const& notice : loaded->notices) console.err << "zephyr: " << notice << "\n";
    auto const log = make_stderr_log(loaded->settings.log.level, loaded->settings.log.format);
    auto node = server::Node::open(std::move(loaded->settings), {outside.clock, outside.random, *log});
    if (!node.ok()) return refuse(console, node.error());
    // To the terminal and nowhere else: whoever reads the link may make themselves administrator.
    auto const greet = [&](std::string const& url, std::optional<std::string> const& link) {
        console.out << "\n  Zephyr is ready:  " << url << "\n";
        if (link) {
            console.out << "\n  There is no administrator yet. Make the first account here, within the hour:\n\n    " << *link << "\n";
        }
        console.out << "\n  Ctrl-C stops it." << std::endl;
    };
    return node.value()->serve({.on_listening = greet, .on_command = run_on});
}

}  // namespace

void add_serve_command(CLI::App& app, Context& context) {
    auto* command = add_command(app, context, "serve", "Run the server until SIGINT or SIGTERM");
    // Every setting is a flag too; --listen and its like have a short name.
    for (auto const& setting : config::all_settings()) {
        if (setting.flag == "--data" || setting.short_flag == "--data") continue;
        auto const names = setting.short_flag.empty() || setting.short_flag == setting.flag ? setting.flag
                                                                                            : setting.short_flag + "," + setting.flag;
        auto const flag = setting.flag;
        auto& flags = context.common.flags;
        if (setting.type == config::SettingType::boolean) {
            command->add_flag_function(
                names + "{true}", [&flags, flag](std::int64_t) { flags.push_back({flag, "true"}); }, setting.help)
                ->group("Settings");
            continue;
        }
        command->add_option_function<std::string>(
                   names, [&flags, flag](std::string const& value) { flags.push_back({flag, value}); }, setting.help)
            ->group("Settings");
    }
    command->callback([&context] {
        context.choice.local = [&context](Console& console) { return serve(context.common, console, context.outside); };
    });
}

}  // namespace zephyr::cli
