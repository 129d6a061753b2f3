// config check and config show.
#include <algorithm>

#include "config/settings_table.h"
#include "zephyr/config/reference.h"

namespace zephyr::config {

using encoding::Json;

std::string check_text(LoadOutcome const& outcome) {
    std::string out;
    if (!outcome.ok()) {
        auto const count = outcome.problems().size();
        out = std::to_string(count) + (count == 1 ? " problem:\n" : " problems:\n");
        for (auto const& problem : outcome.problems()) out += "  " + problem.str() + '\n';
        return out;
    }
    out = "The configuration is valid.\n";
    for (auto const& notice : outcome.loaded().notices) out += "  Note: " + notice + ".\n";
    return out;
}

Json check_json(LoadOutcome const& outcome) {
    Json problems = Json::array();
    Json notices = Json::array();
    if (outcome.ok()) {
        notices = Json::strings(outcome.loaded().notices);
    } else {
        for (auto const& problem : outcome.problems()) {
            problems.push(Json::object({{"key", problem.key},
                                        {"where", problem.where},
                                        {"what", problem.what},
                                        {"allowed", problem.allowed}}));
        }
    }
    return Json::object({{"valid", outcome.ok()}, {"problems", std::move(problems)}, {"notices", std::move(notices)}});
}

std::string show_text(Loaded const& loaded) {
    struct Line {
        std::string setting, origin;
    };
    std::vector<Line> lines;
    std::size_t width = 0;
    for (auto const& entry : table()) {
        auto value = entry.print(loaded.settings);
        if (value.empty()) value = "(empty)";
        lines.push_back({entry.info.key + " = " + value, loaded.provenance.at(entry.info.key).str()});
        width = std::max(width, std::min<std::size_t>(lines.back().setting.size(), 60));
    }
    std::string out;
    for (auto const& line : lines) {
        out += line.setting;
        out.append(line.setting.size() < width ? width - line.setting.size() : 0, ' ');
        out += "  # " + line.origin + '\n';
    }
    return out;
}

Json show_json(Loaded const& loaded) {
    Json list = Json::array();
    for (auto const& entry : table()) {
        auto item = Json::object({{"key", entry.info.key},
                                  {"value", entry.print_json(loaded.settings)},
                                  {"from", loaded.provenance.at(entry.info.key).str()}});
        if (entry.info.secret) item.set("secret", true);
        list.push(std::move(item));
    }
    return Json::object({{"settings", std::move(list)}});
}

}  // namespace zephyr::config
