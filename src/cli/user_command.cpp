// zephyr user add|list|show|set-password|disable|enable|delete|reset-mfa|export
#include "cli/command.h"

namespace zephyr::cli {

using audit::Actor;
using encoding::Json;

namespace {

constexpr std::size_t page_size = 200;

Json optional_time(std::optional<TimePoint> const& time) { return time ? Json{to_rfc3339(*time)} : Json{}; }

Json describe(Stack& stack, users::User const& user) {
    auto const password = stack.passwords.state(user.id);
    Json factors = Json::array();
    for (auto const& device : stack.totp.list(user.id)) factors.push(Json::object({{"id", device.id.str()}, {"kind", "totp"}, {"name", device.name}}));
    return Json::object({{"id", user.id.str()},
                         {"username", user.username},
                         {"email", user.email ? Json{*user.email} : Json{}},
                         {"display_name", user.display_name},
                         {"state", users::state_name(users::effective_state(user, stack.clock.now()))},
                         {"expires_at", optional_time(user.expires_at)},
                         {"locked_until", optional_time(user.locked_until)},
                         {"created_at", to_rfc3339(user.created_at)},
                         {"roles", Json::strings(stack.roles.effective(user.id).roles)},
                         {"has_password", password.has_value()},
                         {"must_change_password", password && password->must_change},
                         {"factors", std::move(factors)},
                         {"sessions", static_cast<std::int64_t>(stack.sessions.list(user.id).size())}});
}

struct NewAccount {
    std::string username, email, display_name;
    std::vector<std::string> roles;
    bool password_stdin = false;
    bool must_change = false;
    bool json = false;
};

Result<users::User> create(Stack& stack, NewAccount const& wanted, std::optional<SecretText> const& password) {
    std::optional<passwords::PreparedPassword> prepared;
    if (password) {
        passwords::PolicyContext const context{.words = {wanted.username, wanted.email, wanted.display_name}};
        ZEPHYR_TRY(auto made, stack.passwords.prepare(*password, context));
        prepared = std::move(made);
    }
    users::NewUser account{.username = wanted.username, .display_name = wanted.display_name};
    if (!wanted.email.empty()) account.email = wanted.email;
    return stack.database->write([&](storage::Transaction& tx) -> Result<users::User> {
        ZEPHYR_TRY(auto user, stack.users.create(tx, account, Actor::operator_cli()));
        if (prepared) {
            stack.passwords.store(tx, user.id, *prepared, wanted.must_change ? passwords::MustChange::yes : passwords::MustChange::no,
                                  Actor::operator_cli());
        }
        for (auto const& role : wanted.roles) {
            ZEPHYR_CHECK(stack.roles.grant(rbac::Subject::user(user.id), role, Actor::operator_cli()));
        }
        return user;
    });
}

int add(Stack& stack, Console& console, NewAccount const& wanted) {
    std::optional<SecretText> password;
    if (wanted.password_stdin) {
        auto line = read_secret_line(console);
        if (!line.ok()) return refuse(console, line.error());
        password = std::move(line).value();
    }
    auto const made = create(stack, wanted, password);
    if (!made.ok()) return refuse(console, made.error());
    if (wanted.json) console.out << describe(stack, made.value()).dump_pretty() << "\n";
    else console.out << "added " << made.value().username << " (" << made.value().id << ")\n";
    return exit_code::done;
}

int list(Stack& stack, Console& console, std::string const& prefix, std::string const& state, bool json) {
    users::UserQuery query{.limit = page_size};
    if (!prefix.empty()) query.prefix = prefix;
    if (!state.empty()) {
        query.state = users::parse_state(state);
        if (!query.state) return refuse(console, Error{users::errors::not_found}.with_reason("There is no state '" + state + "'."));
    }
    std::vector<std::vector<Json>> rows;
    for (;;) {
        auto const page = stack.users.list(query);
        if (!page.ok()) return refuse(console, page.error());
        for (auto const& user : page.value().users) {
            rows.push_back({user.id.str(), user.username, user.email ? Json{*user.email} : Json{},
                            users::state_name(users::effective_state(user, stack.clock.now())),
                            Json::strings(stack.roles.effective(user.id).roles), stack.totp.has_confirmed(user.id)});
        }
        if (!page.value().next) break;
        query.after = *page.value().next;
    }
    print_listing(console, json, {"id", "username", "email", "state", "roles", "second_factor"}, rows);
    return exit_code::done;
}

int show(Stack& stack, Console& console, std::string const& who, bool json) {
    auto const user = find_user(stack, who);
    if (!user.ok()) return refuse(console, user.error());
    auto const facts = describe(stack, user.value());
    if (json) {
        console.out << facts.dump_pretty() << "\n";
        return exit_code::done;
    }
    std::vector<std::vector<std::string>> rows;
    for (auto const& [name, value] : *facts.members()) rows.push_back({name, value.string() != nullptr ? *value.string() : value.dump()});
    print_table(console.out, {"field", "value"}, rows);
    return exit_code::done;
}

int set_password(Stack& stack, Console& console, std::string const& who, bool must_change) {
    auto const user = find_user(stack, who);
    if (!user.ok()) return refuse(console, user.error());
    auto const password = read_secret_line(console);
    if (!password.ok()) return refuse(console, password.error());
    auto const set = stack.lifecycle.set_password(user.value().id, password.value(),
                                                  must_change ? passwords::MustChange::yes : passwords::MustChange::no, Actor::operator_cli(), {});
    if (!set.ok()) return refuse(console, set.error());
    console.out << "set the password of " << user.value().username << "; every session ended\n";
    return exit_code::done;
}

std::string nothing_more(Stack&, users::User const&) { return {}; }

// A legal hold outlasts the account: what the log holds about the person can be read until it is released.
std::string waiting_for_hold(Stack& stack, users::User const& user) {
    bool const held = stack.database->read([&](storage::Transaction& tx) { return stack.holds.covers(tx, user.id); });
    if (!held) return {};
    return "A legal hold covers this person: their keys to the audit log are destroyed when it is released (zephyr audit hold list).";
}

// One change to one person. `then` has something to add when it is done, or not.
template <class Change>
void add_change(CLI::App& group, Context& context, std::string const& name, std::string const& help, std::string const& done, Change change,
                std::string (*then)(Stack&, users::User const&) = nothing_more) {
    auto* command = add_command(group, context, name, help);
    auto const who = std::make_shared<std::string>();
    auto const reason = std::make_shared<std::string>();
    command->add_option("user", *who, "Username, e-mail or id")->required();
    command->add_option("--reason", *reason, "Why, for the audit log");
    command->callback([&context, who, reason, done, change, then] {
        context.choice.on_stack = [=](Stack& stack, Console& console) {
            auto const user = find_user(stack, *who);
            if (!user.ok()) return refuse(console, user.error());
            Result<void> const outcome = change(stack, user.value(), *reason);
            if (!outcome.ok()) return refuse(console, outcome.error());
            console.out << done << " " << user.value().username << "\n";
            if (auto const more = then(stack, user.value()); !more.empty()) console.out << more << "\n";
            return exit_code::done;
        };
    });
}

void add_changes(CLI::App& group, Context& context) {
    add_change(group, context, "disable", "Refuse every sign-in of an account and end its sessions", "disabled",
               [](Stack& stack, users::User const& user, std::string const& reason) {
                   return stack.lifecycle.disable(user.id, Actor::operator_cli(), {}, reason);
               });
    add_change(group, context, "enable", "Make an account active again; clears locks and counted failures", "enabled",
               [](Stack& stack, users::User const& user, std::string const& reason) {
                   return stack.lifecycle.enable(user.id, Actor::operator_cli(), {}, reason);
               });
    add_change(group, context, "delete", "Erase a person everywhere; what happened stays in the audit log without them", "deleted",
               [](Stack& stack, users::User const& user, std::string const& reason) {
                   return stack.lifecycle.remove(user.id, Actor::operator_cli(), {}, reason);
               },
               waiting_for_hold);
    add_change(group, context, "reset-mfa", "Break-glass: remove every second factor, end every session; audited, and the person is told",
               "removed every second factor of", [](Stack& stack, users::User const& user, std::string const& reason) -> Result<void> {
                   ZEPHYR_CHECK(stack.lifecycle.reset_mfa(user.id, Actor::operator_cli(), {}, reason));
                   return success();
               });
}

}  // namespace

void add_user_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("user", "Accounts");
    group->require_subcommand(1);

    auto const wanted = std::make_shared<NewAccount>();
    auto* added = add_command(*group, context, "add", "Create an account", Prints::listing);
    added->add_option("username", wanted->username, "The name to sign in with")->required();
    added->add_option("--email", wanted->email, "May be signed in with too");
    added->add_option("--display-name", wanted->display_name, "How pages address the person");
    added->add_option("--role", wanted->roles, "Grant this role; may be repeated");
    added->add_flag("--password-stdin", wanted->password_stdin, "Read the password from standard input; without it there is none yet");
    added->add_flag("--must-change", wanted->must_change, "Ask for another password at the first sign-in");
    added->callback([&context, wanted] {
        wanted->json = context.common.json;
        context.choice.on_stack = [wanted](Stack& stack, Console& console) { return add(stack, console, *wanted); };
    });

    auto const prefix = std::make_shared<std::string>();
    auto const state = std::make_shared<std::string>();
    auto* listed = add_command(*group, context, "list", "List accounts", Prints::listing);
    listed->add_option("--prefix", *prefix, "Username or e-mail begins with this");
    listed->add_option("--state", *state, "active, disabled, locked, expired or pending");
    listed->callback([&context, prefix, state] {
        context.choice.on_stack = [=, json = context.common.json](Stack& stack, Console& console) {
            return list(stack, console, *prefix, *state, json);
        };
    });

    auto const who = std::make_shared<std::string>();
    auto* shown = add_command(*group, context, "show", "Show one account", Prints::listing);
    shown->add_option("user", *who, "Username, e-mail or id")->required();
    shown->callback([&context, who] {
        context.choice.on_stack = [who, json = context.common.json](Stack& stack, Console& console) { return show(stack, console, *who, json); };
    });

    auto* exported = add_command(*group, context, "export", "Print everything kept about a person, as JSON");
    exported->add_option("user", *who, "Username, e-mail or id")->required();
    exported->callback([&context, who] {
        context.choice.on_stack = [who](Stack& stack, Console& console) {
            auto const user = find_user(stack, *who);
            if (!user.ok()) return refuse(console, user.error());
            auto const data = stack.lifecycle.export_data(user.value().id, Actor::operator_cli(), {});
            if (!data.ok()) return refuse(console, data.error());
            console.out << data.value().dump_pretty() << "\n";
            return exit_code::done;
        };
    });

    auto const must_change = std::make_shared<bool>(false);
    auto const from_stdin = std::make_shared<bool>(false);
    auto* password = add_command(*group, context, "set-password", "Set a password; ends every session");
    password->add_option("user", *who, "Username, e-mail or id")->required();
    password->add_flag("--password-stdin", *from_stdin, "Read the password from standard input")->required();
    password->add_flag("--must-change", *must_change, "Ask for another one at the next sign-in");
    password->callback([&context, who, must_change, from_stdin] {  // the option writes to it: it must live as long
        context.choice.on_stack = [=](Stack& stack, Console& console) { return set_password(stack, console, *who, *must_change); };
    });

    add_changes(*group, context);
    add_user_import_command(*group, context);
}

}  // namespace zephyr::cli
