#include "zephyr/http/server.h"

#include <gtest/gtest.h>

#include "http/server/porch.h"

namespace zephyr::http::server {
namespace {

std::string get(std::string_view target, std::string_view fields = "") {
    return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n";
}
std::string post(std::string_view target, std::string_view body, std::string_view fields = "") {
    return "POST " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string{body};
}

TEST_F(Porch, answers_from_the_loop_and_from_the_pool) {
    start();
    for (auto const* target : {"/inline", "/pool"}) {
        auto const answer = ask(get(target));
        ASSERT_TRUE(answer) << target;
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, target + std::string{" "});
        EXPECT_EQ(answer->header("Content-Type"), "text/plain");
        EXPECT_EQ(answer->header("Date"), "Thu, 01 Jan 2026 00:00:00 GMT");
    }
}

TEST_F(Porch, keeps_a_connection_for_many_requests) {
    start();
    auto connection = client();
    for (int i = 0; i < 100; ++i) {
        auto const target = (i % 3 == 0 ? "/pool/" : "/inline/") + std::to_string(i);
        auto const answer = connection.ask(post(target, "body " + std::to_string(i)));
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->body, target + " body " + std::to_string(i));
        EXPECT_EQ(answer->header("Connection"), "");
    }
    EXPECT_EQ(server->stats().accepted, 1U);
    EXPECT_EQ(server->stats().requests, 100U);
}

//= https://www.rfc-editor.org/rfc/rfc9112#section-9.3.2
//= type=test
//# A server MAY process a sequence of pipelined requests in parallel if they all have safe methods (Section 9.2.1 of [HTTP]), but it
//# MUST send the corresponding responses in the same order that the requests were received.
TEST_F(Porch, answers_pipelined_requests_in_their_order_whoever_runs_them) {
    start();
    auto connection = client();
    std::string requests;
    for (int i = 0; i < 300; ++i) requests += post((i % 7 == 0 ? "/pool/" : "/inline/") + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'));
    std::thread sender{[&] { connection.send(requests); }};
    int in_order = 0;
    for (; in_order < 300; ++in_order) {
        auto const answer = connection.receive();
        if (!answer || answer->body != (in_order % 7 == 0 ? "/pool/" : "/inline/") + std::to_string(in_order) + " " + std::string(static_cast<std::size_t>(in_order), 'x')) break;
    }
    EXPECT_EQ(in_order, 300);
    connection.close();
    sender.join();
}

TEST_F(Porch, does_not_read_on_while_a_request_is_with_a_worker) {
    Gate gate;
    dispatcher.answer = [&](Request const&) { gate.pass(); return Response{200, {}, "done"}; };
    start();
    auto connection = client();
    int const small = 16 * 1024;
    ::setsockopt(connection.descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    connection.send(get("/pool"));
    ASSERT_TRUE(gate.wait_for(1));
    // Far more than the socket buffers of both sides hold: the client gets stuck instead of filling our memory.
    std::string const flood(64 * 1024, 'x');
    std::size_t taken = 0;
    for (int i = 0; i < 1000; ++i) {
        auto const size = ::send(connection.descriptor(), flood.data(), flood.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0) break;
        taken += static_cast<std::size_t>(size);
    }
    EXPECT_LT(taken, 1000 * flood.size());
    EXPECT_EQ(server->stats().body_memory_bytes, 0U);
    gate.open();
    EXPECT_EQ(connection.receive().value_or(Answer{}).body, "done");
}

TEST_F(Porch, tells_the_dispatcher_who_asks_and_how) {
    dispatcher.answer = [](Request const& request) {
        return Response{200, {}, request.peer_address + "|" + request.scheme + "|" + request.target + "|" + std::string{request.headers.get("x-test").value_or("")}};
    };
    start();
    EXPECT_EQ(ask(get("/pool?q=1", "X-Test: yes\r\n")).value_or(Answer{}).body, "127.0.0.1|http|/pool?q=1|yes");
}

TEST_F(Porch, sends_head_no_body) {
    start();
    auto connection = client();
    for (auto const* target : {"/inline", "/pool"}) {
        connection.send("HEAD " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n\r\n");
        auto const answer = connection.receive(true);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->header("Content-Length"), std::to_string(std::string_view{target}.size() + 1));
    }
    EXPECT_EQ(connection.ask(get("/inline/next")).value_or(Answer{}).body, "/inline/next ");
    EXPECT_EQ(connection.unread(), "");
}

TEST_F(Porch, sends_a_body_with_a_refusal_that_follows_a_head_request) {
    start();
    auto connection = client();
    connection.send("HEAD /inline HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(connection.receive(true));
    auto const refusal = connection.ask("GET  / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(refusal);
    EXPECT_NE(refusal->body.find("http.malformed"), std::string::npos);
}

TEST_F(Porch, closes_when_the_client_asks_for_it) {
    start();
    for (auto const* target : {"/inline", "/pool"}) {
        auto connection = client();
        auto const answer = connection.ask(get(target, "Connection: close\r\n"));
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->header("Connection"), "close");
        EXPECT_TRUE(connection.is_closed());
    }
}

TEST_F(Porch, speaks_http_1_0) {
    start();
    auto connection = client();
    auto const kept = connection.ask("GET /inline HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->header("Connection"), "keep-alive");
    auto const last = connection.ask("GET /inline HTTP/1.0\r\n\r\n");
    ASSERT_TRUE(last);
    EXPECT_EQ(last->header("Connection"), "close");
    EXPECT_TRUE(connection.is_closed());
}

TEST_F(Porch, answers_a_client_that_has_finished_sending) {
    start();
    auto connection = client();
    connection.send(get("/pool/1") + get("/inline/2"));
    connection.finish_sending();
    EXPECT_EQ(connection.receive().value_or(Answer{}).body, "/pool/1 ");
    EXPECT_EQ(connection.receive().value_or(Answer{}).body, "/inline/2 ");
    EXPECT_TRUE(connection.is_closed());
}

TEST_F(Porch, reads_chunked_bodies) {
    start();
    auto connection = client();
    auto const answer = connection.ask("POST /pool HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    EXPECT_EQ(answer.value_or(Answer{}).body, "/pool hello world");
    EXPECT_EQ(connection.ask(get("/inline")).value_or(Answer{}).status, 200);
}

TEST_F(Porch, carries_bodies_at_the_limit_both_ways) {
    start();
    std::string const body(settings.body_bytes, 'b');
    auto connection = client();
    std::thread sender{[&] { connection.send(post("/pool", body)); }};
    auto const answer = connection.receive();
    sender.join();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "/pool " + body);
    EXPECT_TRUE(eventually([&] { return server->stats().body_memory_bytes == 0; }));
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
//= type=test
//# A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation.
TEST_F(Porch, invites_a_body_that_waits_to_be_invited) {
    start();
    auto connection = client();
    connection.send("POST /pool HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    auto const invitation = connection.receive();
    ASSERT_TRUE(invitation);
    EXPECT_EQ(invitation->status, 100);
    EXPECT_EQ(connection.ask("hello").value_or(Answer{}).body, "/pool hello");
    // A body that is already here needs no invitation.
    EXPECT_EQ(connection.ask(post("/pool", "now", "Expect: 100-continue\r\n")).value_or(Answer{}).status, 200);
    auto old = client();
    old.send("POST /pool HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(old.ask("hi").value_or(Answer{}).body, "/pool hi");
}

TEST_F(Porch, refuses_a_body_over_the_limit_instead_of_inviting_it) {
    start();
    auto const answer = ask("POST /pool HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 413);
}

struct Case {
    std::string bytes;
    int status;
    std::string_view id;
};

TEST_F(Porch, answers_each_refusal_as_a_problem_and_closes) {
    start();
    Case const cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400, "http.malformed"},
        {"GET / HTTP/1.1\r\n\r\n", 400, "http.malformed"},
        {post("/", "x", "Content-Length: 2\r\n"), 400, "http.ambiguous_length"},
        {post("/", "x", "Transfer-Encoding: chunked\r\n"), 400, "http.ambiguous_length"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413, "http.body_too_large"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", 413, "http.body_too_large"},
        {get("/" + std::string(settings.target_bytes, 'a')), 414, "http.target_too_long"},
        {get("/", "Expect: tea\r\n"), 417, "http.expectation_failed"},
        {get("/", "X: " + std::string(settings.header_bytes, 'x') + "\r\n"), 431, "http.headers_too_large"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br, chunked\r\n\r\n", 501, "http.transfer_coding_unsupported"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http.version_unsupported"},
    };
    for (auto const& [bytes, status, id] : cases) {
        auto connection = client();
        auto const answer = connection.ask(bytes);
        ASSERT_TRUE(answer) << bytes.substr(0, 80);
        EXPECT_EQ(answer->status, status) << bytes.substr(0, 80);
        EXPECT_NE(answer->body.find(id), std::string::npos) << answer->body;
        EXPECT_EQ(answer->header("Content-Type"), "application/problem+json");
        EXPECT_EQ(answer->header("X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(answer->header("Connection"), "close");
        EXPECT_TRUE(connection.is_closed());
    }
    EXPECT_EQ(server->stats().refused_requests, std::size(cases));
    EXPECT_EQ(server->stats().requests, 0U);
}

TEST_F(Porch, never_serves_a_second_request_hidden_in_the_body_of_a_refused_one) {
    start();
    auto connection = client();
    auto const answer = connection.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("/inline/smuggled"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400);
    EXPECT_TRUE(connection.is_closed());
    EXPECT_EQ(server->stats().requests, 0U);
}

TEST_F(Porch, lets_a_client_read_why_it_was_refused_although_it_is_still_sending) {
    start();
    auto connection = client();
    std::thread sender{[&] { connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + std::string(500'000, 'x')); }};
    auto const answer = connection.receive();
    sender.join();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 413);
}

TEST_F(Porch, ignores_an_offer_to_upgrade) {
    start();
    EXPECT_EQ(ask(get("/inline", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n")).value_or(Answer{}).status, 200);
}

TEST_F(Porch, answers_500_instead_of_a_response_that_would_split) {
    dispatcher.answer = [](Request const&) {
        Response response{200, {}, "x"};
        response.headers.add("Location", "/a\r\nSet-Cookie: b");
        return response;
    };
    start();
    auto const answer = ask(get("/pool"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 500);
    EXPECT_EQ(answer->head.find("Set-Cookie"), std::string::npos);
}

TEST_F(Porch, says_in_a_sentence_why_it_cannot_start) {
    start();
    auto taken = settings;
    taken.port = server->port();
    Server second{taken, dispatcher, clock, log};
    auto const in_use = second.start();
    ASSERT_FALSE(in_use.ok());
    EXPECT_EQ(in_use.error(), errors::address_unavailable);
    EXPECT_EQ(in_use.error().reason(), "port " + std::to_string(server->port()) + " of 127.0.0.1 is already in use by another program");

    auto nonsense = settings;
    nonsense.host = "not an address";
    EXPECT_EQ(Server(nonsense, dispatcher, clock, log).start().error(), errors::address_malformed);
    auto foreign = settings;
    foreign.host = "192.0.2.1";
    EXPECT_EQ(Server(foreign, dispatcher, clock, log).start().error(), errors::address_unavailable);
    auto proxies = settings;
    proxies.trusted_proxies = {"10.0.0.0/33"};
    EXPECT_FALSE(Server(proxies, dispatcher, clock, log).start().ok());
    EXPECT_EQ(server->start().error(), errors::already_started);
}

TEST_F(Porch, listens_on_both_families_at_once) {
    settings.host = "::";
    start();
    auto const answer = ask(get("/inline"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
}

}  // namespace
}  // namespace zephyr::http::server
