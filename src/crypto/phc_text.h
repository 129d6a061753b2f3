// Pieces of the PHC string format and of its older cousins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"

namespace zephyr::crypto::phc {

enum class Padding { none, equals };

// Base64 of RFC 4648 4. Reading is strict: one spelling for each value.
std::string to_base64(ByteView bytes);
std::optional<Bytes> from_base64(std::string_view text, Padding padding = Padding::none);

// A decimal without sign or leading zero. The PHC string format: "decimal encoding ... minimal-length".
std::optional<std::int64_t> number(std::string_view text);
// "m=19456" for 'm'.
std::optional<std::int64_t> parameter(std::string_view text, std::string_view name);

}  // namespace zephyr::crypto::phc
