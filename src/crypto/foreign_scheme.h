// One foreign hash, read and within bounds. The readers get the text's fields between the dollar signs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/crypto/foreign_hash.h"

namespace zephyr::crypto {

class ForeignScheme {
public:
    virtual ~ForeignScheme() = default;
    virtual std::string_view name() const = 0;
    // Both may be huge: ForeignHash::parse compares them with its bounds before anybody calls matches().
    virtual double memory_kib() const = 0;
    virtual double weight() const = 0;
    virtual double weight_for(std::size_t /*password_bytes*/) const { return weight(); }
    virtual ForeignMatch matches(ByteView password) const = 0;
};

namespace foreign {

using Fields = std::vector<std::string_view>;
using Parsed = Result<std::shared_ptr<ForeignScheme const>>;

// Fields as in "$argon2id$v=19$m=65536,t=3,p=4$salt$hash": the first is empty.
Parsed read_argon2(Fields const& fields);
// Those that libcrypt computes; `text` is the whole of it.
Parsed read_bcrypt(std::string_view text, Fields const& fields);
Parsed read_sha_crypt(std::string_view text, Fields const& fields);
Parsed read_crypt_scrypt(std::string_view text, Fields const& fields);
Parsed read_yescrypt(std::string_view text, Fields const& fields);
// Those that OpenSSL computes.
Parsed read_django_pbkdf2(Fields const& fields);
Parsed read_pbkdf2(Fields const& fields);
Parsed read_scrypt(Fields const& fields);

inline Error malformed(std::string what) {
    return Error{errors::password_hash_malformed}.with_reason("The hash is malformed: " + std::move(what) + ".");
}
inline Error unsupported(std::string what) {
    return Error{errors::password_hash_unsupported}.with_reason("The hash is not supported: " + std::move(what) + ".");
}
inline Error too_costly(std::string what) {
    return Error{errors::password_hash_too_costly}.with_reason("The hash is too costly to check: " + std::move(what) + ".");
}

}  // namespace foreign

}  // namespace zephyr::crypto
