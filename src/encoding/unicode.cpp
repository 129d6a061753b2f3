#include "zephyr/encoding/unicode.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf8.h>

#include <cstdint>
#include <limits>

#include "zephyr/foundation/fault.h"

namespace zephyr::encoding {

namespace {

constexpr std::size_t longest_name_bytes = 254;
// Folding can shorten (full-width letters take three bytes), so what comes in may be longer than what goes out.
constexpr std::size_t longest_name_input_bytes = 1024;

// Calls `see(code point, first byte, length)` for each code point; -1 for each invalid sequence.
template <class See>
void each_code_point(std::string_view text, See see) {
    auto const* const bytes = reinterpret_cast<std::uint8_t const*>(text.data());
    std::size_t const size = text.size();
    for (std::size_t i = 0; i < size;) {
        std::size_t const start = i;
        UChar32 point = 0;
        U8_NEXT(bytes, i, size, point);
        see(point, start, i - start);
    }
}

UNormalizer2 const* normalizer(UNormalizer2 const* (*instance)(UErrorCode*)) {
    UErrorCode status = U_ZERO_ERROR;
    auto const* const found = instance(&status);
    if (U_FAILURE(status)) throw Fault{"ICU has no normalization data"};
    return found;
}

// UTF-8 in, normalised UTF-8 out. The text must be valid.
std::string normalise(UNormalizer2 const* form, std::string_view text) {
    std::u16string wide;
    wide.reserve(text.size());
    each_code_point(text, [&](UChar32 point, std::size_t, std::size_t) {
        if (U_IS_BMP(point)) {
            wide += static_cast<char16_t>(point);
        } else {
            wide += static_cast<char16_t>(U16_LEAD(point));
            wide += static_cast<char16_t>(U16_TRAIL(point));
        }
    });
    if (wide.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max() / 32))
        throw Fault{"text too long to normalise"};

    std::u16string out(wide.size() + 16, u'\0');
    for (;;) {
        UErrorCode status = U_ZERO_ERROR;
        auto const needed = unorm2_normalize(form, wide.data(), static_cast<std::int32_t>(wide.size()), out.data(),
                                             static_cast<std::int32_t>(out.size()), &status);
        if (status == U_BUFFER_OVERFLOW_ERROR) {
            out.resize(static_cast<std::size_t>(needed));
            continue;
        }
        if (U_FAILURE(status)) throw Fault{"ICU could not normalise"};
        out.resize(static_cast<std::size_t>(needed));
        break;
    }

    std::string result;
    result.reserve(out.size() * 2);
    for (std::size_t i = 0; i < out.size();) {
        UChar32 point = 0;
        U16_NEXT(out, i, out.size(), point);
        char buffer[U8_MAX_LENGTH];
        std::size_t length = 0;
        U8_APPEND_UNSAFE(buffer, length, point);
        result.append(buffer, length);
    }
    return result;
}

bool is_hidden(UChar32 point) {
    if (point < 0) return true;
    switch (u_charType(point)) {
        case U_CONTROL_CHAR:
        case U_FORMAT_CHAR:  // bidi controls, zero-width joiners, soft hyphen, tags
        case U_SURROGATE:
        case U_PRIVATE_USE_CHAR:
        case U_UNASSIGNED:  // non-characters too
        case U_LINE_SEPARATOR:
        case U_PARAGRAPH_SEPARATOR: return true;
        default: break;
    }
    // Fillers and variation selectors are letters and marks by category, and yet draw nothing.
    return u_hasBinaryProperty(point, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0;
}

bool is_blank(UChar32 point) {
    return point >= 0 && u_hasBinaryProperty(point, UCHAR_WHITE_SPACE) != 0;
}

}  // namespace

std::string_view trim_blanks(std::string_view text) {
    std::size_t first = text.size();
    std::size_t last = 0;
    each_code_point(text, [&](UChar32 point, std::size_t start, std::size_t length) {
        if (is_blank(point)) return;
        if (first == text.size()) first = start;
        last = start + length;
    });
    return first == text.size() ? std::string_view{} : text.substr(first, last - first);
}

namespace {

bool fit_for_a_name(std::string_view text) {
    bool fit = !text.empty();
    each_code_point(
        text, [&](UChar32 point, std::size_t, std::size_t) { fit = fit && !is_hidden(point) && !is_blank(point); });
    return fit;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
    bool valid = true;
    each_code_point(text, [&](UChar32 point, std::size_t, std::size_t) { valid = valid && point >= 0; });
    return valid;
}

std::string to_valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    each_code_point(text, [&](UChar32 point, std::size_t start, std::size_t length) {
        if (point < 0) {
            out += "\xEF\xBF\xBD";
        } else {
            out += text.substr(start, length);
        }
    });
    return out;
}

std::optional<std::string> nfc(std::string_view text) {
    if (!is_valid_utf8(text)) return std::nullopt;
    return normalise(normalizer(unorm2_getNFCInstance), text);
}

std::optional<std::string> canonical_name(std::string_view text) {
    if (text.size() > longest_name_input_bytes) return std::nullopt;
    auto const trimmed = trim_blanks(text);
    // Before the mapping, which drops invisible characters silently; after it, since it can make blanks (U+00A8
    // becomes a blank and a combining mark).
    if (!fit_for_a_name(trimmed)) return std::nullopt;
    auto mapped = normalise(normalizer(unorm2_getNFKCCasefoldInstance), trimmed);
    if (!fit_for_a_name(mapped) || mapped.size() > longest_name_bytes) return std::nullopt;
    return mapped;
}

std::size_t code_points(std::string_view text) {
    std::size_t count = 0;
    each_code_point(text, [&](UChar32, std::size_t, std::size_t) { ++count; });
    return count;
}

bool has_hidden_characters(std::string_view text) {
    bool hidden = false;
    each_code_point(text, [&](UChar32 point, std::size_t, std::size_t) { hidden = hidden || is_hidden(point); });
    return hidden;
}

std::optional<std::string> ascii_digits(std::string_view text) {
    if (!is_valid_utf8(text)) return std::nullopt;
    std::string out;
    out.reserve(text.size());
    each_code_point(text, [&](UChar32 point, std::size_t start, std::size_t length) {
        if (auto const value = u_charDigitValue(point); value >= 0) {
            out += static_cast<char>('0' + value);
        } else {
            out += text.substr(start, length);
        }
    });
    return out;
}

}  // namespace zephyr::encoding
