// The signature algorithms we take, by their names in JOSE (RFC 7518 3.1, RFC 8037 3.1). "none" is not one of them.
#pragma once

#include <optional>
#include <string_view>

namespace zephyr::jose {

enum class Algorithm { es256, es384, es512, eddsa, rs256, ps256, hs256 };

// "ES256" and so on; EdDSA stands for Ed25519 alone.
std::string_view name_of(Algorithm algorithm);
// RFC 7515 4.1.1: "The "alg" value is a case-sensitive ASCII string". Nothing for every other text.
std::optional<Algorithm> algorithm_from(std::string_view name);

}  // namespace zephyr::jose
