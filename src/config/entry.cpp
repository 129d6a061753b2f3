#include "config/entry.h"

#include <algorithm>
#include <utility>

#include "zephyr/foundation/text.h"

namespace zephyr::config {

namespace {

using encoding::Json;
using Wrong = std::optional<std::string>;

// Slots give writable places; reading through them writes nothing.
template <class T>
T const& read(Slot<T> slot, Settings const& settings) {
    return slot(const_cast<Settings&>(settings));
}

std::string from_key(std::string_view prefix, std::string_view key, char separator, bool capitals) {
    std::string out{prefix};
    for (char const c : key) {
        if (c == '.' || c == '_') {
            out += separator;
        } else {
            out += capitals && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
    }
    return out;
}

Entry start(Row const& row, SettingType type, std::string type_name, std::string allowed) {
    Entry entry;
    auto& info = entry.info;
    info.key = row.key;
    info.type = type;
    info.type_name = std::move(type_name);
    info.default_text = row.fallback;
    info.allowed = std::move(allowed);
    info.help = row.help;
    if (row.later) info.help += " Accepted and checked; takes effect when that feature is installed.";
    info.environment = row.environment.empty() ? from_key("ZEPHYR_", row.key, '_', true) : std::string{row.environment};
    info.flag = from_key("--", row.key, '-', false) + (type == SettingType::secret ? "-file" : "");
    info.short_flag = row.short_flag;
    info.secret = type == SettingType::secret;
    info.later = row.later;
    return entry;
}

std::string const* text_of(RawValue const& raw) {
    return std::get_if<std::string>(&raw.value);
}

// "is a boolean, not text": what the file holds instead.
std::string mismatch(RawValue const& raw, std::string_view wanted) {
    struct {
        std::string operator()(std::string const&) const { return "text in quotes"; }
        std::string operator()(bool) const { return "a boolean"; }
        std::string operator()(std::int64_t) const { return "a number"; }
        std::string operator()(std::vector<std::string> const&) const { return "a list"; }
        std::string operator()(Foreign const& foreign) const { return foreign.type; }
    } const name;
    return "is " + std::visit(name, raw.value) + ", not " + std::string{wanted};
}

// A whole number: bare in a file, digits elsewhere; `parse` also reads text with a unit.
template <class Parse>
std::variant<std::int64_t, std::string> number_of(RawValue const& raw, std::string_view wanted, bool text_allowed,
                                                  Parse parse) {
    if (auto const* const number = std::get_if<std::int64_t>(&raw.value)) return parse(std::to_string(*number));
    auto const* const text = text_of(raw);
    if (!text || (raw.typed && !text_allowed)) return mismatch(raw, wanted);
    return parse(*text);
}

Wrong within(std::int64_t value, std::int64_t least, std::int64_t most) {
    if (value < least) return "is too small";
    if (value > most) return "is too large";
    return std::nullopt;
}

}  // namespace

Entry boolean(Row row, Slot<bool> slot) {
    auto entry = start(row, SettingType::boolean, "boolean", "true or false");
    entry.assign = [slot](Settings& settings, RawValue const& raw) -> Wrong {
        if (auto const* const truth = std::get_if<bool>(&raw.value)) {
            slot(settings) = *truth;
            return std::nullopt;
        }
        if (raw.typed || !text_of(raw)) return mismatch(raw, "a boolean");
        auto const truth = parse_boolean(*text_of(raw));
        if (!truth) return "is not a boolean";
        slot(settings) = *truth;
        return std::nullopt;
    };
    entry.print = [slot](Settings const& settings) { return std::string{read(slot, settings) ? "true" : "false"}; };
    entry.print_json = [slot](Settings const& settings) { return Json{read(slot, settings)}; };
    entry.schema = Json::object({{"type", "boolean"}});
    return entry;
}

Entry integer(Row row, Slot<std::int64_t> slot, std::int64_t least, std::int64_t most) {
    auto entry = start(row, SettingType::integer, "integer", std::to_string(least) + " to " + std::to_string(most));
    entry.assign = [=](Settings& settings, RawValue const& raw) -> Wrong {
        auto const number =
            number_of(raw, "a number", false, [](std::string_view text) -> std::variant<std::int64_t, std::string> {
                if (auto const value = parse_integer(text)) return *value;
                return "is not a whole number";
            });
        if (auto const* const problem = std::get_if<std::string>(&number)) return *problem;
        auto const value = std::get<std::int64_t>(number);
        if (auto const problem = within(value, least, most)) return problem;
        slot(settings) = value;
        return std::nullopt;
    };
    entry.print = [slot](Settings const& settings) { return std::to_string(read(slot, settings)); };
    entry.print_json = [slot](Settings const& settings) { return Json{read(slot, settings)}; };
    entry.schema = Json::object({{"type", "integer"}, {"minimum", least}, {"maximum", most}});
    return entry;
}

Entry duration(Row row, Slot<Duration> slot, Duration least, Duration most) {
    auto entry = start(row, SettingType::duration, "duration", print_duration(least) + " to " + print_duration(most));
    entry.assign = [=](Settings& settings, RawValue const& raw) -> Wrong {
        auto const number =
            number_of(raw, "a duration", true, [](std::string_view text) -> std::variant<std::int64_t, std::string> {
                if (auto const value = parse_duration(text)) return value->count();
                return "is not a duration such as 500ms, 30s, 10m, 12h or 30d";
            });
        if (auto const* const problem = std::get_if<std::string>(&number)) return *problem;
        auto const value = std::get<std::int64_t>(number);
        if (auto const problem = within(value, least.count(), most.count())) return problem;
        slot(settings) = Duration{value};
        return std::nullopt;
    };
    entry.print = [slot](Settings const& settings) { return print_duration(read(slot, settings)); };
    entry.print_json = [slot](Settings const& settings) { return Json{print_duration(read(slot, settings))}; };
    entry.schema = Json::object(
        {{"type", Json::array({"string", "integer"})}, {"pattern", "^[0-9]+(ms|s|m|h|d)?$"}, {"minimum", 0}});
    return entry;
}

Entry size(Row row, Slot<std::int64_t> slot, std::int64_t least, std::int64_t most) {
    auto entry = start(row, SettingType::size, "size", print_size(least) + " to " + print_size(most));
    entry.assign = [=](Settings& settings, RawValue const& raw) -> Wrong {
        auto const number =
            number_of(raw, "a size", true, [](std::string_view text) -> std::variant<std::int64_t, std::string> {
                if (auto const value = parse_size(text)) return *value;
                return "is not a size such as 65536, 64KiB or 1MiB";
            });
        if (auto const* const problem = std::get_if<std::string>(&number)) return *problem;
        auto const value = std::get<std::int64_t>(number);
        if (auto const problem = within(value, least, most)) return problem;
        slot(settings) = value;
        return std::nullopt;
    };
    entry.print = [slot](Settings const& settings) { return print_size(read(slot, settings)); };
    entry.print_json = [slot](Settings const& settings) { return Json{print_size(read(slot, settings))}; };
    entry.schema = Json::object(
        {{"type", Json::array({"string", "integer"})}, {"pattern", "^[0-9]+(B|KiB|MiB|GiB)?$"}, {"minimum", 0}});
    return entry;
}

Entry text(Row row, Slot<std::string> slot, Check check, std::string_view allowed, std::size_t most_bytes) {
    auto entry = start(row, SettingType::text, "text", std::string{allowed});
    entry.assign = [=](Settings& settings, RawValue const& raw) -> Wrong {
        auto const* const value = text_of(raw);
        if (!value) return mismatch(raw, "text in quotes");
        if (value->size() > most_bytes) return "is longer than " + std::to_string(most_bytes) + " bytes";
        auto checked = check(*value);
        if (!checked.problem.empty()) return checked.problem;
        slot(settings) = std::move(checked.value);
        return std::nullopt;
    };
    entry.print = [slot](Settings const& settings) { return read(slot, settings); };
    entry.print_json = [slot](Settings const& settings) { return Json{read(slot, settings)}; };
    entry.schema = Json::object({{"type", "string"}, {"maxLength", static_cast<std::int64_t>(most_bytes)}});
    return entry;
}

Entry list(Row row, Slot<std::vector<std::string>> slot, Check check, std::string_view allowed,
           std::size_t most_items) {
    auto entry = start(row, SettingType::list, "list", std::string{allowed});
    entry.assign = [=](Settings& settings, RawValue const& raw) -> Wrong {
        std::vector<std::string> items;
        if (auto const* const given = std::get_if<std::vector<std::string>>(&raw.value)) {
            items = *given;
        } else if (auto const* const joined = text_of(raw); joined && !raw.typed) {
            for (auto const item : split(*joined, ',')) {
                if (!trim(item).empty()) items.emplace_back(trim(item));
            }
        } else {
            return mismatch(raw, "a list of texts");
        }
        if (items.size() > most_items) return "has more than " + std::to_string(most_items) + " items";
        for (std::size_t i = 0; i < items.size(); ++i) {
            auto checked = check(items[i]);
            if (!checked.problem.empty()) return "item " + std::to_string(i + 1) + " " + checked.problem;
            items[i] = std::move(checked.value);
        }
        slot(settings) = std::move(items);
        return std::nullopt;
    };
    entry.print = [slot](Settings const& settings) { return join(read(slot, settings), ", "); };
    entry.print_json = [slot](Settings const& settings) { return Json::strings(read(slot, settings)); };
    entry.schema = Json::object({{"type", "array"},
                                 {"items", Json::object({{"type", "string"}})},
                                 {"maxItems", static_cast<std::int64_t>(most_items)}});
    return entry;
}

Entry secret(Row row, Slot<SecretText> slot, std::size_t least_bytes, Check check, std::string_view allowed) {
    auto entry = start(row, SettingType::secret, "secret", std::string{allowed});
    entry.assign = [=](Settings& settings, RawValue const& raw) -> Wrong {
        auto const* const value = text_of(raw);
        if (!value) return mismatch(raw, "text in quotes");
        if (value->size() > 4096) return "is longer than 4096 bytes";
        if (!value->empty() && value->size() < least_bytes)
            return "is shorter than " + std::to_string(least_bytes) + " bytes";
        auto checked = check(*value);
        if (!checked.problem.empty()) return checked.problem;
        slot(settings) = SecretText{std::move(checked.value)};
        return std::nullopt;
    };
    entry.print = [slot](Settings const& settings) {
        return std::string{read(slot, settings).empty() ? "(not set)" : "(set)"};
    };
    entry.print_json = [print = entry.print](Settings const& settings) { return Json{print(settings)}; };
    entry.schema = Json::object({{"type", "string"}, {"maxLength", 4096}, {"writeOnly", true}});
    return entry;
}

Entry endpoint(Row row, Slot<Endpoint> slot) {
    auto entry = start(
        row, SettingType::text, "text",
        "HOST:PORT: an IP address (IPv6 in brackets) or localhost, and 0 to 65535; port 0 lets the system choose");
    entry.assign = [slot](Settings& settings, RawValue const& raw) -> Wrong {
        auto const* const value = text_of(raw);
        if (!value) return mismatch(raw, "text in quotes");
        auto parsed = parse_endpoint(*value);
        if (!parsed) return "is not HOST:PORT";
        slot(settings) = std::move(*parsed);
        return std::nullopt;
    };
    entry.print = [slot](Settings const& settings) { return read(slot, settings).str(); };
    entry.print_json = [slot](Settings const& settings) { return Json{read(slot, settings).str()}; };
    entry.schema = Json::object({{"type", "string"}, {"maxLength", 64}});
    return entry;
}

Entry choice(Row row, Choices choices) {
    auto entry = start(row, SettingType::choice, "choice", join(choices.names, ", "));
    entry.assign = [choices](Settings& settings, RawValue const& raw) -> Wrong {
        auto const* const value = text_of(raw);
        if (!value) return mismatch(raw, "text in quotes");
        auto const found = std::find(choices.names.begin(), choices.names.end(), *value);
        if (found == choices.names.end()) return "is none of the choices";
        choices.choose(settings, static_cast<std::size_t>(found - choices.names.begin()));
        return std::nullopt;
    };
    entry.print = [choices](Settings const& settings) { return choices.names.at(choices.chosen(settings)); };
    entry.print_json = [print = entry.print](Settings const& settings) { return Json{print(settings)}; };
    entry.schema = Json::object({{"enum", Json::strings(choices.names)}});
    return entry;
}

}  // namespace zephyr::config
