#include "config/values.h"

#include <gtest/gtest.h>

namespace zephyr::config {
namespace {

using namespace std::chrono_literals;

TEST(Durations, are_read_and_printed_with_their_unit) {
    EXPECT_EQ(parse_duration("500ms"), 500ms);
    EXPECT_EQ(parse_duration("30s"), 30s);
    EXPECT_EQ(parse_duration("10m"), 10min);
    EXPECT_EQ(parse_duration("12h"), 12h);
    EXPECT_EQ(parse_duration("30d"), 720h);
    EXPECT_EQ(parse_duration("86400"), 24h);
    EXPECT_EQ(parse_duration("0"), 0ms);
    for (auto const* text : {"", "m", "1 m", "1M", "1min", "-1s", "1.5h", "1h30m", "10001d", "9223372036854775807d",
                             "99999999999999999999s", "1s "})
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    for (auto const* text : {"500ms", "30s", "10m", "12h", "30d", "0s", "1001ms"})
        EXPECT_EQ(print_duration(*parse_duration(text)), text);
}

TEST(Sizes, are_read_and_printed_with_their_unit) {
    EXPECT_EQ(parse_size("65536"), 65536);
    EXPECT_EQ(parse_size("64KiB"), 65536);
    EXPECT_EQ(parse_size("1MiB"), 1 << 20);
    EXPECT_EQ(parse_size("2GiB"), std::int64_t{2} << 30);
    for (auto const* text : {"", "KiB", "1KB", "1k", "1 KiB", "-1", "1.5MiB", "9223372036854775807GiB"})
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
    for (auto const* text : {"16KiB", "1MiB", "1000B", "0B"}) EXPECT_EQ(print_size(*parse_size(text)), text);
}

TEST(Booleans, have_words_in_any_case_and_no_others) {
    for (auto const* text : {"true", "True", "TRUE", "yes", "on", "1"}) EXPECT_EQ(parse_boolean(text), true) << text;
    for (auto const* text : {"false", "False", "no", "OFF", "0"}) EXPECT_EQ(parse_boolean(text), false) << text;
    for (auto const* text : {"", "2", "t", "enabled", " true", "true ", "None"})
        EXPECT_EQ(parse_boolean(text), std::nullopt) << text;
}

TEST(Endpoints, are_an_address_and_a_port) {
    EXPECT_EQ(parse_endpoint("127.0.0.1:8080"), (Endpoint{"127.0.0.1", 8080}));
    EXPECT_EQ(parse_endpoint("[0:0::1]:0"), (Endpoint{"::1", 0}));
    EXPECT_EQ(parse_endpoint("localhost:65535"), (Endpoint{"localhost", 65535}));
    for (auto const* text : {"",
                             ":",
                             ":8080",
                             "8080",
                             "127.0.0.1",
                             "127.0.0.1:",
                             "127.0.0.1:65536",
                             "127.0.0.1:-1",
                             "127.0.0.1:080",
                             "127.1:80",
                             "example.com:80",
                             "::1:80",
                             "[::1]",
                             "[127.0.0.1]:80",
                             "[]:80",
                             "[localhost]:80",
                             "127.0.0.1:8080 ",
                             "http://127.0.0.1:80",
                             "*:80",
                             "[fe80::1%lo]:80"})
        EXPECT_EQ(parse_endpoint(text), std::nullopt) << text;
    EXPECT_EQ(parse_endpoint(std::string_view{"127.0.0.1\0:80", 13}), std::nullopt);
    EXPECT_EQ((Endpoint{"::1", 80}.str()), "[::1]:80");
}

TEST(Endpoints, know_whether_they_leave_the_machine) {
    for (auto const* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"})
        EXPECT_TRUE((Endpoint{host, 1}.is_loopback())) << host;
    for (auto const* host : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::ffff:127.0.0.1"})
        EXPECT_FALSE((Endpoint{host, 1}.is_loopback())) << host;
    EXPECT_TRUE((Endpoint{"0.0.0.0", 1}.is_wildcard() && Endpoint{"::", 1}.is_wildcard()));
    EXPECT_FALSE((Endpoint{"127.0.0.1", 1}.is_wildcard()));
}

TEST(AddressRanges, have_one_spelling_and_no_bits_beyond_their_prefix) {
    EXPECT_EQ(address_range("10.0.0.0/8").value, "10.0.0.0/8");
    EXPECT_EQ(address_range("192.0.2.1").value, "192.0.2.1/32");
    EXPECT_EQ(address_range("2001:DB8::/32").value, "2001:db8::/32");
    EXPECT_EQ(address_range("::1").value, "::1/128");
    for (auto const* text :
         {"", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0/8", "::/129",
          "2001:db8::1/32", "0.0.0.0/0", "::/0", "example.com", "10.0.0.0/8 ", "*", "localhost"})
        EXPECT_NE(address_range(text).problem, "") << text;
}

TEST(Texts, are_checked_for_what_they_are) {
    EXPECT_EQ(colour_or_empty("#AaBb09").value, "#aabb09");
    EXPECT_NE(colour_or_empty("#fff").problem, "");
    EXPECT_NE(colour_or_empty("#fffffg").problem, "");
    EXPECT_NE(colour_or_empty("red;}").problem, "");
    EXPECT_EQ(host_or_empty("Example.COM").value, "example.com");
    for (auto const* text : {"example.com:443", "https://example.com", "exa mple", "a/b", "user@host"})
        EXPECT_NE(host_or_empty(text).problem, "") << text;
    EXPECT_EQ(visible_text("Ada & Söhne").problem, "");
    for (auto const* text : {"", "a\nb", "a\u202Eb", "a\xff"}) EXPECT_NE(visible_text(text).problem, "") << text;
    EXPECT_EQ(visible_text(std::string(64, 'a')).problem, "");
    EXPECT_NE(visible_text(std::string(65, 'a')).problem, "");
    EXPECT_NE(issuer_name("a:b").problem, "");
    EXPECT_NE(any_text("a\x01").problem, "");
    EXPECT_NE(any_text("a\xff").problem, "");
    EXPECT_EQ(sms_provider_or_empty("twilio").problem, "");
    EXPECT_NE(sms_provider_or_empty("Twilio").problem, "");
}

TEST(Texts, of_directories_and_urls_are_checked) {
    for (auto const* text : {"", "ldap://ldap.example.com:389", "ldaps://10.0.0.1", "ldap://[::1]:10389"})
        EXPECT_EQ(ldap_uri_or_empty(text).problem, "") << text;
    for (auto const* text : {"ldap.example.com", "http://x", "ldap://", "ldap://x/dc=a", "LDAP://x", "ldap://u@x"})
        EXPECT_NE(ldap_uri_or_empty(text).problem, "") << text;
    for (auto const* text : {"(uid={username})", "(&(objectClass=person)(|(uid={username})(mail={username})))"})
        EXPECT_EQ(ldap_filter(text).problem, "") << text;
    for (auto const* text :
         {"", "uid={username}", "(uid=*)", "((uid={username})", "({username}=x)", "(uid={username})\n"})
        EXPECT_NE(ldap_filter(text).problem, "") << text;
    for (auto const* text : {"", "https://as.example.com", "https://as.example.com/realms/a", "http://localhost:9000/"})
        EXPECT_EQ(http_url_or_empty(text).problem, "") << text;
    for (auto const* text : {"as.example.com", "https://", "https://a.example/?x", "https://a.example/#x",
                             "javascript:alert(1)", "https://a.example/a b", "//a"})
        EXPECT_NE(http_url_or_empty(text).problem, "") << text;
    for (auto const* text : {"", "postgresql://u:p@h/db", "postgres:///db?host=/run"})
        EXPECT_EQ(postgres_url_or_empty(text).problem, "") << text;
    for (auto const* text : {"mysql://h", "postgresql:/h", "host=h dbname=d", "postgresql://h/a b"})
        EXPECT_NE(postgres_url_or_empty(text).problem, "") << text;
    for (auto const* text : {"", "redis://localhost", "rediss://:p%40ss@redis.example.com:6380/7", "redis://user:p@[::1]/"})
        EXPECT_EQ(redis_url_or_empty(text).problem, "") << text;
    for (auto const* text : {"redis:/localhost", "http://localhost", "redis://", "redis://user@host", "redis://:@host", "redis://h/x",
                             "redis://h/1/2", "redis://:%zz@h", "redis://h h", "redis://h\r\nPING", "REDIS://h", "redis://h:0"}) {
        EXPECT_NE(redis_url_or_empty(text).problem, "") << text;
        EXPECT_EQ(redis_url_or_empty(text).problem.find("zz"), std::string::npos) << "a password would be quoted";
    }
}

}  // namespace
}  // namespace zephyr::config
