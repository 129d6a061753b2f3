// Non-blocking bytes over a connected socket, plain or TLS, with one set of outcomes for both.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/server/tls_context.h"

namespace zephyr::http::server {

class Transport {
public:
    enum class Outcome { done, want_read, want_write, closed, failed };

    // `descriptor` stays the caller's. `ssl` null: plain.
    Transport(int descriptor, SslPointer ssl) : descriptor_{descriptor}, ssl_{std::move(ssl)} {}

    bool encrypted() const { return ssl_ != nullptr; }
    Outcome handshake();
    // At most `size` bytes; `used` says how many.
    Outcome read(char* into, std::size_t size, std::size_t& used);
    Outcome write(std::string_view bytes, std::size_t& used);
    // Bytes already here that the socket's readiness will not announce.
    bool pending() const;
    // Tells the client that nothing more comes, as well as that can be told without waiting.
    void finish();
    // Throws away raw bytes that still arrive after finish().
    Outcome discard(char* scratch, std::size_t size, std::size_t& used);
    // Frees TLS state early.
    void release() { ssl_.reset(); }

private:
    Outcome outcome_of(int result);

    int descriptor_;
    SslPointer ssl_;
    bool broken_ = false;
};

}  // namespace zephyr::http::server
