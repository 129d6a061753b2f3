// QR codes as text: SVG for pages, half blocks for terminals. Error correction level M (L when the text is long).
#pragma once

#include <string>
#include <string_view>

namespace zephyr::encoding {

// An <svg> element with role="img" and a label; black modules on white with the quiet zone of four modules that
// ISO/IEC 18004 asks for, in colours of its own so that a dark page cannot invert it. No script, no style, no id.
// The text is not repeated in the markup: it is often a secret. Throws Fault beyond the capacity (2953 bytes).
std::string qr_svg(std::string_view text, std::string_view label = "QR code");

enum class TerminalColours {
    ansi,  // explicit black on white: reads right on dark and light terminals
    none,  // light modules are drawn as blocks: reads right on a dark background
};
// Two rows of modules per line, quiet zone included, lines end in '\n'. Throws Fault beyond the capacity.
std::string qr_terminal(std::string_view text, TerminalColours colours = TerminalColours::ansi);

}  // namespace zephyr::encoding
