#include "tlog/lines.h"

#include <algorithm>
#include <charconv>

#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/unicode.h"

namespace zephyr::tlog {

std::optional<std::string_view> take_line(std::string_view& rest) {
    auto const end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    auto const line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    std::uint64_t number = 0;
    auto const [end, outcome] = std::from_chars(text.data(), text.data() + text.size(), number);  // takes no '+', and no '-' for unsigned
    if (outcome != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string hash_text(Hash const& hash) {
    return encoding::base64_encode(hash);
}

std::optional<Hash> parse_hash(std::string_view base64) {
    auto const bytes = encoding::base64_decode(base64);
    Hash hash{};
    if (!bytes.ok() || bytes.value().size() != hash.size()) return std::nullopt;
    std::ranges::copy(bytes.value(), hash.begin());
    return hash;
}

bool is_note_characters(std::string_view text) {
    auto const forbidden = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
    return std::ranges::none_of(text, forbidden) && encoding::is_valid_utf8(text);
}

}  // namespace zephyr::tlog
