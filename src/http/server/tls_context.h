// A certificate and key, ready for handshakes: TLS 1.3 preferred, 1.2 with forward secrecy and AEAD only, nothing older.
#pragma once

#include <memory>
#include <string>

#include "zephyr/foundation/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace zephyr::http::server {

struct SslDeleter {
    void operator()(ssl_st* ssl) const;
};
using SslPointer = std::unique_ptr<ssl_st, SslDeleter>;

class TlsContext {
public:
    // PEM files; the certificate file holds the chain. Fails with certificate_unusable and a reason for the operator.
    static Result<std::shared_ptr<TlsContext const>> load(std::string const& certificate, std::string const& key);
    ~TlsContext();
    TlsContext(TlsContext const&) = delete;
    TlsContext& operator=(TlsContext const&) = delete;

    // The server's end of a connection on `descriptor`, which stays the caller's. Null when memory ran out.
    SslPointer accept_on(int descriptor) const;

private:
    explicit TlsContext(ssl_ctx_st* context) : context_{context} {}
    ssl_ctx_st* context_;
};

}  // namespace zephyr::http::server
