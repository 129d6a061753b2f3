#include "zephyr/http/app.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "testing/kept_log.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/http/problem.h"

namespace zephyr::http {
namespace {

using zephyr::testing::HeaderJudge;
using zephyr::testing::KeptLog;
using zephyr::testing::request_for;

constexpr Failure teapot{Kind::conflict, "test.teapot"};

class AppTest : public ::testing::Test {
protected:
    HeaderJudge judge;
    KeptLog log;
    App app{judge, log};

    Response send(Method method, std::string target, Headers headers = {}, std::string body = {}) {
        return app.dispatch(request_for(method, std::move(target), std::move(headers), std::move(body)));
    }
    static std::string id_of(Response const& response) {
        auto const json = encoding::parse_json(response.body);
        return json.ok() ? json.value().string_at("id").value_or("") : "";
    }
};

Response ok(Request const&) {
    return Response::text(200, "ok");
}

TEST_F(AppTest, runs_the_handler_of_the_route_with_its_parameters) {
    app.get("/users/{id}", open_to_all("a test of parameters"), [](Request const& request) {
        EXPECT_THROW(static_cast<void>(request.parameter("nobody")), Fault);
        return Response::text(200,
                              request.parameter("id") + " " + request.query("tab").value_or("") + " " + request.route);
    });
    EXPECT_EQ(send(Method::get, "/users/ann%20b?tab=x+y").body, "ann b x y /users/{id}");
}

TEST_F(AppTest, answers_404_405_and_options_itself) {
    app.get("/a", open_to_all("a test of answers"), ok);
    app.post("/a", open_to_all("a test of answers"), ok);
    auto const missing = send(Method::get, "/b");
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(id_of(missing), "http.not_found");
    EXPECT_TRUE(is_problem(missing));

    auto const wrong = send(Method::del, "/a");
    EXPECT_EQ(wrong.status, 405);
    EXPECT_EQ(wrong.headers.get("Allow"), "GET, HEAD, OPTIONS, POST");
    EXPECT_EQ(send(Method::other, "/a").status, 405);

    auto const options = send(Method::options, "/a");
    EXPECT_EQ(options.status, 204);
    EXPECT_EQ(options.headers.get("Allow"), "GET, HEAD, OPTIONS, POST");
    EXPECT_EQ(send(Method::options, "/b").status, 404);
    EXPECT_TRUE(judge.judged.empty());
}

TEST_F(AppTest, leaves_options_to_a_route_that_asks_for_it) {
    app.options("/a", open_to_all("a test of OPTIONS"), [](Request const&) { return Response::text(401, "mine"); });
    app.get("/a", open_to_all("a test of OPTIONS"), ok);
    EXPECT_EQ(send(Method::options, "/a").status, 401);
    EXPECT_EQ(send(Method::options, "/a").body, "mine");
    EXPECT_EQ(send(Method::del, "/a").headers.get("Allow"), "GET, HEAD, OPTIONS");
    app.options("/guarded", require_login, ok);
    EXPECT_EQ(send(Method::options, "/guarded").status, 401);
}

TEST_F(AppTest, serves_head_from_get_without_its_body) {
    app.get("/a", open_to_all("a test of HEAD"), ok);
    app.get("/none", open_to_all("a test of HEAD"), [](Request const&) { return Response::no_content(); });
    auto const head = send(Method::head, "/a");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(head.headers.get("Content-Length"), "2");
    EXPECT_EQ(send(Method::head, "/none").headers.count("Content-Length"), 0u);
    EXPECT_EQ(send(Method::head, "/missing").body, "");
}

TEST_F(AppTest, lets_nobody_past_a_guard_without_its_proof) {
    bool ran = false;
    app.get("/me", require_login, [&](Request const&, Principal const& who) {
        ran = true;
        return Response::text(200, who.username);
    });
    auto const refused = send(Method::get, "/me");
    EXPECT_EQ(refused.status, 401);
    EXPECT_FALSE(ran);
    EXPECT_EQ(send(Method::get, "/me", {{"X-Test-User", "ada"}, {"X-Test-Pending", "mfa.required"}}).status, 403);
    EXPECT_FALSE(ran);
    EXPECT_EQ(send(Method::head, "/me").status, 401);
    EXPECT_EQ(send(Method::get, "/me", {{"X-Test-User", "ada"}}).body, "ada");
}

TEST_F(AppTest, gives_a_pending_sign_in_to_a_session_route_only) {
    app.post("/factor", require_session,
             [](Request const&, SessionHolder const& holder) { return Response::text(200, holder.pending); });
    Headers const pending{{"X-Test-User", "ada"}, {"X-Test-Pending", "mfa.required"}};
    EXPECT_EQ(send(Method::post, "/factor", pending).body, "mfa.required");
    EXPECT_EQ(send(Method::post, "/factor").status, 401);
}

TEST_F(AppTest, tells_an_open_page_who_is_visiting) {
    app.get("/", open_to_all("the front page"), [](Request const&, std::optional<SessionHolder> const& visitor) {
        return Response::text(200, visitor ? visitor->username : "stranger");
    });
    EXPECT_EQ(send(Method::get, "/").body, "stranger");
    EXPECT_EQ(send(Method::get, "/", {{"X-Test-User", "ada"}}).body, "ada");
}

TEST_F(AppTest, renders_a_failure_that_a_handler_returns) {
    app.get("/tea", open_to_all("a test of Result"), [](Request const&) -> Result<Response> { return teapot; });
    auto const response = send(Method::get, "/tea");
    EXPECT_EQ(response.status, 409);
    EXPECT_EQ(id_of(response), "test.teapot");
}

// A judge with a bug admits without proof. The handler must not run on a principal that is not there.
TEST_F(AppTest, answers_500_when_a_judge_admits_without_the_proof) {
    struct CarelessJudge : HeaderJudge {
        Decision judge(Demand const&, Request const& request) override { return Admitted{visitor(request), false}; }
    } careless;
    App careless_app{careless, log};
    bool ran = false;
    careless_app.get("/p", require_login,
                     [&](Request const&, Principal const&) { return ran = true, Response::no_content(); });
    careless_app.get("/s", require_session,
                     [&](Request const&, SessionHolder const&) { return ran = true, Response::no_content(); });
    EXPECT_EQ(careless_app.dispatch(request_for(Method::get, "/p", {{"X-Test-User", "ada"}})).status, 500);
    EXPECT_EQ(careless_app.dispatch(request_for(Method::get, "/s")).status, 500);
    EXPECT_FALSE(ran);
}

TEST_F(AppTest, does_not_start_with_a_guard_that_demands_nothing) {
    EXPECT_THROW(app.get("/a", detail::GuardMaker::make<Proves::nothing>(Demand{}), ok), Fault);
    EXPECT_THROW(app.get("/b", detail::GuardMaker::make<Proves::nothing>(Demand{Demand::What::any, {}, {}, {}}), ok),
                 Fault);
    EXPECT_THROW(
        app.get("/c", require_login | detail::GuardMaker::make<Proves::nothing>(Demand{Demand::What::any, {}, {}, {}}),
                ok),
        Fault);
    auto const hidden_hole = detail::GuardMaker::make<Proves::nothing>(
        Demand{Demand::What::any, {}, {}, {require_login.demand(), Demand{Demand::What::open, "a hole", {}, {}}}});
    EXPECT_THROW(app.get("/d", hidden_hole, ok), Fault);
    EXPECT_TRUE(app.table().empty());
}

TEST_F(AppTest, does_not_start_with_a_rule_nobody_knows) {
    EXPECT_NO_THROW(app.get("/a", require_login | require("office-hours"), ok));
    EXPECT_THROW(app.get("/b", require_login | require("offise-hours"), ok), Fault);
    EXPECT_THROW(app.get("/c", require_login | any_of(require_role("admin"), require("offise-hours")), ok), Fault);
}

TEST_F(AppTest, does_not_start_with_a_route_twice) {
    app.get("/a/{x}", require_login, ok);
    EXPECT_THROW(app.get("/a/{x}", require_login, ok), Fault);
    EXPECT_THROW(app.post("/a/{y}", require_login, ok), Fault);
    EXPECT_EQ(app.table().size(), 1u);
}

TEST_F(AppTest, prints_its_route_table) {
    app.post("/auth/mfa/totp/setup", require_login, ok);
    app.get("/healthz", open_to_all("load balancers probe it"), ok, {.run_inline = true});
    app.put("/hook", require("office-hours"), ok, {.csrf_exempt_reason = "clients send a token"});
    app.del("/users/{id}", require_login | require_mfa | require_role("admin"), ok, {.rate_class = "admin"});
    std::vector<std::string> lines;
    for (auto const& line : app.table()) lines.push_back(line.print());
    EXPECT_EQ(lines, (std::vector<std::string>{
                         "POST /auth/mfa/totp/setup  login",
                         "GET /healthz  open (load balancers probe it)",
                         "PUT /hook  rule(office-hours)  csrf exempt (clients send a token)",
                         "DELETE /users/{id}  login | mfa | role(admin)",
                     }));
    EXPECT_EQ(app.table()[0].source, "tests/http/app_test.cpp");
    EXPECT_TRUE(app.table()[1].run_inline);
    EXPECT_EQ(app.table()[3].rate_class, "admin");
}

TEST_F(AppTest, hides_what_a_fault_says_and_logs_it_once) {
    app.get("/boom", open_to_all("a test of faults"),
            [](Request const&) -> Response { throw Fault{"password of db is hunter2"}; });
    app.get("/odd", open_to_all("a test of faults"), [](Request const&) -> Response { throw 7; });
    app.use({"id", [](Request& request, Next const& next) {
                 request.request_id = "incident-1";
                 return next(request);
             }});
    auto const response = send(Method::get, "/boom");
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(id_of(response), "internal");
    EXPECT_EQ(encoding::parse_json(response.body).value().string_at("request_id"), "incident-1");
    EXPECT_EQ(response.body.find("hunter2"), std::string::npos);
    ASSERT_EQ(log.lines().size(), 1u);
    EXPECT_EQ(log.lines()[0].event, "http.fault");
    EXPECT_EQ(log.lines()[0].field("incident"), "incident-1");
    EXPECT_EQ(send(Method::get, "/odd").status, 500);
}

TEST_F(AppTest, answers_503_when_a_store_is_down_and_never_401_or_404) {
    struct LostJudge : HeaderJudge {
        Decision judge(Demand const&, Request const&) override { throw StorageFault{"connection refused"}; }
    } lost;
    App lost_app{lost, log};
    lost_app.get("/me", require_login, ok);
    auto const response = lost_app.dispatch(request_for(Method::get, "/me"));
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(id_of(response), "storage.unavailable");
    EXPECT_EQ(response.headers.get("Retry-After"), "1");
}

TEST_F(AppTest, runs_middleware_in_order_around_everything) {
    std::string trace;
    auto const layer = [&trace](std::string name) {
        return Middleware{name, [&trace, name](Request& request, Next const& next) {
                              trace += name + "(";
                              auto response = next(request);
                              trace += ")" + name;
                              return std::move(response).with_header("X-" + name, "seen");
                          }};
    };
    app.use(layer("a"));
    app.use(layer("b"));
    app.get("/x", open_to_all("a test of layers"),
            [&](Request const&) { return trace += "h", Response::no_content(); });
    app.get("/boom", open_to_all("a test of layers"), [&](Request const&) -> Response { throw Fault{"x"}; });
    EXPECT_EQ(send(Method::get, "/x").headers.get("X-a"), "seen");
    EXPECT_EQ(trace, "a(b(h)b)a");
    for (auto const* target : {"/missing", "/x//y", "/boom", "*"})
        EXPECT_EQ(send(Method::get, target).headers.get("X-a"), "seen") << target;
    EXPECT_EQ(send(Method::del, "/x").headers.get("X-b"), "seen");
}

TEST_F(AppTest, lets_outer_layers_decorate_the_fault_of_an_inner_one) {
    app.use({"outer", [](Request& request, Next const& next) { return next(request).with_header("X-Outer", "seen"); }});
    app.use({"inner", [](Request&, Next const&) -> Response { throw Fault{"broken layer"}; }});
    app.get("/", open_to_all("a test of layers"), ok);
    auto const response = send(Method::get, "/");
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.headers.get("X-Outer"), "seen");
}

TEST_F(AppTest, lets_no_layer_move_a_request_to_another_route) {
    app.use({"mover", [](Request& request, Next const& next) {
                 request.path = "/open";
                 request.target = "/open";
                 request.method = Method::get;
                 return next(request);
             }});
    app.get("/open", open_to_all("a test of routing"), ok);
    app.post("/closed", require_login, ok);
    EXPECT_EQ(send(Method::post, "/closed").status, 401);
}

TEST_F(AppTest, shows_problems_as_pages_to_those_who_want_pages) {
    app.use({"frame", [](Request& request, Next const& next) { return next(request).with_header("X-Frame", "kept"); }});
    app.on_problem([](Request const&, Response const& problem) {
        return Response::html(200, "<h1>" + std::to_string(problem.status) + "</h1>").with_header("X-Page", "yes");
    });
    app.get("/", open_to_all("a test of pages"), [](Request const&) { return Response::html(404, "own page"); });
    auto const page = send(Method::get, "/missing", {{"Accept", "text/html,*/*"}});
    EXPECT_EQ(page.status, 404);
    EXPECT_EQ(page.body, "<h1>404</h1>");
    EXPECT_EQ(page.headers.get("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(page.headers.get("X-Frame"), "kept");
    EXPECT_EQ(page.headers.get("X-Page"), "yes");
    EXPECT_TRUE(is_problem(send(Method::get, "/missing")));
    EXPECT_TRUE(is_problem(send(Method::get, "/missing", {{"Accept", "application/json, text/html"}})));
    EXPECT_EQ(send(Method::get, "/", {{"Accept", "text/html"}}).body, "own page");
    EXPECT_EQ(send(Method::head, "/missing", {{"Accept", "text/html"}}).headers.get("Content-Length"), "12");
}

TEST_F(AppTest, keeps_the_problem_when_its_page_fails) {
    app.on_problem([](Request const&, Response const&) -> Response { throw Fault{"template missing"}; });
    auto const response = send(Method::get, "/missing", {{"Accept", "text/html"}});
    EXPECT_EQ(response.status, 404);
    EXPECT_TRUE(is_problem(response));
}

TEST_F(AppTest, runs_inline_only_what_says_so) {
    app.get("/fast", open_to_all("a test of inline"), ok, {.run_inline = true});
    app.get("/slow", open_to_all("a test of inline"), ok);
    EXPECT_TRUE(app.runs_inline(request_for(Method::get, "/fast?x=1")));
    EXPECT_TRUE(app.runs_inline(request_for(Method::head, "/fast")));
    EXPECT_TRUE(app.runs_inline(request_for(Method::get, "/%66ast")));
    EXPECT_FALSE(app.runs_inline(request_for(Method::get, "/slow")));
    // Refusals need no worker.
    EXPECT_TRUE(app.runs_inline(request_for(Method::get, "/missing")));
    EXPECT_TRUE(app.runs_inline(request_for(Method::get, "//slow")));
}

TEST_F(AppTest, runs_single_requests_inline_when_the_route_says_so_for_them) {
    app.get("/maybe", open_to_all("a test of inline"), ok,
            {.from_memory = [](Request const& request) -> std::optional<Ready> {
                if (request.headers.get("X-Known") != "yes") return std::nullopt;
                return [](Request const&) { return Response::text(200, "from memory"); };
            }});
    EXPECT_TRUE(app.runs_inline(request_for(Method::get, "/maybe", {{"X-Known", "yes"}})));
    EXPECT_TRUE(app.runs_inline(request_for(Method::head, "/maybe?x", {{"X-Known", "yes"}})));
    EXPECT_FALSE(app.runs_inline(request_for(Method::get, "/maybe", {{"X-Known", "no"}})));
    EXPECT_FALSE(app.runs_inline(request_for(Method::get, "/maybe")));
}

TEST_F(AppTest, answers_inline_what_memory_knows_and_leaves_the_rest_as_it_is) {
    app.get("/maybe", open_to_all("a test of inline"), ok, {.from_memory = [](Request const& request) -> std::optional<Ready> {
                if (request.headers.get("X-Known") != "yes") return std::nullopt;
                return [](Request const& checked) { return Response::text(200, "from memory for " + checked.client_address); };
            }});
    app.get("/fast", open_to_all("a test of inline"), ok, {.run_inline = true});
    app.get("/slow", open_to_all("a test of inline"), ok);
    auto const inline_answer = [&](Request request) { return app.dispatch_inline(request); };
    EXPECT_EQ(inline_answer(request_for(Method::get, "/maybe", {{"X-Known", "yes"}}))->body, "from memory for 192.0.2.1");
    EXPECT_EQ(inline_answer(request_for(Method::get, "/fast"))->body, "ok");
    EXPECT_EQ(inline_answer(request_for(Method::get, "/missing"))->status, 404);
    EXPECT_EQ(inline_answer(request_for(Method::get, "//slow"))->status, 400);
    for (auto const* target : {"/slow?a=1", "/maybe"}) {
        auto request = request_for(Method::get, target, {{"X-A", "b"}}, "body");
        EXPECT_FALSE(app.dispatch_inline(request)) << target;
        EXPECT_EQ(request.target, target);
        EXPECT_EQ(request.headers.get("X-A"), "b");
        EXPECT_EQ(app.dispatch(std::move(request)).body, "ok");
    }
    // dispatch() decides anew: what was known when the head came may be long ago.
    EXPECT_EQ(send(Method::get, "/maybe", {{"X-Known", "yes"}}).body, "ok");
    auto const head = inline_answer(request_for(Method::head, "/maybe", {{"X-Known", "yes"}}));
    EXPECT_EQ(head->body, "");
    EXPECT_EQ(head->headers.get("Content-Length"), "25");
}

TEST_F(AppTest, lets_middleware_and_guard_refuse_what_memory_would_answer) {
    int called = 0;
    RouteOptions const known{.from_memory = [&](Request const&) -> std::optional<Ready> {
        return [&](Request const&) {
            ++called;
            return Response::text(200, "from memory");
        };
    }};
    app.use({"gate", [](Request& request, Next const& next) {
                 return request.headers.count("X-Stop") > 0 ? Response::text(429, "") : next(request);
             }});
    app.get("/open", open_to_all("a test of inline"), ok, known);
    app.get("/guarded", require_login, ok, known);
    auto const status = [&](std::string target, Headers headers = {}) {
        auto request = request_for(Method::get, std::move(target), std::move(headers));
        return app.dispatch_inline(request)->status;
    };
    EXPECT_EQ(status("/open", {{"X-Stop", "1"}}), 429);
    EXPECT_EQ(status("/open", {{"Cookie", "a=b"}, {"Cookie", "c=d"}}), 400);
    EXPECT_EQ(status("/guarded"), 401);
    EXPECT_EQ(called, 0);
    EXPECT_EQ(status("/open"), 200);
    EXPECT_EQ(called, 1);
}

TEST_F(AppTest, a_memory_that_fails_leaves_the_answer_to_a_worker_inside_the_middleware) {
    app.use({"stamp", [](Request& request, Next const& next) { return next(request).with_header("X-Stamp", "1"); }});
    app.get("/maybe", open_to_all("a test of inline"), ok,
            {.from_memory = [](Request const&) -> std::optional<Ready> { throw std::runtime_error{"no memory"}; }});
    auto request = request_for(Method::get, "/maybe");
    EXPECT_FALSE(app.runs_inline(request));
    EXPECT_FALSE(app.dispatch_inline(request));
    auto const response = app.dispatch(std::move(request));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.get("X-Stamp"), "1");
}

TEST_F(AppTest, refuses_duplicate_and_malformed_security_headers) {
    app.get("/", open_to_all("a test of headers"), ok);
    for (std::string const name :
         {"Host", "Authorization", "Content-Length", "Content-Type", "Origin", "Cookie", "X-Forwarded-For",
          "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Sec-Fetch-Site", "Transfer-Encoding"}) {
        auto const value = name == "Host" ? "a.test" : "x";
        EXPECT_EQ(send(Method::get, "/", {{name, value}}).status, 200) << name;
        auto const twice = send(Method::get, "/", {{name, value}, {ascii_lower(name), value}});
        EXPECT_EQ(twice.status, 400) << name;
        EXPECT_EQ(id_of(twice), "http.header_repeated") << name;
    }
    EXPECT_EQ(send(Method::get, "/", {{"Accept", "a"}, {"Accept", "b"}}).status, 200);
    EXPECT_EQ(send(Method::get, "/", {{"X-A", "a\r\nX-B: b"}}).status, 400);
    EXPECT_EQ(send(Method::get, "/", {{"X A", "a"}}).status, 400);
    EXPECT_EQ(send(Method::get, "/", {{"Host", "evil.test/@good.test"}}).status, 400);
}

// RFC 9112 6.1: "A server MAY reject a request that contains both Content-Length and Transfer-Encoding"; where another server read the
// message, nobody knows which of them it believed.
TEST_F(AppTest, refuses_a_length_beside_a_transfer_coding) {
    app.post("/a", open_to_all("a test of framing"), ok);
    EXPECT_EQ(send(Method::post, "/a", {{"Content-Length", "3"}, {"transfer-encoding", "chunked"}}, "abc").status, 400);
    EXPECT_EQ(send(Method::post, "/a", {{"transfer-encoding", "chunked"}}, "abc").status, 200);
    EXPECT_EQ(send(Method::post, "/a", {{"Content-Length", "3"}}, "abc").status, 200);
}

TEST_F(AppTest, takes_no_form_it_cannot_read) {
    app.post("/", open_to_all("a test of forms"),
             [](Request const& request) { return Response::text(200, request.form("a").value_or("none")); });
    Headers const form{{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
    EXPECT_EQ(send(Method::post, "/", form, "a=x%20y+z&b=").body, "x y z");
    EXPECT_EQ(send(Method::post, "/", form, "a=1&a=2").body, "none");
    EXPECT_EQ(send(Method::post, "/", form, "a=%zz").status, 400);
    EXPECT_EQ(send(Method::post, "/", form, "a=%ff").status, 400);
    EXPECT_EQ(send(Method::post, "/", form, "a=" + std::string(70'000, 'x')).status, 400);
}

TEST_F(AppTest, derives_what_only_it_may_set) {
    app.get("/a", open_to_all("a test of derivation"), [](Request const& request) {
        return Response::text(200, request.path + " " + request.client_address + " " + request.scheme + " " +
                                       request.host + " " + request.request_id + (request.csrf_exempt ? "!" : ""));
    });
    auto request = request_for(Method::get, "/a", {{"Host", "id.test:8443"}, {"X-Request-Id", "mine"}});
    request.path = "/admin";
    request.client_address = "10.0.0.1";
    request.request_id = "forged";
    request.csrf_exempt = true;
    EXPECT_EQ(app.dispatch(std::move(request)).body, "/a 192.0.2.1 http id.test:8443 ");
}

}  // namespace
}  // namespace zephyr::http
