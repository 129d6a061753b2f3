// The parse stage: bytes in, one Request out, no socket. Beast parses the header section; framing of the body is ours,
// because what counts as the end of a request is where smuggling happens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/server/chunked_body.h"
#include "zephyr/foundation/result.h"
#include "zephyr/http/request.h"

namespace zephyr::http::server {

struct ReaderLimits {
    std::size_t header_bytes;
    std::size_t header_count;
    std::size_t target_bytes;
    std::size_t body_bytes;
};

// Why the bytes are not a request we take. After one, nothing later on the connection can be trusted to start a request.
struct Refusal {
    int status = 400;
    Failure failure{Kind::invalid, "http.malformed"};
    std::string_view detail;  // for the log; a literal
};

class RequestReader {
public:
    enum class State {
        idle,       // no byte of a request seen yet
        head,       // inside the header section
        admission,  // header section read; admit() goes on to the body
        body,
        complete,  // take() yields the request
        refused,
    };

    explicit RequestReader(ReaderLimits const& limits) : limits_{limits} {}

    // Uses bytes from the front of `input` and says how many. Stops at admission, complete and refused; otherwise it uses
    // everything. Call again with what is left.
    std::size_t feed(std::string_view input);
    void admit();

    State state() const { return state_; }
    Refusal const& refusal() const { return refusal_; }

    // From admission on.
    Request const& request() const { return request_; }
    Request& request() { return request_; }
    bool keep_alive() const { return keep_alive_; }
    bool http_1_1() const { return http_1_1_; }
    bool has_body() const { return chunked_ || remaining_ > 0 || !request_.body.empty(); }
    bool expects_continue() const { return expects_continue_; }
    // What the reader holds for this request, for the memory budget.
    std::size_t body_size() const { return request_.body.size(); }

    // Moves the request out and is ready for the next one.
    Request take();
    // The same for a request that nobody needs any more.
    void drop();

private:
    class HeadParser;

    std::size_t feed_head(std::string_view input);
    std::size_t feed_body(std::string_view input);
    void scan_head(std::string_view head, std::size_t& end);
    void parse_head(std::string_view head);
    void check_framing(HeadParser const& parser);
    void refuse(int status, Failure failure, std::string_view detail);

    ReaderLimits limits_;
    State state_ = State::idle;
    Refusal refusal_;
    Request request_;
    std::string head_;            // a header section that arrives in pieces
    std::size_t head_start_ = 0;  // behind the empty lines before it
    std::size_t line_start_ = 0;  // first line not yet checked
    std::size_t lines_ = 0;
    std::size_t blank_lines_ = 0;  // before the request line
    std::uint64_t remaining_ = 0;
    ChunkedBody chunks_;
    bool chunked_ = false;
    bool keep_alive_ = false;
    bool http_1_1_ = true;
    bool expects_continue_ = false;
};

}  // namespace zephyr::http::server
