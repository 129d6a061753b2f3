#include "zephyr/foundation/ids.h"

#include <array>

namespace zephyr {

std::string make_uuid_v7(TimePoint now, Random& random) {
    std::array<std::byte, 16> raw{};
    random.fill(raw);
    auto const millis = static_cast<std::uint64_t>(to_millis(now));
    for (int i = 0; i < 6; ++i) raw[static_cast<std::size_t>(i)] = static_cast<std::byte>(millis >> (40 - 8 * i));
    raw[6] = (raw[6] & std::byte{0x0f}) | std::byte{0x70};  // version 7
    raw[8] = (raw[8] & std::byte{0x3f}) | std::byte{0x80};  // variant of RFC 9562 4.1

    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += digits[std::to_integer<std::size_t>(raw[i] >> 4)];
        text += digits[std::to_integer<std::size_t>(raw[i] & std::byte{0x0f})];
    }
    return text;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') return false;
        } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

}  // namespace zephyr
