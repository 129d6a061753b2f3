#include "http/server/connection.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "http/server/response_writer.h"

namespace zephyr::http::server {

namespace {

// How much one client may do before the others on the loop get their turn.
constexpr std::size_t requests_per_run = 32;
constexpr std::size_t batched_output = 64 * 1024;
constexpr std::size_t output_kept = 1024 * 1024;
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

// A request on its way through the pool and its answer on the way back. Owns everything it needs: the client may go, the
// connection may close.
class Connection::Job final : public Loop::Completion {
public:
    Job(std::shared_ptr<Connection> connection, Request request, BodyReservation body)
        : connection_{std::move(connection)}, loop_{connection_->loop_}, shared_{connection_->shared_}, request_{std::move(request)},
          body_{std::move(body)} {
        count(shared_.counters.in_flight);
    }
    ~Job() override { shared_.counters.in_flight.fetch_sub(1, std::memory_order_relaxed); }

    void run(std::unique_ptr<Task> self, std::chrono::microseconds waited) noexcept override {
        // Whoever waited this long has likely given up; running it would only make the next one wait longer.
        if (waited > shared_.settings.timeouts.queue) {
            count(shared_.counters.shed);
            response_ = porch_answer(503, errors::overloaded, "Too busy, try again shortly.");
        } else {
            response_ = shared_.call(std::move(request_));
        }
        body_.release();
        (void)self.release();
        loop_.deliver(std::unique_ptr<Loop::Completion>{this});
    }

    void conclude() noexcept override { connection_->answer(response_); }

private:
    std::shared_ptr<Connection> connection_;
    Loop& loop_;
    Shared& shared_;
    Request request_;
    BodyReservation body_;
    Response response_;
};

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

// Runs `function` with the loop's output empty before and after. An exception, out of memory most likely, ends this connection and
// nothing else.
template <class Function>
void Connection::guarded(Function function) noexcept {
    auto const keep = shared_from_this();
    try {
        function();
    } catch (std::exception const& fault) {
        count(shared_.counters.faults);
        shared_.log.error("http.connection_fault", {{"what", fault.what()}});
        close();
    }
    loop_.out.clear();
    if (loop_.out.capacity() > output_kept) loop_.out.shrink_to_fit();
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

// Feeds the reader until it has no more bytes or this connection has something else to do than read.
std::size_t Connection::consume(std::string_view bytes) {
    std::size_t used = 0;
    while (stage_ == Stage::reading) {
        auto const before = reader_.state();
        switch (before) {
            case RequestReader::State::admission: on_admission(used < bytes.size()); break;
            case RequestReader::State::complete:
                // Answers before this one go out now: a worker may take its time, and the loop's output serves others meanwhile.
                if (!inline_ && !loop_.out.empty()) {
                    stage_ = Stage::writing;
                    return used;
                }
                on_complete();
                break;
            case RequestReader::State::refused: {
                count(shared_.counters.refused_requests);
                auto const refusal = reader_.refusal();
                refuse(refusal.status, refusal.failure, refusal.detail);
                return bytes.size();
            }
            default:
                if (used == bytes.size()) return used;
                used += reader_.feed(bytes.substr(used));
                if (before == RequestReader::State::idle && reader_.state() == RequestReader::State::head)
                    set_deadline(shared_.settings.timeouts.header);
                if (!body_.grow_to(shared_, reader_.body_size())) {
                    shed("body memory");
                    return bytes.size();
                }
                break;
        }
    }
    return used;
}

// The header section is there; the body is not. The moment to refuse what there is no room for.
void Connection::on_admission(bool more_here) {
    http_1_1_ = reader_.http_1_1();
    head_request_ = reader_.request().method == Method::head;
    keep_alive_ = reader_.keep_alive();
    inline_ = shared_.runs_inline(reader_.request());
    admitted_ = true;
    if (!inline_ && reader_.has_body() && shared_.pool.full()) return shed("queue full, body unread");
    bool const invite = reader_.expects_continue() && reader_.has_body() && !more_here;
    reader_.admit();
    if (reader_.state() == RequestReader::State::body) set_deadline(shared_.settings.timeouts.body);
    if (invite) {
        loop_.out += "HTTP/1.1 100 Continue\r\n\r\n";
        stage_ = Stage::writing;
    }
}

void Connection::on_complete() {
    auto request = reader_.take();
    admitted_ = false;
    request.peer_address = peer_;
    request.scheme = transport_.encrypted() ? "https" : "http";
    count(shared_.counters.requests);
    ++in_this_run_;
    served_any_ = true;
    if (inline_) {
        auto const response = shared_.call(std::move(request));
        body_.release();
        return append(response, keep_alive_);
    }
    deadline_ = MonotonicTime::max();  // the handler bounds itself
    std::unique_ptr<WorkerPool::Task> job =
        std::make_unique<Job>(shared_from_this(), std::move(request), std::exchange(body_, BodyReservation{}));
    stage_ = Stage::working;
    if (shared_.pool.submit(job)) return;
    stage_ = Stage::reading;
    count(shared_.counters.shed);
    append(porch_answer(503, errors::overloaded, "Too busy, try again shortly."), keep_alive_);
}

void Connection::answer(Response const& response) noexcept {
    if (stage_ == Stage::closed) return;
    guarded([&] {
        in_this_run_ = 0;
        append(response, keep_alive_);
        stage_ = Stage::writing;
        step_until_blocked();
    });
}

void Connection::refuse(int status, Failure const& failure, std::string_view detail) {
    shared_.log.debug("http.refused", {{"id", failure.id}, {"why", detail}, {"peer", peer_}});
    append_refusal(status, failure);
    input_ = {};
    body_.release();
}

void Connection::append_refusal(int status, Failure const& failure) {
    if (!admitted_) {  // nothing is known of this request; what is remembered belongs to the one before
        head_request_ = false;
        http_1_1_ = true;
    }
    append(porch_answer(status, failure), false);
}

void Connection::shed(std::string_view detail) {
    count(shared_.counters.shed);
    refuse(503, errors::overloaded, detail);
}

// Appends to the loop's output; goes on reading only while more answers may follow in the same write.
void Connection::append(Response const& response, bool keep_alive) {
    Framing framing;
    framing.keep_alive = keep_alive && !shared_.draining;
    framing.head_request = head_request_;
    framing.http_1_1 = http_1_1_;
    framing.date = loop_.date();
    if (!append_response(loop_.out, response, framing)) {
        count(shared_.counters.faults);
        shared_.log.error("http.response_unsendable", {{"status", static_cast<long long>(response.status)}});
        static constexpr Failure internal{Kind::unavailable, "http.internal_error"};
        append_response(loop_.out, porch_answer(500, internal), framing);
    }
    close_after_write_ = !framing.keep_alive;
    if (close_after_write_ || loop_.out.size() > batched_output || in_this_run_ >= requests_per_run) stage_ = Stage::writing;
}

Connection::Next Connection::step_writing() {
    bool const fresh = output_.empty();
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
    if (!fresh) output_ = {};
    after_answer();
    return Next::again;
}

void Connection::after_answer() {
    if (close_after_write_) return begin_linger();
    stage_ = Stage::reading;
    auto const& timeouts = shared_.settings.timeouts;
    switch (reader_.state()) {
        case RequestReader::State::idle: set_deadline(timeouts.idle); break;
        case RequestReader::State::body: set_deadline(timeouts.body); break;  // after 100 (Continue)
        default: set_deadline(timeouts.header); break;
    }
}

// RFC 9112 9.6: closing at once could make the client's unread bytes reset the connection and erase our answer, so the server
// "half-closes [...] then continues to read from the connection until it receives a corresponding close by the client".
void Connection::begin_linger() {
    transport_.finish();
    input_ = {};
    stage_ = Stage::lingering;
    set_deadline(shared_.settings.timeouts.linger);
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
