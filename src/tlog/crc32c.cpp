#include "tlog/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace zephyr::tlog {

namespace {

constexpr std::uint32_t reversed_polynomial = 0x82F63B78;
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// Eight tables, so that eight bytes are taken at a time.
constexpr Tables make_tables() {
    Tables out{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        auto value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? reversed_polynomial : 0);
        out[0][byte] = value;
    }
    for (std::size_t table = 1; table < out.size(); ++table)
        for (std::size_t byte = 0; byte < 256; ++byte)
            out[table][byte] = (out[table - 1][byte] >> 8) ^ out[0][out[table - 1][byte] & 0xFF];
    return out;
}
constexpr Tables tables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(ByteView bytes, std::uint32_t before) {
    auto const* at = raw(bytes);
    auto left = bytes.size();
    std::uint64_t state = ~before;
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        state = _mm_crc32_u64(state, word);
    }
    auto last = static_cast<std::uint32_t>(state);
    for (; left > 0; ++at, --left) last = _mm_crc32_u8(last, *at);
    return ~last;
}
#endif

}  // namespace

std::uint32_t crc32c_by_table(ByteView bytes, std::uint32_t before) {
    auto const* at = raw(bytes);
    auto left = bytes.size();
    auto state = ~before;
    for (; left >= 8; at += 8, left -= 8) {
        state ^= static_cast<std::uint32_t>(at[0]) | static_cast<std::uint32_t>(at[1]) << 8 | static_cast<std::uint32_t>(at[2]) << 16 |
                 static_cast<std::uint32_t>(at[3]) << 24;
        state = tables[7][state & 0xFF] ^ tables[6][(state >> 8) & 0xFF] ^ tables[5][(state >> 16) & 0xFF] ^ tables[4][state >> 24] ^
                tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
    }
    for (; left > 0; ++at, --left) state = (state >> 8) ^ tables[0][(state ^ *at) & 0xFF];
    return ~state;
}

std::uint32_t crc32c(ByteView bytes, std::uint32_t before) {
#if defined(__x86_64__)
    static bool const has_instruction = __builtin_cpu_supports("sse4.2") != 0;
    if (has_instruction) return by_instruction(bytes, before);
#endif
    return crc32c_by_table(bytes, before);
}

}  // namespace zephyr::tlog
