// The other end of an HTTP connection, played by a test: it answers whatever the test writes, rightly or wrongly, over real sockets and
// TLS.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "zephyr/foundation/fault.h"

namespace zephyr::testing {

class HttpPeer {
public:
    // One connection, from its acceptance to the end of the handler.
    class Connection {
    public:
        explicit Connection(int descriptor, SSL* tls, std::atomic<bool> const& stopping)
            : descriptor_{descriptor}, tls_{tls}, stopping_{stopping} {}

        // Head and as much body as Content-Length says; what came so far when the client has gone.
        std::string request() {
            std::string text;
            std::size_t wanted = std::string::npos;
            while (text.size() < wanted) {
                char part[4096];
                auto const got = read(part, sizeof part);
                if (got <= 0) break;
                text.append(part, static_cast<std::size_t>(got));
                auto const end = text.find("\r\n\r\n");
                if (end == std::string::npos) continue;
                auto const length = text.find("Content-Length: ");
                wanted = end + 4 + (length < end ? std::stoul(text.substr(length + 16)) : 0);
            }
            return text;
        }
        // What comes next, of any protocol; empty when the client has gone.
        std::string some() {
            char part[4096];
            auto const got = read(part, sizeof part);
            return got > 0 ? std::string(part, static_cast<std::size_t>(got)) : std::string{};
        }
        // False when the client has gone.
        bool send(std::string const& text) {
            if (tls_ != nullptr) return SSL_write(tls_, text.data(), static_cast<int>(text.size())) > 0;
            for (std::size_t sent = 0; sent < text.size();) {
                auto const count = ::send(descriptor_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
                if (count <= 0) return false;
                sent += static_cast<std::size_t>(count);
            }
            return true;
        }
        void answer(int status, std::string const& body, std::string const& more_headers = "") {
            send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
                 "\r\nConnection: close\r\n" + more_headers + "\r\n" + body);
        }
        // Until the client hangs up, or the peer is taken down.
        void wait_until_gone() {
            while (!stopping_) {
                pollfd ready{descriptor_, POLLIN, 0};
                if (::poll(&ready, 1, 10) <= 0) continue;
                char part[256];
                if (read(part, sizeof part) <= 0) return;
            }
        }

    private:
        long read(char* part, int size) {
            if (tls_ != nullptr) return SSL_read(tls_, part, size);
            return static_cast<long>(::recv(descriptor_, part, static_cast<std::size_t>(size), 0));
        }
        int descriptor_;
        SSL* tls_;
        std::atomic<bool> const& stopping_;
    };
    using Handler = std::function<void(Connection&)>;
    struct Tls {
        std::string certificate;
        std::string key;
        int newest = TLS1_3_VERSION;
    };

    explicit HttpPeer(Handler handler) : HttpPeer{std::move(handler), Tls{}} {}
    HttpPeer(Handler handler, Tls const& tls) : handler_{std::move(handler)} {
        if (!tls.certificate.empty()) {
            context_.reset(SSL_CTX_new(TLS_server_method()));
            SSL_CTX_set_security_level(context_.get(), 0);
            SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
            SSL_CTX_set_max_proto_version(context_.get(), tls.newest);
            if (SSL_CTX_use_certificate_file(context_.get(), tls.certificate.c_str(), SSL_FILETYPE_PEM) != 1 ||
                SSL_CTX_use_PrivateKey_file(context_.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1)
                throw Fault{"test: no certificate"};
        }
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 64) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw Fault{"test: cannot listen"};
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread{[this] { accept_all(); }};
    }
    ~HttpPeer() {
        stopping_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        ::close(listener_);
        {
            std::lock_guard const lock{mutex_};
            for (auto const descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
        }
        for (auto& thread : threads_) thread.join();
    }
    HttpPeer(HttpPeer const&) = delete;
    HttpPeer& operator=(HttpPeer const&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url(std::string const& path = "/", std::string const& host = "127.0.0.1") const {
        return (context_ ? "https://" : "http://") + host + ":" + std::to_string(port_) + path;
    }
    int connections() const { return connections_; }

private:
    struct FreeContext {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };

    void accept_all() {
        for (;;) {
            int const descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (descriptor < 0) return;
            ++connections_;
            std::lock_guard const lock{mutex_};
            open_.push_back(descriptor);
            threads_.emplace_back([this, descriptor] { serve(descriptor); });
        }
    }
    void serve(int descriptor) {
        SSL* tls = nullptr;
        if (context_) {
            tls = SSL_new(context_.get());
            SSL_set_fd(tls, descriptor);
        }
        if (tls == nullptr || SSL_accept(tls) == 1) {
            Connection connection{descriptor, tls, stopping_};
            handler_(connection);
        }
        if (tls != nullptr) SSL_shutdown(tls);
        SSL_free(tls);
        std::lock_guard const lock{mutex_};
        std::erase(open_, descriptor);
        ::shutdown(descriptor, SHUT_WR);
        ::close(descriptor);
    }

    Handler handler_;
    std::unique_ptr<SSL_CTX, FreeContext> context_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_{false};
    std::atomic<int> connections_{0};
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace zephyr::testing
