#include "zephyr/config/load.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "config/rules.h"
#include "config/settings_table.h"
#include "config/toml_file.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/text.h"

namespace zephyr::config {

namespace {

// Ours by prefix and yet no settings: where the settings file is, and what tests are told.
constexpr std::array<std::string_view, 3> reserved_environment{"ZEPHYR_CONFIG", "ZEPHYR_VECTORS", "ZEPHYR_UPDATE"};
// Names the seed gave its settings begin like this; others may use such names too, so a stranger is only noticed.
constexpr std::array<std::string_view, 4> seed_prefixes{"MFA_", "WEBAUTHN_", "FEDERATION_", "UMA_"};

// A name of one source, as a place to put a value.
struct Target {
    Entry const* entry = nullptr;
    bool is_file = false;  // the value is the path of a file that holds it
};

// A name from outside, fit for a terminal.
std::string printable(std::string_view name) {
    auto out = encoding::to_valid_utf8(name);
    for (auto& c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    return out;
}

class Loader {
public:
    explicit Loader(Sources const& sources) : sources_{sources} {
        for (auto const& entry : table()) provenance_[entry.info.key] = {};
    }

    LoadOutcome run() {
        from_file();
        from_environment();
        from_flags();
        // Half a file says nothing about how its settings go together.
        if (!file_broken_) {
            auto rules = broken_rules(settings_, provenance_, wrong_);
            std::move(rules.begin(), rules.end(), std::back_inserter(problems_));
        }
        if (!problems_.empty()) return std::move(problems_);
        auto said = notices(settings_, provenance_);
        std::move(said.begin(), said.end(), std::back_inserter(notices_));
        derive(settings_, sources_.cores);
        return Loaded{std::move(settings_), std::move(provenance_), std::move(notices_)};
    }

private:
    // --- file

    void from_file() {
        if (sources_.file_name.empty()) return;
        auto read = read_toml(sources_.file_text);
        if (auto const* const broken = std::get_if<NotToml>(&read)) {
            file_broken_ = true;
            problems_.push_back({"settings file", file_place(broken->line), "is not TOML: " + broken->what, {}});
            return;
        }
        begin_source();
        for (auto const& value : std::get<std::vector<FileValue>>(read)) {
            auto const place = file_place(value.line);
            auto const target = by_key(value.key);
            if (!target.entry) {
                unknown_key(value.key, place);
            } else {
                give(target, value.raw, {SourceKind::file, place});
            }
        }
    }

    std::string file_place(int line) const { return sources_.file_name + ':' + std::to_string(line); }

    static Target by_key(std::string_view key) {
        if (auto const* const entry = find_entry(key)) return {entry, false};
        constexpr std::string_view suffix = "_file";
        if (!key.ends_with(suffix)) return {};
        auto const* const entry = find_entry(key.substr(0, key.size() - suffix.size()));
        return entry && entry->info.secret ? Target{entry, true} : Target{};
    }

    void unknown_key(std::string const& key, std::string const& place) {
        for (auto const& area : areas()) {
            if (area.name == key) {
                problems_.push_back({key, place, "is an area, not a setting", "[" + key + "] and its settings below"});
                return;
            }
        }
        problems_.push_back({printable(key), place, "is no setting", suggestion(key)});
    }

    static std::string suggestion(std::string const& key) {
        std::vector<std::string> keys, leaves;
        for (auto const& entry : table()) {
            keys.push_back(entry.info.key);
            if (entry.info.secret) keys.push_back(entry.info.key + "_file");
        }
        if (auto const near = nearest(key, keys)) return "did you mean " + *near + "?";
        // The right word in the wrong area.
        auto const leaf = key.substr(key.rfind('.') + 1);
        for (auto const& candidate : keys) {
            if (candidate.substr(candidate.rfind('.') + 1) == leaf) return "did you mean " + candidate + "?";
        }
        return {};
    }

    // --- environment

    void from_environment() {
        begin_source();
        for (auto const& [name, value] : sources_.environment) {
            auto const target = by_environment(name);
            if (target.entry) {
                give(target, RawValue::untyped(value), {SourceKind::environment, name});
            } else if (name.starts_with("ZEPHYR_")) {
                if (std::find(reserved_environment.begin(), reserved_environment.end(), name) !=
                    reserved_environment.end())
                    continue;
                problems_.push_back(
                    {printable(name), "environment " + printable(name), "is no setting", near_environment(name)});
            } else if (std::any_of(seed_prefixes.begin(), seed_prefixes.end(),
                                   [&](auto prefix) { return name.starts_with(prefix); })) {
                if (auto const near = near_environment(name); !near.empty())
                    notices_.push_back("environment " + printable(name) + ": is no setting; " + near);
            }
        }
    }

    static Target by_environment(std::string_view name) {
        for (auto const& entry : table()) {
            if (entry.info.environment == name) return {&entry, false};
            if (entry.info.secret && entry.info.environment + "_FILE" == name) return {&entry, true};
        }
        return {};
    }

    static std::string near_environment(std::string const& name) {
        std::vector<std::string> names;
        for (auto const& entry : table()) {
            names.push_back(entry.info.environment);
            if (entry.info.secret) names.push_back(entry.info.environment + "_FILE");
        }
        auto const near = nearest(name, names);
        return near ? "did you mean " + *near + "?" : std::string{};
    }

    // --- flags

    void from_flags() {
        begin_source();
        for (auto const& [flag, value] : sources_.flags) {
            auto const target = by_flag(flag);
            if (target.entry) {
                give(target, RawValue::untyped(value), {SourceKind::flag, flag});
            } else if (auto const secret = by_flag(flag + "-file"); secret.is_file) {
                problems_.push_back({flag, "flag " + flag, "would show a secret in every process list",
                                     secret.entry->info.flag + " PATH"});
            } else {
                problems_.push_back({printable(flag), "flag " + printable(flag), "is no setting", near_flag(flag)});
            }
        }
    }

    static Target by_flag(std::string_view flag) {
        for (auto const& entry : table()) {
            if (entry.info.flag == flag || (!entry.info.short_flag.empty() && entry.info.short_flag == flag))
                return {&entry, entry.info.secret};
        }
        return {};
    }

    static std::string near_flag(std::string const& flag) {
        std::vector<std::string> names;
        for (auto const& entry : table()) {
            names.push_back(entry.info.flag);
            if (!entry.info.short_flag.empty()) names.push_back(entry.info.short_flag);
        }
        auto const near = nearest(flag, names);
        return near ? "did you mean " + *near + "?" : std::string{};
    }

    // --- all of them

    void begin_source() { seen_.clear(); }

    void give(Target target, RawValue const& raw, ValueOrigin origin) {
        auto const& info = target.entry->info;
        auto const report = [&](std::string what, std::string allowed) {
            wrong_.insert(info.key);
            problems_.push_back(
                {target.is_file ? info.key + "_file" : info.key, origin.str(), std::move(what), std::move(allowed)});
        };
        if (!seen_.insert(info.key).second) {
            report("is given twice", "give it once" + std::string{info.secret ? ", by value or by file" : ""});
            return;
        }
        RawValue value = raw;
        if (target.is_file) {
            auto const* const path = std::get_if<std::string>(&raw.value);
            if (!path) return report("is not a path", "a path in quotes");
            auto file =
                sources_.read_file ? sources_.read_file(*path) : FileText{std::nullopt, "files can't be read here"};
            if (!file.text) return report("can't be read: " + file.problem, "a readable file with the value");
            value = RawValue::untyped(without_line_end(std::move(*file.text)));
        }
        if (auto problem = target.entry->assign(settings_, value)) {
            report(std::move(*problem), info.allowed);
            return;
        }
        // A better source replaces a wrong value, yet the wrong one stays reported: it will bite when that source goes.
        provenance_[info.key] = std::move(origin);
    }

    // Editors end files with one.
    static std::string without_line_end(std::string text) {
        if (text.ends_with('\n')) text.pop_back();
        if (text.ends_with('\r')) text.pop_back();
        return text;
    }

    Sources const& sources_;
    Settings settings_;
    Provenance provenance_;
    std::vector<Problem> problems_;
    std::vector<std::string> notices_;
    std::set<std::string> wrong_;  // keys with a problem
    std::set<std::string> seen_;   // keys of the source being read
    bool file_broken_ = false;
};

}  // namespace

std::string ValueOrigin::str() const {
    switch (kind) {
        case SourceKind::built_in: return "default";
        case SourceKind::file: return place;
        case SourceKind::environment: return "environment " + place;
        case SourceKind::flag: return "flag " + place;
    }
    return place;
}

std::string Problem::str() const {
    auto out = key + " (" + where + "): " + what + '.';
    if (allowed.empty()) return out;
    return out + (allowed.ends_with('?') ? " D" + allowed.substr(1) : " Allowed: " + allowed + '.');
}

LoadOutcome load(Sources const& sources) {
    return Loader{sources}.run();
}

}  // namespace zephyr::config
