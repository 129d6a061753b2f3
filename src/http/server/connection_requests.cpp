// The half of Connection that knows requests and answers; connection.cpp moves the bytes.
#include <memory>
#include <utility>

#include "http/server/connection.h"
#include "http/server/response_writer.h"
#include "zephyr/http/app.h"

namespace zephyr::http::server {

namespace {

constexpr std::size_t batched_output = 64 * 1024;

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
    asked_whole_ = !reader_.has_body();
    inline_ = asked_whole_ || shared_.runs_inline(reader_.request());
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

// A request on its way to the dispatcher.
void Connection::receive() {
    admitted_ = false;
    count(shared_.counters.requests);
    ++in_this_run_;
    served_any_ = true;
}

void Connection::on_complete() {
    auto& whole = reader_.request();
    whole.peer_address = peer_;
    whole.scheme = transport_.encrypted() ? "https" : "http";
    if (asked_whole_ && inline_) {
        auto const response = shared_.call_inline(whole);
        inline_ = response.has_value();
        if (!inline_) return;  // consume() comes round again
        receive();
        reader_.drop();
        return append(*response, keep_alive_);
    }
    receive();
    auto request = reader_.take();
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
    framing.keep_alive = keep_alive && !shared_.retiring && !shared_.draining;
    framing.head_request = head_request_;
    framing.http_1_1 = http_1_1_;
    framing.date = loop_.date();
    if (!append_response(loop_.out, response, framing)) {
        count(shared_.counters.faults);
        shared_.log.error("http.response_unsendable", {{"status", static_cast<long long>(response.status)}});
        append_response(loop_.out, porch_answer(500, http::errors::internal), framing);
    }
    close_after_write_ = !framing.keep_alive;
    if (close_after_write_ || loop_.out.size() > batched_output || in_this_run_ >= requests_per_run) stage_ = Stage::writing;
}

}  // namespace zephyr::http::server
