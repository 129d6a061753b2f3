#include "http/server/connection.h"

#include <algorithm>
#include <utility>

#include "http/server/response_writer.h"

namespace zephyr::http::server {

namespace {

// What a client may still send after it was refused, so that our answer is not lost in a reset.
constexpr std::size_t discard_limit = 1024 * 1024;
// An answer larger than this gets write time in proportion.
constexpr std::size_t bytes_per_write_timeout = 1024 * 1024;
// What a connection that never asked anything gets when the server stops: its request may be under way.
constexpr std::chrono::milliseconds drain_grace{500};

ReaderLimits limits_of(ServerSettings const& settings) {
    return {settings.header_bytes, settings.header_count, settings.target_bytes, settings.body_bytes};
}

}  // namespace

Connection::Connection(Loop& loop, Socket socket, SslPointer ssl, std::string peer)
    : loop_{loop}, shared_{loop.shared()}, socket_{std::move(socket)}, transport_{socket_.native_handle(), std::move(ssl)},
      peer_{std::move(peer)}, reader_{limits_of(shared_.settings)} {}

void Connection::start() noexcept {
    self_ = shared_from_this();
    guarded([this] {
        loop_.add(*this);
        stage_ = transport_.encrypted() ? Stage::handshake : Stage::reading;
        // The first request must come as fast as its header: a client connects because it has something to ask.
        set_deadline(transport_.encrypted() ? shared_.settings.timeouts.handshake : shared_.settings.timeouts.header);
        step_until_blocked();
    });
}

void Connection::run() noexcept {
    in_this_run_ = 0;
    guarded([this] { step_until_blocked(); });
}

void Connection::step_until_blocked() {
    for (;;) {
        switch (step()) {
            case Next::again: continue;
            case Next::wait_read: return wait(for_read);
            case Next::wait_write: return wait(for_write);
            case Next::yield: return loop_.post([self = shared_from_this()] { self->run(); });
            case Next::nothing: return;
        }
    }
}

Connection::Next Connection::step() {
    switch (stage_) {
        case Stage::handshake: return step_handshake();
        case Stage::reading: return step_reading();
        case Stage::writing: return step_writing();
        case Stage::lingering: return step_lingering();
        case Stage::working:
        case Stage::closed: break;
    }
    return Next::nothing;
}

void Connection::wait(Waiting what) {
    if ((waiting_ & what) != 0) return;
    waiting_ |= what;
    socket_.async_wait(what == for_read ? asio::socket_base::wait_read : asio::socket_base::wait_write,
                       [self = shared_from_this(), what](boost::system::error_code) {
                           self->waiting_ &= ~static_cast<unsigned>(what);
                           if (what == for_read) self->drained_ = false;
                           self->run();  // an error shows again, and better, at the next read or write
                       });
}

Connection::Next Connection::step_handshake() {
    switch (transport_.handshake()) {
        case Transport::Outcome::done:
            stage_ = Stage::reading;
            set_deadline(shared_.settings.timeouts.header);
            return Next::again;
        case Transport::Outcome::want_read: return Next::wait_read;
        case Transport::Outcome::want_write: return Next::wait_write;
        case Transport::Outcome::closed:
        case Transport::Outcome::failed: break;
    }
    count(shared_.counters.tls_failures);
    close();
    return Next::nothing;
}

Connection::Next Connection::step_reading() {
    if (!loop_.out.empty()) {
        stage_ = Stage::writing;
        return Next::again;
    }
    if (in_this_run_ >= requests_per_run) return Next::yield;
    if (!input_.empty() || reader_.state() == RequestReader::State::complete) {
        auto const bytes = std::exchange(input_, {});
        if (auto const used = consume(bytes); used < bytes.size()) input_.assign(bytes, used);
        return Next::again;
    }
    if (drained_) {
        if (shared_.draining && between_requests() && served_any_) {
            close();
            return Next::nothing;
        }
        return Next::wait_read;
    }
    std::size_t size = 0;
    switch (transport_.read(loop_.in.data(), loop_.in.size(), size)) {
        case Transport::Outcome::done: break;
        case Transport::Outcome::want_read: drained_ = true; return Next::again;
        case Transport::Outcome::want_write: return Next::wait_write;
        case Transport::Outcome::closed:
        case Transport::Outcome::failed: close(); return Next::nothing;
    }
    drained_ = size < loop_.in.size() && !transport_.pending();
    std::string_view const bytes{loop_.in.data(), size};
    if (auto const used = consume(bytes); used < size) input_.assign(bytes.substr(used));
    return Next::again;
}

Connection::Next Connection::step_writing() {
    bool const fresh = output_.empty();
    // Set before the client can see the answer: from then on it is the client's time that runs.
    if (fresh) set_deadline(shared_.settings.timeouts.idle);
    std::string_view rest = fresh ? std::string_view{loop_.out} : std::string_view{output_}.substr(output_at_);
    auto outcome = Transport::Outcome::done;
    while (!rest.empty()) {
        std::size_t size = 0;
        outcome = transport_.write(rest, size);
        if (outcome != Transport::Outcome::done) break;
        rest.remove_prefix(size);
    }
    if (outcome == Transport::Outcome::closed || outcome == Transport::Outcome::failed) {
        close();
        return Next::nothing;
    }
    if (!rest.empty()) {
        if (fresh) {
            output_.assign(rest);
            output_at_ = 0;
            // Given once: a client that takes a byte now and then does not earn more time by it.
            auto const shares = static_cast<std::int64_t>(1 + output_.size() / bytes_per_write_timeout);
            set_deadline(shared_.settings.timeouts.write * shares);
        } else {
            output_at_ = output_.size() - rest.size();
        }
        return outcome == Transport::Outcome::want_read ? Next::wait_read : Next::wait_write;
    }
    loop_.out.clear();
    if (!fresh) {
        output_ = {};
        set_deadline(shared_.settings.timeouts.idle);
    }
    after_answer();
    return Next::again;
}

void Connection::after_answer() {
    if (close_after_write_) return begin_linger();
    stage_ = Stage::reading;
    switch (reader_.state()) {
        case RequestReader::State::idle: break;
        case RequestReader::State::body: set_deadline(shared_.settings.timeouts.body); break;  // after 100 (Continue)
        default: set_deadline(shared_.settings.timeouts.header); break;
    }
}

// RFC 9112 9.6: closing at once could make the client's unread bytes reset the connection and erase our answer, so the server
// "half-closes [...] then continues to read from the connection until it receives a corresponding close by the client".
void Connection::begin_linger() {
    input_ = {};
    stage_ = Stage::lingering;
    set_deadline(shared_.settings.timeouts.linger);
    transport_.finish();
}

Connection::Next Connection::step_lingering() {
    for (;;) {
        std::size_t size = 0;
        auto const outcome = transport_.discard(loop_.in.data(), loop_.in.size(), size);
        if (outcome == Transport::Outcome::want_read) return Next::wait_read;
        discarded_ += size;
        if (outcome != Transport::Outcome::done || discarded_ > discard_limit) break;
    }
    close();
    return Next::nothing;
}

void Connection::set_deadline(std::chrono::milliseconds from_now) { deadline_ = shared_.clock.monotonic() + from_now; }

void Connection::expire(MonotonicTime now) {
    if (now < deadline_) return;
    auto const keep = shared_from_this();
    if (stage_ != Stage::lingering) count(shared_.counters.timeouts);
    if (stage_ == Stage::reading && !between_requests()) {
        // One try, no waiting: whoever was too slow to ask may not be slow to listen as well.
        guarded([this] {
            append_refusal(408, errors::request_timeout);
            std::size_t ignored = 0;
            (void)transport_.write(loop_.out, ignored);
        });
    }
    close();
}

void Connection::begin_drain() {
    if (stage_ != Stage::reading || !between_requests()) return;
    if (!served_any_) {
        deadline_ = std::min(deadline_, shared_.clock.monotonic() + drain_grace);
        return;
    }
    drained_ = false;  // a request may have arrived that nobody has looked at yet
    run();
}

void Connection::close() {
    if (stage_ == Stage::closed) return;
    bool const polite = stage_ == Stage::reading || stage_ == Stage::writing;
    if (polite && transport_.encrypted()) transport_.finish();
    stage_ = Stage::closed;
    transport_.release();
    boost::system::error_code ignored;
    socket_.close(ignored);
    body_.release();
    input_ = {};
    output_ = {};
    loop_.remove(*this);
    shared_.forget_connection(peer_);
    self_.reset();
}

}  // namespace zephyr::http::server
