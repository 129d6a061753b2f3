#include "adapters/redis_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "zephyr/foundation/fault.h"
#include "zephyr/ports/redis.h"

namespace zephyr::adapters {

namespace {

using ports::errors::redis_unavailable;

Error away(std::string why) { return Error{redis_unavailable, std::move(why)}; }
Error away_errno(std::string_view what) { return away(std::string{what} + ": " + std::strerror(errno)); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

bool is_address(std::string const& host) {
    in_addr v4{};
    in6_addr v6{};
    return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 || ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

std::string tls_reason(SSL const* ssl) {
    if (auto const verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) {
        return std::string{"certificate refused: "} + X509_verify_cert_error_string(verdict);
    }
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
    return text.data();
}

}  // namespace

Result<std::vector<SocketAddress>> resolve(std::string const& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (is_address(host) ? AI_NUMERICHOST : 0);
    addrinfo* found = nullptr;
    if (int const code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0) {
        return away("cannot resolve " + host + ": " + ::gai_strerror(code));
    }
    std::vector<SocketAddress> addresses;
    for (auto const* at = found; at != nullptr; at = at->ai_next) {
        SocketAddress address;
        std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        address.size = at->ai_addrlen;
        addresses.push_back(address);
    }
    ::freeaddrinfo(found);
    return addresses;
}

TlsClient::TlsClient(std::string const& ca_file) : context_{SSL_CTX_new(TLS_client_method())} {
    if (context_ == nullptr) throw Fault{"redis: TLS could not be set up"};
    bool const loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context_) == 1
                                        : SSL_CTX_load_verify_file(context_, ca_file.c_str()) == 1;
    bool const configured = SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION) == 1 &&
                            SSL_CTX_set_cipher_list(context_, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
    SSL_CTX_set_security_level(context_, 2);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context_, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    if (!loaded || !configured) {
        ERR_clear_error();
        SSL_CTX_free(context_);
        throw Fault{"redis.ca_file: cannot be read or holds no PEM certificate: " + ca_file};
    }
}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

RedisStream::~RedisStream() {
    SSL_free(ssl_);
    ::close(descriptor_);
}

bool RedisStream::wait(short events, Deadline const& deadline) const {
    pollfd watched{descriptor_, events, 0};
    for (;;) {
        auto const left = std::min<std::int64_t>(deadline.left().count(), std::numeric_limits<int>::max());
        int const ready = ::poll(&watched, 1, static_cast<int>(left));
        if (ready >= 0 || errno != EINTR) return ready > 0;
    }
}

Result<std::unique_ptr<RedisStream>> RedisStream::connect(SocketAddress const& address, TlsClient const* tls, std::string const& host,
                                                          Deadline const& deadline) {
    int const descriptor = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return away_errno("socket");
    std::unique_ptr<RedisStream> stream{new RedisStream{descriptor}};
    int const on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(descriptor, reinterpret_cast<sockaddr const*>(&address.storage), address.size) != 0) {
        if (errno != EINPROGRESS) return away_errno("connect");
        if (!stream->wait(POLLOUT, deadline)) return away("connect: timed out");
        int outcome = 0;
        socklen_t size = sizeof outcome;
        ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &outcome, &size);
        if (outcome != 0) return away(std::string{"connect: "} + std::strerror(outcome));
    }
    if (tls != nullptr) ZEPHYR_CHECK(stream->start_tls(*tls, host, deadline));
    return stream;
}

// RFC 9525 6: the name we meant to reach is in the certificate, as a DNS name or as an IP address.
Result<void> RedisStream::start_tls(TlsClient const& tls, std::string const& host, Deadline const& deadline) {
    ERR_clear_error();
    ssl_ = SSL_new(tls.context());
    // Memory on both sides: OpenSSL's own socket code would raise SIGPIPE when the peer has gone.
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    if (ssl_ == nullptr || in == nullptr || out == nullptr) {
        BIO_free(in);
        BIO_free(out);
        return away("TLS: out of memory");
    }
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(ssl_, in, out);
    SSL_set_connect_state(ssl_);
    bool named = false;
    if (is_address(host)) {
        named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) == 1;
    } else {
        SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        named = SSL_set1_host(ssl_, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_, host.c_str()) == 1;
    }
    if (!named) return away("TLS: the host cannot be checked");
    for (;;) {
        ERR_clear_error();
        int const result = SSL_do_handshake(ssl_);
        ZEPHYR_CHECK(flush_tls(deadline));
        if (result == 1) return success();
        if (SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) return away("TLS: " + tls_reason(ssl_));
        ZEPHYR_TRY(bool const fed, feed_tls(deadline));
        if (!fed) return away("TLS handshake: timed out");
    }
}

Result<void> RedisStream::send_raw(std::string_view bytes, Deadline const& deadline) {
    while (!bytes.empty()) {
        auto const sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && !would_block()) return away_errno("send");
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (deadline.passed() || !wait(POLLOUT, deadline)) return away("send: timed out");
    }
    return success();
}

Result<std::optional<std::size_t>> RedisStream::receive_raw(char* into, std::size_t size, Deadline const& deadline) {
    for (;;) {
        auto const received = ::recv(descriptor_, into, size, 0);
        if (received > 0) return std::optional{static_cast<std::size_t>(received)};
        if (received == 0) return away("closed by the server");
        if (!would_block()) return away_errno("receive");
        if (deadline.passed() || !wait(POLLIN, deadline)) return std::optional<std::size_t>{};
    }
}

Result<void> RedisStream::flush_tls(Deadline const& deadline) {
    std::array<char, 16 * 1024> buffer;
    for (;;) {
        int const count = BIO_read(SSL_get_wbio(ssl_), buffer.data(), static_cast<int>(buffer.size()));
        if (count <= 0) return success();
        ZEPHYR_CHECK(send_raw({buffer.data(), static_cast<std::size_t>(count)}, deadline));
    }
}

Result<bool> RedisStream::feed_tls(Deadline const& deadline) {
    std::array<char, 16 * 1024> buffer;
    ZEPHYR_TRY(auto const count, receive_raw(buffer.data(), buffer.size(), deadline));
    if (!count) return false;
    if (BIO_write(SSL_get_rbio(ssl_), buffer.data(), static_cast<int>(*count)) != static_cast<int>(*count)) {
        return away("TLS: out of memory");
    }
    return true;
}

Result<void> RedisStream::write(std::string_view bytes, Deadline const& deadline) {
    if (ssl_ == nullptr) return send_raw(bytes, deadline);
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written) != 1) return away("TLS: " + tls_reason(ssl_));
    return flush_tls(deadline);
}

Result<std::optional<std::size_t>> RedisStream::read(char* into, std::size_t size, Deadline const& deadline) {
    if (ssl_ == nullptr) return receive_raw(into, size, deadline);
    for (;;) {
        ERR_clear_error();
        std::size_t count = 0;
        int const result = SSL_read_ex(ssl_, into, size, &count);
        if (result == 1) return std::optional{count};
        auto const error = SSL_get_error(ssl_, result);
        if (error == SSL_ERROR_ZERO_RETURN) return away("closed by the server");
        if (error != SSL_ERROR_WANT_READ) return away("TLS: " + tls_reason(ssl_));
        ZEPHYR_CHECK(flush_tls(deadline));
        ZEPHYR_TRY(bool const fed, feed_tls(deadline));
        if (!fed) return std::optional<std::size_t>{};
    }
}

bool RedisStream::quiet(Deadline const& deadline) {
    // A read that finds nothing. Over TLS it also takes in session tickets, which servers send unasked.
    char byte = 0;
    auto const found = read(&byte, 1, deadline.within(0ms));
    return found.ok() && !found.value();
}

}  // namespace zephyr::adapters
