#include "zephyr/jose/algorithm.h"

#include <array>
#include <utility>

namespace zephyr::jose {

namespace {
constexpr std::array<std::pair<Algorithm, std::string_view>, 7> names{{{Algorithm::es256, "ES256"},
                                                                       {Algorithm::es384, "ES384"},
                                                                       {Algorithm::es512, "ES512"},
                                                                       {Algorithm::eddsa, "EdDSA"},
                                                                       {Algorithm::rs256, "RS256"},
                                                                       {Algorithm::ps256, "PS256"},
                                                                       {Algorithm::hs256, "HS256"}}};
}  // namespace

std::string_view name_of(Algorithm algorithm) {
    for (auto const& [known, name] : names)
        if (known == algorithm) return name;
    return "";
}

std::optional<Algorithm> algorithm_from(std::string_view name) {
    for (auto const& [algorithm, known] : names)
        if (known == name) return algorithm;
    return std::nullopt;
}

}  // namespace zephyr::jose
