// zephyr mfa status|reset|policy
#include "cli/command.h"

namespace zephyr::cli {

using audit::Actor;
using encoding::Json;

namespace {

constexpr std::size_t page_size = 200;

Json optional_time(std::optional<TimePoint> const& time) { return time ? Json{to_rfc3339(*time)} : Json{}; }

template <class Each>
Result<void> each_user(Stack& stack, Each&& each) {
    users::UserQuery query{.limit = page_size};
    for (;;) {
        ZEPHYR_TRY(auto const page, stack.users.list(query));
        for (auto const& user : page.users) each(user);
        if (!page.next) return success();
        query.after = *page.next;
    }
}

std::string_view word(signin::MfaDemand::What what) {
    switch (what) {
        case signin::MfaDemand::What::none: return "none";
        case signin::MfaDemand::What::in_grace: return "in_grace";
        case signin::MfaDemand::What::now: return "now";
    }
    return "now";
}

// Why a second factor is demanded of somebody: the rules that speak of them.
std::vector<std::string> reasons(Stack& stack, UserId const& user) {
    auto const applying = stack.mfa_policy.rules_for(user);
    std::vector<std::string> out;
    if (applying.as_admin) out.emplace_back("mfa.required_for_admin");
    for (auto const& rule : applying.rules) out.push_back("mfa.required_for " + rule.text());
    return out;
}

void print_facts(Console& console, bool json, Json const& facts) {
    if (json) {
        console.out << facts.dump_pretty() << "\n";
        return;
    }
    std::vector<std::vector<std::string>> rows;
    for (auto const& [name, value] : *facts.members()) rows.push_back({name, value.string() != nullptr ? *value.string() : value.dump()});
    print_table(console.out, {"field", "value"}, rows);
}

Json recovery_of(Stack& stack, UserId const& user) {
    auto const open = stack.recovery.open_for(user);
    if (!open) return Json{};
    return Json::object({{"kind", open->kind == signin::Recovery::Kind::self ? "self" : "admin"},
                         {"reason", open->reason},
                         {"requested_at", to_rfc3339(open->requested_at)},
                         {"due_at", to_rfc3339(open->due_at)}});
}

int status_of(Stack& stack, Console& console, std::string const& who, bool json) {
    auto const user = find_user(stack, who);
    if (!user.ok()) return refuse(console, user.error());
    auto const& id = user.value().id;
    Json factors = Json::array();
    for (auto const& factor : stack.mfa.list(id)) {
        factors.push(Json::object({{"id", factor.id.str()},
                                   {"kind", factor.kind->name},
                                   {"shown", printable(factor.shown)},
                                   {"confirmed_at", to_rfc3339(factor.confirmed_at)},
                                   {"last_used_at", optional_time(factor.last_used_at)}}));
    }
    auto const left = stack.mfa.backup_codes().left(id);
    auto const demand = stack.mfa_policy.demanded(id);
    auto const failures = stack.database->read([&](storage::Transaction& tx) { return stack.attempts.failures(tx, id); });
    print_facts(console, json,
                Json::object({{"user", user.value().username},
                              {"factors", std::move(factors)},
                              {"backup_codes_left", left ? Json{*left} : Json{}},
                              {"failures_in_a_row", failures},
                              {"demanded", word(demand.what)},
                              {"demanded_until", optional_time(demand.until)},
                              {"demanded_by", Json::strings(reasons(stack, id))},
                              {"email_verified", user.value().email_verified()},
                              {"recovery", recovery_of(stack, id)}}));
    return exit_code::done;
}

int status(Stack& stack, Console& console, bool json) {
    std::int64_t people = 0, demanded = 0, lacking = 0, in_grace = 0;
    auto const walked = each_user(stack, [&](users::User const& user) {
        ++people;
        auto const demand = stack.mfa_policy.demanded(user.id);
        if (demand.what == signin::MfaDemand::What::none) return;
        ++demanded;
        if (stack.sign_in.has_counting_factor(user.id)) return;
        ++(demand.what == signin::MfaDemand::What::in_grace ? in_grace : lacking);
    });
    if (!walked.ok()) return refuse(console, walked.error());
    print_facts(console, json,
                Json::object({{"people", people},
                              {"with_second_factor", stack.mfa.count_enrolled()},
                              {"demanded", demanded},
                              {"demanded_and_in_grace", in_grace},
                              {"demanded_and_without", lacking},
                              {"recoveries_waiting", static_cast<std::int64_t>(stack.recovery.open().size())}}));
    return exit_code::done;
}

std::vector<Json> policy_row(Stack& stack, users::User const& user) {
    auto const demand = stack.mfa_policy.demanded(user.id);
    return {user.username, word(demand.what), optional_time(demand.until), Json::strings(reasons(stack, user.id)),
            stack.sign_in.has_counting_factor(user.id)};
}

// With a user: that one, demanded or not. Without: everybody of whom a second factor is demanded.
int policy(Stack& stack, Console& console, std::string const& who, bool json) {
    std::vector<std::vector<Json>> rows;
    if (!who.empty()) {
        auto const user = find_user(stack, who);
        if (!user.ok()) return refuse(console, user.error());
        rows.push_back(policy_row(stack, user.value()));
    } else {
        auto const walked = each_user(stack, [&](users::User const& user) {
            if (stack.mfa_policy.rules_for(user.id).any()) rows.push_back(policy_row(stack, user));
        });
        if (!walked.ok()) return refuse(console, walked.error());
    }
    print_listing(console, json, {"user", "demanded", "until", "by", "has_factor"}, rows);
    return exit_code::done;
}

int reset(Stack& stack, Console& console, std::string const& who, std::string const& reason, bool now) {
    auto const user = find_user(stack, who);
    if (!user.ok()) return refuse(console, user.error());
    auto const& account = user.value();
    if (now) {
        auto const removed = stack.lifecycle.reset_mfa(account.id, Actor::operator_cli(), {}, reason);
        if (!removed.ok()) return refuse(console, removed.error());
        console.out << "removed every second factor of " << account.username << " (" << removed.value() << "); every session ended\n";
        return exit_code::done;
    }
    auto const asked = stack.recovery.ask(account.id, Actor::operator_cli(), {}, reason);
    if (!asked.ok()) return refuse(console, asked.error());
    console.out << "asked for the removal of every second factor of " << account.username << "; takes effect at "
                << to_rfc3339(asked.value().due_at) << " unless it is cancelled\n";
    return exit_code::done;
}

int cancel(Stack& stack, Console& console, std::string const& who) {
    auto const user = find_user(stack, who);
    if (!user.ok()) return refuse(console, user.error());
    if (auto const done = stack.recovery.cancel(user.value().id, Actor::operator_cli(), {}); !done.ok()) return refuse(console, done.error());
    console.out << "cancelled; the second factors of " << user.value().username << " stay\n";
    return exit_code::done;
}

}  // namespace

void add_mfa_commands(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("mfa", "Second factors: who has which, who must, and what to do when one is lost");
    group->require_subcommand(1);
    auto const who = std::make_shared<std::string>();

    auto* shown = add_command(*group, context, "status", "Factors, backup codes, failures and open recoveries of one account, or of all in numbers",
                              Prints::listing);
    shown->add_option("user", *who, "Username, e-mail or id");
    shown->callback([&context, who] {
        context.choice.on_stack = [who, json = context.common.json](Stack& stack, Console& console) {
            return who->empty() ? status(stack, console, json) : status_of(stack, console, *who, json);
        };
    });

    auto* told = add_command(*group, context, "policy", "Of whom a second factor is demanded, why, and from when on", Prints::listing);
    told->add_option("user", *who, "Username, e-mail or id; without it, everybody of whom one is demanded");
    told->callback([&context, who] {
        context.choice.on_stack = [who, json = context.common.json](Stack& stack, Console& console) { return policy(stack, console, *who, json); };
    });

    auto const reason = std::make_shared<std::string>();
    auto const now = std::make_shared<bool>(false);
    auto const cancelling = std::make_shared<bool>(false);
    auto* taken = add_command(*group, context, "reset", "Remove every second factor of an account after recovery.reset_delay; the person is told");
    taken->add_option("user", *who, "Username, e-mail or id")->required();
    taken->add_option("--reason", *reason, "Why, for the audit log");
    auto* const at_once = taken->add_flag("--now", *now, "Break-glass: at once, and every session ends");
    taken->add_flag("--cancel", *cancelling, "Cancel what is waiting instead")->excludes(at_once);
    taken->callback([&context, who, reason, now, cancelling] {
        context.choice.on_stack = [=](Stack& stack, Console& console) {
            return *cancelling ? cancel(stack, console, *who) : reset(stack, console, *who, *reason, *now);
        };
    });
}

}  // namespace zephyr::cli
