#include "http/server/request_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "zephyr/http/server.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::http::server {
namespace {

using State = RequestReader::State;

constexpr ReaderLimits limits{1024, 10, 256, 64};

// Feeds `bytes` in pieces, admitting each head, until they are used up or refused.
State feed(RequestReader& reader, std::string_view bytes, std::size_t piece = 1'000'000) {
    std::string kept;
    while (reader.state() != State::refused && reader.state() != State::complete) {
        if (reader.state() == State::admission) {
            reader.admit();
            continue;
        }
        if (kept.empty()) {
            if (bytes.empty()) break;
            kept = bytes.substr(0, piece);
            bytes.remove_prefix(kept.size());
        }
        kept.erase(0, reader.feed(kept));
    }
    return reader.state();
}

Refusal refusal_of(std::string_view bytes) {
    RequestReader reader{limits};
    EXPECT_EQ(feed(reader, bytes), State::refused) << bytes;
    return reader.refusal();
}

std::string with_fields(std::string_view fields) { return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n"; }

TEST(RequestReader, reads_a_request_however_it_is_cut) {
    std::string const bytes = "POST /a?b=c HTTP/1.1\r\nHost: example.test\r\nContent-Length: 5\r\nX-One:  two \r\n\r\nhello";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        RequestReader reader{limits};
        ASSERT_EQ(feed(reader, bytes, piece), State::complete) << piece;
        EXPECT_TRUE(reader.keep_alive());
        auto const request = reader.take();
        EXPECT_EQ(request.method, Method::post);
        EXPECT_EQ(request.target, "/a?b=c");
        EXPECT_EQ(request.headers.get("x-one"), "two");
        EXPECT_EQ(request.body, "hello");
        EXPECT_EQ(reader.state(), State::idle);
    }
}

TEST(RequestReader, reads_a_chunked_body_however_it_is_cut_and_drops_extensions_and_trailers) {
    std::string const bytes = with_fields("Transfer-Encoding: Chunked\r\n") +
                              "3;name=\"v\"\r\nhel\r\n2 ; x\r\nlo\r\n0\r\nX-Admin: yes\r\nContent-Length: 7\r\n\r\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        RequestReader reader{limits};
        ASSERT_EQ(feed(reader, bytes, piece), State::complete) << piece;
        auto const request = reader.take();
        EXPECT_EQ(request.body, "hello");
        EXPECT_EQ(request.headers.count("x-admin"), 0U);
        EXPECT_EQ(request.headers.count("content-length"), 0U);
    }
}

TEST(RequestReader, stops_at_the_end_of_a_request_and_leaves_the_next_one) {
    RequestReader reader{limits};
    std::string const first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    std::string const both = first + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(reader.feed(both), first.size());
    EXPECT_EQ(reader.state(), State::admission);
    reader.admit();
    EXPECT_EQ(reader.take().target, "/1");
    EXPECT_EQ(feed(reader, std::string_view{both}.substr(first.size())), State::complete);
    EXPECT_EQ(reader.take().target, "/2");
}

TEST(RequestReader, stops_before_the_body_so_that_it_can_be_refused_unread) {
    RequestReader reader{limits};
    std::string const head = with_fields("Content-Length: 3\r\n");
    EXPECT_EQ(reader.feed(head + "abc"), head.size());
    EXPECT_EQ(reader.state(), State::admission);
    EXPECT_TRUE(reader.has_body());
    EXPECT_EQ(reader.feed("abc"), 0U);
}

//= https://www.rfc-editor.org/rfc/rfc9112#section-2.2
//= type=test
//# a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF) received prior to
//# the request-line.
TEST(RequestReader, ignores_two_empty_lines_before_a_request_and_no_more) {
    RequestReader reader{limits};
    EXPECT_EQ(feed(reader, "\r\n\r\n", 1), State::idle);
    EXPECT_EQ(feed(reader, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1), State::complete);
    EXPECT_EQ(refusal_of("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 400);
}

TEST(RequestReader, takes_a_head_at_its_limits_and_refuses_one_byte_more) {
    auto const head_of = [](std::size_t size) {
        std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        return head.append(size - head.size() - 4, 'x') + "\r\n\r\n";
    };
    for (std::size_t const piece : {1U, 7U, 100'000U}) {
        RequestReader reader{limits};
        EXPECT_EQ(feed(reader, head_of(limits.header_bytes), piece), State::complete);
        RequestReader over{limits};
        ASSERT_EQ(feed(over, head_of(limits.header_bytes + 1), piece), State::refused);
        EXPECT_EQ(over.refusal().status, 431);
        EXPECT_EQ(over.refusal().failure.id, errors::headers_too_large.id);
    }
}

TEST(RequestReader, refuses_a_head_over_the_limit_without_waiting_for_its_end) {
    EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(limits.header_bytes, 'x')).status, 431);
    EXPECT_EQ(refusal_of("GET /" + std::string(limits.header_bytes, 'x')).status, 414);
}

TEST(RequestReader, counts_header_fields) {
    std::string fields;
    for (std::size_t i = 1; i < limits.header_count; ++i) fields += "X: y\r\n";
    RequestReader reader{limits};
    EXPECT_EQ(feed(reader, with_fields(fields)), State::complete);
    EXPECT_EQ(refusal_of(with_fields(fields + "X: y\r\n")).status, 431);
}

TEST(RequestReader, takes_a_target_at_its_limit_and_refuses_one_byte_more_with_414) {
    auto const request_for = [](std::size_t size) { return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"; };
    RequestReader reader{limits};
    EXPECT_EQ(feed(reader, request_for(limits.target_bytes)), State::complete);
    auto const refusal = refusal_of(request_for(limits.target_bytes + 1));
    EXPECT_EQ(refusal.status, 414);
    EXPECT_EQ(refusal.failure.id, http::errors::target_too_long.id);
}

TEST(RequestReader, takes_a_body_at_its_limit_and_refuses_one_byte_more_with_413) {
    RequestReader reader{limits};
    EXPECT_EQ(feed(reader, with_fields("Content-Length: 64\r\n") + std::string(64, 'b')), State::complete);
    RequestReader chunked{limits};
    EXPECT_EQ(feed(chunked, with_fields("Transfer-Encoding: chunked\r\n") + "40\r\n" + std::string(64, 'b') + "\r\n0\r\n\r\n"), State::complete);

    auto const known = refusal_of(with_fields("Content-Length: 65\r\n"));
    EXPECT_EQ(known.status, 413);
    EXPECT_EQ(known.failure.id, errors::body_too_large.id);
    EXPECT_EQ(refusal_of(with_fields("Content-Length: 18446744073709551615\r\n")).status, 413);
    EXPECT_EQ(refusal_of(with_fields("Transfer-Encoding: chunked\r\n") + "41\r\n").status, 413);
    EXPECT_EQ(refusal_of(with_fields("Transfer-Encoding: chunked\r\n") + "40\r\n" + std::string(64, 'b') + "\r\n1\r\n").status, 413);
    EXPECT_EQ(refusal_of(with_fields("Transfer-Encoding: chunked\r\n") + "FFFFFFFFFFFFFFFF\r\n").status, 413);
}

//= https://www.rfc-editor.org/rfc/rfc9112#section-6.3
//= type=test
//# If a message is received without Transfer-Encoding and with an invalid Content-Length header field, then the message framing is
//# invalid and the recipient MUST treat it as an unrecoverable error
TEST(RequestReader, refuses_every_length_that_two_readers_could_read_differently) {
    for (auto const* fields : {"Content-Length: 5\r\nContent-Length: 6\r\n",
                               "Content-Length: 5\r\nContent-Length: 5\r\n",
                               "Content-Length: 5, 5\r\n",
                               "Content-Length: 5,\r\n",
                               "Content-Length: +5\r\n",
                               "Content-Length: -5\r\n",
                               "Content-Length: 0x5\r\n",
                               "Content-Length: 5 5\r\n",
                               "Content-Length: 5.0\r\n",
                               "Content-Length:\r\n",
                               "Content-Length: 18446744073709551616\r\n",
                               "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                               "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                               "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                               "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                               "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
                               "Transfer-Encoding: chunked, identity\r\n",
                               "Transfer-Encoding: chunked, chunked\r\n",
                               "Transfer-Encoding: gzip\r\n",
                               "Transfer-Encoding: xchunked\r\n",
                               "Transfer-Encoding: chunked;q=1\r\n",
                               "Transfer-Encoding: \"chunked\"\r\n",
                               "Transfer-Encoding:\r\n",
                               "Transfer-Encoding: identity\r\nContent-Length: 5\r\n"}) {
        auto const refusal = refusal_of(with_fields(fields));
        EXPECT_EQ(refusal.status, 400) << fields;
        EXPECT_EQ(refusal.failure.id, errors::ambiguous_length.id) << fields;
    }
    EXPECT_EQ(refusal_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").failure.id, errors::ambiguous_length.id);
}

TEST(RequestReader, refuses_header_sections_that_two_readers_could_read_differently) {
    for (auto const* bytes : {"GET / HTTP/1.1\nHost: a\n\n",
                              "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n continued\r\n\r\n",
                              "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nTransfer\rEncoding: chunked\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
                              "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
                              "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
                              "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
                              "GET / http/1.1\r\nHost: a\r\n\r\n",
                              "GET /\r\n\r\n",
                              "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
                              "GET / HTTP/1.1\r\n\r\n"}) {
        EXPECT_EQ(refusal_of(bytes).status, 400) << bytes;
    }
    EXPECT_EQ(refusal_of(with_fields(std::string{"X: a"} + '\0' + "b\r\n")).status, 400);
}

TEST(RequestReader, refuses_chunks_that_two_readers_could_read_differently) {
    for (auto const* body : {"5\nhello\r\n0\r\n\r\n",         // bare LF
                             "5\r\nhello0\r\n\r\n",           // no CRLF after the data
                             "5\r\nhelloXX0\r\n\r\n",         //
                             "5 \r\nhello\r\n0\r\n\r\n",      // blank that begins no extension
                             " 5\r\nhello\r\n0\r\n\r\n",      //
                             "0x5\r\nhello\r\n0\r\n\r\n",     //
                             "+5\r\nhello\r\n0\r\n\r\n",      //
                             "-1\r\nhello\r\n0\r\n\r\n",      //
                             "\r\nhello\r\n0\r\n\r\n",        // no size
                             "5;a\nb\r\nhello\r\n0\r\n\r\n",  // a line end hidden in an extension
                             "5;a\rb\r\nhello\r\n0\r\n\r\n",  //
                             "00000000000000005\r\nhello\r\n0\r\n\r\n",
                             "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
                             "5\r\nhello\r\n0\r\n: x\r\n\r\n",
                             "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
                             "5\r\nhello\r\n0\r\nX: y\n\r\n"}) {
        EXPECT_EQ(refusal_of(with_fields("Transfer-Encoding: chunked\r\n") + body).status, 400) << body;
    }
}

TEST(RequestReader, bounds_chunk_extensions_and_trailers) {
    auto const chunked = with_fields("Transfer-Encoding: chunked\r\n");
    EXPECT_EQ(refusal_of(chunked + "1;" + std::string(400, 'x')).status, 400);
    EXPECT_EQ(refusal_of(chunked + "0\r\nX: " + std::string(400, 'x')).status, 431);
    std::string extensions;
    for (int i = 0; i < 60; ++i) extensions += "1;" + std::string(200, 'x') + "\r\nb\r\n";
    EXPECT_EQ(refusal_of(chunked + extensions).status, 400);
    std::string trailers = "0\r\n";
    for (int i = 0; i < 60; ++i) trailers += "X: " + std::string(200, 'x') + "\r\n";
    EXPECT_EQ(refusal_of(chunked + trailers).status, 431);
}

//= https://www.rfc-editor.org/rfc/rfc9112#section-6.1
//= type=test
//# A server that receives a request message with a transfer coding it does not understand SHOULD respond with 501 (Not Implemented).
TEST(RequestReader, answers_501_to_a_transfer_coding_it_does_not_know) {
    auto const refusal = refusal_of(with_fields("Transfer-Encoding: gzip, chunked\r\n"));
    EXPECT_EQ(refusal.status, 501);
    EXPECT_EQ(refusal.failure.id, errors::transfer_coding_unsupported.id);
}

TEST(RequestReader, refuses_http_2_and_things_that_are_no_http) {
    auto const preface = refusal_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    EXPECT_EQ(preface.status, 505);
    EXPECT_EQ(preface.failure.id, errors::version_unsupported.id);
    EXPECT_EQ(refusal_of("GET / HTTP/0.9\r\n\r\n").status, 505);
    EXPECT_EQ(refusal_of("GET / ICE/1.0\r\n\r\n").status, 400);
    // A TLS hello is refused at its first byte, not at a deadline.
    EXPECT_EQ(refusal_of("\x16").status, 400);
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
//= type=test
//# A server that receives an Expect field value containing a member other than 100-continue MAY respond with a 417 (Expectation
//# Failed) status code
TEST(RequestReader, knows_one_expectation) {
    RequestReader reader{limits};
    std::string const head = with_fields("Expect: 100-Continue\r\nContent-Length: 3\r\n");
    reader.feed(head);
    EXPECT_TRUE(reader.expects_continue());
    EXPECT_EQ(refusal_of(with_fields("Expect: 200-ok\r\n")).status, 417);
    EXPECT_EQ(refusal_of(with_fields("Expect: 100-continue\r\nExpect: 100-continue\r\n")).status, 417);
    // "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation."
    RequestReader old{limits};
    EXPECT_EQ(feed(old, "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), State::complete);
    EXPECT_FALSE(old.expects_continue());
}

TEST(RequestReader, keeps_connections_alive_as_the_version_and_the_client_say) {
    auto const keep_alive = [](std::string_view bytes) {
        RequestReader reader{limits};
        EXPECT_EQ(feed(reader, bytes), State::complete);
        return reader.keep_alive();
    };
    EXPECT_TRUE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_FALSE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    EXPECT_FALSE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, Close\r\nUpgrade: ws\r\n\r\n"));
    EXPECT_FALSE(keep_alive("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(keep_alive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(RequestReader, forgets_everything_about_a_request_once_it_is_taken) {
    RequestReader reader{limits};
    ASSERT_EQ(feed(reader, with_fields("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n") + "1\r\na\r\n0\r\n\r\n"), State::complete);
    reader.take();
    ASSERT_EQ(feed(reader, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"), State::complete);
    EXPECT_FALSE(reader.has_body());
    EXPECT_FALSE(reader.expects_continue());
    EXPECT_TRUE(reader.keep_alive());
    EXPECT_EQ(reader.take().headers.all().size(), 1U);
}

}  // namespace
}  // namespace zephyr::http::server
