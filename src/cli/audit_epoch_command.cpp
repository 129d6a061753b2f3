// zephyr audit begin-epoch: after a restore, when the log is older than what the database or a witness knows of it.
#include "cli/audit_commands.h"
#include "server/begin_epoch.h"
#include "zephyr/foundation/durable_file.h"

namespace zephyr::cli {

namespace {

constexpr std::size_t largest_checkpoint = 128 * 1024;

struct Wanted {
    std::string reason;
    std::string witnessed;  // a file
};

// A signed checkpoint, also as a witness keeps it: behind a line of its own.
std::optional<tlog::SignedCheckpoint> read_checkpoint(std::string const& file, Console& console) {
    auto const content = read_small_file(file, largest_checkpoint);
    auto text = content ? as_text(*content) : std::string_view{};
    if (text.starts_with("zephyr-witness-")) text.remove_prefix(text.find('\n') + 1);
    auto parsed = tlog::SignedCheckpoint::parse(text);
    if (parsed.ok()) return std::move(parsed).value();
    console.err << "zephyr: " << file << " is no signed checkpoint\n";
    return std::nullopt;
}

int begin(Common const& common, Wanted const& wanted, Console& console) {
    auto const loaded = load(common, console);
    if (!loaded) return exit_code::settings;
    std::optional<tlog::SignedCheckpoint> witnessed;
    if (!wanted.witnessed.empty()) {
        witnessed = read_checkpoint(wanted.witnessed, console);
        if (!witnessed) return exit_code::usage;
    }
    auto const epoch = server::begin_epoch(loaded->settings, wanted.reason, witnessed);
    if (!epoch.ok()) return refuse(console, epoch.error());
    console.out << "epoch " << epoch.value().number << " of the audit log begins with the next start, in " << epoch.value().folder.string()
                << "\nunder the name " << epoch.value().origin
                << ": tell witnesses and auditors its key (zephyr audit key show).\nThe log before it stays where it is; keep it.\n";
    return exit_code::done;
}

}  // namespace

void add_audit_epoch_command(CLI::App& audit, Context& context) {
    auto const wanted = std::make_shared<Wanted>();
    auto* command = add_command(audit, context, "begin-epoch",
                                "After a restore from backup: begin the log anew, and let it say how the one before ended");
    command->add_option("--reason", wanted->reason, "Why; it stands in the log")->required()->check(CLI::Validator{
        [](std::string const& text) { return text.empty() || text.size() > 256 ? std::string{"1 to 256 bytes"} : std::string{}; }, "TEXT"});
    command->add_option("--witnessed", wanted->witnessed, "The last checkpoint a witness signed, from its folder");
    command->callback([&context, wanted] {
        context.choice.local = [&context, wanted](Console& console) { return begin(context.common, *wanted, console); };
    });
}

}  // namespace zephyr::cli
