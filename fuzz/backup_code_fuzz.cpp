// A typed backup code: nothing, or sixteen characters of our alphabet that read the same when read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/mfa/backup_codes.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::mfa;
    std::string_view const typed{reinterpret_cast<char const*>(data), size};
    auto const code = normalise_backup_code(typed);
    if (!code) return 0;
    if (size > 256 || code->size() != selector_characters + secret_characters) std::abort();
    if (code->reveal().find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ") != std::string::npos) std::abort();
    auto const again = normalise_backup_code(code->reveal());
    if (!again || again->reveal() != code->reveal()) std::abort();
    return 0;
}
