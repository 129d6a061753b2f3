// zephyr audit key show|rotate: the key that signs the audit log.
#include "cli/audit_commands.h"
#include "zephyr/audit/log_keys.h"

namespace zephyr::cli {

namespace {

constexpr auto no_log = "zephyr: there is no audit log here.\n";

int show(Stack& stack, Console& console) {
    if (!stack.audit_log.writer) return console.err << no_log, exit_code::unavailable;
    console.out << stack.audit_log.writer->public_key().vkey() << "\n";
    return exit_code::done;
}

int rotate(Stack& stack, Console& console) {
    if (!stack.audit_log.writer) return console.err << no_log, exit_code::unavailable;
    auto const before = stack.audit_log.writer->public_key().vkey();
    auto const key = audit::rotate_log_key(stack.audit, *stack.audit_log.writer, stack.audit_log.folder, stack.sealer, audit::Actor::operator_cli());
    if (!key.ok()) return refuse(console, key.error());
    console.out << key.value().vkey() << "\n"
                << "signs from now on, and no longer\n"
                << before << "\n"
                << "The log names the new key itself: who trusts the old one follows. Witnesses must be told (zephyr witness add-log).\n";
    return exit_code::done;
}

}  // namespace

void add_audit_key_commands(CLI::App& audit, Context& context) {
    auto* group = audit.add_subcommand("key", "The key that signs the audit log");
    group->require_subcommand(1);
    auto* shown = add_command(*group, context, "show", "Print its public key, for auditors and witnesses to keep");
    shown->callback([&context] { context.choice.on_stack = [](Stack& stack, Console& console) { return show(stack, console); }; });
    auto* rotated = add_command(*group, context, "rotate", "Let a new key sign from now on");
    rotated->callback([&context] { context.choice.on_stack = [](Stack& stack, Console& console) { return rotate(stack, console); }; });
}

}  // namespace zephyr::cli
