// A key or a set of keys that reads must come back from what it writes, and verifies nothing that nobody signed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/jose/jwks.h"

namespace {

using namespace zephyr;

void require(bool fine) {
    if (!fine) std::abort();
}

void comes_back(jose::Jwk const& key) {
    require(key.kid().size() <= jose::max_kid_bytes && key.thumbprint().size() == 43);
    require(key.algorithm() != jose::Algorithm::hs256);
    auto const json = key.to_json();
    auto const again = jose::Jwk::parse(json);
    require(again.ok() && again.value().to_json() == json && again.value().thumbprint() == key.thumbprint());
    for (std::size_t const size : {0U, 64U, 256U}) require(!key.verify(as_bytes("nobody signed this"), Bytes(size)).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    auto const set = jose::JwkSet::parse_text(text);
    if (set.ok())
        for (auto const& key : set.value().keys()) comes_back(key);
    auto const json = encoding::parse_json(text);
    if (!json.ok()) return 0;
    auto const key = jose::Jwk::parse(json.value());
    if (key.ok() && key.value().algorithm() != jose::Algorithm::hs256) comes_back(key.value());
    (void)jose::thumbprint_input(json.value()).ok();
    (void)jose::JwkSet::parse_secrets(json.value()).ok();
    return 0;
}
