// Argon2 of other makes: several lanes, Argon2i and Argon2d, version 1.0, other lengths. libsodium, which computes ours, has one lane.
#include <argon2.h>

#include "crypto/foreign_scheme.h"
#include "crypto/phc_text.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::crypto::foreign {

namespace {

constexpr std::int64_t most_lanes = 16;
constexpr std::size_t shortest_salt = ARGON2_MIN_SALT_LENGTH;
constexpr std::size_t shortest_hash = 16;
constexpr std::size_t longest_part = 64;  // of salt and of hash

class Argon2 : public ForeignScheme {
public:
    argon2_type type = Argon2_id;
    argon2_version version = ARGON2_VERSION_13;
    std::uint32_t memory = 0;  // KiB
    std::uint32_t passes = 0;
    std::uint32_t lanes = 0;
    Bytes salt;
    Bytes hash;

    std::string_view name() const override { return type == Argon2_id ? "argon2id" : type == Argon2_i ? "argon2i" : "argon2d"; }
    double memory_kib() const override { return memory; }
    double weight() const override { return Argon2Parameters{memory, passes}.weight(); }

    ForeignMatch matches(ByteView password) const override {
        Bytes out(hash.size());
        // The library promises to write to none of its inputs unless flags ask it to clear them.
        argon2_context context{};
        context.out = raw(std::span{out});
        context.outlen = static_cast<std::uint32_t>(out.size());
        context.pwd = const_cast<std::uint8_t*>(raw(password));
        context.pwdlen = static_cast<std::uint32_t>(password.size());
        context.salt = const_cast<std::uint8_t*>(raw(salt));
        context.saltlen = static_cast<std::uint32_t>(salt.size());
        context.t_cost = passes;
        context.m_cost = memory;
        context.lanes = lanes;
        context.threads = 1;  // the gate counts one thread for each hash
        context.version = version;
        context.flags = ARGON2_DEFAULT_FLAGS;
        if (auto const outcome = argon2_ctx(&context, type); outcome != ARGON2_OK) {
            throw Fault{"crypto: Argon2 of " + std::to_string(memory) + " KiB failed: " + argon2_error_message(outcome)};
        }
        return equal_constant_time(out, hash) ? ForeignMatch::yes : ForeignMatch::no;
    }
};

Result<void> read_numbers(std::string_view text, Argon2& out) {
    auto const numbers = split(text, ',');
    if (numbers.size() > 3) return unsupported("keyid and data of Argon2");
    if (numbers.size() < 3) return malformed("Argon2 needs m, t and p");
    auto const memory = phc::parameter(numbers[0], "m");
    auto const passes = phc::parameter(numbers[1], "t");
    auto const lanes = phc::parameter(numbers[2], "p");
    if (!memory || !passes || !lanes || *passes < 1 || *lanes < 1) return malformed("m, t and p of Argon2 must be whole numbers");
    if (*lanes > most_lanes) return unsupported("more than " + std::to_string(most_lanes) + " lanes of Argon2");
    // RFC 9106 3.1: "Memory size m MUST be an integer number of kibibytes from 8*p to 2^(32)-1."
    if (*memory < 8 * *lanes || *memory > UINT32_MAX) return malformed("Argon2's memory must be from 8p to 2^32-1 KiB");
    // RFC 9106 3.1: "Number of passes t ... MUST be an integer value from 1 to 2^(32)-1."
    if (*passes > UINT32_MAX) return malformed("Argon2's passes must be less than 2^32");
    out.memory = static_cast<std::uint32_t>(*memory);
    out.passes = static_cast<std::uint32_t>(*passes);
    out.lanes = static_cast<std::uint32_t>(*lanes);
    return success();
}

}  // namespace

Parsed read_argon2(Fields const& fields) {
    auto out = std::make_shared<Argon2>();
    if (fields[1] == "argon2i")
        out->type = Argon2_i;
    else if (fields[1] == "argon2d")
        out->type = Argon2_d;
    else if (fields[1] != "argon2id")
        return unsupported("its kind is unknown");

    // The reference implementation wrote no version before 1.3.
    bool const versioned = fields.size() > 2 && fields[2].starts_with("v=");
    out->version = versioned ? ARGON2_VERSION_13 : ARGON2_VERSION_10;
    if (versioned && fields[2] == "v=16")
        out->version = ARGON2_VERSION_10;
    else if (versioned && fields[2] != "v=19")
        return unsupported("this version of Argon2");
    std::size_t const numbers = versioned ? 3 : 2;
    if (fields.size() != numbers + 3) return malformed("Argon2 has parameters, salt and hash");
    ZEPHYR_CHECK(read_numbers(fields[numbers], *out));

    auto salt = phc::from_base64(fields[numbers + 1]);
    auto hash = phc::from_base64(fields[numbers + 2]);
    if (!salt || !hash) return malformed("salt and hash must be base64 without padding");
    if (salt->size() < shortest_salt || hash->size() < shortest_hash) return malformed("salt or hash is too short");
    if (salt->size() > longest_part || hash->size() > longest_part) return unsupported("salt or hash is too long");
    out->salt = std::move(*salt);
    out->hash = std::move(*hash);
    return std::shared_ptr<ForeignScheme const>{std::move(out)};
}

}  // namespace zephyr::crypto::foreign
