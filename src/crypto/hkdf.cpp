#include "zephyr/crypto/hkdf.h"

#include <algorithm>
#include <array>

#include "zephyr/crypto/hmac.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

SecretBytes hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::size_t length) {
    constexpr std::size_t hash_bytes = 32;
    if (length == 0 || length > 255 * hash_bytes) throw Fault{"crypto: HKDF asked for an impossible length"};

    // RFC 5869 2.2: "PRK = HMAC-Hash(salt, IKM)". An absent salt is "a string of HashLen zeros", which HMAC's own
    // padding of a short key already amounts to.
    SecretBytes const pseudorandom_key{hmac_sha256(salt, input_key)};

    // RFC 5869 2.3: "T(N) = HMAC-Hash(PRK, T(N-1) | info | N)".
    Bytes block_input(hash_bytes + info.size() + 1);
    std::copy(info.begin(), info.end(), block_input.begin() + hash_bytes);
    Bytes out;
    out.reserve(length);
    for (std::size_t round = 1; out.size() < length; ++round) {
        block_input.back() = static_cast<std::byte>(round);
        auto const input = round == 1 ? ByteView{block_input}.subspan(hash_bytes) : ByteView{block_input};
        SecretBytes const block{hmac_sha256(pseudorandom_key.reveal(), input)};
        std::copy(block.reveal().begin(), block.reveal().end(), block_input.begin());
        auto const wanted = std::min(hash_bytes, length - out.size());
        out.insert(out.end(), block.reveal().begin(), block.reveal().begin() + static_cast<std::ptrdiff_t>(wanted));
    }
    wipe(block_input.data(), block_input.size());
    return SecretBytes{std::move(out)};
}

}  // namespace zephyr::crypto
