// Keys and forged tokens for the tests of this room.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "zephyr/crypto/signatures.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/json.h"
#include "zephyr/jose/jwt.h"

namespace zephyr::jose::testing {

using encoding::Json;

inline std::string b64(std::string_view text) { return encoding::base64url_encode(as_bytes(text)); }

// Keys are made once: RSA takes long.
inline SigningJwk const& es256_key() {
    static SigningJwk const key{crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256), "ec-1"};
    return key;
}
inline SigningJwk const& eddsa_key() {
    static SigningJwk const key{crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519), "ed-1"};
    return key;
}
inline SigningJwk const& rs256_key() {
    static SigningJwk const key{crypto::SigningKey::generate(crypto::SignatureAlgorithm::rs256, 2048), "rsa-1"};
    return key;
}
inline Bytes random_looking(std::size_t size) {
    Bytes out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 167 + 131);
    return out;
}
inline SigningJwk const& hs256_key() {
    static SigningJwk const key = SigningJwk::from_secret(SecretBytes{random_looking(32)}, "hs-1").value();
    return key;
}

// A compact JWS with whatever stands in `header`, signed by that key in earnest.
inline std::string forged(std::string_view header, std::string_view payload, SigningJwk const& key) {
    auto text = b64(header) + "." + b64(payload);
    return text + "." + encoding::base64url_encode(key.sign(as_bytes(text)));
}

inline std::string read_file(std::string const& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

// The members that make no private key of a JWK, for vectors that hold both.
inline Json public_part(Json const& jwk) {
    auto out = Json::object();
    for (auto const& [name, value] : *jwk.members())
        if (name != "d" && name != "p" && name != "q" && name != "dp" && name != "dq" && name != "qi") out.set(name, value);
    return out;
}

}  // namespace zephyr::jose::testing
