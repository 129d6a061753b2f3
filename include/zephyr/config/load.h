// Settings from their sources: defaults < TOML file < environment < command-line flags. Pure: text in, values or
// problems out. read_sources.h reads the real file and environment.
//
// Every mistake is reported, not only the first: each Problem names the key, where the value came from, what is wrong
// and what would be right. A value that is wrong is never quoted when its setting is a secret.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "zephyr/config/settings.h"

namespace zephyr::config {

struct FlagValue {
    std::string flag;  // as typed, "--listen"
    std::string value;
};

// What is in a file named by a setting (`<key>_file`): its text, or why it can't be read.
struct FileText {
    std::optional<std::string> text;
    std::string problem;
};

struct Sources {
    std::string file_name;  // for messages; empty when there is no file
    std::string file_text;
    std::map<std::string, std::string> environment;
    std::vector<FlagValue> flags;
    // Reads the file of a `<key>_file` setting. Without one, such settings are a problem.
    std::function<FileText(std::string const& path)> read_file;
    unsigned cores = 1;  // what passwords.hash_workers = 0 stands for
};

enum class SourceKind { built_in, file, environment, flag };

// Where a value came from: "default", "zephyr.toml:12", "environment MFA_ENABLED", "flag --listen".
struct ValueOrigin {
    SourceKind kind = SourceKind::built_in;
    std::string place;

    std::string str() const;
    bool operator==(ValueOrigin const&) const = default;
};

struct Problem {
    std::string key;      // dotted key, or the name nobody knows; "server.listen, server.tls_key" for a rule about two
    std::string where;    // ValueOrigin::str()
    std::string what;     // what is wrong
    std::string allowed;  // what would be right; may be empty

    std::string str() const;  // "server.workers (zephyr.toml:3): 0 is too small. Allowed: 1 to 1024."
};

using Provenance = std::map<std::string, ValueOrigin, std::less<>>;

struct Loaded {
    Settings settings;
    Provenance provenance;  // one entry per setting, by key
    // What is allowed and yet worth saying: a setting whose feature is not installed, http on a public name.
    std::vector<std::string> notices;
};

// Settings, or the full list of problems.
class [[nodiscard]] LoadOutcome {
public:
    LoadOutcome(Loaded loaded) : state_{std::move(loaded)} {}
    LoadOutcome(std::vector<Problem> problems) : state_{std::move(problems)} {}

    bool ok() const { return std::holds_alternative<Loaded>(state_); }
    Loaded const& loaded() const& { return std::get<Loaded>(state_); }
    Loaded&& loaded() && { return std::get<Loaded>(std::move(state_)); }
    std::vector<Problem> const& problems() const { return std::get<std::vector<Problem>>(state_); }

private:
    std::variant<Loaded, std::vector<Problem>> state_;
};

LoadOutcome load(Sources const& sources);

}  // namespace zephyr::config
