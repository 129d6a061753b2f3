#include "http/server/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>

namespace zephyr::http::server {

namespace {

Transport::Outcome outcome_of_errno(Transport::Outcome when_blocked) {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? when_blocked : Transport::Outcome::failed;
}

}  // namespace

Transport::Outcome Transport::outcome_of(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ: return Outcome::want_read;
        case SSL_ERROR_WANT_WRITE: return Outcome::want_write;
        case SSL_ERROR_ZERO_RETURN: return Outcome::closed;
        default: break;
    }
    broken_ = true;
    ERR_clear_error();
    return Outcome::failed;
}

Transport::Outcome Transport::handshake() {
    ERR_clear_error();
    auto const result = SSL_do_handshake(ssl_.get());
    return result == 1 ? Outcome::done : outcome_of(result);
}

Transport::Outcome Transport::read(char* into, std::size_t size, std::size_t& used) {
    used = 0;
    if (ssl_) {
        ERR_clear_error();
        auto const result = SSL_read_ex(ssl_.get(), into, size, &used);
        return result == 1 ? Outcome::done : outcome_of(result);
    }
    auto const received = ::recv(descriptor_, into, size, 0);
    if (received < 0) return outcome_of_errno(Outcome::want_read);
    if (received == 0) return Outcome::closed;
    used = static_cast<std::size_t>(received);
    return Outcome::done;
}

Transport::Outcome Transport::write(std::string_view bytes, std::size_t& used) {
    used = 0;
    if (ssl_) {
        ERR_clear_error();
        auto const result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &used);
        return result == 1 ? Outcome::done : outcome_of(result);
    }
    auto const sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return outcome_of_errno(Outcome::want_write);
    used = static_cast<std::size_t>(sent);
    return Outcome::done;
}

bool Transport::pending() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }

void Transport::finish() {
    if (ssl_ && !broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());  // sends close_notify; the client's own is not waited for
        ERR_clear_error();
    }
    ::shutdown(descriptor_, SHUT_WR);
}

Transport::Outcome Transport::discard(char* scratch, std::size_t size, std::size_t& used) {
    used = 0;
    auto const received = ::recv(descriptor_, scratch, size, 0);
    if (received < 0) return outcome_of_errno(Outcome::want_read);
    if (received == 0) return Outcome::closed;
    used = static_cast<std::size_t>(received);
    return Outcome::done;
}

}  // namespace zephyr::http::server
