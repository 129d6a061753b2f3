// Paths of tiles (C2SP tlog-tiles): tile/<L>/<N>[.p/<W>] and tile/entries/<N>[.p/<W>].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace zephyr::routes {

struct TilePath {
    static constexpr unsigned full_width = 256;

    std::optional<unsigned> level;  // absent: a bundle of entries
    std::uint64_t index = 0;
    unsigned width = full_width;
    bool operator==(TilePath const&) const = default;
};

// "0", {"x001", "x234", "067.p", "17"}. Nothing for any other spelling: leading zeros, a level above 63, a width outside 1 to 255, an
// index that could be written with fewer elements.
std::optional<TilePath> parse_tile_path(std::string_view level, std::vector<std::string_view> const& elements);

}  // namespace zephyr::routes
