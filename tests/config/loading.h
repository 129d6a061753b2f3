// Short spellings for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "zephyr/config/load.h"

namespace zephyr::config {

inline Sources from_file(std::string text) {
    Sources sources;
    sources.file_name = "zephyr.toml";
    sources.file_text = std::move(text);
    return sources;
}

inline Sources from_environment(std::map<std::string, std::string> environment) {
    Sources sources;
    sources.environment = std::move(environment);
    return sources;
}

inline Sources from_flags(std::vector<FlagValue> flags) {
    Sources sources;
    sources.flags = std::move(flags);
    return sources;
}

// The one problem there must be, as a person reads it.
inline std::string only_problem(Sources const& sources) {
    auto const outcome = load(sources);
    if (outcome.ok()) return "(no problem)";
    EXPECT_EQ(outcome.problems().size(), 1u) << outcome.problems().back().str();
    return outcome.problems().front().str();
}

inline std::vector<std::string> all_problems(Sources const& sources) {
    std::vector<std::string> out;
    auto const outcome = load(sources);
    if (!outcome.ok()) {
        for (auto const& problem : outcome.problems()) out.push_back(problem.str());
    }
    return out;
}

inline Loaded good(Sources const& sources) {
    auto outcome = load(sources);
    if (!outcome.ok()) {
        for (auto const& problem : outcome.problems()) ADD_FAILURE() << problem.str();
        return {};
    }
    return std::move(outcome).loaded();
}

}  // namespace zephyr::config
