// What a key keeps between signatures, so that no call pays for fetching algorithms and setting parameters again.
//
// ES256 with a context per call costs 13 % more to sign and 5 % more to verify than with a kept one. The contexts belong
// to the key, not to a thread: a thread's would keep a private key alive after its owner let go of it.
#pragma once

#include <array>
#include <atomic>

#include "crypto/digest.h"
#include "crypto/openssl_handle.h"
#include "zephyr/crypto/signatures.h"

namespace zephyr::crypto {

// What tells the algorithms apart. `group` is OpenSSL's name of the curve, `part_bytes` the length of r and of s.
struct Scheme {
    char const* key_type;
    char const* group;
    std::size_t part_bytes;
    DigestName digest;
};
Scheme scheme_of(SignatureAlgorithm algorithm);

Bytes spki_of(EVP_PKEY* key);  // in signatures.cpp

// A few spare contexts. Each is used by one caller at a time; who finds none makes one, who finds no room frees it.
template <class Context, auto Free>
class SpareContexts {
public:
    using Owned = Handle<Context, Free>;
    SpareContexts() = default;
    SpareContexts(SpareContexts const&) = delete;
    SpareContexts& operator=(SpareContexts const&) = delete;
    ~SpareContexts() {
        for (auto& slot : slots_) Owned const freed{slot.load()};
    }
    Owned take() const {
        for (auto& slot : slots_) {
            if (slot.load(std::memory_order_relaxed) == nullptr) continue;
            if (auto* const context = slot.exchange(nullptr)) return Owned{context};
        }
        return nullptr;
    }
    void give(Owned context) const {
        for (auto& slot : slots_) {
            Context* empty = nullptr;
            if (slot.compare_exchange_strong(empty, context.get())) {
                (void)context.release();
                return;
            }
        }
    }

private:
    mutable std::array<std::atomic<Context*>, 8> slots_{};
};

// An OpenSSL key with its contexts. Used either to sign or to verify, never both: the contexts are for one of the two.
class KeyInUse {
public:
    KeyInUse(SignatureAlgorithm algorithm, KeyHandle key) : algorithm_{algorithm}, key_{std::move(key)} {}
    SignatureAlgorithm algorithm() const { return algorithm_; }
    EVP_PKEY* get() const { return key_.get(); }

    // DER for ECDSA. Throws Fault when OpenSSL can't.
    Bytes sign(ByteView message) const;
    // False for every signature that does not fit, readable or not.
    bool verify(ByteView message, ByteView signature) const;

private:
    SignatureAlgorithm algorithm_;
    KeyHandle key_;
    SpareContexts<EVP_PKEY_CTX, EVP_PKEY_CTX_free> prehashed_;  // EC and RSA: we hash, it signs the hash
    SpareContexts<EVP_MD_CTX, EVP_MD_CTX_free> whole_;          // Ed25519 hashes twice, in its own way
};

// r || s to SEQUENCE { r, s } and back. Nothing when the length is wrong. The numbers may be anything: whether 0 < r, s < n
// is for the verifier to say.
Bytes ecdsa_der_from_p1363(ByteView signature, std::size_t part_bytes);
Bytes ecdsa_p1363_from_der(ByteView der, std::size_t part_bytes);

}  // namespace zephyr::crypto
