// The word lists of this folder, in the binary; written by tools/embed.py.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace zephyr::embedded_words {

// Path below the source folder, and content.
std::vector<std::pair<std::string_view, std::string_view>> files();

}  // namespace zephyr::embedded_words
