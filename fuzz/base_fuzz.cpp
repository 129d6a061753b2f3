// Strict decoders: whatever one accepts is the only spelling of its bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/encoding/base32.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/text.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::encoding;
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    if (auto const bytes = base64_decode(text); bytes.ok() && base64_encode(bytes.value()) != text) std::abort();
    if (auto const bytes = base64url_decode(text); bytes.ok() && base64url_encode(bytes.value()) != text) std::abort();
    if (auto const bytes = base32_decode(text); bytes.ok() && base32_encode(bytes.value()) != text) std::abort();
    if (auto const bytes = hex_decode(text); bytes.ok() && hex_encode(bytes.value()) != zephyr::ascii_lower(text))
        std::abort();
    auto const normal = normalise_base32(text);
    if (normalise_base32(normal) != normal) std::abort();
    // And whatever the bytes are, they come back.
    auto const bytes = zephyr::as_bytes(text);
    if (zephyr::to_text(base64_decode(base64_encode(bytes)).value()) != text) std::abort();
    if (zephyr::to_text(base64url_decode(base64url_encode(bytes)).value()) != text) std::abort();
    if (zephyr::to_text(base32_decode(base32_encode(bytes)).value()) != text) std::abort();
    return 0;
}
