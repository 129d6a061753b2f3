// A new password and what is known of its owner, from outside; and the header of a breach filter file.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "passwords/breach_filter_format.h"
#include "passwords/guessing.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/passwords/password_policy.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr;
    using namespace zephyr::passwords;
    static PasswordPolicy const policy{PolicySettings{}};
    std::string_view const text{reinterpret_cast<char const*>(data), size};

    // The first line is the password, the rest are words about the person.
    auto const end = text.find('\n');
    SecretText const password{std::string{text.substr(0, end)}};
    PolicyContext context{.has_second_factor = (size & 1) != 0, .words = {}};
    if (end != std::string_view::npos) context.words.emplace_back(text.substr(end + 1));
    auto const checked = policy.check(password, context);
    if (checked.ok()) {
        auto const& accepted = checked.value();
        auto const& normal = accepted.normalised.reveal();
        if (accepted.code_points < 8 || encoding::nfc(normal) != normal) std::abort();
        if (accepted.full_length != (accepted.code_points >= 15)) std::abort();
        if (!context.has_second_factor && !accepted.full_length) std::abort();
    } else if (checked.error().reason().empty()) {
        std::abort();  // a refusal always says why
    }

    for (auto const& word : words_of(context.words)) {
        if (word.find('\0') != std::string::npos) std::abort();
    }
    if (auto const header = breach::parse_header(as_bytes(text));
        header && breach::make_header(*header) != to_bytes(text))
        std::abort();
    return 0;
}
