#include "http/server/response_writer.h"

#include <gtest/gtest.h>

#include "zephyr/http/problem.h"
#include "zephyr/http/server.h"

namespace zephyr::http::server {
namespace {

std::string written(Response const& response, Framing framing = {}) {
    framing.date = "Sun, 06 Nov 1994 08:49:37 GMT";
    std::string out;
    EXPECT_TRUE(append_response(out, response, framing));
    return out;
}

TEST(ResponseWriter, writes_status_date_headers_length_and_body) {
    EXPECT_EQ(written(Response{200, {{"Content-Type", "text/plain"}}, "hi"}),
              "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi");
}

TEST(ResponseWriter, says_whether_the_connection_stays_in_the_words_of_the_client_s_version) {
    Framing framing;
    framing.keep_alive = false;
    EXPECT_NE(written(Response{200, {}, ""}, framing).find("\r\nConnection: close\r\n"), std::string::npos);
    framing.keep_alive = true;
    framing.http_1_1 = false;
    EXPECT_NE(written(Response{200, {}, ""}, framing).find("\r\nConnection: keep-alive\r\n"), std::string::npos);
}

TEST(ResponseWriter, answers_head_with_the_length_of_the_body_it_leaves_out) {
    Framing framing;
    framing.head_request = true;
    auto const from_body = written(Response{200, {}, "hello"}, framing);
    EXPECT_NE(from_body.find("Content-Length: 5\r\n\r\n"), std::string::npos);
    EXPECT_EQ(from_body.find("hello"), std::string::npos);
    EXPECT_NE(written(Response{200, {{"Content-Length", "1234"}}, ""}, framing).find("Content-Length: 1234\r\n\r\n"), std::string::npos);
    EXPECT_NE(written(Response{200, {{"Content-Length", "-3"}}, ""}, framing).find("Content-Length: 0\r\n\r\n"), std::string::npos);
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-8.6
//= type=test
//# A server MUST NOT send a Content-Length header field in any response with a status code of 1xx (Informational) or 204 (No
//# Content).
TEST(ResponseWriter, writes_no_length_and_no_body_where_there_can_be_none) {
    for (int const status : {204, 304}) {
        auto const text = written(Response{status, {}, "never"});
        EXPECT_EQ(text.find("Content-Length"), std::string::npos);
        EXPECT_EQ(text.find("never"), std::string::npos);
    }
}

TEST(ResponseWriter, keeps_framing_to_itself) {
    auto const text = written(Response{200, {{"Transfer-Encoding", "chunked"}, {"content-length", "99"}, {"Connection", "upgrade"}, {"DATE", "x"}}, "hi"});
    EXPECT_EQ(text, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nhi");
}

TEST(ResponseWriter, refuses_headers_that_would_split_the_response) {
    for (auto const& header : {Header{"X", "a\r\nSet-Cookie: b"}, Header{"X", "a\nb"}, Header{"X\r\nY", "a"}, Header{"X", std::string{"a\0b", 3}},
                               Header{"", "a"}, Header{"X Y", "a"}, Header{"X:", "a"}}) {
        std::string out = "before";
        Response response{200, {}, ""};
        response.headers.add(header.name, header.value);
        EXPECT_FALSE(append_response(out, response, {})) << header.name << ": " << header.value;
        EXPECT_EQ(out, "before");
    }
    std::string out;
    EXPECT_FALSE(append_response(out, Response{99, {}, ""}, {}));
    EXPECT_FALSE(append_response(out, Response{101, {}, ""}, {}));
    EXPECT_FALSE(append_response(out, Response{600, {}, ""}, {}));
}

TEST(ResponseWriter, makes_its_own_answers_problems_with_the_headers_every_answer_carries) {
    auto const response = porch_answer(503, errors::overloaded, "Too busy.");
    EXPECT_EQ(response.status, 503);
    EXPECT_TRUE(is_problem(response));
    EXPECT_EQ(response.headers.get("Retry-After"), "1");
    EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff");
    EXPECT_NE(response.body.find("http.overloaded"), std::string::npos);
    EXPECT_EQ(porch_answer(400, errors::malformed).headers.count("Retry-After"), 0U);
}

TEST(ResponseWriter, writes_dates_as_rfc_9110_5_6_7_shows_them) {
    EXPECT_EQ(http_date(from_millis(784'111'777'000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date(from_millis(1'709'164'799'999)), "Wed, 28 Feb 2024 23:59:59 GMT");
    EXPECT_EQ(http_date(from_millis(1'709'164'800'000)), "Thu, 29 Feb 2024 00:00:00 GMT");
}

}  // namespace
}  // namespace zephyr::http::server
