#include "zephyr/encoding/qr.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::encoding {
namespace {

constexpr std::string_view uri =
    "otpauth://totp/Zephyr%20App:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Zephyr%20App";

using Grid = std::vector<std::vector<bool>>;

// The drawing read back from its markup.
Grid from_svg(std::string const& svg) {
    int side = 0;
    EXPECT_EQ(std::sscanf(svg.c_str() + svg.find("viewBox"), "viewBox=\"0 0 %d", &side), 1);
    Grid grid(static_cast<std::size_t>(side), std::vector<bool>(static_cast<std::size_t>(side)));
    auto at = svg.find(" d=\"") + 4;
    int x = 0, y = 0, run = 0, back = 0, used = 0;
    while (std::sscanf(svg.c_str() + at, "M%d %dh%dv1h-%dz%n", &x, &y, &run, &back, &used) == 4) {
        EXPECT_EQ(run, back);
        for (int i = 0; i < run; ++i) grid.at(static_cast<std::size_t>(y)).at(static_cast<std::size_t>(x + i)) = true;
        at += static_cast<std::size_t>(used);
    }
    EXPECT_EQ(svg[at], '"');
    return grid;
}

// The drawing read back from half blocks; `ink` is what a block stands for.
Grid from_terminal(std::string const& text, bool ink, std::size_t side) {
    Grid grid;
    for (auto line : split(text, '\n')) {
        if (line.empty()) continue;
        if (line.starts_with("\x1b[38;5;16;48;5;231m")) line.remove_prefix(19);
        if (line.ends_with("\x1b[0m")) line.remove_suffix(4);
        std::vector<bool> top, bottom;
        while (!line.empty()) {
            bool const full = line.starts_with("█"), upper = line.starts_with("▀"), lower = line.starts_with("▄");
            top.push_back((full || upper) == ink);
            bottom.push_back((full || lower) == ink);
            line.remove_prefix(full || upper || lower ? 3 : 1);
        }
        grid.push_back(top);
        if (grid.size() < side) grid.push_back(bottom);
    }
    return grid;
}

TEST(QrSvg, is_an_image_with_a_label_and_its_own_colours) {
    auto const svg = qr_svg(uri, "Code for <your> app");
    EXPECT_TRUE(svg.starts_with(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"Code for &lt;your&gt; app\""))
        << svg.substr(0, 200);
    EXPECT_NE(svg.find("fill=\"#fff\""), std::string::npos);
    EXPECT_NE(svg.find("fill=\"#000\""), std::string::npos);
    for (auto const* forbidden : {"style=", "<style", "<script", " id=", "currentColor"})
        EXPECT_EQ(svg.find(forbidden), std::string::npos) << forbidden;
}

TEST(QrSvg, does_not_repeat_the_secret_in_the_markup) {
    EXPECT_EQ(qr_svg(uri).find("JBSWY3DP"), std::string::npos);
}

TEST(QrSvg, leaves_four_light_modules_on_every_side_and_draws_the_finders) {
    auto const grid = from_svg(qr_svg(uri));
    auto const side = grid.size();
    for (std::size_t i = 0; i < side; ++i) {
        for (std::size_t j = 0; j < 4; ++j)
            EXPECT_FALSE(grid[j][i] || grid[side - 1 - j][i] || grid[i][j] || grid[i][side - 1 - j]);
    }
    // ISO/IEC 18004 6.3.3: finder patterns of 7 by 7 in three corners: ring, gap, 3 by 3 core.
    for (auto const& [row, column] : {std::pair{std::size_t{4}, std::size_t{4}}, {4, side - 11}, {side - 11, 4}}) {
        for (std::size_t y = 0; y < 7; ++y) {
            for (std::size_t x = 0; x < 7; ++x) {
                bool const ring = x == 0 || y == 0 || x == 6 || y == 6;
                bool const core = x >= 2 && x <= 4 && y >= 2 && y <= 4;
                EXPECT_EQ(grid[row + y][column + x], ring || core);
            }
        }
    }
}

TEST(QrTerminal, draws_the_same_modules_as_the_svg_in_both_palettes) {
    auto const grid = from_svg(qr_svg(uri));
    EXPECT_EQ(from_terminal(qr_terminal(uri), true, grid.size()), grid);
    EXPECT_EQ(from_terminal(qr_terminal(uri, TerminalColours::none), false, grid.size()), grid);
    EXPECT_EQ(qr_terminal(uri, TerminalColours::none).find('\x1b'), std::string::npos);
}

TEST(QrTerminal, every_line_ends_the_colours_it_began) {
    auto const text = qr_terminal(uri);
    for (auto const line : split(text, '\n')) {
        if (!line.empty()) {
            EXPECT_TRUE(line.starts_with("\x1b[") && line.ends_with("\x1b[0m"));
        }
    }
}

TEST(Qr, fills_up_to_its_capacity_and_faults_beyond) {
    EXPECT_NO_THROW(qr_svg(std::string(2953, 'x')));
    EXPECT_THROW(qr_svg(std::string(2954, 'x')), Fault);
    EXPECT_THROW(qr_terminal(std::string(2954, 'x')), Fault);
    EXPECT_NE(qr_svg("a"), qr_svg("b"));
}

}  // namespace
}  // namespace zephyr::encoding
