// zephyr routes|migrate|setup-link|completion|version
#include "cli/command.h"
#include "zephyr/storage/migrations.h"

namespace zephyr::cli {

using encoding::Json;

namespace {

// The routes of these settings, over a database in memory: nothing is opened or changed.
int routes(Common const& common, Console& console, server::Outside outside) {
    auto loaded = load(common, console);
    if (!loaded) return exit_code::settings;
    auto database = storage::open_sqlite({.path = ":memory:"});
    if (auto const made = storage::migrate(*database, schema_migrations(), outside.clock); !made.ok()) return refuse(console, made.error());
    NullLog log;
    Stack stack{{.settings = std::move(loaded->settings),
                 .database = std::move(database),
                 .keyring = crypto::Keyring{crypto::MasterKey::generate(outside.random)},
                 .clock = outside.clock,
                 .random = outside.random,
                 .log = log}};
    std::vector<std::vector<Json>> rows;
    for (auto const& route : stack.app.table()) rows.push_back({route.method, route.pattern, route.guard, route.source});
    print_listing(console, common.json, {"method", "path", "guard", "source"}, rows);
    return exit_code::done;
}

void words_of(CLI::App const& app, std::string const& path, std::string& script) {
    std::string words;
    for (auto const* command : app.get_subcommands([](CLI::App const* each) { return !each->get_group().empty(); })) {
        words += command->get_name() + " ";
        words_of(*command, path + " " + command->get_name(), script);
    }
    for (auto const* option : app.get_options()) {
        if (!option->get_lnames().empty()) words += "--" + option->get_lnames().front() + " ";
    }
    script += "        '" + path + "') words='" + words + "' ;;\n";
}

// Completes command words and option names; bash, and zsh through its bash mode.
std::string completion_script(CLI::App const& app, std::string const& shell) {
    std::string cases;
    words_of(app, "zephyr", cases);
    std::string script;
    if (shell == "zsh") script += "autoload -U +X bashcompinit && bashcompinit\n";
    script += "_zephyr() {\n    local path=zephyr words= word\n    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
              "        case $word in -*) ;; *) path+=\" $word\" ;; esac\n    done\n    case $path in\n" +
              cases + "    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -F _zephyr zephyr\n";
    return script;
}

}  // namespace

void add_small_commands(CLI::App& app, Context& context) {
    auto* routed = add_command(app, context, "routes", "Print every route with what it demands", Prints::listing);
    routed->callback([&context] {
        context.choice.local = [common = context.common, outside = context.outside](Console& console) { return routes(common, console, outside); };
    });

    // Opening the folder has migrated already; what is left is to say so.
    auto* migrated = add_command(app, context, "migrate", "Bring the database's schema up to date");
    migrated->callback([&context] {
        context.choice.on_stack = [](Stack& stack, Console& console) {
            console.out << "schema version " << storage::schema_version(*stack.database) << "\n";
            return exit_code::done;
        };
    });

    auto* link = add_command(app, context, "setup-link", "Print a new one-time link for the first administrator");
    link->callback([&context] {
        context.choice.on_stack = [](Stack& stack, Console& console) {
            auto const token = stack.setup.issue();
            if (!token) {
                console.err << "zephyr: there is an administrator already.\n";
                return exit_code::conflict;
            }
            console.out << stack.settings.server.public_url << "/setup/" << token->reveal() << "\n";
            return exit_code::done;
        };
    });

    auto const shell = std::make_shared<std::string>("bash");
    auto* completion = app.add_subcommand("completion", "Print a completion script: source <(zephyr completion bash)");
    completion->add_option("shell", *shell, "bash or zsh")->check(CLI::IsMember({"bash", "zsh"}));
    completion->callback([&app, &context, shell] {
        context.choice.local = [script = completion_script(app, *shell)](Console& console) {
            console.out << script;
            return exit_code::done;
        };
    });

    auto* version = app.add_subcommand("version", "Print the version");
    version->callback([&context] {
        context.choice.local = [](Console& console) {
            console.out << "zephyr " ZEPHYR_VERSION "\n";
            return exit_code::done;
        };
    });
}

}  // namespace zephyr::cli
