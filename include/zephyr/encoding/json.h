// JSON (RFC 8259) as a small value type, with the limits a parser of outside bytes needs.
//
// Parsing is strict: one value and nothing behind it, no comments, no duplicate member names (RFC 8259 4 leaves them
// undefined; we refuse), valid UTF-8 only, bounded size and depth. Members keep their order.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "zephyr/foundation/result.h"

namespace zephyr::encoding {

namespace errors {
inline constexpr Failure json_malformed{Kind::invalid, "json.malformed"};
inline constexpr Failure json_too_large{Kind::invalid, "json.too_large"};
inline constexpr Failure json_too_deep{Kind::invalid, "json.too_deep"};
inline constexpr Failure json_duplicate_member{Kind::invalid, "json.duplicate_member"};
}  // namespace errors

struct JsonLimits {
    std::size_t bytes = 64 * 1024;
    std::size_t depth = 32;
};

class Json {
public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default;  // null
    Json(std::nullptr_t) {}
    Json(bool value) : value_{value} {}
    Json(std::int64_t value) : value_{value} {}
    Json(int value) : value_{std::int64_t{value}} {}
    Json(double value) : value_{value} {}
    Json(std::string value) : value_{std::move(value)} {}
    Json(std::string_view value) : value_{std::string{value}} {}
    Json(char const* value) : value_{std::string{value}} {}
    Json(Array value) : value_{std::move(value)} {}
    Json(Object value) : value_{std::move(value)} {}

    static Json object(std::initializer_list<Member> members = {}) { return Json{Object{members}}; }
    static Json array(std::initializer_list<Json> items = {}) { return Json{Array{items}}; }
    static Json strings(std::vector<std::string> const& items);

    bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    // Each reads one type and is empty (or null) for every other: "1" is no number, 1 is no true.
    std::optional<bool> boolean() const;
    std::optional<std::int64_t> integer() const;
    std::optional<double> number() const;  // integers too
    std::string const* string() const { return std::get_if<std::string>(&value_); }
    Array const* items() const { return std::get_if<Array>(&value_); }
    Object const* members() const { return std::get_if<Object>(&value_); }

    // The member of that name, or null when absent or when this is no object.
    Json const* find(std::string_view name) const;
    // The string member of that name; nothing if absent or of another type.
    std::optional<std::string> string_at(std::string_view name) const;

    // Builders: set a member (making null an object), add an item (making null an array).
    Json& set(std::string name, Json value);
    Json& push(Json value);

    // Compact, UTF-8, never throws: invalid UTF-8 in a string is replaced by U+FFFD.
    std::string dump() const;
    std::string dump_pretty() const;  // two spaces, a line per member

    bool operator==(Json const&) const = default;

private:
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

}  // namespace zephyr::encoding
