#include "jose/shared_secret.h"

#include <algorithm>

#include "zephyr/encoding/unicode.h"
#include "zephyr/jose/jwk.h"

namespace zephyr::jose {

namespace {

constexpr std::size_t least_bytes = 32;

bool is_text(ByteView bytes) {
    bool const has_control = std::any_of(bytes.begin(), bytes.end(), [](std::byte byte) {
        auto const character = std::to_integer<unsigned>(byte);
        return (character < 0x20 && character != '\t' && character != '\n' && character != '\r') || character == 0x7f;
    });
    return !has_control && encoding::is_valid_utf8(as_text(bytes));
}

}  // namespace

Result<void> check_shared_secret(SecretBytes const& secret) {
    ByteView const bytes{secret.reveal()};
    if (bytes.size() < least_bytes) return Error{errors::weak_secret, "fewer than 32 bytes"};
    if (is_text(bytes)) return Error{errors::weak_secret, "text: a secret is random bytes, and base64 or hex is decoded first"};
    return success();
}

}  // namespace zephyr::jose
