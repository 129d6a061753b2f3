#include "passwords/breach_filter_format.h"

#include <algorithm>

#include "zephyr/crypto/hash.h"

namespace zephyr::passwords::breach {

namespace {
constexpr std::string_view magic = "ZEPHYRBF";
constexpr std::uint64_t version = 1;
}  // namespace

std::uint64_t load_big_endian(ByteView bytes) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 8; ++i) out = out << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    return out;
}

void append_big_endian(Bytes& out, std::uint64_t number, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(number >> shift));
}

Bytes make_header(Header const& header) {
    auto out = to_bytes(magic);
    append_big_endian(out, version, 4);
    append_big_endian(out, entry_bytes, 4);
    append_big_endian(out, header.entries, 8);
    out.insert(out.end(), header.checksum.begin(), header.checksum.end());
    auto const check = crypto::sha256(out);
    out.insert(out.end(), check.begin(), check.begin() + 8);
    return out;
}

std::optional<Header> parse_header(ByteView bytes) {
    if (bytes.size() != header_bytes) return std::nullopt;
    Header found;
    found.entries = load_big_endian(bytes.subspan(16));
    found.checksum = to_bytes(bytes.subspan(24, 32));
    // Written again, it must come out the same: magic, version, entry size and check are all in there.
    auto const expected = make_header(found);
    if (!std::equal(bytes.begin(), bytes.end(), expected.begin(), expected.end())) return std::nullopt;
    return found;
}

void Checksum::add_block(ByteView block) {
    auto const digest = crypto::sha256(block);
    digests_.insert(digests_.end(), digest.begin(), digest.end());
}

Bytes Checksum::finish() const {
    return crypto::sha256(digests_);
}

}  // namespace zephyr::passwords::breach
