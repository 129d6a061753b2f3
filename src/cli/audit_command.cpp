// zephyr audit list
#include "cli/command.h"

namespace zephyr::cli {

using encoding::Json;

namespace {

struct Filter {
    std::string user, code;
    std::size_t limit = 50;
    bool json = false;
};

Json pairs(std::vector<std::pair<std::string, std::string>> const& fields) {
    Json object = Json::object();
    for (auto const& [name, value] : fields) object.set(name, value);
    return object;
}

int list(Stack& stack, Console& console, Filter const& filter) {
    audit::Query query{.limit = filter.limit};
    if (!filter.code.empty()) query.code = filter.code;
    if (!filter.user.empty()) {
        // A deleted person's events are still found by their id.
        query.subject = UserId::parse(filter.user);
        if (!query.subject) {
            auto const user = find_user(stack, filter.user);
            if (!user.ok()) return refuse(console, user.error());
            query.subject = user.value().id;
        }
    }
    std::vector<std::vector<Json>> rows;
    for (auto const& event : stack.audit.query(query)) {
        rows.push_back({event.sequence, to_rfc3339(event.time), event.code, event.name,
                        event.outcome == audit::Outcome::success ? "success" : event.outcome == audit::Outcome::denied ? "denied" : "failure",
                        event.reason, event.actor.ref, event.subject ? Json{event.subject->str()} : Json{}, event.address,
                        pairs(event.details)});
    }
    print_listing(console, filter.json,
                  {"sequence", "time", "code", "event", "outcome", "reason", "actor", "subject", "address", "details"}, rows);
    return exit_code::done;
}

}  // namespace

void add_audit_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("audit", "What happened");
    group->require_subcommand(1);
    auto const filter = std::make_shared<Filter>();
    auto* listed = add_command(*group, context, "list", "List events, newest first", Prints::listing);
    listed->add_option("--user", filter->user, "About this person");
    listed->add_option("--code", filter->code, "Of this code, such as ZAUTH02W");
    listed->add_option("--limit", filter->limit, "At most so many")->check(CLI::Range(1, 1000));
    listed->callback([&context, filter] {
        filter->json = context.common.json;
        context.choice.on_stack = [filter](Stack& stack, Console& console) { return list(stack, console, *filter); };
    });
}

}  // namespace zephyr::cli
