#include "zephyr/messages/templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/encoding/gsm7.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::messages {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Templates : public ::testing::Test {
protected:
    Message message(std::string_view what, std::string_view language = "en", Channel channel = Channel::email) {
        return {.channel = channel,
                .user = UserId::make(clock.now(), random),
                .to = "anna@example.org",
                .what = std::string{what},
                .words = {{"code", "123456"}, {"link", "https://login.example.com/x?token=abc&y=1"}, {"minutes", "15"}, {"factor", "totp"},
                          {"time", "2 January 2026, 00:00 UTC"}, {"address", "192.0.2.7"}},
                .language = std::string{language},
                .until = clock.now() + 1h};
    }
    Rendered rendered(Message const& of) { return render(of, clock.now(), settings); }
    bool by_sms(std::string_view what) { return what_is_missing(message(what, "en", Channel::sms)).empty(); }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    TemplateSettings settings{.service = "Clinic Zürich", .host = "login.example.com"};
};

TEST_F(Templates, every_one_that_is_promised_exists_in_both_languages) {
    // The names of messages/outbox.h.
    std::vector<std::string_view> const promised{"code", "verify_email", "change_email", "reset_password", "factor_added", "factor_removed",
                                                 "factors_reset", "password_changed", "recovery_link", "recovery_begun", "recovery_approved",
                                                 "token_reused", "email_changed", "email_change_asked",
                                                 "backup_codes_made", "backup_codes_low"};
    EXPECT_THAT(template_names(), ::testing::UnorderedElementsAreArray(promised));
    for (auto const what : promised) {
        auto const english = rendered(message(what, "en"));
        auto const german = rendered(message(what, "de"));
        EXPECT_NE(english.subject, german.subject) << what;
        EXPECT_NE(english.text, german.text) << what;
    }
    EXPECT_EQ(rendered(message("code", "fr")).subject, rendered(message("code", "en")).subject) << "a language we don't have";
    EXPECT_EQ(rendered(message("code", "de-CH")).subject, rendered(message("code", "de")).subject);
}

TEST_F(Templates, text_and_html_say_the_same_and_nothing_is_left_to_fill_in) {
    for (auto const language : languages()) {
        for (auto const what : template_names()) {
            auto const out = rendered(message(what, language));
            for (auto const& part : {out.subject, out.text, out.html}) {
                EXPECT_THAT(part, Not(HasSubstr("{"))) << what;
                EXPECT_FALSE(part.empty()) << what;
            }
            EXPECT_THAT(out.html, HasSubstr("<html lang=\"" + std::string{language} + "\">"));
            EXPECT_LE(out.subject.size(), 100u);
            // Nothing that is fetched, runs or tells that somebody looked.
            EXPECT_FALSE(std::regex_search(out.html, std::regex{"<img|<script|<link|<iframe|url\\(|@import|\\son[a-z]+="})) << what;
            bool const links = out.text.find("https://login.example.com/x?token=abc&y=1") != std::string::npos;
            EXPECT_EQ(links, out.html.find("href=\"https://login.example.com/x?token=abc&amp;y=1\"") != std::string::npos) << what;
        }
    }
}

TEST_F(Templates, whoever_is_told_of_a_change_is_told_what_to_do_if_it_was_not_them) {
    for (auto const* what : {"factor_added", "factor_removed", "factors_reset", "password_changed", "recovery_begun", "recovery_approved",
                             "email_changed", "backup_codes_made", "backup_codes_low"}) {
        EXPECT_TRUE(std::regex_search(rendered(message(what)).text, std::regex{"If this was not you|If you did not ask"})) << what;
        EXPECT_TRUE(std::regex_search(rendered(message(what, "de")).text, std::regex{"Falls Sie das nicht"})) << what;
        EXPECT_THAT(rendered(message(what)).text, HasSubstr("1 January 2026, 00:00 UTC")) << what << ": when it happened";
    }
}

TEST_F(Templates, what_is_not_known_is_not_said) {
    auto sparse = message("reset_password");
    sparse.words = {{"link", "https://login.example.com/x"}};
    auto const out = rendered(sparse);
    EXPECT_THAT(out.text, Not(HasSubstr("minutes")));
    EXPECT_THAT(out.text, Not(HasSubstr("came from")));
    EXPECT_THAT(rendered(message("reset_password")).text, HasSubstr("192.0.2.7"));
}

TEST_F(Templates, one_that_is_not_there_or_lacks_its_word_is_a_fault) {
    auto nothing = message("code");
    nothing.words = {};
    EXPECT_THROW((void)rendered(nothing), Fault);
    EXPECT_THROW((void)rendered(message("lottery")), Fault);
}

// Whatever a value holds, it stays a value: one line of the subject, text in the HTML.
TEST_F(Templates, no_value_begins_a_header_a_line_or_a_tag) {
    for (std::string const& evil : std::vector<std::string>{"x\r\nBcc: evil@example.com", "x\nBcc: y", "x\r\r\n\n.", "\r\n\r\nbody", std::string{"a\0b", 3}, "a\x0b\x0c\x1f\x7f",
                                   "\xc2\x85next", "\xe2\x80\xa8line", "\xe2\x80\xa9para", "\xe2\x80\xae" "drah", "\xe2\x81\xa6iso",
                                   "<script>alert(1)</script>", "\" onmouseover=\"x", "'><img src=x>", "=?utf-8?q?x?=", "{service}{link}"}) {
        settings.service = evil;
        auto wicked = message("code");
        wicked.words = {{"code", evil}, {"address", evil}, {"minutes", evil}, {"factor", evil}, {"time", evil}};
        for (auto const what : template_names()) {
            wicked.what = what;
            if (!what_is_missing(wicked).empty()) wicked.words.emplace_back("link", "https://x.example/" + evil);
            auto const out = rendered(wicked);
            EXPECT_EQ(out.subject.find_first_of(std::string{"\r\n\0", 3}), std::string::npos) << what;
            EXPECT_FALSE(std::regex_search(out.text, std::regex{"(^|\n)Bcc:"})) << what;
            EXPECT_THAT(out.html, Not(HasSubstr("<script"))) << what;
            EXPECT_THAT(out.html, Not(HasSubstr("<img"))) << what;
            EXPECT_THAT(out.html, Not(HasSubstr("\" onmouseover"))) << what;
            for (auto const* mark : {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xae", "\xe2\x81\xa6"}) {
                EXPECT_THAT(out.subject + out.text + out.html, Not(HasSubstr(mark))) << what;
            }
        }
    }
}

TEST_F(Templates, a_cancel_link_that_is_none_is_left_out) {
    auto begun = message("recovery_begun");
    begun.words = {{"cancel_link", "javascript:alert(1)"}};
    EXPECT_THAT(rendered(begun).html, Not(HasSubstr("javascript")));
    begun.words = {{"cancel_link", "https://login.example.com/stop"}};
    EXPECT_THAT(rendered(begun).html, HasSubstr("href=\"https://login.example.com/stop\""));
}

// Origin-bound one-time codes delivered via SMS (WICG), 2: "@" host, a space, "#" code, on the last line.
TEST_F(Templates, the_last_line_of_a_code_by_sms_binds_it_to_our_host) {
    for (auto const language : languages()) {
        EXPECT_THAT(rendered(message("code", language, Channel::sms)).text, EndsWith("\n\n@login.example.com #123456"));
    }
}

TEST_F(Templates, an_sms_is_one_sms_whatever_the_service_is_called) {
    for (std::string const& service : {std::string{"Zephyr"}, std::string(64, 'W'), std::string{"Клиника"}, std::string{"{}[]~^|\\€{}[]~^|\\€{}[]~^|\\€"},
                                      std::string{"Ärzte-Gemeinschaft Österreich, Praxis für alles und jeden"}, std::string{"😀😀"}}) {
        for (std::string const& host : {std::string{"localhost"}, std::string(60, 'h') + ".example.com", std::string(240, 'h')}) {
            settings = {.service = service, .host = host};
            for (auto const language : languages()) {
                for (auto const what : template_names()) {
                    if (!by_sms(what)) continue;
                    auto const text = rendered(message(what, language, Channel::sms)).text;
                    auto const septets = encoding::gsm7_encode(text);
                    ASSERT_TRUE(septets) << text;
                    EXPECT_LE(septets->size(), 160u) << text;
                    EXPECT_EQ(what == "code", text.find("123456") != std::string::npos);
                }
            }
        }
    }
}

TEST_F(Templates, no_link_goes_out_by_sms) {
    for (auto const* what : {"verify_email", "change_email", "reset_password", "recovery_link"}) EXPECT_FALSE(by_sms(what)) << what;
}

}  // namespace
}  // namespace zephyr::messages
