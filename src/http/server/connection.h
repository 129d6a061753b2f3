// One client. A small state machine driven by readiness: every step is a non-blocking call, and between steps only the socket's
// wait is pending. Lives on its loop's thread; a worker sees its request and, through Loop::post, hands back the answer.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "http/server/loop.h"
#include "http/server/request_reader.h"
#include "http/server/transport.h"

namespace zephyr::http::server {

class Connection final : public std::enable_shared_from_this<Connection> {
public:
    Connection(Loop& loop, Socket socket, SslPointer ssl, std::string peer);

    void start() noexcept;
    // Closes when the deadline of its stage has passed.
    void expire(MonotonicTime now);
    // The server stops: an idle connection closes, any other with its next answer.
    void begin_drain();
    void close();
    // A worker's answer. The connection may have closed meanwhile.
    void answer(Response const& response) noexcept;

    Connection* previous = nullptr;  // Loop's list
    Connection* next = nullptr;

private:
    enum class Stage { handshake, reading, working, writing, lingering, closed };
    enum class Next { again, wait_read, wait_write, yield, nothing };
    enum Waiting : unsigned { for_read = 1, for_write = 2 };
    class Job;

    template <class Function>
    void guarded(Function function) noexcept;
    void run() noexcept;
    void step_until_blocked();
    Next step();
    Next step_handshake();
    Next step_reading();
    Next step_writing();
    Next step_lingering();
    void wait(Waiting what);

    std::size_t consume(std::string_view bytes);
    void on_admission(bool more_here);
    void on_complete();
    void receive();
    // An answer of the porch, after which the connection closes.
    void refuse(int status, Failure const& failure, std::string_view detail);
    void append_refusal(int status, Failure const& failure);
    void shed(std::string_view detail);
    void append(Response const& response, bool keep_alive);
    void after_answer();
    void begin_linger();
    void set_deadline(std::chrono::milliseconds from_now);
    bool between_requests() const { return input_.empty() && reader_.state() == RequestReader::State::idle; }

    // How much one client may do before the others on the loop get their turn.
    static constexpr std::size_t requests_per_run = 32;
    static constexpr std::size_t output_kept_bytes = 1024 * 1024;

    Loop& loop_;
    Shared& shared_;
    Socket socket_;
    Transport transport_;
    std::string peer_;
    RequestReader reader_;
    std::string input_;   // read, but behind the request at hand
    std::string output_;  // not yet taken by the socket, from output_at_
    std::size_t output_at_ = 0;
    BodyReservation body_;
    MonotonicTime deadline_ = MonotonicTime::max();
    std::shared_ptr<Connection> self_;  // while open
    std::size_t discarded_ = 0;
    std::size_t in_this_run_ = 0;
    unsigned waiting_ = 0;
    Stage stage_ = Stage::reading;
    bool served_any_ = false;
    bool admitted_ = false;  // the head of the request at hand has been judged
    bool inline_ = false;       // its answer comes from this loop, as far as is known
    bool asked_whole_ = false;  // that is found out when the request is answered: it has no body to wait for
    bool head_request_ = false;
    bool http_1_1_ = true;
    bool keep_alive_ = true;
    bool close_after_write_ = false;
    bool drained_ = false;  // the socket had nothing more when last asked
};

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
    if (loop_.out.capacity() > output_kept_bytes) loop_.out.shrink_to_fit();
}

}  // namespace zephyr::http::server
