// zephyr role list|show|create|delete|allow|forbid|include|exclude|grant|revoke|explain, zephyr group …
#include "cli/command.h"

namespace zephyr::cli {

using audit::Actor;
using encoding::Json;

namespace {

int list_roles(Stack& stack, Console& console, bool json) {
    std::vector<std::vector<Json>> rows;
    std::string after;
    for (;;) {
        auto const page = stack.roles.list(after, 200);
        for (auto const& role : page) {
            rows.push_back({role.name, Json::strings(role.permissions), Json::strings(role.includes), role.built_in, role.description});
        }
        if (page.size() < 200) break;
        after = page.back().name;
    }
    print_listing(console, json, {"role", "permissions", "includes", "built_in", "description"}, rows);
    return exit_code::done;
}

int show_role(Stack& stack, Console& console, std::string const& name, bool json) {
    auto const role = stack.roles.find(name);
    if (!role.ok()) return refuse(console, role.error());
    std::vector<std::vector<Json>> rows;
    for (auto const& held : stack.roles.holders(name)) {
        bool const is_user = held.subject.type == rbac::Subject::Type::user;
        rows.push_back({is_user ? "user" : "group", held.subject.id, held.granted_by, to_rfc3339(held.granted_at),
                        held.expires_at ? Json{to_rfc3339(*held.expires_at)} : Json{}});
    }
    if (!json) {
        console.out << role.value().name << ": " << role.value().description << "\n";
        console.out << "permissions: " << Json::strings(role.value().permissions).dump() << "\n";
        console.out << "includes: " << Json::strings(role.value().includes).dump() << "\n\n";
    }
    print_listing(console, json, {"type", "holder", "granted_by", "granted_at", "expires_at"}, rows);
    return exit_code::done;
}

Result<rbac::Subject> subject_of(Stack& stack, std::string const& who, bool group) {
    if (!group) {
        ZEPHYR_TRY(auto const user, find_user(stack, who));
        return rbac::Subject::user(user.id);
    }
    ZEPHYR_TRY(auto const found, stack.groups.find_by_name(who));
    return rbac::Subject::group(found.id);
}

struct Words {
    std::string first, second;
    bool group = false;
    bool permission = false;
};
using WordsAction = std::function<Result<void>(Stack&, Words const&)>;

// A command of two words that changes something and then says what it did.
void add_two_words(CLI::App& parent, Context& context, std::string const& name, std::string const& help, std::string const& first,
                   std::string const& second, WordsAction action, bool to_group = false) {
    auto* command = add_command(parent, context, name, help);
    auto const words = std::make_shared<Words>();
    command->add_option(first, words->first)->required();
    command->add_option(second, words->second)->required();
    if (to_group) command->add_flag("--group", words->group, "The holder is a group");
    command->callback([&context, words, action, name] {
        context.choice.on_stack = [=](Stack& stack, Console& console) {
            if (auto const done = action(stack, *words); !done.ok()) return refuse(console, done.error());
            console.out << name << ": " << words->first << " " << words->second << "\n";
            return exit_code::done;
        };
    });
}

void add_one_word(CLI::App& parent, Context& context, std::string const& name, std::string const& help, std::string const& word,
                  std::function<Result<void>(Stack&, std::string const&)> action) {
    auto* command = add_command(parent, context, name, help);
    auto const value = std::make_shared<std::string>();
    command->add_option(word, *value)->required();
    command->callback([&context, value, action, name] {
        context.choice.on_stack = [=](Stack& stack, Console& console) {
            if (auto const done = action(stack, *value); !done.ok()) return refuse(console, done.error());
            console.out << name << ": " << *value << "\n";
            return exit_code::done;
        };
    });
}

void add_explain(CLI::App& group, Context& context) {
    auto* command = add_command(group, context, "explain", "Say why a person has a role or permission, or why not");
    auto const words = std::make_shared<Words>();
    command->add_option("user", words->first)->required();
    command->add_option("role-or-permission", words->second)->required();
    command->add_flag("--permission", words->permission, "The second word is a permission, not a role");
    command->callback([&context, words] {
        context.choice.on_stack = [words](Stack& stack, Console& console) {
            auto const user = find_user(stack, words->first);
            if (!user.ok()) return refuse(console, user.error());
            auto const why = words->permission ? stack.roles.explain_permission(user.value().id, words->second)
                                               : stack.roles.explain_role(user.value().id, words->second);
            console.out << (why.allowed ? "allowed" : "refused") << ": " << why.why << "\n";
            for (auto const& link : why.chain) console.out << "  " << link.name << "\n";
            return why.allowed ? exit_code::done : exit_code::refused;
        };
    });
}

}  // namespace

void add_role_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("role", "Roles and who holds them");
    group->require_subcommand(1);
    auto* listed = add_command(*group, context, "list", "List roles", Prints::listing);
    listed->callback([&context] {
        context.choice.on_stack = [json = context.common.json](Stack& stack, Console& console) { return list_roles(stack, console, json); };
    });
    auto const name = std::make_shared<std::string>();
    auto* shown = add_command(*group, context, "show", "Show a role and who holds it", Prints::listing);
    shown->add_option("role", *name)->required();
    shown->callback([&context, name] {
        context.choice.on_stack = [name, json = context.common.json](Stack& stack, Console& console) { return show_role(stack, console, *name, json); };
    });
    add_two_words(*group, context, "create", "Create a role", "role", "description", [](Stack& stack, Words const& words) -> Result<void> {
        ZEPHYR_CHECK(stack.roles.create({.name = words.first, .description = words.second}, Actor::operator_cli()));
        return success();
    });
    add_one_word(*group, context, "delete", "Delete a role and every grant of it", "role",
                 [](Stack& stack, std::string const& role) { return stack.roles.remove(role, Actor::operator_cli()); });
    add_two_words(*group, context, "allow", "Give a role a permission", "role", "permission", [](Stack& stack, Words const& words) {
        return stack.roles.add_permission(words.first, words.second, Actor::operator_cli());
    });
    add_two_words(*group, context, "forbid", "Take a permission from a role", "role", "permission", [](Stack& stack, Words const& words) {
        return stack.roles.remove_permission(words.first, words.second, Actor::operator_cli());
    });
    add_two_words(*group, context, "include", "Let holders of a role hold another too", "role", "included", [](Stack& stack, Words const& words) {
        return stack.roles.include(words.first, words.second, Actor::operator_cli());
    });
    add_two_words(*group, context, "exclude", "Undo include", "role", "included", [](Stack& stack, Words const& words) {
        return stack.roles.exclude(words.first, words.second, Actor::operator_cli());
    });
    add_two_words(
        *group, context, "grant", "Give a role to a person, or with --group to a group", "holder", "role",
        [](Stack& stack, Words const& words) -> Result<void> {
            ZEPHYR_TRY(auto const subject, subject_of(stack, words.first, words.group));
            return stack.roles.grant(subject, words.second, Actor::operator_cli());
        },
        true);
    add_two_words(
        *group, context, "revoke", "Take a role from a person, or with --group from a group", "holder", "role",
        [](Stack& stack, Words const& words) -> Result<void> {
            ZEPHYR_TRY(auto const subject, subject_of(stack, words.first, words.group));
            return stack.roles.revoke(subject, words.second, Actor::operator_cli());
        },
        true);
    add_explain(*group, context);
}

void add_group_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("group", "Groups of people");
    group->require_subcommand(1);
    auto* listed = add_command(*group, context, "list", "List groups", Prints::listing);
    listed->callback([&context] {
        context.choice.on_stack = [json = context.common.json](Stack& stack, Console& console) {
            std::vector<std::vector<Json>> rows;
            users::GroupQuery query{.limit = 200};
            for (;;) {
                auto const page = stack.groups.list(query);
                if (!page.ok()) return refuse(console, page.error());
                for (auto const& found : page.value().groups) rows.push_back({found.id.str(), found.name, to_rfc3339(found.created_at)});
                if (!page.value().next) break;
                query.after = *page.value().next;
            }
            print_listing(console, json, {"id", "group", "created_at"}, rows);
            return exit_code::done;
        };
    });
    add_one_word(*group, context, "create", "Create a group", "group", [](Stack& stack, std::string const& name) -> Result<void> {
        ZEPHYR_CHECK(stack.groups.create(name, Actor::operator_cli()));
        return success();
    });
    add_one_word(*group, context, "delete", "Delete a group", "group", [](Stack& stack, std::string const& name) -> Result<void> {
        ZEPHYR_TRY(auto const found, stack.groups.find_by_name(name));
        return stack.groups.remove(found.id, Actor::operator_cli());
    });
    using Members = Result<void> (users::GroupService::*)(GroupId const&, UserId const&, audit::Actor const&, audit::Origin const&);
    auto const with_user = [](Members change) {
        return [change](Stack& stack, Words const& words) -> Result<void> {
            ZEPHYR_TRY(auto const found, stack.groups.find_by_name(words.first));
            ZEPHYR_TRY(auto const user, find_user(stack, words.second));
            return (stack.groups.*change)(found.id, user.id, Actor::operator_cli(), {});
        };
    };
    add_two_words(*group, context, "add", "Add a person to a group", "group", "user", with_user(&users::GroupService::add_member));
    add_two_words(*group, context, "remove", "Remove a person from a group", "group", "user", with_user(&users::GroupService::remove_member));
}

}  // namespace zephyr::cli
