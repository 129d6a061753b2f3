#include "pages/catalogue.h"

#include <algorithm>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::pages {

namespace {
constexpr std::string_view isolate = "\u2068";
constexpr std::string_view pop_isolate = "\u2069";
}  // namespace

Catalogue::Catalogue(std::string language, std::string_view json) : language_{std::move(language)} {
    auto parsed = encoding::parse_json(json, {.bytes = 512 * 1024, .depth = 2});
    if (!parsed.ok()) throw Fault{"texts of \"" + language_ + "\": " + std::string{parsed.error().id()}};
    auto const* members = parsed.value().members();
    if (members == nullptr) throw Fault{"texts of \"" + language_ + "\": not an object"};
    for (auto const& [key, value] : *members) {
        auto const* text = value.string();
        if (text == nullptr) throw Fault{"texts of \"" + language_ + "\": " + key + " is not a string"};
        texts_.emplace(key, *text);
    }
}

std::string const& Catalogue::raw(std::string_view key) const {
    auto const found = texts_.find(key);
    if (found == texts_.end()) throw Fault{"texts of \"" + language_ + "\": no \"" + std::string{key} + "\""};
    return found->second;
}

std::string Catalogue::text(std::string_view key, Values const& values) const {
    std::string out;
    walk_placeholders(
        raw(key), [&](std::string_view literal) { out += literal; },
        [&](std::string_view name) {
            auto const found =
                std::find_if(values.begin(), values.end(), [&](auto const& pair) { return pair.first == name; });
            if (found == values.end()) throw Fault{"no value for {" + std::string{name} + "} of " + std::string{key}};
            out.append(isolate).append(found->second).append(pop_isolate);
        });
    return out;
}

std::vector<std::string> Catalogue::keys() const {
    std::vector<std::string> out;
    for (auto const& [key, text] : texts_) out.push_back(key);
    return out;
}

}  // namespace zephyr::pages
