// zephyr audit hold: what a case needs is neither deleted nor made unreadable.
#include "cli/audit_commands.h"
#include "zephyr/audit/holds.h"
#include "zephyr/audit/times.h"

namespace zephyr::cli {

using audit::Actor;
using encoding::Json;

namespace {

struct HoldOptions {
    std::string case_name, subject, reason, from, until;
};

int add(Stack& stack, Console& console, HoldOptions const& options) {
    audit::PlaceHold wanted{.case_name = options.case_name,
                            .from = audit::parse_time_bound(options.from, false),
                            .until = audit::parse_time_bound(options.until, true),
                            .reason = options.reason};
    if (!options.subject.empty()) {
        auto const person = find_person(stack, options.subject);
        if (!person.ok()) return refuse(console, person.error());
        wanted.subject = person.value();
    }
    auto const placed = stack.holds.place(wanted, Actor::operator_cli());
    if (!placed.ok()) return refuse(console, placed.error());
    console.out << placed.value().id << "\n";
    return exit_code::done;
}

int release(Stack& stack, Console& console, HoldOptions const& options) {
    auto const released = stack.holds.release(options.case_name, Actor::operator_cli());
    if (!released.ok()) return refuse(console, released.error());
    console.out << "released " << options.case_name << "; " << released.value() << " erasures that waited were carried out\n";
    return exit_code::done;
}

Json time_or_nothing(std::optional<TimePoint> const& time) { return time ? Json{to_rfc3339(*time)} : Json{}; }

int list(Stack& stack, Console& console, bool json) {
    std::vector<std::vector<Json>> rows;
    for (auto const& hold : stack.holds.list()) {
        rows.push_back({hold.case_name, hold.subject ? Json{hold.subject->str()} : Json{}, time_or_nothing(hold.from), time_or_nothing(hold.until),
                        to_rfc3339(hold.placed_at), hold.reason, hold.id});
    }
    print_listing(console, json, {"case", "subject", "from", "until", "placed", "reason", "id"}, rows);
    return exit_code::done;
}

std::string check_time(std::string const& text) {
    return audit::parse_time_bound(text, false) ? std::string{} : "\"" + text + "\" is no day (2026-11-24) and no time of RFC 3339";
}

}  // namespace

void add_audit_hold_commands(CLI::App& audit, Context& context) {
    auto* group = audit.add_subcommand("hold", "Legal holds");
    group->require_subcommand(1);
    auto const options = std::make_shared<HoldOptions>();

    auto* added = add_command(*group, context, "add", "Keep events for a case: neither deleted nor made unreadable by an erasure");
    added->add_option("case", options->case_name, "The case's name")->required()->check(refuse_empty);
    added->add_option("--subject", options->subject, "Only what is about or by this person")->check(refuse_empty);
    added->add_option("--from", options->from, "Only from this day or time")->check(check_time);
    added->add_option("--to", options->until, "Only to the end of this day, or before this time")->check(check_time);
    added->add_option("--reason", options->reason, "Why");
    added->callback([&context, options] {
        context.choice.on_stack = [options](Stack& stack, Console& console) { return add(stack, console, *options); };
    });

    auto* released = add_command(*group, context, "release", "End every hold of a case, and carry out the erasures that waited for it");
    released->add_option("case", options->case_name, "The case's name")->required()->check(refuse_empty);
    released->callback([&context, options] {
        context.choice.on_stack = [options](Stack& stack, Console& console) { return release(stack, console, *options); };
    });

    auto* listed = add_command(*group, context, "list", "List holds", Prints::listing);
    listed->callback([&context] {
        context.choice.on_stack = [json = context.common.json](Stack& stack, Console& console) { return list(stack, console, json); };
    });
}

}  // namespace zephyr::cli
