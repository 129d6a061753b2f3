// Rules about settings in each other's company, and notices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loading.h"
#include "zephyr/config/reference.h"

namespace zephyr::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Rules, a_listener_beyond_this_machine_needs_tls_or_a_proxy) {
    EXPECT_EQ(only_problem(from_flags({{"--listen", "192.0.2.1:8080"}})),
              "server.listen, server.tls_certificate, server.behind_proxy (flag --listen): listening on 192.0.2.1:8080 "
              "without TLS would send passwords readable over the "
              "network. Allowed: set server.tls_certificate and server.tls_key; or let a proxy speak TLS and set "
              "server.behind_proxy and server.trusted_proxies; or listen "
              "on 127.0.0.1.");
    for (auto const* listen : {"127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080", "localhost:8080", "127.0.0.1:0"})
        EXPECT_TRUE(load(from_flags({{"--listen", listen}})).ok()) << listen;
    EXPECT_TRUE(load(from_flags({{"--listen", "192.0.2.1:8443"},
                                 {"--server-tls-certificate", "c.pem"},
                                 {"--server-tls-key", "k.pem"}}))
                    .ok());
    EXPECT_TRUE(
        load(from_flags(
                 {{"--listen", "192.0.2.1:8080"}, {"--behind-proxy", "true"}, {"--trusted-proxies", "192.0.2.0/24"}}))
            .ok());
}

TEST(Rules, a_proxy_must_be_named) {
    EXPECT_THAT(only_problem(from_flags({{"--behind-proxy", "true"}})),
                HasSubstr("a proxy is expected, yet none is trusted"));
    EXPECT_THAT(only_problem(from_flags({{"--trusted-proxies", "0.0.0.0/0"}})),
                HasSubstr("would trust every address there is"));
    EXPECT_THAT(only_problem(from_flags({{"--trusted-proxies", "::/0"}})),
                HasSubstr("would trust every address there is"));
}

TEST(Rules, protected_hosts_need_a_proxy_that_is_believed) {
    std::string const rules = "[forward_auth]\nrules = [\"app.example.com\", \"wiki.example.com role:staff\"]\n";
    std::string const proxy = "[server]\nbehind_proxy = true\ntrusted_proxies = [\"10.0.0.1\"]\n";
    EXPECT_THAT(only_problem(from_file(rules)), HasSubstr("hosts are protected, yet no proxy is believed"));
    EXPECT_THAT(good(from_file(proxy + rules)).settings.forward_auth.rules,
                ElementsAre("app.example.com", "wiki.example.com role:staff"));
    EXPECT_THAT(only_problem(from_flags({{"--forward-auth-rules", "app.example.com"}, {"--trusted-proxies", "10.0.0.1"}})),
                HasSubstr("server.behind_proxy"));
    EXPECT_THAT(only_problem(from_flags({{"--forward-auth-rules", "https://app.example.com"},
                                         {"--trusted-proxies", "10.0.0.1"},
                                         {"--behind-proxy", "true"}})),
                HasSubstr("begins with a host, not with a scheme"));
}

TEST(Rules, tls_needs_both_files) {
    EXPECT_THAT(only_problem(from_flags({{"--server-tls-certificate", "c.pem"}})),
                HasSubstr("one is set without the other"));
    EXPECT_THAT(only_problem(from_flags({{"--server-tls-key", "k.pem"}})), HasSubstr("one is set without the other"));
}

TEST(Rules, listening_everywhere_needs_a_public_name) {
    std::vector<FlagValue> flags{
        {"--listen", "0.0.0.0:8080"}, {"--behind-proxy", "true"}, {"--trusted-proxies", "10.0.0.0/8"}};
    EXPECT_THAT(only_problem(from_flags(flags)), HasSubstr("does not say under which name people come"));
    flags[0].value = "[::]:8080";
    EXPECT_THAT(only_problem(from_flags(flags)), HasSubstr("does not say under which name people come"));
    flags.push_back({"--public-url", "https://login.example.com"});
    EXPECT_EQ(good(from_flags(flags)).settings.server.public_url, "https://login.example.com");
}

TEST(Rules, the_public_url_must_be_an_origin_and_match_tls) {
    for (auto const* url : {"login.example.com", "https://example.com/auth", "https://user@example.com",
                            "ftp://example.com", "null", "*", "https://"})
        EXPECT_THAT(only_problem(from_flags({{"--public-url", url}})), HasSubstr("is not an origin")) << url;
    EXPECT_THAT(
        only_problem(from_flags(
            {{"--public-url", "http://a.example"}, {"--server-tls-certificate", "c"}, {"--server-tls-key", "k"}})),
        HasSubstr("the listener speaks TLS"));
    EXPECT_EQ(
        good(from_flags({{"--server-tls-certificate", "c"}, {"--server-tls-key", "k"}})).settings.server.public_url,
        "https://127.0.0.1:8080");
    EXPECT_EQ(derived_public_url(good({}).settings.server, 4711), "http://127.0.0.1:4711");
}

TEST(Rules, administrators_must_be_able_to_have_the_factor_they_need) {
    EXPECT_EQ(only_problem(from_environment({{"MFA_ENABLED", "false"}})),
              "mfa.enabled, mfa.required_for_admin (environment MFA_ENABLED): administrators could not sign in: their "
              "second factor is required and switched off. Allowed: "
              "mfa.enabled = true, or mfa.required_for_admin = false as well.");
    EXPECT_THAT(good(from_environment({{"MFA_ENABLED", "false"}, {"MFA_REQUIRED_FOR_ADMIN", "false"}})).notices,
                ElementsAre(HasSubstr("nobody is asked for a second factor")));
}

// Toll fraud: codes sent by the thousand to numbers that earn the attacker something.
TEST(Rules, codes_by_sms_go_to_named_countries_alone) {
    EXPECT_THAT(all_problems(from_environment({{"MFA_SMS_PROVIDER", "hook"}})), ::testing::Contains(HasSubstr("name the countries your people live in")));
    EXPECT_THAT(all_problems(from_file("[mfa]\nsms_provider = \"hook\"\nsms_prefixes = [\"!+49\"]")),
                ::testing::Contains(HasSubstr("name the countries your people live in")))
        << "what only excludes allows nothing";
    for (auto const* wrong : {"49", "+", "+049", "+49x", "+123456789", "0049", "!", "!49", "!+", "!!+49", "+!49", "! +49", "!+049"})
        EXPECT_THAT(all_problems(from_file("[mfa]\nsms_prefixes = [\"" + std::string{wrong} + "\"]")), ::testing::Contains(HasSubstr("mfa.sms_prefixes"))) << wrong;
    EXPECT_EQ(good(from_file("[mfa]\nsms_prefixes = [\"+49\", \"+1415\"]")).settings.mfa.sms_prefixes,
              (std::vector<std::string>{"+49", "+1415"}));
    EXPECT_EQ(good(from_file("[mfa]\nsms_prefixes = [\"+1\", \"!+1876\"]")).settings.mfa.sms_prefixes,
              (std::vector<std::string>{"+1", "!+1876"}));
}

TEST(Rules, an_exclusion_that_excludes_nothing_is_a_slip_that_leaves_something_open) {
    for (auto const* list : {"\"+1\", \"!+876\"", "\"+49\", \"!+1876\"", "\"+1876\", \"!+1\"", "\"+49\", \"!+1\", \"!+1876\""})
        EXPECT_THAT(all_problems(from_file("[mfa]\nsms_prefixes = [" + std::string{list} + "]")), ::testing::Contains(HasSubstr("excludes nothing")))
            << list;
}

TEST(Rules, whoever_opens_plus_one_is_told_how_far_it_reaches) {
    auto const told = [](std::string const& list) {
        auto const loaded = load(from_file("[mfa]\nsms_provider = \"smpp\"\nsms_prefixes = [" + list +
                                           "]\n[smpp]\nhost = \"127.0.0.1\"\nsystem_id = \"login\"\nsource = \"12345\""));
        EXPECT_TRUE(loaded.ok()) << list;
        if (!loaded.ok()) return false;
        for (auto const& notice : loaded.loaded().notices)
            if (notice.find("whole North American numbering plan") != std::string::npos) return true;
        return false;
    };
    EXPECT_TRUE(told("\"+49\", \"+1\""));
    EXPECT_FALSE(told("\"+49\", \"+1\", \"!+1876\""));
    EXPECT_FALSE(told("\"+49\", \"+1415\""));
}

TEST(Rules, codes_live_ten_minutes_at_most) {
    EXPECT_THAT(all_problems(from_file("[mfa]\ncode_lifetime = \"601s\"")), ::testing::Contains(HasSubstr("mfa.code_lifetime")));
    EXPECT_EQ(good(from_file("[mfa]\ncode_lifetime = \"10m\"")).settings.mfa.code_lifetime, std::chrono::minutes{10});
}

TEST(Rules, session_lifetimes_must_be_in_order) {
    EXPECT_THAT(only_problem(from_file("[sessions]\nidle = \"13h\"")),
                HasSubstr("sessions.idle of at most sessions.absolute"));
    EXPECT_THAT(only_problem(from_file("[sessions]\nremember = \"11h\"")),
                HasSubstr("sessions.remember of at least sessions.absolute"));
    EXPECT_THAT(only_problem(from_file("[sessions]\nidle = \"5m\"\nabsolute = \"9m\"")),
                HasSubstr("sessions.pending of at most sessions.absolute"));
    EXPECT_TRUE(load(from_file("[sessions]\nidle = \"12h\"\nremember = \"12h\"")).ok());
}

TEST(Rules, hashing_must_fit_its_memory) {
    EXPECT_THAT(only_problem(from_file("[passwords]\nhash_workers = 8\nhash_memory = \"128MiB\"")),
                HasSubstr("8 hashes of 19456 KiB need more memory than they may use together"));
    EXPECT_TRUE(load(from_file("[passwords]\nhash_workers = 8\nhash_memory = \"152MiB\"")).ok());  // 8 x 19 MiB
    EXPECT_THAT(only_problem(from_file("[passwords]\nhash_memory = \"18MiB\"")),
                HasSubstr("1 hashes of 19456 KiB need more memory"));
}

TEST(Rules, as_many_hashes_as_cores_means_as_far_as_memory_goes) {
    auto sources = from_file("[passwords]\nhash_memory = \"100MiB\"");
    sources.cores = 4;
    EXPECT_EQ(good(sources).settings.passwords.hash_workers, 4);
    sources.cores = 64;
    EXPECT_EQ(good(sources).settings.passwords.hash_workers, 5);
    sources.cores = 0;
    EXPECT_EQ(good(sources).settings.passwords.hash_workers, 1);
}

TEST(Rules, a_cheap_hash_is_refused) {
    EXPECT_THAT(only_problem(from_file("[passwords]\nargon2_memory_kib = 19455")),
                HasSubstr("at least 19456 KiB with 2 passes"));
    EXPECT_THAT(only_problem(from_file("[passwords]\nargon2_passes = 1")),
                HasSubstr("at least 47104 KiB with 1 passes"));
    EXPECT_TRUE(load(from_file("[passwords]\nargon2_memory_kib = 7168\nargon2_passes = 5")).ok());
    EXPECT_FALSE(load(from_file("[passwords]\nargon2_memory_kib = 7168\nargon2_passes = 4")).ok());
}

TEST(Rules, password_lengths_must_be_in_order) {
    EXPECT_THAT(only_problem(from_file("[passwords]\nmin_length_with_factor = 16")),
                HasSubstr("would have to be longer than one alone"));
    EXPECT_THAT(only_problem(from_file("[passwords]\nmin_length_alone = 14")), HasSubstr("is too small"));
    EXPECT_THAT(only_problem(from_file("[passwords]\nmin_length_with_factor = 7")), HasSubstr("is too small"));
}

TEST(Rules, metrics_are_not_open_to_the_world) {
    EXPECT_THAT(only_problem(from_file("metrics.enabled = true")), HasSubstr("metrics would be open to everybody"));
    EXPECT_TRUE(load(from_file("[metrics]\nenabled = true\ntoken = \"0123456789abcdef\"")).ok());
}

TEST(Rules, the_master_key_lies_outside_the_data_folder) {
    for (auto const& [data, key] : std::vector<std::pair<std::string, std::string>>{{"/srv/z", "/srv/z/master.key"},
                                                                                    {"/srv/z/", "/srv/z/a/b"},
                                                                                    {"z", "./z/k"},
                                                                                    {".", "k"},
                                                                                    {"/srv/z", "/srv/x/../z/k"},
                                                                                    {"/", "/etc/k"},
                                                                                    {"/srv//z", "/srv/z"}})
        EXPECT_THAT(only_problem(from_flags({{"--data", data}, {"--keys-master-key-file", key}})),
                    HasSubstr("the master key would lie beside what it seals"))
            << data << ' ' << key;
    for (auto const& [data, key] : std::vector<std::pair<std::string, std::string>>{
             {"/srv/z", "/srv/z.key"}, {"/srv/z", "/srv/zz/k"}, {"z", "k"}, {"/srv/z", "/srv/z/../k"}})
        EXPECT_TRUE(load(from_flags({{"--data", data}, {"--keys-master-key-file", key}})).ok()) << data << ' ' << key;
    EXPECT_THAT(only_problem(from_flags({{"--data", ""}})), HasSubstr("storage.data (flag --data): is empty"));
}

TEST(Rules, redis_must_be_named_before_anything_is_kept_in_it) {
    EXPECT_THAT(only_problem(from_file("[sessions]\nstore = \"redis\"")), HasSubstr("a Redis that is not named"));
    EXPECT_TRUE(load(from_file("[sessions]\nstore = \"redis\"\n[redis]\nurl = \"redis://localhost\"")).ok());
    EXPECT_THAT(only_problem(from_file("[redis]\nurl = \"redis://localhost\"\nca_file = \"ca.pem\"")), HasSubstr("not spoken to by TLS"));
    EXPECT_TRUE(load(from_file("[redis]\nurl = \"rediss://localhost\"\nca_file = \"ca.pem\"")).ok());
    EXPECT_THAT(only_problem(from_file("[cache]\nother_nodes = \"bounded\"\n[storage]\nurl = \"postgresql://u:p@h/d\"")),
                HasSubstr("by a Redis that is not named"));
}

TEST(Rules, passkeys_must_belong_to_the_origin) {
    EXPECT_TRUE(
        load(from_environment({{"WEBAUTHN_RP_ID", "example.com"}, {"WEBAUTHN_ORIGIN", "https://login.example.com"}}))
            .ok());
    EXPECT_THAT(only_problem(from_environment(
                    {{"WEBAUTHN_RP_ID", "example.com"}, {"WEBAUTHN_ORIGIN", "https://badexample.com"}})),
                HasSubstr("browsers would refuse every ceremony"));
    EXPECT_THAT(only_problem(from_environment(
                    {{"WEBAUTHN_RP_ID", "example.com"}, {"ZEPHYR_SERVER_PUBLIC_URL", "https://example.org"}})),
                HasSubstr("browsers would refuse"));
}

TEST(Rules, a_rule_is_silent_about_a_setting_that_is_wrong_already) {
    EXPECT_THAT(only_problem(from_file("[sessions]\nidle = \"never\"\nabsolute = \"10m\"")),
                HasSubstr("sessions.idle (zephyr.toml:2): is not a duration"));
}

TEST(Notices, a_feature_that_is_not_installed_is_named_only_when_asked_for) {
    EXPECT_THAT(good({}).notices, IsEmpty());
    EXPECT_THAT(good(from_environment({{"WEBAUTHN_ENABLED", "true"}})).notices,
                ElementsAre("webauthn.enabled (environment WEBAUTHN_ENABLED): its feature is not installed; the "
                            "setting has no effect yet"));
    EXPECT_THAT(
        good(from_environment({{"WEBAUTHN_ENABLED", "false"}, {"FEDERATION_ENABLED", "false"}, {"GDPR_ENABLED", "0"}}))
            .notices,
        IsEmpty());
    EXPECT_THAT(
        good(from_environment({{"FEDERATION_ENABLED", "true"}, {"LDAP_SERVER_URI", "ldaps://dc.example.com"}})).notices,
        ElementsAre(HasSubstr("federation.enabled"), HasSubstr("ldap.server_uri")));
    EXPECT_THAT(good(from_file("[uma]\nenabled = true")).notices,
                ElementsAre(HasSubstr("uma.enabled (zephyr.toml:2)")));
    for (auto const* name : {"UMA_ENABLED", "GDPR_ENABLED", "SOC2_ENABLED", "HIPAA_ENABLED",
                             "SECURITY_SCANNING_ENABLED", "THREAT_DETECTION_ENABLED"})
        EXPECT_THAT(good(from_environment({{name, "true"}})).notices, ElementsAre(HasSubstr(name))) << name;
    // What is installed is not on the list.
    EXPECT_THAT(
        good(from_environment({{"MFA_ENABLED", "true"}, {"MFA_REQUIRED_FOR_ADMIN", "true"}, {"MFA_TOTP_ISSUER", "X"}}))
            .notices,
        IsEmpty());
}

TEST(Notices, every_relaxation_is_named) {
    EXPECT_THAT(good(from_environment({{"MFA_REQUIRED_FOR_ADMIN", "false"}})).notices,
                ElementsAre(HasSubstr("administrators may act without a second factor")));
    EXPECT_THAT(good(from_file("[limits]\nsign_in_per_minute = 0\nfactor_per_minute = 0")).notices,
                ElementsAre(HasSubstr("limits.sign_in"), HasSubstr("limits.factor")));
    EXPECT_THAT(good(from_flags({{"--trusted-proxies", "10.0.0.0/8"}})).notices,
                ElementsAre(HasSubstr("has no effect without server.behind_proxy")));
    EXPECT_THAT(good(from_flags({{"--public-url", "http://example.com"}})).notices,
                ElementsAre(HasSubstr("people would come by http")));
    EXPECT_THAT(good(from_file("[redis]\nurl = \"redis://:pass@10.0.0.7\"")).notices, ElementsAre(HasSubstr("use rediss://")));
    for (auto const* fine : {"redis://:pass@127.0.0.1:6379/1", "redis://localhost", "redis://[::1]", "rediss://:pass@10.0.0.7"})
        EXPECT_THAT(good(from_file("[redis]\nurl = \"" + std::string{fine} + "\"")).notices, IsEmpty()) << fine;
    EXPECT_THAT(good(from_flags({{"--public-url", "https://example.com"}})).notices,
                ElementsAre(HasSubstr("neither TLS nor a proxy is configured")));
}

// Whoever is named as a provider must be able to send.
TEST(Rules, a_provider_needs_its_settings) {
    auto const problems = [](std::vector<FlagValue> flags) {
        auto const outcome = load(from_flags(std::move(flags)));
        return outcome.ok() ? std::string{} : check_text(outcome);
    };
    EXPECT_THAT(problems({{"--mfa-email-provider", "smtp"}}), HasSubstr("mail.from"));
    EXPECT_THAT(problems({{"--mfa-email-provider", "smtp"}}), HasSubstr("smtp.host"));
    EXPECT_THAT(problems({{"--mfa-email-provider", "pigeon"}}), HasSubstr("smtp, sendgrid"));
    EXPECT_THAT(problems({{"--mfa-sms-provider", "twilio"}, {"--mfa-sms-prefixes", "+49"}}), HasSubstr("twilio.auth_token"));
    EXPECT_THAT(problems({{"--mfa-sms-provider", "hook"}, {"--mfa-sms-prefixes", "+49"}}), HasSubstr("sms_hook.secret"));
    EXPECT_THAT(problems({{"--mfa-sms-provider", "smpp"}, {"--mfa-sms-prefixes", "+49"}}), HasSubstr("smpp.source"));
    std::vector<FlagValue> const smtp{{"--mfa-email-provider", "smtp"}, {"--mail-from", "login@example.com"}, {"--smtp-host", "mx.example.com"}};
    EXPECT_EQ(problems(smtp), "");
    auto readable = smtp;
    readable.push_back({"--smtp-tls", "off"});
    EXPECT_THAT(problems(readable), HasSubstr("would travel readable"));
    auto nameless = smtp;
    nameless.push_back({"--smtp-username", "u"});
    EXPECT_THAT(problems(nameless), HasSubstr("one is set without the other"));
    EXPECT_THAT(problems({{"--mail-from", "a@b.c, x@y.z"}}), HasSubstr("mail.from"));
    EXPECT_THAT(problems({{"--mfa-sms-provider", "hook"}, {"--mfa-sms-prefixes", "+49"}, {"--sms-hook-url", "http://10.0.0.1/sms"}}),
                HasSubstr("travel readable over the network"));
}

}  // namespace
}  // namespace zephyr::config
