// What pages read from a request: a language, a theme, a static file.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "pages/embedded_web.h"
#include "pages/static_files.h"
#include "pages/user_agent.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/pages/pages.h"

namespace zephyr::pages {
namespace {

Pages const& pages() {
    static Pages const instance{PagesSettings{}};
    return instance;
}

http::Request request(std::string target, std::vector<http::Header> headers = {}) {
    http::Request out;
    out.path = target.substr(0, target.find('?'));
    out.target = std::move(target);
    for (auto& header : headers) out.headers.add(header.name, header.value);
    return out;
}

std::string language(std::string accept) {
    return pages().language_for(request("/sign-in", {{"Accept-Language", std::move(accept)}}));
}

TEST(Language, follows_accept_language) {
    EXPECT_EQ(pages().language_for(request("/sign-in")), "en");
    EXPECT_EQ(language("de"), "de");
    EXPECT_EQ(language("de-AT"), "de");
    EXPECT_EQ(language("DE-at"), "de");
    EXPECT_EQ(language("fr, de;q=0.8, en;q=0.5"), "de");
    EXPECT_EQ(language("de;q=0.3, en;q=0.9"), "en");
    EXPECT_EQ(language("en, de"), "en");
    EXPECT_EQ(language("fr"), "en");
    EXPECT_EQ(language("*"), "en");
    EXPECT_EQ(language("de;q=0"), "en");
}

TEST(Language, survives_headers_that_make_no_sense) {
    for (auto const* text :
         {"", ";;;", ",,,,", "de;q=", "de;q=x", "de;q=9", "de;q=-1", "de;q=1e400", "de;q=nan", "../de", "de\xff"})
        EXPECT_EQ(language(text), "en") << text;
    std::string many = "xx";
    for (int i = 0; i < 5000; ++i) many += ",xx";
    EXPECT_EQ(language(many + ",de"), "en");
}

TEST(Language, prefers_a_choice_to_the_header) {
    EXPECT_EQ(pages().language_for(request("/sign-in", {{"Accept-Language", "en"}, {"Cookie", "lang=de"}})), "de");
    EXPECT_EQ(pages().language_for(request("/sign-in?lang=en", {{"Cookie", "lang=de"}})), "en");
    EXPECT_EQ(pages().language_for(request("/sign-in?lang=xx", {{"Cookie", "lang=../../etc"}})), "en");
}

TEST(Language, chosen_by_query_is_kept_in_a_cookie) {
    auto asked = request("/sign-in?lang=de");
    asked.scheme = "https";
    auto const cookie = pages().language_cookie(asked);
    ASSERT_TRUE(cookie);
    EXPECT_EQ(cookie->name + "=" + cookie->value, "lang=de");
    EXPECT_TRUE(cookie->secure);
    EXPECT_FALSE(pages().language_cookie(request("/sign-in")));
    EXPECT_FALSE(pages().language_cookie(request("/sign-in?lang=evil%3B%20x")));
}

TEST(Context, is_taken_from_the_request_and_refuses_a_foreign_return_path) {
    auto asked = request("/sign-in?return_to=%2Fadmin%2Fusers%3Fq%3Da", {{"Cookie", "theme=dark; lang=de"}});
    asked.csp_nonce = "n0nce";
    auto const context = pages().context_for(asked);
    EXPECT_EQ(context.language, "de");
    EXPECT_EQ(context.theme, "dark");
    EXPECT_EQ(context.csp_nonce, "n0nce");
    EXPECT_EQ(context.return_to, "/admin/users?q=a");
    EXPECT_EQ(context.request_path, "/sign-in");
    EXPECT_EQ(pages().context_for(request("/sign-in?return_to=https%3A%2F%2Fevil.example")).return_to, "");
    EXPECT_EQ(pages().context_for(request("/sign-in?return_to=%2F%2Fevil.example")).return_to, "");
}

TEST(Context, keeps_the_return_path_of_a_form) {
    auto posted = request("/sign-in", {{"Content-Type", "application/x-www-form-urlencoded"}});
    posted.method = http::Method::post;
    posted.body = "username=a&return_to=%2Fadmin";
    EXPECT_EQ(pages().context_for(posted).return_to, "/admin");
}

TEST(LanguageLinks, keep_the_page_and_where_it_leads) {
    PageContext context;
    context.request_path = "/sign-in";
    context.return_to = "/admin?x=1&y=2";
    EXPECT_NE(
        pages().render(SignInPage{}, context).find("href=\"/sign-in?return_to=%2Fadmin%3Fx%3D1%26y%3D2&amp;lang=de\""),
        std::string::npos);
    context.request_path = "//evil.example";
    EXPECT_EQ(pages().render(SignInPage{}, context).find("evil"), std::string::npos);
}

TEST(StaticFiles, are_served_with_their_type_and_an_etag) {
    auto const css = pages().static_file("/static/zephyr.css");
    ASSERT_TRUE(css);
    EXPECT_EQ(css->content_type, "text/css; charset=utf-8");
    EXPECT_EQ(css->cache_control, "no-cache");
    EXPECT_EQ(css->etag.size(), 18U);
    EXPECT_FALSE(css->body.empty());
    for (auto const* path :
         {"/static/zephyr.js", "/static/logo.svg", "/static/favicon.svg", "/static/icons.svg", "/static/wind.svg"})
        EXPECT_TRUE(pages().static_file(path)) << path;
}

TEST(StaticFiles, may_be_kept_for_ever_under_the_name_that_changes_with_them) {
    auto const css = pages().static_file("/static/zephyr.css");
    std::string const hashed = hashed_path("zephyr.css", css->body);
    ASSERT_TRUE(pages().static_file(hashed)) << hashed;
    EXPECT_EQ(pages().static_file(hashed)->cache_control, "public, max-age=31536000, immutable");
    EXPECT_EQ(pages().static_file("/static/zephyr.0000000000000000.css")->cache_control, "no-cache");
    EXPECT_NE(pages().render(SignInPage{}, {}).find("href=\"" + hashed + "\""), std::string::npos);
    EXPECT_NE(content_hash("a"), content_hash("b"));
}

TEST(StaticFiles, never_leave_their_folder) {
    for (auto const* path : {"",
                             "/",
                             "/static",
                             "/static/",
                             "/static/nothing.css",
                             "/static/../templates/sign_in.html",
                             "/static/..%2ftemplates/sign_in.html",
                             "/static/sub/zephyr.css",
                             "/static//zephyr.css",
                             "/static/./zephyr.css",
                             "/static/.css",
                             "/static/zephyr",
                             "/static/zephyr.html",
                             "/static/zephyr.css.",
                             "/static/zephyr.css/",
                             "/static/zephyr..css",
                             "/static/a.b.c.css",
                             "/static/\\zephyr.css",
                             "/STATIC/zephyr.css",
                             "/static/zephyr.CSS",
                             "static/zephyr.css",
                             "/templates/sign_in.html",
                             "/static/i18n/en.json",
                             "/static/zephyr.css\n",
                             "/static/../../etc/passwd",
                             "/static/en.json"})
        EXPECT_FALSE(pages().static_file(path)) << path;
    EXPECT_FALSE(pages().static_file(std::string{"/static/zephyr.css\0.svg", 23}));
    EXPECT_FALSE(pages().static_file("/static/" + std::string(10000, 'a') + ".css"));
}

TEST(StaticFiles, answer_not_modified_to_a_browser_that_has_them) {
    auto asked = request("/static/zephyr.css");
    auto const first = pages().static_response(asked);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->status, 200);
    asked.headers.add("If-None-Match", std::string{*first->headers.get("ETag")});
    auto const second = pages().static_response(asked);
    EXPECT_EQ(second->status, 304);
    EXPECT_TRUE(second->body.empty());
    EXPECT_FALSE(pages().static_response(request("/static/nothing.css")));
}

TEST(WebDir, is_read_at_each_request_and_a_broken_one_is_refused_at_start) {
    Pages const live{PagesSettings{"web", {}}};
    EXPECT_TRUE(live.render(SignInPage{}, {}) == pages().render(SignInPage{}, {}))
        << "the embedded files are not those on the disk";
    EXPECT_TRUE(live.static_file("/static/zephyr.css"));
    EXPECT_THROW((Pages{PagesSettings{"tests/pages", {}}}), Fault);
}

TEST(Rendering, from_many_threads_at_once_gives_each_the_same_page) {
    SignInPage page;
    page.username = "<alice>";
    std::string const expected = pages().render(page, {});
    std::atomic<int> same{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < 50; ++round) same += pages().render(page, {}) == expected ? 1 : 0;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(same, 400);
}

TEST(Devices, are_named_as_people_know_them) {
    auto const words = [](std::string_view agent) {
        auto const device = describe_device(agent);
        return device.browser + "|" + device.system + (device.phone ? "|phone" : "");
    };
    EXPECT_EQ(words("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"), "Firefox|Linux");
    EXPECT_EQ(words("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
                    "Safari/537.36"),
              "Chrome|Windows");
    EXPECT_EQ(words("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
                    "Safari/537.36 Edg/126.0.0.0"),
              "Edge|Windows");
    EXPECT_EQ(words("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                    "Version/17.5 Safari/605.1.15"),
              "Safari|Mac");
    EXPECT_EQ(words("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 "
                    "Mobile/15E148 Safari/604.1"),
              "Safari|iPhone|phone");
    EXPECT_EQ(words("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
                    "Mobile Safari/537.36"),
              "Chrome|Android|phone");
    EXPECT_EQ(words("curl/8.5.0"), "curl|");
    EXPECT_EQ(words(""), "|");
    EXPECT_EQ(words("<script>"), "|");
}

}  // namespace
}  // namespace zephyr::pages
