#include "zephyr/forward/rule_book.h"

#include <algorithm>

#include "zephyr/encoding/idna.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/text.h"
#include "zephyr/rbac/role.h"

namespace zephyr::forward {

namespace {

constexpr std::chrono::seconds longest_freshness = std::chrono::hours{24 * 30};

Error malformed(std::string_view line, std::string_view why) {
    std::string const text = "\"" + std::string{line.substr(0, 200)} + "\": " + std::string{why};
    return Error{errors::rule_malformed, text}.with_reason(text);
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (auto const word : split(line, ' ')) {
        if (auto const clean = trim(word); !clean.empty()) words.push_back(clean);
    }
    return words;
}

// "15m": a number above 0 and s, m, h or d.
std::optional<std::chrono::seconds> parse_freshness(std::string_view text) {
    if (text.size() < 2 || text.size() > 9 || text.front() < '0' || text.front() > '9') return std::nullopt;
    auto const number = parse_integer(text.substr(0, text.size() - 1));
    if (!number || *number <= 0) return std::nullopt;
    std::int64_t unit = 0;
    switch (text.back()) {
        case 's': unit = 1; break;
        case 'm': unit = 60; break;
        case 'h': unit = 3600; break;
        case 'd': unit = 86'400; break;
        default: return std::nullopt;
    }
    auto const seconds = std::chrono::seconds{*number * unit};
    return seconds <= longest_freshness ? std::optional{seconds} : std::nullopt;
}

std::string print_freshness(std::chrono::seconds within) {
    auto const count = within.count();
    for (auto const& [unit, letter] : {std::pair{86'400, 'd'}, std::pair{3600, 'h'}, std::pair{60, 'm'}}) {
        if (count % unit == 0) return std::to_string(count / unit) + letter;
    }
    return std::to_string(count) + "s";
}

// A prefix in the form that decoded paths have.
std::optional<std::string> parse_path(std::string_view text) {
    if (text.empty() || text == "/") return "/";
    if (text.ends_with('/')) text.remove_suffix(1);
    if (text.size() > RuleBook::max_path_bytes) return std::nullopt;
    bool const plain = std::all_of(text.begin(), text.end(), [](char c) {
        return c > 0x20 && c < 0x7f && std::string_view{"%;\\?#*\"<>"}.find(c) == std::string_view::npos;
    });
    if (!plain) return std::nullopt;
    for (auto const segment : split(text.substr(1), '/')) {
        if (segment.empty() || segment == "." || segment == "..") return std::nullopt;
    }
    return std::string{text};
}

Result<Demand> parse_demand(std::string_view line, std::string_view word) {
    auto const colon = word.find(':');
    auto const kind = word.substr(0, colon);
    auto const argument = colon == std::string_view::npos ? std::string_view{} : word.substr(colon + 1);
    if (word == "mfa") return Demand{.what = Demand::What::mfa};
    if (kind == "mfa") {
        auto const within = parse_freshness(argument);
        if (!within) return malformed(line, "mfa: takes a time such as 15m, at most 30d");
        return Demand{.what = Demand::What::mfa, .within = *within};
    }
    if (kind == "role") {
        if (!rbac::is_role_name(argument)) return malformed(line, "role: takes the name of a role");
        return Demand{.what = Demand::What::role, .name = std::string{argument}};
    }
    if (kind == "permission") {
        if (!rbac::is_permission(argument)) return malformed(line, "permission: takes a permission such as wiki.edit");
        return Demand{.what = Demand::What::permission, .name = std::string{argument}};
    }
    return malformed(line, "\"" + std::string{word.substr(0, 80)} +
                               "\" is no demand; they are login, open, role:NAME, permission:NAME, mfa and mfa:15m");
}

Result<Rule> parse_rule(std::string_view line) {
    auto const words = words_of(line);
    if (words.empty()) return malformed(line, "it is empty");
    auto const target = words.front();
    auto const slash = std::min(target.find('/'), target.size());
    auto const host = target.substr(0, slash);
    if (host.find('*') != std::string_view::npos) return malformed(line, "hosts are named one by one, without patterns");
    auto const origin = origin_of("https", host);
    if (!origin) return malformed(line, "it must begin with a host such as app.example.com");
    // Not asked of the parsed origin, where an explicit :443 looks like none.
    bool const has_port = host.find(':') != std::string_view::npos && !host.ends_with(']');
    if (has_port) return malformed(line, "a rule is for every port of its host: leave the port out");
    auto path = parse_path(target.substr(slash));
    if (!path) return malformed(line, "its path must be plain: no %, ;, ?, empty or dot segments, and at most 512 bytes of ASCII");

    Rule rule{.host = origin->host, .path = *std::move(path)};
    bool login = false;
    for (auto const word : std::vector<std::string_view>(words.begin() + 1, words.end())) {
        if (word == "open") {
            rule.open = true;
        } else if (word == "login") {
            login = true;
        } else {
            ZEPHYR_TRY(auto demand, parse_demand(line, word));
            rule.demands.push_back(std::move(demand));
        }
    }
    if (rule.open && (login || !rule.demands.empty())) return malformed(line, "open stands alone");
    return rule;
}

// Names that IDNA has nothing to say about, which is nearly every one that is asked for.
bool is_plain_ascii(std::string_view name) {
    bool const ascii = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    return ascii && ascii_lower(name).find("xn--") == std::string::npos;
}

bool is_prefix(std::string_view prefix, std::string_view path) {
    if (prefix == "/") return true;
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// How a file system or an application that ignores case (Unicode's too: KELVIN SIGN is a k), dots and blanks at the end of names, and
// what stands behind a colon, would read it.
std::string folded(std::string_view path) {
    std::string out;
    for (auto segment : split(path.substr(1), '/')) {
        segment = segment.substr(0, segment.find(':'));
        while (segment.ends_with('.') || segment.ends_with(' ')) segment.remove_suffix(1);
        out += '/';
        auto const canonical = is_plain_ascii(segment) ? std::nullopt : encoding::canonical_name(segment);
        out += canonical ? *canonical : ascii_lower(segment);
    }
    return out;
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

Rule const* longest(std::vector<Rule> const& rules, std::string_view path) {
    auto const found = std::find_if(rules.begin(), rules.end(), [&](Rule const& rule) { return is_prefix(rule.path, path); });
    return found == rules.end() ? nullptr : &*found;
}

Rule const* longest_folded(std::vector<Rule> const& rules, std::string_view path) {
    auto const wanted = folded(path);
    auto const found = std::find_if(rules.begin(), rules.end(),
                                    [&](Rule const& rule) { return rule.path == "/" || is_prefix(folded(rule.path), wanted); });
    return found == rules.end() ? nullptr : &*found;
}

}  // namespace

std::string Rule::print() const {
    std::string line = host;
    if (path != "/") line += path;
    if (open) return line + " open";
    if (demands.empty()) return line + " login";
    for (auto const& demand : demands) {
        switch (demand.what) {
            case Demand::What::role: line += " role:" + demand.name; break;
            case Demand::What::permission: line += " permission:" + demand.name; break;
            case Demand::What::mfa: line += demand.within.count() > 0 ? " mfa:" + print_freshness(demand.within) : " mfa"; break;
        }
    }
    return line;
}

Result<RuleBook> RuleBook::parse(std::vector<std::string> const& lines) {
    RuleBook book;
    for (auto const& line : lines) {
        ZEPHYR_TRY(auto rule, parse_rule(line));
        auto& rules = book.by_host_[rule.host];
        bool const twice = std::any_of(rules.begin(), rules.end(), [&](Rule const& other) {
            return other.path == "/" || rule.path == "/" ? other.path == rule.path : folded(other.path) == folded(rule.path);
        });
        if (twice) return malformed(line, "another line is for the same host and path");
        rules.push_back(std::move(rule));
    }
    for (auto& [host, rules] : book.by_host_) {
        std::stable_sort(rules.begin(), rules.end(), [](Rule const& a, Rule const& b) { return a.path.size() > b.path.size(); });
    }
    return book;
}

std::vector<Rule const*> RuleBook::all() const {
    std::vector<Rule const*> out;
    for (auto const& [host, rules] : by_host_) {
        for (auto const& rule : rules) out.push_back(&rule);
    }
    return out;
}

bool RuleBook::minds_paths(std::string_view host) const {
    auto const found = by_host_.find(host);
    return found != by_host_.end() && (found->second.size() > 1 || found->second.front().path != "/");
}

Result<Rule const*> RuleBook::match(std::string_view host, std::optional<std::string_view> path) const {
    auto const found = by_host_.find(host);
    if (found == by_host_.end()) return errors::host_unlisted;
    auto const& rules = found->second;
    if (!minds_paths(host)) return &rules.front();
    if (!path || !path->starts_with('/')) return errors::path_ambiguous;
    auto const* const rule = longest(rules, *path);
    if (rule != longest_folded(rules, *path)) return errors::path_ambiguous;
    if (rule == nullptr) return errors::path_unlisted;
    return rule;
}

// A host of the book is in the one spelling already, so only the port is left to read. Hosts with colons (IPv6) go the long way.
std::optional<encoding::Origin> RuleBook::origin_of(std::string_view scheme, std::string_view authority) const {
    auto const colon = authority.find(':');
    auto const host = authority.substr(0, colon);
    bool const known = (scheme == "https" || scheme == "http") && lists(host);
    if (known && colon == std::string_view::npos) return encoding::Origin{std::string{scheme}, std::string{host}, default_port(scheme)};
    auto const digits = known ? authority.substr(colon + 1) : std::string_view{};
    bool const plain = !digits.empty() && digits.size() <= 5 && digits.front() >= '1' && digits.front() <= '9';
    auto const port = plain ? parse_integer(digits) : std::nullopt;
    if (port && *port <= 65535) return encoding::Origin{std::string{scheme}, std::string{host}, static_cast<std::uint16_t>(*port)};
    return forward::origin_of(scheme, authority);
}

std::optional<encoding::Origin> origin_of(std::string_view scheme, std::string_view authority) {
    // An IPv6 address holds colons and stands in brackets; a name's port begins at its only colon.
    auto const colon = authority.starts_with('[') ? std::string_view::npos : authority.find(':');
    auto name = authority.substr(0, colon);
    auto const port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon);
    std::string ascii{name};
    if (!authority.starts_with('[')) {
        if (name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);  // the root's dot: the same name
        auto converted = is_plain_ascii(name) ? std::optional{std::string{name}} : encoding::ascii_domain(name);
        if (!converted) return std::nullopt;
        ascii = *std::move(converted);
    }
    auto origin = encoding::parse_origin(std::string{scheme} + "://" + ascii + std::string{port});
    if (!origin.ok()) return std::nullopt;
    return std::move(origin).value();
}

}  // namespace zephyr::forward
