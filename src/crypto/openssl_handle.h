// OpenSSL's objects with owners, and its error queue turned into faults.
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

namespace zephyr::crypto {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using CipherContext = Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using KeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using KeyHandle = Handle<EVP_PKEY, EVP_PKEY_free>;
using BigNumber = Handle<BIGNUM, BN_clear_free>;
using EcdsaSignature = Handle<ECDSA_SIG, ECDSA_SIG_free>;
using Pkcs8 = Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

// Throws Fault with OpenSSL's reason and empties the error queue.
[[noreturn]] void openssl_fault(std::string_view what);
inline void require(bool fine, std::string_view what) {
    if (!fine) openssl_fault(what);
}
// After a refusal: an error left in this thread's queue would be read by the next TLS call as its own.
void forget_openssl_errors();

}  // namespace zephyr::crypto
