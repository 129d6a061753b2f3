#include "zephyr/crypto/hash.h"

#include <array>

#include "crypto/digest.h"
#include "crypto/openssl_handle.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

namespace {

constexpr std::size_t digest_count = 4;

struct Algorithm {
    char const* name;
    std::size_t size;
    std::size_t block;
};
constexpr std::array<Algorithm, digest_count> algorithms{{
    {"SHA1", 20, 64},
    {"SHA256", 32, 64},
    {"SHA384", 48, 128},
    {"SHA512", 64, 128},
}};

using FetchedDigest = Handle<EVP_MD, EVP_MD_free>;

FetchedDigest fetch(DigestName name) {
    FetchedDigest digest{EVP_MD_fetch(nullptr, algorithms[static_cast<std::size_t>(name)].name, nullptr)};
    require(digest != nullptr, "fetching a digest");
    return digest;
}

EVP_MD_CTX* kept_context(DigestName name) {
    thread_local std::array<DigestContext, digest_count> contexts;
    auto& context = contexts[static_cast<std::size_t>(name)];
    if (context == nullptr) {
        DigestContext fresh{EVP_MD_CTX_new()};
        require(fresh != nullptr && EVP_DigestInit_ex2(fresh.get(), openssl_digest(name), nullptr) == 1,
                "starting a digest");
        context = std::move(fresh);
    }
    return context.get();
}

Bytes digest(DigestName name, ByteView message) {
    Bytes out(digest_size(name));
    digest_into(name, {message}, out);
    return out;
}

}  // namespace

std::size_t digest_size(DigestName name) {
    return algorithms[static_cast<std::size_t>(name)].size;
}
std::size_t digest_block_size(DigestName name) {
    return algorithms[static_cast<std::size_t>(name)].block;
}

EVP_MD const* openssl_digest(DigestName name) {
    static std::array<FetchedDigest, digest_count> const fetched{fetch(DigestName::sha1), fetch(DigestName::sha256),
                                                                 fetch(DigestName::sha384), fetch(DigestName::sha512)};
    return fetched[static_cast<std::size_t>(name)].get();
}

void digest_into(DigestName name, std::initializer_list<ByteView> parts, std::span<std::byte> out) {
    if (out.size() != digest_size(name)) throw Fault{"crypto: digest buffer of the wrong size"};
    auto* const context = kept_context(name);
    require(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1, "starting a digest");
    for (auto const part : parts)
        require(EVP_DigestUpdate(context, part.data(), part.size()) == 1, "adding to a digest");
    require(EVP_DigestFinal_ex(context, raw(out), nullptr) == 1, "finishing a digest");
}

Bytes sha1(ByteView message) {
    return digest(DigestName::sha1, message);
}
Bytes sha256(ByteView message) {
    return digest(DigestName::sha256, message);
}
Bytes sha384(ByteView message) {
    return digest(DigestName::sha384, message);
}
Bytes sha512(ByteView message) {
    return digest(DigestName::sha512, message);
}

std::array<std::byte, 32> sha256_of(std::initializer_list<ByteView> parts) {
    std::array<std::byte, 32> out;
    digest_into(DigestName::sha256, parts, out);
    return out;
}

}  // namespace zephyr::crypto
