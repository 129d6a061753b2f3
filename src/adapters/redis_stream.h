// A TCP connection with deadlines, plain or TLS. The peer's certificate and name are always checked.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/deadline.h"
#include "zephyr/foundation/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace zephyr::adapters {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};
// Asks the resolver, which has deadlines of its own: never on a request's thread.
Result<std::vector<SocketAddress>> resolve(std::string const& host, std::uint16_t port);

// What every TLS connection to one server shares: the authorities we believe. TLS 1.2 or newer.
class TlsClient {
public:
    // Throws Fault when the CA file can't be read.
    explicit TlsClient(std::string const& ca_file);
    ~TlsClient();
    TlsClient(TlsClient const&) = delete;
    TlsClient& operator=(TlsClient const&) = delete;
    ssl_ctx_st* context() const { return context_; }

private:
    ssl_ctx_st* context_;
};

class RedisStream {
public:
    // `host` is the name the certificate must have; `tls` null: plain. Fails with redis_unavailable.
    static Result<std::unique_ptr<RedisStream>> connect(SocketAddress const& address, TlsClient const* tls, std::string const& host,
                                                        Deadline const& deadline);
    ~RedisStream();
    RedisStream(RedisStream const&) = delete;
    RedisStream& operator=(RedisStream const&) = delete;

    Result<void> write(std::string_view bytes, Deadline const& deadline);
    // At least one byte; nothing when none came in time. Fails when the connection is closed or broken.
    Result<std::optional<std::size_t>> read(char* into, std::size_t size, Deadline const& deadline);
    // True while the peer has neither sent anything unasked nor closed. Does not wait.
    bool quiet(Deadline const& deadline);

private:
    explicit RedisStream(int descriptor) : descriptor_{descriptor} {}
    Result<void> start_tls(TlsClient const& tls, std::string const& host, Deadline const& deadline);
    bool wait(short events, Deadline const& deadline) const;
    Result<void> send_raw(std::string_view bytes, Deadline const& deadline);
    Result<std::optional<std::size_t>> receive_raw(char* into, std::size_t size, Deadline const& deadline);
    Result<void> flush_tls(Deadline const& deadline);
    // Hands what the peer sent to TLS; false when nothing came in time.
    Result<bool> feed_tls(Deadline const& deadline);

    int descriptor_;
    ssl_st* ssl_ = nullptr;
};

}  // namespace zephyr::adapters
