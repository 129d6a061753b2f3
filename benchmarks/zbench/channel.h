// One connection that asks and hears one answer at a time, without blocking, over TCP or TLS. Driven by an epoll set it joins itself.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "zbench/http.h"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace zbench {

// Where to connect, resolved once; and how TLS is checked.
class Target {
public:
    // Throws std::runtime_error when the host is not known or the CA file is unreadable. `ca_file` empty: the server is not checked.
    Target(Url const& url, std::string const& ca_file);
    ~Target();
    Target(Target const&) = delete;
    Target& operator=(Target const&) = delete;

    Url const& url() const { return url_; }
    sockaddr_storage const& address() const { return address_; }
    socklen_t address_size() const { return address_size_; }
    SSL_CTX* tls() const { return context_; }

private:
    Url url_;
    sockaddr_storage address_{};
    socklen_t address_size_ = 0;
    SSL_CTX* context_ = nullptr;
};

enum class Progress { pending, answered, failed };
enum class Trouble { connect, tls, cut, malformed };

class Channel {
public:
    Channel(Target const& target, int epoll, std::uint64_t id) : target_{target}, epoll_{epoll}, id_{id} {}
    ~Channel() { close(); }
    Channel(Channel const&) = delete;
    Channel& operator=(Channel const&) = delete;

    // Connects if need be and begins to send. Call advance() right after, and at every event.
    void start(std::string request, bool head_request);
    Progress advance();
    Incoming& answer() { return reader_.answer(); }
    Trouble trouble() const { return trouble_; }
    // The server closed a kept connection before a byte of the answer came: it most likely never saw the request.
    bool stale() const { return reused_ && !reader_.begun(); }
    bool busy() const { return busy_; }
    void close();

private:
    enum class Io { done, wait, end, error };
    bool connect();
    Progress fail(Trouble trouble);
    Io handshake();
    Io write();
    Io read(std::string_view& bytes);

    Target const& target_;
    int epoll_;
    std::uint64_t id_;
    int socket_ = -1;
    SSL* ssl_ = nullptr;
    bool secured_ = false;  // the handshake is over
    bool busy_ = false;
    bool reused_ = false;
    std::string out_;
    std::size_t sent_ = 0;
    std::string in_;  // behind the answer at hand
    AnswerReader reader_;
    Trouble trouble_ = Trouble::connect;
    std::unique_ptr<char[]> buffer_;
};

}  // namespace zbench
