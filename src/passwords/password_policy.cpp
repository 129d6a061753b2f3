#include "zephyr/passwords/password_policy.h"

#include <algorithm>
#include <unordered_set>

#include "passwords/embedded_words.h"
#include "passwords/guessing.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::passwords {

namespace {

constexpr std::string_view guidance = " Several unrelated words in a row are easy to remember and hard to guess.";

// C0, DEL and C1: not printable, and a form or a terminal may swallow them, so that the person could not sign in.
bool has_control_characters(std::string_view utf8) {
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        auto const byte = static_cast<unsigned char>(utf8[i]);
        if (byte < 0x20 || byte == 0x7F) return true;
        if (byte == 0xC2 && i + 1 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) < 0xA0) return true;
    }
    return false;
}

Error refuse(Failure failure, std::string reason) {
    return Error{failure}.with_reason(std::move(reason));
}

}  // namespace

struct PasswordPolicy::Words {
    std::unordered_set<std::string_view> common;
    std::vector<std::string> product;
};

PasswordPolicy::PasswordPolicy(PolicySettings settings, std::optional<BreachFilter> breaches)
    : settings_{std::move(settings)}, breaches_{std::move(breaches)}, words_{std::make_unique<Words>()} {
    for (auto const& [path, content] : embedded_words::files()) {
        for (auto const line : split(content, '\n')) {
            if (!line.empty()) words_->common.insert(line);
        }
    }
    if (words_->common.empty()) throw Fault{"the list of common passwords is missing from this build"};
    words_->product = words_of(settings_.product_words);
}

PasswordPolicy::~PasswordPolicy() = default;
PolicySettings const& PasswordPolicy::settings() const {
    return settings_;
}

//= NIST SP 800-63B-4, 3.1.1.2
// # Each Unicode code point SHALL be counted as a single character when evaluating password length.
Result<AcceptedPassword> PasswordPolicy::normalise(SecretText const& password) const {
    if (password.size() > settings_.most_bytes)
        return refuse(errors::too_long, "It is longer than " + std::to_string(settings_.most_bytes) + " bytes.");
    auto normalised = encoding::nfc(password.reveal());
    if (!normalised) return refuse(errors::malformed, "It is not valid text.");
    AcceptedPassword out;
    out.code_points = encoding::code_points(*normalised);
    out.full_length = out.code_points >= settings_.least_code_points;
    out.normalised = SecretText{std::move(*normalised)};
    return out;
}

Result<AcceptedPassword> PasswordPolicy::check(SecretText const& password, PolicyContext const& context) const {
    ZEPHYR_TRY(auto accepted, normalise(password));
    std::string_view const text = accepted.normalised.reveal();
    if (has_control_characters(text))
        return refuse(errors::malformed, "It contains a character that cannot be typed everywhere.");

    auto const least =
        context.has_second_factor ? settings_.least_code_points_with_second_factor : settings_.least_code_points;
    if (accepted.code_points < least) {
        return refuse(errors::too_short, "It has " + std::to_string(accepted.code_points) + " characters; at least " +
                                             std::to_string(least) + " are needed." + std::string{guidance});
    }
    SecretText const lower{ascii_lower(text)};
    if (words_->common.contains(text) || words_->common.contains(lower.reveal()))
        return refuse(errors::too_common, "That is one of the most used passwords." + std::string{guidance});
    if (breaches_ && breaches_->contains(text))
        return refuse(errors::breached, "It is known from a data breach, so attackers try it." + std::string{guidance});

    auto const unit = repeated_unit(text);
    if (unit != 0 && unit < settings_.least_code_points_with_second_factor)
        return refuse(errors::too_guessable, "It repeats the same characters." + std::string{guidance});
    auto const guess = estimate_guessability(text, words_of(context.words), words_->product);
    if (guess.entropy_bits < settings_.least_entropy_bits)
        return refuse(errors::too_guessable, guess.reason + std::string{guidance});
    return accepted;
}

}  // namespace zephyr::passwords
