#include "pages/template_source.h"

#include <algorithm>
#include <map>

#include "zephyr/encoding/html_escape.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::pages {

namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

constexpr int deepest = 8;  // layouts and includes within each other

struct Directive {
    std::string file;
    Parameters parameters;
};

// "field.html name=email help=\"a b\"": a file name, then parameters.
Directive parse_directive(std::string_view text, std::string_view where) {
    auto const fault = [&] { return Fault{std::string{where} + ": cannot read [[" + std::string{text} + "]]"}; };
    std::string_view rest = text;
    auto const word = [&](std::string_view ends) {
        auto const end = std::min(rest.find_first_of(ends), rest.size());
        std::string const found{rest.substr(0, end)};
        rest.remove_prefix(end);
        return found;
    };
    Directive out;
    out.file = word(" ");
    while (!rest.empty()) {
        if (rest.front() == ' ') {
            rest.remove_prefix(1);
            continue;
        }
        std::string const name = word("=");
        if (name.empty() || rest.empty()) throw fault();
        rest.remove_prefix(1);
        bool const quoted = !rest.empty() && rest.front() == '"';
        if (quoted) rest.remove_prefix(1);
        out.parameters[name] = word(quoted ? "\"" : " ");
        if (quoted) {
            if (rest.empty()) throw fault();
            rest.remove_prefix(1);
        }
    }
    return out;
}

std::string with_parameters(std::string_view text, Parameters const& parameters, std::string_view where) {
    std::string out;
    for (;;) {
        auto const open = text.find('@');
        auto const close = open == std::string_view::npos ? open : text.find('@', open + 1);
        if (close == std::string_view::npos) return out.append(text);
        std::string_view const name = text.substr(open + 1, close - open - 1);
        auto const found = parameters.find(name);
        if (found == parameters.end()) throw Fault{std::string{where} + ": no parameter @" + std::string{name} + "@"};
        out.append(text.substr(0, open)).append(found->second);
        text.remove_prefix(close + 1);
    }
}

class Assembler {
public:
    explicit Assembler(ReadTemplate const& read) : read_{read} {}

    std::string load(std::string_view name, Parameters const& parameters, std::string const* body, int depth) const {
        if (depth > deepest) throw Fault{std::string{name} + ": templates include each other"};
        auto const content = read_(name);
        if (!content) throw Fault{std::string{name} + ": no such template"};
        if (!content->starts_with(autoescape_pragma))
            throw Fault{std::string{name} + ": does not start with the AUTOESCAPE pragma"};
        std::string text =
            with_parameters(std::string_view{*content}.substr(autoescape_pragma.size()), parameters, name);
        std::optional<Directive> layout;
        if (constexpr std::string_view mark = "[[layout "; text.starts_with(mark)) {
            auto const end = text.find("]]\n");
            if (end == std::string::npos) throw Fault{std::string{name} + ": unfinished [[layout"};
            layout = parse_directive(std::string_view{text}.substr(mark.size(), end - mark.size()), name);
            text.erase(0, end + 3);
        }
        text = with_includes(text, name, body, depth);
        return layout ? load(layout->file, layout->parameters, &text, depth + 1) : text;
    }

private:
    std::string with_includes(std::string_view text, std::string_view name, std::string const* body, int depth) const {
        std::string out;
        for (;;) {
            auto const open = text.find("[[");
            auto const close = open == std::string_view::npos ? open : text.find("]]", open);
            if (close == std::string_view::npos) return out.append(text);
            out.append(text.substr(0, open));
            std::string_view const inner = text.substr(open + 2, close - open - 2);
            if (inner == "body") {
                if (body == nullptr) throw Fault{std::string{name} + ": [[body]] outside a layout"};
                out += *body;
            } else if (inner.starts_with("> ")) {
                auto const include = parse_directive(inner.substr(2), name);
                out += load(include.file, include.parameters, nullptr, depth + 1);
            } else {
                out.append("[[").append(inner).append("]]");
            }
            text.remove_prefix(close + 2);
        }
    }

    ReadTemplate const& read_;
};

std::string upper(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

void append_text(std::string& out, std::string_view inner, Catalogue const& catalogue) {
    bool const attribute = inner.starts_with('=');
    if (attribute) inner.remove_prefix(1);
    std::string const& text = catalogue.raw(inner);
    if (text.find("{{") != std::string::npos)
        throw Fault{"texts: \"" + std::string{inner} + "\" holds template markup"};
    walk_placeholders(
        text, [&](std::string_view literal) { out += encoding::html_escape(literal); },
        [&](std::string_view name) {
            out += attribute ? "{{" : "<bdi>{{";
            out += upper(name);
            out += attribute ? "}}" : "}}</bdi>";
        });
}

}  // namespace

std::string assemble_template(std::string_view name, ReadTemplate const& read, Catalogue const& catalogue) {
    std::string const flat = Assembler{read}.load(name, {}, nullptr, 0);
    std::string out{autoescape_pragma};
    std::string_view text = flat;
    for (;;) {
        auto const open = text.find("[[");
        auto const close = open == std::string_view::npos ? open : text.find("]]", open);
        if (close == std::string_view::npos) return out.append(text);
        out.append(text.substr(0, open));
        append_text(out, text.substr(open + 2, close - open - 2), catalogue);
        text.remove_prefix(close + 2);
    }
}

}  // namespace zephyr::pages
