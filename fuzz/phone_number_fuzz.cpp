// Telephone numbers as people type them: whatever comes in, what comes out is a number of E.164, the same when read again, and made of the
// input's digits alone.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "mfa/phone_number.h"
#include "zephyr/encoding/unicode.h"

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    using namespace zephyr;
    std::string const typed{reinterpret_cast<char const*>(data), size};
    auto const number = mfa::e164(typed);
    mfa::shown_address(typed);
    if (!number) return 0;
    check(number->size() >= 9 && number->size() <= 16 && number->front() == '+' && (*number)[1] != '0');
    check(number->find_first_not_of("0123456789", 1) == std::string::npos);
    check(mfa::e164(*number) == number);

    // A subsequence of the digits that were typed: nothing is made up or moved.
    auto const digits = encoding::ascii_digits(typed);
    check(digits.has_value());
    auto at = digits->begin();
    for (auto const digit : number->substr(1)) {
        at = std::find(at, digits->end(), digit);
        check(at != digits->end());
        ++at;
    }

    std::vector<std::string> const prefixes{"+1", "+49", "+1415", number->substr(0, 3)};
    auto const prefix = mfa::allowed_prefix(*number, prefixes);
    check(prefix && number->starts_with(*prefix) && prefix->size() >= 3);
    auto const shown = mfa::shown_number(*number, *prefix);
    check(shown.starts_with(*prefix) && shown.ends_with(number->substr(number->size() - 2)));
    return 0;
}
