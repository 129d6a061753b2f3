// zephyr key list|create|rotate
#include "cli/command.h"
#include "zephyr/crypto/key_file.h"
#include "zephyr/server/key_records.h"

namespace zephyr::cli {

using encoding::Json;

namespace {

int list(Stack& stack, Console& console, bool json) {
    std::vector<std::vector<Json>> rows;
    for (auto const& record : server::KeyRecords(*stack.database, stack.clock).list()) {
        rows.push_back({record.id, record.active, to_rfc3339(record.first_seen_at)});
    }
    print_listing(console, json, {"key", "active", "first_seen"}, rows);
    return exit_code::done;
}

// Writes a new key in front of the file. The next start takes it over (KeyRecords::reconcile) and seals again what older keys sealed;
// until then a running server goes on with the key it has, and loses nothing.
int rotate(Stack& stack, Console& console) {
    auto const& named = stack.settings.keys.master_key_file;
    std::filesystem::path const file =
        named.empty() ? crypto::data_folder_key(stack.settings.storage.data) : std::filesystem::path{named};
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown)) {
        return refuse(console, Error{crypto::errors::key_file_missing}.with_reason(
                                   "The master key is not in a file of ours (a systemd credential?): rotate it where it is kept."));
    }
    auto const rotated = crypto::rotate_key_file(file, stack.random);
    if (!rotated.ok()) return refuse(console, rotated.error());
    console.out << "new master key " << rotated.value().active().id() << " in " << file.string()
                << "; it seals from the next start on. Back the file up apart from the data.\n";
    return exit_code::done;
}

}  // namespace

void add_key_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("key", "Master keys, which seal secrets at rest");
    group->require_subcommand(1);
    auto* listed = add_command(*group, context, "list", "List the ids of the master keys this database knows", Prints::listing);
    listed->callback([&context] {
        context.choice.on_stack = [json = context.common.json](Stack& stack, Console& console) { return list(stack, console, json); };
    });
    auto const file = std::make_shared<std::string>();
    auto* created = group->add_subcommand("create", "Make a key file for keys.master_key_file, outside the data folder");
    created->add_option("file", *file, "The file; it must not exist")->required();
    created->callback([&context, file] {
        context.choice.local = [file, outside = context.outside](Console& console) {
            auto const made = crypto::create_key_file(*file, outside.random);
            if (!made.ok()) return refuse(console, made.error());
            console.out << "new master key " << made.value().active().id() << " in " << *file << "\n";
            return exit_code::done;
        };
    });
    auto* rotated = add_command(*group, context, "rotate", "Make a new master key; it seals from the next start on");
    rotated->callback([&context] { context.choice.on_stack = [](Stack& stack, Console& console) { return rotate(stack, console); }; });
}

}  // namespace zephyr::cli
