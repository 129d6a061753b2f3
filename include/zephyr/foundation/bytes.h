// Bytes and views of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zephyr {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<std::byte const>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<std::byte const*>(text.data()), text.size()};
}
inline Bytes to_bytes(std::string_view text) {
    auto const view = as_bytes(text);
    return {view.begin(), view.end()};
}
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}
inline std::string to_text(ByteView bytes) { return std::string{as_text(bytes)}; }

// For C libraries that speak unsigned char.
inline unsigned char const* raw(ByteView bytes) { return reinterpret_cast<unsigned char const*>(bytes.data()); }
inline unsigned char* raw(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

}  // namespace zephyr
