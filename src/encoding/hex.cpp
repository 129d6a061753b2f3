#include "zephyr/encoding/hex.h"

#include "encoding/hex_digit.h"

namespace zephyr::encoding {

std::string hex_encode(ByteView bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (auto const byte : bytes) {
        out += digits[std::to_integer<unsigned>(byte) >> 4];
        out += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return out;
}

Result<Bytes> hex_decode(std::string_view text) {
    if (text.size() % 2 != 0) return errors::hex_malformed;
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        int const high = detail::hex_digit(text[i]);
        int const low = detail::hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return errors::hex_malformed;
        out.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return out;
}

}  // namespace zephyr::encoding
