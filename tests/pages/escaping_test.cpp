// Whatever people type, it stays text: in elements, attributes, addresses, options and titles of every page.
#include <gtest/gtest.h>

#include "pages/html_reader.h"
#include "pages/samples.h"
#include "pages/trusted_urls.h"
#include "zephyr/encoding/unicode.h"

namespace zephyr::pages::testing {
namespace {

Pages const& pages() {
    static Pages const instance{PagesSettings{}};
    return instance;
}

std::vector<std::string> const hostile{
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "x\" autofocus onfocus=\"alert(1)",
    "</title><script>alert(1)</script>",
    "</bdi></td></table><form action=\"/evil\">",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "//evil.example/",
    "{{CSRF}} {{%AUTOESCAPE context=\"JAVASCRIPT\"}} [[sign_in.title]] @name@ {username}",
    "&lt;script&gt; &#x3c; &amp;",
    "<!-- --> <![CDATA[ ]]> <?php ?>",
    "../../admin?x=1#y",
    std::string{"nul\0and\x01\x1b[31m controls", 22},
};

TEST(HostileText, changes_no_element_and_no_attribute_of_any_page) {
    int compared = 0;
    for (auto const filled : {Filled::no, Filled::yes})
        for (auto const wrong : {Wrong::no, Wrong::yes}) {
            auto const calm = every_page(Words::all("calm"), filled, wrong);
            for (auto const& text : hostile) {
                auto const wild = every_page(Words::all(text), filled, wrong);
                for (std::size_t i = 0; i < calm.size(); ++i) {
                    SCOPED_TRACE(calm[i].name + " with " + text);
                    auto const shape = [&](NamedPage const& page, std::string const& words) {
                        auto context = sample_context(Words::all(words), page.signed_in);
                        context.request_path = "/" + words;
                        context.csrf_token = words;
                        context.csp_nonce = words;
                        context.brand = {words, "/logo.svg", ""};
                        return Document{page.render(pages(), context)}.shape();
                    };
                    EXPECT_EQ(shape(wild[i], text), shape(calm[i], "calm"));
                    ++compared;
                }
            }
        }
    EXPECT_GT(compared, 800);
}

TEST(HostileText, reaches_no_address_as_a_scheme_or_another_host) {
    for (auto const& text : hostile)
        for (auto const& page : every_page(Words::all(text), Filled::yes, Wrong::yes)) {
            auto context = sample_context(Words::all(text), page.signed_in);
            context.return_to = text;
            context.request_path = text;
            context.brand.logo_url = text == "//evil.example/" ? "" : text;
            Document const document{page.render(pages(), context)};
            for (auto const& element : document.elements())
                for (auto const* attribute : {"href", "src", "action"}) {
                    std::string const value = element.get(attribute);
                    EXPECT_EQ(value.find("script:"), std::string::npos) << page.name << " " << value;
                    EXPECT_NE(value.rfind("//", 0), 0U) << page.name << " " << value;
                }
        }
}

TEST(HostileText, stands_as_typed_where_it_is_shown) {
    AccountPage page;
    page.display_name = "<b>\"Tom\" & 'Jerry'</b>";
    std::string const html = pages().render(page, {});
    EXPECT_NE(html.find("value=\"&lt;b&gt;&quot;Tom&quot; &amp; &#39;Jerry&#39;&lt;/b&gt;\""), std::string::npos);
}

TEST(HostileText, in_an_id_stays_one_segment_of_its_path) {
    AdminUserPage page;
    page.id = "../delete?x=<&\"";
    std::string const html = pages().render(page, {});
    EXPECT_NE(html.find("action=\"/admin/users/..%2Fdelete%3Fx%3D%3C%26%22/delete\""), std::string::npos);
    EXPECT_NE(html.find("href=\"/admin/audit?user=..%2Fdelete%3Fx%3D%3C%26%22\""), std::string::npos);
    EXPECT_EQ(html.find("/../"), std::string::npos);
}

TEST(HostileText, of_ten_thousand_characters_is_shown_whole_and_harmless) {
    std::string const name = "<i>" + std::string(10000, 'A') + "</i>";
    for (auto const& page : every_page(Words::all(name), Filled::yes, Wrong::yes)) {
        std::string const html = page.render(pages(), sample_context(Words::all(name), page.signed_in));
        EXPECT_EQ(html.find("<i>"), std::string::npos) << page.name;
        EXPECT_NO_THROW(Document{html}) << page.name;
    }
    AdminUserPage user;
    user.username = name;
    EXPECT_NE(pages().render(user, {}).find(std::string(10000, 'A')), std::string::npos);
}

TEST(HostileText, that_is_no_utf8_becomes_utf8) {
    std::string const broken = "M\xfcller \xc3\x28 \xff";
    for (auto const& page : every_page(Words::all(broken), Filled::yes, Wrong::yes))
        EXPECT_TRUE(encoding::is_valid_utf8(page.render(pages(), sample_context(Words::all(broken), page.signed_in))))
            << page.name;
}

TEST(RightToLeftNames, stand_in_isolation_so_that_the_line_around_them_stays_in_order) {
    std::string const name = "\u202e\u05d0\u05d1 evil";
    AccountPage account;
    account.username = name;
    account.factors = {sample_factor(Words::all(name), 0)};
    std::string const html = pages().render(account, sample_context(Words::all(name), true));
    // Wherever the name is text, <bdi> is around it; in a field it is the value and dir=auto turns the field alone.
    for (auto at = html.find(name); at != std::string::npos; at = html.find(name, at + 1)) {
        std::string const before = html.substr(at > 80 ? at - 80 : 0, at > 80 ? 80 : at);
        auto const tag = before.rfind('<');
        EXPECT_TRUE(before.find("<bdi", tag == std::string::npos ? 0 : tag) != std::string::npos ||
                    before.ends_with("value=\""))
            << before;
    }
    EventRow event{sample_time(), "Z", "auth.signed_in", "success", "", name, "user", "1", name, "", {}};
    AdminAuditPage audit;
    audit.events = {event};
    EXPECT_NE(pages().render(audit, {}).find("<bdi>" + name + "</bdi>"), std::string::npos);
}

TEST(ReturnTo, accepts_only_a_path_of_this_server) {
    EXPECT_EQ(safe_return_to("/account?x=1&y=%20#z"), "/account?x=1&y=%20#z");
    for (auto const* text :
         {"", "account", "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example",
          "javascript:alert(1)", "/a\\b", "/a b", "/a\tb", "/a\r\nSet-Cookie: x", "/caf\u00e9", " /account", "/\x7f"})
        EXPECT_EQ(safe_return_to(text), "/account") << text;
    EXPECT_EQ(safe_return_to("/" + std::string(2048, 'a')), "/account");
    EXPECT_EQ(safe_return_to("//x", ""), "");
}

TEST(TrustedAddresses, pass_only_what_their_names_say) {
    EXPECT_EQ(checked_otpauth_url("otpauth://totp/Zephyr:al%40ice?secret=ABC&issuer=Z"),
              "otpauth://totp/Zephyr:al%40ice?secret=ABC&issuer=Z");
    for (auto const* text : {"javascript:alert(1)", "otpauth://hotp/x", "OTPAUTH://totp/x",
                             "otpauth://totp/\"onclick=", "otpauth://totp/<", "otpauth://totp/a b", ""})
        EXPECT_EQ(checked_otpauth_url(text), "#") << text;
    EXPECT_EQ(checked_qr_image(qr_image("<svg></svg>")), "data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=");
    for (auto const* text : {"data:text/html;base64,PHN2Zz4=", "data:image/svg+xml,<svg>",
                             "data:image/svg+xml;base64,a\"b", "javascript:alert(1)"})
        EXPECT_EQ(checked_qr_image(text), "#") << text;
}

TEST(TrustedAddresses, hold_even_for_markup_that_qr_svg_never_made) {
    EnrolTotpPage page;
    page.qr_svg = "<svg onload=\"alert(1)\"><script>alert(1)</script></svg>";
    page.otpauth_uri = "javascript:alert(1)";
    std::string const html = pages().render(page, {});
    // In an <img> an SVG runs no script; nothing of it is in the page's own markup.
    EXPECT_EQ(html.find("<script>"), std::string::npos);
    EXPECT_EQ(html.find("onload"), std::string::npos);
    EXPECT_EQ(html.find("javascript:"), std::string::npos);
}

}  // namespace
}  // namespace zephyr::pages::testing
