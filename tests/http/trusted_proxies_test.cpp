#include "zephyr/http/trusted_proxies.h"

#include <gtest/gtest.h>

namespace zephyr::http {
namespace {

TrustedProxies trusting(std::vector<std::string> cidrs, ForwardedStyle style = ForwardedStyle::x_forwarded) {
    auto proxies = TrustedProxies::parse(cidrs, style);
    EXPECT_TRUE(proxies.ok());
    return std::move(proxies).value();
}

TEST(IpAddress, reads_the_ways_an_address_is_written) {
    for (auto const& [text, canonical] :
         std::vector<std::pair<std::string, std::string>>{{"192.0.2.1", "192.0.2.1"},
                                                          {"::1", "::1"},
                                                          {"2001:DB8:0:0::1", "2001:db8::1"},
                                                          {"::ffff:192.0.2.1", "192.0.2.1"},
                                                          {"::FFFF:c000:201", "192.0.2.1"}}) {
        auto const address = IpAddress::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->str(), canonical);
    }
}

TEST(IpAddress, refuses_what_only_looks_like_one) {
    for (std::string const text :
         {"", "127.1", "0x7f.0.0.1", "0177.0.0.1", "192.0.2", "192.0.2.256", "192.0.2.1.", " 192.0.2.1", "192.0.2.1 ",
          "192.0.2.1:80", "[::1]", "fe80::1%eth0", "1:2:3", ":::", "localhost", "2130706433", "192.0.2.01"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
    EXPECT_FALSE(IpAddress::parse(std::string_view{"192.0.2.1\0x", 11}));
}

TEST(Cidr, contains_its_block_and_nothing_else) {
    auto const inside = [](char const* block, char const* address) {
        return Cidr::parse(block)->contains(*IpAddress::parse(address));
    };
    EXPECT_TRUE(inside("10.0.0.0/8", "10.255.255.255"));
    EXPECT_FALSE(inside("10.0.0.0/8", "11.0.0.0"));
    EXPECT_TRUE(inside("192.0.2.128/25", "192.0.2.128"));
    EXPECT_FALSE(inside("192.0.2.128/25", "192.0.2.127"));
    EXPECT_TRUE(inside("192.0.2.7", "192.0.2.7"));
    EXPECT_FALSE(inside("192.0.2.7", "192.0.2.8"));
    EXPECT_TRUE(inside("0.0.0.0/0", "203.0.113.9"));
    EXPECT_FALSE(inside("0.0.0.0/0", "::1"));
    EXPECT_TRUE(inside("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(inside("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT_TRUE(inside("::1/128", "::1"));
    EXPECT_FALSE(inside("::/96", "192.0.2.1"));
    EXPECT_TRUE(inside("192.0.2.1", "::ffff:192.0.2.1"));
}

TEST(Cidr, refuses_malformed_blocks) {
    for (auto const* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/-1", "10.0.0.0/08",
                             "10.0.0.0/+8", "10.0.0.0/8 ", "10/8", "::/129", "::1/64", "10.0.0.0/8/8", "10.0.0.0/a",
                             "::ffff:10.0.0.0/104", "example.com"}) {
        EXPECT_FALSE(Cidr::parse(text)) << text;
    }
    auto const refused = TrustedProxies::parse({"10.0.0.0/8", "10.0.0.1/8"});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error(), errors::proxy_list_malformed);
    EXPECT_NE(refused.error().reason().find("10.0.0.1/8"), std::string_view::npos);
}

// Every header a client could send to look like someone else, from a peer that is not listed: nothing changes.
TEST(TrustedProxies, believes_no_header_of_a_stranger) {
    std::vector<Header> const spoofs{{"X-Forwarded-For", "10.0.0.9"},
                                     {"X-Forwarded-For", "127.0.0.1, 10.0.0.9"},
                                     {"X-Forwarded-Host", "evil.test"},
                                     {"X-Forwarded-Proto", "https"},
                                     {"Forwarded", "for=10.0.0.9;proto=https;host=evil.test"},
                                     {"X-Real-IP", "10.0.0.9"},
                                     {"X_Forwarded_For", "10.0.0.9"},
                                     {"X-Forwarded-Server", "evil.test"},
                                     {"True-Client-IP", "10.0.0.9"},
                                     {"CF-Connecting-IP", "10.0.0.9"},
                                     {"X-Original-Host", "evil.test"},
                                     {"X-Host", "evil.test"},
                                     {"X-Forwarded-For", "garbage"},
                                     {"X-Client-IP", "10.0.0.9"}};
    for (auto const style : {ForwardedStyle::x_forwarded, ForwardedStyle::forwarded}) {
        for (auto const& proxies : {TrustedProxies{}, trusting({"10.0.0.0/8", "2001:db8::/32"}, style)}) {
            for (auto const& spoof : spoofs) {
                auto const facts = client_facts("203.0.113.5", "http", {{"Host", "id.test"}, spoof}, proxies);
                ASSERT_TRUE(facts.ok()) << spoof.name;
                EXPECT_EQ(facts.value().address, "203.0.113.5") << spoof.name;
                EXPECT_EQ(facts.value().scheme, "http") << spoof.name;
                EXPECT_EQ(facts.value().host, "id.test") << spoof.name;
            }
        }
    }
}

TEST(TrustedProxies, walks_the_chain_from_the_right_and_stops_at_the_first_stranger) {
    auto const proxies = trusting({"10.0.0.0/8", "2001:db8::/32"});
    auto const seen = [&](char const* peer, char const* chain) {
        return client_address_from(peer, {{"X-Forwarded-For", chain}}, proxies).value();
    };
    EXPECT_EQ(seen("10.0.0.1", "203.0.113.5"), "203.0.113.5");
    EXPECT_EQ(seen("10.0.0.1", "1.1.1.1, 203.0.113.5"), "203.0.113.5");
    EXPECT_EQ(seen("10.0.0.1", "1.1.1.1, 203.0.113.5, 10.9.9.9"), "203.0.113.5");
    EXPECT_EQ(seen("10.0.0.1", "garbage, 203.0.113.5,10.9.9.9"), "203.0.113.5");
    EXPECT_EQ(seen("10.0.0.1", "10.0.0.7, 203.0.113.5"), "203.0.113.5");
    EXPECT_EQ(seen("10.0.0.1", "10.0.0.7"), "10.0.0.7");
    EXPECT_EQ(seen("2001:db8::1", "2001:DB9::5"), "2001:db9::5");
    EXPECT_EQ(seen("::ffff:10.0.0.1", "203.0.113.5:4711"), "203.0.113.5");
    EXPECT_EQ(seen("10.0.0.1", "[2001:db9::5]:4711"), "2001:db9::5");
    EXPECT_EQ(seen("10.0.0.1", "[2001:db9::5]"), "2001:db9::5");
    EXPECT_EQ(client_address_from("10.0.0.1", {}, proxies).value(), "10.0.0.1");
}

TEST(TrustedProxies, refuses_nonsense_from_a_listed_proxy) {
    auto const proxies = trusting({"10.0.0.0/8"});
    std::vector<Header> const nonsense{{"X-Forwarded-For", ""},
                                       {"X-Forwarded-For", "unknown"},
                                       {"X-Forwarded-For", "203.0.113.5,"},
                                       {"X-Forwarded-For", "203.0.113.5:x"},
                                       {"X-Forwarded-For", "[::1"},
                                       {"X-Forwarded-For", "::1]:80"},
                                       {"X-Forwarded-For", "[203.0.113.5]:80"},
                                       {"X-Forwarded-For", "::1:80:"},
                                       {"X-Forwarded-Proto", "ftp"},
                                       {"X-Forwarded-Proto", "https, http"},
                                       {"X-Forwarded-Proto", ""},
                                       {"X-Forwarded-Host", "a, b"},
                                       {"X-Forwarded-Host", "a/../b"},
                                       {"X-Forwarded-Host", "user@evil.test"},
                                       {"X-Forwarded-Host", ""}};
    for (auto const& header : nonsense) {
        auto const facts = client_facts("10.0.0.1", "http", {header}, proxies);
        ASSERT_FALSE(facts.ok()) << header.name << ": " << header.value;
        EXPECT_EQ(facts.error(), errors::forwarded_malformed);
    }
    std::string endless = "10.0.0.1";
    for (int i = 0; i < 30; ++i) endless += ", 10.0.0.2";
    EXPECT_FALSE(client_facts("10.0.0.1", "http", {{"X-Forwarded-For", endless}}, proxies).ok());
}

TEST(TrustedProxies, takes_scheme_and_host_from_a_listed_proxy) {
    auto const facts = client_facts("10.0.0.1", "http",
                                    {{"Host", "backend:8080"},
                                     {"X-Forwarded-For", "203.0.113.5"},
                                     {"X-Forwarded-Proto", "HTTPS"},
                                     {"X-Forwarded-Host", "id.test"}},
                                    trusting({"10.0.0.1"}));
    ASSERT_TRUE(facts.ok());
    EXPECT_EQ(facts.value().scheme, "https");
    EXPECT_EQ(facts.value().host, "id.test");
}

TEST(TrustedProxies, believes_one_header_family_only) {
    Headers const both{{"X-Forwarded-For", "198.51.100.1"},
                       {"X-Forwarded-Proto", "https"},
                       {"Forwarded", "for=203.0.113.5;proto=http"}};
    auto const x = client_facts("10.0.0.1", "http", both, trusting({"10.0.0.1"}));
    EXPECT_EQ(x.value().address, "198.51.100.1");
    EXPECT_EQ(x.value().scheme, "https");
    auto const rfc = client_facts("10.0.0.1", "http", both, trusting({"10.0.0.1"}, ForwardedStyle::forwarded));
    EXPECT_EQ(rfc.value().address, "203.0.113.5");
    EXPECT_EQ(rfc.value().scheme, "http");
}

TEST(TrustedProxies, reads_the_forwarded_header) {
    auto const proxies = trusting({"10.0.0.0/8"}, ForwardedStyle::forwarded);
    auto const read = [&](std::string header) {
        return client_facts("10.0.0.1", "http", {{"Host", "b"}, {"Forwarded", std::move(header)}}, proxies);
    };
    // RFC 7239 4: an IPv6 address "is always enclosed in square brackets" and quoted.
    EXPECT_EQ(read("For=\"[2001:db8:cafe::17]:4711\"").value().address, "2001:db8:cafe::17");
    EXPECT_EQ(read("for=192.0.2.43, for=198.51.100.17;proto=https;host=id.test").value().address, "198.51.100.17");
    EXPECT_EQ(read("for=198.51.100.17;proto=https;host=\"id.test:8443\"").value().host, "id.test:8443");
    EXPECT_EQ(read("for=1.1.1.1, for=203.0.113.5, for=10.2.3.4").value().address, "203.0.113.5");
    EXPECT_EQ(read("for=203.0.113.5; by=10.0.0.9 ;ext=\"a\\\"b;,\"").value().address, "203.0.113.5");
    // The host a client wrote into an element left of the proxy's own does not count.
    EXPECT_EQ(read("for=1.1.1.1;host=evil.test, for=203.0.113.5;host=id.test").value().host, "id.test");
    EXPECT_EQ(read("for=1.1.1.1;host=evil.test, for=203.0.113.5").value().host, "b");
    for (std::string const header :
         {"", ",", ";", "for", "for=", "for=\"203.0.113.5", "for=203.0.113.5;for=203.0.113.6", "for=unknown",
          "for=_hidden", "for=203.0.113.5,", "for=203.0.113.5 proto=https", "for=::1", "for=203.0.113.5;proto=gopher",
          "for=\"a\\", "for=203.0.113.5;host=\"a b\""}) {
        EXPECT_FALSE(read(header).ok()) << header;
    }
}

}  // namespace
}  // namespace zephyr::http
