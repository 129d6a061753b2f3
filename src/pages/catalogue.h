// The words of one language: web/i18n/<language>.json, one flat object from key to text.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zephyr::pages {

using Values = std::vector<std::pair<std::string_view, std::string>>;

class Catalogue {
public:
    // Throws Fault when the JSON is no flat object of strings.
    Catalogue(std::string language, std::string_view json);

    std::string const& language() const { return language_; }
    bool has(std::string_view key) const { return texts_.find(key) != texts_.end(); }
    // The text as it stands, placeholders and all. Throws Fault for a key that is not there: templates are checked at
    // start.
    std::string const& raw(std::string_view key) const;
    // The text with each {name} replaced. Values are wrapped in Unicode isolates (U+2068 … U+2069), so that a
    // right-to-left name cannot turn the sentence around. Plain text: escaping is the template's.
    std::string text(std::string_view key, Values const& values = {}) const;
    std::vector<std::string> keys() const;

private:
    std::string language_;
    std::map<std::string, std::string, std::less<>> texts_;
};

// Calls `piece(literal)` and `placeholder(name)` over "Signed in as {name}", in order. A brace that encloses no name is
// literal.
template <class Literal, class Placeholder>
void walk_placeholders(std::string_view text, Literal literal, Placeholder placeholder) {
    while (!text.empty()) {
        auto const open = text.find('{');
        auto const close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) break;
        literal(text.substr(0, open));
        placeholder(text.substr(open + 1, close - open - 1));
        text.remove_prefix(close + 1);
    }
    literal(text);
}

}  // namespace zephyr::pages
