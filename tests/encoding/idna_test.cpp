#include "zephyr/encoding/idna.h"

#include <gtest/gtest.h>

namespace zephyr::encoding {
namespace {

TEST(AsciiDomain, is_one_name_for_every_spelling) {
    for (auto const* spelling : {"bücher.example", "Bücher.Example", "BÜCHER.EXAMPLE",
                                 "bu\xcc\x88"
                                 "cher.example",
                                 "xn--bcher-kva.example", "XN--BCHER-KVA.EXAMPLE",
                                 "bücher\xe3\x80\x82"
                                 "example"}) {
        EXPECT_EQ(ascii_domain(spelling), "xn--bcher-kva.example") << spelling;
    }
    EXPECT_EQ(ascii_domain("APP.example.com"), "app.example.com");
    EXPECT_EQ(ascii_domain("app_1.example.com"), "app_1.example.com");  // DNS names, not only host names
}

// RFC 5894 7.1 and UTS #46 4: deviation characters are names of their own.
TEST(AsciiDomain, keeps_the_sharp_s_that_old_rules_folded_away) {
    EXPECT_EQ(ascii_domain("straße.example"), "xn--strae-oqa.example");
    EXPECT_NE(ascii_domain("straße.example"), ascii_domain("strasse.example"));
}

TEST(AsciiDomain, refuses_what_no_browser_would_look_up) {
    for (auto const* name : {"", "xn--a.example", "xn--.example", "xn--bcher-kvA\xff.example", "\xff.example",
                             "a\xe2\x80\x8d"
                             "b.example",
                             "\xd7\x90"
                             "a.example",
                             ".example", "a..example"}) {
        EXPECT_EQ(ascii_domain(name), std::nullopt) << name;
    }
    EXPECT_EQ(ascii_domain(std::string(64, 'a') + ".example"), std::nullopt);
    EXPECT_EQ(ascii_domain(std::string(300, 'a')), std::nullopt);
    EXPECT_EQ(ascii_domain(std::string(100'000, 'a')), std::nullopt);
}

}  // namespace
}  // namespace zephyr::encoding
