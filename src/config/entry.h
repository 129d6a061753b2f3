// One row of the settings table, and the makers the table is written with.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/values.h"
#include "zephyr/config/load.h"
#include "zephyr/config/reference.h"
#include "zephyr/encoding/json.h"

namespace zephyr::config {

// Something a settings file can say that no setting takes: a float, a date, a mixed list.
struct Foreign {
    std::string type;  // "a date"
};

// A value before it is understood. Text from the environment, flags and the table itself is untyped; a file's values
// have types, and "true" in quotes is no boolean.
struct RawValue {
    std::variant<std::string, bool, std::int64_t, std::vector<std::string>, Foreign> value;
    bool typed = false;

    static RawValue untyped(std::string text) { return {std::move(text), false}; }
};

struct Entry {
    SettingInfo info;
    // Puts the value into its place, or says what is wrong with it ("is too small") without quoting it.
    std::function<std::optional<std::string>(Settings&, RawValue const&)> assign;
    // As it would stand in the file, without quotes; secrets: empty or "(set)".
    std::function<std::string(Settings const&)> print;
    std::function<encoding::Json(Settings const&)> print_json;
    encoding::Json schema;  // without description and default

    bool is_later() const { return info.later; }
};

// What every row says, beside its type: key, default as text, and a sentence or two.
struct Row {
    std::string_view key;
    std::string_view fallback;
    std::string_view help;
    std::string_view environment = {};  // empty: ZEPHYR_ and the key in capitals
    std::string_view short_flag = {};   // empty: only the long one, made from the key
    bool later = false;

    Row env(std::string_view name) && { return environment = name, *this; }
    Row flag(std::string_view name) && { return short_flag = name, *this; }
    // Accepted and checked; its feature is not installed.
    Row not_yet() && { return later = true, *this; }
};

template <class T>
using Slot = T& (*)(Settings&);

Entry boolean(Row row, Slot<bool> slot);
Entry integer(Row row, Slot<std::int64_t> slot, std::int64_t least, std::int64_t most);
Entry duration(Row row, Slot<Duration> slot, Duration least, Duration most);
Entry size(Row row, Slot<std::int64_t> slot, std::int64_t least, std::int64_t most);
Entry text(Row row, Slot<std::string> slot, Check check, std::string_view allowed, std::size_t most_bytes = 1024);
Entry list(Row row, Slot<std::vector<std::string>> slot, Check check, std::string_view allowed,
           std::size_t most_items = 256);
// `least_bytes` applies to a secret that is not empty.
Entry secret(Row row, Slot<SecretText> slot, std::size_t least_bytes, Check check, std::string_view allowed);
Entry endpoint(Row row, Slot<Endpoint> slot);

struct Choices {
    std::vector<std::string> names;
    std::function<void(Settings&, std::size_t)> choose;
    std::function<std::size_t(Settings const&)> chosen;
};
Entry choice(Row row, Choices choices);

// An enumeration whose values count up from 0 in the order of `names`.
template <class Enum>
Entry choice_of(Row row, Slot<Enum> slot, std::vector<std::string> names) {
    return choice(row,
                  Choices{std::move(names),
                          [slot](Settings& settings, std::size_t index) { slot(settings) = static_cast<Enum>(index); },
                          [slot](Settings const& settings) {
                              return static_cast<std::size_t>(slot(const_cast<Settings&>(settings)));
                          }});
}

}  // namespace zephyr::config
