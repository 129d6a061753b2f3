// Keys for tests: from a seed, so that what they sign is the same every time.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

// RFC 8410 7: the PrivateKeyInfo of an Ed25519 key is these bytes and its seed.
inline crypto::SigningKey key_of_seed(ByteView seed) {
    auto der = encoding::hex_decode("302e020100300506032b657004220420").value();
    der.insert(der.end(), seed.begin(), seed.end());
    return crypto::SigningKey::from_pkcs8_der(crypto::SignatureAlgorithm::ed25519, SecretBytes{der}).value();
}
inline crypto::SigningKey key_named(std::string_view name) {
    return key_of_seed(crypto::sha256_of({as_bytes(name)}));
}
inline NoteSigner log_signer(std::string const& name = "log.example/audit") {
    return NoteSigner{name, KeyKind::ed25519, key_named("log " + name)};
}
inline NoteSigner witness_signer(std::string const& name = "witness.example/w1") {
    return NoteSigner{name, KeyKind::cosignature, key_named("witness " + name)};
}

// The checkpoint, signed by each of them at that time.
inline SignedCheckpoint signed_by(Checkpoint const& checkpoint, std::vector<NoteSigner> const& signers,
                                  TimePoint time = from_millis(1'767'225'600'000)) {
    SignedCheckpoint out{checkpoint, {checkpoint.text(), {}}};
    for (auto const& signer : signers) out.note.signatures.push_back(signer.sign(out.note.text, time));
    return out;
}

}  // namespace zephyr::tlog
