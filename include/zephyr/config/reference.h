// What the table says about itself: for the command line, `config check|show|schema` and the reference page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zephyr/config/load.h"
#include "zephyr/encoding/json.h"

namespace zephyr::config {

enum class SettingType { boolean, integer, duration, size, text, secret, list, choice };

struct SettingInfo {
    std::string key;  // "sessions.idle"
    SettingType type;
    std::string type_name;     // for people: "duration"
    std::string default_text;  // as it would stand in the file; empty for secrets and empty texts
    std::string allowed;       // limits in words: "1m to 24h"
    std::string help;          // one sentence or two
    std::string environment;   // "ZEPHYR_SESSIONS_IDLE"
    std::string flag;          // "--sessions-idle"; a secret has only its file's flag, "--storage-url-file"
    std::string short_flag;    // "--listen"; empty for most
    bool secret = false;       // also read from `<key>_file`, environment `<NAME>_FILE`
    bool needs_restart = true;
    bool later = false;  // accepted and checked; takes effect when that feature is installed
};

// In the order of the reference page.
std::vector<SettingInfo> const& all_settings();

// `config check`: one line per problem, or "configuration is valid" and the notices.
std::string check_text(LoadOutcome const& outcome);
encoding::Json check_json(LoadOutcome const& outcome);

// `config show`: every key, its value and where it came from. Secrets are "(set)" or "(not set)".
std::string show_text(Loaded const& loaded);
encoding::Json show_json(Loaded const& loaded);

// `config schema`: JSON Schema 2020-12 of the settings file.
encoding::Json schema();

// docs/reference/settings.md.
std::string reference_page();

}  // namespace zephyr::config
