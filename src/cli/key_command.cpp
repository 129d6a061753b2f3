// zephyr key list|create|rotate, zephyr key signing list|rotate|revoke
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

int list_signing(Stack& stack, Console& console, bool json) {
    std::vector<std::vector<Json>> rows;
    auto const time = [](std::optional<TimePoint> const& at) { return at ? Json{to_rfc3339(*at)} : Json{}; };
    for (auto const& key : stack.signing_keys.list()) {
        rows.push_back({key.kid, key.algorithm, tokens::to_string(key.state), to_rfc3339(key.created_at), time(key.activated_at),
                        time(key.retired_at), time(key.revoked_at)});
    }
    print_listing(console, json, {"key", "algorithm", "state", "created", "activated", "retired", "revoked"}, rows);
    return exit_code::done;
}

int rotate_signing(Stack& stack, Console& console) {
    bool const ours = stack.signing_keys.rotate(audit::Actor::operator_cli(), {});
    for (auto const& key : stack.signing_keys.list()) {
        if (key.state != tokens::KeyState::active) continue;
        console.out << key.kid << " signs from now on" << (ours ? "" : "; somebody else rotated at the same moment")
                    << ". What the key before it signed is accepted until it ends.\n";
    }
    return exit_code::done;
}

int revoke_signing(Stack& stack, Console& console, std::string const& kid, std::string const& reason) {
    if (auto const revoked = stack.signing_keys.revoke(kid, audit::Actor::operator_cli(), {}, reason); !revoked.ok()) {
        return refuse(console, revoked.error());
    }
    console.out << "revoked " << kid << ": nothing it signed is accepted here any more. Services that check tokens themselves notice when "
                << "they next fetch the key set, after at most " << stack.signing_keys.settings().jwks_lifetime.count() << " seconds.\n";
    return exit_code::done;
}

void add_signing_key_commands(CLI::App& keys, Context& context) {
    auto* group = keys.add_subcommand("signing", "Keys that sign tokens");
    group->require_subcommand(1);
    auto* listed = add_command(*group, context, "list", "List the signing keys and what each is for now", Prints::listing);
    listed->callback([&context] {
        context.choice.on_stack = [json = context.common.json](Stack& stack, Console& console) {
            return list_signing(stack, console, json);
        };
    });
    auto* rotated = add_command(*group, context, "rotate", "Let the next key sign; the present one retires");
    rotated->callback(
        [&context] { context.choice.on_stack = [](Stack& stack, Console& console) { return rotate_signing(stack, console); }; });
    auto const kid = std::make_shared<std::string>();
    auto const reason = std::make_shared<std::string>();
    auto* revoked = add_command(*group, context, "revoke", "Emergency: refuse a key and everything it signed, at once");
    revoked->add_option("key", *kid, "The key's id, from the list")->required();
    revoked->add_option("--reason", *reason, "Why, for the audit trail");
    revoked->callback([&context, kid, reason] {
        context.choice.on_stack = [kid, reason](Stack& stack, Console& console) { return revoke_signing(stack, console, *kid, *reason); };
    });
}

}  // namespace

void add_key_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("key", "Master keys, which seal secrets at rest; and keys that sign tokens");
    group->require_subcommand(1);
    add_signing_key_commands(*group, context);
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
