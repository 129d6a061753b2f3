// What crypt(5) knows, computed by libcrypt: bcrypt, sha-crypt, scrypt in its $7$ form, yescrypt.
#include <crypt.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "crypto/foreign_scheme.h"
#include "crypto/phc_text.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/foundation/text.h"

namespace zephyr::crypto::foreign {

namespace {

// crypt(5)'s own base 64, whose digits stand in the order of ASCII.
constexpr std::string_view crypt_digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view bcrypt_digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool only(std::string_view text, std::string_view alphabet) {
    return text.find_first_not_of(alphabet) == std::string_view::npos;
}

// bcrypt's key is the first 72 bytes of the password; nothing tells the rest apart.
constexpr std::size_t bcrypt_bytes = 72;

// libcrypt's working memory, some 32 KiB, wiped: it keeps traces of the password.
struct WipedData {
    void operator()(crypt_data* data) const {
        wipe(data, sizeof *data);
        delete data;
    }
};

class Crypt : public ForeignScheme {
public:
    Crypt(std::string_view name, std::string_view text, std::string_view hash, double memory, double weight, std::size_t used_bytes)
        : name_{name}, text_{text}, hash_{hash}, memory_{memory}, weight_{weight}, used_bytes_{used_bytes} {}

    std::string_view name() const override { return name_; }
    double memory_kib() const override { return memory_; }
    double weight() const override { return weight_; }

    ForeignMatch matches(ByteView password) const override {
        auto const used = password.first(std::min(password.size(), used_bytes_));
        bool const cut = used.size() < password.size();
        bool const possible = as_text(used).find('\0') == std::string_view::npos;
        SecretText const phrase{to_text(used)};
        std::unique_ptr<crypt_data, WipedData> const data{new crypt_data};
        std::memset(data.get(), 0, sizeof *data);
        errno = 0;
        char const* const made = ::crypt_rn(phrase.reveal().c_str(), text_.c_str(), data.get(), sizeof *data);
        if (made == nullptr) throw Fault{"crypto: libcrypt failed at " + name_ + ": " + std::strerror(errno)};
        // Only the last part: what stands before it is public, and libcrypt may spell a salt in another way.
        std::string_view const whole{made};
        auto const digest = whole.substr(whole.size() - std::min(whole.size(), hash_.size()));
        bool const same = equal_constant_time(digest, hash_);
        if (!possible || !same) return ForeignMatch::no;
        // Where only so much of a password counts, the rest went unlooked at; elsewhere longer ones were never accepted.
        if (cut) return used_bytes_ == bcrypt_bytes ? ForeignMatch::yes_in_part : ForeignMatch::no;
        return ForeignMatch::yes;
    }

protected:
    std::size_t used_bytes() const { return used_bytes_; }

private:
    std::string name_;
    std::string text_;
    std::string hash_;
    double memory_;
    double weight_;
    std::size_t used_bytes_;
};

// libcrypt takes no longer phrase, so no hash of one comes from there.
constexpr std::size_t longest_phrase = CRYPT_MAX_PASSPHRASE_SIZE - 1;

// A round of sha-crypt hashes a digest, the password once or twice (13 times in 7 rounds) and the salt two times in three.
class ShaCrypt final : public Crypt {
public:
    ShaCrypt(bool sha512, std::string_view text, std::string_view hash, double weight)
        : Crypt{sha512 ? "sha512-crypt" : "sha256-crypt", text, hash, 1, weight, longest_phrase}, digest_bytes_{sha512 ? 64.0 : 32.0} {}
    double weight_for(std::size_t password_bytes) const override {
        constexpr std::size_t usual = 8;
        return weight() * bytes_a_round(std::max(std::min(password_bytes, used_bytes()), usual)) / bytes_a_round(usual);
    }

private:
    double bytes_a_round(std::size_t password_bytes) const {
        constexpr double salt_and_padding = 24;
        return digest_bytes_ + salt_and_padding + static_cast<double>(password_bytes) * 13 / 7;
    }
    double digest_bytes_;
};

Parsed made(std::string_view name, std::string_view text, std::string_view hash, double memory, double weight,
            std::size_t used_bytes = longest_phrase) {
    return std::shared_ptr<ForeignScheme const>{std::make_shared<Crypt>(name, text, hash, memory, weight, used_bytes)};
}

// RFC 7914 6: V takes 128·r·N bytes, B 128·r·p.
double scrypt_kib(double n, double r, double p) {
    return r * (n + p) / 8;
}

// libcrypt takes no smaller N, and nobody would.
constexpr std::size_t least_log_n = 2;

// Whole bytes, lowest bits first, the bits that are left over zero: libcrypt refuses other salts of yescrypt.
bool holds_whole_bytes(std::string_view digits) {
    switch (auto const last = digits.empty() ? 0 : crypt_digits.find(digits.back()); digits.size() % 4) {
        case 0: return true;
        case 2: return last < 4;
        case 3: return last < 16;
        default: return false;
    }
}

// Thirty bits in five digits, lowest first.
std::uint32_t thirty_bits(std::string_view digits) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 5; ++i) value |= static_cast<std::uint32_t>(crypt_digits.find(digits[i])) << (6 * i);
    return value;
}

}  // namespace

// "$2b$12$" and 22 digits of salt and 31 of hash.
Parsed read_bcrypt(std::string_view text, Fields const& fields) {
    constexpr std::size_t salt_digits = 22;
    constexpr std::size_t hash_digits = 31;
    // $2x$ marks hashes of an old bug that makes different passwords equal; $2$ ended before the century did.
    if (fields[1] != "2a" && fields[1] != "2b" && fields[1] != "2y") return unsupported("this variant of bcrypt");
    if (fields.size() != 4 || fields[2].size() != 2 || !only(fields[2], "0123456789"))
        return malformed("bcrypt has a cost of two digits");
    auto const cost = (fields[2][0] - '0') * 10 + (fields[2][1] - '0');
    if (cost < 4 || cost > 31) return malformed("bcrypt's cost is from 4 to 31");
    auto const rest = fields[3];
    if (rest.size() != salt_digits + hash_digits || !only(rest, bcrypt_digits))
        return malformed("bcrypt has 53 digits of salt and hash");
    // 31 digits hold two bits more than 23 bytes do.
    if (bcrypt_digits.find(rest.back()) % 4 != 0) return malformed("the last digit of bcrypt's hash can't be that");
    constexpr double rounds_of_weight_one = 700;
    auto const weight = static_cast<double>(1U << cost) / rounds_of_weight_one;
    return made("bcrypt", text, rest.substr(salt_digits), 5, weight, bcrypt_bytes);
}

// "$6$rounds=656000$salt$hash"; without rounds there are 5000.
Parsed read_sha_crypt(std::string_view text, Fields const& fields) {
    bool const sha512 = fields[1] == "6";
    std::int64_t rounds = 5000;
    auto const said = fields.size() > 2 && fields[2].starts_with("rounds=");
    if (fields.size() != (said ? 5U : 4U)) return malformed("sha-crypt has salt and hash");
    if (said) {
        auto const number = phc::parameter(fields[2], "rounds");
        // The specification, 3: "N is an unsigned decimal number with the following modification: if N is below 1000 it is
        // 1000, above 999,999,999 it is that". Nobody writes such a hash, so it is refused rather than bent.
        if (!number || *number < 1000) return malformed("the rounds of sha-crypt are a whole number of at least 1000");
        rounds = *number;
    }
    auto const salt = fields[fields.size() - 2];
    auto const hash = fields.back();
    if (salt.size() > 16 || salt.find_first_of("!*:;\\") != std::string_view::npos)
        return malformed("sha-crypt's salt has up to 16 characters");
    if (hash.size() != (sha512 ? 86U : 43U) || !only(hash, crypt_digits))
        return malformed("sha-crypt's hash has another length or other digits");
    constexpr double rounds_of_weight_one = 100'000;
    return std::shared_ptr<ForeignScheme const>{
        std::make_shared<ShaCrypt>(sha512, text, hash, static_cast<double>(rounds) / rounds_of_weight_one)};
}

// "$7$" and one digit of log2 N, five of r, five of p, the salt, "$" and 43 digits of hash.
Parsed read_crypt_scrypt(std::string_view text, Fields const& fields) {
    constexpr std::size_t numbers = 11;
    constexpr std::size_t longest_salt = 64;
    if (fields.size() != 4 || fields[2].size() <= numbers || !only(fields[2], crypt_digits))
        return malformed("$7$ has parameters, salt and hash");
    if (fields[2].size() > numbers + longest_salt) return unsupported("salt or hash is too long");
    if (fields[3].size() != 43 || !only(fields[3], crypt_digits)) return malformed("the hash of $7$ has 43 digits");
    auto const log_n = crypt_digits.find(fields[2][0]);
    auto const r = thirty_bits(fields[2].substr(1, 5));
    auto const p = thirty_bits(fields[2].substr(6, 5));
    if (log_n < least_log_n || r < 1 || p < 1) return malformed("N, r or p of $7$ is too small");
    auto const n = static_cast<double>(std::uint64_t{1} << log_n);
    return made("scrypt", text, fields[3], scrypt_kib(n, r, p), n * r * p / 88'000);
}

// "$y$j9T$salt$hash": what crypt(5) makes by itself. Other flavours and the parameters p, t, g and NROM are a text of their own
// that nobody writes.
Parsed read_yescrypt(std::string_view text, Fields const& fields) {
    constexpr std::size_t one_digit_numbers = 48;  // from there on a number has more digits
    constexpr std::size_t longest_salt = 86;
    if (fields.size() != 5) return malformed("yescrypt has parameters, salt and hash");
    auto const& numbers = fields[2];
    if (numbers.size() != 3 || numbers[0] != 'j') return unsupported("these parameters of yescrypt");
    auto const log_n = crypt_digits.find(numbers[1]);
    auto const r = crypt_digits.find(numbers[2]);
    if (log_n >= one_digit_numbers || r >= one_digit_numbers) return unsupported("these parameters of yescrypt");
    auto const& salt = fields[3];
    if (salt.empty() || salt.size() > longest_salt || !only(salt, crypt_digits) || !holds_whole_bytes(salt))
        return malformed("yescrypt's salt has up to 86 digits that hold whole bytes");
    if (fields[4].size() != 43 || !only(fields[4], crypt_digits)) return malformed("yescrypt's hash has 43 digits");
    // Both numbers start at 1.
    if (log_n + 1 < least_log_n) return malformed("N of yescrypt is too small");
    auto const n = static_cast<double>(std::uint64_t{1} << (log_n + 1));
    auto const block = static_cast<double>(r + 1);
    return made("yescrypt", text, fields[4], scrypt_kib(n, block, 1), n * block / 230'000);
}

}  // namespace zephyr::crypto::foreign
