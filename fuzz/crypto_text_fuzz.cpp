// Texts that crypto reads from outside: key files and password hashes from elsewhere. The first byte picks the reader.
#include <cstdlib>
#include <string>

#include "zephyr/crypto/key_text.h"
#include "zephyr/crypto/password_hash.h"
#include "zephyr/crypto/signatures.h"
#include "zephyr/foundation/bytes.h"

namespace {

using namespace zephyr;

void check(bool held) {
    if (!held) std::abort();
}

void read_key_text(std::string_view text) {
    auto const ring = crypto::parse_key_text(text);
    if (!ring.ok()) return;
    // One spelling: what was read is written the same, apart from the last line's end.
    auto const written = crypto::format_key_text(ring.value());
    check(written.reveal() == text || written.reveal() == std::string{text} + "\n");
}

// Parameters alone: hashing would make the fuzzer wait.
void read_password_hash(std::string_view text) {
    auto const parameters = crypto::argon2id_parameters(text);
    if (!parameters.ok()) return;
    check(parameters.value().memory_kib >= 8 &&
          parameters.value().memory_kib <= crypto::Argon2Parameters::max_memory_kib);
    check(parameters.value().passes >= 1 && parameters.value().passes <= crypto::Argon2Parameters::max_passes);
}

void read_public_key(std::string_view text) {
    using enum crypto::SignatureAlgorithm;
    for (auto const algorithm : {ed25519, es256, es384, es512, rs256, ps256}) {
        auto const key = crypto::VerifyKey::from_spki_der(algorithm, as_bytes(text));
        if (!key.ok()) continue;
        check(as_text(key.value().spki_der()) == text);
        check(!key.value().verify(as_bytes("message"), as_bytes("no signature")).ok());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view const text{reinterpret_cast<char const*>(data) + 1, size - 1};
    switch (data[0] % 3) {
        case 0: read_key_text(text); break;
        case 1: read_password_hash(text); break;
        default: read_public_key(text); break;
    }
    return 0;
}
