#include "routes/tile_path.h"

#include <algorithm>

namespace zephyr::routes {

namespace {

bool digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// At most `longest` digits, no leading zero.
std::optional<unsigned> small_number(std::string_view text, std::size_t longest) {
    if (!digits(text) || text.size() > longest || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    unsigned value = 0;
    for (char const c : text) value = value * 10 + static_cast<unsigned>(c - '0');
    return value;
}

// "The index of the tile is encoded into a path by separating it into zero-padded 3-digit elements, with all but the last prefixed with
// x" (C2SP tlog-tiles).
std::optional<std::uint64_t> tile_index(std::vector<std::string_view> const& elements) {
    constexpr std::size_t most_elements = 5;  // 10^15 tiles
    if (elements.empty() || elements.size() > most_elements) return std::nullopt;
    std::uint64_t index = 0;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        auto element = elements[i];
        if (i + 1 < elements.size()) {
            if (!element.starts_with('x')) return std::nullopt;
            element.remove_prefix(1);
        }
        if (element.size() != 3 || !digits(element)) return std::nullopt;
        if (i == 0 && elements.size() > 1 && element == "000") return std::nullopt;
        for (char const c : element) index = index * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return index;
}

}  // namespace

std::optional<TilePath> parse_tile_path(std::string_view level, std::vector<std::string_view> const& elements) {
    TilePath path;
    if (level != "entries") {
        path.level = small_number(level, 2);
        if (!path.level || *path.level > 63) return std::nullopt;
    }
    auto names = elements;
    if (names.size() >= 2 && names[names.size() - 2].ends_with(".p")) {
        auto const width = small_number(names.back(), 3);
        if (!width || *width == 0 || *width >= TilePath::full_width) return std::nullopt;
        path.width = *width;
        names.pop_back();
        names.back().remove_suffix(2);
    }
    auto const index = tile_index(names);
    if (!index) return std::nullopt;
    path.index = *index;
    return path;
}

}  // namespace zephyr::routes
