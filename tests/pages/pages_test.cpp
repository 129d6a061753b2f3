#include "zephyr/pages/pages.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "pages/html_reader.h"
#include "pages/samples.h"

namespace zephyr::pages::testing {
namespace {

Pages const& pages() {
    static Pages const instance{PagesSettings{}};
    return instance;
}

// Every page, filled and empty, right and wrong, in every language, given to `look` with a name for messages.
void each_page(std::function<void(std::string const&, Document const&)> const& look) {
    for (auto const& language : pages().languages())
        for (auto const filled : {Filled::no, Filled::yes})
            for (auto const wrong : {Wrong::no, Wrong::yes})
                for (auto const& page : every_page(Words{}, filled, wrong)) {
                    auto context = sample_context(Words{}, page.signed_in);
                    context.language = language;
                    std::string const name = page.name + " " + language +
                                             (filled == Filled::yes ? " filled" : " empty") +
                                             (wrong == Wrong::yes ? " wrong" : "");
                    SCOPED_TRACE(name);
                    look(name, Document{page.render(pages(), context)});
                }
}

std::string one(std::string const& name, Filled filled = Filled::yes, Wrong wrong = Wrong::no) {
    for (auto const& page : every_page(Words{}, filled, wrong))
        if (page.name == name) return page.render(pages(), sample_context(Words{}, page.signed_in));
    ADD_FAILURE() << "no page " << name;
    return {};
}

bool visible_field(Element const& element) {
    return (element.name == "input" && element.get("type") != "hidden" && element.get("aria-hidden") != "true") ||
           element.name == "select";
}

TEST(EveryPage, says_its_language_and_has_one_heading_and_one_main) {
    each_page([](std::string const& name, Document const& document) {
        auto const html = document.all("html");
        ASSERT_EQ(html.size(), 1U);
        EXPECT_EQ(html[0].get("lang"), name.find(" de") != std::string::npos ? "de" : "en");
        EXPECT_EQ(document.all("h1").size(), 1U);
        EXPECT_EQ(document.all("main").size(), 1U);
        EXPECT_EQ(document.all("title").size(), 1U);
        EXPECT_FALSE(document.all("title")[0].text.empty());
    });
}

TEST(EveryPage, labels_every_field) {
    int fields = 0;
    each_page([&](std::string const&, Document const& document) {
        std::set<std::string> labelled;
        for (auto const& label : document.all("label")) labelled.insert(label.get("for"));
        for (auto const& element : document.elements()) {
            if (!visible_field(element)) continue;
            ++fields;
            EXPECT_EQ(labelled.count(element.get("id")), 1U) << element.get("name");
            EXPECT_TRUE(element.name == "select" || element.has("autocomplete") || element.get("type") == "checkbox")
                << element.get("name");
        }
    });
    EXPECT_GT(fields, 100);
}

TEST(EveryPage, carries_the_csrf_token_in_each_form_that_changes_something) {
    int forms = 0;
    each_page([&](std::string const&, Document const& document) {
        for (auto const& form : document.elements()) {
            if (form.name != "form") continue;
            int tokens = 0;
            for (auto const& input : document.inside(form))
                if (input.get("name") == "csrf_token") {
                    ++tokens;
                    EXPECT_EQ(input.get("type"), "hidden");
                    EXPECT_EQ(input.get("value"), "csrf-token-of-the-test");
                }
            // A token in a GET form would end up in the address bar and in logs.
            EXPECT_EQ(tokens, form.get("method") == "post" ? 1 : 0) << form.get("action");
            forms += tokens;
        }
    });
    EXPECT_GT(forms, 100);
}

TEST(EveryPage, posts_only_to_paths_that_are_agreed) {
    std::regex const agreed{
        "/setup/[^/]+|/sign-up|/sign-in|/sign-in/factor(/send)?|/sign-out|/account/(profile|password|verify(/send)?|notices/dismiss)|"
        "/account/factors/(totp|sms|email)/(begin|confirm)|/account/factors/backup-codes(/download)?|/account/browsers/[^/]+/forget|"
        "/account/factors/[^/]+/remove|/account/sessions/([^/]+/"
        "revoke|revoke-others)|"
        "/admin/users/(new|[^/]+/(disable|enable|end-sessions|roles|delete|recovery|recovery/(approve|cancel)))|/forgot-password|/reset-password/[^/]+|"
        "/verify-email/[^/]+|/recover/[^/]+|/sign-in/lost-factor|/account/email/(verify|change)|/account/recovery/cancel|/admin/audit/export"};
    each_page([&](std::string const&, Document const& document) {
        for (auto const& form : document.all("form"))
            if (form.get("method") == "post") {
                EXPECT_TRUE(std::regex_match(form.get("action"), agreed)) << form.get("action");
            }
    });
}

TEST(EveryPage, runs_no_script_but_ours_and_asks_no_other_server) {
    each_page([](std::string const&, Document const& document) {
        for (auto const& element : document.elements()) {
            for (auto const& [attribute, value] : element.attributes) {
                EXPECT_NE(attribute.rfind("on", 0), 0U) << element.name << " " << attribute;
                EXPECT_NE(attribute, "style") << element.name;
                if (attribute != "href" && attribute != "src" && attribute != "action") continue;
                bool const ours = value.rfind("/", 0) == 0 && value.rfind("//", 0) != 0;
                bool const fragment = value.rfind("#", 0) == 0;
                bool const trusted =
                    value.rfind("otpauth://totp/", 0) == 0 || value.rfind("data:image/svg+xml;base64,", 0) == 0;
                EXPECT_TRUE(ours || fragment || trusted) << element.name << " " << value;
            }
            if (element.name == "script") {
                EXPECT_EQ(element.get("nonce"), "bm9uY2U");
                EXPECT_TRUE(element.text.empty());
            }
            if (element.name == "style") {
                EXPECT_EQ(element.get("nonce"), "bm9uY2U");
            }
        }
    });
}

TEST(EveryPage, refers_only_to_things_that_are_there) {
    each_page([](std::string const&, Document const& document) {
        std::set<std::string> ids;
        for (auto const& element : document.elements())
            if (element.has("id")) {
                EXPECT_TRUE(ids.insert(element.get("id")).second) << "twice: " << element.get("id");
            }
        auto const exists = [&](std::string const& id) { EXPECT_EQ(ids.count(id), 1U) << id; };
        for (auto const& element : document.elements()) {
            for (auto const* attribute : {"aria-describedby", "aria-labelledby", "for"}) {
                std::istringstream words{element.get(attribute)};
                for (std::string id; words >> id;) exists(id);
            }
            if (element.get("href").rfind("#", 0) == 0) exists(element.get("href").substr(1));
            if (element.name == "img") {
                EXPECT_TRUE(element.has("alt"));
            }
        }
    });
}

TEST(EveryPage, puts_the_focus_on_the_summary_when_something_is_wrong) {
    each_page([](std::string const& name, Document const& document) {
        std::size_t focused = 0;
        std::size_t alerts = 0;
        for (auto const& element : document.elements()) {
            if (element.has("autofocus")) ++focused;
            if (element.get("role") == "alert") {
                ++alerts;
                EXPECT_TRUE(element.has("autofocus"));
                EXPECT_EQ(element.get("tabindex"), "-1");
            }
        }
        EXPECT_LE(focused, 1U);
        EXPECT_LE(alerts, 1U);
        if (name.find("sign-in en empty wrong") == 0) {
            EXPECT_EQ(alerts, 1U);
        }
    });
}

TEST(EveryPage, shows_each_time_as_a_time_element_with_the_whole_moment_on_hover) {
    Document const document{one("admin-user")};
    ASSERT_GT(document.all("time").size(), 5U);
    for (auto const& time : document.all("time")) {
        EXPECT_TRUE(std::regex_match(time.get("datetime"), std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"}))
            << time.get("datetime");
        EXPECT_TRUE(std::regex_match(time.get("title"), std::regex{R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)"}))
            << time.get("title");
    }
}

TEST(FormFields, tell_password_managers_what_they_are) {
    auto const autocomplete = [](std::string const& page, std::string const& id, Filled filled = Filled::yes) {
        Document const document{one(page, filled)};
        auto const* field = document.by_id(id);
        return field == nullptr ? std::string{"(no field)"} : field->get("autocomplete");
    };
    EXPECT_EQ(autocomplete("sign-in", "username"), "username webauthn");
    EXPECT_EQ(autocomplete("sign-in", "password"), "current-password");
    EXPECT_EQ(autocomplete("second-factor", "code"), "one-time-code");
    EXPECT_EQ(autocomplete("setup", "password"), "new-password");
    EXPECT_EQ(autocomplete("setup", "email"), "email");
    EXPECT_EQ(autocomplete("sign-up", "username"), "username");
    EXPECT_EQ(autocomplete("change-password", "current_password"), "current-password");
    EXPECT_EQ(autocomplete("change-password", "password"), "new-password");
    EXPECT_EQ(autocomplete("reauth", "password"), "current-password");
    EXPECT_EQ(autocomplete("enrol-totp", "code"), "one-time-code");
    // Somebody else's account: the administrator's own details must not be filled in.
    EXPECT_EQ(autocomplete("admin-user-new", "username"), "off");
    EXPECT_EQ(Document{one("second-factor")}.by_id("code")->get("inputmode"), "numeric");
}

TEST(FormFields, keep_what_was_typed_and_never_a_secret) {
    Document const document{one("setup", Filled::yes, Wrong::yes)};
    EXPECT_EQ(document.by_id("username")->get("value"), "m.lindqvist");
    EXPECT_EQ(document.by_id("email")->get("value"), "maja.lindqvist@example.org");
    each_page([](std::string const&, Document const& every) {
        for (auto const& input : every.all("input"))
            if (input.get("type") == "password" || input.get("name") == "code") {
                EXPECT_FALSE(input.has("value")) << input.get("name");
            }
    });
}

TEST(FormFields, show_their_error_beside_them_and_in_the_summary) {
    Document const document{one("second-factor", Filled::yes, Wrong::yes)};
    auto const* code = document.by_id("code");
    EXPECT_EQ(code->get("aria-invalid"), "true");
    EXPECT_EQ(code->get("aria-describedby"), "code-help code-error");
    ASSERT_NE(document.by_id("code-error"), nullptr);
    bool linked = false;
    for (auto const& link : document.all("a"))
        if (link.get("href") == "#code")
            linked = link.text == "That code has been used already. Wait for the next one.";
    EXPECT_TRUE(linked);
    EXPECT_EQ(document.all("title")[0].text.rfind("Problem: ", 0), 0U);
}

TEST(FormFields, that_a_page_does_not_have_are_told_of_in_its_summary) {
    SignInPage page;
    page.errors.fields = {{"elsewhere", {"mfa.totp_wrong_code", {}}}};
    Document const document{pages().render(page, {})};
    for (auto const& link : document.all("a")) EXPECT_NE(link.get("href"), "#elsewhere");
    EXPECT_NE(pages().render(page, {}).find("<li>That code did not match."), std::string::npos);
    ReauthPage reauth;
    reauth.errors.fields = {{"current_password", {"passwords.wrong_password", {}}}};
    EXPECT_NE(pages().render(reauth, {}).find("href=\"#password\""), std::string::npos);
}

TEST(Messages, show_a_reason_in_english_and_the_catalogue_in_german) {
    SetupPage page;
    page.errors.fields = {{"password", {"passwords.too_short", "Use at least 15 characters; this one has 9."}}};
    PageContext context;
    EXPECT_NE(pages().render(page, context).find("this one has 9"), std::string::npos);
    context.language = "de";
    EXPECT_EQ(pages().render(page, context).find("this one has 9"), std::string::npos);
    EXPECT_NE(pages().render(page, context).find("Dieses Passwort ist zu kurz."), std::string::npos);
    page.errors.fields = {{"password", {"passwords.invented_tomorrow", "A new reason."}}};
    EXPECT_NE(pages().render(page, context).find("A new reason."), std::string::npos);
    page.errors.fields = {{"password", {"passwords.invented_tomorrow", ""}}};
    EXPECT_NE(pages().render(page, context).find("Das hat nicht geklappt."), std::string::npos);
}

TEST(Messages, never_show_the_detail_meant_for_the_log) {
    constexpr Failure failure{Kind::invalid, "mfa.totp_wrong_code"};
    SecondFactorPage page{{}, 0, "", FormErrors::of("code", Error{failure, "secret of alice is broken"})};
    EXPECT_EQ(pages().render(page, {}).find("secret of alice"), std::string::npos);
}

TEST(Messages, show_no_notice_that_is_not_in_the_catalogue) {
    SignInPage page;
    page.notice = "You won a prize, send money";
    EXPECT_EQ(pages().render(page, {}).find("prize"), std::string::npos);
    page.notice = "signed_out";
    EXPECT_NE(pages().render(page, {}).find("You are signed out."), std::string::npos);
}

TEST(EnrolTotpPage, shows_the_qr_code_as_an_image_and_the_secret_in_groups_of_four) {
    std::string const html = one("enrol-totp");
    Document const document{html};
    bool image = false;
    for (auto const& img : document.all("img"))
        if (img.get("class") == "qr")
            image = img.get("src").rfind("data:image/svg+xml;base64,", 0) == 0 && !img.get("alt").empty();
    EXPECT_TRUE(image);
    std::vector<std::string> groups;
    for (auto const& code : document.all("code")) groups.push_back(code.text);
    EXPECT_EQ(groups, (std::vector<std::string>{"JBSW", "Y3DP", "EHPK", "3PXP", "GEZD", "GNBV", "GY3T", "QOJQ"}));
    EXPECT_NE(html.find("href=\"otpauth://totp/Zephyr:m.lindqvist?secret="), std::string::npos);
    EXPECT_NE(html.find("If you lose this device"), std::string::npos);
}

TEST(SecondFactorPage, asks_for_the_strongest_first_and_keeps_the_others_one_tap_away) {
    Document const document{one("second-factor")};
    std::vector<std::string> links;
    for (auto const& link : document.all("a"))
        if (link.get("href").rfind("/sign-in/factor?", 0) == 0 && link.get("href").find("method=") != std::string::npos)
            links.push_back(link.get("href"));
    EXPECT_EQ(links, (std::vector<std::string>{"/sign-in/factor?method=sms&amp;return_to=%2Faccount",
                                               "/sign-in/factor?method=email&amp;return_to=%2Faccount",
                                               "/sign-in/factor?method=backup_code&amp;return_to=%2Faccount"}));
    SecondFactorPage alone{{"totp", {"totp"}, {"Phone"}}};
    EXPECT_EQ(pages().render(alone, {}).find("?method="), std::string::npos);
}

TEST(SecondFactorPage, shows_the_field_of_a_code_that_is_sent_only_once_it_was) {
    Document const before{one("second-factor-send")};
    EXPECT_EQ(before.by_id("code"), nullptr);
    EXPECT_NE(one("second-factor-send").find("action=\"/sign-in/factor/send\""), std::string::npos);
    EXPECT_NE(one("second-factor-send").find("Send the code to <bdi>Work phone</bdi>"), std::string::npos);
    Document const after{one("second-factor-sent")};
    ASSERT_NE(after.by_id("code"), nullptr);
    EXPECT_EQ(after.by_id("code")->get("autocomplete"), "one-time-code");
    bool again = false;
    for (auto const& button : after.all("button"))
        if (button.has("data-wait")) again = button.get("data-wait") == "30" && !button.has("disabled");  // works without script
    EXPECT_TRUE(again);
}

TEST(SecondFactorPage, takes_letters_for_backup_codes) {
    Document const document{one("second-factor-backup")};
    auto const* code = document.by_id("code");
    ASSERT_NE(code, nullptr);
    EXPECT_EQ(code->get("type"), "text");
    EXPECT_FALSE(code->has("inputmode"));
    EXPECT_EQ(code->get("autocomplete"), "off");
}

TEST(SecondFactorPage, offers_to_trust_the_browser_only_where_that_is_allowed) {
    Document const allowed{one("second-factor")};
    ASSERT_NE(allowed.by_id("trust_device"), nullptr);
    EXPECT_FALSE(allowed.by_id("trust_device")->has("checked"));
    EXPECT_NE(one("second-factor").find("<bdi>30</bdi> days"), std::string::npos);
    EXPECT_EQ(Document{one("second-factor-backup")}.by_id("trust_device"), nullptr);
}

TEST(SecondFactorPage, leads_people_who_lost_their_device_where_there_is_a_way) {
    EXPECT_NE(one("second-factor").find("href=\"/sign-in/lost-factor\""), std::string::npos);
    std::string const none = one("second-factor", Filled::yes, Wrong::yes);
    EXPECT_EQ(none.find("I lost my device"), std::string::npos);
    EXPECT_NE(none.find("An administrator can reset"), std::string::npos);
}

TEST(ReauthPage, asks_for_one_proof_with_the_same_choice) {
    Document const password{one("reauth")};
    EXPECT_NE(password.by_id("password"), nullptr);
    EXPECT_EQ(password.by_id("code"), nullptr);
    Document const code{one("reauth-code")};
    EXPECT_EQ(code.by_id("password"), nullptr);
    EXPECT_NE(code.by_id("code"), nullptr);
    EXPECT_EQ(code.by_id("trust_device"), nullptr);
    EXPECT_NE(one("reauth-code").find("href=\"/account/verify?method=backup_code&amp;"), std::string::npos);
    EXPECT_NE(one("reauth-code").find("stronger proof"), std::string::npos);
}

TEST(EnrolDeliveredPage, says_in_plain_words_what_a_text_message_is_worth) {
    EXPECT_NE(one("enrol-sms").find("Text messages can be intercepted; an app is safer."), std::string::npos);
    EXPECT_NE(one("choose-factor").find("Text messages can be intercepted; an app is safer."), std::string::npos);
    EXPECT_NE(one("enrol-email").find("does not count"), std::string::npos);
    Document const document{one("enrol-sms")};
    ASSERT_NE(document.by_id("phone"), nullptr);
    EXPECT_EQ(document.by_id("phone")->get("autocomplete"), "tel");
    EXPECT_EQ(document.by_id("phone")->get("type"), "tel");
}

TEST(EnrolDeliveredPage, sends_nothing_to_an_address_that_was_not_confirmed) {
    std::string const html = one("enrol-email", Filled::no);
    EXPECT_EQ(html.find("/account/factors/email/begin"), std::string::npos);
    EXPECT_NE(html.find("Confirm yours first"), std::string::npos);
}

TEST(BackupCodes, are_shown_with_a_way_to_keep_them_that_needs_no_script) {
    Document const document{one("backup-codes-shown")};
    std::string kept;
    for (auto const& input : document.all("input"))
        if (input.get("name") == "codes") kept = input.get("value");
    EXPECT_EQ(kept.find("ABCD-EFGH-JKMN-PQR0 ABCD-EFGH-JKMN-PQR1 "), 0U);
    EXPECT_EQ(document.all("code").size(), 10U);
    for (auto const& button : document.all("button")) {
        if (button.has("data-theme-switch")) continue;
        EXPECT_EQ(button.has("data-copy") || button.has("data-print"), button.has("hidden"));
    }
    EXPECT_NE(one("backup-codes-shown").find("href=\"/admin\""), std::string::npos);
}

TEST(BackupCodes, say_how_many_are_left_and_warn_when_they_are_few) {
    EXPECT_NE(one("backup-codes").find("You have <bdi>7</bdi> codes left."), std::string::npos);
    EXPECT_NE(one("backup-codes", Filled::yes, Wrong::yes).find("Only <bdi>1</bdi> codes are left."), std::string::npos);
    EXPECT_NE(one("account").find("You have <bdi>2</bdi> backup codes left."), std::string::npos);
    EXPECT_NE(one("account").find("Few are left."), std::string::npos);
}

TEST(BackupCodesShownPage, goes_on_to_no_other_server) {
    BackupCodesShownPage page{"alice", {"A"}, sample_time(), false, "//evil.example"};
    EXPECT_EQ(pages().render(page, {}).find("evil"), std::string::npos);
}

TEST(AccountPage, shows_every_kind_of_factor_and_what_it_is_worth) {
    std::string const html = one("account");
    for (auto const* icon : {"#phone", "#message", "#mail"}) EXPECT_NE(html.find(icon), std::string::npos) << icon;
    EXPECT_NE(html.find("Does not count where a second factor is demanded."), std::string::npos);
    EXPECT_NE(html.find("href=\"/account/factors/sms"), std::string::npos);
    EXPECT_NE(html.find("href=\"/account/factors/email"), std::string::npos);
    AccountPage bare;
    EXPECT_EQ(pages().render(bare, {}).find("href=\"/account/factors/sms"), std::string::npos);
    EXPECT_EQ(pages().render(bare, {}).find("href=\"/account/factors/backup-codes"), std::string::npos);
}

TEST(AccountPage, reminds_of_the_day_until_which_a_second_factor_must_be_there) {
    EXPECT_NE(one("account", Filled::no).find("You must add a second factor by <bdi>4 Dec 2026</bdi>"), std::string::npos);
    EXPECT_EQ(one("account").find("You must add a second factor"), std::string::npos);
}

TEST(AccountPage, lists_the_browsers_it_knows_and_forgets_each) {
    Document const document{one("account")};
    int forgets = 0;
    for (auto const& form : document.all("form")) forgets += form.get("action").rfind("/account/browsers/", 0) == 0 ? 1 : 0;
    EXPECT_EQ(forgets, 2);
    EXPECT_NE(one("account").find("Trusted until"), std::string::npos);
}

TEST(AccountPage, keeps_the_last_factor_that_counts_when_one_is_demanded) {
    AccountPage page;
    page.second_factor_demanded = true;
    page.factors = {sample_factor(Words{}, 0), {"mail", "email", "j…", sample_time(), std::nullopt, false, false}};
    std::string const html = pages().render(page, {});
    EXPECT_EQ(html.find("/" + Words{}.id + "/remove"), std::string::npos);
    EXPECT_NE(html.find("/mail/remove"), std::string::npos);
}

TEST(AdminPages, show_coverage_by_kind_and_who_lacks_what_is_demanded) {
    std::string const html = one("admin-mfa");
    EXPECT_NE(html.find("1,180"), std::string::npos);
    EXPECT_NE(html.find("91 %"), std::string::npos);
    EXPECT_NE(html.find("href=\"/admin/mfa?after=zoe\""), std::string::npos);
    EXPECT_NE(html.find("href=\"/admin/users?factor=none\""), std::string::npos);
    EXPECT_NE(pages().render(AdminMfaPage{}, {}).find("Everybody who must have a second factor has one."), std::string::npos);
}

TEST(AdminPages, show_the_state_of_ones_second_factor_and_the_way_to_recovery) {
    std::string const html = one("admin-user");
    EXPECT_NE(html.find("<bdi>4</bdi> backup codes left"), std::string::npos);
    EXPECT_NE(html.find("href=\"/admin/users/1/recovery\""), std::string::npos);
    EXPECT_NE(one("admin-user", Filled::no).find("Until <bdi>28 Nov 2026</bdi>"), std::string::npos);
}

TEST(AccountPage, marks_this_device_and_offers_to_end_only_the_others) {
    Document const document{one("account")};
    int revokes = 0;
    for (auto const& form : document.all("form"))
        if (form.get("action").find("/revoke") != std::string::npos) ++revokes;
    EXPECT_EQ(revokes, 3);  // two other sessions, and all of them
    Document const alone{one("account", Filled::no)};
    for (auto const& form : alone.all("form")) EXPECT_EQ(form.get("action").find("/revoke"), std::string::npos);
}

TEST(AccountPage, asks_for_a_longer_password_when_the_last_factor_of_a_short_one_goes) {
    Document const document{one("account", Filled::no, Wrong::yes)};
    ASSERT_NE(document.by_id("new_password"), nullptr);
    EXPECT_EQ(document.by_id("new_password")->get("autocomplete"), "new-password");
    EXPECT_EQ(Document{one("account")}.by_id("new_password"), nullptr);
}

TEST(AccountPage, offers_no_removal_of_the_last_factor_when_one_is_demanded) {
    AccountPage page;
    page.factors = {sample_factor(Words{}, 0)};
    page.second_factor_demanded = true;
    EXPECT_EQ(pages().render(page, {}).find("/remove\""), std::string::npos);
    page.factors.push_back(sample_factor(Words{}, 1));
    EXPECT_NE(pages().render(page, {}).find("/remove\""), std::string::npos);
}

TEST(AdminPages, link_every_number_of_the_dashboard_to_the_list_behind_it) {
    std::string const html = one("admin-dashboard");
    for (auto const* link : {"href=\"/admin/users\"", "href=\"/admin/users?factor=none\"",
                             "href=\"/admin/users?signed_in=yes\"", "href=\"/admin/audit?outcome=refused\""})
        EXPECT_NE(html.find(link), std::string::npos) << link;
    EXPECT_NE(html.find("1,284"), std::string::npos);
}

TEST(AdminPages, draw_a_chart_and_write_its_numbers_down) {
    Document const document{one("admin-dashboard")};
    ASSERT_EQ(document.all("figure").size(), 1U);
    std::int64_t top = 0;
    for (auto const& rect : document.all("rect"))
        if (rect.has("y")) top = std::max<std::int64_t>(top, 120 - std::stoll(rect.get("y")));
    EXPECT_LE(top, 120);
    EXPECT_GT(top, 100);
    std::size_t rows = 0;
    for (auto const& cell : document.all("th"))
        if (cell.get("scope") == "row" && !cell.has("role")) ++rows;
    EXPECT_EQ(rows, 14U);
}

TEST(AdminPages, keep_the_filters_in_the_links_to_other_pages) {
    AdminUsersPage page;
    page.users = sample_users(Words{});
    page.prefix = "a&b=c";
    page.state = "locked";
    page.next_after = "z z";
    std::string const html = pages().render(page, {});
    EXPECT_NE(html.find("href=\"/admin/users?q=a%26b%3Dc&amp;state=locked&amp;after=z%20z\""), std::string::npos)
        << html;
    EXPECT_NE(html.find("<option value=\"locked\" selected>"), std::string::npos);
}

TEST(AdminPages, say_what_to_do_when_a_list_is_empty) {
    AdminUsersPage nobody;
    EXPECT_NE(pages().render(nobody, {}).find("No users yet"), std::string::npos);
    nobody.prefix = "q";
    EXPECT_NE(pages().render(nobody, {}).find("Nobody matches"), std::string::npos);
    EXPECT_NE(pages().render(AdminAuditPage{}, {}).find("No events match"), std::string::npos);
    EXPECT_NE(pages().render(AdminDashboardPage{}, {}).find("Nobody has signed in yet"), std::string::npos);
}

TEST(AdminPages, do_not_offer_to_disable_or_delete_oneself) {
    AdminUserPage page = sample_admin_user(Words{}, Filled::yes);
    EXPECT_NE(pages().render(page, {}).find("/delete\""), std::string::npos);
    page.self = true;
    EXPECT_EQ(pages().render(page, {}).find("/delete\""), std::string::npos);
    EXPECT_EQ(pages().render(page, {}).find("/disable\""), std::string::npos);
}

TEST(ErrorPage, speaks_plainly_and_offers_a_way_on) {
    PageContext context;
    std::string const stranger = pages().render(ErrorPage{404, "", "", "req-1"}, context);
    EXPECT_NE(stranger.find("Page not found"), std::string::npos);
    EXPECT_NE(stranger.find("href=\"/sign-in\""), std::string::npos);
    EXPECT_NE(stranger.find("req-1"), std::string::npos);
    context.who = SignedIn{"alice", "", false};
    EXPECT_NE(pages().render(ErrorPage{403, "mfa.required", "", ""}, context).find("needs a second factor"),
              std::string::npos);
    EXPECT_NE(pages().render(ErrorPage{418, "", "", ""}, context).find("That request didn&#39;t work"),
              std::string::npos);
    EXPECT_NE(pages().render(ErrorPage{599, "", "", ""}, context).find("Something went wrong here"), std::string::npos);
}

TEST(Brand, changes_name_and_accent_without_touching_a_template) {
    PageContext context;
    context.csp_nonce = "abc";
    context.brand = {"Acme & Sons", "", "#ffcc00"};
    std::string const html = pages().render(SignInPage{}, context);
    EXPECT_NE(html.find("Acme &amp; Sons"), std::string::npos);
    EXPECT_NE(html.find("<style nonce=\"abc\">"), std::string::npos);
    EXPECT_NE(html.find("--accent: var(--light, #"), std::string::npos);
    context.brand.accent = "red;} body{display:none";
    EXPECT_EQ(pages().render(SignInPage{}, context).find("<style"), std::string::npos);
    context.brand = {};
    EXPECT_NE(pages().render(SignInPage{}, context).find("<bdi>Zephyr</bdi>"), std::string::npos);
}

TEST(Theme, follows_the_setting_and_refuses_any_other_word) {
    PageContext context;
    EXPECT_EQ(pages().render(SignInPage{}, context).find("data-theme=\""), std::string::npos);
    context.theme = "dark";
    EXPECT_NE(pages().render(SignInPage{}, context).find("<html lang=\"en\" data-theme=\"dark\">"), std::string::npos);
    context.theme = "x\" onload=\"y";
    EXPECT_EQ(pages().render(SignInPage{}, context).find("onload"), std::string::npos);
}

}  // namespace
}  // namespace zephyr::pages::testing
