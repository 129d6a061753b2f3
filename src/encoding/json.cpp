#include "zephyr/encoding/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "zephyr/encoding/unicode.h"

namespace zephyr::encoding {

namespace {

void write_string(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string repaired;
    bool const beyond_ascii = std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    if (beyond_ascii && !is_valid_utf8(text)) {
        repaired = to_valid_utf8(text);
        text = repaired;
    }
    out += '"';
    auto const stands_as_itself = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; };
    for (auto at = text.begin(); at != text.end();) {
        auto const stop = std::find_if_not(at, text.end(), stands_as_itself);
        out.append(at, stop);
        if (stop == text.end()) break;
        at = stop + 1;
        switch (*stop) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                out += "\\u00";
                out += digits[static_cast<unsigned char>(*stop) >> 4];
                out += digits[static_cast<unsigned char>(*stop) & 15];
        }
    }
    out += '"';
}

void write_double(std::string& out, double value) {
    // RFC 8259 6: "Numeric values that cannot be represented in the grammar below (such as Infinity and NaN) are not
    // permitted."
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    std::array<char, 32> buffer{};
    auto const [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    std::string_view const text{buffer.data(), static_cast<std::size_t>(end - buffer.data())};
    out += text;
    // Stays a double when it is read back.
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

class Writer {
public:
    Writer(std::string& out, bool pretty) : out_{out}, pretty_{pretty} {}

    void write(Json const& value, std::size_t depth = 0) {
        if (auto const* const items = value.items()) {
            write_list('[', ']', *items, depth, [&](Json const& item) { write(item, depth + 1); });
        } else if (auto const* const members = value.members()) {
            write_list('{', '}', *members, depth, [&](Json::Member const& member) {
                write_string(out_, member.first);
                out_ += pretty_ ? ": " : ":";
                write(member.second, depth + 1);
            });
        } else {
            write_scalar(value);
        }
    }

private:
    void write_scalar(Json const& value) {
        if (auto const* const text = value.string()) {
            write_string(out_, *text);
        } else if (auto const truth = value.boolean()) {
            out_ += *truth ? "true" : "false";
        } else if (auto const integer = value.integer()) {
            out_ += std::to_string(*integer);
        } else if (auto const number = value.number()) {
            write_double(out_, *number);
        } else {
            out_ += "null";
        }
    }

    template <class List, class Each>
    void write_list(char open, char close, List const& list, std::size_t depth, Each each) {
        out_ += open;
        bool first = true;
        for (auto const& item : list) {
            if (!first) out_ += ',';
            first = false;
            new_line(depth + 1);
            each(item);
        }
        if (!list.empty()) new_line(depth);
        out_ += close;
    }

    void new_line(std::size_t depth) {
        if (!pretty_) return;
        out_ += '\n';
        out_.append(depth * 2, ' ');
    }

    std::string& out_;
    bool pretty_;
};

}  // namespace

Json Json::strings(std::vector<std::string> const& items) {
    Array array;
    array.reserve(items.size());
    for (auto const& item : items) array.emplace_back(item);
    return Json{std::move(array)};
}

std::optional<bool> Json::boolean() const {
    auto const* const value = std::get_if<bool>(&value_);
    return value ? std::optional{*value} : std::nullopt;
}

std::optional<std::int64_t> Json::integer() const {
    auto const* const value = std::get_if<std::int64_t>(&value_);
    return value ? std::optional{*value} : std::nullopt;
}

std::optional<double> Json::number() const {
    if (auto const* const value = std::get_if<double>(&value_)) return *value;
    if (auto const* const value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
    return std::nullopt;
}

Json const* Json::find(std::string_view name) const {
    auto const* const object = members();
    if (!object) return nullptr;
    auto const found =
        std::find_if(object->begin(), object->end(), [&](Member const& member) { return member.first == name; });
    return found == object->end() ? nullptr : &found->second;
}

std::optional<std::string> Json::string_at(std::string_view name) const {
    auto const* const member = find(name);
    auto const* const text = member ? member->string() : nullptr;
    return text ? std::optional{*text} : std::nullopt;
}

Json& Json::set(std::string name, Json value) {
    if (!members()) value_ = Object{};
    auto& object = std::get<Object>(value_);
    auto const found =
        std::find_if(object.begin(), object.end(), [&](Member const& member) { return member.first == name; });
    if (found == object.end()) {
        object.emplace_back(std::move(name), std::move(value));
    } else {
        found->second = std::move(value);
    }
    return *this;
}

Json& Json::push(Json value) {
    if (!items()) value_ = Array{};
    std::get<Array>(value_).push_back(std::move(value));
    return *this;
}

std::string Json::dump() const {
    std::string out;
    Writer{out, false}.write(*this);
    return out;
}

std::string Json::dump_pretty() const {
    std::string out;
    Writer{out, true}.write(*this);
    return out;
}

}  // namespace zephyr::encoding
