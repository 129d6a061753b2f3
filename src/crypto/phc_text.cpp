#include "crypto/phc_text.h"

#include <sodium.h>

#include "zephyr/foundation/text.h"

namespace zephyr::crypto::phc {

std::string to_base64(ByteView bytes) {
    std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING), '\0');
    sodium_bin2base64(out.data(), out.size(), raw(bytes), bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    out.pop_back();  // the terminating zero
    return out;
}

std::optional<Bytes> from_base64(std::string_view text, Padding padding) {
    if (text.empty()) return Bytes{};
    Bytes out(text.size());
    std::size_t written = 0;
    char const* end = nullptr;
    auto const variant =
        padding == Padding::none ? sodium_base64_VARIANT_ORIGINAL_NO_PADDING : sodium_base64_VARIANT_ORIGINAL;
    if (sodium_base642bin(raw(std::span{out}), out.size(), text.data(), text.size(), nullptr, &written, &end,
                          variant) != 0 ||
        end != text.data() + text.size())
        return std::nullopt;
    out.resize(written);
    return out;
}

std::optional<std::int64_t> number(std::string_view text) {
    if (text == "0") return 0;
    if (text.empty() || text[0] < '1' || text[0] > '9') return std::nullopt;
    return parse_integer(text);
}

std::optional<std::int64_t> parameter(std::string_view text, std::string_view name) {
    if (!text.starts_with(name) || text.size() <= name.size() || text[name.size()] != '=') return std::nullopt;
    return number(text.substr(name.size() + 1));
}

}  // namespace zephyr::crypto::phc
