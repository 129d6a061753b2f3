// The one decoder and encoder behind base64, base64url and base32: an alphabet of 2^bits characters.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"

namespace zephyr::encoding::detail {

template <unsigned Bits>
class BitGroups {
public:
    explicit constexpr BitGroups(std::string_view alphabet) : alphabet_{alphabet} {
        for (auto& value : values_) value = -1;
        for (std::size_t i = 0; i < alphabet.size(); ++i)
            values_[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    }

    std::string encode(ByteView bytes) const {
        std::string out((bytes.size() * 8 + Bits - 1) / Bits, '\0');
        auto* to = out.data();
        auto const* const letters = alphabet_.data();
        // Base64 by whole groups: three bytes are four characters.
        if constexpr (Bits == 6) {
            for (; bytes.size() >= 3; bytes = bytes.subspan(3)) {
                auto const group = std::to_integer<std::uint32_t>(bytes[0]) << 16 | std::to_integer<std::uint32_t>(bytes[1]) << 8 |
                                   std::to_integer<std::uint32_t>(bytes[2]);
                *to++ = letters[group >> 18];
                *to++ = letters[(group >> 12) & mask];
                *to++ = letters[(group >> 6) & mask];
                *to++ = letters[group & mask];
            }
        }
        std::uint32_t buffer = 0;
        unsigned held = 0;
        for (auto const byte : bytes) {
            buffer = (buffer << 8) | std::to_integer<std::uint32_t>(byte);
            held += 8;
            while (held >= Bits) {
                held -= Bits;
                *to++ = letters[(buffer >> held) & mask];
            }
            buffer &= (1U << held) - 1;
        }
        if (held > 0) *to++ = letters[(buffer << (Bits - held)) & mask];
        return out;
    }

    // Nothing for a foreign character, a length no encoder makes, or trailing bits that are not zero.
    std::optional<Bytes> decode(std::string_view text) const {
        // What is left over after whole bytes must be less than one character's worth.
        if ((text.size() * Bits) % 8 >= Bits) return std::nullopt;
        Bytes out(text.size() * Bits / 8);
        auto* to = out.data();
        if constexpr (Bits == 6) {
            for (; text.size() >= 4; text.remove_prefix(4)) {
                auto const a = value_of(text[0]), b = value_of(text[1]), c = value_of(text[2]), d = value_of(text[3]);
                if ((a | b | c | d) < 0) return std::nullopt;
                auto const group = static_cast<std::uint32_t>(a << 18 | b << 12 | c << 6 | d);
                *to++ = static_cast<std::byte>(group >> 16);
                *to++ = static_cast<std::byte>((group >> 8) & 0xff);
                *to++ = static_cast<std::byte>(group & 0xff);
            }
        }
        std::uint32_t buffer = 0;
        unsigned held = 0;
        for (char const c : text) {
            auto const value = value_of(c);
            if (value < 0) return std::nullopt;
            buffer = (buffer << Bits) | static_cast<std::uint32_t>(value);
            held += Bits;
            if (held >= 8) {
                held -= 8;
                *to++ = static_cast<std::byte>((buffer >> held) & 0xff);
                buffer &= (1U << held) - 1;
            }
        }
        if (buffer != 0) return std::nullopt;
        return out;
    }

private:
    int value_of(char c) const { return values_[static_cast<unsigned char>(c)]; }  // -1 for a foreign character

    static constexpr std::uint32_t mask = (1U << Bits) - 1;
    std::string_view alphabet_;
    std::array<std::int8_t, 256> values_{};
};

}  // namespace zephyr::encoding::detail
