#include "zephyr/adapters/curl_http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <csignal>
#include <cstdlib>

#include "adapters/address_guard.h"
#include "testing/http_peer.h"
#include "testing/redis_server.h"

namespace zephyr::adapters {
namespace {

using ports::HttpReply;
using testing::HttpPeer;
namespace errors = ports::errors;

std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

class CurlHttpClientTest : public ::testing::Test {
protected:
    CurlHttpClient open{{.allow_loopback = true}};
    CurlHttpClient guarded;

    Result<HttpReply> get(HttpPeer const& peer, std::chrono::milliseconds deadline = 5s, std::size_t limit = 256 * 1024) {
        return open.send({.url = peer.url(), .deadline = deadline, .max_body_bytes = limit});
    }
    static HttpPeer::Handler says(int status, std::string body, std::string headers = "") {
        return [=](HttpPeer::Connection& client) {
            client.request();
            client.answer(status, body, headers);
        };
    }
    static HttpPeer::Handler sends(std::string text) {
        return [=](HttpPeer::Connection& client) {
            client.request();
            client.send(text);
        };
    }
};

TEST_F(CurlHttpClientTest, any_status_is_a_reply_with_headers_and_body) {
    for (int const status : {200, 204, 404, 500, 503}) {
        HttpPeer const peer{says(status, status == 204 ? "" : "the body", "X-Some: Value\r\nX-Some: other\r\n")};
        auto const reply = get(peer).value();
        EXPECT_EQ(reply.status, status);
        EXPECT_EQ(reply.body, status == 204 ? "" : "the body");
        EXPECT_EQ(std::count(reply.headers.begin(), reply.headers.end(), ports::HttpHeader{"x-some", "Value"}), 1);
        EXPECT_EQ(std::count(reply.headers.begin(), reply.headers.end(), ports::HttpHeader{"x-some", "other"}), 1);
    }
}

TEST_F(CurlHttpClientTest, method_headers_and_body_arrive_as_they_were_given) {
    std::string seen;
    HttpPeer const peer{[&](HttpPeer::Connection& client) {
        seen = client.request();
        client.answer(201, "");
    }};
    std::string const body = std::string{"a=1&b="} + '\0' + "2";
    EXPECT_EQ(
        open.send({.method = "POST", .url = peer.url("/path?q=1"), .headers = {{"Content-Type", "text/x"}, {"X-Empty", ""}}, .body = body})
            .value()
            .status,
        201);
    EXPECT_TRUE(seen.starts_with("POST /path?q=1 HTTP/1.1\r\n")) << seen;
    EXPECT_NE(seen.find("\r\nContent-Type: text/x\r\n"), std::string::npos);
    EXPECT_NE(seen.find("\r\nX-Empty:\r\n"), std::string::npos);
    EXPECT_EQ(seen.find("Expect"), std::string::npos);
    EXPECT_EQ(seen.find("Accept-Encoding"), std::string::npos);
    EXPECT_TRUE(seen.ends_with("\r\n\r\n" + body));
}

TEST_F(CurlHttpClientTest, a_redirect_is_an_answer_and_never_followed) {
    HttpPeer const inside{says(200, "secret")};
    for (int const status : {301, 302, 303, 307, 308}) {
        HttpPeer const peer{says(status, "", "Location: " + inside.url() + "\r\nRefresh: 0; url=" + inside.url() + "\r\n")};
        EXPECT_EQ(get(peer).value().status, status);
    }
    EXPECT_EQ(inside.connections(), 0);
}

TEST_F(CurlHttpClientTest, a_slow_peer_costs_no_more_than_the_deadline) {
    HttpPeer const silent{[](HttpPeer::Connection& client) { client.wait_until_gone(); }};
    HttpPeer const trickling{[](HttpPeer::Connection& client) {
        client.request();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while (client.send("x")) std::this_thread::sleep_for(20ms);
    }};
    HttpPeer const trickling_headers{[](HttpPeer::Connection& client) {
        client.request();
        client.send("HTTP/1.1 200 OK\r\n");
        while (client.send("X-More: 1\r\n")) std::this_thread::sleep_for(20ms);
    }};
    for (auto const* peer : {&silent, &trickling, &trickling_headers}) {
        auto const start = std::chrono::steady_clock::now();
        EXPECT_EQ(get(*peer, 300ms).error(), errors::http_no_answer);
        EXPECT_GE(since(start), 250ms);
        EXPECT_LT(since(start), 3s);
    }
}

TEST_F(CurlHttpClientTest, an_answer_larger_than_asked_for_is_thrown_away) {
    HttpPeer const exact{says(200, std::string(1000, 'x'))};
    EXPECT_EQ(get(exact, 5s, 1000).value().body.size(), 1000u);
    EXPECT_EQ(get(exact, 5s, 999).error(), errors::http_too_large);
    // Said to be small, or not said at all, and endless.
    auto const endless = [](std::string head) {
        return [head](HttpPeer::Connection& client) {
            client.request();
            client.send(head);
            while (client.send("1000\r\n" + std::string(0x1000, 'x') + "\r\n")) {
            }
        };
    };
    HttpPeer const chunked{endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")};
    EXPECT_EQ(get(chunked).error(), errors::http_too_large);
    HttpPeer const until_close{endless("HTTP/1.1 200 OK\r\n\r\n")};
    EXPECT_EQ(get(until_close).error(), errors::http_too_large);
    HttpPeer const announced{sends("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")};
    EXPECT_EQ(get(announced).error(), errors::http_too_large);
    HttpPeer const headers{[](HttpPeer::Connection& client) {
        client.request();
        client.send("HTTP/1.1 200 OK\r\n");
        while (client.send("X-More: " + std::string(1000, 'x') + "\r\n")) {
        }
    }};
    EXPECT_EQ(get(headers).error(), errors::http_too_large);
}

TEST_F(CurlHttpClientTest, nothing_is_unpacked) {
    HttpPeer const peer{says(200, "\x1f\x8b not unpacked", "Content-Encoding: gzip\r\n")};
    EXPECT_EQ(get(peer).value().body, "\x1f\x8b not unpacked");
}

TEST_F(CurlHttpClientTest, a_peer_that_lies_or_hangs_up_may_have_had_the_request) {
    for (auto const* const text :
         {"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "<html>HTTP/0.9</html>", "\x16\x03\x01 TLS?", "SSH-2.0-x\r\n"}) {
        HttpPeer const peer{sends(text)};
        EXPECT_EQ(get(peer).error(), errors::http_no_answer) << text;
    }
    std::string nowhere;
    {
        HttpPeer const gone{says(200, "")};
        nowhere = gone.url();
    }
    EXPECT_EQ(open.send({.url = nowhere}).error(), errors::http_unreachable);
    EXPECT_EQ(open.send({.url = "https://name.invalid/"}).error(), errors::http_unreachable);
}

TEST_F(CurlHttpClientTest, nothing_private_is_reached_however_it_is_spelled) {
    HttpPeer const inside{says(200, "secret")};
    auto const port = ":" + std::to_string(inside.port()) + "/";
    for (std::string const host : {"127.0.0.1",          "127.1",           "127.0.0.2",  "2130706433", "0x7f000001", "0x7f.1",
                                   "017700000001",       "0177.0.0.1",      "localhost",  "LOCALHOST",  "localhost.", "[::1]",
                                   "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0",    "0",          "[::]",       "10.0.0.1",
                                   "169.254.169.254",    "192.168.1.1",     "172.16.0.1", "100.64.0.1", "[fd00::1]",  "[fe80::1]",
                                   "[64:ff9b::7f00:1]",  "[2002:7f00:1::]", "224.0.0.1"}) {
        auto const answer = guarded.send({.url = "https://" + host + port, .deadline = 500ms});
        ASSERT_FALSE(answer.ok()) << host;
        // "localhost." and "[::1]" may have no address at all on some machines.
        EXPECT_TRUE(answer.error() == errors::http_refused || host == "localhost.") << host << ": " << answer.error();
    }
    // This machine's own name leads to an address of its own, whichever that is.
    char name[256] = {};
    ::gethostname(name, sizeof name - 1);
    EXPECT_FALSE(guarded.send({.url = "https://" + std::string{name} + port, .deadline = 500ms}).ok());
    EXPECT_EQ(inside.connections(), 0);
}

TEST_F(CurlHttpClientTest, loopback_is_opened_by_name_alone) {
    HttpPeer const inside{says(200, "development")};
    auto const port = ":" + std::to_string(inside.port()) + "/";
    EXPECT_TRUE(open.send({.url = "http://127.0.0.1" + port}).ok());
    EXPECT_TRUE(open.send({.url = "http://localhost" + port}).ok());
    EXPECT_EQ(inside.connections(), 2);
    // curl reads these as 127.0.0.1 as well; the judged host is what curl made of them.
    for (std::string const host :
         {"0.0.0.0", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "127.0.0.1.example.com", "localhost.example.com"})
        EXPECT_FALSE(open.send({.url = "http://" + host + port, .deadline = 500ms}).ok()) << host;
    // A name that leads here without saying so, where the hosts file has one.
    addrinfo* found = nullptr;
    if (::getaddrinfo("ip6-localhost", nullptr, nullptr, &found) == 0) {
        ::freeaddrinfo(found);
        EXPECT_EQ(open.send({.url = "https://ip6-localhost" + port}).error(), errors::http_refused);
    }
    EXPECT_EQ(inside.connections(), 2);
}

TEST_F(CurlHttpClientTest, a_host_the_operator_vouches_for_may_be_private_and_plain) {
    HttpPeer const inside{says(200, "intranet")};
    CurlHttpClient client{{.allowed_hosts = {"127.0.0.1"}}};
    EXPECT_TRUE(client.send({.url = inside.url()}).ok());
    EXPECT_EQ(client.send({.url = inside.url("/", "localhost")}).error(), errors::http_refused) << "another name";
    EXPECT_EQ(client.send({.url = inside.url("/", "127.0.0.2")}).error(), errors::http_refused);
}

TEST_F(CurlHttpClientTest, other_schemes_and_credentials_in_addresses_are_refused) {
    HttpPeer const inside{says(200, "")};
    auto const host = "127.0.0.1:" + std::to_string(inside.port());
    for (auto const& url : {std::string{"file:///etc/passwd"},
                            "ftp://" + host + "/",
                            "gopher://" + host + "/_x",
                            "dict://" + host + "/d",
                            "ldap://" + host,
                            "smb://" + host,
                            "ws://" + host,
                            "telnet://" + host,
                            "http://user@" + host + "/",
                            "http://user:pw@" + host + "/",
                            "http://a@b@" + host,
                            host,
                            std::string{"//127.0.0.1/"},
                            std::string{},
                            std::string{"http://"},
                            std::string{"http:///x"},
                            "http://" + host + " /",
                            "http://" + host + "/\r\nX: 1",
                            std::string{"http://example.com/"},
                            std::string{"HTTP://example.com/"}})
        EXPECT_EQ(open.send({.url = url, .deadline = 500ms}).error(), errors::http_refused) << url;
    EXPECT_EQ(inside.connections(), 0);
}

TEST_F(CurlHttpClientTest, headers_and_methods_cannot_smuggle_another_request) {
    HttpPeer const peer{says(200, "")};
    for (auto const& [name, value] : std::vector<ports::HttpHeader>{
             {"X", "a\r\nY: b"}, {"X", "a\nb"}, {"X\r\nY", "a"}, {"X Y", "a"}, {"", "a"}, {"X:", "a"}, {"X", std::string(1, '\0')}})
        EXPECT_EQ(open.send({.url = peer.url(), .headers = {{name, value}}}).error(), errors::http_refused) << name;
    for (auto const* const method : {"", "GET /other HTTP/1.1\r\nHost: x\r\n\r\nGET", "GE T", "GET\n"})
        EXPECT_EQ(open.send({.method = method, .url = peer.url()}).error(), errors::http_refused) << method;
    EXPECT_EQ(peer.connections(), 0);
}

TEST_F(CurlHttpClientTest, proxies_of_the_environment_are_not_used) {
    HttpPeer const proxy{says(200, "proxy")};
    HttpPeer const peer{says(200, "peer")};
    for (auto const* const name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) ::setenv(name, proxy.url().c_str(), 1);
    EXPECT_EQ(get(peer).value().body, "peer");
    for (auto const* const name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
    EXPECT_EQ(proxy.connections(), 0);
}

TEST_F(CurlHttpClientTest, certificates_are_checked_against_the_authority_and_the_name) {
    testing::TemporaryFolder const folder;
    auto const authority = testing::TestAuthority::make(folder.path(), "authority");
    auto const issued = authority.issue("server", "DNS:localhost,IP:127.0.0.1");
    HttpPeer const peer{says(200, "over TLS"), {issued.certificate, issued.key}};
    CurlHttpClient trusting{{.allow_loopback = true, .ca_file = authority.certificate}};
    EXPECT_EQ(trusting.send({.url = peer.url()}).value().body, "over TLS");
    EXPECT_EQ(trusting.send({.url = peer.url("/", "localhost")}).value().body, "over TLS");
    EXPECT_EQ(trusting.send({.url = peer.url("/", "127.0.0.2")}).error(), errors::http_unreachable) << "not its name";
    EXPECT_EQ(open.send({.url = peer.url()}).error(), errors::http_unreachable) << "an authority the system does not know";
    EXPECT_EQ(trusting.send({.url = "http://127.0.0.1:" + std::to_string(peer.port()) + "/"}).error(), errors::http_no_answer);

    HttpPeer const old{says(200, "TLS 1.1"), {issued.certificate, issued.key, TLS1_1_VERSION}};
    EXPECT_EQ(trusting.send({.url = old.url()}).error(), errors::http_unreachable);
}

TEST_F(CurlHttpClientTest, a_peer_that_hangs_up_in_the_middle_of_a_body_costs_the_request_alone) {
    testing::TemporaryFolder const folder;
    auto const authority = testing::TestAuthority::make(folder.path(), "authority");
    auto const issued = authority.issue("server", "IP:127.0.0.1");
    HttpPeer const peer{[](HttpPeer::Connection&) {}, {issued.certificate, issued.key}};
    CurlHttpClient client{{.allow_loopback = true, .ca_file = authority.certificate}};
    ASSERT_EQ(std::signal(SIGPIPE, SIG_DFL), SIG_DFL);
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(client.send({.method = "POST", .url = peer.url(), .body = std::string(4 << 20, 'x')}).error(), errors::http_no_answer);
}

TEST_F(CurlHttpClientTest, one_client_serves_many_threads) {
    HttpPeer const peer{says(200, "x")};
    std::atomic<int> fine{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < 10; ++j) fine += get(peer).ok() ? 1 : 0;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(fine, 80);
}

struct Address {
    sockaddr_storage storage{};
    explicit Address(char const* text) {
        auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
        auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
        if (::inet_pton(AF_INET, text, &v4->sin_addr) == 1)
            storage.ss_family = AF_INET;
        else if (::inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
            storage.ss_family = AF_INET6;
    }
    sockaddr const* get() const { return reinterpret_cast<sockaddr const*>(&storage); }
};

TEST(AddressGuard, knows_the_blocks_that_are_not_public_to_their_last_address) {
    for (auto const* const text : {"0.0.0.0",
                                   "0.255.255.255",
                                   "10.0.0.0",
                                   "10.255.255.255",
                                   "100.64.0.0",
                                   "100.127.255.255",
                                   "127.0.0.1",
                                   "127.255.255.255",
                                   "169.254.0.1",
                                   "172.16.0.0",
                                   "172.31.255.255",
                                   "192.0.0.8",
                                   "192.0.2.1",
                                   "192.88.99.1",
                                   "192.168.0.0",
                                   "192.168.255.255",
                                   "198.18.0.0",
                                   "198.19.255.255",
                                   "198.51.100.7",
                                   "203.0.113.9",
                                   "224.0.0.1",
                                   "239.255.255.255",
                                   "240.0.0.1",
                                   "255.255.255.255",
                                   "::",
                                   "::1",
                                   "::ffff:10.0.0.1",
                                   "::ffff:127.0.0.1",
                                   "::7f00:1",
                                   "64:ff9b::a00:1",
                                   "64:ff9b:1::1",
                                   "100::1",
                                   "2001::1",
                                   "2001:1ff:ffff::1",
                                   "2001:db8::1",
                                   "2002:a00:1::1",
                                   "3fff::1",
                                   "3fff:fff::1",
                                   "fc00::1",
                                   "fdff::1",
                                   "fe80::1",
                                   "febf::1",
                                   "fec0::1",
                                   "ff02::1",
                                   "5f00::1",
                                   "4000::1"})
        EXPECT_FALSE(is_public_address(Address{text}.get())) << text;
    for (auto const* const text : {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",       "100.128.0.0",
                                   "126.255.255.255", "128.0.0.1",       "169.253.255.255", "169.255.0.0",          "172.15.255.255",
                                   "172.32.0.0",      "192.0.1.0",       "192.167.255.255", "192.169.0.0",          "198.17.255.255",
                                   "198.20.0.0",      "223.255.255.255", "8.8.8.8",         "2001:4860:4860::8888", "2001:200::1",
                                   "2606:4700::1111", "2a00:1450::1",    "3ffe:ffff::1",    "3fff:1000::1",         "::ffff:8.8.8.8"})
        EXPECT_TRUE(is_public_address(Address{text}.get())) << text;
    sockaddr other{};
    other.sa_family = AF_UNIX;
    EXPECT_FALSE(is_public_address(&other));
    EXPECT_FALSE(is_loopback_address(&other));
}

TEST(AddressGuard, loopback_is_this_machine_and_nothing_else) {
    for (auto const* const text : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"})
        EXPECT_TRUE(is_loopback_address(Address{text}.get())) << text;
    for (auto const* const text : {"126.0.0.1", "128.0.0.1", "0.0.0.0", "::", "::2", "1::1", "::ffff:10.0.0.1", "10.0.0.1"})
        EXPECT_FALSE(is_loopback_address(Address{text}.get())) << text;
}

}  // namespace
}  // namespace zephyr::adapters
