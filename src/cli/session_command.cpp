// zephyr session list|revoke
#include "cli/command.h"

namespace zephyr::cli {

using audit::Actor;
using encoding::Json;

namespace {

std::vector<Json> row_of(sessions::Session const& session) {
    std::vector<std::string> factors;
    for (auto const& factor : session.factors) factors.push_back(factor.name);
    return {session.ref.str(),  session.user.str(), session.pending,    Json::strings(factors),          to_rfc3339(session.created_at),
            to_rfc3339(session.last_seen_at), to_rfc3339(session.expires_at), session.address};
}

int list(Stack& stack, Console& console, std::string const& who, bool json) {
    std::vector<std::vector<Json>> rows;
    if (!who.empty()) {
        auto const user = find_user(stack, who);
        if (!user.ok()) return refuse(console, user.error());
        for (auto const& session : stack.sessions.list(user.value().id)) rows.push_back(row_of(session));
    } else {
        SessionRef after = SessionRef::trusted({});
        for (;;) {
            auto const page = stack.sessions.list_all(after, 500);
            for (auto const& session : page) {
                if (stack.sessions.find(session.ref).ok()) rows.push_back(row_of(session));
            }
            if (page.size() < 500) break;
            after = page.back().ref;
        }
    }
    print_listing(console, json, {"session", "user", "pending", "factors", "started", "last_seen", "ends", "address"}, rows);
    return exit_code::done;
}

int revoke(Stack& stack, Console& console, std::string const& ref_text, std::string const& who) {
    if (!who.empty()) {
        auto const user = find_user(stack, who);
        if (!user.ok()) return refuse(console, user.error());
        auto const ended = stack.lifecycle.end_sessions(user.value().id, Actor::operator_cli(), {}, "revoked_by_operator");
        if (!ended.ok()) return refuse(console, ended.error());
        console.out << "ended " << ended.value() << " sessions of " << user.value().username << "\n";
        return exit_code::done;
    }
    auto const ref = SessionRef::parse(ref_text);
    if (!ref) return refuse(console, Error{sessions::errors::not_found}.with_reason("Name a session (see session list) or say --user."));
    if (auto const ended = stack.sessions.end(*ref, Actor::operator_cli(), {}, "revoked_by_operator"); !ended.ok()) {
        return refuse(console, ended.error());
    }
    console.out << "ended session " << *ref << "\n";
    return exit_code::done;
}

}  // namespace

void add_session_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("session", "Who is signed in");
    group->require_subcommand(1);
    auto const who = std::make_shared<std::string>();
    auto const ref = std::make_shared<std::string>();
    auto* listed = add_command(*group, context, "list", "List live sessions", Prints::listing);
    listed->add_option("--user", *who, "Of this person alone");
    listed->callback([&context, who] {
        context.choice.on_stack = [who, json = context.common.json](Stack& stack, Console& console) { return list(stack, console, *who, json); };
    });
    auto* revoked = add_command(*group, context, "revoke", "End one session, or with --user all of a person");
    revoked->add_option("session", *ref, "Its name in the list");
    revoked->add_option("--user", *who, "End every session of this person");
    revoked->callback([&context, who, ref] {
        context.choice.on_stack = [=](Stack& stack, Console& console) { return revoke(stack, console, *ref, *who); };
    });
}

}  // namespace zephyr::cli
