// zephyr audit list, show, prove: events and their proofs, over the stack.
#include "cli/audit_commands.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/routes/event_rows.h"

namespace zephyr::cli {

using encoding::Json;

namespace {

struct Filter {
    std::string user, code;
    std::size_t limit = 50;
    bool json = false;
};

struct OneEvent {
    std::string id;
    bool stored = false;
    bool json = false;
};

// Who an erased person is in the log.
bool is_pseudonym(std::string const& who) {
    return who.size() == 32 && who.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Json pairs(std::vector<std::pair<std::string, std::string>> const& fields) {
    Json object = Json::object();
    for (auto const& [name, value] : fields) object.set(name, value);
    return object;
}

int list(Stack& stack, Console& console, Filter const& filter) {
    audit::Query query{.limit = filter.limit};
    if (!filter.code.empty()) query.code = filter.code;
    if (!filter.user.empty()) {
        auto const person = find_person(stack, filter.user);
        if (!person.ok()) return refuse(console, person.error());
        query.subject = person.value();
    }
    std::vector<std::vector<Json>> rows;
    auto const events = stack.audit.query(query);
    std::vector<std::pair<std::string, std::string>> read{{"records", std::to_string(events.size())}};
    if (query.code) read.emplace_back("code", *query.code);
    record_reading(stack, std::move(read), query.subject);
    for (auto const& event : events) {
        rows.push_back({event.sequence, to_rfc3339(event.time), event.code, event.name, routes::outcome_word(event.outcome), event.reason,
                        event.actor.ref, event.subject ? Json{event.subject->str()} : Json{}, event.address, pairs(event.details), event.id});
    }
    print_listing(console, filter.json,
                  {"sequence", "time", "code", "event", "outcome", "reason", "actor", "subject", "address", "details", "id"}, rows);
    return exit_code::done;
}

Json describe(audit::StoredEvent const& event) {
    auto json = Json::object({{"id", event.id},
                              {"time", to_rfc3339(event.time)},
                              {"code", event.code},
                              {"name", event.name},
                              {"outcome", routes::outcome_word(event.outcome)},
                              {"reason", event.reason},
                              {"actor", Json::object({{"type", routes::actor_word(event.actor.type)}, {"id", event.actor.ref}})},
                              {"subject", event.subject ? Json{event.subject->str()} : Json{}},
                              {"request_id", event.request_id},
                              {"session", event.session_ref},
                              {"details", pairs(event.details)},
                              {"address", event.address},
                              {"user_agent", event.user_agent},
                              {"personal", pairs(event.personal)},
                              {"class", audit::retention_name(event.retention)},
                              {"node", event.node}});
    json.set("index", event.log_index ? Json{*event.log_index} : Json{});
    return json;
}

int show(Stack& stack, Console& console, OneEvent const& wanted) {
    auto const event = stack.evidence.find(wanted.id);
    if (!event.ok()) return refuse(console, event.error());
    record_reading(stack, {{"event", event.value().id}});
    if (wanted.stored) {
        auto const proved = stack.evidence.prove(event.value());
        if (!proved.ok()) return refuse(console, proved.error());
        console.out << as_text(proved.value().stored);  // exactly these bytes are hashed: no line end
        return exit_code::done;
    }
    auto const described = describe(event.value());
    if (wanted.json) {
        console.out << described.dump_pretty() << "\n";
        return exit_code::done;
    }
    std::vector<std::vector<Json>> rows;
    for (auto const& [name, value] : *described.members()) {
        rows.push_back({name, value.members() != nullptr ? Json{value.dump()} : value});
    }
    if (auto const* info = audit::find_code(event.value().code)) rows.push_back({"meaning", info->meaning});
    print_listing(console, false, {"what", "value"}, rows);
    return exit_code::done;
}

int prove(Stack& stack, Console& console, OneEvent const& wanted) {
    auto const event = stack.evidence.find(wanted.id);
    if (!event.ok()) return refuse(console, event.error());
    auto const proved = stack.evidence.prove(event.value());
    if (!proved.ok()) return refuse(console, proved.error());
    console.out << proved.value().proof.str();
    return exit_code::done;
}

void add_event_commands(CLI::App& group, Context& context) {
    auto const wanted = std::make_shared<OneEvent>();
    auto* shown = add_command(group, context, "show", "Show one event", Prints::listing);
    shown->add_option("id", wanted->id, "The event's id")->required();
    shown->add_flag("--stored", wanted->stored, "Print its bytes in the log, as they are hashed");
    shown->callback([&context, wanted] {
        wanted->json = context.common.json;
        context.choice.on_stack = [wanted](Stack& stack, Console& console) { return show(stack, console, *wanted); };
    });
    auto* proved = add_command(group, context, "prove", "Print the proof that an event stands in the log (.tlog-proof)");
    proved->add_option("id", wanted->id, "The event's id")->required();
    proved->callback([&context, wanted] {
        context.choice.on_stack = [wanted](Stack& stack, Console& console) { return prove(stack, console, *wanted); };
    });
}

}  // namespace

Result<UserId> find_person(Stack& stack, std::string const& who) {
    // A deleted person's events are still found by their id, or by who they are in the log.
    if (auto const id = UserId::parse(who)) return *id;
    if (is_pseudonym(who)) return UserId::trusted(who);
    ZEPHYR_TRY(auto const user, find_user(stack, who));
    return user.id;
}

void record_reading(Stack& stack, std::vector<std::pair<std::string, std::string>> details, std::optional<UserId> const& subject) {
    audit::Event event{.code = audit::codes::audit_read, .actor = audit::Actor::operator_cli(), .details = std::move(details)};
    if (subject && is_pseudonym(subject->str())) event.details.emplace_back("subject", subject->str());
    else event.subject = subject;
    stack.audit.append(event);
}

std::string refuse_empty(std::string const& text) { return text.empty() ? "an empty value is none: leave it out, or say which" : ""; }

void add_audit_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("audit", "What happened, and what proves it");
    group->require_subcommand(1);
    auto const filter = std::make_shared<Filter>();
    auto* listed = add_command(*group, context, "list", "List events, newest first", Prints::listing);
    listed->add_option("--user", filter->user, "About this person")->check(refuse_empty);
    listed->add_option("--code", filter->code, "Of this code, such as ZAUTH02W")->check(refuse_empty);
    listed->add_option("--limit", filter->limit, "At most so many")->check(CLI::Range(1, 1000));
    listed->callback([&context, filter] {
        filter->json = context.common.json;
        context.choice.on_stack = [filter](Stack& stack, Console& console) { return list(stack, console, *filter); };
    });
    add_event_commands(*group, context);
    add_audit_verify_commands(*group, context);
    add_audit_export_commands(*group, context);
    add_audit_hold_commands(*group, context);
    add_audit_key_commands(*group, context);
    add_audit_adopt_command(*group, context);
    add_audit_epoch_command(*group, context);
}

}  // namespace zephyr::cli
