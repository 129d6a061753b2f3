#include "zephyr/signin/mfa_policy.h"

#include <algorithm>
#include <charconv>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/text.h"

namespace zephyr::signin {

using encoding::Json;
using storage::Transaction;

namespace {

constexpr std::string_view role_prefix = "role:";
constexpr std::string_view group_prefix = "group:";
constexpr std::string_view grace_word = " grace:";
constexpr std::size_t longest_line = 256;

std::optional<std::chrono::seconds> parse_grace(std::string_view text) {
    std::int64_t number = 0;
    auto const [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (fault != std::errc{} || end + 1 != text.data() + text.size()) return std::nullopt;
    std::int64_t hours = 0;
    switch (text.back()) {
        case 'h': hours = 1; break;
        case 'd': hours = 24; break;
        case 'w': hours = 7 * 24; break;
        default: return std::nullopt;
    }
    constexpr std::int64_t longest = 365 * 24;
    if (number < 1 || number > longest / hours) return std::nullopt;
    return std::chrono::hours{number * hours};
}

std::optional<TimePoint> grace_began(Transaction& tx, UserId const& user, std::string const& rule) {
    auto const row = tx.row("SELECT started_at FROM mfa_grace WHERE user_id = $1 AND rule = $2", user.str(), rule);
    if (!row) return std::nullopt;
    return row->optional_time(0);
}

}  // namespace

std::string MfaRule::text() const {
    switch (what) {
        case What::role: return std::string{role_prefix} + name;
        case What::group: return std::string{group_prefix} + name;
        case What::everyone: break;
    }
    return "everyone";
}

std::optional<MfaRule> MfaRule::parse(std::string_view line) {
    if (line.size() > longest_line) return std::nullopt;
    auto who = trim(line);
    MfaRule rule;
    // The last one: a group's name may hold the word.
    if (auto const at = who.rfind(grace_word); at != std::string_view::npos) {
        rule.grace = parse_grace(who.substr(at + grace_word.size()));
        if (!rule.grace) return std::nullopt;
        who = trim(who.substr(0, at));
    }
    if (who == "everyone") return rule;
    if (who.starts_with(role_prefix)) {
        rule.what = What::role;
        rule.name = who.substr(role_prefix.size());
        return rbac::is_role_name(rule.name) ? std::optional{rule} : std::nullopt;
    }
    if (who.starts_with(group_prefix)) {
        rule.what = What::group;
        rule.name = trim(who.substr(group_prefix.size()));
        return rule.name.empty() ? std::nullopt : std::optional{rule};
    }
    return std::nullopt;
}

MfaPolicy::MfaPolicy(storage::Database& database, rbac::RoleService& roles, users::GroupService& groups, Clock const& clock,
                     MfaPolicySettings settings)
    : database_{database}, roles_{roles}, groups_{groups}, clock_{clock}, settings_{std::move(settings)} {}

MfaPolicy::Applying MfaPolicy::rules_for(UserId const& user) const {
    Applying out;
    if (!settings_.mfa_enabled) return out;
    auto const held = roles_.effective_now(user);
    out.as_admin = settings_.required_for_admin && held->has_role(rbac::admin_role);
    std::optional<std::vector<std::string>> groups;
    auto const in_group = [&](std::string const& name) {
        if (!groups) groups = groups_.names_of(user);
        return std::find(groups->begin(), groups->end(), name) != groups->end();
    };
    for (auto const& rule : settings_.rules) {
        bool applies = rule.what == MfaRule::What::everyone;
        if (rule.what == MfaRule::What::role) applies = held->has_role(rule.name);
        if (rule.what == MfaRule::What::group) applies = in_group(rule.name);
        if (applies) out.rules.push_back(rule);
    }
    return out;
}

MfaDemand MfaPolicy::begin(Transaction& tx, UserId const& user, Applying const& applying) {
    for (auto const& rule : applying.rules) {
        if (!rule.grace) continue;
        tx.run("INSERT INTO mfa_grace (user_id, rule, started_at) VALUES ($1, $2, $3) ON CONFLICT (user_id, rule) DO NOTHING", user.str(),
               rule.text(), clock_.now());
    }
    return demand(tx, user, applying);
}

MfaDemand MfaPolicy::demand(Transaction& tx, UserId const& user, Applying const& applying) const {
    auto const now = clock_.now();
    MfaDemand out;
    for (auto const& rule : applying.rules) {
        auto const began = rule.grace ? grace_began(tx, user, rule.text()) : std::nullopt;
        // A grace that has not begun begins at the next sign-in, at the earliest.
        auto const until = rule.grace ? began.value_or(now) + *rule.grace : now;
        if (until <= now) {
            out.sign_in_waits = true;
        } else if (!out.until || until < *out.until) {
            out.until = until;
        }
    }
    if (out.sign_in_waits || applying.as_admin) {
        out.what = MfaDemand::What::now;
        if (out.sign_in_waits) out.until.reset();
    } else if (out.until) {
        out.what = MfaDemand::What::in_grace;
    }
    return out;
}

MfaDemand MfaPolicy::demanded(UserId const& user) const {
    auto const applying = rules_for(user);
    if (!applying.any()) return {};
    return database_.read([&](Transaction& tx) { return demand(tx, user, applying); });
}

std::vector<privacy::TableClaim> MfaPolicy::claims() const {
    return {{.table = "mfa_grace", .personal = {"user_id", "rule", "started_at"}, .not_personal = {}}};
}

Json MfaPolicy::export_for(Transaction& tx, UserId const& user) {
    Json out = Json::array();
    for (auto const& row : tx.rows("SELECT rule, started_at FROM mfa_grace WHERE user_id = $1 ORDER BY rule", user.str()))
        out.push(Json::object({{"rule", row.text(0)}, {"since", to_rfc3339(row.time(1))}}));
    return out;
}

void MfaPolicy::erase(Transaction& tx, UserId const& user) { tx.run("DELETE FROM mfa_grace WHERE user_id = $1", user.str()); }

}  // namespace zephyr::signin
