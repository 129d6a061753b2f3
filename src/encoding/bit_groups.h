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
        std::string out;
        out.reserve((bytes.size() * 8 + Bits - 1) / Bits);
        std::uint32_t buffer = 0;
        unsigned held = 0;
        for (auto const byte : bytes) {
            buffer = (buffer << 8) | std::to_integer<std::uint32_t>(byte);
            held += 8;
            while (held >= Bits) {
                held -= Bits;
                out += alphabet_[(buffer >> held) & mask];
            }
            buffer &= (1U << held) - 1;
        }
        if (held > 0) out += alphabet_[(buffer << (Bits - held)) & mask];
        return out;
    }

    // Nothing for a foreign character, a length no encoder makes, or trailing bits that are not zero.
    std::optional<Bytes> decode(std::string_view text) const {
        // What is left over after whole bytes must be less than one character's worth.
        if ((text.size() * Bits) % 8 >= Bits) return std::nullopt;
        Bytes out;
        out.reserve(text.size() * Bits / 8);
        std::uint32_t buffer = 0;
        unsigned held = 0;
        for (char const c : text) {
            auto const value = values_[static_cast<unsigned char>(c)];
            if (value < 0) return std::nullopt;
            buffer = (buffer << Bits) | static_cast<std::uint32_t>(value);
            held += Bits;
            if (held >= 8) {
                held -= 8;
                out.push_back(static_cast<std::byte>((buffer >> held) & 0xff));
                buffer &= (1U << held) - 1;
            }
        }
        if (buffer != 0) return std::nullopt;
        return out;
    }

private:
    static constexpr std::uint32_t mask = (1U << Bits) - 1;
    std::string_view alphabet_;
    std::array<std::int8_t, 256> values_{};
};

}  // namespace zephyr::encoding::detail
