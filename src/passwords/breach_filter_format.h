// The bytes of a breach filter file, as include/zephyr/passwords/breach_filter.h describes them.
#pragma once

#include <cstdint>
#include <optional>

#include "zephyr/foundation/bytes.h"

namespace zephyr::passwords::breach {

inline constexpr std::size_t header_bytes = 64;
inline constexpr std::size_t entry_bytes = 8;
inline constexpr std::size_t entries_per_block = 1024 * 1024 / entry_bytes;

// The first eight bytes. The view must hold them.
std::uint64_t load_big_endian(ByteView bytes);
void append_big_endian(Bytes& out, std::uint64_t number, int bytes);

struct Header {
    std::uint64_t entries = 0;
    Bytes checksum;  // 32 bytes
};
Bytes make_header(Header const& header);
// Nothing unless magic, version, entry size and the header's own check fit.
std::optional<Header> parse_header(ByteView bytes);

// SHA-256 over the SHA-256s of blocks, so that a file larger than memory can be checked piece by piece.
class Checksum {
public:
    void add_block(ByteView block);
    Bytes finish() const;

private:
    Bytes digests_;
};

}  // namespace zephyr::passwords::breach
