#include "zephyr/encoding/base64.h"

#include "encoding/bit_groups.h"

namespace zephyr::encoding {

namespace {
constexpr detail::BitGroups<6> groups{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"};
}  // namespace

std::string base64_encode(ByteView bytes) {
    auto out = groups.encode(bytes);
    out.append((4 - out.size() % 4) % 4, '=');
    return out;
}

Result<Bytes> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return errors::base64_malformed;
    // At most two: three '=' would leave one character, which the length check of the groups refuses.
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    if (auto bytes = groups.decode(text)) return std::move(*bytes);
    return errors::base64_malformed;
}

}  // namespace zephyr::encoding
