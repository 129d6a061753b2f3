// PBKDF2 and scrypt by OpenSSL, in the forms of Django, passlib and the PHC string format.
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <algorithm>

#include "crypto/digest.h"
#include "crypto/foreign_scheme.h"
#include "crypto/openssl_handle.h"
#include "crypto/phc_text.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/foundation/text.h"

namespace zephyr::crypto::foreign {

namespace {

constexpr std::size_t shortest_hash = 16;
constexpr std::size_t longest_hash = 64;
constexpr std::size_t longest_salt = 128;

Result<void> check_parts(Bytes const& salt, Bytes const& hash) {
    if (salt.empty() || hash.size() < shortest_hash) return malformed("salt or hash is too short");
    if (salt.size() > longest_salt || hash.size() > longest_hash) return unsupported("salt or hash is too long");
    return success();
}

ForeignMatch compared(Bytes const& computed, Bytes const& wanted) {
    return equal_constant_time(computed, wanted) ? ForeignMatch::yes : ForeignMatch::no;
}

// OpenSSL takes no null pointer, not even to nothing.
char const* characters(ByteView password) {
    return password.empty() ? "" : as_text(password).data();
}

class Pbkdf2 : public ForeignScheme {
public:
    DigestName digest = DigestName::sha256;
    std::int64_t iterations = 0;
    Bytes salt;
    Bytes hash;

    std::string_view name() const override {
        switch (digest) {
            case DigestName::sha1: return "pbkdf2-sha1";
            case DigestName::sha512: return "pbkdf2-sha512";
            default: return "pbkdf2-sha256";
        }
    }
    double memory_kib() const override { return 1; }
    double weight() const override {
        // Measured beside Argon2id of 19 MiB and two passes.
        double const iterations_of_weight_one = digest == DigestName::sha512 ? 65'000 : 130'000;
        // RFC 8018 5.2: each block of the digest's length is computed by itself.
        auto const blocks = (hash.size() + digest_size(digest) - 1) / digest_size(digest);
        return static_cast<double>(iterations) * static_cast<double>(blocks) / iterations_of_weight_one;
    }
    ForeignMatch matches(ByteView password) const override {
        Bytes out(hash.size());
        require(PKCS5_PBKDF2_HMAC(characters(password), static_cast<int>(password.size()), raw(salt), static_cast<int>(salt.size()),
                                  static_cast<int>(iterations), openssl_digest(digest), static_cast<int>(out.size()),
                                  raw(std::span{out})) == 1,
                "computing PBKDF2");
        return compared(out, hash);
    }
};

Parsed finish_pbkdf2(std::shared_ptr<Pbkdf2> out, std::optional<std::int64_t> iterations, std::optional<Bytes> salt,
                     std::optional<Bytes> hash) {
    if (!iterations || *iterations < 1) return malformed("the iterations of PBKDF2 must be a whole number");
    if (*iterations > INT32_MAX) return too_costly("more than 2^31 iterations of PBKDF2");
    if (!salt || !hash) return malformed("salt and hash must be base64");
    ZEPHYR_CHECK(check_parts(*salt, *hash));
    out->iterations = *iterations;
    out->salt = std::move(*salt);
    out->hash = std::move(*hash);
    return std::shared_ptr<ForeignScheme const>{std::move(out)};
}

class Scrypt : public ForeignScheme {
public:
    std::int64_t log_n = 0;
    std::int64_t r = 0;
    std::int64_t p = 0;
    Bytes salt;
    Bytes hash;

    std::string_view name() const override { return "scrypt"; }
    // RFC 7914 6: V takes 128·r·N bytes, B 128·r·p.
    double memory_kib() const override { return static_cast<double>(r) * (n() + static_cast<double>(p)) / 8; }
    double weight() const override { return n() * static_cast<double>(r * p) / 88'000; }
    ForeignMatch matches(ByteView password) const override {
        Bytes out(hash.size());
        constexpr std::uint64_t most_memory = 2 * std::uint64_t{ForeignHash::most_memory_kib} * 1024;
        require(EVP_PBE_scrypt(characters(password), password.size(), raw(salt), salt.size(), std::uint64_t{1} << log_n,
                               static_cast<std::uint64_t>(r), static_cast<std::uint64_t>(p), most_memory, raw(std::span{out}),
                               out.size()) == 1,
                "computing scrypt");
        return compared(out, hash);
    }

private:
    double n() const { return static_cast<double>(std::uint64_t{1} << log_n); }
};

std::string with_plus(std::string_view adapted) {
    std::string out{adapted};
    std::replace(out.begin(), out.end(), '.', '+');
    return out;
}

}  // namespace

// "pbkdf2_sha256$600000$salt$hash": the salt is text, the hash base64 with padding.
Parsed read_django_pbkdf2(Fields const& fields) {
    if (fields.size() != 4) return malformed("Django's PBKDF2 has iterations, salt and hash");
    auto out = std::make_shared<Pbkdf2>();
    out->digest = fields[0] == "pbkdf2_sha1" ? DigestName::sha1 : DigestName::sha256;
    auto hash = phc::from_base64(fields[3], phc::Padding::equals);
    if (hash && hash->size() != digest_size(out->digest)) return malformed("the hash has not the length of its digest");
    return finish_pbkdf2(std::move(out), phc::number(fields[1]), to_bytes(fields[2]), std::move(hash));
}

// "$pbkdf2-sha256$29000$salt$hash" by passlib, whose base64 has '.' for '+'; "$pbkdf2-sha256$i=29000,l=32$salt$hash" as a PHC string.
Parsed read_pbkdf2(Fields const& fields) {
    auto out = std::make_shared<Pbkdf2>();
    if (fields[1] == "pbkdf2-sha512")
        out->digest = DigestName::sha512;
    else if (fields[1] != "pbkdf2-sha256")
        return unsupported("this digest of PBKDF2");
    if (fields.size() != 5) return malformed("PBKDF2 has iterations, salt and hash");
    if (!fields[2].starts_with("i=")) {
        if (fields[3].find('+') != std::string_view::npos || fields[4].find('+') != std::string_view::npos)
            return malformed("passlib's base64 has no '+'");
        return finish_pbkdf2(std::move(out), phc::number(fields[2]), phc::from_base64(with_plus(fields[3])),
                             phc::from_base64(with_plus(fields[4])));
    }
    auto const numbers = split(fields[2], ',');
    auto hash = phc::from_base64(fields[4]);
    if (numbers.size() > 2) return malformed("PBKDF2 has i and l");
    if (numbers.size() == 2 && hash) {
        auto const length = phc::parameter(numbers[1], "l");
        if (!length || *length != static_cast<std::int64_t>(hash->size())) return malformed("l is not the length of the hash");
    }
    return finish_pbkdf2(std::move(out), phc::parameter(numbers[0], "i"), phc::from_base64(fields[3]), std::move(hash));
}

// "$scrypt$ln=16,r=8,p=1$salt$hash"
Parsed read_scrypt(Fields const& fields) {
    if (fields.size() != 5) return malformed("scrypt has parameters, salt and hash");
    auto const numbers = split(fields[2], ',');
    if (numbers.size() != 3) return malformed("scrypt needs ln, r and p");
    auto const log_n = phc::parameter(numbers[0], "ln");
    auto const r = phc::parameter(numbers[1], "r");
    auto const p = phc::parameter(numbers[2], "p");
    if (!log_n || !r || !p || *log_n < 1 || *r < 1 || *p < 1) return malformed("ln, r and p of scrypt must be whole numbers");
    // RFC 7914 2: N is a power of two "less than 2^(128 * r / 8)", p at most ((2^32-1) * 32) / (128 * r).
    constexpr std::int64_t most_log_n = 40;
    constexpr std::int64_t most_r_or_p = (std::int64_t{1} << 30) - 1;
    if (*log_n > most_log_n || *r > most_r_or_p || *p > most_r_or_p || *r * *p > most_r_or_p)
        return too_costly("ln, r or p of scrypt is out of all proportion");
    if (*log_n >= 16 * *r) return malformed("scrypt's ln must be less than 16r");
    auto salt = phc::from_base64(fields[3]);
    auto hash = phc::from_base64(fields[4]);
    if (!salt || !hash) return malformed("salt and hash must be base64 without padding");
    ZEPHYR_CHECK(check_parts(*salt, *hash));
    auto out = std::make_shared<Scrypt>();
    out->log_n = *log_n;
    out->r = *r;
    out->p = *p;
    out->salt = std::move(*salt);
    out->hash = std::move(*hash);
    return std::shared_ptr<ForeignScheme const>{std::move(out)};
}

}  // namespace zephyr::crypto::foreign
