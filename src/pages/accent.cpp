#include "pages/accent.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace zephyr::pages {

namespace {

constexpr Colour white{255, 255, 255};
constexpr Colour black{0, 0, 0};
constexpr Colour ink{11, 18, 24};
// The darkest ground of the light theme and the lightest of the dark one that accented text stands on (zephyr.css:
// --ground-2).
constexpr Colour light_ground{233, 238, 242};
constexpr Colour dark_ground{33, 43, 53};
constexpr Colour light_surface{255, 255, 255};
constexpr Colour dark_surface{23, 30, 37};

double linear(int channel) {
    double const value = channel / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

double luminance(Colour c) {
    return 0.2126 * linear(c.red) + 0.7152 * linear(c.green) + 0.0722 * linear(c.blue);
}

Colour mix(Colour from, Colour to, double share) {
    auto const channel = [share](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * share)); };
    return {channel(from.red, to.red), channel(from.green, to.green), channel(from.blue, to.blue)};
}

AccentTones tones(Colour wanted, Colour towards, Colour ground, Colour surface) {
    Colour accent = wanted;
    for (int step = 1; step <= 50; ++step) {
        Colour const text = contrast(accent, white) >= contrast(accent, ink) ? white : ink;
        Colour const soft = mix(surface, accent, 0.12);
        if (contrast(accent, ground) >= 4.5 && contrast(accent, text) >= 4.5 && contrast(accent, soft) >= 4.5) break;
        accent = mix(wanted, towards, step / 50.0);
    }
    Colour const text = contrast(accent, white) >= contrast(accent, ink) ? white : ink;
    // Away from the text, so that the contrast only grows.
    return {accent, text, mix(accent, luminance(text) > 0.5 ? black : white, 0.15), mix(surface, accent, 0.12)};
}

}  // namespace

std::string Colour::hex() const {
    return fmt::format("#{:02x}{:02x}{:02x}", red, green, blue);
}

std::optional<Colour> parse_colour(std::string_view text) {
    if (text.size() != 7 || text[0] != '#') return std::nullopt;
    int channels[6];
    for (std::size_t i = 0; i < 6; ++i) {
        char const c = text[i + 1];
        if (c >= '0' && c <= '9') {
            channels[i] = c - '0';
        } else if (c >= 'a' && c <= 'f') {
            channels[i] = c - 'a' + 10;
        } else if (c >= 'A' && c <= 'F') {
            channels[i] = c - 'A' + 10;
        } else {
            return std::nullopt;
        }
    }
    return Colour{channels[0] * 16 + channels[1], channels[2] * 16 + channels[3], channels[4] * 16 + channels[5]};
}

double contrast(Colour a, Colour b) {
    auto const [low, high] = std::minmax({luminance(a), luminance(b)});
    return (high + 0.05) / (low + 0.05);
}

Accents readable_accents(Colour wanted) {
    return {tones(wanted, black, light_ground, light_surface), tones(wanted, white, dark_ground, dark_surface)};
}

}  // namespace zephyr::pages
