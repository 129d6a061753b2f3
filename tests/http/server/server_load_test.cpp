// What happens when there is too much, too slow, too late, or nobody on the other side any more.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <list>
#include <stdexcept>
#include <vector>

#include "http/server/porch.h"
#include "testing/kept_log.h"
#include "zephyr/foundation/fault.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ZEPHYR_SANITIZED_HEAP
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ZEPHYR_SANITIZED_HEAP
#endif
#if defined(ZEPHYR_SANITIZED_HEAP)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // g++ 12 comes without the header that declares it
#endif

namespace zephyr::http::server {
namespace {

std::string get(std::string_view target) { return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

TEST_F(Porch, sheds_what_the_queue_cannot_hold_while_inline_routes_go_on_answering) {
    Gate gate;
    dispatcher.answer = [&](Request const& request) {
        if (request.target == "/slow") gate.pass();
        return Response{200, {}, request.target};
    };
    settings.workers = 2;
    settings.queue = 3;
    start();
    std::list<Client> slow;
    for (int i = 0; i < 5; ++i) slow.emplace_back(server->port()).send(get("/slow"));
    ASSERT_TRUE(gate.wait_for(2));
    ASSERT_TRUE(eventually([&] { return server->stats().queue_depth == 3 && server->stats().in_flight == 5; }));

    auto extra = client();
    auto const shed = extra.ask(get("/slow"));
    ASSERT_TRUE(shed);
    EXPECT_EQ(shed->status, 503);
    EXPECT_EQ(shed->header("Retry-After"), "1");
    EXPECT_EQ(shed->header("Content-Type"), "application/problem+json");
    EXPECT_EQ(extra.ask(get("/inline")).value_or(Answer{}).status, 200);  // the same connection still serves
    // A body is refused before it is read, or even invited.
    auto const unread = ask("POST /slow HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
    EXPECT_EQ(unread.value_or(Answer{}).status, 503);
    EXPECT_EQ(server->stats().shed, 2U);

    gate.open();
    for (auto& one : slow) EXPECT_EQ(one.receive().value_or(Answer{}).body, "/slow");
    EXPECT_EQ(extra.ask(get("/slow")).value_or(Answer{}).status, 200);
    EXPECT_TRUE(eventually([&] { return server->stats().in_flight == 0; }));
}

TEST_F(Porch, refuses_instead_of_running_a_request_that_waited_too_long_for_a_worker) {
    Gate gate;
    std::atomic<int> ran{0};
    dispatcher.answer = [&](Request const&) { ++ran; gate.pass(); return Response{200, {}, ""}; };
    settings.workers = 1;
    start();
    auto first = client();
    auto second = client();
    first.send(get("/pool"));
    ASSERT_TRUE(gate.wait_for(1));
    second.send(get("/pool"));
    ASSERT_TRUE(eventually([&] { return server->stats().queue_depth == 1; }));
    clock.advance(settings.timeouts.queue + 1ms);
    gate.open();
    EXPECT_EQ(first.receive().value_or(Answer{}).status, 200);
    auto const late = second.receive();
    ASSERT_TRUE(late);
    EXPECT_EQ(late->status, 503);
    EXPECT_EQ(late->header("Retry-After"), "1");
    EXPECT_EQ(ran, 1);
}

TEST_F(Porch, bounds_the_memory_of_all_bodies_together) {
    settings.body_memory_bytes = 100'000;
    start();
    auto holder = client();
    holder.send("POST /pool HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" + std::string(80'000, 'x'));
    ASSERT_TRUE(eventually([&] { return server->stats().body_memory_bytes == 80'000; }));
    auto second = client();
    second.send("POST /pool HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" + std::string(30'000, 'x'));
    auto const shed = second.receive();
    ASSERT_TRUE(shed);
    EXPECT_EQ(shed->status, 503);
    EXPECT_EQ(shed->header("Connection"), "close");
    EXPECT_EQ(holder.ask(std::string(10'000, 'x')).value_or(Answer{}).status, 200);
    EXPECT_TRUE(eventually([&] { return server->stats().body_memory_bytes == 0; }));
}

TEST_F(Porch, survives_handlers_that_throw) {
    dispatcher.answer = [](Request const& request) -> Response {
        if (request.target.find("store") != std::string::npos) throw StorageFault{"the store is gone"};
        if (request.target.find("int") != std::string::npos) throw 7;
        throw std::runtime_error{"a bug"};
    };
    start();
    auto connection = client();
    for (auto const* prefix : {"/pool", "/inline"}) {
        EXPECT_EQ(connection.ask(get(prefix + std::string{"/bug"})).value_or(Answer{}).status, 500);
        EXPECT_EQ(connection.ask(get(prefix + std::string{"/int"})).value_or(Answer{}).status, 500);
        auto const store = connection.ask(get(prefix + std::string{"/store"}));
        ASSERT_TRUE(store);
        EXPECT_EQ(store->status, 503);
        EXPECT_EQ(store->body.find("gone"), std::string::npos);  // what broke is for the log
    }
    EXPECT_EQ(server->stats().faults, 6U);
}

TEST_F(Porch, drops_the_answer_of_a_client_that_has_gone) {
    Gate gate;
    dispatcher.answer = [&](Request const& request) {
        if (request.target == "/slow") gate.pass();
        return Response{200, {}, std::string(1'000'000, 'x')};
    };
    start();
    auto gone = client();
    auto reset = client();
    gone.send(get("/slow"));
    reset.send(get("/slow"));
    ASSERT_TRUE(gate.wait_for(2));
    gone.close();
    reset.reset();
    gate.open();
    EXPECT_TRUE(eventually([&] { return server->stats().connections == 0 && server->stats().in_flight == 0; }));
    EXPECT_EQ(ask(get("/inline")).value_or(Answer{}).status, 200);
}

TEST_F(Porch, forgets_clients_that_leave_in_the_middle_of_a_request) {
    start();
    for (auto const* part : {"", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"}) {
        auto leaving = client();
        leaving.send(part);
        auto resetting = client();
        resetting.send(part);
        resetting.reset();
    }
    EXPECT_TRUE(eventually([&] { return server->stats().accepted == 8 && server->stats().connections == 0; }));
    EXPECT_EQ(server->stats().body_memory_bytes, 0U);
}

TEST_F(Porch, closes_a_connection_that_is_too_slow_to_ask) {
    settings.loops = 1;
    start();
    struct Slow {
        std::string sent;
        std::chrono::milliseconds limit;
        bool told;
    };
    auto const& timeouts = settings.timeouts;
    Slow const cases[] = {
        {"", timeouts.header, false},
        {"GET / HTTP/1.1\r\nHost: a\r\n", timeouts.header, true},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc", timeouts.body, true},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", timeouts.body, true},
    };
    for (auto const& [sent, limit, told] : cases) {
        auto slow = client();
        slow.send(sent);
        ASSERT_TRUE(eventually([&] { return server->stats().connections == 1; }));
        auto const timeouts_before = server->stats().timeouts;
        // The bytes must have been read for their deadline to be the one that counts: two rounds of the loop later they are.
        for (int i = 0; i < 2; ++i) ASSERT_TRUE(ask(get("/inline")));
        ASSERT_TRUE(eventually([&] { return server->stats().connections == 1; }));  // those two must not time out as well
        clock.advance(limit - 1ms);
        if (told) slow.send(" ");  // dribbling buys no time
        clock.advance(2ms);
        if (told) {
            auto const answer = slow.receive();
            ASSERT_TRUE(answer) << sent;
            EXPECT_EQ(answer->status, 408);
        }
        ASSERT_TRUE(eventually([&] { return server->stats().connections == 0; })) << sent;
        EXPECT_EQ(server->stats().timeouts, timeouts_before + 1);
    }
}

TEST_F(Porch, closes_a_connection_that_stays_idle_between_requests) {
    settings.loops = 1;
    start();
    auto connection = client();
    ASSERT_TRUE(connection.ask(get("/inline")));
    ASSERT_TRUE(ask(get("/inline")));  // by now the loop has given the first one its deadline
    clock.advance(settings.timeouts.idle - 1ms);
    ASSERT_TRUE(connection.ask(get("/inline")));  // in use again: a new deadline
    ASSERT_TRUE(ask(get("/inline")));
    clock.advance(settings.timeouts.idle + 1ms);
    EXPECT_TRUE(connection.is_closed());
}

TEST_F(Porch, closes_a_connection_that_is_too_slow_to_listen) {
    dispatcher.answer = [](Request const& request) { return Response{200, {}, std::string(request.target == "/inline/big" ? 20'000'000 : 1, 'x')}; };
    settings.loops = 1;
    start();
    auto slow = client();
    slow.send(get("/inline/big"));
    ASSERT_TRUE(eventually([&] { return server->stats().requests == 1; }));
    ASSERT_TRUE(ask(get("/inline")));  // by now the loop has given the slow one its deadline
    ASSERT_TRUE(eventually([&] { return server->stats().connections == 1; }));
    // 20 MB get 20 times the time of one.
    clock.advance(settings.timeouts.write * 10);
    EXPECT_EQ(ask(get("/pool/other")).value_or(Answer{}).status, 200);
    ASSERT_TRUE(eventually([&] { return server->stats().connections == 1; }));
    EXPECT_EQ(server->stats().timeouts, 0U);
    clock.advance(settings.timeouts.write * 10 + 1ms);
    EXPECT_TRUE(eventually([&] { return server->stats().timeouts == 1; }));
}

TEST_F(Porch, does_not_count_a_handler_s_time_against_the_client) {
    Gate gate;
    dispatcher.answer = [&](Request const&) { gate.pass(); return Response{200, {}, "at last"}; };
    start();
    auto patient = client();
    patient.send(get("/pool"));
    ASSERT_TRUE(gate.wait_for(1));
    clock.advance(1h);
    gate.open();
    EXPECT_EQ(patient.receive().value_or(Answer{}).body, "at last");
}

TEST_F(Porch, turns_connections_over_the_limit_away_with_503) {
    settings.max_connections = 3;
    start();
    std::list<Client> inside;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(inside.emplace_back(server->port()).ask(get("/inline")));
    auto outside = client();
    auto const answer = outside.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->header("Retry-After"), "1");
    EXPECT_TRUE(outside.is_closed());
    EXPECT_EQ(server->stats().refused_connections, 1U);
    inside.pop_back();
    EXPECT_TRUE(eventually([&] { return ask(get("/inline")).value_or(Answer{}).status == 200; }));
}

TEST_F(Porch, bounds_connections_per_address_but_not_those_of_a_trusted_proxy) {
    settings.max_connections_per_address = 2;
    start();
    std::list<Client> inside;
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(inside.emplace_back(server->port()).ask(get("/inline")));
    EXPECT_EQ(ask(get("/inline")).value_or(Answer{}).status, 503);
    inside.pop_back();
    EXPECT_TRUE(eventually([&] { return ask(get("/inline")).value_or(Answer{}).status == 200; }));
    inside.clear();
    server.reset();

    settings.trusted_proxies = {"127.0.0.0/8"};
    start();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(inside.emplace_back(server->port()).ask(get("/inline")).value_or(Answer{}).status, 200);
}

std::chrono::microseconds cpu_used() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return std::chrono::seconds{used.ru_utime.tv_sec + used.ru_stime.tv_sec} +
           std::chrono::microseconds{used.ru_utime.tv_usec + used.ru_stime.tv_usec};
}

TEST_F(Porch, recovers_after_running_out_of_descriptors_and_does_not_spin_meanwhile) {
    testing::KeptLog kept;
    server = std::make_unique<Server>(settings, dispatcher, clock, kept);
    ASSERT_TRUE(server->start().ok());
    std::list<Client> clients;
    ASSERT_TRUE(clients.emplace_back(server->port()).ask(get("/inline")));
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    // Room for the client's socket and none for the server's.
    int const next = ::dup(clients.front().descriptor());
    ::close(next);
    rlimit tight{static_cast<rlim_t>(next) + 1, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &tight);
    clients.emplace_back(server->port()).send(get("/inline"));
    EXPECT_TRUE(clients.back().connected());
    EXPECT_EQ(clients.front().ask(get("/inline")).value_or(Answer{}).status, 200);
    auto const used_before = cpu_used();
    ::poll(nullptr, 0, 500);
    EXPECT_LT(cpu_used() - used_before, 250ms) << "the newcomer waits in the backlog, and nobody asks for it in a circle";
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(clients.back().receive().value_or(Answer{}).status, 200);
    auto const lines = kept.lines();
    auto const told = std::count_if(lines.begin(), lines.end(), [](auto const& line) { return line.event == "http.accept_paused"; });
    EXPECT_GE(told, 1);
    EXPECT_LE(told, 2) << "once for each loop that met it";
    server.reset();  // before its log
}

// Sanitizers know exactly what is allocated, but their redzones spoil the resident size; without one it is the other way round.
std::int64_t memory_in_use() {
#if defined(ZEPHYR_SANITIZED_HEAP)
    return static_cast<std::int64_t>(__sanitizer_get_current_allocated_bytes());
#else
    std::ifstream file{"/proc/self/statm"};
    std::int64_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * ::sysconf(_SC_PAGESIZE);
#endif
}

TEST_F(Porch, holds_a_thousand_idle_connections_in_bounded_memory) {
    start();
    ASSERT_TRUE(ask(get("/pool")));
    auto const before = memory_in_use();
    std::list<Client> idle;
    for (int i = 0; i < 1000; ++i) {
        // Each has served a request with a body, so that buffers that were ever grown are counted.
        auto& one = idle.emplace_back(server->port());
        ASSERT_TRUE(one.connected());
        ASSERT_TRUE(one.ask("POST /inline HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n" + std::string(4000, 'x')));
    }
    EXPECT_GE(server->stats().connections, 1000U);
    // Our clients' own buffers are in there too.
    EXPECT_LT(memory_in_use() - before, 16 * 1024 * 1000);
    EXPECT_EQ(idle.back().ask(get("/pool")).value_or(Answer{}).status, 200);
}

TEST_F(Porch, goes_on_serving_when_it_retires_but_ends_each_connection_with_its_answer) {
    start();
    auto old = client();
    EXPECT_EQ(old.ask(get("/inline")).value_or(Answer{}).header("Connection"), "");
    server->retire();
    for (auto const* target : {"/inline", "/pool"}) {
        auto newcomer = client();
        auto const answer = newcomer.ask(get(target));
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->header("Connection"), "close");
        EXPECT_TRUE(newcomer.is_closed());
    }
    // An idle connection is not closed under a request that may be on its way.
    auto const last = old.ask(get("/pool"));
    ASSERT_TRUE(last);
    EXPECT_EQ(last->header("Connection"), "close");
    EXPECT_TRUE(old.is_closed());
    EXPECT_TRUE(client().connected());
}

TEST_F(Porch, finishes_what_is_in_flight_when_it_stops_and_refuses_newcomers) {
    Gate gate;
    dispatcher.answer = [&](Request const& request) {
        if (request.target == "/slow") gate.pass();
        return Response{200, {}, "finished"};
    };
    start();
    auto idle = client();
    auto busy = client();
    auto half = client();
    ASSERT_TRUE(idle.ask(get("/inline")));
    half.send("POST /pool HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    ASSERT_TRUE(eventually([&] { return server->stats().body_memory_bytes == 2; }));
    busy.send(get("/slow"));
    ASSERT_TRUE(gate.wait_for(1));
    auto const port = server->port();
    std::thread stopper{[&] { server->stop(); }};
    EXPECT_TRUE(idle.is_closed());
    EXPECT_TRUE(eventually([&] { return !Client{port}.connected(); }));
    gate.open();
    for (auto* one : {&busy, &half}) {
        if (one == &half) half.send("cd");
        auto const answer = one->receive();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->body, "finished");
        EXPECT_EQ(answer->header("Connection"), "close");
        EXPECT_TRUE(one->is_closed());
        one->close();
    }
    stopper.join();
    EXPECT_EQ(server->stats().connections, 0U);
}

TEST_F(Porch, gives_up_on_clients_at_the_end_of_the_drain) {
    settings.drain = 50ms;
    start();
    auto never = client();
    never.send("POST /pool HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    ASSERT_TRUE(eventually([&] { return server->stats().body_memory_bytes == 2; }));
    server->stop();
    EXPECT_EQ(server->stats().connections, 0U);
    EXPECT_TRUE(never.is_closed());
    server->stop();  // twice is fine
}

TEST_F(Porch, waits_for_a_handler_that_outlives_the_drain_and_drops_its_answer) {
    Gate gate;
    dispatcher.answer = [&](Request const&) { gate.pass(); return Response{200, {}, "too late"}; };
    settings.drain = 20ms;
    settings.workers = 1;
    start();
    auto running = client();
    auto queued = client();
    running.send(get("/pool"));
    ASSERT_TRUE(gate.wait_for(1));
    queued.send(get("/pool"));
    ASSERT_TRUE(eventually([&] { return server->stats().queue_depth == 1; }));
    std::thread stopper{[&] { server->stop(); }};
    EXPECT_TRUE(running.is_closed());
    EXPECT_TRUE(queued.is_closed());
    gate.open();
    stopper.join();
    EXPECT_EQ(server->stats().in_flight, 0U);
}

TEST_F(Porch, serves_many_clients_at_once_without_mixing_their_answers) {
    start();
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int c = 0; c < 5; ++c) {
                Client connection{server->port()};
                for (int i = 0; i < 40; ++i) {
                    auto const target = std::string{i % 2 == 0 ? "/inline/" : "/pool/"} + std::to_string(t) + "/" + std::to_string(c) + "/" + std::to_string(i);
                    auto const answer = connection.ask(get(target));
                    if (!answer || answer->body != target + " ") ++wrong;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(server->stats().requests, 1600U);
}

}  // namespace
}  // namespace zephyr::http::server
