#include "zbench/channel.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace zbench {

namespace {

constexpr std::size_t buffer_bytes = 32 * 1024;

}  // namespace

Target::Target(Url const& url, std::string const& ca_file) : url_{url} {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found) != 0 || found == nullptr) {
        throw std::runtime_error{"no address for " + url.host};
    }
    std::memcpy(&address_, found->ai_addr, found->ai_addrlen);
    address_size_ = found->ai_addrlen;
    ::freeaddrinfo(found);
    if (!url.tls) return;
    context_ = ::SSL_CTX_new(::TLS_client_method());
    ::SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (ca_file.empty()) return;
    if (::SSL_CTX_load_verify_locations(context_, ca_file.c_str(), nullptr) != 1) throw std::runtime_error{"cannot read " + ca_file};
    ::SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
}

Target::~Target() { ::SSL_CTX_free(context_); }

void Channel::start(std::string request, bool head_request) {
    out_ = std::move(request);
    sent_ = 0;
    reader_.reset(head_request);
    busy_ = true;
    reused_ = socket_ >= 0;
    if (!buffer_) buffer_ = std::make_unique<char[]>(buffer_bytes);
    if (socket_ < 0 && !connect()) close();
}

bool Channel::connect() {
    auto const& address = target_.address();
    socket_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return false;
    int const on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<sockaddr const*>(&address), target_.address_size()) != 0 && errno != EINPROGRESS) return false;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = id_;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &event);
    secured_ = target_.tls() == nullptr;
    if (!secured_) {
        ssl_ = ::SSL_new(target_.tls());
        ::SSL_set_fd(ssl_, socket_);
        ::SSL_set_tlsext_host_name(ssl_, target_.url().host.c_str());
        ::SSL_set1_host(ssl_, target_.url().host.c_str());
        ::SSL_set_connect_state(ssl_);
    }
    return true;
}

void Channel::close() {
    ::SSL_free(ssl_);
    ssl_ = nullptr;
    if (socket_ >= 0) ::close(socket_);  // leaves the epoll set by itself
    socket_ = -1;
    in_.clear();
}

Progress Channel::fail(Trouble trouble) {
    trouble_ = trouble;
    busy_ = false;
    close();
    return Progress::failed;
}

Channel::Io Channel::handshake() {
    auto const result = ::SSL_do_handshake(ssl_);
    if (result == 1) {
        secured_ = true;
        return Io::done;
    }
    auto const error = ::SSL_get_error(ssl_, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Io::wait : Io::error;
}

Channel::Io Channel::write() {
    while (sent_ < out_.size()) {
        if (ssl_ != nullptr) {
            std::size_t size = 0;
            auto const result = ::SSL_write_ex(ssl_, out_.data() + sent_, out_.size() - sent_, &size);
            sent_ += size;
            if (result == 1) continue;
            auto const error = ::SSL_get_error(ssl_, result);
            return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Io::wait : Io::error;
        }
        auto const size = ::send(socket_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
        if (size < 0) return errno == EAGAIN || errno == ENOTCONN ? Io::wait : Io::error;
        sent_ += static_cast<std::size_t>(size);
    }
    return Io::done;
}

Channel::Io Channel::read(std::string_view& bytes) {
    std::size_t size = 0;
    if (ssl_ != nullptr) {
        auto const result = ::SSL_read_ex(ssl_, buffer_.get(), buffer_bytes, &size);
        if (result != 1) {
            auto const error = ::SSL_get_error(ssl_, result);
            if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Io::wait;
            return error == SSL_ERROR_ZERO_RETURN ? Io::end : Io::error;
        }
    } else {
        auto const got = ::recv(socket_, buffer_.get(), buffer_bytes, 0);
        if (got < 0) return errno == EAGAIN ? Io::wait : Io::error;
        if (got == 0) return Io::end;
        size = static_cast<std::size_t>(got);
    }
    bytes = {buffer_.get(), size};
    return Io::done;
}

Progress Channel::advance() {
    if (socket_ < 0) return busy_ ? fail(Trouble::connect) : Progress::pending;
    if (!secured_) {
        switch (handshake()) {
            case Io::wait: return Progress::pending;
            case Io::error: return fail(Trouble::tls);
            default: break;
        }
    }
    if (busy_ && write() == Io::error) {
        // The answer may be there all the same: a server that refuses a body half way, for one.
        if (sent_ == 0 && !reused_) return fail(Trouble::connect);
    }
    for (;;) {
        if (busy_ && !in_.empty()) {
            std::string_view rest{in_};
            auto const state = reader_.feed(rest);
            in_ = std::string{rest};
            if (state == AnswerReader::State::broken) return fail(Trouble::malformed);
            if (state == AnswerReader::State::done) {
                busy_ = false;
                return Progress::answered;
            }
        }
        std::string_view bytes;
        switch (read(bytes)) {
            case Io::done: in_.append(bytes); break;
            case Io::wait: return Progress::pending;
            case Io::end:
            case Io::error:
                if (busy_ && reader_.at_end()) {
                    busy_ = false;
                    close();
                    return Progress::answered;
                }
                if (busy_) return fail(sent_ == 0 && !reused_ ? Trouble::connect : Trouble::cut);
                close();  // while nobody waits: the next request connects anew
                return Progress::pending;
        }
        if (!busy_) return fail(Trouble::malformed);  // bytes nobody asked for
    }
}

}  // namespace zbench
