#include "zephyr/encoding/gsm7.h"

#include <array>
#include <cstdint>

namespace zephyr::encoding {

namespace {

// 3GPP TS 23.038, 6.2.1: the character at each place; 0x1b leads into the extension table.
constexpr std::array<char32_t, 128> basic{
    U'@',  U'£', U'$',  U'¥',  U'è', U'é', U'ù', U'ì', U'ò', U'Ç', U'\n', U'Ø', U'ø', U'\r', U'Å', U'å',
    U'Δ',  U'_', U'Φ',  U'Γ',  U'Λ', U'Ω', U'Π', U'Ψ', U'Σ', U'Θ', U'Ξ',  0,    U'Æ', U'æ',  U'ß', U'É',
    U' ',  U'!', U'"',  U'#',  U'¤', U'%', U'&', U'\'', U'(', U')', U'*', U'+', U',', U'-',  U'.', U'/',
    U'0',  U'1', U'2',  U'3',  U'4', U'5', U'6', U'7', U'8', U'9', U':',  U';', U'<', U'=',  U'>', U'?',
    U'¡',  U'A', U'B',  U'C',  U'D', U'E', U'F', U'G', U'H', U'I', U'J',  U'K', U'L', U'M',  U'N', U'O',
    U'P',  U'Q', U'R',  U'S',  U'T', U'U', U'V', U'W', U'X', U'Y', U'Z',  U'Ä', U'Ö', U'Ñ',  U'Ü', U'§',
    U'¿',  U'a', U'b',  U'c',  U'd', U'e', U'f', U'g', U'h', U'i', U'j',  U'k', U'l', U'm',  U'n', U'o',
    U'p',  U'q', U'r',  U's',  U't', U'u', U'v', U'w', U'x', U'y', U'z',  U'ä', U'ö', U'ñ',  U'ü', U'à'};

struct Extended {
    char32_t character;
    char septet;
};
constexpr std::array<Extended, 10> extension{{{U'\f', 0x0a},
                                              {U'^', 0x14},
                                              {U'{', 0x28},
                                              {U'}', 0x29},
                                              {U'\\', 0x2f},
                                              {U'[', 0x3c},
                                              {U'~', 0x3d},
                                              {U']', 0x3e},
                                              {U'|', 0x40},
                                              {U'€', 0x65}}};

std::optional<std::string> septets_of(char32_t character) {
    if (character == 0) return std::nullopt;
    for (std::size_t i = 0; i < basic.size(); ++i) {
        if (basic[i] == character) return std::string(1, static_cast<char>(i));
    }
    for (auto const& [extended, septet] : extension) {
        if (extended == character) return std::string{'\x1b', septet};
    }
    return std::nullopt;
}

// The next character, which is taken off `rest`; nothing for bytes that are none (RFC 3629 3).
std::optional<char32_t> next_character(std::string_view& rest) {
    auto const first = static_cast<unsigned char>(rest.front());
    std::size_t const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || rest.size() < length) return std::nullopt;
    char32_t character = length == 1 ? first : first & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        auto const byte = static_cast<unsigned char>(rest[i]);
        if ((byte & 0xc0) != 0x80) return std::nullopt;
        character = (character << 6) | (byte & 0x3fu);
    }
    bool const overlong = (length == 3 && character < 0x800) || (length == 4 && character < 0x10000);
    if (overlong || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff)) return std::nullopt;
    rest.remove_prefix(length);
    return character;
}

void append_unit(std::string& out, char32_t unit) {
    out.push_back(static_cast<char>((unit >> 8) & 0xff));
    out.push_back(static_cast<char>(unit & 0xff));
}

}  // namespace

std::optional<std::string> gsm7_encode(std::string_view utf8) {
    std::string out;
    while (!utf8.empty()) {
        auto const character = next_character(utf8);
        auto const septets = character ? septets_of(*character) : std::nullopt;
        if (!septets) return std::nullopt;
        out += *septets;
    }
    return out;
}

std::string gsm7_only(std::string_view utf8) {
    std::string out;
    while (!utf8.empty()) {
        auto const before = utf8;
        auto const character = next_character(utf8);
        if (!character) {
            utf8.remove_prefix(1);
            continue;
        }
        if (septets_of(*character)) out.append(before.substr(0, before.size() - utf8.size()));
    }
    return out;
}

std::optional<std::string> utf16_big_endian(std::string_view utf8) {
    std::string out;
    while (!utf8.empty()) {
        auto const character = next_character(utf8);
        if (!character) return std::nullopt;
        if (*character < 0x10000) {
            append_unit(out, *character);
            continue;
        }
        auto const above = *character - 0x10000;
        append_unit(out, 0xd800 + (above >> 10));
        append_unit(out, 0xdc00 + (above & 0x3ff));
    }
    return out;
}

}  // namespace zephyr::encoding
