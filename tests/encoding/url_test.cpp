#include "zephyr/encoding/url.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "testing/scripted_random.h"
#include "zephyr/encoding/json.h"

namespace zephyr::encoding {
namespace {

TEST(Percent, encodes_all_but_the_unreserved_characters) {
    EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
    EXPECT_EQ(percent_encode("a b+c/d?é%"), "a%20b%2Bc%2Fd%3F%C3%A9%25");
}

TEST(Percent, decodes_once_and_keeps_plus) {
    EXPECT_EQ(percent_decode("%2e%2E%2f+").value(), "../+");
    EXPECT_EQ(percent_decode("%252e").value(), "%2e");
    EXPECT_EQ(percent_decode("%00").value(), std::string(1, '\0'));
    for (auto const* text : {"%", "%1", "a%", "%zz", "%1g", "%g1", "%%20", "%u0041", "% 1", "%-1"})
        EXPECT_EQ(percent_decode(text).error(), errors::url_malformed_escape) << text;
}

TEST(Percent, every_byte_survives_the_round_trip) {
    testing::ScriptedRandom random{3};
    for (std::size_t size = 0; size < 300; ++size) {
        auto const text = to_text(random.bytes(size));
        EXPECT_EQ(percent_decode(percent_encode(text)).value(), text);
    }
}

TEST(Form, reads_fields_in_order_and_keeps_repeats) {
    EXPECT_EQ(
        parse_form("a=1&b=x+y%26&a=2&empty=&flag&&=v&c=d=e").value(),
        (FormFields{{"a", "1"}, {"b", "x y&"}, {"a", "2"}, {"empty", ""}, {"flag", ""}, {"", "v"}, {"c", "d=e"}}));
    EXPECT_TRUE(parse_form("").value().empty());
    EXPECT_TRUE(parse_form("&&&").value().empty());
}

TEST(Form, refuses_broken_escapes_nul_and_invalid_utf8) {
    for (auto const* text : {"a=%", "a=%4", "%zz=1", "a=%00", "a%00=1", "a=%ff", "a=%C3", "a=\xff"})
        EXPECT_EQ(parse_form(text).error(), errors::form_malformed) << text;
}

TEST(Form, accepts_the_last_field_and_byte_and_refuses_the_next) {
    std::string hundred;
    for (int i = 0; i < 100; ++i) hundred += (i ? "&a=" : "a=");
    EXPECT_EQ(parse_form(hundred).value().size(), 100u);
    EXPECT_EQ(parse_form(hundred + "&a=").error(), errors::form_too_many_fields);
    EXPECT_TRUE(parse_form("a=" + std::string(64 * 1024 - 2, 'x')).ok());
    EXPECT_EQ(parse_form("a=" + std::string(64 * 1024 - 1, 'x')).error(), errors::form_too_large);
    EXPECT_EQ(parse_form("a=1", {.bytes = 2}).error(), errors::form_too_large);
}

TEST(Form, naughty_strings_survive_the_round_trip) {
    std::ifstream in{"tests/vectors/http/naughty_strings.json", std::ios::binary};
    auto const strings = parse_json(std::string{std::istreambuf_iterator<char>{in}, {}}).value();
    int checked = 0;
    for (auto const& text : *strings.items()) {
        FormFields const fields{{*text.string(), *text.string()}, {"b", *text.string()}};
        EXPECT_EQ(parse_form(build_form(fields)).value(), fields);
        ++checked;
    }
    EXPECT_EQ(checked, 258);
}

TEST(ParseOrigin, gives_each_origin_one_spelling) {
    EXPECT_EQ(parse_origin("https://example.com").value().str(), "https://example.com");
    EXPECT_EQ(parse_origin("HTTPS://Example.COM:443").value().str(), "https://example.com");
    EXPECT_EQ(parse_origin("http://example.com:80").value().str(), "http://example.com");
    EXPECT_EQ(parse_origin("https://example.com:80").value().str(), "https://example.com:80");
    EXPECT_EQ(parse_origin("http://localhost:8080").value().str(), "http://localhost:8080");
    EXPECT_EQ(parse_origin("http://[0:0:0:0:0:0:0:1]:8080").value().str(), "http://[::1]:8080");
    EXPECT_EQ(parse_origin("https://[2001:DB8::1]").value().str(), "https://[2001:db8::1]");
    EXPECT_EQ(parse_origin("https://10.0.0.1").value(), (Origin{"https", "10.0.0.1", 443}));
    EXPECT_EQ(parse_origin("https://xn--bcher-kva.example").value().host, "xn--bcher-kva.example");
}

TEST(ParseOrigin, refuses_everything_that_is_more_or_less_than_an_origin) {
    for (auto const* text : {"",
                             "null",
                             "*",
                             "example.com",
                             "//example.com",
                             "https:example.com",
                             "https:/example.com",
                             "https://",
                             "https://example.com/",
                             "https://example.com/a",
                             "https://example.com?x",
                             "https://example.com#x",
                             "https://user@example.com",
                             "https://user:pw@example.com",
                             "https://example.com:",
                             "https://example.com:0",
                             "https://example.com:65536",
                             "https://example.com:080",
                             "https://example.com:+1",
                             "https://example.com:1:2",
                             "https://exa mple.com",
                             "https://example.com ",
                             " https://example.com",
                             "https://exämple.com",
                             "https://example.com.",
                             "https://.example.com",
                             "https://a..b",
                             "https://-a.com",
                             "https://a-.com",
                             "https://a_b.com",
                             "https://*.example.com",
                             "https://127.1",
                             "https://0x7f.0.0.1",
                             "https://1.2.3.4.5",
                             "https://256.1.1.1",
                             "https://010.0.0.1",
                             "https://2130706433",
                             "https://[::1",
                             "https://::1",
                             "https://[::1]x",
                             "https://[::g]",
                             "https://[fe80::1%25eth0]",
                             "https://[127.0.0.1]",
                             "ftp://example.com",
                             "file:///etc",
                             "javascript://x",
                             "https://example.com\\@evil.test",
                             "https://example.com%2eevil.test",
                             "https://example.com\n",
                             "wss://example.com"})
        EXPECT_EQ(parse_origin(text).error(), errors::origin_malformed) << text;
    EXPECT_FALSE(parse_origin(std::string_view{"https://a\0b", 11}).ok());
    EXPECT_FALSE(parse_origin(std::string_view{"https://[::1\0]", 14}).ok());
    EXPECT_FALSE(parse_origin("https://" + std::string(64, 'a') + ".com").ok());
    EXPECT_FALSE(parse_origin("https://" + std::string(300, 'a')).ok());
}

TEST(Origin, knows_what_stays_on_the_machine) {
    for (auto const* text :
         {"http://localhost", "http://app.localhost:1", "http://127.0.0.1", "http://127.9.9.9", "http://[::1]"})
        EXPECT_TRUE(parse_origin(text).value().is_loopback()) << text;
    for (auto const* text : {"http://localhost.example.com", "http://128.0.0.1", "http://[::2]",
                             "http://127.0.0.1.example.com", "http://mylocalhost"})
        EXPECT_FALSE(parse_origin(text).value().is_loopback()) << text;
}

}  // namespace
}  // namespace zephyr::encoding
