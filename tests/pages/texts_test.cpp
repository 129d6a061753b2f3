// The catalogues are complete, and the templates say nothing of their own.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "pages/embedded_web.h"
#include "pages/fill.h"
#include "pages/template_source.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::pages {
namespace {

std::string web_file(std::string const& path) {
    for (auto const& [name, content] : embedded_web::files())
        if (name == path) return std::string{content};
    ADD_FAILURE() << "no file " << path;
    return {};
}

std::map<std::string, std::string> templates() {
    std::map<std::string, std::string> out;
    for (auto const& [path, content] : embedded_web::files())
        if (path.starts_with("web/templates/")) out.emplace(path.substr(14), content);
    return out;
}

Catalogue english() {
    return Catalogue{"en", web_file("web/i18n/en.json")};
}
Catalogue german() {
    return Catalogue{"de", web_file("web/i18n/de.json")};
}

std::set<std::string> placeholders(std::string const& text) {
    std::set<std::string> out;
    walk_placeholders(
        text, [](std::string_view) {}, [&](std::string_view name) { out.emplace(name); });
    return out;
}

TEST(Catalogues, have_the_same_keys_and_placeholders_in_every_language) {
    auto const en = english();
    auto const de = german();
    EXPECT_EQ(en.keys(), de.keys());
    EXPECT_GT(en.keys().size(), 300U);
    for (auto const& key : en.keys()) {
        if (!de.has(key)) continue;
        EXPECT_EQ(placeholders(en.raw(key)), placeholders(de.raw(key))) << key;
        EXPECT_FALSE(en.raw(key).empty()) << key;
        EXPECT_FALSE(de.raw(key).empty()) << key;
        // Nothing that the templates or HTML would read as theirs; the one '@' is in an example of an address.
        std::string const special = key == "errors.users.email_malformed" ? "<>[]\n" : "<>[]@\n";
        for (auto const& text : {en.raw(key), de.raw(key)})
            EXPECT_EQ(text.find_first_of(special), std::string::npos) << key;
    }
}

TEST(Catalogues, hold_nothing_that_no_page_says) {
    std::string used;
    for (auto const& [name, content] : templates()) used += content;
    // Chosen while rendering: by the name of an event, the id of a failure, the state of an account.
    std::regex const chosen{
        "(actor|device|error|errors|event|factor|happened|kept|meaning|must_change|notice|number|outcome|reason|state|time|user|"
        "users)\\..*|language\\.name"};
    std::regex const by_template{"(user|users)\\..*"};
    for (auto const& key : english().keys()) {
        if (std::regex_match(key, chosen) && !std::regex_match(key, by_template)) continue;
        std::regex const by_name{"audit\\.(as|format)_.*|recovery\\.by_.*|proof\\.(other_node|not_logged|gone|not_yet_signed|row_differs)"};
        bool const in_code = key == "users.factor_some" || key == "users.factor_none" || key == "user.role_through" ||
                             std::regex_match(key, by_name);
        EXPECT_TRUE(in_code ||
                    std::regex_search(
                        used, std::regex{"[\\[=\"]" + std::regex_replace(key, std::regex{"\\."}, "\\.") + "[\\] \"]"}))
            << key;
    }
}

TEST(Catalogues, wrap_names_so_that_they_cannot_turn_a_sentence_around) {
    Catalogue const texts{"en", R"({"hello": "Hello {name}!"})"};
    EXPECT_EQ(texts.text("hello", {{"name", "\u05d0"}}), "Hello \u2068\u05d0\u2069!");
    EXPECT_THROW(texts.text("hello"), Fault);
    EXPECT_THROW(texts.raw("nothing"), Fault);
    EXPECT_THROW((Catalogue{"en", "[1]"}), Fault);
    EXPECT_THROW((Catalogue{"en", R"({"a": 1})"}), Fault);
    EXPECT_THROW((Catalogue{"en", R"({"a": "x", "a": "y"})"}), Fault);
}

TEST(Times, are_written_in_the_words_of_the_language) {
    TimePoint const time = from_millis(1795503567000);
    EXPECT_EQ(time_text(english(), time), "24 Nov 2026, 06:59 UTC");
    EXPECT_EQ(time_text(german(), time), "24. Nov. 2026, 06:59 UTC");
    EXPECT_EQ(day_text(english(), from_millis(0)), "1 Jan 1970");
}

TEST(Templates, all_escape_and_none_has_a_way_around_it) {
    std::regex const variable{R"(\{\{[^}]*\}\})"};
    for (auto const& [name, content] : templates()) {
        EXPECT_TRUE(content.starts_with(autoescape_pragma)) << name;
        std::string const body = content.substr(autoescape_pragma.size());
        for (std::sregex_iterator at{body.begin(), body.end(), variable}, end; at != end; ++at) {
            std::string const text = at->str();
            EXPECT_EQ(text.find('%'), std::string::npos) << name << ": a second pragma " << text;
            EXPECT_EQ(text.find('='), std::string::npos) << name << ": changes the delimiters " << text;
            // No modifier at all but the two that check an address: so neither :none nor any raw form.
            if (text.find(':') == std::string::npos) continue;
            EXPECT_TRUE(text == "{{OTPAUTH:x-otpauth-url}}" || text == "{{QR:x-qr-image}}") << name << ": " << text;
        }
        // An unquoted value ends at the first blank somebody types.
        EXPECT_FALSE(std::regex_search(body, std::regex{R"(=\{\{)"})) << name;
        EXPECT_FALSE(std::regex_search(body, std::regex{R"( (style|on[a-z]+)=)"})) << name;
    }
    EXPECT_GT(templates().size(), 30U);
}

TEST(Templates, put_plain_texts_between_tags_and_attribute_texts_into_attributes) {
    for (auto const& [name, content] : templates()) {
        // The form for text between tags may hold <bdi>, which an attribute would show as letters.
        EXPECT_FALSE(std::regex_search(content, std::regex{R"re("\[\[[^=>])re"})) << name;
    }
}

TEST(Templates, hold_no_words_of_their_own) {
    for (auto const& [name, content] : templates()) {
        std::string text = content;
        for (auto const* taken :
             {R"(<style[^>]*>[^<]*</style>)", R"(\{\{[^}]*\}\})", R"(\[\[[^\]]*\]\])", R"(@[a-z_]+@)"})
            text = std::regex_replace(text, std::regex{taken}, "");
        for (auto const* attribute : {"alt", "title", "aria-label", "placeholder", "data-label", "value"}) {
            std::regex const own{std::string{" "} + attribute + R"re(="([^"]*[A-Za-z][^"]*)")re"};
            std::smatch found;
            if (std::regex_search(text, found, own)) {
                // Values that are data of ours, not words.
                EXPECT_TRUE(std::set<std::string>({"grant", "revoke", "yes"}).count(found[1]) == 1)
                    << name << ": " << found.str();
            }
        }
        text = std::regex_replace(text, std::regex{"<[^>]*>"}, "");
        std::smatch word;
        EXPECT_FALSE(std::regex_search(text, word, std::regex{"[A-Za-z]+"})) << name << ": " << word.str();
    }
}

// --- the small language of the templates ---

std::string assemble(std::map<std::string, std::string> const& files) {
    Catalogue const texts{"en", R"({"hello": "Hello {name} & all", "plain": "Plain"})"};
    return assemble_template(
        "page.html",
        [&](std::string_view name) -> std::optional<std::string> {
            auto const found = files.find(std::string{name});
            if (found == files.end()) return std::nullopt;
            return found->second;
        },
        texts);
}

std::string const pragma{autoescape_pragma};

TEST(TemplateSource, works_layouts_includes_parameters_and_texts_into_one_template) {
    std::string const page = assemble(
        {{"page.html", pragma + "[[layout frame.html title=plain]]\n<p>[[> item.html id=a more=\"x y\"]]</p>\n"},
         {"frame.html", pragma + "<title>[[=@title@]]</title>[[body]]"},
         {"item.html", pragma + "<b id=\"@id@\" class=\"@more@\">[[hello]]</b>"}});
    EXPECT_EQ(
        page,
        pragma + "<title>Plain</title><p><b id=\"a\" class=\"x y\">Hello <bdi>{{NAME}}</bdi> &amp; all</b></p>\n");
}

TEST(TemplateSource, refuses_what_is_missing_or_unsafe) {
    EXPECT_THROW(assemble({{"page.html", "<p>no pragma</p>"}}), Fault);
    EXPECT_THROW(assemble({{"page.html", pragma + "[[> gone.html]]"}}), Fault);
    EXPECT_THROW(assemble({{"page.html", pragma + "[[no.such.text]]"}}), Fault);
    EXPECT_THROW(assemble({{"page.html", pragma + "@nobody@"}}), Fault);
    EXPECT_THROW(assemble({{"page.html", pragma + "[[body]]"}}), Fault);
    EXPECT_THROW(assemble({{"page.html", pragma + "[[> page.html]]"}}), Fault);
    EXPECT_THROW(assemble({{"page.html", pragma + "[[> item.html more=\"x]]"}, {"item.html", pragma}}), Fault);
    EXPECT_THROW(assemble({{"page.html", pragma + "[[> item.html more]]"}, {"item.html", pragma}}), Fault);
    EXPECT_THROW(assemble({{"page.html", pragma + "[[layout frame.html"}}), Fault);
}

}  // namespace
}  // namespace zephyr::pages
