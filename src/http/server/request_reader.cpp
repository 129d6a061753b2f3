#include "http/server/request_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <utility>

#include "http/characters.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/server.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::http::server {

namespace beast = boost::beast::http;
using beast_error = boost::beast::error_code;
using beast_text = boost::beast::string_view;

namespace {

// RFC 9112 2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF)
// received prior to the request-line".
constexpr std::size_t blank_lines_ignored = 2;
// Room for method, blanks and version beside the target in a request line.
constexpr std::size_t request_line_overhead = 64;

std::string_view view(beast_text text) { return {text.data(), text.size()}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "GET / HTTP/2.0": a version we do not speak, as against something that is no HTTP at all.
bool names_an_http_version(std::string_view request_line) {
    auto const parts = split(request_line, ' ');
    if (parts.size() != 3) return false;
    auto const version = parts[2];
    return version.size() == 8 && version.substr(0, 5) == "HTTP/" && is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
}

enum class Coding { chunked, unsupported, endless };

// RFC 9112 6.3: "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not the final
// encoding, the message body length cannot be determined reliably; the server MUST respond with the 400 (Bad Request) status code
// and then close the connection."
Coding coding_of(std::string_view transfer_encoding) {
    if (equals_ignoring_case(transfer_encoding, "chunked")) return Coding::chunked;
    auto const codings = split(transfer_encoding, ',');
    auto const is_chunked = [](std::string_view coding) { return equals_ignoring_case(trim(coding), "chunked"); };
    if (!is_chunked(codings.back())) return Coding::endless;
    return std::count_if(codings.begin(), codings.end(), is_chunked) == 1 ? Coding::unsupported : Coding::endless;
}

}  // namespace

// Fills our Request straight from Beast's parser. It never sees the body.
class RequestReader::HeadParser final : public beast::basic_parser<true> {
public:
    HeadParser(Request& request, ReaderLimits const& limits) : request_{request}, limits_{limits} {
        header_limit(std::numeric_limits<std::uint32_t>::max());  // scan_head has counted
        body_limit(boost::none);
    }

    bool http_1_1 = true;
    std::size_t content_lengths = 0;
    std::size_t transfer_encodings = 0;
    std::size_t expectations = 0;
    std::size_t hosts = 0;
    std::string_view content_length;
    std::string_view transfer_encoding;
    std::string_view expectation;
    std::string_view host;
    bool target_too_long = false;
    bool too_many_fields = false;

private:
    void on_request_impl(beast::verb, beast_text method, beast_text target, int version, beast_error& error) override {
        http_1_1 = version == 11;
        if (target.size() > limits_.target_bytes) {
            target_too_long = true;
            error = beast::error::bad_target;
            return;
        }
        request_.method = method_from(view(method));
        request_.target.assign(target.data(), target.size());
    }

    void on_field_impl(beast::field field, beast_text name, beast_text value, beast_error& error) override {
        if (request_.headers.all().size() >= limits_.header_count) {
            too_many_fields = true;
            error = beast::error::header_limit;
            return;
        }
        switch (field) {
            case beast::field::content_length: note(content_lengths, content_length, value); break;
            case beast::field::transfer_encoding: note(transfer_encodings, transfer_encoding, value); break;
            case beast::field::expect: note(expectations, expectation, value); break;
            case beast::field::host: note(hosts, host, value); break;
            default: break;
        }
        request_.headers.add(view(name), view(value));
    }

    static void note(std::size_t& count, std::string_view& last, beast_text value) {
        ++count;
        last = view(value);
    }

    void on_response_impl(int, beast_text, int, beast_error&) override {}
    void on_header_impl(beast_error&) override {}
    void on_body_init_impl(boost::optional<std::uint64_t> const&, beast_error&) override {}
    std::size_t on_body_impl(beast_text, beast_error&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, beast_text, beast_error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast_text, beast_error&) override { return 0; }
    void on_finish_impl(beast_error&) override {}

    Request& request_;
    ReaderLimits const& limits_;
};

std::size_t RequestReader::feed(std::string_view input) {
    std::size_t used = 0;
    if (state_ == State::idle || state_ == State::head) used = feed_head(input);
    else if (state_ == State::body) used = feed_body(input);
    return used;
}

std::size_t RequestReader::feed_head(std::string_view input) {
    if (input.empty()) return 0;
    bool const whole = head_.empty();
    std::size_t const before = head_.size();
    std::string_view bytes = input;
    if (!whole) {
        // One byte over the limit is enough to know that it is over.
        head_.append(input.substr(0, limits_.header_bytes + 1 - (before - head_start_)));
        bytes = head_;
    }
    state_ = State::head;
    auto end = std::string_view::npos;
    scan_head(bytes, end);
    if (state_ == State::refused) return 0;
    if (end == std::string_view::npos) {
        if (bytes.size() - head_start_ > limits_.header_bytes) {
            refuse(lines_ == 0 ? 414 : 431, lines_ == 0 ? http::errors::target_too_long : errors::headers_too_large, "head over the limit");
            return 0;
        }
        if (head_start_ == bytes.size()) {  // nothing but empty lines: still between requests
            head_.clear();
            line_start_ = head_start_ = 0;
            state_ = State::idle;
        } else if (whole) {
            head_.assign(bytes);
        }
        return input.size();
    }
    if (end - head_start_ > limits_.header_bytes) {
        refuse(431, errors::headers_too_large, "head over the limit");
        return 0;
    }
    parse_head(bytes.substr(head_start_, end - head_start_));
    if (state_ == State::refused) return 0;
    head_.clear();
    if (head_.capacity() > 1024) head_.shrink_to_fit();
    return end - before;
}

// Checks complete lines and finds the end of the header section. Lines end in CRLF and nothing else; no line continues another.
void RequestReader::scan_head(std::string_view head, std::size_t& end) {
    for (;;) {
        auto const rest = head.substr(line_start_);
        if (!rest.empty() && lines_ == 0 && rest.front() != '\r' && !detail::is_token_char(rest.front()))
            return refuse(400, errors::malformed, "no request line");  // a TLS hello, or anything else that is no HTTP
        auto const newline = rest.find('\n');
        auto const length = newline == std::string_view::npos ? rest.size() : newline;
        if (lines_ == 0 && length > limits_.target_bytes + request_line_overhead)
            return refuse(414, http::errors::target_too_long, "request line");
        if (newline == std::string_view::npos) return;
        if (newline == 0 || rest[newline - 1] != '\r') return refuse(400, errors::malformed, "bare LF");
        line_start_ += newline + 1;
        if (newline == 1) {
            if (lines_ > 0) {
                end = line_start_;
                return;
            }
            if (++blank_lines_ > blank_lines_ignored) return refuse(400, errors::malformed, "empty lines before a request");
            head_start_ = line_start_;
            continue;
        }
        // RFC 9112 5.2: "A server that receives an obs-fold in a request message [...] MUST either reject the message by sending a
        // 400 (Bad Request) [...] or replace each received obs-fold".
        if (lines_ > 0 && (rest.front() == ' ' || rest.front() == '\t')) return refuse(400, errors::malformed, "folded header");
        ++lines_;
    }
}

void RequestReader::parse_head(std::string_view head) {
    HeadParser parser{request_, limits_};
    request_.headers.reserve(std::min(lines_, limits_.header_count), head.size());
    beast_error error;
    parser.put({head.data(), head.size()}, error);
    if (parser.target_too_long) return refuse(414, http::errors::target_too_long, "target");
    if (parser.too_many_fields) return refuse(431, errors::headers_too_large, "number of fields");
    if (error == beast::error::bad_content_length || error == beast::error::multiple_content_length ||
        error == beast::error::bad_transfer_encoding)
        return refuse(400, errors::ambiguous_length, "content length or transfer encoding");
    if (error == beast::error::bad_version && names_an_http_version(head.substr(0, head.find('\r'))))
        return refuse(505, errors::version_unsupported, "version");
    if (error || !parser.is_header_done()) return refuse(400, errors::malformed, "header section");
    http_1_1_ = parser.http_1_1;
    keep_alive_ = parser.keep_alive();
    // RFC 9112 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host
    // header field and to any request message that contains more than one Host header field line or a Host header field with an
    // invalid field value."
    if (parser.hosts > 1 || (parser.hosts == 0 && http_1_1_) || (parser.hosts == 1 && !is_valid_host(parser.host)))
        return refuse(400, errors::malformed, "host");
    if (parser.expectations > 0 && http_1_1_) {
        if (parser.expectations > 1 || !equals_ignoring_case(parser.expectation, "100-continue"))
            return refuse(417, errors::expectation_failed, "expectation");
        expects_continue_ = true;
    }
    check_framing(parser);
}

void RequestReader::check_framing(HeadParser const& parser) {
    if (parser.transfer_encodings > 0) {
        // RFC 9112 6.1: a request with both may be a smuggling attempt; HTTP/1.0 has no transfer codings.
        if (parser.content_lengths > 0 || !http_1_1_) return refuse(400, errors::ambiguous_length, "transfer encoding");
        auto const coding = parser.transfer_encodings > 1 ? Coding::endless : coding_of(parser.transfer_encoding);
        if (coding == Coding::endless) return refuse(400, errors::ambiguous_length, "transfer encoding");
        if (coding == Coding::unsupported) return refuse(501, errors::transfer_coding_unsupported, "transfer encoding");
        chunked_ = true;
    } else if (parser.content_lengths > 0) {
        auto const text = parser.content_length;
        // Beast takes "5, 5" and repeated equal values; two readers may not agree on them.
        if (parser.content_lengths > 1 || text.empty() || !std::all_of(text.begin(), text.end(), is_digit))
            return refuse(400, errors::ambiguous_length, "content length");
        remaining_ = parser.basic_parser::content_length().value_or(0);
        if (remaining_ > limits_.body_bytes) return refuse(413, errors::body_too_large, "content length");
    }
    state_ = State::admission;
}

void RequestReader::admit() {
    if (state_ == State::admission) state_ = has_body() ? State::body : State::complete;
}

std::size_t RequestReader::feed_body(std::string_view input) {
    if (!chunked_) {
        auto const take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
        request_.body.append(input.substr(0, take));
        remaining_ -= take;
        if (remaining_ == 0) state_ = State::complete;
        return take;
    }
    auto const step = chunks_.feed(input, request_.body, limits_.body_bytes);
    switch (step.outcome) {
        case ChunkedBody::Outcome::more: break;
        case ChunkedBody::Outcome::done: state_ = State::complete; break;
        case ChunkedBody::Outcome::malformed: refuse(400, errors::malformed, "chunk"); break;
        case ChunkedBody::Outcome::too_large: refuse(413, errors::body_too_large, "chunks"); break;
        case ChunkedBody::Outcome::trailers_too_large: refuse(431, errors::headers_too_large, "trailers"); break;
    }
    return step.used;
}

Request RequestReader::take() {
    Request request = std::move(request_);
    drop();
    return request;
}

void RequestReader::drop() {
    auto const limits = limits_;
    *this = RequestReader{limits};
}

void RequestReader::refuse(int status, Failure failure, std::string_view detail) {
    refusal_ = {status, failure, detail};
    state_ = State::refused;
    request_ = Request{};
    head_ = {};
}

}  // namespace zephyr::http::server
