#include "routes/tile_path.h"

#include <gtest/gtest.h>

namespace zephyr::routes {
namespace {

// "For example, 1234067 is encoded as x001/x234/067" (C2SP tlog-tiles).
TEST(TilePaths, are_read_as_the_standard_writes_them) {
    EXPECT_EQ(parse_tile_path("0", {"x001", "x234", "067"}), (TilePath{0u, 1234067, 256}));
    EXPECT_EQ(parse_tile_path("0", {"000"}), (TilePath{0u, 0, 256}));
    EXPECT_EQ(parse_tile_path("63", {"x001", "000.p", "17"}), (TilePath{63u, 1000, 17}));
    EXPECT_EQ(parse_tile_path("entries", {"x001", "x234", "067.p", "255"}), (TilePath{std::nullopt, 1234067, 255}));
}

TEST(TilePaths, have_one_spelling_each) {
    using Names = std::vector<std::string_view>;
    for (auto const& [level, names] : std::vector<std::pair<std::string_view, Names>>{{"00", {"000"}},
                                                                                      {"64", {"000"}},
                                                                                      {"-1", {"000"}},
                                                                                      {"", {"000"}},
                                                                                      {"data", {"000"}},
                                                                                      {"0", {}},
                                                                                      {"0", {"0"}},
                                                                                      {"0", {"0000"}},
                                                                                      {"0", {"x000", "001"}},
                                                                                      {"0", {"001", "001"}},
                                                                                      {"0", {"x001", "x001"}},
                                                                                      {"0", {"X001", "001"}},
                                                                                      {"0", {"00a"}},
                                                                                      {"0", {"000.p", "0"}},
                                                                                      {"0", {"000.p", "256"}},
                                                                                      {"0", {"000.p", "01"}},
                                                                                      {"0", {"000.p", ""}},
                                                                                      {"0", {"000.p"}},
                                                                                      {"0", {"x001", "x001", "x001", "x001", "x001", "001"}}}) {
        EXPECT_EQ(parse_tile_path(level, names), std::nullopt) << level << " " << (names.empty() ? "" : names.back());
    }
}

}  // namespace
}  // namespace zephyr::routes
