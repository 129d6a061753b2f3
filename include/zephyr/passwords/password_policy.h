// Which new passwords are accepted (NIST SP 800-63B-4, 3.1.1.2): length, and not being easy to guess. No rules about
// kinds of characters, no expiry. Every refusal carries a reason in plain words for the person who chose it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/passwords/breach_filter.h"

namespace zephyr::passwords {

namespace errors {
inline constexpr Failure too_short{Kind::invalid, "passwords.too_short"};
inline constexpr Failure too_long{Kind::invalid, "passwords.too_long"};
// Not UTF-8, or holds control characters.
inline constexpr Failure malformed{Kind::invalid, "passwords.malformed"};
inline constexpr Failure too_common{Kind::invalid, "passwords.too_common"};
inline constexpr Failure breached{Kind::invalid, "passwords.breached"};
inline constexpr Failure too_guessable{Kind::invalid, "passwords.too_guessable"};
}  // namespace errors

struct PolicySettings {
    std::size_t least_code_points = 15;  // when the password is the only factor
    std::size_t least_code_points_with_second_factor = 8;
    std::size_t most_bytes = 1024;     // as typed, before anything is computed
    double least_entropy_bits = 36.0;  // by zxcvbn's estimate: some 7 * 10^10 guesses
    // Words nobody's password may lean on: the product, the issuer's host, the organisation.
    std::vector<std::string> product_words = {"zephyr"};
};

// What is known of the person choosing.
struct PolicyContext {
    bool has_second_factor = false;
    // User name, e-mail, display name; taken apart into words here.
    std::vector<std::string> words;
};

struct AcceptedPassword {
    SecretText normalised;  // NFC
    std::size_t code_points = 0;
    bool full_length = false;  // long enough to stand alone
};

class PasswordPolicy {
public:
    explicit PasswordPolicy(PolicySettings settings, std::optional<BreachFilter> breaches = std::nullopt);
    PasswordPolicy(PasswordPolicy const&) = delete;
    PasswordPolicy& operator=(PasswordPolicy const&) = delete;
    ~PasswordPolicy();

    // Errors: too_long, malformed, too_short, too_common, breached, too_guessable; each with a reason().
    Result<AcceptedPassword> check(SecretText const& password, PolicyContext const& context) const;
    // Normalised as for hashing, without judging it. Errors: too_long, malformed.
    Result<AcceptedPassword> normalise(SecretText const& password) const;
    PolicySettings const& settings() const;

private:
    struct Words;
    PolicySettings settings_;
    std::optional<BreachFilter> breaches_;
    std::unique_ptr<Words> words_;
};

}  // namespace zephyr::passwords
