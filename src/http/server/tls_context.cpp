#include "http/server/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "zephyr/http/server.h"

namespace zephyr::http::server {

namespace {

// OpenSSL's own socket BIO uses write(), which raises SIGPIPE when the client has gone; this one does not.
int descriptor_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int bio_write(BIO* bio, char const* data, int size) {
    BIO_clear_retry_flags(bio);
    auto const sent = ::send(descriptor_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && would_block()) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    auto const received = ::recv(descriptor_of(bio), data, static_cast<std::size_t>(size), 0);
    if (received < 0 && would_block()) BIO_set_retry_read(bio);
    if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(received);
}

long bio_control(BIO* bio, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH: return 1;
        case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        default: return 0;
    }
}

BIO_METHOD* socket_method() {
    static BIO_METHOD* const method = [] {
        auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "zephyr socket");
        if (made != nullptr) {
            BIO_meth_set_write(made, bio_write);
            BIO_meth_set_read(made, bio_read);
            BIO_meth_set_ctrl(made, bio_control);
        }
        return made;
    }();
    return method;
}

// A key with a passphrase must fail, not ask a terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

// RFC 7301 3.2: "In the event that the server supports no protocols that the client advertises, then the server SHALL respond
// with a fatal "no_application_protocol" alert."
int select_protocol(SSL*, unsigned char const** out, unsigned char* out_size, unsigned char const* in, unsigned in_size, void*) {
    constexpr std::string_view ours = "http/1.1";
    for (unsigned at = 0; at + 1 + in[at] <= in_size; at += 1 + in[at]) {
        std::string_view const offered{reinterpret_cast<char const*>(in) + at + 1, in[at]};
        if (offered == ours) {
            *out = in + at + 1;
            *out_size = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
        if (at + 1 + in[at] == in_size) break;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Error unusable(std::string what) {
    std::string why;
    if (auto const code = ERR_peek_last_error(); code != 0) {
        std::array<char, 256> text{};
        ERR_error_string_n(code, text.data(), text.size());
        why = text.data();
    }
    ERR_clear_error();
    return Error{errors::certificate_unusable, why}.with_reason(std::move(what));
}

bool configure(SSL_CTX* context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_set_read_ahead(context, 1);
    // Tickets carry the session; there is nothing to look up, and nothing to fill with strangers' sessions.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
    static constexpr unsigned char name[] = "zephyr";
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 && SSL_CTX_set_num_tickets(context, 1) == 1 &&
           SSL_CTX_set_session_id_context(context, name, sizeof name - 1) == 1;
}

}  // namespace

void SslDeleter::operator()(ssl_st* ssl) const { SSL_free(ssl); }

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<TlsContext const>> TlsContext::load(std::string const& certificate, std::string const& key) {
    ERR_clear_error();
    auto* const context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr) return unusable("TLS could not be set up");
    std::shared_ptr<TlsContext const> const made{new TlsContext{context}};
    if (!configure(context) || socket_method() == nullptr) return unusable("TLS could not be set up");
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
        return unusable("the certificate file " + certificate + " cannot be read or holds no PEM certificate");
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
        return unusable("the key file " + key + " cannot be read, holds no PEM key, wants a passphrase, or does not fit " + certificate);
    if (SSL_CTX_check_private_key(context) != 1) return unusable("the key in " + key + " does not fit the certificate in " + certificate);
    return made;
}

SslPointer TlsContext::accept_on(int descriptor) const {
    SslPointer ssl{SSL_new(context_)};
    if (!ssl) return nullptr;
    auto* const bio = BIO_new(socket_method());
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl.get(), bio, bio);
    SSL_set_accept_state(ssl.get());
    return ssl;
}

}  // namespace zephyr::http::server
