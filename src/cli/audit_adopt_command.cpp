// zephyr audit adopt: the events of a node that won't come back.
#include "cli/audit_commands.h"

namespace zephyr::cli {

namespace {

int adopt(Stack& stack, Console& console, std::string const& node) {
    if (!stack.trail) {
        console.err << "zephyr: there is no audit log here.\n";
        return exit_code::unavailable;
    }
    if (node == stack.trail->node()) {
        console.err << "zephyr: this is that node.\n";
        return exit_code::usage;
    }
    console.out << "adopted " << stack.trail->adopt(node) << " events of " << node << "\n";
    return exit_code::done;
}

}  // namespace

void add_audit_adopt_command(CLI::App& audit, Context& context) {
    auto const node = std::make_shared<std::string>();
    auto* adopted = add_command(audit, context, "adopt", "Take over the events of a node that won't come back, so that this node's log holds them");
    adopted->add_option("node", *node, "The node's name, as it stands in its audit folder")->required();
    adopted->callback([&context, node] {
        context.choice.on_stack = [node](Stack& stack, Console& console) { return adopt(stack, console, *node); };
    });
}

}  // namespace zephyr::cli
