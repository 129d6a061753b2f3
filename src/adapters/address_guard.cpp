#include "adapters/address_guard.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace zephyr::adapters {

namespace {

struct Block4 {
    std::uint32_t base;
    unsigned bits;
};
constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return a << 24 | b << 16 | c << 8 | d;
}

constexpr std::array<Block4, 15> special_v4{{
    {v4(0, 0, 0, 0), 8},        // this network
    {v4(10, 0, 0, 0), 8},       // private
    {v4(100, 64, 0, 0), 10},    // shared by carriers
    {v4(127, 0, 0, 0), 8},      // loopback
    {v4(169, 254, 0, 0), 16},   // link-local: cloud metadata lives here
    {v4(172, 16, 0, 0), 12},    // private
    {v4(192, 0, 0, 0), 24},     // protocol assignments
    {v4(192, 0, 2, 0), 24},     // documentation
    {v4(192, 88, 99, 0), 24},   // 6to4 relays, withdrawn
    {v4(192, 168, 0, 0), 16},   // private
    {v4(198, 18, 0, 0), 15},    // benchmarks
    {v4(198, 51, 100, 0), 24},  // documentation
    {v4(203, 0, 113, 0), 24},   // documentation
    {v4(224, 0, 0, 0), 4},      // multicast
    {v4(240, 0, 0, 0), 4},      // reserved, broadcast
}};

bool is_public_v4(std::uint32_t address) {
    return std::none_of(special_v4.begin(), special_v4.end(),
                        [&](Block4 const& block) { return (address ^ block.base) >> (32 - block.bits) == 0; });
}

using Bytes16 = std::array<std::uint8_t, 16>;

Bytes16 bytes_of(sockaddr const* address) {
    Bytes16 out{};
    auto const& raw = reinterpret_cast<sockaddr_in6 const*>(address)->sin6_addr;
    std::copy(std::begin(raw.s6_addr), std::end(raw.s6_addr), out.begin());
    return out;
}

// The IPv4 address inside ::ffff:a.b.c.d, which the kernel connects to as such.
std::optional<std::uint32_t> mapped_v4(Bytes16 const& bytes) {
    if (std::any_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte != 0; }) || bytes[10] != 0xff || bytes[11] != 0xff)
        return std::nullopt;
    return v4(bytes[12], bytes[13], bytes[14], bytes[15]);
}

// Of what IANA calls global unicast, without the parts it set aside. All else (::1, fc00::/7, fe80::/10, ff00::/8, 64:ff9b::/96) lies
// outside 2000::/3.
bool is_public_v6(Bytes16 const& bytes) {
    if (auto const inner = mapped_v4(bytes)) return is_public_v4(*inner);
    if ((bytes[0] & 0xe0) != 0x20) return false;
    auto const first = static_cast<unsigned>(bytes[0] << 8 | bytes[1]);
    auto const second = static_cast<unsigned>(bytes[2] << 8 | bytes[3]);
    if (first == 0x2001 && second < 0x0200) return false;      // 2001::/23: Teredo, ORCHID and other protocols
    if (first == 0x2001 && second == 0x0db8) return false;     // documentation
    if (first == 0x2002) return false;                         // 6to4: any IPv4 address in disguise
    return !(first == 0x3fff && (second & 0xf000) == 0x0000);  // 3fff::/20: documentation
}

std::uint32_t v4_of(sockaddr const* address) {
    return ntohl(reinterpret_cast<sockaddr_in const*>(address)->sin_addr.s_addr);
}

}  // namespace

bool is_public_address(sockaddr const* address) {
    if (address->sa_family == AF_INET) return is_public_v4(v4_of(address));
    return address->sa_family == AF_INET6 && is_public_v6(bytes_of(address));
}

bool is_loopback_address(sockaddr const* address) {
    if (address->sa_family == AF_INET) return v4_of(address) >> 24 == 127;
    if (address->sa_family != AF_INET6) return false;
    auto const bytes = bytes_of(address);
    if (auto const inner = mapped_v4(bytes)) return *inner >> 24 == 127;
    return bytes[15] == 1 && std::all_of(bytes.begin(), bytes.end() - 1, [](auto byte) { return byte == 0; });
}

}  // namespace zephyr::adapters
