#include "zephyr/crypto/password_hash.h"

#include <sodium.h>

#include "crypto/phc_text.h"
#include "crypto/sodium_start.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::crypto {

namespace {

constexpr std::size_t salt_bytes = crypto_pwhash_argon2id_SALTBYTES;
constexpr std::size_t hash_bytes = 32;
static_assert(salt_bytes == 16);
constexpr std::size_t longest_phc = crypto_pwhash_argon2id_STRBYTES - 1;

struct Phc {
    Argon2Parameters parameters;
    Bytes salt;
    Bytes hash;
};

Result<Argon2Parameters> parse_numbers(std::string_view text) {
    auto const numbers = split(text, ',');
    if (numbers.size() > 3) return Error{errors::password_hash_unsupported, "keyid or data"};
    if (numbers.size() < 3) return errors::password_hash_malformed;
    auto const memory = phc::parameter(numbers[0], "m");
    auto const passes = phc::parameter(numbers[1], "t");
    auto const lanes = phc::parameter(numbers[2], "p");
    if (!memory || !passes || !lanes || *passes < 1 || *lanes < 1) return errors::password_hash_malformed;
    if (*lanes != 1) return Error{errors::password_hash_unsupported, "lanes"};
    // RFC 9106 3.1: "Memory size m MUST be an integer number of kibibytes from 8*p to 2^(32)-1."
    if (*memory < 8) return errors::password_hash_malformed;
    if (*memory > Argon2Parameters::max_memory_kib || *passes > Argon2Parameters::max_passes)
        return errors::password_hash_too_costly;
    return Argon2Parameters{static_cast<std::uint32_t>(*memory), static_cast<std::uint32_t>(*passes)};
}

Result<Phc> parse(std::string_view text) {
    if (text.size() > longest_phc) return Error{errors::password_hash_unsupported, "too long"};
    if (text.find('\0') != std::string_view::npos) return errors::password_hash_malformed;
    auto const fields = split(text, '$');
    if (fields.size() < 2 || !fields[0].empty()) return errors::password_hash_malformed;
    if (fields[1] != "argon2id") return Error{errors::password_hash_unsupported, "scheme"};
    if (fields.size() < 3 || fields[2] != "v=19") return Error{errors::password_hash_unsupported, "version"};
    if (fields.size() != 6) return errors::password_hash_malformed;
    ZEPHYR_TRY(auto const parameters, parse_numbers(fields[3]));
    auto salt = phc::from_base64(fields[4]);
    auto hash = phc::from_base64(fields[5]);
    if (!salt || !hash || salt->size() != salt_bytes || hash->size() != hash_bytes) return errors::password_hash_malformed;
    return Phc{parameters, std::move(*salt), std::move(*hash)};
}

[[noreturn]] void no_memory(Argon2Parameters parameters) {
    throw Fault{"crypto: Argon2 could not have its " + std::to_string(parameters.memory_kib) + " KiB of memory"};
}

std::size_t memory_bytes(Argon2Parameters parameters) {
    return std::size_t{parameters.memory_kib} * 1024;
}

// libsodium takes no null pointer, not even to nothing.
char const* characters(ByteView password) {
    return password.empty() ? "" : as_text(password).data();
}

Bytes argon2id(ByteView password, ByteView salt, Argon2Parameters parameters) {
    start_sodium();
    Bytes out(hash_bytes);
    if (crypto_pwhash_argon2id(raw(std::span{out}), out.size(), characters(password), password.size(), raw(salt),
                               parameters.passes, memory_bytes(parameters), crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
        no_memory(parameters);
    return out;
}

void check(Argon2Parameters parameters) {
    if (parameters.memory_kib < 8 || parameters.memory_kib > Argon2Parameters::max_memory_kib ||
        parameters.passes < 1 || parameters.passes > Argon2Parameters::max_passes)
        throw Fault{"crypto: Argon2 parameters out of bounds"};
}

}  // namespace

std::string argon2id_hash(ByteView password, Argon2Parameters parameters, Random& random) {
    check(parameters);
    auto const salt = random.bytes(salt_bytes);
    auto const hash = argon2id(password, salt, parameters);
    return "$argon2id$v=19$m=" + std::to_string(parameters.memory_kib) + ",t=" + std::to_string(parameters.passes) +
           ",p=1$" + phc::to_base64(salt) + "$" + phc::to_base64(hash);
}

std::string argon2id_hash(SecretText const& password, Argon2Parameters parameters, Random& random) {
    return argon2id_hash(as_bytes(password.reveal()), parameters, random);
}

Result<PasswordMatch> argon2id_verify(ByteView password, std::string_view text, Argon2Parameters wanted) {
    ZEPHYR_TRY(auto const stored, parse(text));
    if (!equal_constant_time(argon2id(password, stored.salt, stored.parameters), stored.hash)) return PasswordMatch::no;
    return stored.parameters == wanted ? PasswordMatch::yes : PasswordMatch::yes_but_outdated;
}

Result<PasswordMatch> argon2id_verify(SecretText const& password, std::string_view text, Argon2Parameters wanted) {
    return argon2id_verify(as_bytes(password.reveal()), text, wanted);
}

Result<Argon2Parameters> argon2id_parameters(std::string_view text) {
    ZEPHYR_TRY(auto const stored, parse(text));
    return stored.parameters;
}

}  // namespace zephyr::crypto
