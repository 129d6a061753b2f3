// parse_json alone: the one file that pays for nlohmann's header.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "zephyr/encoding/json.h"

namespace zephyr::encoding {

namespace {

// What many tiny values cost is bounded too, by the size that is allowed: an element is one unit of work, a member, whose name must be
// compared with the others', four. 64 KiB may hold 2048 members or 8192 elements.
constexpr std::size_t bytes_per_work = 8;
constexpr std::size_t work_of_member = 4;
constexpr std::size_t least_work = 256;

// Receives the parser's events, keeps the open containers on a stack of its own (nlohmann's parser does not recurse either) and stops at
// the first broken limit, so a hostile text costs no more than what came before it.
class Builder {
public:
    explicit Builder(JsonLimits limits) : limits_{limits}, work_left_{std::max(least_work, limits.bytes / bytes_per_work)} {}

    bool null() { return add(Json{}); }
    bool boolean(bool value) { return add(Json{value}); }
    bool number_integer(std::int64_t value) { return add(Json{value}); }
    bool number_unsigned(std::uint64_t value) {
        // Beyond int64 it is a double, which integer() refuses to read: a number is never silently another number.
        if (value > static_cast<std::uint64_t>(INT64_MAX)) return add(Json{static_cast<double>(value)});
        return add(Json{static_cast<std::int64_t>(value)});
    }
    bool number_float(double value, std::string const&) { return add(Json{value}); }
    bool string(std::string& value) { return add(Json{std::move(value)}); }
    bool binary(std::vector<std::uint8_t>&) { return fail(errors::json_malformed); }

    bool start_object(std::size_t) { return open(false); }
    bool start_array(std::size_t) { return open(true); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(std::string& name) {
        if (!spend(work_of_member - 1)) return false;
        auto& top = open_.back();
        if (!top.note(name)) return fail(errors::json_duplicate_member);
        top.name = std::move(name);
        return true;
    }

    // The parser's own message quotes the text, which may hold a password: only the place is kept.
    bool parse_error(std::size_t position, std::string const&, nlohmann::json::exception const&) {
        error_ = Error{errors::json_malformed, "at byte " + std::to_string(position)};
        return false;
    }

    std::optional<Error> const& error() const { return error_; }
    Json take() { return std::move(root_); }

private:
    struct Open {
        bool is_array;
        Json::Array items;
        Json::Object members;
        std::string name;             // of the member whose value comes next
        std::set<std::string> names;  // only once a linear search would be slow

        // False if the object has the name already.
        bool note(std::string const& candidate) {
            constexpr std::size_t few = 16;
            if (members.size() < few) {
                for (auto const& member : members) {
                    if (member.first == candidate) return false;
                }
                return true;
            }
            if (names.empty()) {
                for (auto const& member : members) names.insert(member.first);
            }
            return names.insert(candidate).second;
        }
    };

    bool open(bool is_array) {
        if (open_.size() >= limits_.depth) return fail(errors::json_too_deep);
        open_.push_back(Open{is_array, {}, {}, {}, {}});
        return true;
    }

    bool close() {
        auto top = std::move(open_.back());
        open_.pop_back();
        return add(top.is_array ? Json{std::move(top.items)} : Json{std::move(top.members)});
    }

    bool spend(std::size_t work) {
        if (work > work_left_) return fail(errors::json_too_large);
        work_left_ -= work;
        return true;
    }

    bool add(Json value) {
        if (!spend(1)) return false;
        if (open_.empty()) {
            root_ = std::move(value);
        } else if (auto& top = open_.back(); top.is_array) {
            top.items.push_back(std::move(value));
        } else {
            if (top.members.empty()) top.members.reserve(4);
            top.members.emplace_back(std::move(top.name), std::move(value));
        }
        return true;
    }

    bool fail(Failure failure) {
        error_ = Error{failure};
        return false;
    }

    JsonLimits limits_;
    std::size_t work_left_;
    std::vector<Open> open_;
    Json root_;
    std::optional<Error> error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
    if (text.size() > limits.bytes) return errors::json_too_large;
    // RFC 8259 8.1: "Implementations MUST NOT add a byte order mark"; nlohmann would skip one.
    if (text.starts_with("\xEF\xBB\xBF")) return Error{errors::json_malformed, "byte order mark"};
    // nlohmann's lexer takes a NUL for the end of the text and would ignore what stands behind it.
    if (text.find('\0') != std::string_view::npos) return Error{errors::json_malformed, "NUL byte"};
    Builder builder{limits};
    bool const whole = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    if (builder.error()) return *builder.error();
    if (!whole) return errors::json_malformed;
    return builder.take();
}

}  // namespace zephyr::encoding
