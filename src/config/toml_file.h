// The settings file as a flat list. Alone in knowing toml++.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/entry.h"

namespace zephyr::config {

struct FileValue {
    std::string key;  // dotted
    RawValue raw;
    int line = 0;
};

struct NotToml {
    int line = 0;
    std::string what;
};

// Every leaf, and every table that is empty or lies deeper than settings do. Quoted text of the file never shows in
// NotToml: it may be a secret.
std::variant<std::vector<FileValue>, NotToml> read_toml(std::string_view text);

}  // namespace zephyr::config
