// An operator's accent colour, moved until it can be read (WCAG 2.2, 1.4.3: contrast of at least 4.5:1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zephyr::pages {

struct Colour {
    int red = 0, green = 0, blue = 0;
    std::string hex() const;  // "#0b6470"
};

std::optional<Colour> parse_colour(std::string_view text);  // "#rrggbb"
// WCAG 2.2, "contrast ratio": 1 to 21.
double contrast(Colour a, Colour b);

// The accent as text and as ground in one theme.
struct AccentTones {
    Colour accent;
    Colour on_accent;  // text on it: white, or nearly black
    Colour strong;     // under the pointer
    Colour soft;       // a tint of the page's surface
};

struct Accents {
    AccentTones light;
    AccentTones dark;
};

// Darker for the light theme and lighter for the dark one, as little as needed.
Accents readable_accents(Colour wanted);

}  // namespace zephyr::pages
