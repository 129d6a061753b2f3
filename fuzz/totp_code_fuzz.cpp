// A typed one-time code: nothing, or exactly six ASCII digits that read the same when read again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/mfa/totp.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::mfa;
    std::string_view const typed{reinterpret_cast<char const*>(data), size};
    auto const code = normalise_code(typed, 6);
    if (!code) return 0;
    if (code->size() != 6 || !std::all_of(code->begin(), code->end(), [](char c) { return c >= '0' && c <= '9'; }))
        std::abort();
    if (normalise_code(*code, 6) != code) std::abort();
    return 0;
}
