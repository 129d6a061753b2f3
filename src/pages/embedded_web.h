// The files of web/, put into the binary by CMakeLists.txt (zephyr_embed).
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace zephyr::embedded_web {

// {path from the source root, content}, sorted by path: {"web/templates/sign_in.html", …}.
std::vector<std::pair<std::string_view, std::string_view>> files();

}  // namespace zephyr::embedded_web
