#include "zephyr/config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "config/loading.h"
#include "zephyr/config/reference.h"
#include "zephyr/encoding/json.h"

namespace zephyr::config {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Load, nothing_given_means_the_defaults) {
    auto const loaded = good({});
    auto const& s = loaded.settings;
    EXPECT_EQ(s.server.listen, (Endpoint{"127.0.0.1", 8080}));
    EXPECT_EQ(s.server.public_url, "http://127.0.0.1:8080");
    EXPECT_EQ(s.server.workers, 64);
    EXPECT_EQ(s.server.max_body_bytes, 1 << 20);
    EXPECT_EQ(s.server.max_header_bytes, 16 * 1024);
    EXPECT_EQ(s.server.idle_timeout, 60s);
    EXPECT_FALSE(s.server.has_tls());
    EXPECT_EQ(s.sessions.idle, 30min);
    EXPECT_EQ(s.sessions.absolute, 12h);
    EXPECT_EQ(s.sessions.remember, 720h);
    EXPECT_EQ(s.sessions.pending, 10min);
    EXPECT_EQ(s.sessions.when_full, WhenFull::evict_oldest);
    EXPECT_EQ(s.passwords.min_length_alone, 15);
    EXPECT_EQ(s.passwords.argon2_memory_kib, 19456);
    EXPECT_EQ(s.passwords.hash_workers, 1);
    EXPECT_FALSE(s.signup.open);
    EXPECT_TRUE(s.storage.url.empty());
    EXPECT_EQ(s.log.level, LogLevel::info);
    EXPECT_TRUE(loaded.notices.empty());
    EXPECT_EQ(loaded.provenance.size(), all_settings().size());
}

// The seed's environment names, and its defaults with two made secure: MFA and WebAuthn are on.
TEST(Load, the_seeds_names_are_environment_variables_with_these_defaults) {
    std::map<std::string, std::string> const seed{{"MFA_ENABLED", "true"},
                                                  {"MFA_REQUIRED_FOR_ADMIN", "true"},
                                                  {"MFA_TOTP_ISSUER", "Zephyr App"},
                                                  {"MFA_BACKUP_CODES_COUNT", "10"},
                                                  {"MFA_SMS_PROVIDER", ""},
                                                  {"MFA_EMAIL_PROVIDER", ""},
                                                  {"WEBAUTHN_ENABLED", "true"},
                                                  {"WEBAUTHN_RP_ID", ""},
                                                  {"WEBAUTHN_RP_NAME", "Zephyr App"},
                                                  {"WEBAUTHN_ORIGIN", ""},
                                                  {"WEBAUTHN_REQUIRE_USER_VERIFICATION", "true"},
                                                  {"FEDERATION_ENABLED", "false"},
                                                  {"LDAP_SERVER_URI", ""},
                                                  {"LDAP_BIND_DN", ""},
                                                  {"LDAP_BIND_PASSWORD", ""},
                                                  {"LDAP_USER_SEARCH_BASE", ""},
                                                  {"LDAP_USER_SEARCH_FILTER", "(uid={username})"},
                                                  {"UMA_ENABLED", "false"},
                                                  {"UMA_AUTHORIZATION_SERVER", ""},
                                                  {"UMA_RESOURCE_SERVER_ID", ""},
                                                  {"GDPR_ENABLED", "false"},
                                                  {"SOC2_ENABLED", "false"},
                                                  {"HIPAA_ENABLED", "false"},
                                                  {"SECURITY_SCANNING_ENABLED", "true"},
                                                  {"VULNERABILITY_SCAN_INTERVAL", "24h"},
                                                  {"THREAT_DETECTION_ENABLED", "true"}};
    std::map<std::string, std::string> found;
    for (auto const& info : all_settings()) {
        if (!info.environment.starts_with("ZEPHYR_")) found[info.environment] = info.default_text;
    }
    EXPECT_EQ(found, seed);
    // As the seed's own settings file would set them.
    auto const s = good(from_environment({{"MFA_TOTP_ISSUER", "MyApp"},
                                          {"MFA_BACKUP_CODES_COUNT", "12"},
                                          {"WEBAUTHN_RP_ID", "example.com"},
                                          {"WEBAUTHN_ORIGIN", "https://example.com"},
                                          {"VULNERABILITY_SCAN_INTERVAL", "86400"},
                                          {"GDPR_ENABLED", "True"}}))
                       .settings;
    EXPECT_EQ(s.mfa.totp_issuer, "MyApp");
    EXPECT_EQ(s.mfa.backup_codes_count, 12);
    EXPECT_EQ(s.webauthn.rp_id, "example.com");
    EXPECT_EQ(s.scanning.interval, 24h);
    EXPECT_TRUE(s.compliance.gdpr);
}

TEST(Load, flag_beats_environment_beats_file_beats_default) {
    auto sources = from_file("[server]\nworkers = 10\nqueue = 10\nmax_connections = 10\n");
    sources.environment = {{"ZEPHYR_SERVER_WORKERS", "20"}, {"ZEPHYR_SERVER_QUEUE", "20"}};
    sources.flags = {{"--server-workers", "30"}};
    auto const loaded = good(sources);
    EXPECT_EQ(loaded.settings.server.workers, 30);
    EXPECT_EQ(loaded.settings.server.queue, 20);
    EXPECT_EQ(loaded.settings.server.max_connections, 10);
    EXPECT_EQ(loaded.provenance.at("server.workers").str(), "flag --server-workers");
    EXPECT_EQ(loaded.provenance.at("server.queue").str(), "environment ZEPHYR_SERVER_QUEUE");
    EXPECT_EQ(loaded.provenance.at("server.max_connections").str(), "zephyr.toml:4");
    EXPECT_EQ(loaded.provenance.at("server.io_threads").str(), "default");
}

TEST(Load, reads_every_type_from_a_file) {
    auto const s = good(from_file(R"(
        cors.allowed_origins = ["https://App.example.com:443", "http://localhost:3000"]
        [server]
        listen = "[::1]:9000"
        behind_proxy = true
        trusted_proxies = ["10.0.0.0/8", "::1", "192.0.2.7"]
        max_body_bytes = "64KiB"
        max_header_bytes = 8192
        drain = 2
        accent = "#AABBCC"
        [sessions]
        idle = "15m"
        when_full = "refuse"
        [log]
        format = "text"
        [storage]
        url = "postgresql://u:p@db/zephyr"
    )"))
                       .settings;
    EXPECT_THAT(s.cors.allowed_origins, ElementsAre("https://app.example.com", "http://localhost:3000"));
    EXPECT_EQ(s.server.listen, (Endpoint{"::1", 9000}));
    EXPECT_THAT(s.server.trusted_proxies, ElementsAre("10.0.0.0/8", "::1/128", "192.0.2.7/32"));
    EXPECT_EQ(s.server.max_body_bytes, 65536);
    EXPECT_EQ(s.server.max_header_bytes, 8192);
    EXPECT_EQ(s.server.drain, 2s);
    EXPECT_EQ(s.server.accent, "#aabbcc");
    EXPECT_EQ(s.sessions.idle, 15min);
    EXPECT_EQ(s.sessions.when_full, WhenFull::refuse);
    EXPECT_EQ(s.log.format, LogFormat::text);
    EXPECT_EQ(s.storage.url.reveal(), "postgresql://u:p@db/zephyr");
    EXPECT_EQ(s.server.public_url, "http://[::1]:9000");
}

TEST(Load, short_flags_and_lists_in_flags_work) {
    auto const s = good(from_flags({{"--listen", "0.0.0.0:8443"},
                                    {"--behind-proxy", "true"},
                                    {"--trusted-proxies", "10.0.0.0/8, 192.0.2.1"},
                                    {"--public-url", "https://login.example.com"},
                                    {"--data", "/srv/zephyr"}}))
                       .settings;
    EXPECT_EQ(s.server.listen.port, 8443);
    EXPECT_THAT(s.server.trusted_proxies, ElementsAre("10.0.0.0/8", "192.0.2.1/32"));
    EXPECT_EQ(s.storage.data, "/srv/zephyr");
}

TEST(Load, an_unknown_key_is_refused_with_the_nearest_name) {
    EXPECT_EQ(only_problem(from_file("[server]\nlisen = \"x\"\n")),
              "server.lisen (zephyr.toml:2): is no setting. Did you mean server.listen?");
    EXPECT_EQ(only_problem(from_file("listen = \"x\"\n")),
              "listen (zephyr.toml:1): is no setting. Did you mean server.listen?");
    EXPECT_EQ(only_problem(from_file("[session]\nidle = \"1m\"\n")),
              "session.idle (zephyr.toml:2): is no setting. Did you mean sessions.idle?");
    EXPECT_EQ(only_problem(from_file("[storage]\nurl_fil = \"x\"\n")),
              "storage.url_fil (zephyr.toml:2): is no setting. Did you mean storage.url_file?");
    EXPECT_EQ(only_problem(from_file("quite.another = 1\n")), "quite.another (zephyr.toml:1): is no setting.");
    EXPECT_EQ(only_problem(from_file("[server]\nlisten_file = \"x\"\n")),
              "server.listen_file (zephyr.toml:2): is no setting. Did you mean server.listen?");
}

TEST(Load, an_unknown_environment_name_is_refused_only_with_our_prefix) {
    EXPECT_EQ(
        only_problem(from_environment({{"ZEPHYR_SERVER_LISTN", "x"}})),
        "ZEPHYR_SERVER_LISTN (environment ZEPHYR_SERVER_LISTN): is no setting. Did you mean ZEPHYR_SERVER_LISTEN?");
    EXPECT_EQ(only_problem(from_environment({{"ZEPHYR_", "x"}})), "ZEPHYR_ (environment ZEPHYR_): is no setting.");
    EXPECT_EQ(only_problem(from_environment({{"ZEPHYR_SERVER_LISTEN_FILE", "x"}})),
              "ZEPHYR_SERVER_LISTEN_FILE (environment ZEPHYR_SERVER_LISTEN_FILE): is no setting. Did you mean "
              "ZEPHYR_SERVER_LISTEN?");
    EXPECT_TRUE(good(from_environment(
                         {{"PATH", "/bin"}, {"HOME", "/"}, {"zephyr_x", "1"}, {"ZEPHYR_CONFIG", "/etc/zephyr.toml"}}))
                    .notices.empty());
}

TEST(Load, a_misspelt_seed_name_is_noticed) {
    EXPECT_THAT(
        good(from_environment({{"MFA_REQUIRED_FOR_ADMINS", "false"}, {"MFA_SOMETHING_ELSE_ENTIRELY", "x"}})).notices,
        ElementsAre("environment MFA_REQUIRED_FOR_ADMINS: is no setting; did you mean MFA_REQUIRED_FOR_ADMIN?"));
}

TEST(Load, an_unknown_flag_is_refused_with_the_nearest_name) {
    EXPECT_EQ(only_problem(from_flags({{"--lisen", "x"}})),
              "--lisen (flag --lisen): is no setting. Did you mean --listen?");
    EXPECT_EQ(only_problem(from_flags({{"--zzzzzzzz", "x"}})), "--zzzzzzzz (flag --zzzzzzzz): is no setting.");
    EXPECT_EQ(only_problem(from_flags({{"--\x1b[31m\xff", "x"}})),
              "--?[31m\uFFFD (flag --?[31m\uFFFD): is no setting.");
    EXPECT_EQ(only_problem(from_flags({{"", "x"}})), " (flag ): is no setting.");
}

TEST(Load, a_secret_is_not_taken_from_the_command_line) {
    auto const problem = only_problem(from_flags({{"--metrics-token", "canary-0123456789abcdef"}}));
    EXPECT_EQ(problem,
              "--metrics-token (flag --metrics-token): would show a secret in every process list. Allowed: "
              "--metrics-token-file PATH.");
}

TEST(Load, reports_every_mistake_of_every_source_at_once) {
    auto sources = from_file(
        "[server]\n"
        "workers = 0\n"
        "listn = \"x\"\n"
        "public_url = \"https://example.com/\"\n"
        "[sessions]\n"
        "idle = \"13h\"\n"
        "when_full = \"explode\"\n"
        "[mfa]\n"
        "enabled = \"true\"\n"
        "[cors]\n"
        "allowed_origins = [\"https://a.example\", \"*\"]\n");
    sources.environment = {{"MFA_BACKUP_CODES_COUNT", "many"}, {"ZEPHYR_SESSION_IDLE", "1m"}};
    sources.flags = {{"--listen", "0.0.0.0"}, {"--wokers", "1"}};
    EXPECT_THAT(
        all_problems(sources),
        ElementsAre(
            "server.workers (zephyr.toml:2): is too small. Allowed: 1 to 1024.",
            "server.listn (zephyr.toml:3): is no setting. Did you mean server.listen?",
            "server.public_url (zephyr.toml:4): must not end with '/'. Allowed: scheme, host and port alone, such as "
            "https://login.example.com.",
            "sessions.when_full (zephyr.toml:7): is none of the choices. Allowed: evict_oldest, refuse.",
            "mfa.enabled (zephyr.toml:9): is text in quotes, not a boolean. Allowed: true or false.",
            "cors.allowed_origins (zephyr.toml:11): item 2 would let every site read answers. Allowed: origins such as "
            "https://app.example.com.",
            "mfa.backup_codes_count (environment MFA_BACKUP_CODES_COUNT): is not a whole number. Allowed: 1 to 50.",
            "ZEPHYR_SESSION_IDLE (environment ZEPHYR_SESSION_IDLE): is no setting. Did you mean ZEPHYR_SESSIONS_IDLE?",
            "server.listen (flag --listen): is not HOST:PORT. Allowed: HOST:PORT: an IP address (IPv6 in brackets) or "
            "localhost, and 0 to 65535; port 0 lets the "
            "system choose.",
            "--wokers (flag --wokers): is no setting.",
            "sessions.idle, sessions.absolute (zephyr.toml:6): a session would end before it can be idle for so long. "
            "Allowed: sessions.idle of at most "
            "sessions.absolute."));
}

TEST(Load, a_file_that_is_no_toml_hides_no_other_mistake) {
    auto sources = from_file("[server]\nworkers = = 3\n");
    sources.environment = {{"MFA_ENABLED", "perhaps"}};
    auto const problems = all_problems(sources);
    ASSERT_EQ(problems.size(), 2u);
    EXPECT_THAT(problems[0], HasSubstr("settings file (zephyr.toml:2): is not TOML: "));
    EXPECT_EQ(problems[1], "mfa.enabled (environment MFA_ENABLED): is not a boolean. Allowed: true or false.");
}

TEST(Load, refuses_the_wrong_toml_type) {
    EXPECT_THAT(only_problem(from_file("server.workers = \"64\"")), HasSubstr("is text in quotes, not a number"));
    EXPECT_THAT(only_problem(from_file("server.workers = 6.4")),
                HasSubstr("is a number with a fraction, not a number"));
    EXPECT_THAT(only_problem(from_file("server.workers = true")), HasSubstr("is a boolean, not a number"));
    EXPECT_THAT(only_problem(from_file("server.name = 5")), HasSubstr("is a number, not text in quotes"));
    EXPECT_THAT(only_problem(from_file("mfa.enabled = 1")), HasSubstr("is a number, not a boolean"));
    EXPECT_THAT(only_problem(from_file("sessions.idle = 2020-01-01")), HasSubstr("is a date, not a duration"));
    EXPECT_THAT(only_problem(from_file("server.trusted_proxies = \"10.0.0.0/8\"")),
                HasSubstr("is text in quotes, not a list of texts"));
    EXPECT_THAT(only_problem(from_file("server.trusted_proxies = [\"10.0.0.0/8\", 5]")),
                HasSubstr("is a list with another type, not a list of texts"));
    EXPECT_THAT(only_problem(from_file("server = 5")), HasSubstr("is an area, not a setting"));
    EXPECT_THAT(only_problem(from_file("[server.listen]\nhost = \"x\"")),
                HasSubstr("server.listen (zephyr.toml:1): is a table, not text in quotes"));
    EXPECT_THAT(only_problem(from_file("[[server]]\nworkers = 1")), HasSubstr("is an area, not a setting"));
}

TEST(Load, a_setting_given_twice_in_one_source_is_refused) {
    EXPECT_THAT(only_problem(from_file("[server]\nworkers = 1\nworkers = 2\n")), HasSubstr("is not TOML"));
    EXPECT_EQ(only_problem(from_flags({{"--listen", "127.0.0.1:1"}, {"--server-listen", "127.0.0.1:2"}})),
              "server.listen (flag --server-listen): is given twice. Allowed: give it once.");
    auto sources =
        from_environment({{"ZEPHYR_METRICS_TOKEN", "0123456789abcdef"}, {"ZEPHYR_METRICS_TOKEN_FILE", "/x"}});
    EXPECT_EQ(only_problem(sources),
              "metrics.token_file (environment ZEPHYR_METRICS_TOKEN_FILE): is given twice. Allowed: give it once, by "
              "value or by file.");
}

TEST(Load, a_wrong_value_is_reported_even_when_a_better_source_replaces_it) {
    auto sources = from_file("server.workers = 0");
    sources.flags = {{"--server-workers", "8"}};
    EXPECT_EQ(only_problem(sources), "server.workers (zephyr.toml:1): is too small. Allowed: 1 to 1024.");
}

TEST(Load, secrets_come_from_files_too) {
    Sources sources = from_file("storage.url_file = \"/run/db-url\"\n");
    sources.environment = {{"LDAP_BIND_PASSWORD_FILE", "/run/ldap"}};
    sources.flags = {{"--metrics-token-file", "/run/token"}};
    sources.read_file = [](std::string const& path) -> FileText {
        if (path == "/run/db-url") return {"postgresql://u:p@db/z\n", {}};
        if (path == "/run/ldap") return {"hunter2\r\n", {}};
        if (path == "/run/token") return {"0123456789abcdef", {}};
        return {std::nullopt, "No such file or directory"};
    };
    auto const loaded = good(sources);
    EXPECT_EQ(loaded.settings.storage.url.reveal(), "postgresql://u:p@db/z");
    EXPECT_EQ(loaded.settings.ldap.bind_password.reveal(), "hunter2");
    EXPECT_EQ(loaded.settings.metrics.token.reveal(), "0123456789abcdef");
    EXPECT_EQ(loaded.provenance.at("ldap.bind_password").str(), "environment LDAP_BIND_PASSWORD_FILE");

    sources.flags = {{"--metrics-token-file", "/run/gone"}};
    EXPECT_EQ(only_problem(sources),
              "metrics.token_file (flag --metrics-token-file): can't be read: No such file or directory. Allowed: a "
              "readable file with the value.");
    sources.flags = {};
    sources.read_file = nullptr;
    EXPECT_EQ(all_problems(sources).size(), 2u);
}

TEST(Load, a_secret_of_the_wrong_length_or_shape_is_refused) {
    EXPECT_THAT(only_problem(from_environment({{"ZEPHYR_METRICS_TOKEN", std::string(15, 'x')}})),
                HasSubstr("is shorter than 16 bytes"));
    EXPECT_TRUE(load(from_environment({{"ZEPHYR_METRICS_TOKEN", std::string(16, 'x')}})).ok());
    EXPECT_THAT(only_problem(from_environment({{"ZEPHYR_STORAGE_URL", "mysql://x"}})),
                HasSubstr("must begin with postgresql://"));
    EXPECT_THAT(only_problem(from_environment({{"LDAP_BIND_PASSWORD", std::string(4097, 'x')}})),
                HasSubstr("is longer than 4096 bytes"));
}

// B19: a canary in every secret, in right and wrong values, looked for in everything the room can print.
TEST(Load, secrets_are_never_printed) {
    std::string const canary = "canary7f";  // SMPP 3.4 allows a password of eight characters
    std::map<std::string, std::string> right, wrong;
    std::vector<FlagValue> on_the_command_line;
    for (auto const& info : all_settings()) {
        if (!info.secret) continue;
        auto const scheme = info.key == "storage.url" ? "postgresql://" : info.key == "redis.url" ? "redis://:pass@" : "";
        right[info.environment] = scheme + canary + (info.key == "smpp.password" ? std::string{} : std::string(40, 'x'));
        wrong[info.environment] = canary + "\n";
        on_the_command_line.push_back({info.flag.substr(0, info.flag.rfind("-file")), canary});
    }
    ASSERT_GE(right.size(), 3u);
    right["ZEPHYR_SMTP_USERNAME"] = "somebody";  // a password comes with a name
    auto const loaded = good(from_environment(right));
    auto printed = show_text(loaded) + show_json(loaded).dump() + check_text(loaded) + check_json(loaded).dump();
    EXPECT_THAT(printed, HasSubstr("storage.url = (set)"));

    for (auto const& sources :
         {from_environment(wrong), from_flags(on_the_command_line),
          from_environment({{"ZEPHYR_METRICS_TOKEN", canary}}),
          from_file("[storage]\nurl = [\"" + canary + "\"]\n[metrics]\ntoken = \"" + canary + "\"\n"),
          from_file("[storage]\nurl = " + canary + "\n"), from_file("[storage]\nurl = '" + canary + "\n"),
          from_file("[storage]\nurl = \"" + canary + "\\q\"\n"), from_file("[storage]\nurl = 0x" + canary + "\n")}) {
        auto const outcome = load(sources);
        ASSERT_FALSE(outcome.ok());
        printed += check_text(outcome) + check_json(outcome).dump();
    }
    EXPECT_EQ(printed.find(canary), std::string::npos) << printed;
}

// Every limit in words is the limit in force: the ends are taken, one beyond is not.
TEST(Load, every_numeric_limit_holds_at_its_edges) {
    auto const complains = [](SettingInfo const& info, std::string const& value) {
        auto const outcome = load(from_flags({{info.flag, value}}));
        if (outcome.ok()) return false;
        return std::any_of(outcome.problems().begin(), outcome.problems().end(),
                           [&](Problem const& problem) { return problem.key == info.key; });
    };
    auto const beyond = [](std::string const& text, int step) {
        auto const digits = text.find_first_not_of("0123456789");
        auto const unit = digits == std::string::npos ? std::string{} : text.substr(digits);
        return std::to_string(std::stoll(text) + step) + unit;
    };
    int checked = 0;
    for (auto const& info : all_settings()) {
        if (info.type != SettingType::integer && info.type != SettingType::duration && info.type != SettingType::size)
            continue;
        auto const to = info.allowed.find(" to ");
        ASSERT_NE(to, std::string::npos) << info.key;
        auto const least = info.allowed.substr(0, to);
        auto const most = info.allowed.substr(to + 4);
        EXPECT_FALSE(complains(info, least)) << info.key << ' ' << least;
        EXPECT_FALSE(complains(info, most)) << info.key << ' ' << most;
        EXPECT_TRUE(complains(info, beyond(most, 1))) << info.key << ' ' << beyond(most, 1);
        EXPECT_TRUE(complains(info, beyond(least, -1))) << info.key << ' ' << beyond(least, -1);
        for (auto const* nonsense : {"", " ", "x", "1x", "1.5", "99999999999999999999", "0x10", "1e3", "+1"})
            EXPECT_TRUE(complains(info, nonsense)) << info.key << ' ' << nonsense;
        ++checked;
    }
    EXPECT_GT(checked, 30);
}

TEST(Load, naughty_strings_give_values_or_problems_and_never_more) {
    std::ifstream in{"tests/vectors/http/naughty_strings.json", std::ios::binary};
    auto const strings = encoding::parse_json(std::string{std::istreambuf_iterator<char>{in}, {}}).value();
    ASSERT_EQ(strings.items()->size(), 258u);
    for (auto const& text : *strings.items()) {
        auto sources = from_environment({{"MFA_TOTP_ISSUER", *text.string()}, {"ZEPHYR_" + *text.string(), "1"}});
        sources.flags = {{"--server-name", *text.string()},
                         {"--listen", *text.string()},
                         {"--trusted-proxies", *text.string()},
                         {*text.string(), "1"}};
        auto const outcome = load(sources);
        EXPECT_FALSE(outcome.ok());
        EXPECT_TRUE(encoding::parse_json(check_json(outcome).dump()).ok());
    }
}

}  // namespace
}  // namespace zephyr::config
