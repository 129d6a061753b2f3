// Just enough of an HTML reader to ask questions of our own pages. Strict where a browser would guess: an unquoted
// value that could end early, a stray '<' or an element closed out of turn is an error.
#pragma once

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace zephyr::pages::testing {

struct Element {
    std::string name;
    std::map<std::string, std::string> attributes;
    std::string text;  // directly inside, as written
    int parent = -1;

    bool has(std::string const& attribute) const { return attributes.count(attribute) == 1; }
    std::string get(std::string const& attribute) const {
        auto const found = attributes.find(attribute);
        return found == attributes.end() ? std::string{} : found->second;
    }
};

class Document {
public:
    explicit Document(std::string html) : html_{std::move(html)} { read(); }

    std::vector<Element> const& elements() const { return elements_; }
    std::vector<Element> all(std::string const& name) const {
        std::vector<Element> out;
        for (auto const& element : elements_)
            if (element.name == name) out.push_back(element);
        return out;
    }
    Element const* by_id(std::string const& id) const {
        for (auto const& element : elements_)
            if (element.get("id") == id) return &element;
        return nullptr;
    }
    bool within(Element const& element, std::string const& name) const {
        for (int at = element.parent; at >= 0; at = elements_[static_cast<std::size_t>(at)].parent)
            if (elements_[static_cast<std::size_t>(at)].name == name) return true;
        return false;
    }
    // The elements inside `outer` (an element of this document), in order.
    std::vector<Element> inside(Element const& outer) const {
        std::vector<Element> out;
        for (auto const& element : elements_)
            for (int at = element.parent; at >= 0; at = elements_[static_cast<std::size_t>(at)].parent)
                if (&elements_[static_cast<std::size_t>(at)] == &outer) {
                    out.push_back(element);
                    break;
                }
        return out;
    }
    // Names of elements and attributes in order, without any value: what data must never change.
    std::string shape() const {
        std::string out;
        for (auto const& element : elements_) {
            out += element.name + "(";
            for (auto const& [name, value] : element.attributes) out += name + " ";
            out += ")\n";
        }
        return out;
    }

private:
    [[noreturn]] void fail(std::string const& what) const {
        auto const from = at_ > 60 ? at_ - 60 : 0;
        throw std::runtime_error{what + " near: " + html_.substr(from, 160)};
    }
    static bool blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }
    static bool name_character(char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    }

    std::string name() {
        auto const start = at_;
        while (at_ < html_.size() && name_character(html_[at_])) ++at_;
        if (at_ == start) fail("no name");
        return html_.substr(start, at_ - start);
    }

    void attribute(Element& element) {
        std::string const key = name();
        std::string value;
        if (html_[at_] == '=') {
            ++at_;
            bool const quoted = html_[at_] == '"';
            if (quoted) ++at_;
            auto const end = quoted ? html_.find('"', at_) : html_.find_first_of(" \n>", at_);
            if (end == std::string::npos) fail("unfinished value");
            value = html_.substr(at_, end - at_);
            if (!quoted && value.find_first_of("\"'<=`") != std::string::npos) fail("unquoted value");
            at_ = end + (quoted ? 1 : 0);
        }
        if (!element.attributes.emplace(key, value).second) fail("attribute given twice: " + key);
    }

    void open_tag() {
        static std::set<std::string> const empty{"meta", "link", "img", "input"};
        Element element;
        element.name = name();
        element.parent = open_.empty() ? -1 : open_.back();
        for (;;) {
            while (blank(html_[at_])) ++at_;
            if (html_[at_] == '>') break;
            attribute(element);
        }
        ++at_;
        elements_.push_back(element);
        if (empty.count(element.name) == 0) open_.push_back(static_cast<int>(elements_.size()) - 1);
    }

    void close_tag() {
        std::string const closing = name();
        if (html_[at_] != '>') fail("unfinished end tag");
        ++at_;
        if (open_.empty() || elements_[static_cast<std::size_t>(open_.back())].name != closing)
            fail("</" + closing + "> out of turn");
        open_.pop_back();
    }

    void read() {
        constexpr std::string_view doctype = "<!doctype html>\n";
        if (html_.compare(0, doctype.size(), doctype) != 0) fail("no doctype");
        at_ = doctype.size();
        while (at_ < html_.size()) {
            auto const next = html_.find('<', at_);
            std::string const text = html_.substr(at_, next == std::string::npos ? next : next - at_);
            if (text.find('>') != std::string::npos) fail("a '>' that closes nothing");
            if (!open_.empty()) elements_[static_cast<std::size_t>(open_.back())].text += text;
            if (next == std::string::npos) break;
            at_ = next + 1;
            if (html_[at_] == '/') {
                ++at_;
                close_tag();
            } else {
                open_tag();
            }
        }
        if (!open_.empty()) fail("never closed: " + elements_[static_cast<std::size_t>(open_.back())].name);
    }

    std::string html_;
    std::size_t at_ = 0;
    std::vector<Element> elements_;
    std::vector<int> open_;
};

}  // namespace zephyr::pages::testing
