// Whatever the theme, text can be read: computed from the tokens in the stylesheet (WCAG 2.2, 1.4.3 and 1.4.11).
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "pages/accent.h"
#include "pages/embedded_web.h"

namespace zephyr::pages {
namespace {

std::string stylesheet() {
    for (auto const& [path, content] : embedded_web::files())
        if (path == "web/static/zephyr.css") return std::string{content};
    return {};
}

struct Token {
    Colour light;
    Colour dark;
};

std::map<std::string, Token> tokens() {
    std::map<std::string, Token> out;
    std::string const css = stylesheet();
    std::regex const line{R"(--([a-z0-9-]+): var\(--light, (#[0-9a-f]{6})\) var\(--dark, (#[0-9a-f]{6})\);)"};
    for (std::sregex_iterator at{css.begin(), css.end(), line}, end; at != end; ++at) {
        bool const fresh =
            out.emplace((*at)[1], Token{*parse_colour((*at)[2].str()), *parse_colour((*at)[3].str())}).second;
        EXPECT_TRUE(fresh) << "defined twice: " << (*at)[1];
    }
    return out;
}

void expect_contrast(std::string const& front, std::string const& back, double least) {
    auto const all = tokens();
    ASSERT_EQ(all.count(front), 1U) << front;
    ASSERT_EQ(all.count(back), 1U) << back;
    EXPECT_GE(contrast(all.at(front).light, all.at(back).light), least) << "light: " << front << " on " << back;
    EXPECT_GE(contrast(all.at(front).dark, all.at(back).dark), least) << "dark: " << front << " on " << back;
}

TEST(Contrast, is_computed_as_wcag_says) {
    EXPECT_NEAR(contrast({0, 0, 0}, {255, 255, 255}), 21.0, 0.01);
    EXPECT_NEAR(contrast({118, 118, 118}, {255, 255, 255}), 4.54, 0.01);
    EXPECT_NEAR(contrast({255, 0, 0}, {255, 255, 255}), 4.0, 0.01);
}

// # The visual presentation of text and images of text has a contrast ratio of at least 4.5:1
TEST(Stylesheet, has_text_of_at_least_4_5_to_1_in_both_themes) {
    for (auto const* ground : {"ground", "ground-2", "surface", "wind"})
        for (auto const* text : {"text", "muted", "accent", "accent-strong"}) expect_contrast(text, ground, 4.5);
    for (auto const* text : {"danger", "warning", "success"}) {
        expect_contrast(text, "surface", 4.5);
        expect_contrast(text, std::string{text} + "-soft", 4.5);
        expect_contrast("text", std::string{text} + "-soft", 4.5);
    }
    expect_contrast("muted", "danger-soft", 4.5);
    expect_contrast("accent", "accent-soft", 4.5);
    expect_contrast("on-accent", "accent", 4.5);
    expect_contrast("on-accent", "accent-strong", 4.5);
    expect_contrast("on-danger", "danger", 4.5);
    expect_contrast("on-danger", "danger-strong", 4.5);
}

// # Visual information required to identify user interface components and states ... at least 3:1
TEST(Stylesheet, has_controls_and_focus_of_at_least_3_to_1_in_both_themes) {
    for (auto const* ground : {"ground", "surface"})
        for (auto const* line : {"control-line", "focus", "danger"}) expect_contrast(line, ground, 3.0);
    expect_contrast("focus", "danger-soft", 3.0);
    expect_contrast("accent", "surface", 3.0);
}

TEST(Stylesheet, has_no_colour_outside_its_tokens_and_loads_nothing_from_elsewhere) {
    std::string css = std::regex_replace(stylesheet(), std::regex{R"(/\*[^*]*\*+([^/*][^*]*\*+)*/)"}, "");
    css = std::regex_replace(css, std::regex{R"(--[a-z0-9-]+: var\(--light, [^;]*;)"}, "");
    // The QR code is black on white in every theme, or no camera reads it.
    css = std::regex_replace(css, std::regex{R"(background: #fff;)"}, "");
    std::smatch found;
    EXPECT_FALSE(std::regex_search(css, found, std::regex{R"(#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\()"})) << found.str();
    EXPECT_EQ(css.find("@import"), std::string::npos);
    EXPECT_EQ(css.find("http"), std::string::npos);
    EXPECT_NE(css.find("prefers-color-scheme: dark"), std::string::npos);
    EXPECT_NE(css.find("prefers-reduced-motion"), std::string::npos);
    EXPECT_NE(css.find(":focus-visible"), std::string::npos);
}

TEST(Stylesheet, moves_nothing_for_people_who_asked_for_less_motion) {
    std::string const css = stylesheet();
    auto const allowed = css.find("prefers-reduced-motion: no-preference");
    ASSERT_NE(allowed, std::string::npos);
    for (auto const* moving : {"transition:", "animation:", "@keyframes", "scroll-behavior"})
        for (auto at = css.find(moving); at != std::string::npos; at = css.find(moving, at + 1))
            EXPECT_GT(at, allowed) << moving;
}

TEST(Accent, is_made_readable_whatever_an_operator_picks) {
    auto const all = tokens();
    for (int red = 0; red <= 255; red += 51)
        for (int green = 0; green <= 255; green += 51)
            for (int blue = 0; blue <= 255; blue += 51) {
                auto const [light, dark] = readable_accents({red, green, blue});
                SCOPED_TRACE((Colour{red, green, blue}).hex());
                for (auto const* ground : {"ground", "ground-2", "surface"}) {
                    EXPECT_GE(contrast(light.accent, all.at(ground).light), 4.5) << ground;
                    EXPECT_GE(contrast(dark.accent, all.at(ground).dark), 4.5) << ground;
                    EXPECT_GE(contrast(light.strong, all.at(ground).light), 3.0) << ground;
                }
                for (auto const& tones : {light, dark}) {
                    EXPECT_GE(contrast(tones.on_accent, tones.accent), 4.5);
                    EXPECT_GE(contrast(tones.on_accent, tones.strong), 4.5);
                    EXPECT_GE(contrast(tones.accent, tones.soft), 4.5);
                }
            }
}

TEST(Accent, that_can_be_read_already_stays_as_it_is) {
    EXPECT_EQ(readable_accents({11, 100, 114}).light.accent.hex(), "#0b6472");
    EXPECT_EQ(readable_accents({102, 199, 208}).dark.accent.hex(), "#66c7d0");
}

TEST(Accent, is_read_only_in_one_spelling) {
    EXPECT_EQ(parse_colour("#0B64ff")->hex(), "#0b64ff");
    for (auto const* text : {"", "#fff", "0b6470", "#0b647g", "#0b6470 ", "red", "#0b6470;}"})
        EXPECT_FALSE(parse_colour(text)) << text;
}

}  // namespace
}  // namespace zephyr::pages
