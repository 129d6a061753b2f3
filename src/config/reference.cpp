// The table about itself: JSON Schema and the reference page.
#include "zephyr/config/reference.h"

#include <string_view>

#include "config/settings_table.h"

namespace zephyr::config {

using encoding::Json;

namespace {

// A default as a file would have it.
Json default_json(Entry const& entry) {
    static Settings const defaults;
    return entry.print_json(defaults);
}

Json described(Entry const& entry) {
    auto out = Json::object({{"description", entry.info.help}});
    for (auto const& [name, value] : *entry.schema.members()) out.set(name, value);
    if (!entry.info.secret) out.set("default", default_json(entry));
    return out;
}

std::string cell(std::string_view text) {
    std::string out;
    for (char const c : text) out += c == '|' ? std::string{"\\|"} : std::string(1, c);
    return out;
}

std::string code(std::string_view text) {
    return text.empty() ? std::string{} : '`' + cell(text) + '`';
}

void write_area(std::string& out, Area const& area) {
    out += "\n## " + std::string{area.name} + "\n\n" + std::string{area.about} + "\n\n";
    out += "| Setting | Type | Default | Allowed | Environment and flag | Meaning |\n|---|---|---|---|---|---|\n";
    auto const prefix = std::string{area.name} + '.';
    for (auto const& entry : table()) {
        auto const& info = entry.info;
        if (!info.key.starts_with(prefix)) continue;
        out += "| " + code(info.key) + " | " + info.type_name + " | " +
               (info.default_text.empty() ? "empty" : code(info.default_text)) + " | " + cell(info.allowed) + " | " +
               code(info.environment) + "<br>" + code(info.short_flag.empty() ? info.flag : info.short_flag) + " | " +
               cell(info.help) + " |\n";
    }
}

}  // namespace

std::vector<SettingInfo> const& all_settings() {
    static std::vector<SettingInfo> const list = [] {
        std::vector<SettingInfo> out;
        for (auto const& entry : table()) out.push_back(entry.info);
        return out;
    }();
    return list;
}

Json schema() {
    Json properties = Json::object();
    for (auto const& area : areas()) {
        Json inner = Json::object();
        for (auto const& entry : table()) {
            auto const dot = entry.info.key.find('.');
            if (entry.info.key.substr(0, dot) != area.name) continue;
            auto const name = entry.info.key.substr(dot + 1);
            inner.set(name, described(entry));
            if (entry.info.secret)
                inner.set(name + "_file",
                          Json::object({{"description", "The path of a file with " + entry.info.key + "."},
                                        {"type", "string"}}));
        }
        properties.set(std::string{area.name}, Json::object({{"description", area.about},
                                                             {"type", "object"},
                                                             {"additionalProperties", false},
                                                             {"properties", std::move(inner)}}));
    }
    return Json::object({{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                         {"title", "Zephyr settings"},
                         {"type", "object"},
                         {"additionalProperties", false},
                         {"properties", std::move(properties)}});
}

std::string reference_page() {
    std::string out =
        "# Settings\n"
        "\n"
        "This page is generated from `src/config/settings_table.cpp`; a test compares it word for word. To remake it, "
        "run the\n"
        "config tests with `ZEPHYR_UPDATE=1` in the environment.\n"
        "\n"
        "A value comes from the last of these that gives one: its default, the settings file (TOML, `--config FILE`), "
        "the\n"
        "environment, the command line. `zephyr config show` prints every value and where it came from; `zephyr config "
        "check`\n"
        "prints every mistake at once; `zephyr config schema` prints a JSON Schema for editors. Names nobody knows are "
        "refused,\n"
        "in the file, on the command line, and in the environment when they begin with `ZEPHYR_`.\n"
        "\n"
        "- **duration**: `500ms`, `30s`, `10m`, `12h`, `30d`; a bare number is seconds.\n"
        "- **size**: `65536`, `64KiB`, `1MiB`, `2GiB`; a bare number is bytes.\n"
        "- **list**: `[\"one\", \"two\"]` in the file, `one,two` elsewhere.\n"
        "- **boolean**: `true` or `false`; outside the file also `yes`/`no`, `on`/`off`, `1`/`0`.\n"
        "- **secret**: never printed, and never given on the command line. Better than the value itself is a file that "
        "holds it:\n"
        "  `<setting>_file = \"/path\"` in the settings file, `<ENVIRONMENT NAME>_FILE` in the environment, or the "
        "flag named below.\n"
        "\n"
        "Every setting has a flag of its own name (`sessions.idle` is `--sessions-idle`), even where a shorter one is "
        "shown.\n"
        "A change of any setting takes effect when the server starts again.\n";
    for (auto const& area : areas()) write_area(out, area);
    return out;
}

}  // namespace zephyr::config
