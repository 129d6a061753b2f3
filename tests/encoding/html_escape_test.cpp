#include "zephyr/encoding/html_escape.h"

#include <gtest/gtest.h>

namespace zephyr::encoding {
namespace {

TEST(HtmlEscape, leaves_nothing_that_opens_a_tag_an_attribute_or_a_reference) {
    EXPECT_EQ(html_escape(R"(<script>alert("x" & 'y')</script>)"),
              "&lt;script&gt;alert(&quot;x&quot; &amp; &#39;y&#39;)&lt;/script&gt;");
    EXPECT_EQ(html_escape("&amp;"), "&amp;amp;");
    EXPECT_EQ(html_escape("plain é 漢\n\t"), "plain é 漢\n\t");
}

TEST(HtmlEscape, replaces_invalid_utf8_and_controls) {
    EXPECT_EQ(html_escape("a\xff<"), "a\uFFFD&lt;");
    EXPECT_EQ(html_escape(std::string_view{"a\0b\x1b\x7f", 5}), "a\uFFFDb\uFFFD\uFFFD");
    // A truncated sequence cannot swallow the quote behind it.
    EXPECT_EQ(html_escape("\xe2\x82\""), "\uFFFD&quot;");
}

}  // namespace
}  // namespace zephyr::encoding
