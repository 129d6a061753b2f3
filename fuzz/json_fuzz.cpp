// Whatever parses must be written and read back equal, and stay within its limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/encoding/json.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::encoding;
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    auto const parsed = parse_json(text);
    if (!parsed.ok()) return 0;
    // Escapes make the text longer, never deeper.
    auto const again = parse_json(parsed.value().dump(), {.bytes = 1 << 24, .depth = 32});
    if (!again.ok() || !(again.value() == parsed.value())) std::abort();
    auto const pretty = parse_json(parsed.value().dump_pretty(), {.bytes = 1 << 26, .depth = 32});
    if (!pretty.ok() || !(pretty.value() == parsed.value())) std::abort();
    return 0;
}
