// zephyr config check|show|schema
#include "cli/command.h"
#include "zephyr/config/reference.h"

namespace zephyr::cli {

void add_config_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("config", "Settings: what they are and where they come from");
    group->require_subcommand(1);

    auto* check = add_command(*group, context, "check", "Check the settings and print every mistake", Prints::listing);
    check->callback([&context] {
        context.choice.local = [common = context.common](Console& console) {
            auto const outcome = load_outcome(common);
            console.out << (common.json ? config::check_json(outcome).dump_pretty() + "\n" : config::check_text(outcome));
            return outcome.ok() ? exit_code::done : exit_code::settings;
        };
    });

    auto* show = add_command(*group, context, "show", "Print every setting, its value and where it came from", Prints::listing);
    show->callback([&context] {
        context.choice.local = [common = context.common](Console& console) {
            auto const loaded = load(common, console);
            if (!loaded) return exit_code::settings;
            console.out << (common.json ? config::show_json(*loaded).dump_pretty() + "\n" : config::show_text(*loaded));
            return exit_code::done;
        };
    });

    auto* schema = add_command(*group, context, "schema", "Print the JSON Schema of the settings file");
    schema->callback([&context] {
        context.choice.local = [](Console& console) {
            console.out << config::schema().dump_pretty() << "\n";
            return exit_code::done;
        };
    });
}

}  // namespace zephyr::cli
