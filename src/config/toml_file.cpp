#include "config/toml_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace zephyr::config {

namespace {

// "a.b.c…" makes a table within a table for every dot, and the library frees them recursively: a line this short
// cannot exhaust the stack.
constexpr std::size_t longest_line = 4096;
// area.key
constexpr int deepest_key = 2;

std::string kind_of(toml::node const& node) {
    switch (node.type()) {
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "a list";
        case toml::node_type::floating_point: return "a number with a fraction";
        case toml::node_type::date: return "a date";
        case toml::node_type::time: return "a time of day";
        case toml::node_type::date_time: return "a date and time";
        default: return "another type";
    }
}

RawValue raw_of(toml::node const& node) {
    if (auto const text = node.value_exact<std::string>()) return {*text, true};
    if (auto const truth = node.value_exact<bool>()) return {*truth, true};
    if (auto const number = node.value_exact<std::int64_t>()) return {*number, true};
    if (auto const* const array = node.as_array()) {
        std::vector<std::string> items;
        for (auto const& item : *array) {
            auto const text = item.value_exact<std::string>();
            if (!text) return {Foreign{"a list with " + kind_of(item)}, true};
            items.push_back(*text);
        }
        return {std::move(items), true};
    }
    return {Foreign{kind_of(node)}, true};
}

void flatten(toml::table const& table, std::string const& prefix, int depth, std::vector<FileValue>& out) {
    for (auto const& [name, node] : table) {
        auto const key = prefix.empty() ? std::string{name.str()} : prefix + '.' + std::string{name.str()};
        auto const* const inner = node.as_table();
        if (inner && !inner->empty() && depth < deepest_key) {
            flatten(*inner, key, depth + 1, out);
        } else {
            out.push_back({key, raw_of(node), static_cast<int>(node.source().begin.line)});
        }
    }
}

// The library quotes what it met: 'value'. Quotes become dots.
std::string without_quotes(std::string_view description) {
    std::string out;
    bool inside = false;
    for (char const c : description) {
        if (c == '\'' || c == '"') {
            if (!inside) out += "'…'";
            inside = !inside;
        } else if (!inside) {
            out += c;
        }
    }
    return out;
}

std::optional<NotToml> too_long_a_line(std::string_view text) {
    for (int line = 1; !text.empty(); ++line) {
        auto const end = std::min(text.find('\n'), text.size());
        if (end > longest_line)
            return NotToml{line, "the line is longer than " + std::to_string(longest_line) + " bytes"};
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::nullopt;
}

}  // namespace

std::variant<std::vector<FileValue>, NotToml> read_toml(std::string_view text) {
    if (auto const problem = too_long_a_line(text)) return *problem;
    try {
        auto const root = toml::parse(text);
        std::vector<FileValue> out;
        flatten(root, "", 1, out);
        // toml++ sorts tables by name; people read by line.
        std::stable_sort(out.begin(), out.end(), [](auto const& a, auto const& b) { return a.line < b.line; });
        return out;
    } catch (toml::parse_error const& error) {
        return NotToml{static_cast<int>(error.source().begin.line), without_quotes(error.description())};
    }
}

}  // namespace zephyr::config
