#include "zephyr/crypto/foreign_hash.h"

#include <cmath>

#include "crypto/foreign_scheme.h"
#include "zephyr/foundation/text.h"

namespace zephyr::crypto {

namespace {

foreign::Parsed read(std::string_view text) {
    auto const fields = split(text, '$');
    auto const& first = fields[0];
    if (first == "pbkdf2_sha256" || first == "pbkdf2_sha1") return foreign::read_django_pbkdf2(fields);
    if (!first.empty() || fields.size() < 2) return foreign::unsupported("its kind is unknown");
    auto const& kind = fields[1];
    if (kind.starts_with("argon2")) return foreign::read_argon2(fields);
    if (kind.starts_with("pbkdf2-")) return foreign::read_pbkdf2(fields);
    if (kind == "scrypt") return foreign::read_scrypt(fields);
    if (kind.starts_with('2')) return foreign::read_bcrypt(text, fields);
    if (kind == "5" || kind == "6") return foreign::read_sha_crypt(text, fields);
    if (kind == "7") return foreign::read_crypt_scrypt(text, fields);
    if (kind == "y") return foreign::read_yescrypt(text, fields);
    return foreign::unsupported("its kind is unknown");
}

std::string whole(double value) {
    return value < 1e12 ? std::to_string(static_cast<std::int64_t>(value)) : "far too many";
}

}  // namespace

Result<ForeignHash> ForeignHash::parse(std::string_view text) {
    if (text.size() > longest_text) return foreign::unsupported("it is longer than " + std::to_string(longest_text) + " characters");
    for (char const c : text) {
        if (c < 0x21 || c > 0x7e) return foreign::malformed("it holds blanks, control or non-ASCII characters");
    }
    ZEPHYR_TRY(auto scheme, read(text));
    if (scheme->memory_kib() > most_memory_kib) {
        return foreign::too_costly("it asks for " + whole(scheme->memory_kib() / 1024) + " MiB of memory, and " +
                                   std::to_string(most_memory_kib / 1024) + " is the most");
    }
    if (scheme->weight() > most_weight) {
        return foreign::too_costly("it takes " + whole(scheme->weight()) + " times as long as a hash of ours, and " +
                                   whole(most_weight) + " is the most");
    }
    return ForeignHash{std::move(scheme)};
}

std::string_view ForeignHash::scheme() const {
    return scheme_->name();
}
std::size_t ForeignHash::memory_kib() const {
    return static_cast<std::size_t>(std::ceil(scheme_->memory_kib()));
}
double ForeignHash::weight(std::size_t password_bytes) const {
    return scheme_->weight_for(password_bytes);
}
ForeignMatch ForeignHash::matches(ByteView password) const {
    return scheme_->matches(password);
}

}  // namespace zephyr::crypto
