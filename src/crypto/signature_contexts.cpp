#include "crypto/signature_contexts.h"

#include <openssl/rsa.h>

#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

namespace {

// RFC 7518 3.5: "The size of the salt value is the same size as the hash function output."
bool set_padding(EVP_PKEY_CTX* context, SignatureAlgorithm algorithm, EVP_MD const* digest) {
    if (algorithm == SignatureAlgorithm::rs256) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    if (algorithm != SignatureAlgorithm::ps256) return true;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) == 1;
}

KeyContext start_prehashed(int (*start)(EVP_PKEY_CTX*), SignatureAlgorithm algorithm, EVP_PKEY* key) {
    auto const* const digest = openssl_digest(scheme_of(algorithm).digest);
    KeyContext context{EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr)};
    // The padding before the digest: OpenSSL judges the one by the other.
    require(context != nullptr && start(context.get()) == 1 && set_padding(context.get(), algorithm, digest) &&
                EVP_PKEY_CTX_set_signature_md(context.get(), digest) == 1,
            "starting a signature");
    return context;
}

using StartWhole = int (*)(EVP_MD_CTX*, EVP_PKEY_CTX**, EVP_MD const*, ENGINE*, EVP_PKEY*);
DigestContext start_whole(StartWhole start, EVP_PKEY* key) {
    DigestContext context{EVP_MD_CTX_new()};
    require(context != nullptr && start(context.get(), nullptr, nullptr, nullptr, key) == 1, "starting a signature");
    return context;
}

constexpr std::size_t largest_digest = 64;
struct Hashed {
    std::array<std::byte, largest_digest> bytes;
    std::size_t size;
};
Hashed hash_of(SignatureAlgorithm algorithm, ByteView message) {
    auto const name = scheme_of(algorithm).digest;
    Hashed out{{}, digest_size(name)};
    digest_into(name, {message}, std::span{out.bytes}.first(out.size));
    return out;
}

// A positive INTEGER: no zeros in front but the one that keeps the sign bit clear.
void put_integer(Bytes& out, ByteView number) {
    while (number.size() > 1 && number.front() == std::byte{0}) number = number.subspan(1);
    bool const signed_looking = (number.front() & std::byte{0x80}) != std::byte{0};
    out.push_back(std::byte{0x02});
    out.push_back(static_cast<std::byte>(number.size() + (signed_looking ? 1 : 0)));
    if (signed_looking) out.push_back(std::byte{0});
    out.insert(out.end(), number.begin(), number.end());
}

// The content of the element of that tag at the front, taken off `der`. OpenSSL wrote it: anything odd is a fault.
ByteView take_element(ByteView& der, int tag) {
    require(der.size() >= 2 && der[0] == static_cast<std::byte>(tag), "reading a signature");
    auto length = std::to_integer<std::size_t>(der[1]);
    std::size_t head = 2;
    if (length == 0x81) {
        require(der.size() >= 3, "reading a signature");
        length = std::to_integer<std::size_t>(der[2]);
        head = 3;
    } else {
        require(length < 0x80, "reading a signature");
    }
    require(der.size() >= head + length, "reading a signature");
    auto const content = der.subspan(head, length);
    der = der.subspan(head + length);
    return content;
}

void put_part(std::span<std::byte> out, ByteView integer) {
    while (!integer.empty() && integer.front() == std::byte{0}) integer = integer.subspan(1);
    require(integer.size() <= out.size(), "writing a signature");
    std::copy(integer.begin(), integer.end(), out.end() - static_cast<std::ptrdiff_t>(integer.size()));
}

}  // namespace

Scheme scheme_of(SignatureAlgorithm algorithm) {
    switch (algorithm) {
        case SignatureAlgorithm::ed25519: return {"ED25519", nullptr, 0, DigestName::sha512};  // its own digest
        case SignatureAlgorithm::es256: return {"EC", "prime256v1", 32, DigestName::sha256};
        case SignatureAlgorithm::es384: return {"EC", "secp384r1", 48, DigestName::sha384};
        case SignatureAlgorithm::es512: return {"EC", "secp521r1", 66, DigestName::sha512};
        case SignatureAlgorithm::rs256:
        case SignatureAlgorithm::ps256: return {"RSA", nullptr, 0, DigestName::sha256};
    }
    throw Fault{"crypto: no such signature algorithm"};
}

// A context goes back to its key only after it did its work: one that failed may hold anything.
Bytes KeyInUse::sign(ByteView message) const {
    auto size = static_cast<std::size_t>(EVP_PKEY_get_size(get()));
    Bytes out(size);
    if (algorithm_ == SignatureAlgorithm::ed25519) {
        auto context = whole_.take();
        if (context == nullptr) context = start_whole(EVP_DigestSignInit, get());
        else require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, nullptr) == 1, "starting a signature");
        require(EVP_DigestSign(context.get(), raw(std::span{out}), &size, raw(message), message.size()) == 1, "signing");
        whole_.give(std::move(context));
    } else {
        auto context = prehashed_.take();
        if (context == nullptr) context = start_prehashed(EVP_PKEY_sign_init, algorithm_, get());
        auto const hashed = hash_of(algorithm_, message);
        require(EVP_PKEY_sign(context.get(), raw(std::span{out}), &size, raw(ByteView{hashed.bytes}), hashed.size) == 1,
                "signing");
        prehashed_.give(std::move(context));
    }
    out.resize(size);
    return out;
}

bool KeyInUse::verify(ByteView message, ByteView signature) const {
    // 0 is a wrong signature, a negative number one that can't be read: the same to us.
    bool genuine = false;
    if (algorithm_ == SignatureAlgorithm::ed25519) {
        auto context = whole_.take();
        if (context == nullptr) context = start_whole(EVP_DigestVerifyInit, get());
        else require(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, nullptr) == 1, "starting a signature");
        genuine = EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
        if (genuine) whole_.give(std::move(context));
    } else {
        auto context = prehashed_.take();
        if (context == nullptr) context = start_prehashed(EVP_PKEY_verify_init, algorithm_, get());
        auto const hashed = hash_of(algorithm_, message);
        genuine = EVP_PKEY_verify(context.get(), raw(signature), signature.size(), raw(ByteView{hashed.bytes}),
                                  hashed.size) == 1;
        if (genuine) prehashed_.give(std::move(context));
    }
    if (!genuine) forget_openssl_errors();
    return genuine;
}

Bytes ecdsa_der_from_p1363(ByteView signature, std::size_t part_bytes) {
    if (signature.size() != 2 * part_bytes) return {};
    Bytes numbers;
    numbers.reserve(2 * (part_bytes + 3) + 3);
    put_integer(numbers, signature.first(part_bytes));
    put_integer(numbers, signature.subspan(part_bytes));
    Bytes out;
    out.reserve(numbers.size() + 3);
    out.push_back(std::byte{0x30});
    if (numbers.size() >= 0x80) out.push_back(std::byte{0x81});
    out.push_back(static_cast<std::byte>(numbers.size()));
    out.insert(out.end(), numbers.begin(), numbers.end());
    return out;
}

Bytes ecdsa_p1363_from_der(ByteView der, std::size_t part_bytes) {
    auto numbers = take_element(der, 0x30);
    Bytes out(2 * part_bytes);
    put_part(std::span{out}.first(part_bytes), take_element(numbers, 0x02));
    put_part(std::span{out}.subspan(part_bytes), take_element(numbers, 0x02));
    return out;
}

}  // namespace zephyr::crypto
