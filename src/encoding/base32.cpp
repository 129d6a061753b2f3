#include "zephyr/encoding/base32.h"

#include "encoding/bit_groups.h"

namespace zephyr::encoding {

namespace {
constexpr detail::BitGroups<5> groups{"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"};
}  // namespace

std::string base32_encode(ByteView bytes) {
    return groups.encode(bytes);
}

Result<Bytes> base32_decode(std::string_view text) {
    if (auto bytes = groups.decode(text)) return std::move(*bytes);
    return errors::base32_malformed;
}

std::string normalise_base32(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (char const c : text) {
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '-') continue;
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    while (out.ends_with('=')) out.pop_back();
    return out;
}

}  // namespace zephyr::encoding
