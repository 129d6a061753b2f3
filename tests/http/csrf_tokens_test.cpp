#include "zephyr/http/csrf_tokens.h"

#include <gtest/gtest.h>

#include <set>

#include "testing/header_judge.h"
#include "testing/scripted_random.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::http {
namespace {

using zephyr::testing::request_for;
using zephyr::testing::ScriptedRandom;

Request browser(std::string cookies) {
    return request_for(Method::get, "/", {{"Cookie", std::move(cookies)}});
}

class CsrfTokensTest : public ::testing::Test {
protected:
    ScriptedRandom random;
    CsrfTokens tokens{SecretBytes{Bytes(32, std::byte{7})}, random};
};

TEST_F(CsrfTokensTest, accepts_the_token_it_gave_this_session) {
    auto const request = browser("__Host-zephyr_session=abc");
    auto const issued = tokens.issue(request);
    EXPECT_EQ(issued.token.size(), 86u);
    EXPECT_FALSE(issued.cookie);
    EXPECT_TRUE(tokens.check(request, issued.token).ok());
}

TEST_F(CsrfTokensTest, writes_each_token_differently) {
    std::set<std::string> seen;
    auto const request = browser("__Host-zephyr_session=abc");
    for (int i = 0; i < 100; ++i) {
        auto const token = tokens.issue(request).token;
        EXPECT_TRUE(seen.insert(token).second);
        EXPECT_TRUE(tokens.check(request, token).ok());
    }
}

TEST_F(CsrfTokensTest, gives_a_stranger_a_visitor_cookie_to_bind_the_token_to) {
    auto const issued = tokens.issue(browser(""));
    ASSERT_TRUE(issued.cookie);
    EXPECT_EQ(issued.cookie->name, "__Host-zephyr_visitor");
    EXPECT_EQ(issued.cookie->value.size(), 43u);
    EXPECT_TRUE(issued.cookie->http_only);
    auto const back = browser("__Host-zephyr_visitor=" + issued.cookie->value);
    EXPECT_TRUE(tokens.check(back, issued.token).ok());
    EXPECT_FALSE(tokens.issue(back).cookie);
}

TEST_F(CsrfTokensTest, refuses_the_token_of_another_session_visitor_or_key) {
    auto const token = tokens.issue(browser("__Host-zephyr_session=abc")).token;
    EXPECT_EQ(tokens.check(browser("__Host-zephyr_session=abd"), token).error(), errors::csrf_token_wrong);
    EXPECT_EQ(tokens.check(browser("__Host-zephyr_visitor=abc"), token).error(), errors::csrf_token_wrong);
    EXPECT_EQ(tokens.check(browser(""), token).error(), errors::csrf_token_wrong);
    EXPECT_EQ(tokens.check(browser("__Host-zephyr_session=abc; __Host-zephyr_session=abc"), token).error(),
              errors::csrf_token_wrong);
    CsrfTokens const others{SecretBytes{Bytes(32, std::byte{8})}, random};
    EXPECT_EQ(others.check(browser("__Host-zephyr_session=abc"), token).error(), errors::csrf_token_wrong);
}

TEST_F(CsrfTokensTest, refuses_the_token_of_before_sign_in_afterwards) {
    auto const issued = tokens.issue(browser(""));
    auto const both = browser("__Host-zephyr_visitor=" + issued.cookie->value + "; __Host-zephyr_session=abc");
    EXPECT_EQ(tokens.check(both, issued.token).error(), errors::csrf_token_wrong);
}

TEST_F(CsrfTokensTest, refuses_every_truncation_and_every_changed_character) {
    auto const request = browser("__Host-zephyr_session=abc");
    auto const token = tokens.issue(request).token;
    EXPECT_EQ(tokens.check(request, "").error(), errors::csrf_token_missing);
    for (std::size_t length = 1; length < token.size(); ++length)
        EXPECT_FALSE(tokens.check(request, token.substr(0, length)).ok()) << length;
    EXPECT_FALSE(tokens.check(request, token + "A").ok());
    EXPECT_FALSE(tokens.check(request, token + "=").ok());
    for (std::size_t i = 0; i < token.size(); ++i) {
        auto changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(tokens.check(request, changed).ok()) << i;
    }
    EXPECT_FALSE(tokens.check(request, std::string(86, 'A')).ok());
}

TEST_F(CsrfTokensTest, does_not_start_with_a_short_key_or_a_cookie_browsers_drop) {
    EXPECT_THROW((CsrfTokens{SecretBytes{Bytes(31)}, random}), Fault);
    EXPECT_THROW((CsrfTokens{SecretBytes{Bytes(32)}, random, CsrfCookies{"__Host-s", "__Host-v", false}}), Fault);
    EXPECT_NO_THROW((CsrfTokens{SecretBytes{Bytes(32)}, random, CsrfCookies{"s", "v", false}}));
}

}  // namespace
}  // namespace zephyr::http
