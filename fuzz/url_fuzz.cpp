// Escapes, forms, origins, names and markup from hostile text.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/encoding/html_escape.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/encoding/url.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::encoding;
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    if (percent_decode(percent_encode(text)).value() != text) std::abort();
    if (auto const decoded = percent_decode(text); decoded.ok() && decoded.value().size() > text.size()) std::abort();
    if (auto const fields = parse_form(text); fields.ok()) {
        auto const again = parse_form(build_form(fields.value()), {.bytes = 1 << 20});
        // A field with neither name nor value is written as "=", which reads back; nothing is lost.
        if (!again.ok() || again.value() != fields.value()) std::abort();
    }
    if (auto const origin = parse_origin(text); origin.ok()) {
        auto const again = parse_origin(origin.value().str());
        if (!again.ok() || !(again.value() == origin.value())) std::abort();
    }
    if (auto const name = canonical_name(text); name && canonical_name(*name) != name) std::abort();
    auto const escaped = html_escape(text);
    if (escaped.find_first_of("<>\"'") != std::string::npos || !is_valid_utf8(escaped)) std::abort();
    return 0;
}
