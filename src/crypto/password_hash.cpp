#include "zephyr/crypto/password_hash.h"

#include <sodium.h>
#include <sys/mman.h>

#include <array>
#include <optional>
#include <vector>

#include "crypto/sodium_start.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::crypto {

namespace {

constexpr std::size_t salt_bytes = crypto_pwhash_argon2id_SALTBYTES;
constexpr std::size_t hash_bytes = 32;
static_assert(salt_bytes == 16);
constexpr std::uint32_t max_lanes = 16;
constexpr std::size_t longest_phc = crypto_pwhash_argon2id_STRBYTES - 1;

struct Phc {
    bool argon2id;  // or argon2i
    Argon2Parameters parameters;
    std::uint32_t lanes;
    Bytes salt;
    Bytes hash;
    // What we write ourselves; everything else is an import.
    bool ours() const { return argon2id && lanes == 1 && salt.size() == salt_bytes && hash.size() == hash_bytes; }
};

std::string to_base64(ByteView bytes) {
    std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING), '\0');
    sodium_bin2base64(out.data(), out.size(), raw(bytes), bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    out.pop_back();  // the terminating zero
    return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
    if (text.empty()) return Bytes{};
    Bytes out(text.size());
    std::size_t written = 0;
    char const* end = nullptr;
    if (sodium_base642bin(raw(std::span{out}), out.size(), text.data(), text.size(), nullptr, &written, &end,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
        end != text.data() + text.size())
        return std::nullopt;
    out.resize(written);
    return out;
}

// "m=19456": a decimal without sign or leading zero. The PHC string format: "decimal encoding ... minimal-length".
std::optional<std::int64_t> parameter(std::string_view text, char name) {
    if (text.size() < 3 || text[0] != name || text[1] != '=' || text[2] < '1' || text[2] > '9') return std::nullopt;
    return parse_integer(text.substr(2));
}

Result<Phc> parse_numbers(std::string_view text, bool argon2id) {
    auto const numbers = split(text, ',');
    if (numbers.size() > 3) return Error{errors::password_hash_unsupported, "keyid or data"};
    if (numbers.size() < 3) return errors::password_hash_malformed;
    auto const memory = parameter(numbers[0], 'm');
    auto const passes = parameter(numbers[1], 't');
    auto const lanes = parameter(numbers[2], 'p');
    if (!memory || !passes || !lanes) return errors::password_hash_malformed;
    if (*lanes > max_lanes) return Error{errors::password_hash_unsupported, "lanes"};
    // RFC 9106 3.1: "Memory size m MUST be an integer number of kibibytes from 8*p to 2^(32)-1."
    if (*memory < 8 * *lanes) return errors::password_hash_malformed;
    if (*memory > Argon2Parameters::max_memory_kib || *passes > Argon2Parameters::max_passes)
        return errors::password_hash_too_costly;
    return Phc{argon2id,
               {static_cast<std::uint32_t>(*memory), static_cast<std::uint32_t>(*passes)},
               static_cast<std::uint32_t>(*lanes),
               {},
               {}};
}

Result<Phc> parse(std::string_view text) {
    if (text.size() > longest_phc) return Error{errors::password_hash_unsupported, "too long"};
    if (text.find('\0') != std::string_view::npos) return errors::password_hash_malformed;
    auto const fields = split(text, '$');
    if (fields.size() < 2 || !fields[0].empty()) return errors::password_hash_malformed;
    if (fields[1] != "argon2id" && fields[1] != "argon2i") return Error{errors::password_hash_unsupported, "scheme"};
    if (fields.size() < 3 || !fields[2].starts_with("v=")) return Error{errors::password_hash_unsupported, "version"};
    if (fields[2] != "v=19") return Error{errors::password_hash_unsupported, "version"};
    if (fields.size() != 6) return errors::password_hash_malformed;
    ZEPHYR_TRY(auto phc, parse_numbers(fields[3], fields[1] == "argon2id"));
    auto salt = from_base64(fields[4]);
    auto hash = from_base64(fields[5]);
    constexpr std::size_t shortest_salt = 8;
    constexpr std::size_t shortest_hash = 16;
    if (!salt || !hash || salt->size() < shortest_salt || hash->size() < shortest_hash)
        return errors::password_hash_malformed;
    phc.salt = std::move(*salt);
    phc.hash = std::move(*hash);
    return phc;
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

// Imports: argon2i, several lanes, other lengths. libsodium's string form of the call does these, but answers a lack
// of memory as it answers a wrong password (both EINVAL in 1.0.18), so a "no" is believed only while as much memory
// can be had. What we write ourselves doesn't come here, and an import does so until its first sign-in.
bool matches_import(ByteView password, std::string_view text, Phc const& phc) {
    start_sodium();
    std::string const terminated{text};
    auto const verify = phc.argon2id ? crypto_pwhash_argon2id_str_verify : crypto_pwhash_argon2i_str_verify;
    if (verify(terminated.c_str(), characters(password), password.size()) == 0) return true;
    auto const size = memory_bytes(phc.parameters);
    void* const probe = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) no_memory(phc.parameters);
    ::munmap(probe, size);
    return false;
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
           ",p=1$" + to_base64(salt) + "$" + to_base64(hash);
}

std::string argon2id_hash(SecretText const& password, Argon2Parameters parameters, Random& random) {
    return argon2id_hash(as_bytes(password.reveal()), parameters, random);
}

Result<PasswordMatch> argon2id_verify(ByteView password, std::string_view text, Argon2Parameters wanted) {
    ZEPHYR_TRY(auto const phc, parse(text));
    bool const match = phc.ours() ? equal_constant_time(argon2id(password, phc.salt, phc.parameters), phc.hash)
                                  : matches_import(password, text, phc);
    if (!match) return PasswordMatch::no;
    return phc.ours() && phc.parameters == wanted ? PasswordMatch::yes : PasswordMatch::yes_but_outdated;
}

Result<PasswordMatch> argon2id_verify(SecretText const& password, std::string_view text, Argon2Parameters wanted) {
    return argon2id_verify(as_bytes(password.reveal()), text, wanted);
}

Result<Argon2Parameters> argon2id_parameters(std::string_view text) {
    ZEPHYR_TRY(auto const phc, parse(text));
    return phc.parameters;
}

}  // namespace zephyr::crypto
