#include "zephyr/http/body_schema.h"

#include <gtest/gtest.h>

#include "testing/kept_log.h"
#include "zephyr/http/app.h"

namespace zephyr::http {
namespace {

using encoding::Json;
using Type = Field::Type;

BodySchema const schema{
    .fields = {
        {.name = "name", .required = true, .longest = 5},
        {.name = "password", .type = Type::secret, .required = true},
        {.name = "remember", .type = Type::flag},
        {.name = "count", .type = Type::integer, .least = 1, .most = 9},
        {.name = "kind", .one_of = {"red", "blue"}},
        {.name = "roles", .type = Type::list, .longest = 3, .most_items = 2},
        {.name = "inner", .type = Type::object, .fields = {{.name = "deep", .required = true}}},
        {.name = "rows", .type = Type::objects, .most_items = 2, .fields = {{.name = "at", .type = Type::time, .required = true}}}}};

Json whole() {
    return Json::object({{"name", "alice"}, {"password", "p"}});
}
Json with(std::string name, Json value) {
    auto body = whole();
    body.set(std::move(name), std::move(value));
    return body;
}
std::string id_of(Json const& body) {
    auto const checked = schema.check(body);
    return checked.ok() ? "" : std::string{checked.error().id()};
}
std::string reason_of(Json const& body) {
    return std::string{schema.check(body).error().reason()};
}

TEST(BodySchema, accepts_what_it_asks_for_and_its_own_example) {
    EXPECT_EQ(id_of(whole()), "");
    EXPECT_EQ(id_of(schema.example()), "");
    EXPECT_EQ(schema.example().members()->size(), schema.fields.size());
    EXPECT_EQ(id_of(with("roles", Json::array({"abc", "d"}))), "");
    EXPECT_EQ(id_of(with("rows", Json::array({Json::object({{"at", "now"}})}))), "");
    EXPECT_EQ(id_of(with("count", 1)), "");
    EXPECT_EQ(id_of(with("count", 9)), "");
}

TEST(BodySchema, refuses_each_needed_member_that_is_absent_or_null) {
    for (auto const* name : {"name", "password"}) {
        auto without = Json::object();
        auto const all = whole();
        for (auto const& [key, value] : *all.members()) {
            if (key != name) without.set(key, value);
        }
        EXPECT_EQ(id_of(without), "request.field_missing") << name;
        EXPECT_NE(reason_of(without).find(name), std::string::npos);
        EXPECT_EQ(id_of(with(name, nullptr)), "request.field_missing") << name;
    }
    EXPECT_EQ(id_of(with("inner", Json::object())), "request.field_missing");
    EXPECT_NE(reason_of(with("inner", Json::object())).find("inner.deep"), std::string::npos);
}

TEST(BodySchema, takes_null_for_what_is_not_needed) {
    for (auto const* name : {"remember", "count", "kind", "roles", "inner", "rows"}) EXPECT_EQ(id_of(with(name, nullptr)), "") << name;
}

TEST(BodySchema, ignores_members_nobody_named) {
    EXPECT_EQ(id_of(with("later", Json::object({{"x", 1}}))), "");
    EXPECT_EQ(id_of(with("Name", 7)), "") << "names mind case";
}

TEST(BodySchema, refuses_every_other_type) {
    std::vector<Json> const values{Json{true}, Json{7}, Json{1.5}, Json{"text"}, Json::array({1}), Json::object()};
    std::map<std::string, std::size_t> const fitting{{"name", 3}, {"password", 3}, {"remember", 0}, {"count", 1},
                                                     {"kind", 9}, {"roles", 9},    {"rows", 9}};
    for (auto const& [name, fits] : fitting) {
        for (std::size_t i = 0; i < values.size(); ++i)
            EXPECT_EQ(id_of(with(name, values[i])), i == fits ? "" : "request.field_invalid") << name << " " << values[i].dump();
    }
    EXPECT_EQ(id_of(with("inner", Json::array())), "request.field_invalid");
}

TEST(BodySchema, refuses_what_is_too_long_too_many_or_out_of_range) {
    EXPECT_EQ(id_of(with("name", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4")), "") << "five code points in ten bytes";
    EXPECT_EQ(id_of(with("name", "alices")), "request.field_invalid");
    EXPECT_EQ(id_of(with("password", std::string(1024, 'x'))), "");
    EXPECT_EQ(id_of(with("password", std::string(1025, 'x'))), "request.field_invalid");
    EXPECT_EQ(id_of(with("count", 0)), "request.field_invalid");
    EXPECT_EQ(id_of(with("count", 10)), "request.field_invalid");
    EXPECT_EQ(id_of(with("kind", "green")), "request.field_invalid");
    EXPECT_EQ(id_of(with("roles", Json::array({"abcd"}))), "request.field_invalid");
    EXPECT_EQ(id_of(with("roles", Json::array({"a", "b", "c"}))), "request.field_invalid");
    EXPECT_NE(reason_of(with("roles", Json::array({"abc", 1}))).find("roles[1]"), std::string::npos);
    auto const row = Json::object({{"at", "x"}});
    EXPECT_EQ(id_of(with("rows", Json::array({row, row, row}))), "request.field_invalid");
    EXPECT_NE(reason_of(with("rows", Json::array({row, Json::object({{"at", 1}})}))).find("rows[1].at"), std::string::npos);
    // A reason goes to the person: it never repeats what was sent.
    EXPECT_EQ(reason_of(with("password", std::string(1025, 'x'))).find("xxx"), std::string::npos);
}

TEST(BodySchema, reads_json_bodies_and_nothing_else) {
    Request request;
    request.method = Method::post;
    request.headers.set("Content-Type", "application/json");
    request.body = whole().dump();
    EXPECT_TRUE(read_body(request, schema).ok());
    for (auto const* body : {"", "[]", "null", "\"x\"", "7"}) {
        request.body = body;
        EXPECT_FALSE(read_body(request, schema).ok()) << body;
    }
    request.body = R"({"name":"a","name":"b","password":"p"})";
    EXPECT_EQ(read_body(request, schema).error(), encoding::errors::json_duplicate_member);
    request.body = whole().dump();
    request.headers.set("Content-Type", "text/plain");
    EXPECT_EQ(read_body(request, schema).error(), errors::json_expected);
}

TEST(BodySchema, an_optional_body_may_be_empty_but_not_wrong) {
    BodySchema const optional{.fields = {{.name = "name", .longest = 3}}, .optional = true};
    Request request;
    EXPECT_EQ(read_body(request, optional).value(), Json::object());
    request.body = "name=x";
    EXPECT_EQ(read_body(request, optional).error(), errors::json_expected);
    request.headers.set("Content-Type", "application/json");
    request.body = R"({"name":"long"})";
    EXPECT_EQ(read_body(request, optional).error(), errors::field_invalid);
}

// --- App and the schema

struct Opens : GuardJudge {
    bool open = true;
    Decision judge(Demand const&, Request const& request) override {
        if (open) return Admitted{};
        return render(Error{Failure{Kind::denied, "test.denied"}}, request.request_id);
    }
    std::optional<SessionHolder> visitor(Request const&) override { return std::nullopt; }
};

struct AppWithSchema : ::testing::Test {
    Opens judge;
    testing::KeptLog log;
    App app{judge, log};
    int called = 0;
    AppWithSchema() {
        app.post("/thing", open_to_all("a route of this test"),
                 [this](Request const& request) {
                     ++called;
                     return Response::json(200, Json::object({{"name", request.json.string_at("name").value_or("?")}}));
                 },
                 {.summary = "A thing", .body = schema});
        app.post("/bare", open_to_all("a route of this test"), [](Request const& request) {
            return Response::json(200, Json::object({{"null", request.json.is_null()}}));
        });
    }
    Response post(std::string const& path, std::string body, Json smuggled = {}) {
        Request request;
        request.method = Method::post;
        request.target = path;
        request.headers.set("Content-Type", "application/json");
        request.body = std::move(body);
        request.json = std::move(smuggled);
        return app.dispatch(std::move(request));
    }
};

TEST_F(AppWithSchema, calls_the_handler_with_a_body_that_fits_and_with_no_other) {
    EXPECT_EQ(post("/thing", whole().dump()).status, 200);
    EXPECT_EQ(called, 1);
    for (auto const* body : {"", "{}", "[]", "{", R"({"name":"alice"})", R"({"name":7,"password":"p"})"}) {
        auto const answer = post("/thing", body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.headers.get("Content-Type"), "application/problem+json");
    }
    EXPECT_EQ(called, 1);
}

TEST_F(AppWithSchema, asks_the_guard_first) {
    judge.open = false;
    EXPECT_EQ(post("/thing", "{").status, 403);
}

TEST_F(AppWithSchema, a_route_without_a_schema_sees_no_object_whoever_put_one_there) {
    EXPECT_EQ(post("/bare", whole().dump(), whole()).body, R"({"null":true})");
    EXPECT_EQ(post("/thing", "{}", whole()).status, 400);
}

TEST_F(AppWithSchema, the_table_tells_the_schema) {
    auto const table = app.table();
    EXPECT_EQ(table[0].summary, "A thing");
    EXPECT_EQ(table[0].body->fields.size(), schema.fields.size());
    EXPECT_EQ(table[0].demand.what, Demand::What::open);
    EXPECT_FALSE(table[1].body.has_value());
}

}  // namespace
}  // namespace zephyr::http
