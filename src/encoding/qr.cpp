#include "zephyr/encoding/qr.h"

#include <cstdint>
#include <qrcodegen/qrcodegen.hpp>
#include <vector>

#include "zephyr/encoding/html_escape.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::encoding {

namespace {

constexpr int quiet_zone = 4;

class Modules {
public:
    explicit Modules(std::string_view text) : code_{encode(text)} {}

    int side() const { return code_.getSize() + 2 * quiet_zone; }
    // Light beyond the code itself.
    bool dark(int x, int y) const { return code_.getModule(x - quiet_zone, y - quiet_zone); }

private:
    static qrcodegen::QrCode encode(std::string_view text) {
        std::vector<std::uint8_t> const bytes{text.begin(), text.end()};
        using Ecc = qrcodegen::QrCode::Ecc;
        for (auto const level : {Ecc::MEDIUM, Ecc::LOW}) {
            try {
                return qrcodegen::QrCode::encodeBinary(bytes, level);
            } catch (qrcodegen::data_too_long const&) {
                continue;
            }
        }
        throw Fault{"text too long for a QR code"};
    }

    qrcodegen::QrCode code_;
};

}  // namespace

std::string qr_svg(std::string_view text, std::string_view label) {
    Modules const modules{text};
    auto const side = std::to_string(modules.side());
    std::string path;
    for (int y = 0; y < modules.side(); ++y) {
        for (int x = 0; x < modules.side();) {
            int const start = x;
            while (x < modules.side() && modules.dark(x, y)) ++x;
            if (x == start) {
                ++x;
                continue;
            }
            auto const run = std::to_string(x - start);
            path += "M" + std::to_string(start) + " " + std::to_string(y) + "h" + run + "v1h-" + run + "z";
        }
    }
    auto const name = html_escape(label);
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"" + name + "\" viewBox=\"0 0 " + side +
           " " + side + "\" width=\"240\" height=\"240\" shape-rendering=\"crispEdges\"><rect width=\"" + side +
           "\" height=\"" + side + "\" fill=\"#fff\"/><path fill=\"#000\" d=\"" + path + "\"/></svg>";
}

std::string qr_terminal(std::string_view text, TerminalColours colours) {
    Modules const modules{text};
    bool const ansi = colours == TerminalColours::ansi;
    std::string out;
    for (int y = 0; y < modules.side(); y += 2) {
        if (ansi) out += "\x1b[38;5;16;48;5;231m";  // black on white
        for (int x = 0; x < modules.side(); ++x) {
            // In colours, ink is dark; without, ink is the terminal's light foreground. The side is odd: the row below
            // the last one stays unpainted in both.
            bool const below_exists = y + 1 < modules.side();
            bool const top = modules.dark(x, y) == ansi;
            bool const bottom = below_exists && modules.dark(x, y + 1) == ansi;
            out += top && bottom ? "\u2588" : top ? "\u2580" : bottom ? "\u2584" : " ";
        }
        out += ansi ? "\x1b[0m\n" : "\n";
    }
    return out;
}

}  // namespace zephyr::encoding
