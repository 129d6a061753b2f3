// The files of web/static: what they are, and names that change with their content.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/pages/pages.h"

namespace zephyr::pages {

// "zephyr.css" from "/static/zephyr.css" and, with its hash, from "/static/zephyr.0123456789abcdef.css". Nothing for
// any other shape: one plain name of letters, digits, '-' and '_' and one known extension, so that no path can leave
// the folder.
struct StaticName {
    std::string name;
    std::string hash;
};
std::optional<StaticName> parse_static_path(std::string_view path);

// Sixteen hexadecimal digits that differ when the content does (FNV-1a: it names, it does not protect).
std::string content_hash(std::string_view content);
// "/static/zephyr.<hash>.css"
std::string hashed_path(std::string_view name, std::string_view content);

StaticFile make_static_file(StaticName const& name, std::string content);

}  // namespace zephyr::pages
