#include "storage/values.h"

#include <algorithm>

namespace zephyr::storage {

namespace {

// How many bytes the UTF-8 sequence at `text` has by Unicode 15, table 3-7; 0 when it is malformed.
std::size_t sequence_length(std::string_view text) {
    auto const at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    auto const within = [&](std::size_t i, unsigned low, unsigned high) { return at(i) >= low && at(i) <= high; };
    auto const tail = [&](std::size_t i) { return within(i, 0x80, 0xbf); };
    unsigned const first = at(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        unsigned const low = first == 0xe0 ? 0xa0 : 0x80;   // no overlong forms
        unsigned const high = first == 0xed ? 0x9f : 0xbf;  // no surrogates
        return within(1, low, high) && tail(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        unsigned const low = first == 0xf0 ? 0x90 : 0x80;
        unsigned const high = first == 0xf4 ? 0x8f : 0xbf;  // nothing above U+10FFFF
        return within(1, low, high) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

bool is_storable(std::string_view text) {
    while (!text.empty()) {
        if (text.front() == '\0') return false;
        auto const length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

template <class T>
T const& held(Values const& columns, std::size_t column, char const* type) {
    if (auto const* value = std::get_if<T>(&columns.at(column))) return *value;
    throw Fault{"storage: column " + std::to_string(column) + " holds no " + type};
}

}  // namespace

void check_values(Values const& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        auto const* text = std::get_if<std::string>(&values[i]);
        if (text && !is_storable(*text)) {
            throw Fault{"storage: the text bound to $" + std::to_string(i + 1) + " is not UTF-8 without NUL"};
        }
    }
}

std::string first_word(std::string_view sql) {
    auto const blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
    for (;;) {
        while (!sql.empty() && blank(sql.front())) sql.remove_prefix(1);
        if (!sql.starts_with("--")) break;
        sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
    }
    std::string word;
    for (char const c : sql) {
        if (c >= 'a' && c <= 'z') {
            word += static_cast<char>(c - 'a' + 'A');
        } else if (c >= 'A' && c <= 'Z') {
            word += c;
        } else {
            break;
        }
    }
    return word;
}

bool changes_rows(std::string_view sql) {
    auto const word = first_word(sql);
    return word == "INSERT" || word == "UPDATE" || word == "DELETE" || word == "WITH";
}

std::string excerpt(std::string_view sql) {
    std::string out{sql.substr(0, 120)};
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
}

std::int64_t Row::integer(std::size_t column) const {
    return held<std::int64_t>(columns_, column, "integer");
}
std::string const& Row::text(std::size_t column) const {
    return held<std::string>(columns_, column, "text");
}
Bytes const& Row::blob(std::size_t column) const {
    return held<Bytes>(columns_, column, "blob");
}

std::optional<std::string> Row::optional_text(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return text(column);
}
std::optional<std::int64_t> Row::optional_integer(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}
std::optional<TimePoint> Row::optional_time(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return time(column);
}
std::optional<Bytes> Row::optional_blob(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return blob(column);
}

}  // namespace zephyr::storage
