#include "zephyr/encoding/base64url.h"

#include "encoding/bit_groups.h"

namespace zephyr::encoding {

namespace {
constexpr detail::BitGroups<6> groups{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
}  // namespace

std::string base64url_encode(ByteView bytes) {
    return groups.encode(bytes);
}

Result<Bytes> base64url_decode(std::string_view text) {
    if (auto bytes = groups.decode(text)) return std::move(*bytes);
    return errors::base64url_malformed;
}

}  // namespace zephyr::encoding
