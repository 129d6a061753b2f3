#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "http/server/porch.h"

namespace zephyr::http::server {
namespace {

std::string get(std::string_view target) { return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

// A self-signed P-256 certificate for `name` and its key, in two files that live as long as this.
class Certificate {
public:
    explicit Certificate(std::string const& name)
        : folder_{std::filesystem::temp_directory_path() / ("zephyr-tls-" + std::to_string(::getpid()) + "-" + name)} {
        std::filesystem::create_directories(folder_);
        std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> const pair{EVP_EC_gen("P-256"), EVP_PKEY_free};
        std::unique_ptr<X509, void (*)(X509*)> const x509{X509_new(), X509_free};
        X509_set_version(x509.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(x509.get()), -60);
        X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
        X509_set_pubkey(x509.get(), pair.get());
        auto* const subject = X509_get_subject_name(x509.get());
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
        X509_set_issuer_name(x509.get(), subject);
        X509_sign(x509.get(), pair.get(), EVP_sha256());
        write(certificate(), [&](std::FILE* file) { return PEM_write_X509(file, x509.get()); });
        write(key(), [&](std::FILE* file) { return PEM_write_PrivateKey(file, pair.get(), nullptr, nullptr, 0, nullptr, nullptr); });
        unsigned char secret[] = "secret";
        write(locked_key(), [&](std::FILE* file) { return PEM_write_PrivateKey(file, pair.get(), EVP_aes_256_cbc(), secret, 6, nullptr, nullptr); });
    }
    ~Certificate() { std::filesystem::remove_all(folder_); }
    std::string certificate() const { return folder_ / "certificate.pem"; }
    std::string key() const { return folder_ / "key.pem"; }
    std::string locked_key() const { return folder_ / "locked.pem"; }

private:
    template <class Write>
    static void write(std::string const& path, Write how) {
        std::unique_ptr<std::FILE, int (*)(std::FILE*)> const file{std::fopen(path.c_str(), "w"), std::fclose};
        EXPECT_TRUE(file && how(file.get()) == 1) << path;
    }
    std::filesystem::path folder_;
};

// A TLS client that lets each test choose what it offers. Blocking: every read has the socket's timeout.
class TlsClient {
public:
    explicit TlsClient(std::uint16_t port, int most = TLS1_3_VERSION, std::vector<std::string> const& protocols = {}, char const* ciphers = nullptr)
        : socket_{port}, context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free}, ssl_{nullptr, SSL_free} {
        SSL_CTX_set_security_level(context_.get(), 0);
        SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context_.get(), most);
        if (ciphers != nullptr) SSL_CTX_set_cipher_list(context_.get(), ciphers);
        ssl_.reset(SSL_new(context_.get()));
        std::string list;
        for (auto const& protocol : protocols) list += static_cast<char>(protocol.size()) + protocol;
        if (!list.empty()) SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<unsigned char const*>(list.data()), static_cast<unsigned>(list.size()));
        ::fcntl(socket_.descriptor(), F_SETFL, 0);
        timeval const limit{patience.count(), 0};
        ::setsockopt(socket_.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        SSL_set_fd(ssl_.get(), socket_.descriptor());
    }
    bool handshake() { return SSL_connect(ssl_.get()) == 1; }
    void send(std::string_view bytes) { SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); }
    // Reads until `size` bytes of body have come, or the end.
    std::string receive(std::size_t body_size) {
        std::string text;
        for (;;) {
            auto const end = text.find("\r\n\r\n");
            if (end != std::string::npos && text.size() >= end + 4 + body_size) return text;
            char bytes[16384];
            auto const size = SSL_read(ssl_.get(), bytes, sizeof bytes);
            if (size <= 0) return text;
            text.append(bytes, static_cast<std::size_t>(size));
        }
    }
    bool ended_cleanly() {
        char byte;
        return SSL_get_error(ssl_.get(), SSL_read(ssl_.get(), &byte, 1)) == SSL_ERROR_ZERO_RETURN;
    }
    SSL* ssl() { return ssl_.get(); }
    std::string server_name() {
        std::unique_ptr<X509, void (*)(X509*)> const x509{SSL_get1_peer_certificate(ssl_.get()), X509_free};
        char name[100] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(x509.get()), NID_commonName, name, sizeof name);
        return name;
    }

private:
    Client socket_;
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
    std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

class TlsPorch : public Porch {
protected:
    TlsPorch() {
        settings.tls_certificate = certificate.certificate();
        settings.tls_key = certificate.key();
    }
    Certificate certificate{"first.test"};
};

TEST_F(TlsPorch, serves_over_tls_1_3_by_default) {
    dispatcher.answer = [](Request const& request) { return Response{200, {}, request.scheme + request.target + request.body}; };
    start();
    TlsClient client{server->port()};
    ASSERT_TRUE(client.handshake());
    EXPECT_STREQ(SSL_get_version(client.ssl()), "TLSv1.3");
    for (auto const* target : {"/inline", "/pool", "/inline"}) {
        client.send(get(target));
        EXPECT_NE(client.receive(5 + std::string_view{target}.size()).find("https" + std::string{target}), std::string::npos);
    }
}

TEST_F(TlsPorch, carries_large_bodies_both_ways) {
    start();
    TlsClient client{server->port()};
    ASSERT_TRUE(client.handshake());
    std::string const body(500'000, 'b');
    client.send("POST /pool HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + body);
    EXPECT_NE(client.receive(body.size() + 6).find("/pool " + body), std::string::npos);
}

TEST_F(TlsPorch, says_goodbye_before_it_closes) {
    start();
    TlsClient client{server->port()};
    ASSERT_TRUE(client.handshake());
    client.send("GET /inline HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_NE(client.receive(8).find("200 OK"), std::string::npos);
    EXPECT_TRUE(client.ended_cleanly());
}

TEST_F(TlsPorch, speaks_tls_1_2_with_forward_secrecy_and_aead_only) {
    start();
    TlsClient good{server->port(), TLS1_2_VERSION};
    ASSERT_TRUE(good.handshake());
    EXPECT_STREQ(SSL_get_version(good.ssl()), "TLSv1.2");
    for (auto const* weak : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "NULL"}) {
        TlsClient bad{server->port(), TLS1_2_VERSION, {}, weak};
        EXPECT_FALSE(bad.handshake()) << weak;
    }
}

TEST_F(TlsPorch, refuses_tls_1_1) {
    start();
    TlsClient client{server->port(), TLS1_1_VERSION};
    EXPECT_FALSE(client.handshake());
    EXPECT_TRUE(eventually([&] { return server->stats().tls_failures == 1; }));
    EXPECT_EQ(server->stats().requests, 0U);
}

//= https://www.rfc-editor.org/rfc/rfc7301#section-3.2
//= type=test
//# In the event that the server supports no protocols that the client advertises, then the server SHALL respond with a fatal
//# "no_application_protocol" alert.
TEST_F(TlsPorch, agrees_on_http_1_1_and_on_nothing_else) {
    start();
    TlsClient both{server->port(), TLS1_3_VERSION, {"h2", "http/1.1"}};
    ASSERT_TRUE(both.handshake());
    unsigned char const* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(both.ssl(), &chosen, &size);
    EXPECT_EQ((std::string{reinterpret_cast<char const*>(chosen), size}), "http/1.1");
    TlsClient only_h2{server->port(), TLS1_3_VERSION, {"h2"}};
    EXPECT_FALSE(only_h2.handshake());
}

TEST_F(TlsPorch, closes_on_plain_http) {
    start();
    auto plain = client();
    plain.send(get("/inline"));
    EXPECT_FALSE(plain.receive());
    EXPECT_TRUE(eventually([&] { return server->stats().connections == 0; }));
    EXPECT_EQ(server->stats().requests, 0U);
}

TEST_F(TlsPorch, closes_a_handshake_that_takes_too_long) {
    settings.loops = 1;
    start();
    auto silent = client();
    auto half = client();
    half.send(std::string_view{"\x16\x03\x01\x02\x00\x01\x00", 7});
    TlsClient fast{server->port()};
    ASSERT_TRUE(fast.handshake());  // so the loop has seen the slow ones, whose time has begun
    EXPECT_EQ(server->stats().connections, 3U);
    clock.advance(settings.timeouts.handshake - 1ms);
    half.send(std::string_view{"\x01", 1});
    clock.advance(2ms);
    EXPECT_TRUE(silent.is_closed());
    EXPECT_TRUE(half.is_closed());
    EXPECT_GE(server->stats().timeouts, 2U);
}

TEST_F(TlsPorch, closes_a_slow_request_with_408) {
    start();
    TlsClient slow{server->port()};
    ASSERT_TRUE(slow.handshake());
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx");
    ASSERT_TRUE(eventually([&] { return server->stats().body_memory_bytes == 1; }));
    clock.advance(settings.timeouts.body + 1ms);
    EXPECT_NE(slow.receive(1).find("408 Request Timeout"), std::string::npos);
}

TEST_F(TlsPorch, takes_a_new_certificate_without_a_restart_and_keeps_the_old_one_when_the_new_is_no_good) {
    start();
    TlsClient before{server->port()};
    ASSERT_TRUE(before.handshake());
    EXPECT_EQ(before.server_name(), "first.test");

    Certificate next{"second.test"};
    std::filesystem::copy_file(next.certificate(), certificate.certificate(), std::filesystem::copy_options::overwrite_existing);
    auto const mismatch = server->reload_tls();  // the old key does not fit
    ASSERT_FALSE(mismatch.ok());
    EXPECT_EQ(mismatch.error(), errors::certificate_unusable);
    TlsClient meanwhile{server->port()};
    ASSERT_TRUE(meanwhile.handshake());
    EXPECT_EQ(meanwhile.server_name(), "first.test");

    std::filesystem::copy_file(next.key(), certificate.key(), std::filesystem::copy_options::overwrite_existing);
    ASSERT_TRUE(server->reload_tls().ok());
    TlsClient after{server->port()};
    ASSERT_TRUE(after.handshake());
    EXPECT_EQ(after.server_name(), "second.test");
    before.send(get("/inline"));  // connections go on as they began
    EXPECT_NE(before.receive(8).find("200 OK"), std::string::npos);
}

TEST_F(TlsPorch, does_not_start_with_a_certificate_or_key_it_cannot_use) {
    auto const refused = [&](std::string const& certificate_path, std::string const& key_path) {
        auto bad = settings;
        bad.tls_certificate = certificate_path;
        bad.tls_key = key_path;
        Server one{bad, dispatcher, clock, log};
        auto const result = one.start();
        EXPECT_FALSE(result.ok());
        return result.ok() ? std::string{} : std::string{result.error().id()} + ": " + std::string{result.error().reason()};
    };
    Certificate other{"other.test"};
    for (auto const& [certificate_path, key_path] : std::vector<std::pair<std::string, std::string>>{
             {"/nonexistent/certificate.pem", certificate.key()},
             {certificate.certificate(), "/nonexistent/key.pem"},
             {certificate.key(), certificate.key()},
             {certificate.certificate(), other.key()},
             {certificate.certificate(), certificate.locked_key()},  // does not ask a terminal either
             {certificate.certificate(), ""},
             {"", certificate.key()}}) {
        EXPECT_EQ(refused(certificate_path, key_path).substr(0, 26), "http.certificate_unusable:") << certificate_path << " " << key_path;
    }
}

TEST_F(TlsPorch, drains_its_connections_too) {
    Gate gate;
    dispatcher.answer = [&](Request const&) { gate.pass(); return Response{200, {}, "finished"}; };
    start();
    TlsClient busy{server->port()};
    ASSERT_TRUE(busy.handshake());
    busy.send(get("/pool"));
    ASSERT_TRUE(gate.wait_for(1));
    std::thread stopper{[&] { server->stop(); }};
    gate.open();
    EXPECT_NE(busy.receive(8).find("finished"), std::string::npos);
    EXPECT_TRUE(busy.ended_cleanly());
    ::shutdown(SSL_get_fd(busy.ssl()), SHUT_RDWR);
    stopper.join();
}

}  // namespace
}  // namespace zephyr::http::server
